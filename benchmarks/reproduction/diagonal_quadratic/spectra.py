"""Tails of the spectra of trained quadratic networks: does the interval hold the teacher's power.

A teacher whose eigenvalues fall as i^-gamma has singular values of W with a density of exponent
1 + 2 / gamma. Networks of `spectra.toml` are trained by L-BFGS in three settings: little noise, so
that all is learned; noise whose bulk hides the small ones; and a weight decay whose threshold is
felt. To each spectrum `scalefit.tail` is fitted twice: to the singular values as they are, and with
the threshold of state evolution added back to their squares. Prints a line a run, and keeps figure
and JSON. Five minutes on one core; finished runs are kept in a folder.

    python benchmarks/reproduction/diagonal_quadratic/spectra.py
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))
from reproduction.diagonal_quadratic.phase_diagram import keep, options, sweep

SUPPORT = 1e-6
"""Eigenvalues below this share of the largest are zero."""
SETTINGS = {
    (0.01, 0.01): "all learned",
    (0.5, 0.1): "bulk of noise and spikes",
    (0.01, 0.2): "lowered by the threshold",
}
"""What variance of the noise and weight decay make of the spectrum."""


def tail(values: Any, want: float, seed: int) -> dict[str, Any]:
    """Return the posterior of the exponent of a power law, and whether it holds a value."""
    import scalefit as sf

    found = sf.tail(values, seed=seed)
    own = found.draws[found.draws["tail"] == "power law"]
    low, median, high = (float(one) for one in own["exponent"].quantile([0.05, 0.5, 0.95]))
    return {
        "low": low,
        "median": median,
        "high": high,
        "held": low <= want <= high,
        "cutoff": float(own["cutoff"].median()),
        "probability": float(found.probabilities["power law"]),
        "verdict": found.verdict.partition(":")[0],
    }


def rows(runs: Any, known: Any) -> list[dict[str, Any]]:
    """Return a row for every trained network."""
    names = ("gamma", "noise", "weight_decay")
    theory = {tuple(float(known[name].values[at]) for name in names): at
              for at in range(known.sizes["run"])}  # fmt: skip
    found = []
    for at in range(runs.sizes["run"]):
        key = tuple(float(runs[name].values[at]) for name in names)
        of = theory[key]
        threshold, edge = (float(known[name].values[of]) for name in ("cutoff", "bulk_edge"))
        squares = runs["spectrum"].values[at, -1]
        squares = squares[squares > SUPPORT * squares[0]]
        seed, want = int(runs["seed"].values[at]), 1 + 2 / key[0]
        row = {
            **dict(zip(names, key, strict=True)),
            "setting": SETTINGS[key[1:]],
            "region": str(known["region"].values[of]),
            "seed": seed,
            "status": str(runs["status"].values[at]),
            "weights": squares.size,
            "spikes": int((squares > max(edge, 0.0)).sum()),
            "spikes_theory": int(known["spikes"].values[of]),
            "threshold": threshold,
            "want": want,
            "added_back": tail(np.sqrt(squares + threshold), want, seed),
            "as_they_are": tail(np.sqrt(squares), want, seed),
        }
        found.append(row)
        print(row, flush=True)
    return found


def summary(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return, for every setting and exponent, the medians and how often the interval holds."""
    found = []
    for setting in SETTINGS.values():
        for gamma in sorted({row["gamma"] for row in rows}):
            own = [row for row in rows if (row["setting"], row["gamma"]) == (setting, gamma)]
            one: dict[str, Any] = {"setting": setting, "gamma": gamma, "want": 1 + 2 / gamma}
            one |= {"runs": len(own), "arrived": sum(row["status"] == "ok" for row in own)}
            for how in ("added_back", "as_they_are"):
                told = [row[how] for row in own]
                one[how] = {
                    "held": sum(each["held"] for each in told),
                    **{name: round(float(np.median([each[name] for each in told])), 3)
                       for name in ("low", "median", "high")},
                }  # fmt: skip
            found.append(one)
    return found


def draw(runs: Any, known: Any, axes: Any) -> None:
    """Draw singular values by rank: of networks, of state evolution and of the teacher."""
    for ax, ((noise, decay), title) in zip(axes, SETTINGS.items(), strict=True):
        for place, gamma in enumerate(np.unique(runs["gamma"].values)):

            def own(data: Any, noise: float = noise, decay: float = decay, g: float = gamma) -> Any:
                same = (data["gamma"].values == g) & (data["noise"].values == noise)
                values = data["singular_values"].values[
                    same & (data["weight_decay"].values == decay), -1
                ]
                return np.where(values > 1e-3, values, np.nan)

            trained, theory = own(runs), own(known)
            rank = np.arange(1, trained.shape[1] + 1)
            teacher = trained.shape[1] ** 0.25 * rank ** (-gamma / 2)
            color = f"C{place}"
            ax.plot(
                np.tile(rank, (len(trained), 1)).T, trained.T, ".", color=color, ms=3, alpha=0.5
            )
            ax.plot(rank, theory[0], color=color, lw=1.2, label=f"gamma = {gamma:g}")
            ax.plot(rank, teacher, color=color, lw=0.8, ls="--")
        ax.set(xscale="log", yscale="log", xlabel="rank", ylabel="singular value of W")
        ax.set_title(title, fontsize=10)
        ax.legend(fontsize=8, title="line: theory; dashed: teacher", title_fontsize=7)


def main() -> None:
    chosen = options(__doc__, "diagonal_quadratic_spectra.json", 4)
    from matplotlib import pyplot as plt

    from scalefit import trainers

    config = sweep("spectra", seeds=chosen.seeds)
    runs = trainers.run(config, device="cpu", out=chosen.runs, progress=True)
    known = trainers.theory(config)
    figure, axes = plt.subplots(1, 3, figsize=(13, 4.2), dpi=150, layout="constrained")
    draw(runs, known, axes)
    found = rows(runs, known)
    result = {"summary": summary(found), "rows": found}
    for line in result["summary"]:
        print(line)
    keep(result, figure, chosen.out)


if __name__ == "__main__":
    main()
