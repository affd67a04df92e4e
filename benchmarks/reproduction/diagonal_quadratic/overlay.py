"""Trained networks over state evolution: learning curves, and how far the two are apart.

Diagonal and quadratic networks are trained by L-BFGS at the weight decays of the phase diagram,
and so are the convex problems with the same minimum, by proximal gradient, over the same examples.
Prints a line for every weight decay and number of examples: mean risk over seeds with its standard
error, theory's, their ratio, in how many standard errors they differ, and how far network and
convex minimiser are apart in objective and in risk, in the run where this is most. Risks are
compared where the minimiser can be the only one: a quadratic network of rank r has others beside
it, with the same predictions and the same trace, where r (r + 1) / 2 > n + 1. Keeps figure and
JSON. Ten minutes on one core; the networks are those of `phase_diagram.py`, and not trained again.

    python benchmarks/reproduction/diagonal_quadratic/overlay.py
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))
from reproduction.diagonal_quadratic.phase_diagram import FAMILIES, keep, options, sweep

REACHED = 1e-4
"""Relative difference of two risks up to which a network has reached the convex minimum."""


def compared(family: str, runs: Path, seeds: int) -> list[dict[str, Any]]:
    """Return a row for every weight decay and number of examples."""
    from scalefit import trainers

    config = sweep(family, seeds=seeds)
    convex = sweep(family, seeds=seeds, protocol="proximal", steps=20_000)
    network = trainers.run(config, device="cpu", out=runs, progress=True)
    minimum = trainers.run(convex, device="cpu", out=runs, progress=True)
    known = trainers.theory(config)
    risks = {"network": network, "convex": minimum}
    last = {name: one["excess_risk"].values[:, -1] for name, one in risks.items()}
    both = (network["status"].values == "ok") & (minimum["status"].values == "ok")
    apart = np.abs(last["network"] / last["convex"] - 1)
    costs = [one["objective"].values[:, -1] for one in risks.values()]
    above = np.abs(costs[0] / costs[1] - 1)
    rank = network["support"].values[:, -1]
    many = rank * (rank + 1) / 2 > network["n_train"].values + 1
    alone = both & ~(many & (family == "quadratic"))
    rows = []
    for at in range(known.sizes["run"]):
        n, decay = int(known["n_train"].values[at]), float(known["weight_decay"].values[at])
        chosen = (network["n_train"].values == n) & (network["weight_decay"].values == decay)
        arrived = chosen & (network["status"].values == "ok")
        risk, theory = last["network"][arrived], float(known["excess_risk"].values[at, 0])
        error = float(risk.std(ddof=1) / np.sqrt(risk.size))
        row = {
            "family": family,
            "n_train": n,
            "weight_decay": decay,
            "region": str(known["region"].values[at]),
            "seeds": int(chosen.sum()),
            "arrived": int(arrived.sum()),
            "risk": float(risk.mean()),
            "error": error,
            "theory": theory,
            "ratio": float(risk.mean()) / theory,
            "errors_apart": float((risk.mean() - theory) / max(error, 1e-6 * theory)),
            "both_arrived": int((chosen & both).sum()),
            "objective_from_convex": float(above[chosen & both].max(initial=0.0)),
            "one_minimiser": int((chosen & alone).sum()),
            "risk_from_convex": float(apart[chosen & alone].max(initial=0.0)),
        }
        rows.append(row)
        print(family, *(f"{one:.4g}" if isinstance(one, float) else one
                        for one in list(row.values())[1:]), flush=True)  # fmt: skip
    return rows


def draw(rows: list[dict[str, Any]], ax: Any) -> None:
    """Draw one family's curves: theory as lines, networks as points with two standard errors."""
    from scalefit import trainers

    family, ends = rows[0]["family"], [row["n_train"] for row in rows]
    many = np.unique(np.geomspace(min(ends), max(ends), 41).round()).astype(int).tolist()
    known = trainers.theory(sweep(family, n_train=many))
    for place, decay in enumerate(sorted({row["weight_decay"] for row in rows})):
        own = [row for row in rows if row["weight_decay"] == decay]
        n, risk, error = (
            np.array([row[name] for row in own]) for name in ("n_train", "risk", "error")
        )
        color = f"C{place}"
        line = known["excess_risk"].values[known["weight_decay"].values == decay, 0]
        ax.plot(many, line, color=color, lw=1.2, label=f"weight decay {decay:g}")
        ax.errorbar(n, risk, 2 * error, color=color, fmt="o", ms=4, capsize=2)
    ax.set(xscale="log", yscale="log", xlabel="examples", ylabel="excess risk")
    ax.set_title(f"{family}: state evolution and trained networks", fontsize=10)
    ax.legend(fontsize=8)


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return how far theory, networks and convex minimisers are apart, over all rows."""
    off = np.array([abs(row["ratio"] - 1) for row in rows])
    scores = np.array([abs(row["errors_apart"]) for row in rows])
    return {
        "points": len(rows),
        "runs": sum(row["seeds"] for row in rows),
        "arrived": sum(row["arrived"] for row in rows),
        "off theory, median and most": [
            round(float(np.median(off)), 4),
            round(float(off.max()), 4),
        ],
        "points within 3 standard errors": int((scores <= 3).sum()),
        "runs where both arrived": sum(row["both_arrived"] for row in rows),
        "most that objectives differ": max(row["objective_from_convex"] for row in rows),
        "of these with one minimiser": sum(row["one_minimiser"] for row in rows),
        "most that their risks differ": max(row["risk_from_convex"] for row in rows),
        "points where all reach it": sum(row["risk_from_convex"] <= REACHED for row in rows),
    }


def main() -> None:
    chosen = options(__doc__, "diagonal_quadratic_overlay.json", 16)
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(12, 4.6), dpi=150, layout="constrained")
    result: dict[str, Any] = {}
    for family, ax in zip(FAMILIES, axes, strict=True):
        rows = compared(family, chosen.runs, chosen.seeds)
        draw(rows, ax)
        result[family] = {"summary": summary(rows), "rows": rows}
        print(family, result[family]["summary"], flush=True)
    keep(result, figure, chosen.out)


if __name__ == "__main__":
    main()
