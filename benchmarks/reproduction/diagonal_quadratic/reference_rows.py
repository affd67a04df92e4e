"""Theory and training of diagonal and quadratic networks against every row of their reference.

Theory gives state evolution, exponents, constants and spikes; what was simulated is trained again,
with other random numbers, and its mean over seeds is compared. Prints one line a row, and keeps
the same as JSON. Rows of theory take a minute, all of them an hour on one core; `--theory` leaves
training out.

    python benchmarks/reproduction/diagonal_quadratic/reference_rows.py
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
from samples import weight_decay as reference

PATH = Path(__file__).parents[3] / "tests" / "reference" / "quadratic_diagonal_reference.csv"
LARGEST = 20_000
"""Examples of the experiments at d = 400 that are trained again; more take hours each."""


def by_theory(rows: list[reference.Row]) -> list[dict[str, Any]]:
    chosen = [row for row in rows if not reference.simulated(row)]
    found = reference.values(chosen)
    return [told(row, found[row["id"]]) for row in chosen]


def told(row: reference.Row, value: float, **more: Any) -> dict[str, Any]:
    line = {
        "id": row["id"],
        "model": row["model"],
        "quantity": row["quantity"],
        "reference": float(row["value"]),
        "ours": value,
        "inside": reference.inside(row, value),
        **more,
    }
    print(
        f"{line['id']} {line['model']:9} {line['quantity'][:36]:36} {line['reference']:12.6g} "
        f"{value:12.6g} {'yes' if line['inside'] else 'NO'}  "
        + "  ".join(f"{name} {one}" for name, one in more.items()),
        flush=True,
    )
    return line


def trained(row: reference.Row, out: Path) -> dict[str, Any]:
    """Return the mean trained risk over seeds, with its standard error and theory's value."""
    from scalefit import trainers

    quadratic = row["model"] == "quadratic"
    d, half = int(row["d"]), row["quantity"].startswith("half")
    settings: dict[str, Any] = {
        "d": d,
        "n_train": round(float(row["n"])),
        "gamma": float(row["gamma"]),
        "noise": float(row["Delta"]),
        "weight_decay": float(row["lambda"]),
        "ranks": 1,
        "points": 2,
        "seeds": 4 if half else 6,
    }
    settings |= {"unit": half} if quadratic else {"teacher": "fixed"}
    protocols = ["lbfgs", "proximal"] if "L-BFGS" in row["quantity"] else ["proximal"]
    begin, means, errors = time.process_time(), [], []
    for protocol in protocols:
        config = trainers.config(row["model"], protocol=protocol, steps=20_000, **settings)
        runs = trainers.run(config, device="cpu", out=out)
        risk = runs["excess_risk"].values[:, -1] / (2 if half else 1)
        means.append(float(risk.mean()))
        errors.append(float(risk.std(ddof=1) / np.sqrt(risk.size)))
    theory = float(trainers.theory(config)["excess_risk"].values[0, 0]) / (2 if half else 1)
    more = {
        "error": round(errors[0], 6),
        "seeds": int(settings["seeds"]),
        "theory": round(theory, 6),
        "arrived": int((runs["status"].values == "ok").sum()),
        "cpu_s": round(time.process_time() - begin, 1),
    }
    if len(protocols) > 1:
        # its value is of one data set: what counts is that the network reaches the convex minimum
        more["network_over_convex"] = means[0] / means[1]
        value = float(row["value"]) * means[0] / means[1]
        return told(row, value, **more)
    line = told(row, means[0], **more)
    spread = np.hypot(float(row["abs_tol"] or 0) / 3, errors[0])
    line["inside"] |= bool(abs(line["ours"] - line["reference"]) <= 3 * spread)
    return line


def main() -> None:
    campaign.one_thread()
    parser = campaign.options(__doc__, "diagonal_quadratic_reference.json")
    parser.add_argument("--theory", action="store_true", help="leave training out")
    parser.add_argument("--runs", type=Path, default=Path("runs-diagonal-quadratic"))
    chosen = parser.parse_args()
    rows = reference.rows(PATH)
    lines = by_theory(rows)
    if not chosen.theory:
        for row in rows:
            if reference.simulated(row) and float(row["n"]) <= LARGEST:
                lines.append(trained(row, chosen.runs))
    summary = {
        "rows": len(lines),
        "inside": sum(line["inside"] for line in lines),
        "outside": [line["id"] for line in lines if not line["inside"]],
        "left_out": [row["id"] for row in rows if row["id"] not in {line["id"] for line in lines}],
    }
    print(summary)
    campaign.keep({"rows": lines, "summary": summary}, chosen.out, ("scalefit", "numpy", "scipy"))


if __name__ == "__main__":
    main()
