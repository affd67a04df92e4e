"""Every claim of the theories with a number: theory, simulation, and the fit of it, side by side.

A row is a power, a constant or a height: its value as claimed, for large sizes or long times; what
theory has in the window that is fitted, by the same law; and the median and 90% interval of the
fit. It is inside if the interval holds the value in the window; whether it holds the claimed one is
told beside it, and often it should not, since no window is infinite. The curve is simulated, or
theory's with 1% noise, which tests the fit alone; shares are told for each. Where such a curve is
outside, other draws of its noise tell chance from a fault. The claims are in `families/`.

Rows are kept one by one, and an interrupted run goes on. All take an hour on one core,
most of it for networks under weight decay; those of `--quick` three minutes.

    python benchmarks/reproduction/every_claim.py --workers 1
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
import campaign
import terminal
from reproduction import claim as claims
from reproduction.claim import Claim
from reproduction.families import (
    committee,
    manifold,
    networks,
    perceptron,
    random_features,
    trained,
)

CLAIMS = [
    *perceptron.CLAIMS,
    *committee.CLAIMS,
    *networks.CLAIMS,
    *random_features.CLAIMS,
    *manifold.CLAIMS,
    *trained.CLAIMS,
]
BY_TEXT = {claim.text: claim for claim in CLAIMS}


def one(text: str) -> dict[str, Any]:
    """Return the row of a claim."""
    return claims.made(BY_TEXT[text])


def shares(rows: Sequence[dict[str, Any]]) -> dict[str, list[float]]:
    """Return how many intervals hold the value in the window, of how many, the share, its error."""
    found = {}
    groups = {"all": rows} | {
        name: [row for row in rows if row[key] == name]
        for key in ("curve", "family")
        for name in dict.fromkeys(row[key] for row in rows)
    }
    for name, group in groups.items():
        if not group:
            continue
        held, n = sum(row["inside"] for row in group), len(group)
        p = held / n
        found[name] = [held, n, round(p, 3), round(math.sqrt(p * (1 - p) / n), 3)]
    return found


def table(result: dict[str, Any]) -> str:
    """Return the rows of a result for a terminal, family by family, the shares and the reasons."""
    heads = ["claim", "claimed", "in", "window", "in", "fit, 90%", "CPU s"]
    lines = []
    for family in dict.fromkeys(row["family"] for row in result["rows"]):
        body = [
            [row["claim"] + ("" if row["runs"] else " *"),
             f"{row['target']:.4g}", "yes" if row["inside_asymptote"] else "no",
             f"{row['window_target']:.4g}" if row["theory"] else "",
             "yes" if row["inside"] else "NO",
             f"{row['median']:.4g} [{row['low']:.4g}, {row['high']:.4g}]", f"{row['cpu_s']:.1f}"]
            for row in result["rows"]
            if row["family"] == family
        ]  # fmt: skip
        lines += [family, "", terminal.table(heads, body), ""]
    lines.append("* not simulated: theory's curve with noise")
    for name, (held, n, share, error) in result["shares"].items():
        lines.append(f"inside the window, {name}: {held} of {n}, {share:.3f} ({error:.3f})")
    for row in result["rows"]:
        if not row["inside"]:
            lines.append(terminal.wrapped(f"outside: {row['claim']}: {claims.reason(row)}"))
    for row in result["not_run"]:
        todo = f"claimed {row['target']:g}: train it as runs/{row['needs']}"
        lines.append(terminal.wrapped(f"not run: {row['claim']}, {todo}"))
    return "\n".join(lines)


def result_of(rows: Sequence[dict[str, Any]], missing: Sequence[Claim]) -> dict[str, Any]:
    """Return what is kept: the rows, the shares inside, and the claims that were not run."""
    return {
        "question": "does a fit of each family's curves find what theory claims",
        "rows": [
            {name: value for name, value in row.items() if name != "index"}
            | {"why": "" if row["inside"] else BY_TEXT[row["claim"]].why}
            for row in rows
        ],
        "shares": shares(rows),
        "not_run": [
            {"family": claim.family, "claim": claim.text, "source": claim.source,
             "target": claim.target, "needs": claim.needs}
            for claim in missing
        ],
        "cpu_s": round(sum(row["cpu_s"] for row in rows), 1),
    }  # fmt: skip


def asked(families: Sequence[str] | None, quick: bool) -> tuple[list[str], list[Claim]]:
    """Return the names of the claims that are asked for and can be run, and those that cannot."""
    every = [claim for claim in CLAIMS if not families or claim.family in families]
    missing = [claim for claim in every if claim.needs and not (claims.RUNS / claim.needs).exists()]
    ready = [claim for claim in every if claim not in missing and not (claim.slow and quick)]
    return [claim.text for claim in ready], missing


def main() -> None:
    parser = campaign.options(__doc__, "reproduction.json")
    parser.add_argument("--quick", action="store_true", help="a part of them, in minutes")
    parser.add_argument("--family", action="append", help="only this one; may be repeated")
    parser.add_argument(
        "--runs", type=Path, default=claims.RUNS, help="folder of trained campaigns"
    )
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()
    claims.RUNS = options.runs
    names, missing = asked(options.family, options.quick)
    rows = campaign.run(one, names, options.out, options.workers)
    result = result_of(rows, missing)
    campaign.keep(result, options.out, ("scalefit", "numpy", "scipy", "torch"))
    print(table(result))


if __name__ == "__main__":
    main()
