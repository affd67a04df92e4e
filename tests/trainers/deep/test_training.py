"""Training of deep networks: against a plain loop, records, resuming, images of one's own."""

from __future__ import annotations

import math
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from samples.trainings import killed, made, same

import scalefit as sf
from scalefit import trainers, trajectory
from scalefit.errors import ConfigError
from scalefit.trainers.deep.settings import Deep
from scalefit.trainers.protocol import Context, Run
from scalefit.trainers.sweep import expand

pytestmark = pytest.mark.train

SMALL: dict[str, Any] = {"n_train": 60, "width": 0.1, "steps": 40, "points": 6, "batch": 16}


def trained(**settings: Any) -> xr.Dataset:
    return trainers.run(trainers.config("deep", **{**SMALL, "seeds": 1, **settings}), device="cpu")


@pytest.fixture(scope="module")
def curves() -> xr.Dataset:
    """Return two small MLPs with two seeds."""
    return trained(n_train=[40, 80], seeds=2, steps=300, points=12, learning_rate=3e-3)


def test_what_is_recorded_survives_a_file(curves: xr.Dataset, tmp_path: Path) -> None:
    assert set(curves["status"].values) == {"ok"}
    assert curves["n_train"].values.tolist() == [40, 40, 80, 80]
    assert curves["layer"].values.tolist() == ["hidden.0", "hidden.1", "classifier"]
    assert all(np.isfinite(curves[name]).all() for name in curves.data_vars)
    np.testing.assert_array_equal(curves["examples"], 16 * curves["step"])
    passes = curves["examples"] / curves["n_train"]
    np.testing.assert_allclose(curves["epoch"], passes)
    assert (curves["test_error"].isel(point=0) > 0.7).all()
    assert (curves["test_error"].isel(point=-1) < 0.45).all()
    assert (curves["final_test_error"] == curves["test_error"].isel(point=-1)).all()
    assert len(set(curves["subset"].values)) == 4
    width = 26
    expected = 64 * width + width * width + 10 * width + 2 * width + 10
    assert set(curves["parameters"].values) == {expected}
    trajectory.write(curves, tmp_path / "deep.nc")
    assert trajectory.open_netcdf(tmp_path / "deep.nc").identical(curves)


def test_norms_follow_from_the_layers(curves: xr.Dataset) -> None:
    tops, rows = curves["layer_spectral"], curves["layer_rows"]
    bartlett = tops.prod("layer") * ((rows / tops) ** (2 / 3)).sum("layer") ** 1.5
    np.testing.assert_allclose(curves["norm"], bartlett, rtol=1e-10)
    np.testing.assert_allclose(curves["norm_spectral_product"], tops.prod("layer"), rtol=1e-10)
    squares = np.sqrt(curves["layer_squares"].sum("layer"))
    np.testing.assert_allclose(curves["norm_frobenius"], squares, rtol=1e-10)
    away = curves["layer_rows_from_init"]
    since = tops.prod("layer") * ((away / tops) ** (2 / 3)).sum("layer") ** 1.5
    np.testing.assert_allclose(curves["norm_from_init"], since, rtol=1e-10)
    growth = (curves["norm"] - curves["norm"].isel(point=0)).clip(min=0)
    np.testing.assert_allclose(curves["norm_growth"], growth, atol=1e-9 * float(bartlett.max()))
    assert (curves["norm_from_init"].isel(point=0) == 0).all()


