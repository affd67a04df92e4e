"""Claims on the verdict: false alarms, and faults found."""

from __future__ import annotations

from typing import Any

from claims.kept import Claim, claims, held, kept

SCRIPT = "calibration/doubts.py"


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
    return claims(rows)


def alarms(group: dict[str, Any]) -> str:
    """Return how many curves were doubted, of how many, and the share."""
    return f"{group['doubtful']} of {group['curves']}, {held(group['share'], 4)}"
