"""Training of deep networks: minibatches, cross-entropy, norms at every checkpoint.

`data` holds the images (`train`, `test`, and their labels) without a run axis; and for each run
`chosen`, its training images, and `labels`, beside what `network.py` puts there.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from scalefit.arrays import Array
from scalefit.trainers.checkpoints import checkpoints
from scalefit.trainers.protocol import Context, Cost, Facts, Run

from . import batches
from .cost import cost_of, small
from .layout import plan_of
from .network import Network, labels_of, stacked
from .variables import DEFAULT, INTERPOLATED, MARGINS, SPECTRA, VARIABLES

if TYPE_CHECKING:
    from scalefit.trainers.protocol import Tensors

    from .layout import Plan
    from .settings import Deep

CHUNK = 500
"""Images that are looked at together in an evaluation."""
STUCK = 0.02
"""A run whose loss is so close to the entropy of its labels has learned nothing."""


class Training(Network):
    """Training of a network of one architecture."""

    source: ClassVar[str] = "deep network on images, minibatches and cross-entropy"

    def plan(self, settings: Deep) -> Plan:
        """Return what the network of these settings consists of."""
        return plan_of(settings)

    def shape(self, settings: Deep) -> tuple[Any, ...]:
        """Return all settings but those that are one number for each run, and the images."""
        used = settings.used() | {"steps": settings.length, "batch": settings.rows}
        free = ("epochs", "learning_rate", "init_scale", "label_noise")
        return settings.checksum(), *(used[name] for name in used if name not in free)

    def facts(self, settings: Deep) -> Facts:
        """Return log-spaced steps, the start included."""
        return Facts(
            VARIABLES | (SPECTRA if settings.spectra else {}),
            checkpoints(settings.length, settings.points, start=True),
            dtype="float32",
            block=self.block,
            labels={**labels_of(settings, plan_of(settings)), "quantile": MARGINS},
            gradients=True,
            short="stalled",
        )

    def along(self, settings: Deep) -> Mapping[str, Array]:
        """Return steps, examples and passes."""
        step = np.array(checkpoints(settings.length, settings.points, start=True), dtype=float)
        examples = step * settings.rows
        return {"step": step, "epoch": examples / settings.n_train, "examples": examples}

    def cost(self, settings: Deep) -> Cost:
        """Return what a run costs, from one step without values."""
        return cost_of(settings)

    def resources(self, settings: Deep, device: torch.device) -> Tensors:
        """Return images and labels on the device."""
        data = settings.data
        arrays = {
            "train": data.train,
            "test": data.test,
            "test_labels": data.test_labels,
        }
        return {name: torch.from_numpy(one).to(device) for name, one in arrays.items()}

    def init(self, context: Context, runs: Sequence[Run]) -> tuple[Tensors, Tensors]:
        """Return images, subsets and initial weights."""
        settings, device = context.settings, context.device
        held = settings.data
        images = context.resources or self.resources(settings, device)
        chosen = [batches.subset(run, held) for run in runs]
        labels = [batches.labels(run, held, own) for run, own in zip(runs, chosen, strict=True)]
        mean, spread = held.scale if settings.pixels == "standard" else (0.5, 0.5)
        data: Tensors = {
            **images,
            "chosen": torch.from_numpy(np.stack(chosen)),
            "labels": torch.from_numpy(np.stack(labels)),
            "mean": torch.as_tensor(mean) * held.top,
            "scale": 1 / (torch.as_tensor(spread) * held.top),
            "entropy": torch.tensor([_entropy(one) for one in labels], dtype=torch.float64),
        }
        data = {name: one.to(device) for name, one in data.items()}
        common, state = self.started(context, runs)
        return data | common, state

    def feed(self, context: Context, runs: Sequence[Run], block: int) -> Tensors:
        """Return the examples of a block, and how they are moved."""
        steps = min(self.block, context.settings.length - block * self.block)
        found = batches.block_of(runs, block, steps, context.settings.data.shape)
        return {name: one.to(context.device) for name, one in found.items()}

    def loss(
        self, context: Context, model: nn.Module, data: Tensors, fresh: Tensors, run: int
    ) -> Tensor:
        """Return the cross-entropy of a run's network on the images of a step."""
        places = fresh["examples"][run]
        moves = fresh["moves"][run] if "moves" in fresh else None
        chosen = data["chosen"][run][places]
        images = self._images(context.settings, data, chosen, "train", moves)
        with _precision(context.settings, images.device):
            logits = model(images)
        return cross_entropy(logits.float(), data["labels"][run][places])

    def together(self, context: Context) -> bool:
        """Return whether all runs may train at once: small batches of MLPs on a CPU."""
        settings: Deep = context.settings
        return context.device.type == "cpu" and small(settings)

    def losses(
        self, context: Context, call: Callable[[Tensor], Tensor], data: Tensors, fresh: Tensors
    ) -> Tensor:
        """Return the cross-entropy of all runs' networks on the images of a step."""
        places = fresh["examples"]
        own = torch.arange(len(places), device=places.device)[:, None]
        moves = fresh["moves"].flatten(0, 1) if "moves" in fresh else None
        chosen = data["chosen"][own, places].flatten()
        images = self._images(context.settings, data, chosen, "train", moves)
        with _precision(context.settings, images.device):
            logits = call(images.reshape(*places.shape, *images.shape[1:]))
        labels = data["labels"][own, places].flatten()
        each = cross_entropy(logits.float().flatten(0, 1), labels, reduction="none")
        return each.view(places.shape).mean(1)

    def _images(
        self, settings: Deep, data: Tensors, chosen: Tensor, part: str, moves: Tensor | None = None
    ) -> Tensor:
        """Return images as the network sees them, channels last in memory."""
        found = batches.gathered(data[part], chosen, moves)
        scaled = (found.float() - data["mean"].float()) * data["scale"].float()
        return scaled.permute(0, 3, 1, 2)

    @torch.no_grad()
    def measure(self, context: Context, state: Tensors, data: Tensors) -> Tensors:
        """Return errors, losses, margins and norms."""
        settings = context.settings
        models = self.bound(context, state, train=False)
        rows: list[Tensors] = []
        for run, model in enumerate(models):
            logits, labels = self._seen(settings, model, data, run)
            train, test = _told(logits, labels), self._tested(settings, model, data)
            row = {f"train_{name}": one for name, one in train.items()}
            row |= {f"test_{name}": one for name, one in test.items()}
            rows.append(row | {"margin": _margins(logits, labels)})
        return stacked(rows) | self.norms(context, state, data)

    def _seen(
        self, settings: Deep, model: nn.Module, data: Tensors, run: int
    ) -> tuple[Tensor, Tensor]:
        """Return the network's outputs on a run's training images, and their labels."""
        seen = min(settings.eval_train, settings.n_train)
        chosen, labels = data["chosen"][run][:seen], data["labels"][run][:seen]
        return self._logits(settings, model, data, chosen, "train"), labels

    def _tested(
        self, settings: Deep, model: nn.Module, data: Tensors, every: bool = False
    ) -> Tensors:
        """Return error and loss on test images, the same for all runs."""
        count = len(data["test"])
        most = count if every else min(settings.eval_test, count)
        # spread over all of them, for some files are sorted by class
        chosen = torch.arange(most, device=data["test"].device) * count // most
        logits = self._logits(settings, model, data, chosen, "test")
        return _told(logits, data["test_labels"][chosen])

    def _logits(
        self, settings: Deep, model: nn.Module, data: Tensors, chosen: Tensor, part: str
    ) -> Tensor:
        """Return the network's outputs in double precision, some images at a time."""
        found = []
        for some in torch.split(chosen, CHUNK):
            images = self._images(settings, data, some, part)
            with _precision(settings, images.device):
                found.append(model(images).double())
        return torch.cat(found)

    @torch.no_grad()
    def done(self, context: Context, state: Tensors, data: Tensors) -> Tensor:
        """Return which runs have learned more than how frequent each class is."""
        models = self.bound(context, state, train=False)
        told = [
            _told(*self._seen(context.settings, model, data, run))["loss"]
            for run, model in enumerate(models)
        ]
        return (torch.stack(told) - data["entropy"]).abs() > STUCK

    @torch.no_grad()
    def outcome(self, context: Context, state: Tensors, data: Tensors) -> Mapping[str, Any]:
        """Return the size, error and loss on all test images, and which images a run has seen."""
        settings = context.settings
        models = self.bound(context, state, train=False)
        tested = [self._tested(settings, model, data, every=True) for model in models]
        return {
            "parameters": np.full(len(models), plan_of(settings).count),
            "norm_name": np.full(len(models), DEFAULT),
            "subset": np.array([_hashed(one.cpu().numpy()) for one in data["chosen"]]),
            **{f"final_test_{name}": one for name, one in stacked(tested).items()},
        }

    def reading(self, settings: Deep, values: Mapping[str, Array]) -> Mapping[str, Array]:
        """Return `INTERPOLATED` where training images are first all right.

        It is the first checkpoint with a training error of 0 among the images that are looked at;
        NaN where there is none.
        """
        del settings
        right = values["train_error"] <= 0
        first, ever = right.argmax(axis=1), right.any(axis=1)
        rows = np.arange(len(right))
        return {
            f"{name}_interpolation": np.where(ever, values[name][rows, first], math.nan)
            for name in INTERPOLATED
        }