def test_spectra_are_recorded_where_they_are_asked_for(curves: xr.Dataset) -> None:
    assert "layer_spectrum" not in curves
    assert "spectra" not in Run(Deep(), 0, 0).identity  # so that runs from before are known again
    settings: dict[str, Any] = {"n_train": 40, "steps": 300, "points": 12, "learning_rate": 3e-3}
    found = trained(**settings, spectra=20)
    expected = curves.isel(run=[0])
    for name in curves.data_vars:
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-5, err_msg=str(name))
    spectra = found["layer_spectrum"]
    assert spectra["rank"].values.tolist() == list(range(1, 21))
    np.testing.assert_array_equal(spectra.isel(rank=0), found["layer_spectral"])
    hidden, classifier = spectra.sel(layer="hidden.0"), spectra.sel(layer="classifier")
    assert (hidden.diff("rank") <= 0).all()
    assert np.isfinite(classifier[..., :10]).all()
    assert np.isnan(classifier[..., 10:]).all()
    assert sf.tail(hidden.isel(run=0, point=-1)).summary()["tail"].size


def test_the_norm_at_interpolation_is_that_of_the_first_checkpoint_without_mistakes(
    curves: xr.Dataset,
) -> None:
    for run in range(curves.sizes["run"]):
        one = curves.isel(run=run)
        right = np.flatnonzero(one["train_error"].values == 0)
        assert right.size
        for name in ("step", "norm", "norm_cnn_variant", "norm_growth"):
            assert one[f"{name}_interpolation"].item() == one[name].values[right[0]]
    late = trained(steps=2, seeds=1)
    assert np.isnan(late["norm_interpolation"].item())


@pytest.mark.parametrize(
    ("protocol", "more"),
    [
        ("mlp", {"optimizer": "sgd", "momentum": 0.5, "learning_rate": 0.1}),
        ("cnn", {"weight_decay": 0.01, "pixels": "half"}),
        ("resnet", {"layers": 8, "optimizer": "adamw", "weight_decay": 0.01}),
        ("vit", {"blocks": 1, "schedule": "cosine"}),
    ],
)
def test_a_plain_loop_gives_the_same_curves(protocol: str, more: dict[str, Any]) -> None:
    import torch

    from scalefit.trainers.deep.batches import order, subset
    from scalefit.trainers.deep.inits import weights
    from scalefit.trainers.deep.layout import plan_of
    from scalefit.trainers.deep.models import build

    settings = {**SMALL, "protocol": protocol, "steps": 12, "points": 3, "n_train": 40, **more}
    found = trainers.run(trainers.config("deep", seeds=1, **settings), device="cpu").isel(run=0)
    deep: Any = Deep(**settings)
    run, data = Run(deep, 0, 0), deep.data
    model = build(deep, data.shape, data.classes)
    flat = weights(run, deep, plan_of(deep))
    for part, one in zip(plan_of(deep).parts, model.parameters(), strict=True):
        one.data.copy_(part.view(flat))
    mean, spread = data.scale if deep.pixels == "standard" else (0.5, 0.5)

    def scaled(images: Any) -> Any:
        return torch.tensor((images / 16.0 - mean) / spread, dtype=torch.float32).movedim(3, 1)

    chosen = subset(run, data)
    train, labels = scaled(data.train[chosen]), torch.tensor(data.train_labels[chosen])
    test, test_labels = scaled(data.test), torch.tensor(data.test_labels)
    kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW, "sgd": torch.optim.SGD}
    options = {"momentum": deep.momentum} if deep.optimizer == "sgd" else {}
    optimizer = kind[deep.optimizer](
        model.parameters(), lr=deep.learning_rate, weight_decay=deep.weight_decay, **options
    )
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, deep.steps)
    places = order(run, 0, deep.steps * 16).reshape(-1, 16)
    losses = []
    for step in range(deep.steps + 1):
        if step in found["step"].values:
            model.eval()
            with torch.no_grad():
                loss = torch.nn.functional.cross_entropy(model(test).double(), test_labels)
            losses.append(loss.item())
            model.train()
        if step < deep.steps:
            optimizer.zero_grad()
            batch = torch.from_numpy(places[step])
            torch.nn.functional.cross_entropy(model(train[batch]), labels[batch]).backward()
            optimizer.step()
            if deep.schedule == "cosine":
                scheduler.step()
    np.testing.assert_allclose(found["test_loss"].values, losses, rtol=2e-4)


