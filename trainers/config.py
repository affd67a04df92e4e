"""Settings: checked where they are made, swept as a product or in pairs, with a canonical JSON.

A family's settings are a frozen dataclass, `Settings`, each field declared by `number`, `whole`,
`choice` or `switch` with its bounds and unit; an instance holds one value each. A `Config` is what
users make: the list of instances to train, and the seeds. A list given for a setting is swept, all
lists as a product; lists under `zip` go together, their first values, their second ones, and so on.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from itertools import pairwise, product
from numbers import Integral, Real
from typing import Any, ClassVar

from scalefit.errors import ConfigError, nearest


@dataclass(frozen=True)
class Setting:
    """What values a setting takes.

    Attributes
    ----------
    kind
        `float`, `int`, `str` or `bool`.
    unit
        Empty for none.
    low, high
        Bounds; `low` itself is left out where `above`.
    words
        The values of a text.
    grid
        A list belongs to every run and is not swept; it must increase.
    only
        Protocols that use the setting; empty for all.
    """

    kind: type
    unit: str = ""
    low: float = -math.inf
    high: float = math.inf
    above: bool = False
    words: tuple[str, ...] = ()
    grid: bool = False
    only: tuple[str, ...] = ()

    @property
    def allowed(self) -> str:
        """Return the allowed values in words."""
        if self.kind is bool:
            return "true or false"
        if self.kind is str:
            return ", ".join(self.words)
        noun = "a whole number" if self.kind is int else "a finite number"
        low = f" {'>' if self.above else '>='} {self.low:g}" if self.low > -math.inf else ""
        high = f" <= {self.high:g}" if self.high < math.inf else ""
        return noun + " and".join(filter(None, (low, high)))

    def check(self, name: str, value: object) -> Any:
        """Return the value in its own type, or say what is allowed."""
        if not self.grid:
            return self._one(name, value)
        many = tuple(self._one(name, one) for one in listed(value))
        if not many:
            raise ConfigError(f"setting '{name}' is empty; give {self.allowed}, or a list of them")
        if any(low >= high for low, high in pairwise(many)):
            raise ConfigError(
                f"setting '{name}' is {shown(many)}; it must increase: sort it and drop "
                "repeated values"
            )
        return many

    def _one(self, name: str, value: object) -> Any:
        if self.kind is str:
            if value not in self.words:
                hint = nearest(str(value), self.words)
                raise ConfigError(f"setting '{name}' is {value!r}; {hint}")
            return value
        truth = value if isinstance(value, bool) else {"true": True, "false": False}.get(str(value))
        if self.kind is bool and truth is not None:
            return truth
        if self.kind is not bool and isinstance(value, Real) and not isinstance(value, bool):
            found = float(value)
            inside = self.low < found <= self.high or (found == self.low and not self.above)
            if inside and math.isfinite(found) and (self.kind is float or found.is_integer()):
                return self.kind(found)
        raise ConfigError(f"setting '{name}' is {value!r}; give {self.allowed}")


def number(default: float | tuple[float, ...], **bounds: Any) -> Any:
    """Declare a setting that is a finite number; `bounds` are those of `Setting`."""
    return field(default=default, metadata={"setting": Setting(float, **bounds)})


def whole(default: int, **bounds: Any) -> Any:
    """Declare a setting that is a whole number."""
    return field(default=default, metadata={"setting": Setting(int, **bounds)})


def choice(*words: str, only: tuple[str, ...] = ()) -> Any:
    """Declare a setting that is one of some words, the first by default."""
    return field(default=words[0], metadata={"setting": Setting(str, words=words, only=only)})


def switch(default: bool, only: tuple[str, ...] = ()) -> Any:
    """Declare a setting that is true or false."""
    return field(default=default, metadata={"setting": Setting(bool, only=only)})


@dataclass(frozen=True, kw_only=True)
class Settings:
    """One value for every setting of a family, checked.

    Attributes
    ----------
    family, description
        Its name and a line on it.
    schema
        Raised when the same settings come to mean other numbers, so that old results are not taken
        for new ones.
    always
        Settings that a run's name tells even at their default.
    protocol
        What is simulated; every family has at least one.
    """

    family: ClassVar[str]
    description: ClassVar[str]
    schema: ClassVar[int] = 1
    always: ClassVar[tuple[str, ...]] = ()

    protocol: str

    def __post_init__(self) -> None:
        """Check every setting by itself, then all together."""
        for name, kind in kinds(type(self)).items():
            object.__setattr__(self, name, kind.check(name, getattr(self, name)))
        self.check()

    def check(self) -> None:
        """Raise ConfigError where settings contradict each other."""

    def derived(self) -> dict[str, float]:
        """Return further run coordinates that follow from the settings."""
        return {}

    def cautions(self) -> list[str]:
        """Return what is doubtful about the settings, though it can be trained; one line each."""
        return []

    def used(self) -> dict[str, Any]:
        """Return the settings that the protocol uses."""
        return {
            name: getattr(self, name)
            for name, kind in kinds(type(self)).items()
            if not kind.only or self.protocol in kind.only
        }

    def telling(self) -> dict[str, Any]:
        """Return the settings for a run's name: `always`, then those that are not the default."""
        used = self.used()
        default = {one.name: one.default for one in fields(self)}
        changed = [name for name in used if used[name] != default[name]]
        return {name: used[name] for name in dict.fromkeys((*self.always, *changed))}

    def coordinates(self) -> dict[str, Any]:
        """Return the run coordinates: every setting but the grids, NaN or "" where not used."""
        used = self.used()
        empty = {str: "", bool: math.nan}
        found = {
            name: used.get(name, empty.get(kind.kind, math.nan))
            for name, kind in kinds(type(self)).items()
            if not kind.grid
        }
        return {**found, **self.derived()}


