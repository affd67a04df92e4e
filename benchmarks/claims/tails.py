"""Claims on tails: do the intervals of exponent and cut-off hold, and what other tails are told."""

from __future__ import annotations

from typing import Any

from claims.kept import Claim, claims, held, kept, share

SCRIPT, NAME = "calibration/tails.py", "tails"


def tails() -> str:
    """Return claims on the tails of samples."""
    found = kept(NAME)
    every = found["all"]
    rows = [
        _coverage(f"all {every['samples']} samples of 50 to 5,000 values with a tail", every),
        *(_coverage(f"{name} values", one) for name, one in found["by size"].items()),
        *(_coverage(f"below the cut-off: {name}", one) for name, one in found["by bulk"].items()),
    ]
    beside = every["beside powerlaw"]
    ours, theirs = (
        " and ".join(_error(beside[key][name]) for name in ("exponent", "cutoff"))
        for key in ("off", "off, powerlaw")
    )
    said = (
        "root mean square error of log (exponent - 1) and log cut-off: medians; estimates of "
        "the package powerlaw"
    )
    rows.append(Claim(said, f"{ours}; {theirs}", SCRIPT, NAME))
    rows += [
        Claim(
            f"{one['samples']} {name} samples, which have no power-law tail: verdict doubtful",
            share(one["doubtful"], 2),
            SCRIPT,
            NAME,
        )
        for name, one in found["no power law"].items()
    ]
    return claims(rows)


def _coverage(said: str, one: dict[str, Any]) -> Claim:
    exponent, cutoff = one["90%"]["exponent"], one["90%"]["cutoff"]
    measured = f"{held(exponent)}, {held(cutoff)}; verdict ok {share(one['verdict ok'], 2)}"
    return Claim(f"{said}: 90% intervals of exponent, cut-off", measured, SCRIPT, NAME)


def _error(pair: list[float]) -> str:
    mean, spread = pair
    return f"{(mean**2 + spread**2) ** 0.5:.2f}"
