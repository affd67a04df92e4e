"""What to fit to every curve: laws, noises and priors, checked before any work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .arguments import whole
from .curves import Curve
from .errors import ConfigError, InvalidData, nearest
from .inference import Problem, resolve
from .io.wording import quoted
from .laws import BrokenPowerLaw, Law, Window
from .laws import priors as kinds
from .laws.noise import Noise
from .laws.priors import Dirichlet, Fixed, LogNormal, Normal, Prior, Relative

REGIMES = (1, 2, 3, 4)
NOISES = {
    "normal": Noise("normal"),
    "ar1": Noise("ar1"),
    "ar1-x": Noise("ar1", "x"),
    "ar1-index": Noise("ar1", "index"),
    "student": Noise("student"),
}
SETS = ("default", "narrow")
FEWEST = 8
"""Points below which serial correlation is not asked about."""


@dataclass(frozen=True)
class Plan:
    """The models of a fit.

    Attributes
    ----------
    laws
        At least one; several only of the broken power law.
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
    """

    laws: tuple[Law, ...]
    noise: str
    priors: str
    overrides: Mapping[str, Prior]
    method: str
    draws: int
    pool: tuple[str, ...] = ()

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
    ) -> Plan:
        """Return the plan that the arguments of `scalefit.fit` describe.

        Raises
        ------
        ConfigError
            If an argument is unknown or out of range.
        """
        if not whole(draws) or draws < 100:
            raise ConfigError(f"draws={draws!r}: give a whole number of 100 or more")
        if not isinstance(noise, str) or noise not in ("auto", *NOISES):
            hint = nearest(str(noise), ["auto", *NOISES])
            raise ConfigError(f"noise='{noise}' is unknown; {hint}")
        chosen, overrides = _chosen(priors)
        held = dict(fixed or {})
        laws = _laws(law, regimes, floor, held)
        method = resolve(method)
        if chosen != "default" and not all(isinstance(one, BrokenPowerLaw) for one in laws):
            raise ConfigError(f"priors='{chosen}' is a set for the broken power law")
        if noise == "auto" and not all(isinstance(one, BrokenPowerLaw) for one in laws):
            noise = "normal"
        plan = cls(laws, noise, chosen, {**overrides, **_fixed(held)}, method, draws)
        if pool:
            plan = plan._pooled((pool,) if isinstance(pool, str) else tuple(pool))
        plan._check()
        if method == "nuts":
            if len(laws) > 1:
                raise ConfigError(
                    "method='nuts' cannot weigh models against each other: name one number of "
                    "regimes, and floor=True or False"
                )
            plan = replace(plan, noise="normal" if noise == "auto" else noise)
        return plan

    @property
    def minimum_points(self) -> int:
        """Fewest distinct x with which any of the laws can be fitted."""
        return min(law.minimum_points for law in self.laws)

    @property
    def widest(self) -> Law:
        """The law whose shape holds the draws of all of them."""
        if len(self.laws) == 1:
            return self.laws[0]
        broken = [law for law in self.laws if isinstance(law, BrokenPowerLaw)]
        return BrokenPowerLaw(max(law.regimes for law in broken), broken[-1].floor)

    @property
    def counts(self) -> list[int]:
        """The numbers of regimes, ascending; 1 for a law that has none."""
        return sorted({getattr(law, "regimes", 1) for law in self.laws})

    @property
    def noises(self) -> list[Noise]:
        """The kinds of noise that a curve may be fitted with."""
        if self.noise != "auto":
            return [NOISES[self.noise]]
        return [NOISES["normal"], NOISES["ar1"]]

    @property
    def single(self) -> bool:
        """Whether there is one model only, whatever the curve."""
        return len(self.laws) == len(self.noises) == 1

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
                known = [label for label in curves[0].labels if label != "run"]
                raise ConfigError(f"pool='{name}' is no run coordinate; {nearest(name, known)}")
        found: dict[tuple[tuple[str, Any], ...], list[int]] = {}
        for i, curve in enumerate(curves):
            labels = {k: v for k, v in curve.labels.items() if v == v}  # NaN: a setting not used
            key = tuple((k, v) for k, v in labels.items() if k not in (*self.pool, "run"))
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
        law = self.laws[0]
        if len(self.laws) > 1 or not isinstance(law, BrokenPowerLaw) or law.known_floor is not None:
            raise ConfigError(
                "pool takes one number of regimes of the broken power law, and floor=True or False"
            )
        if self.method != "certified" or self.priors != "default" or self.overrides:
            raise ConfigError("pool works with method='auto' and the default priors only")
        noise = "normal" if self.noise == "auto" else self.noise
        return replace(self, pool=pool, noise=noise)

    def problems(self, curve: Curve) -> list[Problem]:
        """Return every model of one curve; laws that need more points are left out.

        Raises
        ------
        InvalidData
            If noise is to be correlated along a curve that repeats x, or no y is above a floor that
            is said to be known.
        """
        distinct = curve.distinct
        noises = self.noises
        if self.noise == "auto" and not (curve.ordered and distinct >= FEWEST):
            noises = [NOISES["normal"]]
        if noises[-1].kind == "ar1" and distinct < curve.x.size:
            raise InvalidData(
                f"noise='{self.noise}' needs one run in order, but curve {quoted(curve.run)} "
                "repeats x; use noise='normal'"
            )
        for law in self.laws:
            known = law.known_floor if isinstance(law, BrokenPowerLaw) else None
            if known is not None and known >= curve.y.max():
                raise InvalidData(
                    f"floor={known:g} is known, but no y of curve {quoted(curve.run)} lies above "
                    f"it (the largest is {curve.y.max():g})"
                )
        return [
            Problem(law, curve.x, curve.y, noise, curve.error, self._given(law, noise, curve))
            for noise in noises
            for law in self.laws
            if law.minimum_points <= distinct
        ]

    def _given(self, law: Law, noise: Noise, curve: Curve) -> Mapping[str, Prior] | None:
        """Return all priors where any differs from the default."""
        if self.priors == "default" and not self.overrides:
            return None
        return all_priors(law, noise, Window.of(curve.x, curve.y), self.priors, self.overrides)

    def _check(self) -> None:
        """Refuse overrides of variables that no model has."""
        window = Window(1.0, 10.0, 1.0)
        known: set[str] = set()
        for law in self.laws:
            known |= set(law.priors(window))
        for noise in self.noises:
            known |= set(noise.priors())
        for name in self.overrides:
            if name not in known:
                raise ConfigError(
                    f"'{name}' has no prior in this fit; {nearest(str(name), sorted(known))}"
                )
        for law in self.laws:
            all_priors(law, self.noises[-1], window, self.priors, self.overrides)


def all_priors(
    law: Law, noise: Noise, window: Window, chosen: str, overrides: Mapping[str, Prior]
) -> dict[str, Prior]:
    """Return the prior of every sampled variable of a law with its noise."""
    own = law.priors(window)
    if chosen == "narrow" and isinstance(law, BrokenPowerLaw):
        own = law.narrow_priors(window)
    return _overridden({**own, **noise.priors()}, overrides)


def _overridden(priors: dict[str, Prior], overrides: Mapping[str, Prior]) -> dict[str, Prior]:
    """Return priors with some replaced, each stretched to the size of what it replaces."""
    changed = dict(priors)
    for name, prior in overrides.items():
        if name in changed:
            changed[name] = _stretched(name, prior, changed[name].size)
    exponent = changed.get("exponent")
    if exponent is not None and not isinstance(exponent, Relative):
        changed.pop("steepness", None)
    return changed


def _stretched(name: str, prior: Any, size: int | None) -> Prior:
    """Return a prior for as many elements as a variable has; all alike if it names one."""
    if prior.size == size:
        return prior  # type: ignore[no-any-return]
    if size is not None:
        if isinstance(prior, Fixed) and prior.size is None:
            return replace(prior, value=(float(prior.value),) * size)  # type: ignore[arg-type]
        scalar = isinstance(prior, LogNormal | Normal) and prior.size is None
        if scalar or isinstance(prior, Dirichlet | Relative):
            return replace(prior, size=size)  # type: ignore[no-any-return]
    wanted = "one value" if size is None else f"{size} values"
    raise ConfigError(f"'{name}' has {wanted} in this fit, which '{prior.words()}' does not fit")


def _fixed(held: Mapping[str, Any]) -> dict[str, Prior]:
    found: dict[str, Prior] = {}
    for name, value in held.items():
        try:
            values = np.asarray(value, dtype=float)
        except (TypeError, ValueError):
            raise ConfigError(f"fixed {name}={value!r}: give a number") from None
        if values.ndim > 1 or not np.isfinite(values).all():
            raise ConfigError(f"fixed {name}={value!r}: give a finite number, or one per element")
        found[name] = Fixed(tuple(values.tolist()) if values.ndim else float(values))
    return found


def _chosen(priors: Any) -> tuple[str, dict[str, Prior]]:
    """Return the name of a set of priors, and those that replace some of it."""
    if priors is None:
        return "default", {}
    if isinstance(priors, str):
        if priors not in SETS:
            raise ConfigError(f"priors='{priors}' is unknown; {nearest(priors, SETS)}")
        return priors, {}
    if not isinstance(priors, Mapping):
        raise ConfigError("priors must be 'default', 'narrow', or priors by name")
    for name, prior in priors.items():
        if type(prior).__module__ != kinds.__name__:
            raise ConfigError(
                f"the prior of '{name}' is no object of scalefit.laws.priors, such as "
                "LogNormal(median, sd)"
            )
    return "default", dict(priors)


def _laws(law: Any, regimes: Any, floor: Any, held: dict[str, Any]) -> tuple[Law, ...]:
    """Return the laws that the arguments name, taking a known floor out of what is held."""
    broken = not isinstance(law, Law) or isinstance(law, BrokenPowerLaw)
    if "floor" in held and broken:
        known = held.pop("floor")
        if not isinstance(known, int | float | np.number) or isinstance(known, bool):
            raise ConfigError(f"fixed floor={known!r}: give a number")
        if isinstance(floor, bool | np.bool_) and not floor:
            raise ConfigError(f"floor=False contradicts fixed floor={known}")
        floor = float(known)
        law = replace(law, floor=floor) if isinstance(law, BrokenPowerLaw) else law
    elif isinstance(law, Law) and not (isinstance(floor, str) and floor == "auto"):
        raise ConfigError("floor belongs to law='broken'; a law object has its own")
    if not isinstance(law, Law):
        return _broken(law, regimes, floor)
    if not (isinstance(regimes, str) and regimes == "auto"):
        raise ConfigError("regimes belongs to law='broken'; a law object has its own")
    return (law,)


def _broken(law: Any, regimes: Any, floor: Any) -> tuple[Law, ...]:
    if law != "broken":
        raise ConfigError(f"law='{law}' is unknown; give 'broken' or an object of scalefit.laws")
    if isinstance(regimes, str):
        if regimes != "auto":
            raise ConfigError(f"regimes='{regimes}': give a number from 1 to 6, several, or 'auto'")
        counts: Sequence[Any] = REGIMES
    elif isinstance(regimes, Sequence | range | np.ndarray):
        counts = list(dict.fromkeys(regimes))
        if not counts:
            raise ConfigError(f"regimes={regimes!r}: give at least one number from 1 to 6")
    else:
        counts = [regimes]
    if isinstance(floor, str):
        if floor != "auto":
            raise ConfigError(f"floor='{floor}': give True, False, a known floor or 'auto'")
        floors: list[bool | float] = [False, True]
    elif isinstance(floor, bool | np.bool_):
        floors = [bool(floor)]
    elif isinstance(floor, int | float | np.number):
        floors = [float(floor)]
    else:
        raise ConfigError(f"floor={floor!r}: give True, False, a known floor or 'auto'")
    return tuple(BrokenPowerLaw(_count(n), floor=one) for one in floors for n in counts)


def _count(regimes: Any) -> Any:
    """Return a number of regimes as Python's own; what is none is left for the law to refuse."""
    return int(regimes) if isinstance(regimes, np.integer) else regimes
