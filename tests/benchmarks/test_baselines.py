from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

sys.path.append(str(Path(__file__).parents[2] / "benchmarks" / "extrapolation"))

import alabdulmohsin
import baselines
import score
import tasks

X = np.logspace(5, 8, 25)
BEYOND = np.array([1.5e8, 4e8, 1e9])


def m4_by_bisection(x, b, c, a, floor, ceiling):
    low, high = np.full(x.shape, floor), np.full(x.shape, ceiling)
    for _ in range(200):
        y = 0.5 * (low + high)
        above = (y - floor) > b * x**c * (ceiling - y) ** a
        low, high = np.where(above, low, y), np.where(above, y, high)
    return 0.5 * (low + high)


TRUTHS = {
    "M1": lambda x: 7.0 * x**-0.2,
    "M2": lambda x: 50.0 * x**-0.4 + 0.08,
    "M3": lambda x: 9.0 * (1 / x + 2e-7) ** 0.25,
    "M4": lambda x: m4_by_bisection(x, 40.0, -0.35, 0.6, 0.05, 1.0),
    "BNSL": lambda x: 0.03 + 2.0 * x**-0.05 * (1 + (x / 3e6) ** (1 / 0.3)) ** (-0.4 * 0.3),
}


@pytest.mark.parametrize("name", TRUTHS)
def test_each_form_recovers_its_own_noiseless_curve_beyond_the_data(name, rng):
    truth = TRUTHS[name]
    fitted = baselines.BASELINES[name](X, truth(X), rng)
    np.testing.assert_allclose(fitted.median(X), truth(X), rtol=1e-5)
    np.testing.assert_allclose(fitted.median(BEYOND), truth(BEYOND), rtol=1e-3)
    assert fitted.sd == baselines.SMALLEST_SD


@pytest.mark.parametrize("name", ["M2", "M3", "BNSL"])
def test_units_of_x_and_y_do_not_matter(name, rng):
    noisy = TRUTHS["M2"](X) * np.exp(0.01 * rng.standard_normal(X.size))
    fit = baselines.BASELINES[name]
    here = fit(X, noisy, rng).median(BEYOND)
    there = fit(X / 1e6, 100 * noisy, rng).median(BEYOND / 1e6) / 100
    np.testing.assert_allclose(here, there, rtol=1e-4)


def test_bnsl_with_two_breaks_is_the_printed_formula():
    a, b, c0 = 0.1, 3.0, 0.2
    (c1, d1, f1), (c2, d2, f2) = (0.3, 5.0, 0.5), (-0.4, 40.0, 0.2)
    x = np.array([0.5, 5.0, 30.0, 1e3])
    written = a + b * x**-c0 * (1 + (x / d1) ** (1 / f1)) ** (-c1 * f1) * (
        1 + (x / d2) ** (1 / f2)
    ) ** (-c2 * f2)
    p = np.array([*np.log([a, b, c0]), c1, *np.log([d1, f1]), c2, *np.log([d2, f2])])
    np.testing.assert_allclose(np.exp(baselines.bnsl_curve(p, np.log(x))), written, rtol=1e-12)


@pytest.mark.parametrize("a", [1e-3, 0.3, 1.0, 2.5, 100.0])
def test_m4_root_solves_its_equation(a):
    target = np.concatenate([np.linspace(-60, 60, 41), [-1e-9, 1e-9]])
    t = baselines.m4_root(target, a)
    left = a * np.logaddexp(0, t) - np.logaddexp(0, -t)
    np.testing.assert_allclose(left, target, rtol=1e-10, atol=1e-11)


def test_m4_curve_solves_the_printed_equation():
    b, c, a, floor, ceiling = 2.0, -0.7, 1.8, 0.2, 1.1
    x = np.logspace(-2, 3, 30)
    p = np.log([b, -c, a, floor, ceiling])
    y = np.exp(baselines.m4_curve(p, np.log(x)))
    np.testing.assert_allclose((y - floor) / (ceiling - y) ** a, b * x**c, rtol=1e-8)


