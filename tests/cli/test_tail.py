"""`scalefit tail`: a column of any file, the table, JSON, files and refusals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import scalefit as sf
from scalefit.wording import rounded

from .conftest import WIDTH, Run


@pytest.fixture
def values(tmp_path: Path) -> np.ndarray:
    rng = np.random.default_rng(5)
    found = np.concatenate([rng.uniform(0.2, 0.7, 150), rng.pareto(1.5, 150) + 1.0])
    pd.DataFrame({"layer": "a", "eigenvalue": found}).to_csv(tmp_path / "spectrum.csv", index=False)
    return found


def test_table_json_and_files(values: np.ndarray, run: Run, tmp_path: Path) -> None:
    done = run("tail", "spectrum.csv", "--y", "eigenvalue", "--out", tmp_path / "o")
    assert done.code == 0
    assert max(map(len, done.out.splitlines())) <= WIDTH or str(tmp_path) in done.out
    known = sf.tail(values).summary()
    _, low, high = rounded(*known.loc[0, ["median", "low", "high"]])
    assert f"[{low}, {high}]" in done.out
    assert (tmp_path / "o" / "tail.png").stat().st_size > 10_000
    table = pd.read_csv(tmp_path / "o" / "tail.csv")
    pd.testing.assert_frame_equal(table, known, check_exact=False)
    document = run("tail", "spectrum.csv", "--y", "eigenvalue", "--json", "--seed", 2).document
    assert document["parameters"][0]["parameter"] == "exponent"
    assert (document["seed"], document["verdict"], document["values"]) == (2, "ok", 300)
    assert sum(document["probabilities"].values()) == pytest.approx(1.0)


def test_doubtful_ends_with_4(run: Run) -> None:
    np.savetxt("e.txt", np.random.default_rng(0).exponential(size=2000))
    done = run("tail", "e.txt")
    assert done.code == 4
    assert "doubtful: " in done.out
    assert "doubtful" in done.err


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["spectrum.csv"], 3, "name one of its columns: 'layer', 'eigenvalue'"),
        (["spectrum.csv", "--y", "eigenvalues"], 3, "did you mean 'eigenvalue'?"),
        (["spectrum.csv", "--y", "layer"], 3, "what is no number"),
        (["nothing.csv"], 3, "no such file"),
        (["bad.txt"], 3, "line 2 is no number: 'two'"),
        (["bad.npy"], 3, "not an array of numbers"),
        (["spectrum.csv", "--y", "eigenvalue", "--shift", "-1"], 2, "shift=-1.0"),
        (["spectrum.csv", "--y", "eigenvalue", "--interval", "2"], 2, "probability"),
    ],
)
def test_refusals_are_one_line(
    values: np.ndarray, run: Run, words: list[str], code: int, said: str
) -> None:
    Path("bad.txt").write_text("1\ntwo\n")
    np.save("bad.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    done = run("tail", *words)
    assert (done.code, done.out) == (code, "")
    assert said in done.err
    assert len(done.err.splitlines()) == 1
