"""Networks of the tasks: an MLP, and a transformer of attention alone."""

from __future__ import annotations

import math
from functools import lru_cache, partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from scalefit.trainers.deep.inits import default
from scalefit.trainers.deep.layout import Plan
from scalefit.trainers.deep.models import MLP, by_head

from .settings import INDUCTION, PARITY

if TYPE_CHECKING:
    import numpy as np

    from scalefit.trainers.deep.layout import Part

    from .settings import Sequence


class Attention(nn.Module):
    """Attention to what came before, after a normalisation and beside a leap."""

    def __init__(self, size: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.attention_norm = nn.LayerNorm(size)
        self.qkv = nn.Linear(size, 3 * size)
        self.out = nn.Linear(size, size)

    def forward(self, tokens: Tensor, later: Tensor) -> tuple[Tensor, Tensor]:
        """Return the tokens after the block, and who attends to whom.

        Parameters
        ----------
        tokens : shape (example, token, dimension)
            Before the block.
        later : shape (token, token)
            Minus infinity for what comes later, 0 elsewhere.

        Returns
        -------
        shape (example, token, dimension), and (example, head, token, token)
        """
        count, length, size = tokens.shape
        query, key, value = by_head(self.qkv(self.attention_norm(tokens)), self.heads)
        scores = query @ key.transpose(2, 3) / math.sqrt(size // self.heads)
        attended = (scores + later).softmax(-1)
        mixed = (attended @ value).transpose(1, 2).reshape(count, length, size)
        return tokens + self.out(mixed), attended


class Transformer(nn.Module):
    """Tokens with learned places, blocks of attention, a normalisation, one number a token.

    Source
    ------
    Olsson et al. (2022), arXiv:2209.11895: two such blocks are the least that make induction heads.
    """

    def __init__(self, vocabulary: int, length: int, size: int, heads: int, depth: int) -> None:
        super().__init__()
        self.tokens = nn.Parameter(torch.empty(vocabulary, size))
        self.places = nn.Parameter(torch.empty(length, size))
        self.blocks = nn.ModuleList(Attention(size, heads) for _ in range(depth))
        self.norm = nn.LayerNorm(size)
        self.classifier = nn.Linear(size, vocabulary)

    def forward(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Return one number for every token that may come next, and who attends to whom.

        Returns
        -------
        shape (example, token, vocabulary), and (example, block, head, token, token)
        """
        length = tokens.shape[1]
        never = torch.full((length, length), -math.inf, device=tokens.device)
        later = never.triu(1)
        found, seen = self.tokens[tokens] + self.places[:length], []
        for block in self.blocks:
            found, attended = block(found, later)
            seen.append(attended)
        logits: Tensor = self.classifier(self.norm(found))
        return logits, torch.stack(seen, dim=1)


def build(settings: Sequence) -> nn.Module:
    """Return the network of these settings, on the device that PyTorch makes tensors on now."""
    one = settings
    if one.protocol == INDUCTION:
        return Transformer(one.vocabulary, one.tokens - 1, one.dimensions, one.heads, one.blocks)
    if one.protocol == PARITY:
        return MLP(one.tasks + one.bits, one.units, one.hidden_layers, 1)
    return MLP(2 * one.modulus, one.units, one.hidden_layers, one.modulus)


@lru_cache(maxsize=4096)
def plan_of(settings: Sequence) -> Plan:
    """Return what the network of these settings consists of."""
    return Plan(partial(build, settings))


def draw(
    stream: np.random.Generator, part: Part, kind: str, inputs: int, scale: float
) -> np.ndarray:
    """Return initial values as PyTorch draws them; those of tokens and places are normal."""
    if part.name in ("tokens", "places"):
        return scale * stream.standard_normal(part.shape)
    if "norm" in part.name:
        full = stream.standard_normal(part.shape)
        full[...] = float(kind == "weight")
        return full
    return default(stream, part, kind, inputs, scale)
