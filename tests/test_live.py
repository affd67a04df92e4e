"""Forecasts of a training that is still running, by hand and from two real trainers."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest
from samples.losses import straight

import scalefit as sf
from scalefit.errors import ConfigError, InvalidData, MissingExtra
from scalefit.fitting import fit as fitting

STEPS = np.arange(1.0, 61.0)
LOSS = straight(x=STEPS)
ONE: dict[str, Any] = {"options": {"regimes": 1, "floor": False, "noise": "normal", "draws": 200}}


def fed(forecaster: sf.Forecaster, start: int = 0, stop: int = 60) -> list[float]:
    """Return the steps at which it made a forecast."""
    return [
        step
        for step, loss in zip(STEPS[start:stop], LOSS[start:stop], strict=True)
        if forecaster.update(step, loss) is not None
    ]


def test_it_fits_when_x_has_grown_by_a_tenth() -> None:
    lines: list[str] = []
    forecaster = sf.Forecaster(at=1e3, log=lines.append, **ONE)
    assert fed(forecaster, stop=7) == []
    assert forecaster.fit is None
    assert (forecaster.line, lines) == ("", [])
    times = fed(forecaster, start=7)
    assert times[0] == 8.0
    assert times == [8, 9, 10, 11, 13, 15, 17, 19, 21, 24, 27, 30, 33, 37, 41, 46, 51, 57]
    assert len(lines) == len(times)
    assert lines[-1] == forecaster.line
    assert forecaster.seconds > 0.0


def test_it_fits_every_so_many_points() -> None:
    assert fed(sf.Forecaster(at=1e3, every=20, **ONE)) == [20.0, 40.0, 60.0]


def test_a_line_says_what_the_fit_does(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "scalefit.live")
    forecaster = sf.Forecaster(
        x="tokens", y="val_loss", at=[200, 1e5], reach=[0.5, 1e-2, 1e-9], every=60, seed=3, **ONE
    )
    assert fed(forecaster) == [60.0]
    assert [record.getMessage() for record in caplog.records] == [forecaster.line]
    fit = forecaster.fit
    assert fit is not None
    assert (fit.tree.attrs["x_name"], fit.tree.attrs["y_name"]) == ("tokens", "val_loss")
    head, *parts = forecaster.line.split("; ")
    predicted = fit.predict([200, 1e5], seed=3).isel(run=0)
    near, far = predicted.isel(x=0), predicted.isel(x=1)
    assert head == "tokens 60: val_loss at 200: " + "{:.4g} [{:.4g}, {:.4g}]".format(
        *(float(near[k]) for k in ("median", "low", "high"))
    )
    assert parts[0].startswith(f"val_loss at 1e5: {float(far['median']):.4g} [")
    passed, later, never = fit.reach([0.5, 1e-2, 1e-9], seed=3).to_dict("records")
    assert parts[1].startswith(f"tokens of val_loss 0.5: {passed['median']:.4g} [")
    assert parts[1].endswith("], probability 1.00")
    assert later["high"] == np.inf
    assert parts[2].endswith(
        f"[{later['low']:.4g}, never within 6e4], probability {later['probability']:.2f}"
    )
    assert never["low"] == np.inf
    chance = f"{never['probability']:.2f}"
    assert parts[3] == f"tokens of val_loss 1e-9: never within 6e4, probability {chance}"


def test_the_certified_engine_by_choice() -> None:
    forecaster = sf.Forecaster(at=1e3, every=30, method="certified", **ONE)
    fed(forecaster, stop=30)
    assert forecaster.fit is not None
    assert forecaster.fit.tree.attrs["method"] == "certified"


def test_points_without_a_logarithm_are_passed_over() -> None:
    forecaster = sf.Forecaster(at=1e3, **ONE)
    for x, y in ((0, 1.0), (1, 0.9), (2, np.nan), (3, np.inf), (4, -1.0), (5, 0.0), (6, 0.5)):
        assert forecaster.update(x, y) is None
    assert forecaster.points == [(1.0, 0.9), (6.0, 0.5)]


def test_a_resumed_training_replaces_what_it_repeats() -> None:
    forecaster = sf.Forecaster(at=1e3, **ONE)
    fed(forecaster, stop=50)
    assert fed(forecaster, start=20)[0] == 24.0  # a tenth beyond 21, where it went on
    np.testing.assert_array_equal(forecaster.points, np.stack([STEPS, LOSS], axis=1))


def test_what_goes_wrong_is_logged_once_and_stops_nothing(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    forecaster = sf.Forecaster(at=1e3, **ONE)
    kept = fitting.fit

    def broken(*_: Any, **__: Any) -> NoReturn:
        raise FloatingPointError("a pole\nin the complex plane")

    monkeypatch.setattr(fitting, "fit", broken)
    assert fed(forecaster, stop=30) == []
    assert [record.getMessage() for record in caplog.records] == [
        "no forecast (FloatingPointError: a pole in the complex plane); the training goes on"
    ]
    assert forecaster.update(31, "high") is None  # type: ignore[arg-type]
    assert "could not convert" in caplog.records[-1].getMessage()
    monkeypatch.setattr(fitting, "fit", kept)
    assert len(fed(forecaster, start=31)) > 3
    assert len(caplog.records) == 2

    def interrupted(*_: Any, **__: Any) -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr(fitting, "fit", interrupted)
    with pytest.raises(KeyboardInterrupt):
        forecaster.update(1e3, 0.1)


def test_an_unreliable_fit_says_so() -> None:
    forecaster = sf.Forecaster(at=1e3, **ONE)
    fed(forecaster, stop=20)
    fit = forecaster.fit
    assert fit is not None
    tree = fit.tree.copy(deep=True)
    tree["diagnostics"]["verdict"].values[:] = "the optimum was not reached"
    said = forecaster._words(sf.Fit(fit.law, tree))
    assert said.endswith("; the optimum was not reached")


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({}, ConfigError, "give at=, reach=, or both"),
        ({"at": 0.0}, InvalidData, "at must be"),
        ({"reach": [1.0, np.nan]}, InvalidData, "reach must be"),
        ({"at": 1.0, "within": -1.0}, ConfigError, "within=-1"),
        ({"at": 1.0, "every": 0}, ConfigError, "every=0"),
        ({"at": 1.0, "every": 2.5}, ConfigError, "every=2.5"),
        ({"at": 1.0, "method": "nuts"}, ConfigError, "'point' or 'certified'"),
        ({"at": 1.0, "interval": 90}, ConfigError, "interval=90"),
        ({"at": 1.0, "hazard": -1.0}, ConfigError, "hazard=-1"),
        ({"at": 1.0, "seed": -1}, ConfigError, "seed=-1"),
        ({"at": 1.0, "x": "loss"}, ConfigError, "x and y are both 'loss'"),
        ({"at": 1.0, "options": {"regime": 1}}, ConfigError, "did you mean 'regimes'"),
        ({"at": 1.0, "options": {"regimes": 9}}, ConfigError, "9"),
    ],
)
def test_mistakes_are_told_before_the_training(
    arguments: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        sf.Forecaster(**arguments)


@pytest.mark.parametrize(
    ("names", "adapter"),
    [(["transformers"], "transformers"), (["lightning", "pytorch_lightning"], "lightning")],
)
def test_an_adapter_names_the_package_that_it_needs(
    names: list[str], adapter: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in list(sys.modules):
        if name.partition(".")[0] in names:
            monkeypatch.delitem(sys.modules, name)
    for name in names:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingExtra, match=f"pip install {adapter}"):
        getattr(sf.Forecaster(at=1.0), adapter)()


# Their own warnings, on workers, devices and versions, are not this package's.
theirs = pytest.mark.filterwarnings("ignore::Warning")


def ours(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what this package logged."""
    return [one.getMessage() for one in caplog.records if one.name == "scalefit.live"]


