"""What `scalefit.read` makes of the lines that a training prints."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from samples import losses

from scalefit.curves.selection import curves
from scalefit.errors import InvalidData
from scalefit.io import read
from scalefit.io.axes import default_x
from scalefit.io.named_numbers import named_numbers

STEPS = np.arange(10, 510, 10)
TRAIN = np.round(losses.straight(seed=1, x=STEPS.astype(float)), 4)
VAL = np.round(1.1 * losses.straight(seed=2, x=STEPS.astype(float)), 4)
EVALUATED = STEPS % 50 == 0


def lines(train: str, evaluation: str = "") -> list[str]:
    """Return a line for each step, and where it is evaluated one more before it."""
    found = []
    for step, loss, evaluated, val in zip(STEPS, TRAIN, EVALUATED, VAL, strict=True):
        values = {"step": step, "loss": f"{loss:.4f}", "val": f"{val:.4f}"}
        if evaluated and evaluation:
            found.append(evaluation.format(**values))
        found.append(train.format(**values))
    return found


def curve(path: Path, y: str) -> tuple[str, Any, Any, str]:
    """Return the name of x, its values and those of y along the only run, and what was noted."""
    dataset = read(path, y=y)
    x = default_x(dataset, y)
    (one,) = curves(dataset, x=x, y=y)
    return x, one.x, one.y, str(dataset.attrs.get("reading", ""))


NANO = (
    "iter {step}: loss {loss}, time 45.67ms, mfu 12.30%",
    "step {step}: train loss {loss}, val loss {val}",
)
# one line of training, one of evaluation; the names of x, of the loss and of that of evaluation
STYLES: dict[str, tuple[str, str, str, str, str, str]] = {
    "nanogpt": (*NANO, "iter", "loss", "step", "val_loss"),
    "modded": (
        "step:{step}/1750 train_loss:{loss} train_time:{step}123ms step_avg:140.23ms",
        "step:{step}/1750 val_loss:{val} train_time:{step}000ms step_avg:140.23ms",
        *("step", "train_loss", "step", "val_loss"),
    ),
    "llm.c": ("s:{step} trl:{loss} lr:1e-3", "s:{step} tel:{val}", "s", "trl", "s", "tel"),
    "llm.c console": (
        "step   {step}/500 | loss {loss} (+nanz)| norm 15.4 (+nanz)| lr 8e-07 | 305.6 ms | 56% MFU",
        "val loss: {val}",
        *("step", "loss", "step", "val_loss"),
    ),
    "three words": ("{step} train {loss}", "{step} val {val}", "step", "train", "step", "val"),
    "assignments": (
        "step={step}, loss={loss}",
        "step={step}, val={val}",
        "step",
        "loss",
        "step",
        "val",
    ),
    "dictionary": (
        "{{'loss': {loss}, 'learning_rate': 1e-4, 'step': {step}}}",
        "{{'eval_loss': '{val}', 'step': {step}}}",
        *("step", "loss", "step", "eval_loss"),
    ),
    "stamped": (
        "[2024-01-01 10:00:00] step {step} | loss {loss} | lr 1e-4",
        "2024-01-01 10:00:00,123 - INFO - step={step} val_loss={val}",
        *("step", "loss", "step", "val_loss"),
    ),
    "coloured": (
        "\x1b[32mstep {step}\x1b[0m | loss: \x1b[1m{loss}\x1b[0m",
        "\x1b[32mstep {step}\x1b[0m | val: {val}",
        *("step", "loss", "step", "val"),
    ),
    "megatron": (
        " iteration {step}/ 500 | consumed samples: {step}00 | elapsed time per iteration (ms): 12.5 | lm loss: {loss} | number of skipped iterations: 0 |",  # noqa: E501
        "validation loss at iteration {step} | lm val loss value: {val}",
        *("iteration", "lm_loss", "iteration", "lm_val_loss_value"),
    ),
    "sentence": ("at step {step} the loss is {loss}", "", "step", "loss", "", ""),
    "epochs": ("Epoch [{step}/500], Loss: {loss}", "", "Epoch", "Loss", "", ""),
}


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("name", ["log.txt", "out.log", "slurm-1.out", "log.txt.gz", "train"])
def test_a_metric_is_read_from_the_lines_that_hold_it(
    tmp_path: Path, style: str, name: str
) -> None:
    train, evaluation, x, y, x_val, val = STYLES[style]
    path = tmp_path / name
    text = "\n".join(["using 8 GPUs", "parameters: 124.44M", *lines(train, evaluation), ""])
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    across, at, found, _ = curve(path, y)
    assert across == x
    np.testing.assert_array_equal(at, STEPS)
    np.testing.assert_array_equal(found, TRAIN)
    if not evaluation:
        return
    across, at, found, noted = curve(path, val)
    assert across == x_val
    np.testing.assert_array_equal(found, VAL[EVALUATED])
    assert "they hold other metrics" in noted
    # a line of evaluation without a count belongs to the count above it
    lag = 10 if "{step}" not in evaluation else 0
    np.testing.assert_array_equal(at, STEPS[EVALUATED] - lag)


def test_blanks_stand_for_underlines_in_names(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    path.write_text("\n".join([*lines(*NANO), ""]))
    assert read(path, y="val loss")["val loss"].sizes["point"] == EVALUATED.sum()


def test_a_long_preamble_and_the_row_of_a_line(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    code = ["def step(x, lr=0.01, betas=(0.8, 0.95)):", "    return x"] * 3000
    path.write_text("\n".join([*code, *lines(STYLES["modded"][0]), ""]))
    dataset = read(path, y="train_loss")
    assert dataset["row"].values[0, 0] == len(code) + 1
    np.testing.assert_array_equal(dataset["train_loss"].values[0], TRAIN)


@pytest.mark.parametrize(
    "last", ["iter 510: lo", "iter 510: loss 2.8", "iter 510: loss 2.8123, ti"]
)
def test_a_last_line_that_breaks_off_is_left_out(tmp_path: Path, last: str) -> None:
    path = tmp_path / "log.txt"
    path.write_text("\n".join([*lines(NANO[0]), last]))
    _, at, found, noted = curve(path, "loss")
    np.testing.assert_array_equal(at, STEPS)
    np.testing.assert_array_equal(found, TRAIN)
    assert ("breaks off" in noted) == (last != "iter 510: lo")
    path.write_text("\n".join(lines(NANO[0])))  # whole, only without an end of the line
    assert curve(path, "loss")[1][-1] == STEPS[-1]


def test_what_a_progress_bar_overwrites(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    bar = "Epoch 0:  10%|#  | {step}/500 [00:01<00:09, 9.5it/s, loss={loss}, v_num=0]"
    twice = [f"{line.replace('loss=', 'loss=9')}\r{line}" for line in lines(bar)]
    path.write_bytes("\r".join(twice).encode() + b"\n")
    across, at, found, _ = curve(path, "loss")
    assert across == "step"
    np.testing.assert_array_equal(at, STEPS)
    np.testing.assert_array_equal(found, TRAIN)


def test_counts_on_lines_of_their_own(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    keras = [
        f"Epoch {i}/50\n100/100 [====] - 1s 2ms/step - loss: {loss:.4f} - accuracy: 0.9"
        for i, loss in enumerate(TRAIN, 1)
    ]
    path.write_text("\n".join([*keras, ""]))
    across, at, found, _ = curve(path, "loss")
    assert across == "Epoch"
    np.testing.assert_array_equal(at, np.arange(1, 51))
    np.testing.assert_array_equal(found, TRAIN)
    olmo = [f"[step={s}/500]\n    train/loss={t}" for s, t in zip(STEPS, TRAIN, strict=True)]
    path.write_text("\n".join([*olmo, ""]))
    np.testing.assert_array_equal(curve(path, "train/loss")[1], STEPS)


@pytest.mark.parametrize(
    ("line", "y", "words"),
    [
        ("step {step},000 | loss {loss}", "loss", ["'step'", "thousands separators"]),
        ("tokens {step}.0M | loss {loss}", "loss", ["'tokens'", "without units"]),
        ("step {step} | loss {loss}k", "loss", ["'loss'", "without units"]),
        ("step {step} | acc {loss}%", "acc", ["'acc'", "percentages"]),
        ("step {step} loss tensor({loss}, device='cuda:0')", "loss", ["loss.item()"]),
    ],
)
def test_numbers_are_not_guessed(tmp_path: Path, line: str, y: str, words: list[str]) -> None:
    path = tmp_path / "log.txt"
    path.write_text("\n".join([*lines(line), ""]))
    with pytest.raises(InvalidData) as caught:
        curve(path, y)
    assert [word for word in words if word not in str(caught.value)] == []


def test_text_that_is_no_log(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    path.write_text("Dear all,\nthe loss was 3 and I am at a loss.\n")
    with pytest.raises(InvalidData, match=r"no line of this text holds a step and a value"):
        read(path)
    path.write_text("\n".join(f"step {i} a{i} {i}" for i in range(3000)))
    with pytest.raises(InvalidData, match="more than 2000 names"):
        read(path)


def test_names_and_numbers_of_a_line() -> None:
    counts, values = named_numbers("step 1/9 | loss: nan, lr 1e-4 ppl=inf acc 45/100 x 1,234")
    assert counts == {"step": 1.0}
    assert np.isnan(values.pop("loss"))  # type: ignore[arg-type]
    assert values == {"lr": 1e-4, "ppl": np.inf, "acc": "45/100", "x": "1,234"}
    assert named_numbers("a" * 10**6 + " 5") == ({}, {})
    assert named_numbers("a-" * 10**5 + " 5")[0] == {}
