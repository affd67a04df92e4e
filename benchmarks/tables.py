"""Tables of the pages, made of the kept results: every number in them is read from a JSON.

A table stands in a page between `<!-- table NAME -->` and `<!-- end -->`; this command writes what
belongs there, and a test holds the pages to it. A new claim is one row in a file of `claims/`.

    python benchmarks/tables.py
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from claims.calibration import beyond, calibration, models, noise, pooled
from claims.joint import annealing, collapses, joint
from claims.networks import deep, features, norms, weight_decay
from claims.public_curves import eighth, extrapolation, public_files, quarter, short_extrapolation
from claims.reproduction import reproduced, reproduction
from claims.speed import robustness, speed
from claims.spending import designs, parabolas
from claims.surfaces import forms, tasks
from claims.tails import tails
from claims.training import trainers
from claims.trust import trust
from claims.verdicts import verdicts
from questions import page as questions

HERE = Path(__file__).parent
PAGES = (HERE.parent / "README.md", HERE / "README.md", HERE / "reproduction" / "README.md")

TABLES: dict[str, Callable[[], str]] = {
    "questions": questions,
    "trust": trust,
    "extrapolation": short_extrapolation,
    "all extrapolation": extrapolation,
    "public": public_files,
    "quarter": quarter,
    "eighth": eighth,
    "calibration": calibration,
    "tails": tails,
    "models": models,
    "noise": noise,
    "beyond": beyond,
    "pooled": pooled,
    "verdicts": verdicts,
    "forms": forms,
    "tasks": tasks,
    "joint": joint,
    "collapses": collapses,
    "annealing": annealing,
    "designs": designs,
    "parabolas": parabolas,
    "trainers": trainers,
    "weight decay": weight_decay,
    "features": features,
    "deep": deep,
    "norms": norms,
    "reproduced": reproduced,
    "reproduction": reproduction,
    "speed": speed,
    "robustness": robustness,
}


def filled(text: str) -> str:
    """Return a page with its tables as the results are now."""
    parts = text.split("<!-- table ")
    for i, part in enumerate(parts[1:], 1):
        name, _, rest = part.partition(" -->")
        _, end, after = rest.partition("<!-- end -->")
        parts[i] = f"{name} -->\n\n{TABLES[name]()}\n\n{end}{after}"
    return "<!-- table ".join(parts)


if __name__ == "__main__":
    for page in PAGES:
        page.write_text(filled(page.read_text(encoding="utf-8")), encoding="utf-8")