def regression() -> Any:
    """Return inputs whose loss falls over many steps, and targets."""
    import torch

    make = torch.Generator().manual_seed(0)
    inputs = torch.randn(256, 16, generator=make) / torch.arange(1, 17) ** 0.5
    return torch.utils.data.TensorDataset(inputs, inputs @ torch.randn(16, generator=make))


@pytest.mark.slow
@theirs
@pytest.mark.train
@pytest.mark.parametrize("metric", ["loss", "val_loss", "epoch_loss"])
def test_lightning(metric: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    pl = pytest.importorskip("lightning.pytorch")
    import torch

    logged: dict[str, list[tuple[int, float]]] = {"loss": [], "val_loss": [], "epoch_loss": []}

    class Model(pl.LightningModule):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Linear(16, 1)

        def loss(self, batch: Any) -> Any:
            return torch.mean((self.layer(batch[0])[:, 0] - batch[1]) ** 2)

        def training_step(self, batch: Any, index: int) -> Any:
            loss = self.loss(batch)
            self.log("loss", loss)
            self.log("epoch_loss", loss, on_step=False, on_epoch=True)
            logged["loss"].append((self.global_step + 1, loss.item()))
            return loss

        def validation_step(self, batch: Any, index: int) -> None:
            loss = self.loss(batch)
            self.log("val_loss", loss)
            if not self.trainer.sanity_checking:
                logged["val_loss"].append((self.global_step, loss.item()))

        def on_train_epoch_end(self) -> None:
            value = float(self.trainer.callback_metrics["epoch_loss"])
            logged["epoch_loss"].append((self.global_step, value))

        def configure_optimizers(self) -> Any:
            return torch.optim.SGD(self.parameters(), lr=0.05)

    def train(forecaster: sf.Forecaster, epochs: int, checkpoint: Path | None = None) -> Any:
        trainer = pl.Trainer(
            max_epochs=epochs, accelerator="cpu", logger=False, log_every_n_steps=2,
            enable_progress_bar=False, enable_model_summary=False, enable_checkpointing=False,
            callbacks=[forecaster.lightning()], default_root_dir=tmp_path,
        )  # fmt: skip
        data = regression()
        loaders = (torch.utils.data.DataLoader(data, n) for n in (64, 256))
        trainer.fit(Model(), *loaders, ckpt_path=checkpoint)
        return trainer

    forecaster = sf.Forecaster(y=metric, at=1e3, every=10, **ONE)
    train(forecaster, 10).save_checkpoint(tmp_path / "a.ckpt")
    chosen = [(x, y) for x, y in logged[metric] if metric != "loss" or x % 2 == 0]
    np.testing.assert_allclose(forecaster.points, chosen, rtol=1e-6)
    assert [x for x, _ in chosen] == list(range(2, 41, 2) if metric == "loss" else range(4, 41, 4))
    assert forecaster.line.startswith(f"step 40: {metric} at 1000: ")
    resumed = sf.Forecaster(y=metric, at=1e3, **ONE)
    train(resumed, 12, tmp_path / "a.ckpt")
    assert resumed.points[: len(chosen)] == forecaster.points
    assert resumed.points[-1][0] == 48.0
    assert ours(caplog) == []


@theirs
@pytest.mark.train
def test_transformers(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A real callback handler and state, driven as `Trainer.log` does."""
    hf = pytest.importorskip("transformers")
    from transformers.trainer_callback import CallbackHandler

    def handler(state: Any, *callbacks: Any) -> Any:
        made = CallbackHandler(list(callbacks), None, None, None, None)
        made.on_train_begin(None, state, hf.TrainerControl())
        return made

    loss, wrong = sf.Forecaster(at=1e3, **ONE), sf.Forecaster(x="tokens", at=1e3, **ONE)
    validation = sf.Forecaster(x="epoch", y="eval_loss", at=1e3, **ONE)
    state = hf.TrainerState()
    events = handler(state, *(f.transformers() for f in (loss, wrong, validation)))
    for step, value in zip(STEPS, LOSS, strict=True):
        state.global_step, state.epoch = int(step), step / 10
        logs = {"eval_loss" if step % 3 == 0 else "loss": value, "epoch": state.epoch}
        state.log_history.append({**logs, "step": state.global_step})
        events.on_log(None, state, hf.TrainerControl(), logs)
    there = STEPS % 3 > 0
    np.testing.assert_array_equal(loss.points, np.stack([STEPS, LOSS], axis=1)[there])
    np.testing.assert_array_equal(validation.points, np.stack([STEPS / 10, LOSS], axis=1)[~there])
    assert loss.line.startswith("step 55: loss at 1000: ")
    assert wrong.points == []
    assert ours(caplog) == ["no x='tokens' beside 'loss'; known: loss, epoch, step"]

    state.save_to_json(str(tmp_path / "trainer_state.json"))
    resumed = sf.Forecaster(at=1e3, **ONE)
    handler(hf.TrainerState.load_from_json(str(tmp_path / "trainer_state.json")),
            resumed.transformers())  # fmt: skip
    assert resumed.points == loss.points
    silent = sf.Forecaster(at=1e3, **ONE)
    state.is_world_process_zero = False
    handler(state, silent.transformers()).on_log(None, state, hf.TrainerControl(), {})
    assert silent.points == []


@theirs
@pytest.mark.train
def test_a_training_by_transformers(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    hf = pytest.importorskip("transformers")
    pytest.importorskip("accelerate")
    import torch

    # the folder tests/datasets passes for the package of that name
    monkeypatch.setattr("transformers.trainer.is_datasets_available", lambda: False)

    class Model(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Linear(16, 1)

        def forward(self, x: Any, y: Any) -> Any:
            return {"loss": torch.mean((self.layer(x)[:, 0] - y) ** 2)}

    def train(forecaster: sf.Forecaster, steps: int, checkpoint: Path | None = None) -> Any:
        trainer = hf.Trainer(
            Model(),
            hf.TrainingArguments(
                str(tmp_path), max_steps=steps, per_device_train_batch_size=64, optim="sgd",
                learning_rate=0.05, lr_scheduler_type="constant", logging_steps=2, save_steps=40,
                use_cpu=True, report_to="none", disable_tqdm=True,
            ),
            train_dataset=[{"x": x, "y": y} for x, y in regression()],
            callbacks=[forecaster.transformers()],
        )  # fmt: skip
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
        return [(row["step"], row["loss"]) for row in trainer.state.log_history if "loss" in row]

    forecaster = sf.Forecaster(at=1e3, every=10, **ONE)
    logged = train(forecaster, 40)
    assert forecaster.points == logged
    assert [x for x, _ in forecaster.points] == list(range(2, 41, 2))
    assert forecaster.line.startswith("step 40: loss at 1000: ")
    resumed = sf.Forecaster(at=1e3, **ONE)
    logged = train(resumed, 48, tmp_path / "checkpoint-40")
    assert resumed.points == logged
    assert resumed.points[:20] == forecaster.points
    assert resumed.points[-1][0] == 48.0
    assert ours(caplog) == []
