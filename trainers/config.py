"""Configuration: the points of a sweep over a family's settings, and its canonical JSON.

A list given for a setting is swept, several lists as a product; lists under `zip` go together,
their first values, their second ones, and so on. A TOML file can hold the same.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from numbers import Integral
from typing import Any

from scalefit.errors import ConfigError, nearest
from scalefit.wording import inline, typed

from .settings import Setting, Settings, kinds, listed, shown

MOST = 1_000_000
"""Runs of a sweep, at most."""
LARGEST = 2**20
"""Bytes of a file of settings, at most."""


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

    @property
    def runs(self) -> int:
        """Return the number of runs, points times replicates."""
        return len(self.points) * len(self.seeds)

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
            more = ["seeds", "zip"] if name in settings else []
            raise ConfigError(
                f"{kind.family} has no setting {typed(name)}{'' if more else ' to go under zip'}; "
                f"{nearest(str(name), [*known, *more])}"
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
    numbers = _seeds(seeds)
    runs = math.prod(map(len, axes)) * len(numbers)
    if runs > MOST:
        raise ConfigError(f"this sweep has {runs:,} runs; at most {MOST:,} go into one")
    points = tuple(
        kind(**{name: value for part in parts for name, value in part.items()})
        for parts in product(*axes)
    )
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


def with_data(config: Config, data: Any) -> Config:
    """Return the configuration for a user's own data; itself where there are none.

    Raises
    ------
    ConfigError, InvalidData
        If the family takes no data, or not these.
    """
    if data is None:
        return config
    settings = json.loads(config.text)
    kind = type(config.points[0])
    return make(kind, {n: v for n, v in settings.items() if n != "family"} | kind.given(data))


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
    if not _natural(seed) or seed >= 2**63:
        raise ConfigError(
            f"argument 'seed' is {typed(seed)}; give one whole number >= 0, below 2^63"
        )
    return int(seed)


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
    if isinstance(seeds, Integral) and int(seeds) > MOST:
        raise ConfigError(f"setting 'seeds' is {seeds!r}; give at most {MOST:,}")
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
        if not os.path.isfile(path) and os.path.exists(path):
            raise ConfigError(f"{inline(path)}: no regular file; name a TOML file of settings")
        if os.path.getsize(path) > LARGEST:
            raise ConfigError(f"{inline(path)}: more than {LARGEST:,} bytes; settings need fewer")
        with open(path, "rb") as file:
            found = tomllib.load(file)
    except OSError as error:
        raise ConfigError(
            f"{inline(path)}: {error.strerror}; name a TOML file of settings"
        ) from None
    except RecursionError:
        raise ConfigError(f"{inline(path)}: nested too deep; settings are one level deep") from None
    except ValueError as error:  # of TOML, of UTF-8, of integers with thousands of digits
        said = inline(error)[:200]
        raise ConfigError(
            f"{inline(path)}: not TOML: {said}; write settings as  load = [1, 2]"
        ) from None
    if not isinstance(found.get("zip", {}), dict):
        raise ConfigError(
            f"{inline(path)}: 'zip' is {typed(found['zip'])}; it is the table [zip], of settings "
            "with lists that go together"
        )
    for name, value in (*found.items(), *found.get("zip", {}).items()):
        if isinstance(value, dict) and not (name == "zip" and value is found.get("zip")):
            raise ConfigError(
                f"{inline(path)}: {typed(name)} is a table; a setting has one value, or a list"
            )
    return found