def kinds(family: type[Settings]) -> dict[str, Setting]:
    """Return the settings of a family by name, the family's own order, protocol included."""
    return {one.name: one.metadata["setting"] for one in fields(family)}


@dataclass(frozen=True)
class Config:
    """What is to be trained: points of a sweep, and how many replicates of each.

    Attributes
    ----------
    points
        The settings, in the order of the sweep: the last setting of the family varies fastest.
    seeds
        Numbers of the replicates.
    text
        Canonical JSON: the family, every setting, `seeds` and `zip`, sorted, without blanks.
    """

    points: tuple[Settings, ...]
    seeds: tuple[int, ...]
    text: str

    @cached_property
    def family(self) -> str:
        """Return the name of the family."""
        return self.points[0].family

    def to_json(self) -> str:
        """Return the canonical JSON; `config(**json.loads(text))` gives the configuration back."""
        return self.text


def make(kind: type[Settings], settings: Mapping[str, Any]) -> Config:
    """Return the checked sweep over a family's settings; the body of `scalefit.trainers.config`."""
    settings = dict(settings)
    paired = settings.pop("zip", {})
    seeds = settings.pop("seeds", 16)
    if not isinstance(paired, Mapping):
        raise ConfigError(f"'zip' is {paired!r}; give settings with lists of one length each")
    known = kinds(kind)
    for name in (*settings, *paired):
        if name not in known:
            raise ConfigError(
                f"{kind.family} has no setting '{name}'; {nearest(name, [*known, 'seeds', 'zip'])}"
            )
        if name in settings and name in paired:
            raise ConfigError(f"setting '{name}' is given twice: by itself, and under 'zip'")
        if name in paired and known[name].grid:
            raise ConfigError(f"setting '{name}' is a grid of every run; it cannot be paired")
    values = {name: _values(name, known[name], one) for name, one in settings.items()}
    pairs = {name: tuple(listed(one)) for name, one in paired.items()}
    lengths = {name: len(one) for name, one in pairs.items()}
    if len(set(lengths.values())) > 1:
        counts = ", ".join(f"{name} {length}" for name, length in lengths.items())
        raise ConfigError(f"settings under 'zip' go together, but differ in length: {counts}")
    if 0 in lengths.values():
        raise ConfigError("lists under 'zip' are empty; give at least one value each")
    pairs = {n: tuple(known[n].check(n, v) for v in pairs[n]) for n in known if n in pairs}

    # One axis per swept setting, in the family's order; the pairs are the axis of their first one.
    axes: list[list[dict[str, Any]]] = []
    for name in known:
        if name in values:
            axes.append([{name: value} for value in values[name]])
        elif name == next(iter(pairs), None):
            rows = zip(*pairs.values(), strict=True)
            axes.append([dict(zip(pairs, row, strict=True)) for row in rows])
    points = tuple(
        kind(**{name: value for part in parts for name, value in part.items()})
        for parts in product(*axes)
    )
    numbers = _seeds(seeds)
    consecutive = numbers == tuple(range(len(numbers)))
    first = points[0]
    record: dict[str, Any] = {"family": kind.family}
    for name in known:
        if name not in pairs:
            swept = values.get(name, (getattr(first, name),))
            record[name] = swept[0] if len(swept) == 1 else swept
    record["seeds"] = len(numbers) if consecutive else numbers
    if pairs:
        record["zip"] = pairs
    return Config(points, numbers, json.dumps(record, sort_keys=True, separators=(",", ":")))


