"""Plan of a fit: which laws, noises and priors every curve gets, checked before any work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from scalefit.arguments import MOST_DRAWS, names, real, whole
from scalefit.curves.curve import Curve
from scalefit.errors import ConfigError, InvalidData, nearest
from scalefit.inference import DELTA, Problem, resolve
from scalefit.laws import Annealed, Law, SegmentedLaw, Window
from scalefit.laws.noise import NOISES, Noise
from scalefit.laws.overrides import all_priors
from scalefit.laws.priors import Prior
from scalefit.laws.rounding import spread
from scalefit.wording import quoted, typed

from .choices import chosen_laws, chosen_priors, fixed_priors


def _robust(method: str, loss: str | None, delta: float, laws: int) -> str:
    """Return the engine of a robust loss, after a check of what goes with it."""
    if loss not in (None, "huber"):
        raise ConfigError(f"loss={typed(loss)} is unknown; known: 'huber'")
    if method not in ("point", "huber"):
        raise ConfigError("loss='huber' has an optimum and no posterior: it takes method='point'")
    if not 0.0 < real(delta, "delta", "give a width in log y, such as 0.001") < np.inf:
        raise ConfigError(f"delta={delta}: give a width in log y, such as 0.001")
    if laws > 1:
        raise ConfigError("loss='huber' weighs no models: name one number of regimes, and floor=")
    return "huber"


FEWEST = {"ar1": 8, "changing": 16}
"""Points below which it is not asked whether noise is correlated, or changes along the curve."""


class Model(NamedTuple):
    """One of the models that a curve is fitted with."""

    law: Law
    noise: Noise


@dataclass(frozen=True)
class Plan:
    """The models of a fit.

    Attributes
    ----------
    laws
        At least one; several of one kind, in order of their floors.
    noise
        A key of `NOISES`, or `"auto"`.
    priors
        Name of a set.
    overrides
        Priors by variable, in place of those of the set.
    method, draws
        As for `scalefit.fit`.
    pool
        Run coordinates over which curves are partially pooled; empty for none.
    delta
        Of Huber's loss, where that is least.
    """

    laws: tuple[Law, ...]
    noise: str
    priors: str
    overrides: Mapping[str, Prior]
    method: str
    draws: int
    pool: tuple[str, ...] = ()
    delta: float = DELTA

    @classmethod
    def of(
        cls,
        *,
        law: str | Law,
        regimes: Any,
        floor: Any,
        noise: str,
        fixed: Mapping[str, float] | None,
        priors: Mapping[str, Prior] | str | None,
        method: str,
        draws: int,
        pool: str | Sequence[str] | None = None,
        loss: str | None = None,
        delta: float = DELTA,
    ) -> Plan:
        """Return the plan that the arguments of `scalefit.fit` describe.

        Raises
        ------
        ConfigError
            If an argument is unknown or out of range.
        """
        if not whole(draws) or not 100 <= draws <= MOST_DRAWS:
            raise ConfigError(f"draws={typed(draws)}: give a whole number from 100 to {MOST_DRAWS}")
        if not isinstance(noise, str) or noise not in ("auto", *NOISES):
            hint = nearest(str(noise), ["auto", *NOISES])
            raise ConfigError(f"noise={typed(noise)} is unknown; {hint}")
        if fixed is not None and not isinstance(fixed, Mapping):
            raise ConfigError(f"fixed={typed(fixed)}: give parameters with their values")
        chosen, overrides = chosen_priors(priors)
        held = dict(fixed or {})
        laws = chosen_laws(law, regimes, floor, held)
        method = resolve(method)
        if loss is not None or method == "huber":
            method, noise = _robust(method, loss, delta, len(laws)), "normal"
        if chosen not in laws[0].prior_sets:
            raise ConfigError(f"priors='{chosen}' is a set for the broken power law")
        if noise == "auto" and len(laws[0].auto_noises) == len(laws[0].predictors) == 1:
            noise = laws[0].auto_noises[0]
        plan = cls(
            laws, noise, chosen, {**overrides, **fixed_priors(held)}, method, draws, delta=delta
        )
        if names(pool, "pool"):
            plan = plan._pooled(tuple(names(pool, "pool")))
        plan._check()
        if method == "nuts":
            if len(laws) > 1:
                raise ConfigError(
                    "method='nuts' cannot weigh models against each other: name one number of "
                    "regimes, and floor=True or False"
                )
            several = len(plan.laws[0].predictors) > 1
            plan = replace(plan, noise="normal" if noise == "auto" and not several else noise)
        return plan

    @property
    def minimum_points(self) -> int:
        """Fewest distinct x with which any of the laws can be fitted."""
        return min(law.minimum_points for law in self.laws)

    @property
    def widest(self) -> Law:
        """The law whose shape holds the draws of all of them."""
        return self.laws[-1].with_regimes(self.counts[-1])

    @property
    def counts(self) -> list[int]:
        """The numbers of regimes, ascending; 1 for a law that has none."""
        return sorted({law.regimes for law in self.laws})

    @property
    def noises(self) -> list[Noise]:
        """The kinds of noise that a curve may be fitted with."""
        if self.noise != "auto":
            return [NOISES[self.noise]]
        return [NOISES[name] for name in self.laws[0].auto_noises]

    @property
    def single(self) -> bool:
        """Whether there is one model only, whatever the curve."""
        return len(self.laws) == len(self.noises) == 1

    @cached_property
    def _every(self) -> tuple[Model, ...]:
        """Every model that a curve may have; curves share these."""
        return tuple(Model(law, noise) for noise in self.noises for law in self.laws)

    def settled(self, surfaces: Sequence[Curve]) -> Plan:
        """Return the plan with the noise that surfaces have unless it is named.

        Along runs it is correlated, and each of several runs is displaced as a whole; points that
        are no runs have heavy tails, for one wrong row bends a surface.

        Raises
        ------
        InvalidData
            If noise is to be correlated, or to displace runs, where the points are no runs.
        """
        along = any(surface.ordered for surface in surfaces)
        several = any(len(surface.start) > 1 for surface in surfaces)
        if self.noise == "auto":
            return replace(self, noise=("ar1-run" if several else "ar1") if along else "student")
        named = NOISES[self.noise]
        if (named.kind == "ar1" and not along) or (named.effect and not several):
            raise InvalidData(
                f"noise='{self.noise}' is that of runs of several points, and none are told apart: "
                "name the column that does in runs=, or use noise='student'"
            )
        return self

    def annealed(self, full: float) -> Plan:
        """Return the plan with laws whose prior gain is that of a full decay, in the unit of s2."""
        laws = tuple(replace(law, full=full) for law in self.laws if isinstance(law, Annealed))
        return replace(self, laws=laws)

    def groups(self, curves: Sequence[Curve]) -> list[tuple[str, list[int]]]:
        """Return which curves are fitted together, with the name of each group.

        Raises
        ------
        ConfigError
            If a coordinate to pool over does not tell curves apart, or leaves groups of one.
        """
        if not self.pool:
            return [(curve.run, [i]) for i, curve in enumerate(curves)]
        for name in self.pool:
            if name not in curves[0].labels:
                hint = nearest(name, curves[0].labels)
                raise ConfigError(f"pool='{name}' is no run coordinate; {hint}")
        found: dict[tuple[tuple[str, Any], ...], list[int]] = {}
        for i, curve in enumerate(curves):
            labels = {k: v for k, v in curve.labels.items() if v == v}  # NaN: a setting not used
            key = tuple((k, v) for k, v in labels.items() if k not in self.pool)
            found.setdefault(key, []).append(i)
        if any(len(members) < 2 for members in found.values()):
            raise ConfigError(
                f"pool={list(self.pool)}: a group has one curve only; pool over a coordinate of "
                "which every group has several values"
            )
        return [
            (", ".join(f"{k}={v}" for k, v in key) or "all", members)
            for key, members in found.items()
        ]

    def _pooled(self, pool: tuple[str, ...]) -> Plan:
        """Return the plan with curves pooled, which takes one model of the default families."""
        powers = bool(self.laws[0].shared_powers)
        law = self.laws[0] if powers else self.laws[0].require(SegmentedLaw, "exponents to pool")
        if len(self.laws) > 1 or law.known_floor is not None:
            raise ConfigError(
                "pool takes one number of regimes of the broken power law, and floor=True or False"
            )
        if self.method != "certified" or self.priors != "default" or self.overrides:
            raise ConfigError("pool works with method='auto' and the default priors only")
        noise = "normal" if self.noise == "auto" and not powers else self.noise
        return replace(self, pool=pool, noise=noise)

    def models(self, curve: Curve) -> tuple[Model, ...]:
        """Return the models of one curve; laws that need more points are left out.

        Raises
        ------
        InvalidData
            If noise is to be correlated along a curve that repeats x, or no y is above a floor that
            is said to be known.
        """
        distinct = curve.distinct
        noises = self.noises
        if len(self.laws[0].predictors) > 1:
            return tuple(one for one in self._every if one.law.minimum_points <= distinct)
        if self.noise == "auto":
            noises = [one for one in noises if _asked(one, curve)]
        if any(one.kind == "ar1" for one in noises) and distinct < curve.x.size:
            raise InvalidData(
                f"noise='{self.noise}' needs one run in order, but curve {quoted(curve.run)} "
                "repeats x; use noise='normal'"
            )
        for law in self.laws:
            if law.known_floor is not None and law.known_floor >= curve.y.max():
                raise InvalidData(
                    f"floor={law.known_floor:g} is known, but no y of curve {quoted(curve.run)} "
                    f"lies above it (the largest is {curve.y.max():g})"
                )
        return tuple(
            model
            for model in self._every
            if model.noise in noises and model.law.minimum_points <= distinct
        )

    def problem(self, curve: Curve, model: Model) -> Problem:
        """Return the posterior to be found of one curve under one model."""
        law, noise = model
        given = self._given(law, noise, curve)
        start = curve.start
        if curve.x.ndim > 1 and not curve.ordered:  # each point is a run of its own
            start = tuple(range(curve.y.size)) if noise.kind == "ar1" or noise.effect else (0,)
        return Problem(law, curve.x, curve.y, noise, curve.error, given, curve.grain, start)

    def taken(self, curve: Curve) -> Curve:
        """Return a curve as its models take it.

        Rounding becomes a known error where intervals cannot be used; they can under independent
        noise, by the engines that weigh models.
        """
        if not curve.grain:
            return curve
        engine = self.method != "nuts" and not self.pool
        if engine and self.noise in ("auto", "normal", "student"):
            return curve
        known = 0.0 if curve.error is None else curve.error
        error = np.hypot(known, spread(curve.y, curve.grain))
        why = "method='nuts'" if self.method == "nuts" else "pool" if self.pool else "noise='ar1'"
        note = f"{why} takes rounding for noise of known size; the last values are trusted too much"
        return replace(curve, grain=0.0, error=error, notes=(*curve.notes, note))

    def _given(self, law: Law, noise: Noise, curve: Curve) -> Mapping[str, Prior] | None:
        """Return all priors where any differs from the default."""
        if self.priors == "default" and not self.overrides:
            return None
        known = curve.x, curve.y
        return all_priors(law, noise, law.window(*known), self.priors, self.overrides, known)

    def _check(self) -> None:
        """Refuse overrides of variables that no model has."""
        window = Window.trial(len(self.laws[0].predictors))
        known: set[str] = set()
        for law in self.laws:
            known |= set(law.priors(window))
            for noise in self.noises:
                known |= set(all_priors(law, noise, window, self.priors, self.overrides))
        for name in self.overrides:
            if name not in known:
                raise ConfigError(
                    f"'{name}' has no prior in this fit; {nearest(str(name), sorted(known))}"
                )


def _asked(noise: Noise, curve: Curve) -> bool:
    """Return whether `noise="auto"` weighs a kind of noise for a curve: the points can tell it."""
    if noise.kind == "normal":
        return True
    few = curve.grain or curve.distinct < FEWEST[noise.kind]
    return not few and (noise.kind != "ar1" or curve.ordered)
