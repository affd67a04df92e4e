"""Stored fits that are damaged, edited or made to mislead: refused with 3, in one line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import xarray as xr

import scalefit as sf
from scalefit import stored_fit
from scalefit.errors import InvalidData

from .conftest import Run

LAW = {"class": "BrokenPowerLaw", "regimes": 1, "floor": True}
PRIOR = {"set": "default", "overrides": {"width": ["LogNormal", {"median": 1.0, "sd": 1.0}]}}


def attribute(name: str, value: Any) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        del file.attrs[name]
        if value is not None:
            file.attrs[name] = value if isinstance(value, str) else json.dumps(value)

    return change


def deleted(path: str) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        del file[path]

    return change


def put(path: str, at: Any, value: Any) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        file[path][at] = value

    return change


def replaced(path: str, make: Callable[[Any], Any]) -> Callable[[h5py.File], None]:
    """Return what puts other values, of another shape or kind, in the place of a variable."""

    def change(file: h5py.File) -> None:
        values = file[path][()]
        del file[path]
        file[path] = make(values)

    return change


def declared(path: str, shape: tuple[int, ...]) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        if path in file:
            del file[path]
        file.create_dataset(path, shape, "f8", chunks=tuple(min(n, 64) for n in shape))

    return change


def elsewhere(file: h5py.File) -> None:
    del file["posterior/noise"]
    file["posterior/noise"] = h5py.ExternalLink("other.nc", "/noise")


def other_file(file: h5py.File) -> None:
    shape = file["posterior/noise"].shape
    del file["posterior/noise"]
    where = [("/etc/passwd", 0, 8 * int(np.prod(shape)))]
    file["posterior"].create_dataset("noise", shape, "f8", external=where)


def endless(file: h5py.File) -> None:
    file["posterior/again"] = file["posterior"]


def overrides(kind: Any, fields: Any) -> dict[str, Any]:
    return {"set": "default", "overrides": {"width": [kind, fields]}}


DAMAGE: dict[str, tuple[Callable[[h5py.File], None], str]] = {
    **{
        f"no {name}": (deleted(name), name.split("/")[-1])
        for name in (
            *("posterior", "observed_data", "constant_data", "diagnostics"),
            *("posterior/noise", "posterior/exponent", "posterior/log_amplitude"),
            *("posterior/floor", "observed_data/y", "constant_data/x", "diagnostics/verdict"),
        )
    },
    **{
        f"no attribute {name}": (attribute(name, None), f"'{name}'")
        for name in (
            "law",
            "noise",
            "priors",
            "pool",
            "pools",
            "method",
            "seed",
            "x_name",
            "y_unit",
            "scalefit",
        )
    },
    **{
        f"noise of another kind: {kind}": (attribute("noise", kind), f"'{lacks}'")
        for kind, lacks in {
            "ar1": "autocorrelation",
            "changing": "noise_slope",
            "student": "degrees_of_freedom",
            "outlier": "outlier_share",
            "run": "run_noise",
        }.items()
    },
    "law is no JSON": (attribute("law", "{"), "'law' is no JSON"),
    "law is deep": (attribute("law", "[" * 10**5), "'law' is no JSON"),
    "law is a list": (attribute("law", [1]), "'law' names no law"),
    "law is null": (attribute("law", "null"), "'law' names no law"),
    "law of no class": (attribute("law", {"name": "a"}), "'law' names no law"),
    "law is code": (attribute("law", {"class": "os.system", "name": "a"}), "'law' names no law"),
    "law by another name": (
        attribute("law", {"class": "PowerLawWithCutoff", "name": "a"}),
        "'law' names no law",
    ),
    "99 regimes": (attribute("law", {**LAW, "regimes": 99}), "out of bounds"),
    "regimes in words": (attribute("law", {**LAW, "regimes": "1"}), "out of bounds"),
    "floor below 0": (attribute("law", {**LAW, "floor": -1.0}), "out of bounds"),
    "law says more": (attribute("law", {**LAW, "more": 1}), "too much"),
    "another number of regimes": (attribute("law", {**LAW, "regimes": 3}), "'exponent'"),
    "priors are no JSON": (attribute("priors", "{"), "'priors' is no JSON"),
    "priors are a list": (attribute("priors", []), "'priors' has no 'set'"),
    "priors of another set": (attribute("priors", {**PRIOR, "set": "wide"}), "set 'wide'"),
    "priors of another class": (attribute("priors", overrides("Any", {})), "'width'"),
    "priors of a module": (attribute("priors", overrides("math", {})), "'width'"),
    "priors of a function": (attribute("priors", overrides("unpack", {})), "'width'"),
    "priors are lists": (attribute("priors", overrides([1], {})), "'width'"),
    "priors lack a part": (attribute("priors", overrides("Normal", {"mean": 1.0})), "'width'"),
    "priors of no width": (
        attribute("priors", overrides("Normal", {"mean": 0, "sd": 0})),
        "'width'",
    ),
    "priors of any size": (
        attribute("priors", overrides("Normal", {"mean": 0, "sd": 1, "size": 2**40})),
        "'width'",
    ),
    "priors of no number": (
        attribute("priors", overrides("Normal", {"mean": "a", "sd": 1})),
        "'width'",
    ),
    "pool is a number": (attribute("pool", 3), "'pool'"),
    "pools of none": (attribute("pool", ["seed"]), "pooled"),
    "noise": (attribute("noise", "ar3"), "'ar3'"),
    "method": (attribute("method", "magic"), "'magic'"),
    "schema": (attribute("schema", "scalefit-fit/9"), "no fit of this version"),
    "NaN among draws": (put("posterior/noise", (0, 0, 0), np.nan), "'noise'"),
    "NaN among exponents": (put("posterior/exponent", (0, 0, 0), np.nan), "'exponent'"),
    "infinite draws": (put("posterior/floor", (0, 3, 1), np.inf), "'floor'"),
    "no draws and a good verdict": (
        put("posterior/noise", (slice(None), slice(None), 0), np.nan),
        "verdict is 'ok'",
    ),
    "x out of order": (put("constant_data/x", (0, 3), 1e9), "not in order"),
    "x missing": (put("constant_data/x", (0, 3), np.nan), "x and y"),
    "y below 0": (put("observed_data/y", (0, 3), -1.0), "not positive"),
    "one run twice": (put("posterior/run", 0, "large"), "twice"),
    "another run": (put("posterior/run", 0, "other"), "other runs"),
    "no verdict": (put("diagnostics/verdict", 0, ""), "verdict"),
    "an unknown group": (lambda file: file.create_group("posterior2"), "'posterior2'"),
    "texts for draws": (replaced("posterior/noise", lambda v: v.astype("S5")), "no numbers"),
    "complex draws": (replaced("posterior/noise", lambda v: v + 1j), "no numbers"),
    "huge draws": (declared("posterior/more", (2**20, 2**20)), "larger than"),
    "huge attribute": (lambda file: file.attrs.create("more", np.zeros(2**21)), "attribute 'more'"),
    "a link": (elsewhere, "link"),
    "another file": (other_file, "another file"),
    "endless": (endless, "no variable"),
}


COMMANDS = (("predict", "--at", "1e6"), ("compare",), ("report", "--out", "page.html"))


@pytest.mark.parametrize(
    ("damage", "command"),
    [(damage, COMMANDS[i % len(COMMANDS)]) for i, damage in enumerate(DAMAGE)],
    ids=list(DAMAGE),
)
def test_a_damaged_fit_is_refused_with_3(
    damage: str, command: tuple[str, ...], stored: Path, run: Run
) -> None:
    change, word = DAMAGE[damage]
    with h5py.File(stored, "r+") as file:
        change(file)
    before = sorted(Path.cwd().rglob("*"))
    done = run(command[0], stored, *command[1:])
    assert (done.code, done.out) == (3, "")
    assert len(done.err.splitlines()) == 1
    assert str(stored) in done.err
    assert word in done.err or "not a fit" in done.err
    assert sorted(Path.cwd().rglob("*")) == before


def test_every_command_refuses_a_damaged_fit(stored: Path, run: Run) -> None:
    with h5py.File(stored, "r+") as file:
        DAMAGE["NaN among draws"][0](file)
    before = sorted(Path.cwd().rglob("*"))
    for command in COMMANDS:
        done = run(command[0], stored, *command[1:])
        assert (done.code, done.out, len(done.err.splitlines())) == (3, "", 1)
    assert sorted(Path.cwd().rglob("*")) == before


def without(group: str) -> Callable[[xr.DataTree], xr.DataTree]:
    return lambda tree: tree.drop_nodes(group)


def having(group: str, name: str, at: Any, value: Any) -> Callable[[xr.DataTree], xr.DataTree]:
    def change(tree: xr.DataTree) -> xr.DataTree:
        data = tree[group].to_dataset()
        values = data[name].values.copy()
        values[at] = value
        tree[group] = xr.DataTree(data.assign({name: data[name].copy(data=values)}))
        return tree

    return change


def test_the_probabilities_of_models_add_up(tmp_path: Path, several: sf.Fit) -> None:
    x, y = several.curve("a")
    fit = sf.fit(x, y, regimes=[1, 2], method="point", noise="normal", draws=100, progress=False)
    first: Any = (0, 0, 0, 0)
    for change, word in (
        (having("models", "probability", (0, 0), 2.0), "add up"),
        (having("models", "state", (0, 0), "fine"), "'fine'"),
        (having("models", "noise", 0, "ar9"), "'noise'"),
        (having("models", "regimes", 0, 9), "'regimes'"),
        (without("averaged"), "'averaged' is missing"),
        (without("models"), "'models' is missing"),
        (without("regimes_2"), "'regimes_2' is missing"),
        (having("averaged", "exponent", first, np.nan), "'exponent'"),
        (having("regimes_2", "crossover", first, np.nan), "'crossover'"),
    ):
        with pytest.raises(InvalidData, match=word):
            stored_fit.check(change(fit.tree.copy()))
    fit.save(tmp_path / "fit.nc")
    with h5py.File(tmp_path / "fit.nc", "r+") as file:
        put("models/probability", (0, 0), 2.0)(file)
    with pytest.raises(InvalidData, match=r"fit\.nc: .*add up"):
        sf.load(tmp_path / "fit.nc")


@pytest.mark.slow
def test_a_flipped_bit_is_read_or_refused(stored: Path) -> None:
    whole = stored.read_bytes()
    rng = np.random.default_rng(0)
    refused = []
    for place in rng.integers(0, 8 * len(whole), 60):
        damaged = bytearray(whole)
        damaged[place // 8] ^= 1 << (place % 8)
        stored.write_bytes(damaged)
        try:
            sf.load(stored).predict([1e6])
        except InvalidData as error:
            refused.append(str(error))
    assert refused
    assert all(str(stored) in said and "\n" not in said for said in refused)


def test_arrays_of_a_fit_are_read_only(several: sf.Fit, tmp_path: Path) -> None:
    several.save(tmp_path / "fit.nc")
    for fit in (several, sf.load(tmp_path / "fit.nc")):
        said = fit.predict([1e6])["median"].values.copy()
        with pytest.raises(ValueError, match="read-only"):
            fit.exponents.values[...] = 9.0
        for group in ("posterior", "observed_data", "constant_data", "diagnostics"):
            for variable in fit.tree[group].data_vars.values():
                assert not variable.values.flags.writeable
        np.testing.assert_array_equal(fit.predict([1e6])["median"].values, said)
