"""Which law in model size and data: evidence, leave-one-out and held-out cells of five public sets.

Sets: losses of Hoffmann et al. (2022) read off a figure, 245 points; three corpora of Gadre et al.
(2024) judged on C4, with the published errors of tokens; Muennighoff et al. (2023) with data seen
at most four times. In the folders chinchilla-svg, gadre-overtraining and colpret of the one that
SCALEFIT_DATA names.

Seven forms with Student noise are fitted to all points, and to the 80% with the smallest N D; the
others are scored by their mean log density of log y and the share inside 90% bands. On the first
set the additive law is also fitted with normal noise, with outliers, without the five largest
losses, and under Huber's loss, whose published optimum is at 1e-3.

    python benchmarks/surfaces/forms.py
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))
import campaign
from surfaces import Fitted, Points, chinchilla, datablations, gadre

SEED = 2050
OUTLIERS = 5  # that the original authors left out: the largest losses
HELD = 0.2
SETS = {
    "chinchilla": chinchilla,
    "gadre, C4": lambda: gadre("c4_original"),
    "gadre, RedPajama": lambda: gadre("rpj"),
    "gadre, RefinedWeb": lambda: gadre("rw_original"),
    "datablations": datablations,
}
FORMS = (
    "additive",
    "additive without floor",
    "additive with product",
    "kaplan",
    "kaplan without floor",
    "four-regime",
    "four-regime without floor",
)
NOISES = ("student, 240", "student", "outlier, 240", "outlier", "normal", "normal, 240")
JOBS = [(name, form) for name in SETS for form in FORMS]


def law_of(form: str) -> Any:
    """Return a form as a law."""
    from scalefit.laws.additive import Additive
    from scalefit.laws.four_regime import FourRegime
    from scalefit.laws.kaplan import Kaplan

    floor = "without floor" not in form
    if form.startswith("additive"):
        return Additive(floor, product="product" in form)
    return (Kaplan if form.startswith("kaplan") else FourRegime)(floor)


def one_form(index: int) -> dict[str, Any]:
    """Return how one form does on one set; beyond those, one noise of the first set."""
    if index >= len(JOBS):
        return {"index": index, **one_noise(index - len(JOBS))}
    name, form = JOBS[index]
    points = SETS[name]()
    law = law_of(form)
    whole = Fitted.of(law, points, "student", SEED + index)
    cost = points.x.prod(axis=1)
    order = np.argsort(cost, kind="stable")
    cut = len(order) - round(HELD * len(order))
    part, rest = points.only(order[:cut]), points.only(order[cut:])
    head = Fitted.of(law, part, "student", SEED + index)
    _, low, high, density = head.ahead(rest)
    return {
        "index": index,
        "set": name,
        "form": form,
        "points": len(points.y),
        **whole.certificate(),
        "leave_one_out": round(whole.leave_one_out(), 2),
        "held_out": round(float(density.mean()), 3),
        "held_out_certified": not head.solved.certificate.doubts,
        "inside": round(float(np.mean((rest.y > low) & (rest.y < high))), 3),
    }


def without_outliers(points: Points) -> Points:
    """Return the points but for the five largest losses."""
    return points.only(np.sort(np.argsort(-points.y)[OUTLIERS:]))


def one_noise(which: int) -> dict[str, Any]:
    """Return the additive law on the first set under one noise, or under Huber's loss."""
    from scalefit.inference.huber import optimum
    from scalefit.inference.problem import Problem

    points = chinchilla()
    if which >= len(NOISES):
        name = ("huber, 240", "huber")[which - len(NOISES)]
        if name.endswith("240"):
            points = without_outliers(points)
        problem = Problem(law_of("additive"), points.x, points.y)
        found = optimum(problem, np.random.default_rng(SEED))
        natural = problem.natural(np.append(found.v, 0.0)[None])
        return {
            "noise": name,
            "loss": found.loss,
            "amplitude": natural["amplitude"][0].tolist(),
            "floor": float(natural["floor"][0]),
            "exponent": natural["exponent"][0].tolist(),
        }
    name = NOISES[which]
    if name.endswith("240"):
        points = without_outliers(points)
    fitted = Fitted.of(law_of("additive"), points, name.partition(",")[0], SEED + which)
    a, b = fitted.draws["exponent"].T
    share = np.quantile(a / (a + b), [0.5, 0.025, 0.975])
    row = {
        "noise": name,
        **fitted.certificate(),
        "share": [round(float(one), 4) for one in share],
        **{
            key: fitted.quantiles(key, (0.025, 0.975)) for key in ("amplitude", "floor", "exponent")
        },
    }
    if "outlier_share" in fitted.draws:
        white, _ = fitted.problem.standardised(fitted.draws)
        chance = fitted.problem.noise.outlying(white, fitted.draws).mean(axis=0)
        row["outliers"] = int((chance > 0.5).sum())
        if name == "outlier":  # the five are among the points
            row["of_the_five"] = [
                round(float(c), 3) for c in chance[np.argsort(-points.y)[:OUTLIERS]]
            ]
    return row


def relative(rows: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Return the log evidence of each form on each set, relative to the best."""
    found: dict[str, dict[str, float]] = {}
    for row in rows:
        found.setdefault(row["set"], {})[row["form"]] = row["log_evidence"]
    return {
        name: {form: round(value - max(logs.values()), 2) for form, value in logs.items()}
        for name, logs in found.items()
    }


def main() -> None:
    parser = campaign.arguments(__doc__, "surfaces_forms.json", len(JOBS) + len(NOISES) + 2)
    chosen = parser.parse_args()
    rows = campaign.run(one_form, range(chosen.curves), chosen.out, chosen.workers)
    forms = [row for row in rows if "form" in row]
    result = {
        "question": "which law in model size and data: evidence, leave-one-out, held-out cells",
        "seed": SEED,
        "evidence": relative(forms),
        "forms": forms,
        "noises": [row for row in rows if "noise" in row],
    }
    campaign.keep(result, chosen.out)
    campaign.show(relative(forms))


if __name__ == "__main__":
    main()