def test_runs_that_learn_nothing_are_stalled() -> None:
    found = trained(n_train=1297, learning_rate=[1e-9, 1e-2], init_scale=0.05, steps=60)
    assert found["status"].values.tolist() == ["stalled", "ok"]
    assert np.isfinite(found["test_error"]).all()


def test_runs_whose_loss_is_not_finite_have_diverged() -> None:
    found = trained(optimizer="sgd", learning_rate=1e30, steps=4)
    assert found["status"].item() == "diverged"


def test_a_killed_training_goes_on_to_the_same_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = trainers.config(
        "deep", **SMALL, protocol="cnn", precision="bfloat16", augment="shift", seeds=1,
        schedule="linear", label_noise=0.1,
    )  # fmt: skip
    options: dict[str, Any] = {"determinism": "exact", "device": "cpu"}
    whole = trainers.run(config, **options)
    killed(monkeypatch, lambda: trainers.run(config, out=tmp_path, **options), after=3)
    same(trainers.run(config, out=tmp_path, **options), whole)


def test_an_exact_run_does_not_depend_on_those_beside_it() -> None:
    two = trainers.config("deep", **SMALL, seeds=2, learning_rate=[1e-3, 1e-2])
    one = trainers.config("deep", **SMALL, seeds=[1], learning_rate=1e-2)
    both = trainers.run(two, determinism="exact", device="cpu")
    same(trainers.run(one, determinism="exact", device="cpu"), both.isel(run=[3]))


def test_runs_side_by_side_are_those_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    from scalefit.trainers import loop
    from scalefit.trainers.families import simulation

    config = trainers.config("deep", **SMALL, seeds=2, init_scale=[0.5, 1.0])
    runs = expand(config, 0)
    together = loop.train(simulation(runs[0].settings), runs, torch.device("cpu"))
    alone = [loop.train(simulation(one.settings), [one], torch.device("cpu")) for one in runs]
    for name, values in together.values.items():
        expected = np.concatenate([one.values[name] for one in alone])
        np.testing.assert_allclose(values, expected, rtol=1e-4, atol=1e-6, err_msg=name)


def test_gradients_of_all_runs_at_once_are_those_of_each() -> None:
    import torch

    from scalefit.trainers.families import simulation

    config = trainers.config("deep", **SMALL, augment="shift", label_noise=0.2, seeds=3)
    runs = expand(config, 0)
    one: Any = simulation(runs[0].settings)
    context = Context(runs[0].settings, torch.device("cpu"))
    data, state = one.init(context, runs)
    now = {name: value[:, 5] for name, value in one.feed(context, runs, 0).items()}
    assert one.together(context)
    found = []
    for way in (one._one_by_one, one._together):
        with torch.enable_grad():
            way(context, state, data, now)
        found.append(one._gradient(context, state)[0].clone())
    torch.testing.assert_close(*found, rtol=1e-4, atol=1e-7)


def own_images(seed: int = 0) -> dict[str, Any]:
    """Return images of two classes, bright above or below."""
    rng = np.random.default_rng(seed)
    found: dict[str, Any] = {}
    for part, count in (("train", 30), ("test", 20)):
        labels = np.arange(count) % 2
        images = 0.2 * rng.random((count, 6, 6))
        images[labels == 0, :3] += 0.7
        images[labels == 1, 3:] += 0.7
        found |= {f"x_{part}": images, f"y_{part}": labels}
    return found


