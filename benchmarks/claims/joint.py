"""Claims on laws in several variables and of collapses: coverage, and schedules not seen."""

from __future__ import annotations

from typing import Any

from claims.kept import held, kept, share, table

Cell = dict[str, Any]


def joint() -> str:
    """Return how often 90% intervals of laws in several variables hold, cell by cell."""
    rows = []
    for name, one in kept("joint_laws")["cells"].items():
        seconds = one["cpu_s_mean_median_95"]
        rows.append(
            [
                name,
                str(one["curves"]),
                *_spread(one["90%"]),
                share(one["not certified"]),
                f"{seconds[0]:.1f}, {seconds[2]:.1f}",
            ]
        )
    heads = ["law and noise", "data sets", "all quantities", "the worst", "not certified"]
    return table([*heads, "CPU s, mean and 95%"], rows)


def collapses() -> str:
    """Return how often 90% intervals of a collapse's exponents hold, cell by cell."""
    names = ("gamma_0", "gamma_1", "gamma_2", "gamma")
    rows = []
    for name, one in kept("collapse")["cells"].items():
        none = one.get("P(gamma_0 = 0), median and ends")
        rows.append(
            [
                name,
                str(one["curves"]),
                *(held(one["90%"][exponent]) for exponent in names),
                "" if none is None else share(none[0], 2),
                f"{one['cpu_s'][0]:.1f}, {one['cpu_s'][1]:.1f}",
            ]
        )
    heads = ["truth and noise", "data sets", *names, "P(gamma_0 = 0), median"]
    return table([*heads, "CPU s, mean and most"], rows)


def annealing() -> str:
    """Return the scores of the law of annealing on schedules that it has not seen."""
    found = kept("surfaces_schedules")
    rows = []
    for size, one in found["sizes"].items():
        inside = list(one["inside"].values())
        ends = f"{share(min(inside))} to {share(max(inside))}"
        rows.append(
            [
                f"{size}M",
                share(one["r_squared"], 4),
                share(found["published"][size]),
                f"{one['rmse']:.4f}",
                f"{share(sum(inside) / len(inside))} ({ends})",
            ]
        )
    mean, error, runs = found["inside_mean"]
    heads = ["size", "R^2", "published", "RMSE", "inside 90%, mean of six runs (ends)"]
    return (
        f"{table(heads, rows)}\n\nInside, {runs} runs: {share(mean)} ({share(error)}). Largest "
        f"error of a decay planned at its constant rate: {100 * found['worst_planned']:.2f}%."
    )


def _spread(coverage: dict[str, list[float]]) -> list[str]:
    """Return the mean over quantities, and the worst of them with its standard error."""
    shares = [pair[0] for pair in coverage.values()]
    worst = min(coverage, key=lambda name: coverage[name][0])
    return [share(sum(shares) / len(shares)), f"{worst}: {held(coverage[worst])}"]
