"""Claims on the verdict, and on the number of regimes that the headline names."""

from __future__ import annotations

from typing import Any

from claims.kept import Claim, claims, held, kept

SCRIPT = "calibration/doubts.py"


def verdicts() -> str:
    """Return claims on false alarms, on faults found, and on two rules for the headline."""
    groups, named = dict(kept("doubts")["groups"]), kept("headline")
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
    for group, said in (("all", "curves"), ("tied", "curves on which the rules differ")):
        if group not in named["groups"]:
            continue
        table = named["groups"][group]
        rules = [rule for rule in table if rule != "curves"]
        rows.append(
            Claim(
                f"headline, {table['curves']} {said}: right number; 90% interval of the last "
                f"exponent covered; by the {rules[0]}, then by the {rules[1]}",
                "; ".join(
                    f"{held(table[rule]['right'], 2)}, {held(table[rule]['covered']['last'], 2)}"
                    for rule in rules
                ),
                "calibration/headline.py",
                "headline",
            )
        )
    return claims(rows)


def alarms(group: dict[str, Any]) -> str:
    """Return how many curves were doubted, of how many, and the share."""
    return f"{group['doubtful']} of {group['curves']}, {held(group['share'], 4)}"
