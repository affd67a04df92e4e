"""Random numbers by counting: the same bits on every device, drawn where they are used.

A number is a function of a key, which belongs to a run and a role, and of its place in the stream;
nothing is carried from one draw to the next, so that any part can be drawn again, in any order.

Source
------
Salmon, Moraes, Dror and Shaw (2011), "Parallel random numbers: as easy as 1, 2, 3": Philox4x32-10.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

    from .protocol import Run

ROUNDS = 10
MULTIPLY = (0xD2511F53, 0xCD9E8D57)
ADD = (0x9E3779B9, 0xBB67AE85)
MASK = 0xFFFFFFFF
"""The low 32 bits of a whole number of 64."""


def philox(counter: Tensor, key: Tensor) -> Tensor:
    """Return four words of 32 random bits for every counter.

    Parameters
    ----------
    counter : shape (..., 4), whole numbers of 64 bits in [0, 2^32)
        Place in the stream.
    key : shape (..., 2), likewise
        Which stream.
    """
    a, b, c, d = counter.unbind(-1)
    k, m = key.unbind(-1)
    for _ in range(ROUNDS):
        first, second = MULTIPLY[0] * a, MULTIPLY[1] * c
        high = ((first >> 32) & MASK, (second >> 32) & MASK)
        a, b, c, d = high[1] ^ b ^ k, second & MASK, high[0] ^ d ^ m, first & MASK
        k, m = (k + ADD[0]) & MASK, (m + ADD[1]) & MASK
    return torch.stack([a, b, c, d], dim=-1)


class Streams:
    """One stream for each of several runs, in one role.

    Parameters
    ----------
    runs
        Whose streams; what they depend on is `Run.stream_key`.
    role
        What the numbers are for.
    device
        Where they are drawn.
    """

    def __init__(self, runs: Sequence[Run], role: str, device: torch.device) -> None:
        words = [hashlib.sha256(repr(run.stream_key(role)).encode()).digest() for run in runs]
        keys = [[int.from_bytes(one[at : at + 4], "big") for at in (0, 4)] for one in words]
        self._key = torch.tensor(keys, dtype=torch.int64).to(device)
        self._device = device

    def bits(self, count: int, first: int = 0, block: int = 0) -> Tensor:
        """Return whole numbers in [0, 2^32), shape (run, count).

        Parameters
        ----------
        count
            How many numbers of each stream.
        first
            Place of the first in its block, a multiple of 4.
        block : >= 0
            A stream has 2^64 blocks of 2^34 numbers.
        """
        if first % 4:
            raise ValueError(f"first is {first}: numbers come in fours")
        places = torch.arange(first // 4, first // 4 + -(-count // 4), device=self._device)
        counter = torch.stack(
            [
                places & MASK,
                places >> 32,
                torch.full_like(places, block & MASK),
                torch.full_like(places, block >> 32 & MASK),
            ],
            dim=-1,
        )
        words = philox(counter[None], self._key[:, None])
        return words.flatten(1)[:, :count]

    def uniform(self, count: int, first: int = 0, block: int = 0) -> Tensor:
        """Return numbers in (0, 1), in steps of 2^-32, double precision; shape (run, count)."""
        return (self.bits(count, first, block).double() + 0.5) * 2.0**-32

    def normal(self, count: int, first: int = 0, block: int = 0) -> Tensor:
        """Return standard normal numbers, double precision; shape (run, count).

        Their bits are the same on every device; logarithm and cosine may differ in the last one.

        Source
        ------
        Box and Muller (1958), Annals of Mathematical Statistics 29, 610.
        """
        pairs = -(-count // 2)
        even = self.uniform(2 * pairs, first, block).reshape(-1, pairs, 2)
        radius, angle = torch.sqrt(-2 * torch.log(even[..., 0])), 2 * math.pi * even[..., 1]
        both = torch.stack([radius * torch.cos(angle), radius * torch.sin(angle)], dim=-1)
        return both.flatten(1)[:, :count]

    def integers(self, count: int, below: int, first: int = 0, block: int = 0) -> Tensor:
        """Return whole numbers in [0, below), shape (run, count); below is at most 2^31.

        The product with the bits is cut, so that probabilities differ by 2^-32 `below` at most.
        """
        if not 1 <= below <= 2**31:
            raise ValueError(f"below is {below}; give 1 to 2^31")
        return (self.bits(count, first, block) * below) >> 32
