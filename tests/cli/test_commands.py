"""What the commands print and write."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import scalefit
from scalefit import trajectory
from scalefit.cli.document import document as described
from scalefit.cli.output import emit
from scalefit.wording import rounded

from .conftest import AXES, POINT, WIDTH, Curves, Run


def test_fit_writes_all_three_and_says_what_it_found(tmp_path: Path, table: Path, run: Run) -> None:
    out = tmp_path / "deep" / "results"
    done = run("fit", table, *AXES, "--by", "model", *POINT, "--out", out, "--seed", 7)
    assert done.code == 0
    for name in ("fit.nc", "summary.csv", "plot.png", "report.html"):
        assert str(out / name) in done.out
    assert sorted(path.name for path in out.iterdir()) == [
        "fit.nc",
        "plot.png",
        "report.html",
        "summary.csv",
    ]
    assert (out / "plot.png").read_bytes().startswith(b"\x89PNG")
    assert "(seed 7)" in done.out
    fit = scalefit.load(out / "fit.nc")
    assert fit.runs == ["base", "large"]
    written = pd.read_csv(
        out / "summary.csv", keep_default_na=False, na_values={"ess": "", "rhat": ""}
    )
    pd.testing.assert_frame_equal(written, fit.summary(), check_dtype=False)
    for row in fit.summary().query("parameter == 'exponent'").to_dict("records"):
        assert f"{row['run']}: ok; 1 regime, floor" in done.out
        assert rounded(row["median"], row["low"], row["high"])[0] in done.out
    assert "preview, not a posterior" in done.err
    assert "preview" not in done.out


def test_options_of_fit_reach_the_fit(table: Path, run: Run, curves: Curves) -> None:
    common = ("fit", table, *AXES, "--json", *POINT)
    document = run(
        *common, "--where", "model=base", "--from", 3, "--to", 3e3, "--floor", "no"
    ).document
    (only,) = document["runs"]
    steps = curves(["base"])["step"]
    assert only["points"] == ((steps >= 3) & (steps <= 3e3)).sum()
    assert document["law"] == "1 regime, no floor"
    wide = run(*common, "--where", "model=base", "--interval", 0.99).document
    narrow = run(*common, "--where", "model=base", "--interval", 0.5).document
    assert wide["interval"] == 0.99

    def width(found: dict[str, Any]) -> float:
        first = found["runs"][0]["parameters"][0]
        return float(first["high"] - first["low"])

    assert width(wide) > 2 * width(narrow)


def test_predict_agrees_with_python(stored: Path, run: Run) -> None:
    done = run("predict", stored, "--at", 1e5, "--at", 100, "--seed", 3)
    assert done.code == 0
    assert "(seed 3)" in done.out
    expected = scalefit.load(stored).predict([1e5, 100], seed=3)
    for name in ("base", "large"):
        for i in range(2):
            one = expected.sel(run=name).isel(x=i)
            for which in ("", "_inside"):
                ends = (float(one[f"{end}{which}"]) for end in ("low", "high"))
                _, low, high = rounded(float(one["median"]), *ends)
                assert f"[{low}, {high}]" in done.out
    assert "further crossover" in done.out
    assert max(map(len, done.out.splitlines())) <= WIDTH
    assert len(re.findall(r"\] +\*", done.out)) == 2
    assert "beyond the data" in done.out
    inside = run("predict", stored, "--at", 100, "--kind", "curve")
    assert "beyond" not in inside.out
    assert "further" not in inside.out
    assert "without noise" in inside.out


def test_hazard_reaches_the_prediction(stored: Path, run: Run) -> None:
    at = ("predict", stored, "--at", 1e6)
    expected = scalefit.load(stored).predict([1e6], hazard=3.0)
    document = run(*at, "--hazard", 3, "--json").document
    assert document["hazard"] == 3.0
    for row in document["predictions"]:
        one = expected.sel(run=row["run"]).isel(x=0)
        for name in ("median", "mean", "low", "high", "low_inside", "high_inside"):
            assert row[name] == float(one[name])
        assert row["low"] < row["low_inside"] < row["high_inside"] < row["high"]
    calm = run(*at, "--hazard", 0)
    assert "if no further" not in calm.out
    assert "holds if the regime goes on" in calm.out
    assert "further crossovers expected at 3 per decade (--hazard)" in run(*at, "--hazard", 3).out


@pytest.mark.slow
def test_several_models_are_told_in_a_line(table: Path, run: Run, tmp_path: Path) -> None:
    arguments = ("fit", table, *AXES, "--by", "model", "--method", "point", "--regimes", "1,2")
    done = run(*arguments, "--out", "results")
    assert done.code == 0
    fit = scalefit.load(tmp_path / "results" / "fit.nc")
    for name in ("base", "large"):
        count = int(fit.summary().query("run == @name")["regimes"].iloc[0])
        assert f"{name}: ok; {count} regime{'s' * (count > 1)} (P " in done.out
        share = fit.probabilities.loc[name].groupby(level="regimes").sum()
        told = ", ".join(f"{n} {p:.2f}".replace(" 0.", " .") for n, p in share.items())
        assert f"  regimes: {told}; floor " in done.out.replace(" 1;", " 1.00;")
    lines = [line for line in done.out.splitlines() if line.startswith("  regimes: ")]
    assert len(lines) == 2
    assert all("; noise: ar1 " in line and len(line) <= WIDTH for line in lines)
    assert "P(" not in done.out
    document = run(*arguments, "--json").document
    assert document["law"] == "1 to 2 regimes, with or without a floor"
    for one in document["runs"]:
        assert len(one["probabilities"]) == len(one["certificate"]) == 12
        assert sum(row["probability"] for row in one["probabilities"]) == pytest.approx(1.0)
        assert set(one["probabilities"][0]) == {"regimes", "floor", "noise", "probability"}
        assert {"log_evidence", "error", "apart", "state"} <= set(one["certificate"][0])
    only = run(*arguments[:-2], "--regimes", "2", "--floor", "no", "--noise", "ar1", "--json")
    assert only.document["law"] == "2 regimes, no floor"
    assert "probabilities" not in only.document["runs"][0]


def test_models_reach_the_fit(table: Path, run: Run, tmp_path: Path) -> None:
    frame = pd.read_csv(table)
    frame.assign(sd=0.02 * frame["loss"]).to_csv(tmp_path / "errors.csv", index=False)
    options = ("--regimes", 1, "--floor", 0.4, "--noise", "student", "--y-err", "sd")
    more = ("--priors", "narrow", "--method", "point", "--draws", 500, "--seed", 3)
    done = run("fit", "errors.csv", *AXES, "--by", "model", *options, *more, "--out", "results")
    assert done.code == 0
    assert "base: ok; 1 regime, floor at 0.4" in done.out
    assert re.search(r"floor +0\.4 +\[0\.4, 0\.4\] +fixed", done.out)
    expected = scalefit.fit(
        frame.assign(sd=0.02 * frame["loss"]), x="step", y="loss", by="model", regimes=1,
        floor=0.4, noise="student", y_err="sd", priors="narrow", method="point", draws=500, seed=3,
    )  # fmt: skip
    stored = scalefit.load(tmp_path / "results" / "fit.nc")
    for name, values in expected.parameters("large").items():
        np.testing.assert_array_equal(stored.parameters("large")[name], values)
    assert stored.law == expected.law
    pd.testing.assert_frame_equal(stored.priors, expected.priors)


@pytest.mark.slow
def test_workers_change_nothing(table: Path, run: Run) -> None:
    arguments = ("fit", table, *AXES, "--by", "model", *POINT, "--json")
    assert run(*arguments, "--workers", 2).out == run(*arguments).out


def test_all_models_by_default(run: Run, tmp_path: Path, curves: Curves) -> None:
    curves(["base"], points=12).to_csv(tmp_path / "one.csv", index=False)
    done = run("fit", "one.csv", *AXES, "--json")
    (only,) = done.document["runs"]
    assert done.document["law"] == "1 to 4 regimes, with or without a floor"
    assert done.document["method"] == "certified"
    assert done.code == (0 if only["verdict"] == "ok" else 4)
    assert {row["regimes"] for row in only["probabilities"]} == {1, 2, 3, 4}
    assert {row["noise"] for row in only["probabilities"]} == {"normal", "ar1"}


def test_same_seed_same_output(table: Path, run: Run) -> None:
    arguments = ("fit", table, *AXES, "--by", "model", *POINT, "--json", "--seed")
    assert run(*arguments, 1).out == run(*arguments, 1).out
    assert run(*arguments, 1).out != run(*arguments, 2).out


@pytest.mark.slow
@pytest.mark.train
def test_train_then_fit(tmp_path: Path, run: Run) -> None:
    small = [f"--set={text}" for text in ("load=2,4", "N=20", "seeds=2", "steps=1e2", "points=12")]
    done = run("train", "perceptron", *small, "--out", "runs", "--device", "cpu", "--seed", 5)
    assert done.code == 0
    assert "4 runs of" in done.out
    assert "(seed 5)" in done.out
    path = tmp_path / "runs" / "perceptron.nc"
    assert sorted(one.name for one in path.parent.iterdir()) == ["bundles", path.name, "sweeps"]
    assert xr.load_dataset(path).attrs["seed"] == 5
    first = path.read_bytes()
    plan = ("train", "perceptron", *small, "--out", "runs", "--dry-run")
    told = run(*plan, "--seed", 5).out
    assert "4 runs of 2 shapes, 4 finished" in told
    assert "(seed 5)" in told
    assert "4 runs of 2 shapes, 0 finished; about" in run(*plan).out
    assert [one["runs"] for one in run(*plan, "--json").document["shapes"]] == [2, 2]
    assert re.search(r"perceptron gradient_descent +load 2 to 4 +4 +4 *\n", run("runs", "runs").out)
    (row,) = run("runs", "runs", "--json").document["sweeps"]
    assert (row["runs"], row["ok"], row["to_do"], row["seconds_left"]) == (4, 4, 0, 0)
    assert path.read_bytes() == first
    alone = run("train", "perceptron", *small, "--out", "one.nc", "--seed", 5)
    assert "wrote one.nc (seed 5)" in alone.out
    part = run(
        "train", "perceptron", *small, "--out", "runs", "--shard", "2/2", "--csv", "--seed", 5
    )
    assert part.out.splitlines()[0].startswith("run,")
    assert xr.load_dataset("runs/perceptron-2-of-2.nc").sizes["run"] == 2
    xr.testing.assert_equal(xr.load_dataset("one.nc"), xr.load_dataset(path))
    one = ("--by", "load", "--by", "seed", "--where", "load=4", "--where", "seed=1")
    fit = run("fit", path, "--x", "norm", "--y", "test_error", *one, *POINT, "--json")
    assert [one["run"] for one in fit.document["runs"]] == ["4.0, 1"]
    trained = run("train", "perceptron", *small, "--json").document
    assert (trained["seed"], trained["runs"]) == (0, 4)
    header = run("theory", "perceptron", "--set=load=2", "--set=norm=1,2", "--csv").out.split("\n")[
        0
    ]
    shared = {"norm", "test_error", "overlap", "train_loss", "train_error"}
    assert shared <= set(header.split(","))
    assert shared <= set(trained["variables"])


def test_theory_prints_and_keeps_the_same_curves(tmp_path: Path, run: Run) -> None:
    settings = ("theory", "perceptron", "--set=load=2,5", "--set=norm=0.5,1,2")
    done = run(*settings, "--csv", "--out", "kept/theory.nc")
    assert done.code == 0
    printed = pd.read_csv(io.StringIO(done.out), converters={"test_error": float})
    kept = trajectory.to_frame(trajectory.open_netcdf(tmp_path / "kept" / "theory.nc"))
    assert list(printed) == list(kept)
    np.testing.assert_array_equal(printed["test_error"], kept["test_error"])
    assert "2 runs of 3 points" in run(*settings, "--seed", 4).out
    document = run(*settings, "--json", "--seed", 4).document
    assert (document["command"], document["seed"], document["runs"]) == ("theory", 4, 2)


def test_data_sets(public_data: Path, tmp_path: Path, run: Run) -> None:
    listed = run("data", "list")
    assert listed.code == 0
    for name in ("alabdulmohsin2022", "llmc-gpt2-124m"):
        assert re.search(rf"{name}.* here", listed.out)
        about = run("data", "info", name)
        assert about.out.startswith(f"{name}: ")
        assert max(map(len, about.out.splitlines())) <= WIDTH
        assert run("data", "info", name, "--json").document["name"] == name
        got = run("data", "get", name, "--json").document
        assert got["files"] == [f"{name}.nc"]
        assert (tmp_path / f"{name}.nc").is_file()
    known = [one["name"] for one in run("data", "list", "--json").document["datasets"]]
    assert {"alabdulmohsin2022", "llmc-gpt2-124m"} <= set(known)
    said = run("data", "get", "llmc-gpt2-124m", "--out", tmp_path / "gpt2.nc").out
    assert "scalefit fit" in said
    where = ("--where", "domain=IC", "--where", "task=inet_10", "--where", "model=BiT/101/3")
    axes = ("--x", "examples_seen", "--y", "loss")
    few = ("--method", "point", "--regimes", "1,2", "--noise", "normal")
    fit = run("fit", "alabdulmohsin2022.nc", *axes, *where, *few)
    assert fit.code == 0
    assert re.search(r"IC, inet_10, BiT/101/3: ok; \d regime", fit.out)
    assert "sorted" in fit.err


JSON = {
    "fit": ["fit", "runs.csv", *AXES, *POINT, "--by", "model", "--out", "o", "--json"],
    "predict": ["predict", "results/fit.nc", "--at", "1e9", "--json"],
    "theory": ["theory", "perceptron", "--set=norm=1,2", "--json"],
    "data list": ["data", "list", "--json"],
    "data info": ["data", "info", "alabdulmohsin2022", "--json"],
}


@pytest.mark.parametrize("command", JSON)
@pytest.mark.usefixtures("stored")
def test_json_is_one_document_and_nothing_else(command: str, run: Run) -> None:
    done = run(*JSON[command])
    assert done.code == 0
    assert done.document["command"] == command
    assert done.document.get("seed") == (None if command.startswith("data") else 0)
    assert done.out == json.dumps(done.document, indent=2) + "\n"


def test_json_has_no_number_that_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    emit("test", a=float("nan"), b=[np.float64("inf"), np.int64(1)], c={"d": np.bool_(True)})
    assert json.loads(capsys.readouterr().out) == {
        "schema": "scalefit-cli/1",
        "command": "test",
        "a": None,
        "b": [None, 1],
        "c": {"d": True},
    }


def test_many_runs_have_a_line_each_and_alike_notes_one(
    run: Run, tmp_path: Path, curves: Curves
) -> None:
    names = [f"m{i:02d}" for i in range(14)]
    frame = curves(names)
    frame["loss"] *= 1.0 + 0.2 * np.sin(np.log(frame["step"]))
    frame.to_csv(tmp_path / "many.csv", index=False)
    done = run("fit", "many.csv", *AXES, "--by", "model", *POINT)
    stored = [line.split()[0] for line in done.out.splitlines() if line.startswith(" m")]
    assert stored == names
    assert max(map(len, done.out.splitlines())) <= WIDTH
    (correlated,) = [line for line in done.err.splitlines() if "correlated" in line]
    assert correlated.endswith("(numbers of the first)")


@pytest.mark.slow
def test_pooled_curves_show_what_they_share(run: Run, tmp_path: Path, curves: Curves) -> None:
    frame = curves(["a", "b", "c"]).assign(loss=lambda t: 3.0 * t["step"] ** -0.3)
    scatter = np.random.default_rng(0).normal(size=len(frame))
    frame["loss"] *= np.exp(0.02 * scatter)
    frame.to_csv(tmp_path / "seeds.csv", index=False)
    options = ("--pool", "model", "--regimes", 1, "--floor", "no")
    done = run("fit", "seeds.csv", *AXES, "--by", "model", *options, "--out", "out")
    assert done.code == 0
    assert re.search(r"spread_exponent 0 +0\.0\d+ +\[", done.out)
    told = described(scalefit.load("out/fit.nc"), seed=0, interval=0.5)
    shared = {row["parameter"]: row for row in told["shared"]}
    assert shared.keys() >= {"exponent", "spread_exponent"}
    row = shared["exponent"]
    within = told["runs"][0]["parameters"][0]
    assert (within["parameter"], told["interval"]) == ("exponent", 0.5)
    assert row["high"] - row["low"] < 2.0 * (within["high"] - within["low"])


@pytest.mark.train
def test_scalars_are_those_of_the_trajectory(tmp_path: Path, run: Run) -> None:
    settings = ("--set=N=10", "--set=seeds=2", "--set=steps=30", "--set=points=5")
    run("train", "perceptron", *settings, "--out", "a.nc", "--tensorboard", "board")
    trained = xr.load_dataset("a.nc")
    folders = sorted((tmp_path / "board").iterdir())
    assert [one.name for one in folders] == [
        "load=5_N=10_steps=30_points=5_seed=0",
        "load=5_N=10_steps=30_points=5_seed=1",
    ]
    read = scalefit.read(next(folders[1].iterdir()), y="test_error")
    np.testing.assert_allclose(read["test_error"][0], trained["test_error"][1], rtol=1e-6)
    np.testing.assert_array_equal(read[read.attrs["x"]][0], trained["step"][1])


@pytest.mark.train
def test_runs_of_different_lengths_end_where_they_end(run: Run) -> None:
    settings = ("--set=load=4", "--set=N=10", "--set=seeds=1", "--set=steps=1,300")
    done = run("train", "perceptron", *settings, "--out", "a.nc")
    assert "2 runs of up to " in done.out
    last = xr.load_dataset("a.nc")["norm"]
    expected = np.median([last[0].values[0], last[1].values[-1]])
    row = next(line for line in done.out.splitlines() if line.startswith(" norm "))
    assert float(row.split()[2]) == pytest.approx(expected, rel=1e-3)
