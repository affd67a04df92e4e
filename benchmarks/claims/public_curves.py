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
    "scalefit": "**scalefit**",
}


def scores(split: str, method: str, group: str) -> dict[str, float]:
    """Return what a method scored on one group of the public curves."""
    name = "alabdulmohsin_scalefit" if method == "scalefit" else "alabdulmohsin_baselines"
    return dict(kept(name)["results"][split][method][group])


def extrapolation(
    split: str = "shipped", methods: Sequence[str] = tuple(METHODS), median: bool = True
) -> str:
    """Return the extrapolation benchmark, with the median error beside the mean if asked."""
    rows = []
    for method in methods:
        cells = [METHODS[method]]
        for group in ("IC", "language"):
            one = scores(split, method, group)
            cells += [
                f"{share(one['rmsle_mean'], 4)} ({share(one['rmsle_mean_se'], 4)})"
                + f" / {share(one['rmsle_median'], 4)}" * median,
                f"{one['log_likelihood_mean']:.2f}",
                share(one["coverage_mean"], 2),
            ]
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
    return extrapolation("quarter", ("last_value", "M2", "M3", "M4", "BNSL", "scalefit"))


def eighth() -> str:
    """Return the extrapolation benchmark from the first eighth of each range."""
    return extrapolation("eighth", ("last_value", "M2", "M3", "M4", "BNSL", "scalefit"))


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
        ]
    )
