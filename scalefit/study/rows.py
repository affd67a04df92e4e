"""Rows of a study: a fit of every group of runs, and each exponent beside what theory claims."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from scalefit.arrays import Array
from scalefit.errors import InvalidData, ScalefitError

from .classes import Class, of

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

COLUMNS = (
    "family", "class", "curves", "parameter", "claimed", "window", "median", "low", "high",
    "p_claimed", "p_window", "says", "verdict", "runs", "points", "source",
)  # fmt: skip
SURE = 0.9
"""Probability from which on an exponent agrees, and one minus that up to which it differs."""
SIZES = 3
"""Values of every axis that a group must have."""


@dataclass(frozen=True)
class Group:
    """Runs that differ in the class's axes and in their seeds alone.

    Attributes
    ----------
    held
        The class.
    known
        Settings that these runs share.
    label
        What tells them from the other groups of their trajectory.
    frame
        Their points, the mean over seeds where these were measured at the same places.
    runs
        How many runs are behind it.
    """

    held: Class
    known: dict[str, Any]
    label: str
    frame: pd.DataFrame
    runs: int


def family_of(dataset: xr.Dataset) -> str:
    """Return the family that a trajectory's configuration names, "" where there is none."""
    found = re.search(r'"family":"(\w+)"', str(dataset.attrs.get("config", "")))
    return found[1] if found else ""


def groups(dataset: xr.Dataset) -> Iterator[Group]:
    """Return the groups of a trajectory that a class claims something of."""
    from scalefit.trainers.families import find
    from scalefit.trainers.settings import kinds
    from scalefit.trajectory import to_frame

    family = family_of(dataset)
    if not family:
        return
    frame = to_frame(dataset.sel(run=dataset["status"].values == "ok"))
    settings = [name for name in kinds(find(family).settings) if name in frame.columns]
    vary = [name for name in settings if frame[name].nunique(dropna=False) > 1]
    known = {name: frame[name].iloc[0] for name in settings if name not in vary}
    for held in of(family, {**dict.fromkeys(vary), **known}):
        yield from _divided(held, frame, known, vary)


def _divided(
    held: Class, frame: pd.DataFrame, known: dict[str, Any], vary: list[str]
) -> Iterator[Group]:
    """Return the groups of one class."""
    if not {*held.x, held.y} <= {*frame.columns}:
        return
    apart = [name for name in vary if name not in held.x and name not in ("n_train", "steps")]
    parts = frame.groupby(apart) if apart else [((), frame)]
    for values, part in parts:
        own = dict(zip(apart, values, strict=True))
        label = ", ".join(f"{name} {_short(value)}" for name, value in own.items())
        used = _means(part.dropna(subset=[*held.x, held.y]), held.x)
        if any(used[name].nunique() < SIZES for name in held.x):
            continue  # a law of this axis needs several values of it
        yield Group(held, {**known, **own}, label, used[[*held.x, held.y]], part["run"].nunique())


def _means(frame: pd.DataFrame, x: tuple[str, ...]) -> pd.DataFrame:
    """Return the mean over seeds at each point of a curve; runs of one point are all kept."""
    if frame["point"].nunique() == 1:
        return frame
    return frame.groupby([*x[1:], "point"], as_index=False).mean(numeric_only=True)


def _short(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float | np.floating) else str(value)


def rows(dataset: xr.Dataset, *, rope: float, interval: float, seed: int) -> list[dict[str, Any]]:
    """Return a row for every exponent that a class claims of a trajectory.

    Parameters
    ----------
    dataset
        A trajectory that trainers made.
    rope
        Difference of exponents up to which they agree.
    interval
        Probability between `low` and `high`.
    seed
        Of the fits.

    Returns
    -------
    list of dict
        With `COLUMNS`: `claimed` for large sizes, `window` what theory's own curve gives to the
        same fit of the same points, NaN where it has none; `p_claimed` and `p_window`, the
        probabilities that the exponent is within `rope` of them; and what that says, of the
        window where there is one: `"agrees"`, `"differs"`, `"open"`, or `"no fit"`.
    """
    made = []
    fits: dict[tuple[Any, ...], Any] = {}
    for group in groups(dataset):
        key = (*group.held.fitted, group.label)
        try:
            if key not in fits:
                fits[key] = _fitted(group, group.frame, seed)
            made += _of_group(group, dataset, fits[key], rope, interval, seed)
        except ScalefitError as error:
            first = str(error).partition("\n")[0]
            made.append({**_begun(group), "parameter": "", "says": "no fit", "verdict": first})
    return made


