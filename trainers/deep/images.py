"""Images to train on: those that come along, those in files, and a user's own.

The digits in `digits.npz` are the test set of the Optical Recognition of Handwritten Digits, grey
levels from 0 to 16, in the order in which scikit-learn gives them.

Source
------
Alpaydin and Kaynak (1998), UCI Machine Learning Repository, doi 10.24432/C50P49, CC BY 4.0.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scalefit.errors import ConfigError, InvalidData
from scalefit.storage import data_cache, own_data
from scalefit.trainers.seeds import generator
from scalefit.wording import inline, typed

from .readers import KEYS, read, stamp

DIGITS = "digits"
KNOWN = (DIGITS, "mnist", "fashion_mnist", "cifar10", "cifar100")
OWN = r"own-[0-9a-f]{16}"
"""What images of one's own are called: by their checksum."""
HELD_OUT = 500
"""Digits to test with."""
MOST = 4 * 2**30
"""Bytes of a data set in memory, at most."""


@dataclass(frozen=True)
class Images:
    """A data set, read and checked.

    Attributes
    ----------
    train, test : shape (image, row, column, channel)
        From 0 to `top`, either whole numbers of 8 bits or single precision.
    train_labels, test_labels : shape (image,), >= 0
        Classes, counted from 0.
    top
        What stands for white: 255, 16 for the digits, 1 for numbers with a fraction.
    """

    train: NDArray[Any]
    train_labels: NDArray[np.int64]
    test: NDArray[Any]
    test_labels: NDArray[np.int64]
    top: float

    @cached_property
    def sum(self) -> str:
        """Return the checksum of all pixels and labels."""
        digest = hashlib.sha256()
        for one in (self.train, self.train_labels, self.test, self.test_labels):
            digest.update(f"{one.dtype} {one.shape}".encode())
            digest.update(np.ascontiguousarray(one).data)
        return digest.hexdigest()[:16]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Return rows, columns and channels."""
        rows, columns, channels = self.train.shape[1:]
        return rows, columns, channels

    @cached_property
    def classes(self) -> int:
        """Return the number of classes."""
        return int(max(self.train_labels.max(), self.test_labels.max())) + 1

    @cached_property
    def scale(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return mean and deviation of the training pixels over `top`, by channel."""
        axes = (0, 1, 2)
        mean = self.train.mean(axes, dtype=np.float64) / self.top
        square = sum(
            np.square(part, dtype=np.float64).sum(axes)
            for part in np.array_split(self.train, -(-len(self.train) // 1000))
        )
        count = self.train[..., 0].size
        spread = np.sqrt(np.maximum(square / count / self.top**2 - mean**2, 0.0))
        return mean, np.where(spread > 0, spread, 1.0)


def checked(arrays: Mapping[str, Any], where: str) -> Images:
    """Return a data set made of four arrays, `KEYS`.

    Parameters
    ----------
    arrays
        Images of shape (image, row, column) or (image, row, column, channel), whole numbers from 0
        to 255 or numbers from 0 to 1; labels of shape (image,).
    where
        What they are, at the start of an error.

    Raises
    ------
    InvalidData
        Naming the array that is missing or has another shape or other values.
    """
    missing = [key for key in KEYS if key not in arrays]
    if missing:
        raise InvalidData(f"{where}: no {', '.join(missing)}; give {', '.join(KEYS)}")
    found: dict[str, NDArray[Any]] = {}
    for part in ("train", "test"):
        images, labels = np.asarray(arrays[f"x_{part}"]), np.asarray(arrays[f"y_{part}"])
        found[f"x_{part}"] = _pixels(images, f"{where}: x_{part}")
        found[f"y_{part}"] = _labels(labels, f"{where}: y_{part}")
        if len(labels) != len(images):
            raise InvalidData(
                f"{where}: x_{part} holds {len(images)} images, y_{part} {len(labels)} labels"
            )
    train, test = found["x_train"], found["x_test"]
    if train.shape[1:] != test.shape[1:] or train.dtype != test.dtype:
        raise InvalidData(
            f"{where}: x_train is {train.dtype} of {train.shape[1:]}, x_test {test.dtype} of "
            f"{test.shape[1:]}; they must agree"
        )
    top = 255.0 if train.dtype == np.uint8 else 1.0
    return Images(train, found["y_train"], test, found["y_test"], top)


def _pixels(images: NDArray[Any], where: str) -> NDArray[Any]:
    """Return images with channels, of 8 bits or single precision."""
    if images.ndim == 3:
        images = images[..., None]
    if images.ndim != 4 or 0 in images.shape or images.nbytes > MOST:
        raise InvalidData(
            f"{where} has shape {images.shape}; give (image, row, column) or (image, row, column, "
            "channel), none of them 0 and not more than 4 GB"
        )
    if images.dtype == np.uint8:
        return images
    if images.dtype.kind not in "fiu":
        raise InvalidData(f"{where} is {images.dtype}; give numbers")
    low, high = float(images.min()), float(images.max())
    limit = 1.0 if images.dtype.kind == "f" else 255.0
    if not (low >= 0 and high <= limit):
        raise InvalidData(f"{where} goes from {low:g} to {high:g}; give 0 to {limit:g}")
    return images.astype(np.float32 if images.dtype.kind == "f" else np.uint8)


def _labels(labels: NDArray[Any], where: str) -> NDArray[np.int64]:
    """Return labels as whole numbers."""
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise InvalidData(
            f"{where} is {labels.dtype} of shape {labels.shape}; give one whole number an image"
        )
    if labels.size and not 0 <= int(labels.min()) <= int(labels.max()) < 2**20:
        raise InvalidData(f"{where} goes from {labels.min()} to {labels.max()}; count from 0")
    return labels.astype(np.int64)


def digits() -> Images:
    """Return the digits; which of them are held out was drawn once and for all."""
    with np.load(Path(__file__).with_name("digits.npz")) as held:
        images, labels = held["images"][..., None], held["labels"].astype(np.int64)
    order = generator(DIGITS, "held out").permutation(len(images))
    test, train = np.sort(order[:HELD_OUT]), np.sort(order[HELD_OUT:])
    return Images(images[train], labels[train], images[test], labels[test], 16.0)


_HELD: dict[str, Any] = {}
"""Images of one's own by their name: as read, or the path that they are read from."""


def own(data: Any) -> str:
    """Return the name under which images of one's own are found from now on.

    Parameters
    ----------
    data
        A path that `readers.read` takes; a mapping with `KEYS`, or the four arrays in this order; a
        pair of PyTorch's Datasets, or other sequences of (image, label), to train and to test with.
    """
    path = Path(data).absolute() if isinstance(data, str | os.PathLike) else None
    images = _read(path) if path else checked(_arrays(data), "argument 'data'")
    name = f"own-{images.sum}"
    _HELD[name] = path or images
    return name


def held(name: str) -> Any:
    """Return images of one's own or their path; None for others."""
    return _HELD.get(name)


def find(name: str, source: Any = None) -> Images:
    """Return the data set with a name.

    Parameters
    ----------
    source
        What `held` returned in another process.

    Raises
    ------
    InvalidData
        If its files are not there, damaged, or others than when it was named.
    """
    if name == DIGITS:
        return _digits()
    if name in KNOWN:
        return _read(_place(name))
    source = _HELD.get(name, source)
    if source is None:
        raise ConfigError(f"setting 'images' is {typed(name)}: give the images as data=")
    _HELD[name] = source
    found = source if isinstance(source, Images) else _read(source)
    if f"own-{found.sum}" != name:
        raise InvalidData(f"{inline(source)}: the images are others than before; give them again")
    return found


_digits = lru_cache(maxsize=1)(digits)


def _place(name: str) -> Path:
    """Return where the files of a data set are: one npz, or a folder of what was published."""
    roots = [root for root in (own_data(), data_cache()) if root]
    for root in roots:
        for place in (root / "images" / f"{name}.npz", root / "images" / name):
            if place.exists():
                return place
    tried = " or ".join(str(root / "images") for root in roots)
    raise InvalidData(
        f"images {name}: not in {inline(tried)}; put the published files there, in a folder "
        f"{name}, or set SCALEFIT_DATA"
    )


def _read(path: Path) -> Images:
    """Return the data set in files, read once in a process as long as they stay the same."""
    return _read_at(path, stamp(path))


@lru_cache(maxsize=4)
def _read_at(path: Path, changed: tuple[tuple[str, int, int], ...]) -> Images:
    del changed
    return checked(read(path), inline(path))


def _arrays(data: Any) -> Mapping[str, Any]:
    """Return the four arrays that a user gave in one of several forms."""
    if isinstance(data, Mapping):
        return data
    parts = list(data) if isinstance(data, tuple | list) else []
    if len(parts) == 4:
        return dict(zip(KEYS, parts, strict=True))
    if len(parts) != 2 or not all(hasattr(one, "__getitem__") and len(one) for one in parts):
        raise ConfigError(
            f"argument 'data' is {typed(data)}; give a path, {', '.join(KEYS)}, or two data sets "
            "of (image, label), to train and to test with"
        )
    found = {}
    for part, pairs in zip(("train", "test"), parts, strict=True):
        rows = [pairs[at] for at in range(len(pairs))]
        images = np.stack([np.asarray(image) for image, _ in rows])
        if type(rows[0][0]).__module__.partition(".")[0] == "torch" and images.ndim == 4:
            images = np.moveaxis(images, 1, -1)  # PyTorch has the channels first
        found[f"x_{part}"] = images
        found[f"y_{part}"] = np.array([int(label) for _, label in rows])
    return found
