"""`scalefit fit LOG --y NAME`, with nothing else to say."""

from __future__ import annotations

from pathlib import Path

import pytest
from samples import logs

from .conftest import Run

POINT = ("--regimes", "1", "--floor", "no", "--noise", "normal", "--method", "point")


@pytest.fixture
def written(tmp_path: Path) -> None:
    logs.write_trainer_state(tmp_path / "trainer_state.json")
    logs.lightning().to_csv(tmp_path / "metrics.csv", index=False)
    logs.wandb_history().to_csv(tmp_path / "history.csv", index=False)
    logs.wandb_chart().to_csv(tmp_path / "chart.csv", index=False)
    logs.write_events(tmp_path / "tb" / "a")
    logs.write_events(tmp_path / "tb" / "b", scale=2.0)


@pytest.mark.parametrize(
    ("name", "y", "x", "runs"),
    [
        ("trainer_state.json", "loss", "step", ["0"]),
        ("trainer_state.json", "eval_loss", "step", ["0"]),
        ("metrics.csv", "val_loss", "step", ["0"]),
        ("history.csv", "eval/loss", "train/global_step", ["0"]),
        ("chart.csv", "train/loss", "Step", ["calm - sea-1", "tall-tree-2"]),
        ("tb", "eval/loss", "step", ["a", "b"]),
    ],
)
@pytest.mark.usefixtures("written")
def test_a_log_needs_only_y(name: str, y: str, x: str, runs: list[str], run: Run) -> None:
    done = run("fit", name, "--y", y, *POINT, "--json")
    assert done.code == 0
    assert done.document["x"] == x
    assert [one["run"] for one in done.document["runs"]] == runs
    assert f"note: x is '{x}': none was named\n" in done.err
    for one in done.document["runs"]:
        found = {row["parameter"]: row for row in one["parameters"]}
        assert found["exponent"]["median"] == pytest.approx(0.5, abs=0.03)
    named = run("fit", name, "--y", y, "--x", x, *POINT, "--json")
    assert "none was named" not in named.err
    assert named.document["runs"][0]["parameters"] == done.document["runs"][0]["parameters"]


@pytest.mark.usefixtures("written")
def test_mistakes_in_a_log_are_named(run: Run, tmp_path: Path) -> None:
    wrong = run("fit", "trainer_state.json", "--y", "evalloss", *POINT)
    assert (wrong.code, wrong.out) == (3, "")
    assert "no column 'evalloss'; did you mean 'eval_loss'?" in wrong.err
    (tmp_path / "odd.csv").write_text("a,b\n1,3\n2,2\n3,1\n")
    nothing = run("fit", "odd.csv", "--y", "b", *POINT)
    assert nothing.code == 2
    assert "no column plainly counts training; name one as x: 'a'" in nothing.err
