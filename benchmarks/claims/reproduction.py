"""Claims of the theories, row by row: what a fit finds, and whether its interval holds it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from claims.kept import Claim, claims, held, kept, table
from reproduction.claim import reason

SCRIPT = "reproduction/every_claim.py"


def reproduced() -> str:
    """Return how often the intervals of the kept rows hold the value in their window."""
    return claims(
        [
            Claim(f"90% intervals that hold the value of their window: {name}", said, SCRIPT,
                  "reproduction")
            for name, said in shares(kept("reproduction")).items()
        ]
    )  # fmt: skip


def shares(result: Mapping[str, Any]) -> dict[str, str]:
    """Return the shares of a result, by kind of curve and by family."""
    return {
        name: f"{count} of {n}, {held([share, error])}"
        for name, (count, n, share, error) in result["shares"].items()
    }


def reproduction() -> str:
    """Return the kept rows."""
    return rows(kept("reproduction"))


def rows(result: Mapping[str, Any]) -> str:
    """Return the rows of a result, and the claims that were not run."""
    heads = ["family", "claim", "source", "status", "claimed", "window", "fit, 90%", "inside",
             "curve"]  # fmt: skip
    body = [
        [row["family"], row["claim"], row["source"], row["status"], f"{row['target']:.4g}",
         f"{row['window_target']:.4g}" if row["theory"] else "",
         f"{row['median']:.4g} [{row['low']:.4g}, {row['high']:.4g}]",
         "yes" if row["inside"] else f"**no**: {reason(row)}",
         row["curve"]]
        for row in result["rows"]
    ]  # fmt: skip
    for row in result["not_run"]:
        about = [row["family"], row["claim"], row["source"], "published", f"{row['target']:.4g}"]
        body.append([*about, "", "not run", "", ""])
    return table(heads, body)
