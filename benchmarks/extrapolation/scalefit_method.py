"""scalefit's own forecasts for the extrapolation benchmark, in variants that share one fit.

`scalefit`: 1 to 4 regimes (as many as the points allow) with and without floor, AR(1) noise whose
correlation decays in log x, weighed by evidence; forecasts averaged over all of them, with one
further crossover per decade beyond the data, noise conditional on the last residual. Each other
variant changes one of these. Variants are compared with `scalefit` on the split `training`, which
looks at no test row; a choice made on any other split would be hindsight.

    python benchmarks/extrapolation/scalefit_method.py --splits training
    python benchmarks/extrapolation/scalefit_method.py --curves 6 --out trial.json

The table of all methods is that of `alabdulmohsin.py`, where a fit's CPU time counts for the first
variant that needs it; here it counts for all of them.
"""

from __future__ import annotations

import contextlib
import sys
import time
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from scipy.special import logsumexp
from score import GROUPS, LEVEL, Method, Row, score, summary, tables
from tasks import DATA, SPLITS, Task, divide, read

from scalefit.arrays import Array

if TYPE_CHECKING:
    from scalefit.inference.ensemble import Ensemble
    from scalefit.laws.noise import Kind, Spacing


DRAWS = 2000
SEED = 2033
SPLIT = 1000  # indices of one split


@dataclass(frozen=True)
class Variant:
    """What one variant assumes.

    Attributes
    ----------
    noise
        Normal, AR(1), or both weighed by evidence.
    spacing
        What the correlation of AR(1) noise decays in.
    floor
        Whether only models with a floor forecast; else all do.
    hazard
        Further crossovers per decade beyond the data.
    conditional
        Whether the noise of a new point depends on the last residual.
    observed
        Whether the median is that of new points, whose noise may depend on the last residual, and
        not that of the curve.
    """

    noise: Literal["normal", "ar1", "auto"] = "ar1"
    spacing: Spacing = "log"
    floor: bool = False
    hazard: float = 1.0
    conditional: bool = True
    observed: bool = False

    def explored(self, x: Array, y: Array) -> Ensemble:
        """Return the fit that this variant shares with others."""
        return explored(self.noise, self.spacing, x.tobytes(), y.tobytes())

    def fit(self, x: Array, y: Array, rng: np.random.Generator) -> Forecast:
        """Return the forecast of a curve."""
        from scalefit.inference.ensemble import Ensemble
        from scalefit.laws import BrokenPowerLaw
        from scalefit.laws.noise import Noise

        ensemble = self.explored(x, y)
        if self.floor:
            ensemble = Ensemble(tuple(one for one in ensemble.members if one.floor))
        params = ensemble.draw(DRAWS, rng)
        law = BrokenPowerLaw(params["exponent"].shape[1])
        past = law.log_curve(params, x)
        noise = Noise("normal" if self.noise == "normal" else "ar1", self.spacing)
        return Forecast(self, noise, params, x, np.log(y) - past, rng)


@lru_cache(maxsize=8)
def explored(
    noise: Literal["normal", "ar1", "auto"], spacing: Spacing, x: bytes, y: bytes
) -> Ensemble:
    """Return the posteriors of all models of a curve; that of its latest calls are kept."""
    from scalefit.inference.ensemble import Ensemble, explore
    from scalefit.inference.problem import Problem
    from scalefit.laws import BrokenPowerLaw
    from scalefit.laws.noise import Noise

    if noise == "auto":
        kinds: tuple[Kind, ...] = ("normal", "ar1")
        parts = [explored(kind, spacing, x, y).members for kind in kinds]
        return Ensemble(tuple(one for part in parts for one in part))
    at, values = np.frombuffer(x), np.frombuffer(y)
    laws = [BrokenPowerLaw(n, floor) for n in (1, 2, 3, 4) for floor in (False, True)]
    problems = [
        Problem(law, at, values, Noise(noise, spacing))
        for law in laws
        if law.minimum_points <= at.size
    ]
    return explore(problems, np.random.default_rng([SEED, zlib.crc32(x + y)]))


@dataclass(frozen=True, eq=False)
class Forecast:
    """Draws of equal weight, carried beyond the data.

    Attributes
    ----------
    variant
    noise
        How its correlation decays.
    params
        Draws by name, padded where they have fewer regimes.
    x : shape (n,)
        The data's.
    residual : shape (draws, n)
        Log y minus the law of each draw.
    rng
    """

    variant: Variant
    noise: Any
    params: dict[str, Array]
    x: Array
    residual: Array
    rng: np.random.Generator
    _kept: dict[bytes, tuple[Array, Array, Array]] = field(default_factory=dict)

    def ahead(self, x: Array) -> tuple[Array, Array, Array]:
        """Return log curve, mean of the noise and its standard deviation, shape (draws, m)."""
        from scalefit.forecast.futures import log_curve
        from scalefit.forecast.noise import conditional
        from scalefit.laws import BrokenPowerLaw

        key = x.tobytes()
        if key not in self._kept:
            law = BrokenPowerLaw(self.params["exponent"].shape[1])
            last = float(self.x[-1])
            hazard = self.variant.hazard
            curve = log_curve(law, self.params, x, last=last, hazard=hazard, rng=self.rng)
            sd = np.repeat(self.params["noise"][:, None], x.size, axis=1)
            mean = np.zeros_like(sd)
            if self.variant.conditional:
                known = np.zeros(self.x.size)
                mean, sd = conditional(self.noise, self.params, self.x, x, self.residual, known)
            self._kept[key] = curve, mean, sd
        return self._kept[key]

    def observations(self, x: Array) -> Array:
        """Return log y of new points, shape (draws, m), each with its own noise."""
        curve, mean, sd = self.ahead(x)
        return np.asarray(curve + mean + sd * self.rng.standard_normal(sd.shape))

    def median(self, x: Array) -> Array:
        """Return the median of the curve, or of new points, at each x."""
        values = self.observations(x) if self.variant.observed else self.ahead(x)[0]
        return np.asarray(np.exp(np.median(values, axis=0)))

    def log_density(self, x: Array, y: Array) -> Array:
        """Return the log density of each y by itself, on the scale of y."""
        curve, mean, sd = self.ahead(x)
        log_y = np.log(y)
        log = -0.5 * ((log_y - curve - mean) / sd) ** 2 - np.log(sd) - 0.5 * np.log(2.0 * np.pi)
        return np.asarray(logsumexp(log, axis=0) - np.log(len(log)) - log_y)

    def interval(self, x: Array, level: float) -> tuple[Array, Array]:
        """Return the central band that holds a new point with probability `level`."""
        tails = 0.5 - 0.5 * level, 0.5 + 0.5 * level
        low, high = np.exp(np.quantile(self.observations(x), tails, axis=0))
        return low, high