def test_last_value_and_its_scatter(rng):
    y = np.array([1.0, 0.8, 0.5])
    predicted = baselines.last_value(np.array([1.0, 2.0, 4.0]), y, rng)
    np.testing.assert_allclose(predicted.median(BEYOND), 0.5)
    expected = np.sqrt((np.log(2) ** 2 + np.log(1.6) ** 2) / 2)  # three points, one parameter
    assert predicted.sd == pytest.approx(expected)


def test_density_is_on_the_scale_of_y_and_the_band_holds_its_level():
    predicted = baselines.LogNormal(lambda x: np.log(0.3 + 0 * x), 0.2)
    x = np.ones(20001)
    y = np.exp(np.linspace(-6, 4, x.size))
    density = np.exp(predicted.log_density(x, y))
    assert np.trapezoid(density, y) == pytest.approx(1, abs=1e-6)
    low, high = predicted.interval(x, 0.9)
    inside = (y >= low) & (y <= high)
    assert np.trapezoid(density[inside], y[inside]) == pytest.approx(0.9, abs=1e-3)


def test_rmsle_by_hand():
    y = np.array([1.0, 2.0])
    assert score.rmsle(y * np.exp([0.3, -0.1]), y) == pytest.approx(np.sqrt(0.05))
    assert score.rmsle(y * np.exp(3), y) == 1
    for bad in (np.nan, np.inf, 0.0, -1.0):
        assert score.rmsle(np.array([1.0, bad]), y) == 1


def test_coverage_by_hand():
    y = np.array([1.0, 2.0, 3.0, 4.0])
    assert score.coverage(np.array([1, 2.1, 0, 0]), np.array([2, 3, 3.0, 3.9]), y) == 0.5


def table(x, training, y=None, domain="IC", task="t", model="m"):
    y = 1 / (1 + np.arange(len(x))) if y is None else y
    columns = {"Seen Examples": x, "Loss": y, "Training": training}
    return pd.DataFrame({"Domain": domain, "Task": task, "Model": model, **columns})


def test_tasks_are_sorted_and_the_last_of_repeated_training_rows_wins():
    rows = table([4.0, 1.0, 2.0, 16.0, 8.0, 2.0], [1, 1, 1, 0, 0, 1], [3.0, 9, 5, 1, 2, 4])
    one, two = tasks.from_table(pd.concat([rows, table([1.0, 2.0], [1, 0], task="u")]))
    assert (one.name, two.name) == ("IC, t, m", "IC, u, m")
    np.testing.assert_array_equal(one.x_train, [1, 2, 4])
    np.testing.assert_array_equal(one.y_train, [9, 4, 3])
    np.testing.assert_array_equal(one.x_test, [8, 16])
    np.testing.assert_array_equal(one.y_test, [2, 1])
    assert one.reach == 4


def test_cut_counts_from_the_largest_x_of_all_and_scores_everything_beyond():
    x = [10.0, 20, 30, 40, 50, 60, 100, 130, 200, 240]
    (whole,) = tasks.from_table(table(x, [1] * 8 + [0] * 2))
    quarter = tasks.cut(whole, 4)
    np.testing.assert_array_equal(quarter.x_train, [10, 20, 30, 40, 50, 60])
    np.testing.assert_array_equal(quarter.x_test, [100, 130, 200, 240])
    np.testing.assert_array_equal(quarter.y_test, [1 / 7, 1 / 8, 1 / 9, 1 / 10])
    assert tasks.cut(whole, 8) is None  # three points are left
    kept, skipped = tasks.divide([whole], "eighth")
    assert (kept, skipped) == ([], ["IC, t, m"])


