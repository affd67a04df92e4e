"""Fits against several predictors: from data to predictions, figures, pages and files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import scalefit as sf
from scalefit.comparison.sentences import sentences
from scalefit.laws import Additive, FourRegime, Kaplan

TRUTH: dict[str, Any] = {
    "exponent": np.array([0.35, 0.3]),
    "amplitude": np.array([400.0, 300.0]),
    "floor": np.array(1.7),
}


def table(n: int = 48, noise: float = 0.005, seed: int = 0) -> pd.DataFrame:
    """Return final losses of models of several sizes and amounts of data."""
    rng = np.random.default_rng(seed)
    size = np.repeat(np.geomspace(1e7, 1e10, 6), n // 6)
    tokens = size * rng.uniform(5.0, 80.0, n)
    x = np.stack([size, tokens], axis=1)
    loss = np.exp(Additive().log_mean(TRUTH, x) + noise * rng.standard_normal(n))
    return pd.DataFrame({"size": size, "seen": tokens, "loss": loss}).sample(
        frac=1.0, random_state=seed
    )


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    """Close the figures that a test makes."""
    yield
    import matplotlib.pyplot as plt

    plt.close("all")


@pytest.fixture(scope="module")
def fit() -> sf.Fit:
    """Return the certified fit of the law that made the table."""
    return sf.fit(table(), x=("size", "seen"), y="loss", law="additive", progress=False)


def test_the_truth_is_found_and_said_by_predictor(fit: sf.Fit) -> None:
    assert fit.ok, fit.verdict
    assert fit.predictors == ["size", "seen"]
    rows = fit.summary().set_index(["parameter", "predictor"])
    for name, predictor, value in (
        ("exponent", "size", 0.35),
        ("exponent", "seen", 0.3),
        ("floor", "", 1.7),
    ):
        low, high = rows.loc[(name, predictor), ["low", "high"]]
        assert low < value < high
    assert "exponent seen" in str(fit)


def test_points_in_any_order_give_the_same_evidence(fit: sf.Fit) -> None:
    turned = table().sample(frac=1.0, random_state=5)
    again = sf.fit(turned, x=("size", "seen"), y="loss", law="additive", progress=False)
    assert again.certificate["log_evidence"][0] == pytest.approx(
        fit.certificate["log_evidence"][0], abs=1e-6
    )


def test_a_table_of_places_is_predicted_and_what_is_outside_is_marked(fit: sf.Fit) -> None:
    inside = {"size": 1e9, "seen": 3e10}
    found = fit.predict({"size": [1e9, 1e12], "seen": [3e10, 1e10]}, kind="curve")
    assert found["extrapolated"].values.tolist() == [[False, True]]
    assert found["size"].dims == ("point",)
    truth = np.exp(Additive().log_mean(TRUTH, np.array([[1e9, 3e10]])))[0]
    assert found["low"].values[0, 0] < truth < found["high"].values[0, 0]
    wide = fit.predict(inside)
    assert (wide["high"] - wide["low"]).item() > (found["high"] - found["low"]).values[0, 0]
    same = fit.predict(pd.DataFrame([inside]))
    assert same["median"].item() == wide["median"].item()
    density = fit.log_predictive(inside, [float(truth)])
    assert density.dims == ("run", "point")
    assert density.item() > 2.0  # noise of half a per cent


def test_along_one_predictor_a_fit_answers_as_a_curve(fit: sf.Fit) -> None:
    held = {"size": 1e9}
    target = float(np.exp(Additive().log_mean(TRUTH, np.array([[1e9, 2e10]])))[0])
    row = fit.reach(target, along="seen", at=held).iloc[0]
    assert row["low"] < 2e10 < row["high"]
    slope = fit.local_exponent([2e10], along="seen", at=held, floor=True)
    term = 300.0 * 2e10**-0.3
    assert float(slope.median()) == pytest.approx(0.3 * term / target, rel=0.05)


def test_what_has_no_meaning_is_refused_in_a_line(fit: sf.Fit) -> None:
    for ask in (
        lambda: fit.end_exponent,
        lambda: fit.reach(2.0),
        lambda: fit.savings(2.0),
        lambda: fit.local_exponent([1e9]),
        lambda: fit.plateaus(),
        lambda: fit.exponents,
        lambda: fit.predict({"size": 1e9}),
        lambda: fit.reach(2.0, along="seen"),
        lambda: fit.reach(2.0, along="seen", at={"sizes": 1e9}),
        lambda: fit.plot(along="sizes"),
        lambda: fit.outliers,
    ):
        with pytest.raises(sf.errors.ConfigError) as error:
            ask()
        assert "\n" not in str(error.value)
    with pytest.raises(sf.errors.InvalidData, match="columns 'size', 'seen'"):
        fit.predict([1.0, 2.0])
    with pytest.raises(sf.errors.InvalidData, match="size must be finite"):
        fit.predict({"size": -1.0, "seen": 1.0})


def test_a_file_brings_everything_back(fit: sf.Fit, tmp_path: Path) -> None:
    fit.save(tmp_path / "fit.nc")
    again = sf.load(tmp_path / "fit.nc")
    assert again.law == fit.law == Additive()
    pd.testing.assert_frame_equal(again.summary(), fit.summary())
    place = {"size": 2e9, "seen": 1e11}
    xr.testing.assert_identical(again.predict(place), fit.predict(place))
    pd.testing.assert_frame_equal(again.check(), fit.check())
    assert set(fit.check()["check"]) >= {"head of size", "tail of seen", "tail of fitted y"}


@pytest.mark.parametrize("change", ["drop", "rename", "flat"])
def test_a_damaged_file_is_one_line(fit: sf.Fit, tmp_path: Path, change: str) -> None:
    tree = fit.tree.copy(deep=True)
    if change == "drop":
        del tree.attrs["predictors"]
    elif change == "rename":
        tree.attrs["predictors"] = '[{"name": "size"}]'
    else:
        constant = tree["constant_data"].to_dataset()
        tree["constant_data"] = xr.DataTree(constant.isel(predictor=0, drop=True))
    broken = sf.Fit(fit.law, tree)
    broken.save(tmp_path / "fit.nc")
    with pytest.raises(sf.errors.InvalidData, match="no whole fit"):
        sf.load(tmp_path / "fit.nc")


def test_figures_and_pages(fit: sf.Fit, tmp_path: Path) -> None:
    ax = fit.plot()
    assert {text.get_text() for text in ax.get_legend().get_texts()} == {
        "above the law",
        "below the law",
    }
    assert sum(len(one.get_offsets()) for one in ax.collections if one.get_offsets().size > 2) >= 48
    lines = fit.plot(along="seen", at={"size": [1e8, 1e9]}).get_legend().get_texts()
    assert [line.get_text() for line in lines] == ["size 1e8", "size 1e9"]
    fit.report(tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "exponent size" in page
    assert "contours of the median" in page
    assert page.count("<script") > 0


def test_runs_of_a_trajectory_have_correlated_noise_and_one_effect_each() -> None:
    rng = np.random.default_rng(1)
    steps = np.geomspace(1e8, 1e10, 12)
    rows = []
    for i, size in enumerate(np.geomspace(1e7, 1e9, 6)):
        x = np.stack([np.full(12, size), steps], axis=1)
        law = Additive().log_mean(TRUTH, x)
        ar1 = np.zeros(12)
        for j in range(12):
            ar1[j] = 0.8 * ar1[j - 1] + 0.6 * 0.006 * rng.standard_normal() if j else 0.0
        loss = np.exp(law + ar1 + 0.01 * rng.standard_normal())
        rows += [
            {"name": f"r{i}", "size": size, "seen": s, "loss": v}
            for s, v in zip(steps, loss, strict=True)
        ]
    frame = pd.DataFrame(rows)
    options: Any = {"y": "loss", "law": "additive", "method": "point", "progress": False}
    fit = sf.fit(frame, x=("size", "seen"), runs="name", **options)
    assert fit.noise.label == "ar1-run"
    assert fit.start(fit.runs[0]) == tuple(range(0, 72, 12))
    assert {"autocorrelation", "run_noise"} <= set(fit.summary()["parameter"])
    trajectory = sf.trajectory.build(
        {
            name: (("run", "point"), frame[name].to_numpy().reshape(6, 12))
            for name in ("seen", "loss")
        },
        {"run": [f"r{i}" for i in range(6)], "size": ("run", np.geomspace(1e7, 1e9, 6))},
        source="test",
    )
    again = sf.fit(trajectory, x=("size", "seen"), **options)
    assert again.runs == ["all"]
    assert again.noise.label == "ar1-run"
    np.testing.assert_array_equal(again.curve("all")[0], fit.curve("all")[0])
    with pytest.raises(sf.errors.InvalidData, match="none are told apart"):
        sf.fit(frame, x=("size", "seen"), noise="ar1-run", **options)


def test_outliers_are_named() -> None:
    rows = table()
    rows.iloc[[3, 17], 2] *= 1.5
    fit = sf.fit(
        rows, x=("size", "seen"), y="loss", law="additive", noise="outlier", progress=False
    )
    found = fit.outliers
    assert sorted(found["y"]) == pytest.approx(sorted(rows.iloc[[3, 17], 2]))
    assert (found["probability"] > 0.99).all()
    exponents = fit.summary().set_index("predictor").loc["size"]
    assert exponents["low"].iloc[0] < 0.35 < exponents["high"].iloc[0]


def test_arrays_and_other_laws() -> None:
    rows = table()
    x = rows[["size", "seen"]].to_numpy()
    for law in (Kaplan(), FourRegime(floor=False)):
        fit = sf.fit(x, rows["loss"], law=law, method="point", progress=False)
        assert fit.predictors == ["n_params", "tokens"]
    with pytest.raises(sf.errors.InvalidData, match=r"shapes \(n, 2\)"):
        sf.fit(x[:, 0], rows["loss"], law=Kaplan(), progress=False)


BAD = {
    "constant": (lambda t: t.assign(size=1e9), "'size' is 1e\\+09 at all points"),
    "collinear": (lambda t: t.assign(seen=20.0 * t["size"]), "follow from one another"),
    "one run": (lambda t: t.iloc[:1], "1 different point; the law needs 5"),
    "words": (lambda t: t.assign(size="7 billion"), "size"),
    "negative": (lambda t: t.assign(seen=-t["seen"]), "is negative"),
    "loss of 0": (lambda t: t.assign(loss=0.0), "is not positive"),
    "missing": (lambda t: t.assign(size=np.nan), "size"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_table_is_told_in_a_line(kind: str) -> None:
    change, words = BAD[kind]
    with pytest.raises(sf.errors.InvalidData, match=words) as error:
        sf.fit(change(table()), x=("size", "seen"), y="loss", law="additive", progress=False)
    assert len(str(error.value).splitlines()) <= 2


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"x": ("size", "seen")}, "law='additive'"),
        ({"x": "size", "law": "additive"}, "name as many columns as x"),
        ({"law": "additive"}, "name as many columns as x"),
        ({"x": ("size", "size"), "law": "additive"}, "named twice"),
        ({"x": ("size", "loss"), "law": "additive"}, "another column"),
        ({"x": ("size", "seen"), "law": "additive", "x_range": (1, 2)}, "ranges by column"),
        ({"x": ("size", "seen"), "law": "additive", "resume": True}, "one column of x"),
        ({"x": ("size", "seen"), "law": "monomial", "pool": "seed"}, "exponents to pool"),
    ],
)
def test_arguments_that_do_not_fit(options: dict[str, Any], words: str) -> None:
    with pytest.raises(sf.errors.ConfigError, match=words):
        sf.fit(table(), y="loss", progress=False, **options)


def test_a_part_of_the_range_and_a_floor_that_is_not(fit: sf.Fit) -> None:
    some = sf.fit(
        table(),
        x=("size", "seen"),
        y="loss",
        law="additive",
        floor=False,
        x_range={"size": (1e8, None)},
        method="point",
        progress=False,
    )
    assert some.law == Additive(floor=False)
    assert some.curve("all")[0][:, 0].min() >= 1e8
    assert fit.curve("all")[0][:, 0].min() < 1e8


def test_laws_are_weighed_and_scored_on_points_held_out(fit: sf.Fit) -> None:
    names = ("size", "seen")
    other = sf.fit(table(), x=names, y="loss", law="kaplan", progress=False)
    ahead = table(seed=9)
    x, y = ahead[["seen", "size"]], ahead["loss"]  # columns are found by their names
    found = sf.weigh({"additive": fit, "kaplan": other}, held_out=(x, y))
    assert found["probability"].to_numpy().sum() == pytest.approx(1.0)
    assert found["probability", "additive"].iloc[0] > 0.5
    expected = float(fit.log_predictive(x, y).sum())
    assert found["held_out", "additive"].iloc[0] == pytest.approx(expected)


def test_of_three_predictors_y_is_drawn_against_the_fitted_y() -> None:
    rng = np.random.default_rng(2)
    x = np.exp(rng.uniform(0.0, 5.0, (30, 3)))
    y = 2.0 * (x**-0.3).prod(axis=1) * np.exp(0.01 * rng.standard_normal(30))
    law = sf.laws.Monomial(predictors=("a", "b", "c"))
    ax = sf.fit(x, y, law=law, method="point", progress=False).plot()
    assert ax.get_xlabel().startswith("fitted ")
    assert [line.get_label() for line in ax.lines] == ["the law"]


def corpora(apart: float = 0.0) -> pd.DataFrame:
    """Return points of two corpora: the same exponents, or the second's of data larger."""
    rng = np.random.default_rng(5)
    parts = []
    for i, corpus in enumerate(("books", "code")):
        one = table()[["size", "seen"]]
        powers = [
            400.0 * (1 + i) * one["size"] ** -0.34,
            410.0 * one["seen"] ** -(0.28 + i * apart),
        ]
        loss = 1.5 + 0.4 * i + sum(powers)
        loss = loss * np.exp(0.004 * rng.standard_normal(len(one)))
        parts.append(one.assign(loss=loss, corpus=corpus))
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="module")
def pooled() -> sf.Fit:
    return sf.fit(
        corpora(), x=("size", "seen"), y="loss", law="additive", by="corpus", pool="corpus",
        draws=800, progress=False,
    )  # fmt: skip


