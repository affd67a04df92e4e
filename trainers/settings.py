"""Settings of a family: which values each takes, checked where an instance is made.

A family's settings are a frozen dataclass, a subclass of `Settings`. Each field is declared by
`number`, `whole`, `choice` or `switch`, with its default, bounds and unit; an instance holds one
value for each. Sweeps over settings are made in `config.py`.
"""

from __future__ import annotations

import hashlib
import inspect
import math
import re
from collections.abc import Collection, Iterable, Mapping, Sized
from dataclasses import dataclass, field, fields
from itertools import pairwise
from numbers import Real
from typing import Any, ClassVar

from scalefit.errors import ConfigError, nearest

LONGEST = 1_000_000
"""Values of one setting, at most."""


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
    also
        Regular expression of further words of a text.
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
    also: str = ""
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
            if value not in self.words and not re.fullmatch(self.also or "(?!)", str(value)):
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


def choice(*words: str, also: str = "", only: tuple[str, ...] = ()) -> Any:
    """Declare a setting that is one of some words, the first by default."""
    kind = Setting(str, words=words, also=also, only=only)
    return field(default=words[0], metadata={"setting": kind})


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
    streams
        Settings that a run's random streams depend on. Runs that differ in others only draw the
        same numbers.
    protocol
        What is simulated; every family has at least one.
    """

    family: ClassVar[str]
    description: ClassVar[str]
    schema: ClassVar[int] = 1
    always: ClassVar[tuple[str, ...]] = ()
    streams: ClassVar[tuple[str, ...]] = ()

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

    def checksum(self) -> str:
        """Return the checksum of data that the settings name and do not hold; empty for none."""
        return ""

    @classmethod
    def given(cls, data: Any) -> dict[str, Any]:
        """Return the settings that name a user's own data, for families that take any."""
        raise ConfigError(f"family {cls.family!r} takes no data; leave the argument 'data' out")

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

    def words(self, without: Collection[str] = ()) -> list[str]:
        """Return `name=value` for every setting of a run's name, but for some."""
        told = self.telling().items()
        return [f"{name}={_word(value)}" for name, value in told if name not in without]

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


def described(family: type[Settings]) -> list[tuple[str, str]]:
    """Return every setting of a family with a line on it: meaning, values, default.

    The meaning is the first sentence on it in the class's docstring, or in that of its base.
    """
    told: dict[str, str] = {}
    for base in reversed(family.__mro__):
        told |= _told(inspect.cleandoc(base.__doc__ or ""))
    default = {one.name: one.default for one in fields(family)}
    found = []
    for name, kind in kinds(family).items():
        usual = default[name]
        words = shown(usual) if isinstance(usual, tuple) else shown([usual])
        if isinstance(usual, tuple) and len(usual) > 3:
            words = f"{shown(usual[:2])}, ... {shown(usual[-1:])}"
        meaning = f"{told.get(name, '')} " if told.get(name) else ""
        found.append((name, f"{meaning}[{kind.allowed}; {words}]"))
    return found


def _told(text: str) -> dict[str, str]:
    """Return the first sentence on every attribute of a docstring."""
    told = {}
    for entry in re.split(r"\n(?=\S)", text.partition("Attributes\n----------\n")[2]):
        names, _, body = entry.partition("\n")
        sentence = re.match(r"(?s).*?(?:\.(?=\s|$)|$)", inspect.cleandoc(body))
        for name in names.partition(" :")[0].split(","):
            told[name.strip()] = " ".join(sentence[0].split()) if sentence else ""
    return told


def listed(value: object) -> list[Any]:
    """Return a list of what may be one value or several."""
    if isinstance(value, str | Mapping) or not isinstance(value, Iterable):
        return [value]
    if isinstance(value, Sized) and len(value) > LONGEST:
        raise ConfigError(f"a list of {len(value):,} values; a setting may have {LONGEST:,}")
    return list(value)


def shown(values: Iterable[Any]) -> str:
    """Return values in words, numbers short."""
    return ", ".join(f"{v:g}" if isinstance(v, float) else str(v) for v in values)


def _word(value: object) -> str:
    """Return a value of a setting, a grid by its ends and a few digits of its hash."""
    if isinstance(value, tuple) and len(value) > 1:
        digest = hashlib.sha256(repr(value).encode()).hexdigest()
        return f"{_word(value[0])} to {_word(value[-1])} #{digest[:4]}"
    if isinstance(value, tuple):
        return _word(*value)
    return f"{value:.12g}" if isinstance(value, float) else str(value)