def _begun(group: Group) -> dict[str, Any]:
    held = group.held
    unknown = ("claimed", "window", "median", "low", "high", "p_claimed", "p_window")
    return {
        "family": _spoken(group),
        "class": held.name,
        "curves": group.label,
        **dict.fromkeys(unknown, float("nan")),
        "runs": group.runs,
        "points": len(group.frame),
        "source": held.source,
    }


def _spoken(group: Group) -> str:
    settings = (str(group.known.get(name) or "") for name in ("protocol", "images"))
    return ", ".join(filter(None, (group.held.families[0], *settings))).replace("_", " ")


def _of_group(
    group: Group, dataset: xr.Dataset, fit: Any, rope: float, interval: float, seed: int
) -> list[dict[str, Any]]:
    """Return the rows of a group, of the fit of its points and of one of theory's."""
    found = fit.parameters(fit.runs[0])
    exact = _exact(group, dataset, seed)
    verdict, ends = fit.verdict[fit.runs[0]], (0.5 - interval / 2, 0.5, 0.5 + interval / 2)
    made = []
    for name, claimed in group.held.exponents(group.known).items():
        draws = _draws(found, name)
        low, median, high = np.quantile(draws, ends)
        window = float(np.median(_draws(exact, name))) if exact else float("nan")
        near, there = (float(np.mean(np.abs(draws - one) <= rope)) for one in (claimed, window))
        judged = there if exact else near
        says = "agrees" if judged >= SURE else "differs" if judged <= 1.0 - SURE else "open"
        made.append(
            {
                **_begun(group),
                "parameter": _named(name, group.held.x),
                "claimed": claimed,
                "window": window,
                "median": float(median),
                "low": float(low),
                "high": float(high),
                "p_claimed": near,
                "p_window": there if exact else float("nan"),
                "says": says if verdict.partition(":")[0] != "unreliable" else "no fit",
                "verdict": verdict,
            }
        )
    return made


def _fitted(group: Group, frame: pd.DataFrame, seed: int, **options: Any) -> Any:
    """Return the fit of a class's law; points along runs have noise that goes along them."""
    import scalefit as sf

    held, several = group.held, len(group.held.x) > 1
    low, high = held.window(group.known)
    first = frame[held.x[0]]
    there = (first >= (low or 0.0)) & (first <= (high or np.inf))
    there &= frame[held.y] <= held.below * frame[held.y].max()
    if not there.any():
        raise InvalidData(
            f"{held.y} stays above {held.below:g} of its largest value: train longer, or on more"
        )
    along = first.nunique() == len(first) or held.law == "collapse"
    how: dict[str, Any] = {"noise": "normal"}
    if along and not options:
        how["noise"] = "ar1-run" if several else "ar1"
    if held.law == "collapse":
        how["runs"] = held.x[1]
    if held.law == "power":
        how["floor"] = False
    return sf.fit(
        frame[there],
        x=held.x if several else held.x[0],
        y=held.y,
        by=[],
        law=held.law,
        seed=seed,
        progress=False,
        **{**how, **options},
    )


def _exact(group: Group, dataset: xr.Dataset, seed: int) -> dict[str, Array]:
    """Return the same fit's parameters of theory's own curves; empty where it has none."""
    from scalefit import trainers
    from scalefit.trajectory import to_frame

    if group.known.get("protocol") not in group.held.exact:
        return {}
    config = json.loads(str(dataset.attrs["config"]).partition("; ")[0])
    frame = to_frame(trainers.theory(trainers.config(config.pop("family"), **config)))
    for name, value in group.known.items():
        if name in frame.columns and frame[name].nunique() > 1:
            frame = frame[frame[name] == value]
    used = frame[[*group.held.x, group.held.y]].dropna()
    fit = _fitted(group, used, seed, noise="normal", method="point")
    found: dict[str, Array] = fit.parameters(fit.runs[0])
    return found


def _draws(found: dict[str, Array], name: str) -> Array:
    """Return the draws of a parameter, `"gamma"`, or `"exponent 1"`, the second of several."""
    base, _, place = name.partition(" ")
    draws = found[base]
    return draws if draws.ndim == 1 else draws[:, int(place or 0)]


def _named(name: str, x: tuple[str, ...]) -> str:
    base, _, place = name.partition(" ")
    return f"{base} in {x[int(place)]}" if place else base