def test_exponents_of_surfaces_are_pooled(pooled: sf.Fit, tmp_path: Path) -> None:
    assert pooled.ok, pooled.verdict
    shared = pooled.shared.set_index(["parameter", "predictor"])
    for name, truth in (("size", 0.34), ("seen", 0.28)):
        row = shared.loc[("exponent", name)]
        assert row["low"] < truth < row["high"]
    assert shared.loc[("spread_exponent", ""), "median"] < 0.3
    alone = sf.fit(
        corpora(), x=("size", "seen"), y="loss", law="additive", by="corpus", progress=False
    )
    own = pooled.summary().query("parameter == 'exponent'")["sd"].to_numpy()
    assert (own < 1.02 * alone.summary().query("parameter == 'exponent'")["sd"].to_numpy()).all()
    pooled.save(tmp_path / "fit.nc")
    pd.testing.assert_frame_equal(sf.load(tmp_path / "fit.nc").shared, pooled.shared)


def test_surfaces_are_compared_predictor_by_predictor(pooled: sf.Fit) -> None:
    every = sf.compare(pooled)
    assert every["predictor"].tolist() == ["size", "seen"]
    assert every["regime"].isna().all()
    draws = [pooled.parameters(run)["exponent"][:, 1] for run in pooled.runs]
    row = sf.compare(pooled, parameter="exponent", predictor="seen").iloc[0]
    assert row["median"] == pytest.approx(np.median(draws[0] - draws[1]))  # pooled: draw by draw
    assert "exponent of seen" in sentences(every)[1]
    one = sf.compare(pooled, parameter="floor")
    assert "predictor" not in one
    assert one["p_greater"].iloc[0] < 0.05
    against = sf.compare(pooled, parameter="exponent", predictor="size", value=0.34, rope=0.1)
    assert len(against) == 2
    for options, words in (
        ({"predictor": "sean"}, "did you mean 'seen'"),
        ({"parameter": "floor", "predictor": "seen"}, "no value per predictor"),
        ({"parameter": "exponent", "regime": 0}, "one value per predictor"),
    ):
        with pytest.raises(sf.errors.ConfigError, match=words):
            sf.compare(pooled, **options)
