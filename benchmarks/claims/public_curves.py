"""Claims on public curves: extrapolation, beside the laws that others fit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from claims.kept import Claim, claims, held, kept, share, table


def public(method: str, domains: Sequence[str], split: str = "shipped") -> list[float]:
    """Return the mean share of held-back points in 90% bands, and its standard error over curves.

    Of the mean over curves; the points of a curve go together.
    """
    found = [
        row["coverage"]
        for row in kept("alabdulmohsin_scalefit")["rows"]
        if (row["method"], row["split"]) == (method, split) and row["domain"] in domains
    ]
    return [float(np.mean(found)), float(np.std(found, ddof=1) / np.sqrt(len(found)))]


METHODS = {
    "last_value": "last value",
    "M1": "power law (M1)",
    "M2": "power law with floor (M2)",
    "M3": "M3",
    "M4": "M4",
    "BNSL": "broken power law, one break (BNSL)",
    "scalefit": "scalefit",
}
RIVALS = {
    "pwlf:3": "pwlf {}, 3 segments",
    "piecewise-regression:2": "piecewise-regression {}, 2 breaks",
    "astropy:smoothly-broken": "astropy {}, one smooth break",
    "simple-scaling-laws:broken-power": "simple-scaling-laws {}, `broken-power`",
}
"""Packages that others wrote, with a place for the version."""
ALL = (*[one for one in METHODS if one != "scalefit"], *RIVALS, "scalefit")
HARD = ("last_value", "M2", "M3", "M4", "BNSL", *RIVALS, "scalefit")


def called(method: str) -> str:
    """Return what a table calls a method, a package with its version."""
    if method not in RIVALS:
        return METHODS[method]
    versions = kept("alabdulmohsin_rivals")["packages"]
    return RIVALS[method].format(versions[method.partition(":")[0]])


def scores(split: str, method: str, group: str) -> dict[str, float]:
    """Return what a method scored on one group of the public curves."""
    whose = "scalefit" if method == "scalefit" else "rivals" if method in RIVALS else "baselines"
    return dict(kept(f"alabdulmohsin_{whose}")["results"][split][method][group])


def extrapolation(split: str = "shipped", methods: Sequence[str] = ALL, median: bool = True) -> str:
    """Return the extrapolation benchmark, with the median error beside the mean if asked.

    In bold, what is better than ours in error and likelihood both.
    """
    rows = []
    for method in methods:
        cells = [called(method)]
        for group in ("IC", "language"):
            one, ours = (scores(split, name, group) for name in (method, "scalefit"))
            better = (
                one["rmsle_mean"] < ours["rmsle_mean"]
                and one["log_likelihood_mean"] > ours["log_likelihood_mean"]
            )
            told = [
                f"{share(one['rmsle_mean'], 4)} ({share(one['rmsle_mean_se'], 4)})"
                + f" / {share(one['rmsle_median'], 4)}" * median,
                f"{one['log_likelihood_mean']:.2f}",
                share(one["coverage_mean"], 2),
            ]
            cells += [f"**{cell}**" if better else cell for cell in told]
        rows.append(cells)
    counts = [int(scores(split, "scalefit", group)["n"]) for group in ("IC", "language")]
    heads = [""]
    for noun, n in zip(("image", "language"), counts, strict=True):
        heads += [f"{n} {noun} curves: RMSLE", "log-likelihood", "in 90% bands"]
    return table(heads, rows)


def short_extrapolation() -> str:
    """Return the extrapolation benchmark for the README."""
    return extrapolation(methods=[one for one in METHODS if one != "M1"], median=False)


def quarter() -> str:
    """Return the extrapolation benchmark from the first quarter of each range."""
    return extrapolation("quarter", HARD)


def eighth() -> str:
    """Return the extrapolation benchmark from the first eighth of each range."""
    return extrapolation("eighth", HARD)


def public_files() -> str:
    """Return claims on the extrapolation benchmark as a whole."""
    bands = public("scalefit", ["IC"]), public("scalefit", ["NMT", "LM", "BB"])
    failed = [scores("shipped", method, "all")["failures"] for method in METHODS]
    return claims(
        [
            Claim(
                "90% bands of scalefit: image curves, language curves; fits that failed",
                f"{held(bands[0])}, {held(bands[1])}; {failed[-1]:.0f} of 92",
                "extrapolation/scalefit_method.py",
                "alabdulmohsin_scalefit",
            ),
            Claim(
                "baselines: fits that failed",
                f"{sum(failed[:-1]):.0f} of {92 * (len(failed) - 1)}",
                "extrapolation/alabdulmohsin.py",
                "alabdulmohsin_baselines",
            ),
            Claim(
                "packages that others wrote: fits that failed",
                f"{sum(scores('shipped', one, 'all')['failures'] for one in RIVALS):.0f} of "
                f"{92 * len(RIVALS)}",
                "extrapolation/rivals.py",
                "alabdulmohsin_rivals",
            ),
        ]
    )