def _precision(settings: Deep, device: torch.device) -> Any:
    """Return the context of forward passes."""
    if settings.precision == "float32":
        return nullcontext()
    return torch.autocast(device.type, dtype=torch.bfloat16)


def _told(logits: Tensor, labels: Tensor) -> Tensors:
    """Return the share of mistakes and the mean cross-entropy, shape () each."""
    wrong = (logits.argmax(1) != labels).double().mean()
    return {"error": wrong, "loss": cross_entropy(logits, labels)}


def _margins(logits: Tensor, labels: Tensor) -> Tensor:
    """Return quantiles of the right class's output less the largest other one."""
    right = logits.gather(1, labels[:, None])
    others = logits.scatter(1, labels[:, None], -math.inf)
    margins = right[:, 0] - others.amax(1)
    ordered = margins.sort().values
    places = [min(int(share * len(margins)), len(margins) - 1) for share in MARGINS]
    return torch.stack([ordered[at] for at in places])


def _entropy(labels: NDArray[np.int64]) -> float:
    """Return the entropy of labels in nats, the loss of knowing how frequent each class is."""
    share = np.bincount(labels) / len(labels)
    share = share[share > 0]
    return float(-(share * np.log(share)).sum())


def _hashed(chosen: NDArray[np.int64]) -> str:
    return hashlib.sha256(chosen.tobytes()).hexdigest()[:12]