def test_the_training_split_sees_no_test_row():
    x = [10.0, 20, 30, 40, 50, 60, 100, 240]
    (whole,) = tasks.from_table(table(x, [1] * 7 + [0]))
    (inner,), skipped = tasks.divide([whole], "training")
    assert not skipped
    assert inner.split == "training"
    np.testing.assert_array_equal(inner.x_train, [10, 20, 30, 40, 50])
    np.testing.assert_array_equal(inner.x_test, [60, 100])
    (short,) = tasks.from_table(table(x[3:], [1] * 4 + [0]))
    assert tasks.training_only(short) is None


def broken(x, y, rng):
    raise ValueError("no")


def nowhere(x, y, rng):
    return baselines.LogNormal(lambda x: np.full(np.shape(x), np.nan), 1.0)


def test_failures_count_as_one_and_say_why():
    (task,) = tasks.from_table(table(X, X < 1e7))
    for method, reason in ((broken, "ValueError: no"), (nowhere, "not a positive number")):
        row = score.score(task, "bad", method)
        assert row["rmsle"] == 1
        assert row["coverage"] is None
        assert reason in row["failure"]


def test_an_interrupted_run_goes_on_and_is_summarised(tmp_path):
    rows = pd.concat([table(X, X < 1e7), table(X, X < 1e7, domain="LM")])
    methods = {"last_value": baselines.last_value, "bad": broken}
    partial = tmp_path / "kept.jsonl"
    divided, _ = tasks.divide(tasks.from_table(rows), "shipped")
    first = score.run(methods, divided, partial)
    lines = partial.read_text().splitlines()
    assert len(lines) == 4
    kept = json.loads(lines[0]) | {"rmsle": 0.25}  # as if computed earlier
    partial.write_text(json.dumps(kept) + "\n" + lines[1][:20])
    again = score.run(methods, divided, partial)
    assert [row["rmsle"] for row in again] == [0.25, *(row["rmsle"] for row in first[1:])]
    assert len(score.finished(partial)) == 4

    scores = score.summary(again)["shipped"]
    assert scores["bad"]["all"]["failures"] == 2
    assert scores["last_value"]["language"]["n"] == 1
    mean = 0.5 * (0.25 + first[2]["rmsle"])
    assert scores["last_value"]["all"]["rmsle_mean"] == pytest.approx(mean, rel=1e-5)
    text = score.tables({"shipped": scores})
    assert max(map(len, text.splitlines())) <= 80


def test_the_command_writes_scores_and_rows(tmp_path, monkeypatch, capsys):
    whole = tasks.from_table(
        pd.concat([table(X, X < 4e7), table(X[:9], [1] * 4 + [0] * 5, task="u")])
    )
    monkeypatch.setattr(alabdulmohsin, "read", lambda: whole)
    out = tmp_path / "scores.json"
    options = ["--methods", "last_value,M1", "--splits", "shipped,training", "--out", str(out)]
    monkeypatch.setattr(sys, "argv", ["alabdulmohsin.py", *options])
    alabdulmohsin.main()
    result = json.loads(out.read_text())
    assert result["curves"] == 2
    assert result["skipped"] == {"shipped": [], "training": ["IC, u, m"]}
    assert result["results"]["shipped"]["M1"]["IC"]["n"] == 2
    assert len(result["rows"]) == 2 * (2 + 1)
    assert "numpy" in result["versions"]
    assert "training: 1 of 2 curves skipped" in capsys.readouterr().out


def test_the_public_benchmark_has_92_tasks(public_data):
    if not (public_data / tasks.DATA).is_dir():
        pytest.skip(f"{tasks.DATA}: set SCALEFIT_DATA to the folder that holds it")
    whole = tasks.read()
    domains = [task.domain for task in whole]
    assert {name: domains.count(name) for name in ("IC", "NMT", "LM", "BB")} == {
        "IC": 72,
        "NMT": 5,
        "LM": 5,
        "BB": 10,
    }
    for task in whole:
        assert np.all(np.diff(task.x_train) > 0)
        assert np.all(np.diff(task.x_test) >= 0)
        assert task.x_test[0] > task.x_train[-1]
