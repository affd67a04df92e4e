"""Corpus benchmark: which points are fitted and which forecast, scores, and their summaries."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import norm

sys.path.append(str(Path(__file__).parents[2] / "benchmarks" / "extrapolation"))

import baselines
import corpora
import corpus
from corpus import forecasts, readers, shown, summary

from scalefit.errors import InvalidData
from scalefit.laws.priors import LogNormal


def curve(x: Any, y: Any, **options: Any) -> corpus.Curve:
    return corpus.made("c", "g", "f", "n", x, y, **options)


def test_rows_come_in_any_order_and_of_equal_x_the_last_counts() -> None:
    one = curve([3.0, 1.0, 0.0, 2.0, 1.0, 4.0], [0.3, 9.0, 1.0, np.nan, 0.5, 0.2])
    assert one.x.tolist() == [1.0, 3.0, 4.0]
    assert one.y.tolist() == [0.5, 0.3, 0.2]
    assert curve([1.0, 50.0, 100.0], [3.0, 2.0, 1.0], head=0.01).x.tolist() == [50.0, 100.0]


def test_long_curves_become_at_most_a_hundred_points(rng: np.random.Generator) -> None:
    x = np.arange(1.0, 5001.0)
    y = x**-0.5 * np.exp(0.1 * rng.standard_normal(x.size))
    few, averaged = curve(x, y), curve(x, y, average=True)
    assert 50 < few.x.size <= corpus.MOST
    assert 50 < averaged.x.size <= corpus.MOST
    assert set(few.y) <= set(y)
    assert {1.0, 5000.0} <= set(few.x)
    late = averaged.x > 500.0
    apart = {name: np.log(one.y * np.sqrt(one.x)) for name, one in [("f", few), ("a", averaged)]}
    assert apart["f"][few.x > 500.0].std() > 0.07
    assert apart["a"][late].std() < 0.03
    assert np.exp(np.log(averaged.y[-1])) == pytest.approx(
        np.exp(np.log(y[x > 5000.0 ** (1 - 1 / corpus.MOST)]).mean())
    )


def test_what_lies_beyond_the_cut_is_forecast() -> None:
    one = curve(np.arange(1.0, 21.0), np.arange(20.0, 0.0, -1.0))
    task = corpus.cut(one, 4)
    assert task is not None
    assert task.x.tolist() == [1, 2, 3, 4, 5]
    assert task.x_ahead.tolist() == list(range(6, 21))
    assert task.y_ahead[-1] == 1.0
    assert corpus.cut(one, 5) is None


def test_more_curves_keep_the_fewer_and_are_spread() -> None:
    assert set(corpus.chosen(92, 6)) < set(corpus.chosen(92, 20))
    assert np.diff([0, *corpus.chosen(92, 6), 92]).max() < 35
    assert corpus.chosen(4, 9) == [0, 1, 2, 3]


def test_scores_are_those_of_a_gaussian(rng: np.random.Generator) -> None:
    log_y = 0.1 * rng.standard_normal(4000)
    half = 0.1 * norm.ppf(0.95)
    zero = np.zeros(log_y.size)
    found = forecasts.scores(zero, zero - half, zero + half, norm.logpdf(log_y, 0, 0.1), log_y)
    assert found["rmsle"] == pytest.approx(0.1, rel=0.04)
    assert found["covered"] == pytest.approx(0.9, abs=0.02)
    assert found["width"] == pytest.approx(2 * half)
    assert found["log_score"] == pytest.approx(
        -np.log(0.1) - 0.5 * np.log(2 * np.pi * np.e), abs=0.05
    )
    narrow = forecasts.scores(zero, zero - half / 3, zero + half / 3, zero, log_y)
    assert narrow["interval_score"] > found["interval_score"]
    by_hand = forecasts.scores(*np.array([[0.0], [-1.0], [1.0], [0.0]]), np.array([1.5]))
    assert by_hand["interval_score"] == pytest.approx(2.0 + 20.0 * 0.5)
    with pytest.raises(ValueError, match="finite"):
        forecasts.scores(zero, zero, zero + np.inf, zero, log_y)


def test_scores_do_not_depend_on_the_unit_of_y() -> None:
    x = np.geomspace(1.0, 1e4, 30)
    y = 3.0 * x**-0.3 * (1 + 0.01 * np.cos(np.arange(30)))
    for name in forecasts.RIVALS:
        here, there = (
            forecasts.scored(corpus.Task(x[:15], c * y[:15], x[15:], c * y[15:]), name, None)
            for c in (1.0, 1000.0)
        )
        assert here["failure"] is None
        for score in forecasts.SCORES:
            assert here[score] == pytest.approx(there[score], rel=1e-2), (name, score)


def test_a_fit_that_raises_is_a_failure() -> None:
    task = corpus.Task(np.ones(0), np.ones(0), np.ones(3), np.ones(3))
    found = forecasts.scored(task, "tail_line", None)
    assert found["rmsle"] == 1.0
    assert "log_score" not in found
    assert found["failure"]


def test_the_tail_line_follows_the_tail_alone(rng: np.random.Generator) -> None:
    x = np.geomspace(1.0, 1e6, 61)
    y = np.where(x < 1e5, 5.0, 2.0 * x**-0.4)
    found = baselines.tail_line(x, y, rng)
    np.testing.assert_allclose(found.median(np.array([1e8])), 2.0 * 1e8**-0.4, rtol=1e-9)


def rows(scores: dict[tuple[str, str, str], float], shift: float = 0.0) -> list[dict[str, Any]]:
    made = []
    for (name, family, one), value in scores.items():
        score = {key: value + shift for key in summary.QUANTITIES}
        made.append(
            {
                "corpus": name,
                "family": family,
                "group": "g",
                "curve": one,
                "cut": 2.0,
                "scores": {"m": {**score, "failure": None}},
            }
        )
    return made


def test_corpora_weigh_alike_and_families_go_together() -> None:
    scores = {("a", f"f{i // 10}", f"c{i}"): 1.0 + i // 10 for i in range(40)}
    scores |= {("b", f"f{i}", f"c{i}"): 10.0 for i in range(2)}
    found = summary.summary(rows(scores), ["m"])["m"]["2"]
    assert found["corpora"]["a"]["rmsle"] == [2.5, pytest.approx(np.sqrt(5 / 3) / 2, rel=1e-4)]
    assert found["pooled"]["rmsle"] == [6.25, pytest.approx(np.sqrt(5 / 3) / 4, rel=1e-4)]
    assert found["pooled"]["tasks"] == 42
    assert found["groups"]["g"]["tasks"] == 42
    scores |= {("trainers", f"f{i}", f"c{i}"): 1e6 * i for i in range(3)}
    found = summary.summary(rows(scores), ["m"])["m"]["2"]
    assert found["public"]["rmsle"][0] == 6.25
    assert found["pooled"]["rmsle"][0] > 1e5


def test_two_results_are_compared_task_by_task() -> None:
    scores = {("a", f"f{i}", f"c{i}"): float(i + 1) for i in range(8)}
    before, after = rows(scores), rows(scores, shift=0.5)
    after[0]["scores"]["m"]["failure"] = "no"
    found = summary.paired(after, before[:-1], "m")
    assert found["pooled"]["tasks"] == 6
    assert found["left_out"] == 1
    assert found["corpora"]["a"]["log_score"] == [0.5, 0.0]
    assert found["corpora"]["a"]["better_log_score"] == 1.0
    assert found["corpora"]["a"]["width"][0] == pytest.approx(
        np.mean(np.log1p(0.5 / np.arange(2.0, 8.0))), rel=1e-4
    )


def test_tables_fit_a_terminal() -> None:
    scores = {("alabdulmohsin2022", f"f{i}", f"c{i}"): 12345.678 * (i + 1) for i in range(4)}
    both = rows(scores)
    for row in both:
        row["scores"]["m"] |= {"covered": 0.875, "width": 12.345, "cpu_s": 123.45}
        row["scores"]["last_value"] = {**row["scores"]["m"], "rmsle": 0.25}
    text = shown.tables(summary.summary(both, ["m", "last_value"]), ["m", "last_value"])
    assert "last_value 0.2500" in text
    apart = summary.paired_by_cut(both, both, "m", "last_value")
    assert set(apart) == {"2", "all"}
    assert apart["2"] == apart["all"]
    for line in (text + "\n" + shown.differences(apart["all"])).splitlines():
        assert len(line) <= 80, line


def test_a_prior_is_named_as_the_package_has_it() -> None:
    assert corpora.prior("noise=LogNormal(0.002, 2)") == ("noise", LogNormal(0.002, 2.0))
    for wrong in ("noise", "noise=Nothing(1)", "noise=LogNormal[1]"):
        with pytest.raises(ValueError, match="NAME=KIND"):
            corpora.prior(wrong)


def test_rows_of_other_sources_are_not_gone_on_from(tmp_path: Path) -> None:
    partial = tmp_path / "rows.jsonl"
    assert corpora.others(partial, {"priors": []}, ("m",)) == ""
    partial.write_text('{"settings": {"priors": []}, "scores": {"m": {}}}\n')
    assert corpora.others(partial, {"priors": []}, ("m",)) == ""
    assert "delete it" in corpora.others(partial, {"priors": ["a"]}, ("m",))
    assert "delete it" in corpora.others(partial, {"priors": []}, ("m", "n"))


def test_simulated_curves_are_there_without_any_download() -> None:
    curves = readers.read(("trainers",))["trainers"]
    assert len(curves) == 48
    assert len({one.name for one in curves}) == 48
    assert len({one.family for one in curves}) == 16
    for one in curves:
        assert (np.diff(one.x) > 0).all()
        assert corpus.cut(one, 2) is not None


@pytest.fixture
def public() -> None:
    """Skip where the public files are not there."""
    folder = Path(os.environ.get("SCALEFIT_DATA", ""))
    for name in readers.SOURCES:
        if not (folder / name).is_dir():
            pytest.skip(f"{name}: set SCALEFIT_DATA to the folder that holds it")


@pytest.mark.usefixtures("public")
def test_no_row_that_judges_is_read() -> None:
    from tasks import read

    known = {task.name: task for task in read()}
    curves = readers.read(("alabdulmohsin2022",))["alabdulmohsin2022"]
    assert len(curves) == 92
    for one in curves:
        assert one.x[-1] == known[one.name].x_train[-1] < known[one.name].x_test[0]
        assert set(one.y) <= set(known[one.name].y_train)


@pytest.mark.usefixtures("public")
def test_runs_at_a_constant_rate_are_told_from_those_that_decay() -> None:
    curves = readers.read(("multi-power-law",))["multi-power-law"]
    constant = {one.name for one in curves if one.group == readers.CONSTANT}
    assert constant == {f"{n}M, constant_{k}000" for n in (25, 100, 400) for k in (24, 72)}
    assert len(curves) == 27


def test_another_file_or_none_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCALEFIT_DATA", str(tmp_path))
    with pytest.raises(InvalidData, match="fetch https"):
        readers.files("colpret")
    (tmp_path / "colpret").mkdir()
    (tmp_path / "colpret/opt_trajectories.csv").write_text("x\n")
    with pytest.raises(InvalidData, match="is not the file of"):
        readers.files("colpret")
