"""What benchmarks of laws in several variables share: fits of a problem, and their scores."""

from __future__ import annotations

import csv
import json
import os
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from scalefit.arrays import Array
from scalefit.laws import Law

DRAWS = 2000


class Points(NamedTuple):
    """Points of a surface: predictors (n, k), y (n,), and known errors of log y or None."""

    x: Array
    y: Array
    error: Array | None = None

    def only(self, rows: Any) -> Points:
        """Return some of the points."""
        return Points(self.x[rows], self.y[rows], None if self.error is None else self.error[rows])


def data() -> Path:
    """Return the folder of public data."""
    folder = os.environ.get("SCALEFIT_DATA")
    if not folder:
        sys.exit("set SCALEFIT_DATA to the folder that holds the public data")
    return Path(folder).expanduser()


def table(path: Path) -> list[dict[str, str]]:
    """Return the rows of a CSV file."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def columns(rows: list[dict[str, str]], *names: str) -> Array:
    """Return some columns as numbers, shape (n, k)."""
    return np.array([[float(row[name]) for name in names] for row in rows])


def chinchilla() -> Points:
    """Return the 245 points read off a figure of Hoffmann et al. (2022); tokens are C / 6 N."""
    rows = table(data() / "chinchilla-svg" / "svg_extracted_data.csv")
    size, cost, loss = columns(rows, "Model Size", "Training FLOP", "loss").T
    return Points(np.stack([size, cost / 6.0 / size], axis=1), loss)


def gadre(corpus: str) -> Points:
    """Return the runs of one corpus of Gadre et al. (2024), judged on C4, with known errors."""
    found = []
    for file in sorted((data() / "gadre-overtraining" / "models").glob("*.json")):
        run = json.loads(file.read_text(encoding="utf-8"))
        if run["dataset_name"] != corpus:
            continue
        for one in run["results"]:
            if one["val_data"][0].split("/")[-2] == "c4_val":
                width = one["loss_tokens_upper_95"] - one["loss_tokens_lower_95"]
                known = run["hyperparameters"]
                sd = width / (2.0 * 1.959964) / one["loss"]
                found.append((known["params"], known["tokens"], one["loss"], sd))
    size, tokens, loss, error = np.array(found).T
    return Points(np.stack([size, tokens], axis=1), loss, error)


def datablations(most: float = 4.0) -> Points:
    """Return final losses of Muennighoff et al. (2023) whose data are seen at most so often."""
    rows = table(data() / "colpret" / "datablations_contour_losses.csv")
    kept = [row for row in rows if float(row["epochs"]) <= most and row["openLM_loss"]]
    size, tokens, loss = columns(kept, "num_params", "token_num", "openLM_loss").T
    return Points(np.stack([size, tokens], axis=1), loss)


class Fitted(NamedTuple):
    """A law fitted to points, by the certified engine."""

    law: Law
    problem: Any
    solved: Any
    draws: dict[str, Array]
    cpu_s: float

    @classmethod
    def of(cls, law: Law, points: Points, noise: str, seed: int, **more: Any) -> Fitted:
        """Return the posterior of a law; `more` goes to the problem."""
        from scalefit.inference import certified
        from scalefit.inference.full import Full
        from scalefit.inference.problem import Problem
        from scalefit.laws.noise import NOISES

        started = time.process_time()
        rng = np.random.default_rng(seed)
        problem = Problem(law, points.x, points.y, NOISES[noise], points.error, **more)
        solved = certified.solve(Full(problem), rng)
        sampled = solved.resample(DRAWS, rng)
        draws = {**sampled, **law.natural(sampled, problem.window)}
        return cls(law, problem, solved, draws, time.process_time() - started)

    def leave_one_out(self) -> float:
        """Return the log density of all points, each given the others."""
        from scalefit.analysis.stacking import left_out

        return float(left_out(self.problem.log_likelihood(self.draws)).sum())

    def ahead(self, points: Points, seed: int = 0) -> tuple[Array, Array, Array, Array]:
        """Return the median, the ends of the 90% band, and log densities of points ahead."""
        from scipy import special

        from scalefit.inference.problem import Problem

        mean = np.asarray(self.law.log_mean(self.draws, points.x))
        new = Problem(
            self.law, points.x, points.y, self.problem.noise, points.error, self.problem.priors
        )
        each = new.log_likelihood(self.draws)
        density = special.logsumexp(each, axis=0) - np.log(len(each))
        rng = np.random.default_rng(seed)
        white = rng.standard_normal(mean.shape)
        if "degrees_of_freedom" in self.draws:
            freedom = self.draws["degrees_of_freedom"][:, None]
            white = rng.standard_t(np.broadcast_to(freedom, mean.shape))
        known = 0.0 if points.error is None else points.error
        y = np.exp(mean + white * np.hypot(self.draws["noise"][:, None], known))
        low, high = np.quantile(y, [0.05, 0.95], axis=0)
        return np.exp(np.median(mean, axis=0)), low, high, np.asarray(density)

    def certificate(self) -> dict[str, Any]:
        """Return what stands behind the fit, rounded for a file."""
        found = self.solved.certificate
        return {
            "log_evidence": round(found.log_evidence, 3),
            "apart": round(found.apart, 3),
            "effective": round(found.effective),
            "effort": found.effort,
            "certified": not found.doubts,
            "cpu_s": round(self.cpu_s, 2),
        }

    def quantiles(self, name: str, tails: tuple[float, float]) -> list[list[float]]:
        """Return median and interval of each value of a parameter."""
        values = self.draws[name].reshape(len(self.draws[name]), -1)
        found = np.quantile(values, [0.5, *tails], axis=0).T
        return [[float(f"{one:.6g}") for one in row] for row in found]


def r_squared(found: Array, y: Array) -> float:
    """Return the share of the variance of y that predictions explain, clipped to [-1, 1]."""
    value = 1.0 - np.sum((found - y) ** 2) / np.sum((y - y.mean()) ** 2)
    return float(np.clip(value, -1.0, 1.0))
