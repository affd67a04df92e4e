"""Gaps between crossovers, as shares of log x and as coordinates."""

from __future__ import annotations

import numpy as np
from scipy import special

from scalefit.arrays import Array


def gaps(ratios: Array) -> Array:
    """Return n + 1 gaps as shares of log x, shape (m, n + 1), whose log ratios these are."""
    return np.asarray(special.softmax(_with_last(ratios), axis=1))


def log_gaps(ratios: Array) -> Array:
    """Return the logarithms of `gaps`."""
    logs = _with_last(ratios)
    return np.asarray(logs - special.logsumexp(logs, axis=1, keepdims=True))


def ratios(gaps: Array) -> Array:
    """Return log ratios of all gaps but the last to the last, shape (m, n)."""
    logs = np.log(np.maximum(gaps, 1e-12))
    return np.asarray(logs[:, :-1] - logs[:, -1:])


def _with_last(ratios: Array) -> Array:
    return np.concatenate([ratios, np.zeros((len(ratios), 1))], axis=1)
