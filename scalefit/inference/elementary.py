"""Elementary functions without branches or calls: loops over them run four or eight at a time.

Compiled functions that use them are kept on disk and not made anew when this file changes: who
changes it has to touch their files too.
"""

from __future__ import annotations

import math

import numpy as np

from .compiled import part

INVERSE_LOG_TWO = 1.4426950408889634
LOG_TWO = 0.6931471805599453
LOG_TWO_HIGH, LOG_TWO_LOW = 0.693145751953125, 1.4286068203094172e-6  # their sum is log 2
MANTISSA, EXPONENT_OF_ONE = 0x000FFFFFFFFFFFFF, 0x3FF0000000000000
LOWEST = -708.0  # its exponential is near the least normal number


@part
def exp(x: float) -> float:
    """Return the exponential of x <= 709 to 1e-15, NaN of NaN; below the least number, that."""
    x = LOWEST if x < LOWEST else x
    k = np.floor(x * INVERSE_LOG_TWO + 0.5)
    r = (x - k * LOG_TWO_HIGH) - k * LOG_TWO_LOW
    r2 = r * r
    r4 = r2 * r2
    low = (1.0 + r) + r2 * (1.0 / 2.0 + r * (1.0 / 6.0))
    middle = (1.0 / 24.0 + r * (1.0 / 120.0)) + r2 * (1.0 / 720.0 + r * (1.0 / 5040.0))
    high = (1.0 / 40320.0 + r * (1.0 / 362880.0)) + r2 * (1.0 / 3628800.0 + r * (1.0 / 39916800.0))
    power = np.int64((np.int64(np.int32(k)) + 1023) << 52).view(np.float64)
    value: float = (low + r4 * (middle + r4 * (high + r4 * (1.0 / 479001600.0)))) * power
    return value


@part
def log(x: float) -> float:
    """Return the logarithm of a normal number x > 0 to 1e-15."""
    bits = np.float64(x).view(np.int64)
    k = np.float64((np.int32(bits >> 32) >> 20) - 1023)
    m = np.int64((bits & MANTISSA) | EXPONENT_OF_ONE).view(np.float64)
    large = m > math.sqrt(2.0)
    m = 0.5 * m if large else m
    k = k + 1.0 if large else k
    s = (m - 1.0) / (m + 1.0)
    q = s * s
    q2 = q * q
    q4 = q2 * q2
    low = (1.0 / 3.0 + q * (1.0 / 5.0)) + q2 * (1.0 / 7.0 + q * (1.0 / 9.0))
    high = (1.0 / 11.0 + q * (1.0 / 13.0)) + q2 * (1.0 / 15.0 + q * (1.0 / 17.0))
    rest = low + q4 * (high + q4 * (1.0 / 19.0 + q * (1.0 / 21.0)))
    return k * LOG_TWO + 2.0 * (s + s * q * rest)


@part
def log_above_one(t: float) -> float:
    """Return log(1 + t) of t from 0 to 1 to 1e-15 of itself, by the series in t / (2 + t)."""
    s = t / (2.0 + t)
    q = s * s
    q2 = q * q
    q4 = q2 * q2
    low = (1.0 / 3.0 + q * (1.0 / 5.0)) + q2 * (1.0 / 7.0 + q * (1.0 / 9.0))
    middle = (1.0 / 11.0 + q * (1.0 / 13.0)) + q2 * (1.0 / 15.0 + q * (1.0 / 17.0))
    high = (1.0 / 19.0 + q * (1.0 / 21.0)) + q2 * (1.0 / 23.0 + q * (1.0 / 25.0))
    last = 1.0 / 27.0 + q * (1.0 / 29.0)
    return 2.0 * (s + s * q * (low + q4 * (middle + q4 * (high + q4 * last))))
