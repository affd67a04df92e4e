"""Seeds: random streams that belong to a run, not to its place in a batch."""

from __future__ import annotations

import hashlib

import numpy as np


def generator(*key: int | str) -> np.random.Generator:
    """Return the random stream that belongs to a key.

    Equal keys give equal streams, different keys independent ones. The key goes through SHA-256
    because SeedSequence strings its integers together, which would let different keys coincide.

    Parameters
    ----------
    *key
        What the numbers depend on: the root seed, the run's own settings, and their role.
    """
    digest = hashlib.sha256(repr(key).encode()).digest()
    return np.random.default_rng(np.random.SeedSequence(int.from_bytes(digest, "big")))