def test_images_of_ones_own_are_trained_on_and_known_again(tmp_path: Path) -> None:
    settings = {**SMALL, "n_train": 30, "seeds": 1, "steps": 60, "learning_rate": 1e-2}
    config = trainers.config("deep", **settings)
    first = trainers.run(config, data=own_images(), out=tmp_path)
    name = first["images"].item()
    assert name.startswith("own-")
    assert first["final_test_error"].item() == 0
    before = made(tmp_path)
    np.savez(tmp_path / "own.npz", **own_images())
    same(trainers.run(config, data=tmp_path / "own.npz", out=tmp_path), first)
    assert made(tmp_path) == before
    assert trainers.sweeps(tmp_path)["ok"].tolist() == [1]
    other = trainers.run(config, data=own_images(1), out=tmp_path)
    assert other["images"].item() != name
    assert trainers.merged(tmp_path).sizes["run"] == 2
    with pytest.raises(ConfigError, match="family 'perceptron' takes no data"):
        trainers.run(trainers.config("perceptron"), data=own_images())


def test_images_of_ones_own_go_with_their_settings_to_other_processes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from scalefit.trainers.deep import images

    deep = Deep(images=images.own(own_images()), n_train=5)
    sent = pickle.dumps(deep)
    monkeypatch.setattr(images, "_HELD", {})
    with pytest.raises(ConfigError, match="give the images as data="):
        Deep(images=deep.images, n_train=5).data  # noqa: B018
    assert pickle.loads(sent).data.classes == 2


def test_more_images_than_there_are_are_refused() -> None:
    with pytest.raises(ConfigError, match="'n_train' is 1298; digits has 1297 images"):
        trained(n_train=1298)


def test_epochs_make_whole_steps() -> None:
    assert Deep(n_train=100, batch=32, epochs=3).length == math.ceil(300 / 32)
    assert Deep(n_train=100, batch=32, steps=7).length == 7


@pytest.mark.parametrize("protocol", ["mlp", "cnn", "resnet", "vit"])
def test_networks_start_at_the_loss_of_guessing(protocol: str) -> None:
    scale = 0.1 if protocol == "vit" else 1.0  # whose last layer is drawn for outputs of order 1
    found = trained(protocol=protocol, init_scale=scale, steps=1, width=0.5, n_train=100)
    assert found["test_loss"].isel(point=0).item() == pytest.approx(math.log(10), abs=0.12)


def test_shuffled_labels_teach_nothing() -> None:
    found = trained(n_train=600, label_noise=0.9, steps=200, width=0.5, learning_rate=3e-3)
    assert 0.8 < found["final_test_error"].item() < 0.98


def test_evaluation_leaves_the_training_alone() -> None:
    import torch

    from scalefit.trainers.families import simulation

    runs = expand(trainers.config("deep", **SMALL, protocol="resnet", layers=8, seeds=1), 0)
    one, cpu = simulation(runs[0].settings), torch.device("cpu")
    context = Context(runs[0].settings, cpu)
    data, state = one.init(context, runs)
    fresh = one.feed(context, runs, 0)
    part = {name: value[:, :3] for name, value in fresh.items()}
    with torch.enable_grad():
        state = one.update(context, state, data, part, range(3))
        before = {name: value.clone() for name, value in state.items()}
        first, second = (one.measure(context, state, data) for _ in range(2))
    for name, value in state.items():
        torch.testing.assert_close(value, before[name], rtol=0, atol=0)
    for name, value in first.items():
        torch.testing.assert_close(value, second[name], rtol=0, atol=0, equal_nan=True)


@pytest.mark.slow
def test_the_collapse_of_small_networks_predicts_their_smallest_error() -> None:
    sizes = [100, 200, 400, 800]
    ds = trained(n_train=sizes, width=0.5, steps=500, points=30, batch=64, seeds=2)
    best = ds["test_error"].groupby("n_train").mean("run").min("point")
    slope = -np.polyfit(np.log(sizes), np.log(best), 1)[0]
    fit = sf.fit(
        ds.where(ds["test_error"] < 0.6), x=("norm", "n_train"), y="test_error",
        law=sf.laws.Collapse(2), x_range={"norm": (500, None)}, progress=False,
    )  # fmt: skip
    assert fit.verdict == {"all": "ok"}
    gamma = fit.summary().set_index("parameter").loc["gamma"]
    assert gamma["low"] < slope < gamma["high"]