def require_config(config: object) -> Config:
    """Return the configuration, or raise ConfigError if the object is none."""
    if not isinstance(config, Config):
        raise ConfigError(
            f"argument 'config' is a {type(config).__name__}; make it with "
            "scalefit.trainers.config(family, ...)"
        )
    return config


def require_seed(seed: Any) -> int:
    """Return the root of the random streams; raise ConfigError if the object can be none."""
    if not _natural(seed):
        raise ConfigError(f"argument 'seed' is {seed!r}; give one whole number >= 0")
    return int(seed)


def listed(value: object) -> list[Any]:
    """Return a list of what may be one value or several."""
    if isinstance(value, str | Mapping) or not isinstance(value, Iterable):
        return [value]
    return list(value)


def shown(values: Iterable[Any]) -> str:
    """Return values in words, numbers short."""
    return ", ".join(f"{v:g}" if isinstance(v, float) else str(v) for v in values)


def _values(name: str, kind: Setting, value: object) -> tuple[Any, ...]:
    """Return the values over which one setting is swept."""
    if kind.grid:
        return (kind.check(name, value),)
    values = tuple(kind.check(name, one) for one in listed(value))
    if not values:
        raise ConfigError(f"setting '{name}' is empty; give {kind.allowed}, or a list of them")
    if len(set(values)) < len(values):
        raise ConfigError(
            f"setting '{name}' holds a value twice: {shown(values)}; for replicates raise 'seeds'"
        )
    return values


def _seeds(seeds: object) -> tuple[int, ...]:
    """Return the numbers of the replicates: as listed, or the first so many."""
    if isinstance(seeds, Integral):
        numbers: list[Any] = list(range(int(seeds))) if _natural(seeds) else []
    else:
        numbers = listed(seeds)
    if not numbers or not all(map(_natural, numbers)) or len(set(numbers)) < len(numbers):
        raise ConfigError(
            f"setting 'seeds' is {seeds!r}; give their number, a whole one >= 1, or a list of "
            "different whole numbers >= 0"
        )
    return tuple(sorted(map(int, numbers)))


def _natural(value: object) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool) and int(value) >= 0


def read(path: Any) -> dict[str, Any]:
    """Return the settings in a TOML file; the table `[zip]` holds lists that go together.

    Raises
    ------
    ConfigError
        If the file cannot be read or is not TOML.
    """
    import tomllib

    try:
        with open(path, "rb") as file:
            return tomllib.load(file)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}; name a TOML file of settings") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not TOML: {error}; write settings as  load = [1, 2]") from None
