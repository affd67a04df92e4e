"""Four public tasks of laws in several variables: the law chosen on train rows, test rows scored.

Tasks of Li et al. (2026), "Spend less, fit better" (arXiv:2604.22753): parallel streams, mixtures
of experts, repeated data, and losses whose data exponent changes with size; in the folder
scalebench of the one that SCALEFIT_DATA names. Several laws with Student noise are fitted to the
train rows, all by one engine with their default priors. The law of largest evidence, a floor having
probability 0.9 a priori, predicts the test rows, which are larger and dearer runs. Rows of two
corpora of one task are fitted apart and scored together. No choice looks at a test row; the scores
of the laws not chosen are kept beside, to see what the choice costs.

Reported: R^2 over all test rows of a task, clipped to [-1, 1], the share of test rows inside 90%
bands, and which law leave-one-out would choose. Published: means over ten hand-written laws of each
task by least squares.

    python benchmarks/surfaces/scalebench.py
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))
import campaign
from surfaces import Fitted, Points, columns, data, r_squared, table

SEED = 2051
FLOOR = 0.9  # prior probability of a floor among laws that come with and without
TASKS: dict[str, tuple[tuple[str, ...], str]] = {
    "parallel": (("num_params", "parallel_size"), "loss"),
    "moe": (("dense_parameter_count", "num_experts"), "loss_validation"),
    "data_constrained": (("params", "tokens", "unique_tokens"), "loss"),
    "farseer": (("N", "D"), "loss"),
}
GROUPS = {"parallel": ("stack", "pile")}
PUBLISHED = {"parallel": 0.99, "moe": 0.81, "data_constrained": 0.79, "farseer": 0.91}
TARGET = {"parallel": 0.999, "moe": 0.87, "data_constrained": 0.96, "farseer": 0.93}
NOISE = "student"


def laws(task: str) -> dict[str, Any]:
    """Return the laws that are weighed on a task, by name."""
    from scalefit.laws.additive import Additive
    from scalefit.laws.data_constrained import DataConstrained
    from scalefit.laws.farseer import Farseer
    from scalefit.laws.four_regime import FourRegime
    from scalefit.laws.kaplan import Kaplan
    from scalefit.laws.monomial import Monomial

    names = TASKS[task][0]
    found: list[Any] = []
    for floor in (True, False):
        found.append(Additive(floor, predictors=names))
        found += [Monomial(floor, coupled, names) for coupled in (False, True)]
        if task == "data_constrained":
            found += [DataConstrained(floor, saturating, names) for saturating in (True, False)]
    if len(names) == 2:
        found += [Kaplan(predictors=names), FourRegime(predictors=names)]
    if task == "farseer":  # a floor beside its limit is redundant, and never certified
        found += [Farseer(False, curved, names) for curved in (True, False)]
    return {law.name: law for law in found}


def jobs() -> list[tuple[str, str, str]]:
    """Return task, group and law of every fit."""
    return [
        (task, group, law)
        for task in TASKS
        for group in GROUPS.get(task, ("all_data",))
        for law in laws(task)
    ]


def points(task: str, group: str, split: str) -> Points:
    """Return the rows of one split of a group."""
    names, y = TASKS[task]
    rows = [
        row
        for row in table(data() / "scalebench" / f"{task}.csv")
        if row["split"] == split and row.get("group", "all_data") == group
    ]
    return Points(columns(rows, *names), columns(rows, y)[:, 0])


def one_fit(index: int) -> dict[str, Any]:
    """Return the certificate of one fit, and what it predicts of the test rows."""
    task, group, name = jobs()[index]
    law = laws(task)[name]
    fitted = Fitted.of(law, points(task, group, "train"), NOISE, SEED + index)
    test = points(task, group, "test")
    median, low, high, _ = fitted.ahead(test)
    return {
        "index": index,
        "task": task,
        "group": group,
        "law": name,
        "prior": FLOOR if law.floor else 1.0 - FLOOR if not name.startswith("Farseer") else 1.0,
        **fitted.certificate(),
        "leave_one_out": round(fitted.leave_one_out(), 2),
        "y": test.y.tolist(),
        "median": median.tolist(),
        "low": low.tolist(),
        "high": high.tolist(),
    }


def chosen(rows: list[dict[str, Any]], by: str) -> dict[str, Any]:
    """Return the row of largest evidence, or leave-one-out, among certified ones."""
    certified = [row for row in rows if row["certified"]]

    def score(row: dict[str, Any]) -> float:
        return float(row[by]) + (np.log(row["prior"]) if by == "log_evidence" else 0.0)

    return max(certified, key=score)


def scored(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return R^2 and coverage of predictions of one or several groups together."""
    y, median, low, high = (
        np.concatenate([row[key] for row in rows]) for key in ("y", "median", "low", "high")
    )
    held = (y > low) & (y < high)
    return {
        "r_squared": round(r_squared(median, y), 4),
        "inside": [int(held.sum()), int(held.size)],
    }


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the scores of every task."""
    found: dict[str, Any] = {}
    for task in TASKS:
        groups = [
            [row for row in rows if row["task"] == task and row["group"] == group]
            for group in GROUPS.get(task, ("all_data",))
        ]
        if not all(groups):
            continue
        picked = [chosen(group, "log_evidence") for group in groups]
        other = [chosen(group, "leave_one_out") for group in groups]
        found[task] = {
            "law": [row["law"] for row in picked],
            **scored(picked),
            "by_leave_one_out": {
                "law": [row["law"] for row in other],
                **scored(other),
            },
            "published": PUBLISHED[task],
            "target": TARGET[task],
            "every_law": {
                f"{one['group']}, {one['law']}": [
                    round(one["log_evidence"] + float(np.log(one["prior"])), 2),
                    one["leave_one_out"],
                    scored([one])["r_squared"],
                    one["certified"],
                ]
                for group in groups
                for one in sorted(group, key=lambda row: -row["log_evidence"])
            },
        }
    held = np.array([one["inside"] for one in found.values()]).sum(axis=0)
    share = float(held[0] / held[1])
    error = float(np.sqrt(share * (1.0 - share) / held[1]))
    return {"tasks": found, "inside_pooled": [round(share, 3), round(error, 3), int(held[1])]}


def main() -> None:
    parser = campaign.arguments(__doc__, "surfaces_scalebench.json", len(jobs()))
    options = parser.parse_args()
    rows = campaign.run(one_fit, range(options.curves), options.out, options.workers)
    result = {
        "question": "R^2 and coverage on test rows of four tasks, the law chosen on train rows",
        "seed": SEED,
        "fits": len(rows),
        **summary(rows),
    }
    campaign.keep(result, options.out)
    campaign.show(result["tasks"])
    print(result["inside_pooled"])


if __name__ == "__main__":
    main()
