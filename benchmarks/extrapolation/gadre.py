"""Coverage on curves whose points have published errors: are these enough, and do they help.

Source: S. Y. Gadre et al. (2024), "Language models scale reliably with over-training and on
downstream tasks", arXiv:2403.08540; `exp_data/models` of github.com/mlfoundations/scaling, commit
a003c491, in the folder gadre-overtraining of the one that SCALEFIT_DATA names.

A curve is the loss on one evaluation set against training tokens at one model size and training
set: 8 points, 1/4 to 32 times the Chinchilla ratio (7 for one size), every point a training run
of its own. There are 12 such families of runs and 8 evaluation sets, so 96 curves. Across model
sizes at one ratio there are only 4 to 6 points, too few for a second regime and a point to spare.

Two standard errors are published, as 95% intervals: one from tokens, as if they were independent,
and one from whole sequences. All models are judged on the same texts, so that either error is
mostly shared by the points of a curve, and their scatter around a law can be smaller than it says;
the runs' own randomness, which no error tells, can make it larger.

Laws of 1 and 2 regimes with floor, weighed by evidence, are fitted with normal noise and (a) no
known error, (b) each known error beside a noise to be estimated, (c) each known error alone.
Reported: the estimated noise, log Bayes factors of (b) over (c), root mean square residuals in
units of the stated spread, and coverage of the point of largest x, left out (a factor of 2 in
tokens), without and with one further crossover per decade. Standard errors are clustered by family.

    python benchmarks/extrapolation/gadre.py
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import sys
import time
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "calibration"))
import campaign
import sbc

from scalefit.arrays import Array

Curve = tuple[Array, Array, dict[str, Array]]  # tokens, loss, standard errors by kind

FEWEST = 7  # points
ERRORS = ("tokens", "sequences")
SETTINGS = ("none", *ERRORS, *(f"{kind}_only" for kind in ERRORS))
HAZARDS = (0.0, 1.0)
NOTHING = 1e-5  # noise of log y where the known error stands alone
DRAWS = 2000
SEED = 2034


@cache
def families(folder: Path) -> dict[str, dict[str, Curve]]:
    """Return curves by family (training set and model size) and evaluation set."""
    points: dict[str, dict[str, list[tuple[float, ...]]]] = {}
    for file in sorted((folder / "models").glob("*.json")):
        run = json.loads(file.read_text(encoding="utf-8"))
        family = points.setdefault(run["name"].rpartition("-")[0], {})
        for one in run["results"]:
            name = one["val_data"][0].split("/")[-2]
            widths = [
                one[f"loss_{kind}_upper_95"] - one[f"loss_{kind}_lower_95"] for kind in ERRORS
            ]
            sd = [width / (2.0 * 1.959964) for width in widths]
            family.setdefault(name, []).append((run["hyperparameters"]["tokens"], one["loss"], *sd))
    found: dict[str, dict[str, Curve]] = {}
    for family_name, curves in points.items():
        for name, rows in curves.items():
            if len(rows) >= FEWEST:
                x, y, *errors = np.array(sorted(rows)).T
                by_kind = dict(zip(ERRORS, errors, strict=True))
                found.setdefault(family_name, {})[name] = x, y, by_kind
    return found


def explored(x: Array, y: Array, error: Array | None, alone: bool, rng: Any) -> Any:
    """Return the ensemble of laws of 1 and 2 regimes, and the log of its mean evidence."""
    from scalefit.inference.ensemble import explore
    from scalefit.inference.problem import Problem
    from scalefit.laws import BrokenPowerLaw, Window
    from scalefit.laws.noise import NORMAL
    from scalefit.laws.priors import LogNormal

    problems = []
    for regimes in (1, 2):
        law = BrokenPowerLaw(regimes, True)
        priors = {**law.priors(Window.of(x, y)), **NORMAL.priors()}
        if alone:
            priors["noise"] = LogNormal(NOTHING, 0.1)
        problems.append(Problem(law, x, y, error=error, given=priors))
    ensemble = explore(problems, rng)
    logs = np.array([one.solved.certificate.log_evidence for one in ensemble.members])
    return ensemble, float(logs.max() + np.log(np.mean(np.exp(logs - logs.max()))))


def one_curve(curve: Curve, rng: np.random.Generator) -> dict[str, dict[str, Any]]:
    """Return what is reported of one curve, by setting."""
    from scalefit.forecast.futures import log_curve
    from scalefit.laws import BrokenPowerLaw

    x, y, errors = curve
    log_y = np.log(y)
    result: dict[str, dict[str, Any]] = {}
    for setting in SETTINGS:
        kind = setting.removesuffix("_only")
        error = errors[kind] / y if kind in errors else None
        known = np.zeros(x.size) if error is None else error
        alone = setting.endswith("_only")
        ensemble, evidence = explored(x, y, error, alone, rng)
        params = ensemble.draw(DRAWS, rng)
        law = BrokenPowerLaw(params["exponent"].shape[1])
        inside = law.log_curve(params, x)
        noise = params["noise"]
        apart = log_y - np.median(inside, axis=0)
        row: dict[str, Any] = {
            "verdict": ensemble.verdict,
            "log_evidence": evidence,
            "error": float(np.median(known)),
            "noise": [float(v) for v in np.quantile(noise, (0.05, 0.5, 0.95))],
            "noise_above_error": float(np.mean(noise > np.median(known))),
            "residual": float(np.sqrt(np.mean(apart**2))),
            "residual_z": float(np.sqrt(np.mean(apart**2 / (np.median(noise) ** 2 + known**2)))),
        }
        left, _ = explored(x[:-1], y[:-1], None if error is None else error[:-1], alone, rng)
        params = left.draw(DRAWS, rng)
        law = BrokenPowerLaw(params["exponent"].shape[1])
        sd = np.sqrt(params["noise"] ** 2 + known[-1] ** 2)
        for hazard in HAZARDS:
            ahead = log_curve(law, params, x[-1:], last=float(x[-2]), hazard=hazard, rng=rng)
            seen = ahead[:, 0] + sd * rng.standard_normal(sd.size)
            score = -0.5 * ((log_y[-1] - ahead[:, 0]) / sd) ** 2 - np.log(sd)
            top = score.max()
            row[f"rank_hazard{hazard:g}"] = float(np.mean(seen < log_y[-1]))
            row[f"density_hazard{hazard:g}"] = float(
                top + math.log(np.mean(np.exp(score - top))) - 0.5 * math.log(2.0 * math.pi)
            )
            row[f"width_90_hazard{hazard:g}"] = float(np.diff(np.quantile(seen, (0.05, 0.95)))[0])
            row[f"miss_hazard{hazard:g}"] = float(np.median(ahead[:, 0]) - log_y[-1])
        result[setting] = row
    return result


def one_family(index: int, folder: Path) -> dict[str, Any]:
    """Return what is reported of the curves of one family of runs."""
    name, curves = list(families(folder).items())[index]
    started = time.process_time()
    found = {
        evaluation: one_curve(curve, np.random.default_rng([SEED, index, k]))
        for k, (evaluation, curve) in enumerate(curves.items())
    }
    spent = time.process_time() - started
    return {"index": index, "family": name, "curves": found, "cpu_s": spent}


def table(rows: list[dict[str, Any]], evaluations: list[str]) -> dict[str, Any]:
    """Return what is reported of a choice of evaluation sets, by setting."""
    result: dict[str, Any] = {}
    for setting in SETTINGS:
        cells = [row["curves"][name][setting] for row in rows for name in evaluations]
        found: dict[str, Any] = {"curves": len(cells), "families": len(rows)}
        for name in ("error", "residual", "residual_z", "noise_above_error"):
            found[f"{name}_median"] = _short(np.median([cell[name] for cell in cells]))
        found["noise_median"] = _short(np.median([cell["noise"][1] for cell in cells]))
        found["residual_z_rms"] = _short(
            np.sqrt(np.mean([cell["residual_z"] ** 2 for cell in cells]))
        )
        if setting in ERRORS:
            gains = [
                row["curves"][name][setting]["log_evidence"]
                - row["curves"][name][f"{setting}_only"]["log_evidence"]
                for row in rows
                for name in evaluations
            ]
            found["log_bayes_extra_noise"] = {
                "quantiles_10_50_90": [_short(v) for v in np.quantile(gains, (0.1, 0.5, 0.9))],
                "share_positive": _short(np.mean(np.array(gains) > 0.0)),
            }
        for hazard in HAZARDS:
            key = f"hazard{hazard:g}"
            ranks = [
                {"ranks": {n: row["curves"][n][setting][f"rank_{key}"] for n in evaluations}}
                for row in rows
            ]
            covered = sbc.covered(ranks, evaluations)
            del covered["curves"]
            density = np.array(
                [
                    np.mean([row["curves"][n][setting][f"density_{key}"] for n in evaluations])
                    for row in rows
                ]
            )
            found[f"left_out_{key}"] = {
                "coverage": covered,
                "log_density_of_log_y": [
                    _short(density.mean()),
                    _short(density.std() / math.sqrt(density.size)),
                ],
                "log_density_median": _short(np.median([c[f"density_{key}"] for c in cells])),
                "width_90_median": _short(np.median([cell[f"width_90_{key}"] for cell in cells])),
                "miss_rms": _short(np.sqrt(np.mean([cell[f"miss_{key}"] ** 2 for cell in cells]))),
            }
        found["verdict_ok"] = _short(np.mean([cell["verdict"] == "ok" for cell in cells]))
        result[setting] = found
    return result


def _short(value: Any) -> float:
    return float(f"{float(value):.4g}")


def main() -> None:
    parser = campaign.arguments(__doc__, "gadre.json", 12)
    default = Path(os.environ.get("SCALEFIT_DATA", ".")) / "gadre-overtraining"
    parser.add_argument("--data", type=Path, default=default, help="folder that holds models/")
    chosen = parser.parse_args()
    curves = families(chosen.data)
    if not curves:
        parser.error(f"no models/*.json in {chosen.data}: name the folder with --data")
    wanted = range(min(chosen.curves, len(curves)))  # families of eight curves each
    one = partial(one_family, folder=chosen.data)
    rows = campaign.run(one, wanted, chosen.out, chosen.workers)
    evaluations = list(rows[0]["curves"])
    digest = hashlib.sha256()
    for file in sorted((chosen.data / "models").glob("*.json")):
        digest.update(file.read_bytes())
    result = {
        "question": "is the published error of each point enough, and does it help forecasts",
        "data": "mlfoundations/scaling, commit a003c4913793ac2ae7ef87b28ecb562955d026d5",
        "sha256_of_all_models": digest.hexdigest(),
        "points": {
            name: next(curve[0].size for curve in family.values())
            for name, family in curves.items()
        },
        "seed": SEED,
        "all": table(rows, evaluations),
        "by_evaluation": {name: table(rows, [name]) for name in evaluations},
        "cpu_s": round(sum(row["cpu_s"] for row in rows), 1),
    }
    campaign.keep(result, chosen.out)
    for name in ("all", *evaluations):
        print(name)
        group = result["all"] if name == "all" else result["by_evaluation"][name]
        for setting, found in group.items():
            left = found["left_out_hazard0"]
            print(
                f"  {setting:15s} error {found['error_median']:<8.2g}"
                f" noise {found['noise_median']:<8.2g} z {found['residual_z_rms']:<6.2f}"
                f" covered {left['coverage']['90%']} {left['coverage']['95%']}"
                f" density {left['log_density_of_log_y']}"
            )


if __name__ == "__main__":
    main()