VARIANTS = {
    "scalefit": Variant(),
    "scalefit_hazard0": Variant(hazard=0.0),
    "scalefit_marginal": Variant(conditional=False),
    "scalefit_observed": Variant(observed=True),
    "scalefit_floor": Variant(floor=True),
    "scalefit_normal": Variant(noise="normal"),
    "scalefit_auto": Variant(noise="auto"),
    "scalefit_x": Variant(spacing="x"),
    "scalefit_index": Variant(spacing="index"),
}
SCALEFIT: dict[str, Method] = {name: variant.fit for name, variant in VARIANTS.items()}


def one_task(index: int, methods: Sequence[str]) -> dict[str, Any]:
    """Return the scores of all variants on one task; an index counts splits and curves."""
    split, curve = divmod(index, SPLIT)
    task = divide(_curves()[curve : curve + 1], list(SPLITS)[split])[0][0]
    seconds: dict[tuple[str, str], float] = {}
    rows = []
    for name in methods:
        variant = VARIANTS[name]
        kinds: tuple[Literal["normal", "ar1"], ...] = ("normal", "ar1")
        if variant.noise != "auto":
            kinds = (variant.noise,)
        for kind in kinds:
            if (kind, variant.spacing) not in seconds:
                started = time.process_time()
                with contextlib.suppress(Exception):  # the score says what went wrong
                    replace(variant, noise=kind).explored(task.x_train, task.y_train)
                seconds[kind, variant.spacing] = time.process_time() - started
        row = score(task, name, SCALEFIT[name])
        spent = row["cpu_s"] + sum(seconds[kind, variant.spacing] for kind in kinds)
        row["cpu_s"] = round(spent, 4)
        rows.append(row)
    return {"index": index, "rows": rows}


@lru_cache(maxsize=1)
def _curves() -> list[Task]:
    return read()


def compared(rows: Sequence[Row], reference: str) -> dict[str, Any]:
    """Return mean differences from the reference over the same tasks, with standard errors."""
    result: dict[str, Any] = {}
    known = {(row["split"], row["task"]): row for row in rows if row["method"] == reference}
    for split in dict.fromkeys(row["split"] for row in rows):
        for method in dict.fromkeys(row["method"] for row in rows):
            if method == reference:
                continue
            for group in ("IC", "language", "all"):
                pairs = [
                    (row, known[row["split"], row["task"]])
                    for row in rows
                    if (row["split"], row["method"]) == (split, method)
                    and row["domain"] in GROUPS[group]
                ]
                cell = {}
                for name in ("rmsle", "log_likelihood", "coverage"):
                    apart = np.array(
                        [a[name] - b[name] for a, b in pairs if None not in (a[name], b[name])]
                    )
                    if apart.size > 1:
                        error = apart.std(ddof=1) / np.sqrt(apart.size)
                        cell[name] = [round(float(apart.mean()), 5), round(float(error), 5)]
                if cell:
                    result.setdefault(split, {}).setdefault(method, {})[group] = {
                        "n": len(pairs),
                        **cell,
                    }
    return result


def main() -> None:
    sys.path.insert(0, str(Path(__file__).parents[1]))
    import campaign

    parser = campaign.arguments(__doc__, "alabdulmohsin_scalefit.json", 92)
    parser.add_argument("--splits", nargs="+", choices=list(SPLITS), default=["training"])
    parser.add_argument("--methods", nargs="+", choices=list(VARIANTS), default=list(VARIANTS))
    chosen = parser.parse_args()
    curves = _curves()
    picked = range(0, len(curves), max(1, len(curves) // chosen.curves))[: chosen.curves]
    wanted = [
        SPLIT * number + curve
        for number, split in enumerate(SPLITS)
        if split in chosen.splits
        for curve in picked
        if divide(curves[curve : curve + 1], split)[0]
    ]
    one = partial(one_task, methods=chosen.methods)
    found = campaign.run(one, wanted, chosen.out, chosen.workers)
    rows: list[Row] = [row for task in found for row in task["rows"]]
    scores = summary(rows)
    differences = compared(rows, "scalefit") if "scalefit" in chosen.methods else {}
    result = {
        "question": "which variant of scalefit extrapolates best, judged on training rows",
        "data": DATA,
        "level": LEVEL,
        "draws": DRAWS,
        "results": scores,
        "minus_scalefit": differences,
        "rows": rows,
    }
    campaign.keep(result, chosen.out)
    print(tables(scores))
    for split, methods in differences.items():
        for method, groups in methods.items():
            print(f"{split}: {method} minus scalefit, mean and standard error over tasks")
            for group, cell in groups.items():
                print(f"  {group:10s}{cell}")


if __name__ == "__main__":
    main()
