"""Networks: perceptron with hidden layers (MLP), convolutions (CNN), ResNet and ViT, as modules.

All take images of shape (image, channel, row, column) and return one number a class. Their layers
are made in the order in which images go through them.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from scalefit.errors import ConfigError

from .settings import STAGES

if TYPE_CHECKING:
    from collections.abc import Callable

    from .settings import Deep

UNITS, CHANNELS, STAGE, DIMENSIONS = 256, 32, 16, 128
"""Sizes at width 1: of MLP, CNN, ResNet and ViT."""
HIDDEN = 16
"""Units of a CNN's first linear layer, over the channels of its first convolution."""
GROUP = 8
"""Channels of a group, at most."""


class MLP(nn.Module):
    """Linear layers of equal width with ReLU between them."""

    def __init__(self, pixels: int, units: int, hidden: int, classes: int) -> None:
        super().__init__()
        sizes = [pixels, *[units] * hidden]
        self.hidden = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(sizes))
        self.classifier = nn.Linear(sizes[-1], classes)

    def forward(self, images: Tensor) -> Tensor:
        """Return one number a class, shape (image, class)."""
        found = images.flatten(1)
        for layer in self.hidden:
            found = layer(found).relu()
        logits: Tensor = self.classifier(found)
        return logits


class CNN(nn.Module):
    """Convolutions with ReLU, maxima of 2x2 after every second one, hidden linear layers.

    Source
    ------
    D'Amico, Bocchi, Negri (2025) (arXiv:2505.13230), three convolutions and one hidden layer; for
    CIFAR-100 four and two, and dropout, which is left out here.
    """

    def __init__(
        self, shape: tuple[int, int, int], first: int, depth: int, linear: int, classes: int
    ) -> None:
        super().__init__()
        rows, columns, channels = shape
        sizes = [channels, *(first * 2**at for at in range(depth))]
        self.convolutions = nn.ModuleList(nn.Conv2d(a, b, 3, padding=1) for a, b in pairwise(sizes))
        self.pool = nn.MaxPool2d(2)
        halved = 2 ** (depth // 2)
        flat = sizes[-1] * (rows // halved) * (columns // halved)
        if not flat:
            raise ConfigError(
                f"setting 'convolutions' is {depth}: nothing is left of {rows}x{columns} pixels; "
                "take fewer"
            )
        widths = [flat, *(max(HIDDEN * first >> at, 1) for at in range(linear))]
        self.hidden = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(widths))
        self.classifier = nn.Linear(widths[-1], classes)

    def forward(self, images: Tensor) -> Tensor:
        """Return one number a class, shape (image, class)."""
        found = images
        for at, layer in enumerate(self.convolutions):
            found = layer(found).relu()
            if at % 2:
                found = self.pool(found)
        found = found.flatten(1)
        for layer in self.hidden:
            found = layer(found).relu()
        logits: Tensor = self.classifier(found)
        return logits


class Block(nn.Module):
    """Two 3x3 convolutions beside a connection that leaps over them.

    Source
    ------
    He, Zhang, Ren, Sun (2016), "Deep residual learning for image recognition", figure 5, left.
    """

    def __init__(
        self, before: int, after: int, stride: int, norm: Callable[[int], nn.Module]
    ) -> None:
        super().__init__()
        self.first = nn.Conv2d(before, after, 3, stride, 1, bias=False)
        self.first_norm = norm(after)
        self.second = nn.Conv2d(after, after, 3, 1, 1, bias=False)
        self.second_norm = norm(after)
        self.stride = stride
        self.leap = nn.Sequential()
        if stride > 1 or before != after:
            self.leap = nn.Sequential(nn.Conv2d(before, after, 1, bias=False), norm(after))

    def forward(self, images: Tensor) -> Tensor:
        """Return the block's maps."""
        found = self.first_norm(self.first(images)).relu()
        # Pixels are left out before the convolution, not by it: with less than 8 channels, last in
        # memory, the backward pass of PyTorch 2.13 on a CPU then writes where it must not.
        thinned = images[:, :, :: self.stride, :: self.stride]
        after: Tensor = self.second_norm(self.second(found)) + self.leap(thinned)
        return after.relu()


class ResNet(nn.Module):
    """A 3x3 convolution, stages of blocks, each after the first of half the side, and the mean."""

    def __init__(
        self,
        channels: int,
        first: int,
        stages: tuple[int, ...],
        classes: int,
        norm: Callable[[int], nn.Module],
    ) -> None:
        super().__init__()
        self.stem = nn.Conv2d(channels, first, 3, 1, 1, bias=False)
        self.stem_norm = norm(first)
        blocks, before = [], first
        for stage, count in enumerate(stages):
            after = first * 2**stage
            for at in range(count):
                blocks.append(Block(before, after, 1 + (at == 0 and stage > 0), norm))
                before = after
        self.blocks = nn.ModuleList(blocks)
        self.classifier = nn.Linear(before, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Return one number a class, shape (image, class)."""
        found = self.stem_norm(self.stem(images)).relu()
        for block in self.blocks:
            found = block(found)
        logits: Tensor = self.classifier(found.mean((2, 3)))
        return logits


def by_head(three: Tensor, heads: int) -> tuple[Tensor, ...]:
    """Return queries, keys and values, shape (example, head, token, dimension of a head) each."""
    count, length = three.shape[:2]
    return three.view(count, length, 3, heads, -1).permute(2, 0, 3, 1, 4).unbind()


class Encoder(nn.Module):
    """Attention and two linear layers, each after a normalisation and beside a leap.

    Source
    ------
    Dosovitskiy et al. (2021) (arXiv:2010.11929), equations 2 and 3.
    """

    def __init__(self, size: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.attention_norm = nn.LayerNorm(size)
        self.qkv = nn.Linear(size, 3 * size)
        self.out = nn.Linear(size, size)
        self.linear_norm = nn.LayerNorm(size)
        self.wide = nn.Linear(size, 4 * size)
        self.narrow = nn.Linear(4 * size, size)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return the tokens after the block, shape (image, token, dimension)."""
        count, length, size = tokens.shape
        query, key, value = by_head(self.qkv(self.attention_norm(tokens)), self.heads)
        mixed = scaled_dot_product_attention(query, key, value)
        tokens = tokens + self.out(mixed.transpose(1, 2).reshape(count, length, size))
        wide = nn.functional.gelu(self.wide(self.linear_norm(tokens)))
        after: Tensor = tokens + self.narrow(wide)
        return after


class ViT(nn.Module):
    """Transformer of patches, with a class token and learned places.

    Source
    ------
    Dosovitskiy et al. (2021) (arXiv:2010.11929), equations 1 to 4.
    """

    def __init__(
        self, shape: tuple[int, int, int], patches: int, size: int, depth: int, heads: int, out: int
    ) -> None:
        super().__init__()
        rows, columns, channels = shape
        if rows % patches or columns % patches:
            raise ConfigError(
                f"setting 'patches' is {patches}: it does not divide {rows}x{columns} pixels"
            )
        patch = (rows // patches, columns // patches)
        self.patches = nn.Conv2d(channels, size, patch, patch)
        self.token = nn.Parameter(torch.empty(1, 1, size))
        self.places = nn.Parameter(torch.empty(1, patches**2 + 1, size))
        self.blocks = nn.ModuleList(Encoder(size, heads) for _ in range(depth))
        self.norm = nn.LayerNorm(size)
        self.classifier = nn.Linear(size, out)

    def forward(self, images: Tensor) -> Tensor:
        """Return one number a class, shape (image, class)."""
        found = self.patches(images).flatten(2).transpose(1, 2)
        found = torch.cat([self.token.expand(len(found), -1, -1), found], dim=1) + self.places
        for block in self.blocks:
            found = block(found)
        logits: Tensor = self.classifier(self.norm(found[:, 0]))
        return logits


def _groups(channels: int) -> nn.Module:
    """Return a normalisation by groups of up to 8 channels."""
    size = next(one for one in range(min(GROUP, channels), 0, -1) if channels % one == 0)
    return nn.GroupNorm(channels // size, channels)


def build(settings: Deep, shape: tuple[int, int, int], classes: int) -> nn.Module:
    """Return the network of these settings, on the device that PyTorch makes tensors on now."""

    def size(base: int, multiple: int = 1) -> int:
        return max(round(base * settings.width / multiple), 1) * multiple

    rows, columns, channels = shape
    if settings.protocol == "mlp":
        return MLP(rows * columns * channels, size(UNITS), settings.hidden_layers, classes)
    if settings.protocol == "cnn":
        depth, linear = settings.convolutions, settings.linear_layers
        return CNN(shape, size(CHANNELS), depth, linear, classes)
    if settings.protocol == "resnet":
        norm = nn.BatchNorm2d if settings.normalization == "batch" else _groups
        return ResNet(channels, size(STAGE), STAGES[settings.layers], classes, norm)
    dimensions = size(DIMENSIONS, settings.heads)
    return ViT(shape, settings.patches, dimensions, settings.blocks, settings.heads, classes)
