"""Advice: what a check of a fit that fails says, and what to do then."""

from __future__ import annotations

WORDS = {
    ("noise", 1): "residuals exceed the noise; y_err is too small, or its prior too narrow",
    ("noise", -1): "residuals are smaller than the noise; y_err is too large",
    ("autocorrelation", 1): "neighbouring residuals go together; allow more regimes, or fit with "
    "noise='ar1'",
    ("autocorrelation", -1): "neighbouring residuals alternate; look for two interleaved series, "
    "or repeated corrections, in y",
    ("outlier", 1): "the point at {x} = {at:.4g} lies far off; look at it, or fit with "
    "noise='student'",
    ("head", 0): "the law bends away from the first points; allow more regimes, or start later "
    "with x_range",
    ("tail", 0): "the law bends away from the last points, so do not extrapolate; allow more "
    "regimes, or a floor",
    ("spread", 1): "the noise grows along the curve; fit with noise='changing', or give y_err",
    ("spread", -1): "the noise shrinks along the curve; fit with noise='changing', or give y_err",
}
SURFACE_WORDS = {
    ("autocorrelation", 1): "residuals of neighbours along a run go together; fit with "
    "noise='ar1-run', or try another law",
    ("autocorrelation", -1): "residuals of neighbours along a run alternate; look for repeated "
    "corrections in y",
    ("outlier", 1): "the point at {x} = {at} lies far off; look at it, or fit with noise='outlier'",
    ("head", 0): "the law bends away from the points of least {x}; try another law (sf.weigh), or "
    "leave them out with x_range",
    ("tail", 0): "the law bends away from the points of largest {x}, so do not extrapolate; try "
    "another law (sf.weigh)",
    ("spread", 1): "the noise is larger where y is; give y_err",
    ("spread", -1): "the noise is larger where y is small; give y_err",
}
"""Words for fits against several predictors, where they differ."""
BEYOND = {
    False: "neighbouring residuals go together, more than AR(1) noise allows; allow more regimes",
    True: "residuals of neighbours along a run go together, more than AR(1) noise allows; try "
    "another law (sf.weigh)",
}
"""Words where the noise is correlated already, for one predictor and for several."""


def advice(kind: str, sign: int, *, surface: bool, correlated: bool) -> str:
    """Return what a check that fails says, with places for `x` and `at`.

    Parameters
    ----------
    kind, sign
        What failed, and in which direction: a key of `WORDS`.
    surface
        Whether there are several predictors.
    correlated
        Whether the noise is AR(1) already.
    """
    if correlated and (kind, sign) == ("autocorrelation", 1):
        return BEYOND[surface]
    said = WORDS[kind, sign]
    return SURFACE_WORDS.get((kind, sign), said) if surface else said
