"""Claims on the verdict and the headline: false alarms, faults found, numbers of regimes named."""

from __future__ import annotations

from typing import Any

from claims.kept import Claim, claims, held, kept

SCRIPT = "calibration/doubts.py"
RULES = ("most probable", "fewest at least half as probable")


def verdicts() -> str:
    """Return claims on curves that are doubted."""
    groups = dict(kept("doubts")["groups"])
    rows = [
        Claim(said, alarms(groups.pop(group)), SCRIPT, "doubts")
        for group, said in (
            ("priors", "curves of the printed priors that are doubted: share (SE)"),
            ("public", "public curves that are doubted"),
        )
        if group in groups
    ]
    rows.append(
        Claim(
            "simulated files of each fault that are doubted",
            "; ".join(f"{name} {one['doubtful']}/{one['curves']}" for name, one in groups.items()),
            SCRIPT,
            "doubts",
        )
    )
    return claims([*rows, *headline()])


def alarms(group: dict[str, Any]) -> str:
    """Return how many curves were doubted, of how many, and the share."""
    return f"{group['doubtful']} of {group['curves']}, {held(group['share'], 4)}"


def headline() -> list[Claim]:
    """Return claims on the number of regimes that is named, and on exponents under it."""
    groups = kept("headline")["groups"]
    said = {
        "all": "curves of the printed priors",
        "tied": "of these, where the two rules differ",
        "right": "of these, where both name the true number",
    }
    return [
        Claim(
            f"{groups[name]['curves']} {words}; {rule}: right, too many; 90% intervals of the "
            "first and the last exponent",
            named(groups[name][rule]),
            "calibration/headline.py",
            "headline",
        )
        for name, words in said.items()
        for rule in (RULES if name != "right" else RULES[:1])
    ]


def named(rule: dict[str, Any]) -> str:
    """Return how often a rule is right and too high, and what the intervals under it hold."""
    covered = rule["covered"]
    return (
        f"{held(rule['right'])}, {held(rule['too many'])}; "
        f"{held(covered['first'])}, {held(covered['last'])}"
    )
