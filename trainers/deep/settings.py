"""Settings of deep networks on images."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

from scalefit.errors import ConfigError
from scalefit.trainers.settings import choice, number, shown, whole

from .images import DIGITS, KNOWN, OWN, Images, find, held, own
from .optimized import Optimized

_MLP, _CNN, _RESNET, _VIT = "mlp", "cnn", "resnet", "vit"

STAGES = {8: (1, 1, 1), 18: (2, 2, 2, 2), 34: (3, 4, 6, 3)}
"""Blocks of each stage of a ResNet, by its layers."""


@dataclass(frozen=True, kw_only=True)
class Deep(Optimized):
    """Settings of deep networks on images, trained by minibatches on cross-entropy.

    Those of the optimizer are described at `Optimized`.

    Attributes
    ----------
    protocol
        The architecture. `"mlp"`: ReLU layers of equal width, 256 units each at `width` 1. `"cnn"`:
        3x3 convolutions of 32, 64, 128, ... channels with ReLU, the maximum of 2x2 pixels after
        every second one, then hidden linear layers of 512, 256, ... units. `"resnet"`: basic
        blocks, 16 channels in the first stage, twice as many in each further one. `"vit"`: a
        transformer of 128 dimensions that normalises before its blocks, with a class token.
    images
        The data set. `"digits"` (8x8, 1297 to train with and 500 to test) needs no file; the others
        lie in the folder `images` of the one that the variable SCALEFIT_DATA names, or of the
        cache. Those of your own are given to `run` as `data`.
    n_train : >= 1
        Training images, a random subset; at one seed a smaller one lies in a larger one.
    width : > 0
        Multiplies the units, channels or dimensions of every layer.
    hidden_layers : >= 1
        Of an MLP.
    convolutions, linear_layers : >= 1
        Of a CNN; the latter are the hidden ones.
    layers
        Of a ResNet: 8 (three stages of one block), 18 (four of two) or 34 (3, 4, 6 and 3).
    normalization
        Of a ResNet: by batch, or by groups of 8 channels or less, which leaves no state behind.
    blocks : >= 1
        Of a ViT.
    heads : >= 1
        Of a ViT; the dimension is rounded to a multiple of them.
    patches : >= 1
        Patches along a side of an image, for a ViT; must divide its pixels.
    init_scale : > 0
        Factor on the initial weights, biases left aside. Weights are drawn as PyTorch does for MLP
        and CNN; for the ResNet normal, of variance 2 over fan-out, but 0.01 for the last layer's
        deviation; for the ViT uniform after Glorot, and queries, keys and values are not scaled.
    batch : >= 1
        Examples of a step; all of them where there are fewer. The last batch of an epoch is filled
        up from the next one.
    steps : >= 1
        Length of a run, unless `epochs` says it.
    epochs : >= 0
        Length of a run in passes over the training images, rounded up to whole steps; 0 for
        `steps`. Equal epochs lengthen training as `n_train` grows, and the last norm with it.
    points : >= 2
        Largest number of checkpoints after the start, log-spaced from the first step to the last.
    label_noise : >= 0, <= 1
        Share of training labels that are replaced by another class.
    augment
        `"none"`; `"shift"`, by up to an eighth of a side; `"shift_flip"`, and mirrored half of the
        time. Errors are always on images as they are.
    pixels
        `"standard"`: mean 0 and deviation 1 in each channel over all training images; `"half"`:
        from -1 to 1.
    precision
        Of forward and backward passes; weights are float32 in any case. `"bfloat16"` pays for CNN
        and ResNet on a CPU with AVX-512, and never for a small ViT there.
    eval_train, eval_test : >= 1
        Training and test images that a checkpoint looks at, at most; all test images are looked at
        in the end.
    """

    family: ClassVar[str] = "deep"
    description: ClassVar[str] = (
        "deep networks on images: MLP, CNN, ResNet, ViT, with the norms of their weights"
    )
    always: ClassVar[tuple[str, ...]] = ("protocol", "images", "n_train")
    streams: ClassVar[tuple[str, ...]] = ("images",)

    protocol: str = choice(_MLP, _CNN, _RESNET, _VIT)
    images: str = choice(*KNOWN, also=OWN)
    n_train: int = whole(500, low=1)
    width: float = number(1.0, low=0, above=True)
    hidden_layers: int = whole(2, low=1, high=20, only=(_MLP,))
    convolutions: int = whole(3, low=1, high=20, only=(_CNN,))
    linear_layers: int = whole(1, low=1, high=20, only=(_CNN,))
    layers: int = whole(18, low=8, high=34, only=(_RESNET,))
    normalization: str = choice("batch", "group", only=(_RESNET,))
    blocks: int = whole(4, low=1, high=100, only=(_VIT,))
    heads: int = whole(4, low=1, only=(_VIT,))
    patches: int = whole(4, low=1, only=(_VIT,))
    init_scale: float = number(1.0, low=0, above=True)
    batch: int = whole(128, low=1)
    steps: int = whole(500, low=1)
    epochs: int = whole(0, low=0)
    points: int = whole(40, low=2)
    label_noise: float = number(0.0, low=0, high=1)
    augment: str = choice("none", "shift", "shift_flip")
    pixels: str = choice("standard", "half")
    precision: str = choice("float32", "bfloat16")
    eval_train: int = whole(2000, low=1)
    eval_test: int = whole(5000, low=1)

    def check(self) -> None:
        """Raise ConfigError for a ResNet that there is not; hold on to images of one's own."""
        if self.layers not in STAGES:
            raise ConfigError(f"setting 'layers' is {self.layers}; give {shown(STAGES)}")
        if self.protocol == _RESNET and self.normalization == "batch" and self.rows < 2:
            raise ConfigError(
                "a batch of one example cannot be normalised: take a larger batch, or "
                "normalization='group'"
            )
        object.__setattr__(self, "_own", held(self.images))  # goes to other processes with it

    @property
    def data(self) -> Images:
        """Return the images.

        Raises
        ------
        InvalidData
            If they are not there, or cannot be read.
        ConfigError
            If there are fewer than `n_train`.
        """
        found = find(self.images, getattr(self, "_own", None))
        if self.n_train > len(found.train):
            raise ConfigError(
                f"setting 'n_train' is {self.n_train}; {self.images} has {len(found.train)} images "
                "to train with"
            )
        return found

    @property
    def rows(self) -> int:
        """Return the examples of a step."""
        return min(self.batch, self.n_train)

    @property
    def length(self) -> int:
        """Return the steps of a run."""
        return math.ceil(self.epochs * self.n_train / self.rows) or self.steps

    def checksum(self) -> str:
        """Return the checksum of the images; empty for those that come with the package."""
        return "" if self.images == DIGITS else find(self.images, getattr(self, "_own", None)).sum

    @classmethod
    def given(cls, data: Any) -> dict[str, Any]:
        """Return the settings that name images of one's own."""
        return {"images": own(data)}
