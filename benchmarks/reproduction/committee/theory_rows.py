"""The committee machine's theory against every row of `two_layer_reference.csv` that is a target.

Prints one line per row: id, quantity, reference, ours, their relative difference, its tolerance,
and whether it is inside; then the CPU time of the equations of motion with 4096 eigenvalues, up to
the last exponential of the loss. Writes the same as JSON. About a minute.

    python benchmarks/reproduction/committee/theory_rows.py
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parents[3] / "tests"))
import campaign
from samples import two_layer

from scalefit.trainers.committee import last_phase, theory
from scalefit.trainers.committee.spectrum import eigenvalues, window

REFERENCE = Path(__file__).parents[3] / "tests" / "reference" / "two_layer_reference.csv"


def rows(path: Path) -> list[dict[str, Any]]:
    table = []
    for name, group in two_layer.groups(path).items():
        for row, found in zip(group, map(float, two_layer.values(name, group)), strict=True):
            expected = float(row["value"])
            difference = found / expected - 1
            line = {
                "id": name,
                "quantity": row["quantity"],
                "alpha": row["alpha"],
                "reference": expected,
                "ours": found,
                "difference": difference,
                "tolerance": two_layer.tolerance(row),
                "inside": abs(difference) <= two_layer.tolerance(row),
            }
            table.append(line)
            what = line["quantity"] + (f" at {line['alpha']}" if line["alpha"] else "")
            print(
                f"{name:22} {what[:44]:44} {expected:14.9g} {found:14.9g} {difference:+8.1e} "
                f"{line['tolerance']:7.0e} {'yes' if line['inside'] else 'NO'}",
                flush=True,
            )
    return table


def seconds(K: int, rate: float) -> float:
    """Return the CPU time of K units with 4096 eigenvalues, 80 times up to alpha_hi."""
    spectrum = eigenvalues(4096, 1.0)
    _, high = window(spectrum, rate * last_phase.slowest(K))
    times = np.geomspace(0.01 / (rate * spectrum[0]), high, 80)
    start = 1e-4 * np.eye(K), 1e-3 * (np.eye(K) - 1 / K), np.eye(K)
    begin = time.process_time()
    theory.flow(spectrum, *start, times, learning_rate=rate)
    return time.process_time() - begin


def main() -> None:
    out = campaign.options(__doc__, "committee_theory.json").parse_args().out
    table = rows(REFERENCE)
    groups: dict[str, list[dict[str, Any]]] = {}
    for line in table:
        groups.setdefault(line["id"].split("-")[0], []).append(line)
    summary = {
        name: {
            "rows": len(lines),
            "inside": sum(line["inside"] for line in lines),
            "largest_difference": max(abs(line["difference"]) for line in lines),
        }
        for name, lines in groups.items()
    }
    cpu = {"K=2": seconds(2, 0.1), "K=40": seconds(40, 0.01)}
    print()
    for name, one in summary.items():
        print(f"{name:8} {one['inside']}/{one['rows']}, at most {one['largest_difference']:.1e}")
    print("CPU seconds with 4096 eigenvalues:", {name: round(one, 1) for name, one in cpu.items()})
    result = {"rows": table, "groups": summary, "cpu_seconds_L4096": cpu}
    campaign.keep(result, out, ("scalefit", "numpy", "scipy"))


if __name__ == "__main__":
    main()
