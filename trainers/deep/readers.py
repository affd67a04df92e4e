"""Readers of image files: IDX, CIFAR's batches, folders of classes, and npz."""

from __future__ import annotations

import gzip
import lzma
import math
import os
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scalefit.errors import InvalidData
from scalefit.wording import inline, listed, said

from .plain_pickle import Refused, loaded

LARGEST = 4 * 2**30
"""Bytes of a file once unpacked, at most."""
SIDE = 1024
"""Pixels along a side of an image in a folder, at most."""
FORMATS = ("PNG", "JPEG", "BMP", "PPM", "GIF")
KEYS = ("x_train", "y_train", "x_test", "y_test")
Arrays = dict[str, NDArray[Any]]


def read(path: Path) -> Arrays:
    """Return `x_train`, `y_train`, `x_test` and `y_test`, channels last.

    Parameters
    ----------
    path
        An npz file of these four arrays, or a folder with one of

        - the four IDX files of MNIST, packed by gzip or not: `train-images-idx3-ubyte`,
          `train-labels-idx1-ubyte`, and those that begin with `t10k`;
        - CIFAR's batches for Python: `data_batch_1` and on with `test_batch`, or `train` and
          `test` with fine labels;
        - the folders `train` and `test`, with a folder of images of one size for each class.

    Raises
    ------
    InvalidData
        Naming the file that is missing, damaged, cut off or of another form.
    """
    if path.is_file():
        found: Arrays = _guarded(_npz, path)
        return found
    if not path.is_dir():
        raise InvalidData(f"{inline(path)}: no such file or folder of images")
    inside = sorted(one for one in path.iterdir() if not one.name.startswith("."))
    if len(inside) == 1 and inside[0].is_dir():
        return read(inside[0])
    names = {one.name for one in inside}
    if any("idx3" in name for name in names):
        return _idx(inside, path)
    if "test_batch" in names or {"train", "test"} <= {one.name for one in inside if one.is_file()}:
        return _cifar(path)
    if (path / "train").is_dir() and (path / "test").is_dir():
        return _classes(path)
    raise InvalidData(
        f"{inline(path)}: neither IDX files, nor CIFAR's batches, nor folders train and test with "
        f"a folder for each class; it holds {listed(sorted(names))}"
    )


def stamp(path: Path) -> tuple[tuple[str, int, int], ...]:
    """Return name, size and time of a file, or of what a folder holds: they tell of changes."""
    files = sorted(path.iterdir()) if path.is_dir() else [path] if path.exists() else []
    found = [(str(one), one.stat()) for one in files]
    return tuple((name, stat.st_size, stat.st_mtime_ns) for name, stat in found)


def _guarded(reader: Callable[[Path], Any], path: Path) -> Any:
    """Return what a reader returns, or say in one line which file it could not read."""
    try:
        return reader(path)
    except InvalidData:
        raise
    except (
        OSError, ValueError, KeyError, EOFError, TypeError, NotImplementedError, RuntimeError,
        struct.error, zlib.error, lzma.LZMAError, zipfile.BadZipFile, Refused,
    ) as error:  # fmt: skip
        raise InvalidData(
            f"{inline(path)}: cannot be read ({said(error)}); fetch the file again"
        ) from None


def _npz(path: Path) -> Arrays:
    """Return the arrays of an npz file whose names are known."""
    with zipfile.ZipFile(path) as members:
        sizes = {one.filename.removesuffix(".npy"): one.file_size for one in members.infolist()}
    if sum(sizes.get(key, 0) for key in KEYS) > LARGEST:
        raise ValueError(f"more than {LARGEST // 2**30} GB unpacked")
    with np.load(path, allow_pickle=False) as arrays:
        return {key: arrays[key] for key in KEYS if key in arrays}


def _unpacked(path: Path) -> bytes:
    """Return the bytes of a file, gzip unpacked, and not more than allowed."""
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    with gzip.open(path, "rb") if packed else path.open("rb") as opened:
        content: bytes = opened.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise ValueError(f"more than {LARGEST // 2**30} GB unpacked")
    return content


def _idx(files: list[Path], path: Path) -> Arrays:
    """Return the arrays of four IDX files, found by their names."""
    found = {}
    for part, word in (("train", "train"), ("test", "t10k")):
        for key, kind in (("x", "idx3"), ("y", "idx1")):
            match = [one for one in files if one.name.startswith(word) and kind in one.name]
            if not match:
                raise InvalidData(f"{inline(path)}: no file {word}-...{kind}-ubyte")
            found[f"{key}_{part}"] = _guarded(idx, match[0])
    return found


def idx(path: Path) -> NDArray[np.uint8]:
    """Return the array in an IDX file of unsigned bytes: magic number, sizes, values.

    Source
    ------
    LeCun, Cortes, Burges (1998), "The MNIST database of handwritten digits".
    """
    content = _unpacked(path)
    zero, kind, dims = struct.unpack_from(">HBB", content)
    if zero or kind != 8:
        raise ValueError("no IDX file of unsigned bytes")
    sizes = struct.unpack_from(f">{dims}I", content, 4)
    first = 4 + 4 * dims
    if len(content) - first != math.prod(sizes):
        raise ValueError(f"{len(content) - first} values, but sizes {sizes}")
    return np.frombuffer(content, np.uint8, offset=first).reshape(sizes)


def _cifar(path: Path) -> Arrays:
    """Return the arrays of CIFAR's batches: rows of red, then green, then blue, 32x32 each."""
    batches = sorted(path.glob("data_batch_*"))
    parts = {"train": batches or [path / "train"], "test": [path / "test_batch"]}
    if not batches:
        parts["test"] = [path / "test"]
    found: Arrays = {}
    for part, files in parts.items():
        images, labels = zip(*(_guarded(_batch, one) for one in files), strict=True)
        found |= {f"x_{part}": np.concatenate(images), f"y_{part}": np.concatenate(labels)}
    return found


def _batch(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    held = loaded(_unpacked(path))
    labels = next((held[key] for key in ("fine_labels", "labels") if key in held), None)
    rows = held.get("data")
    if not isinstance(rows, np.ndarray) or rows.ndim != 2 or rows.shape[1] != 3072:
        raise ValueError("no 'data' with 3072 values an image")
    if not isinstance(labels, list) or len(labels) != len(rows):
        raise ValueError("no 'labels' or 'fine_labels', one an image")
    return rows.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1), np.array(labels, dtype=np.int64)


def _classes(path: Path) -> Arrays:
    """Return the images in folders of classes, which are numbered in alphabetical order."""
    names = {
        part: sorted(one.name for one in (path / part).iterdir() if one.is_dir())
        for part in ("train", "test")
    }
    if names["train"] != names["test"] or not names["train"]:
        raise InvalidData(
            f"{inline(path)}: classes {listed(names['train'])} in train, {listed(names['test'])} "
            "in test; they must be the same folders"
        )
    found: Arrays = {}
    for part, classes in names.items():
        images, labels, size = [], [], None
        for label, name in enumerate(classes):
            for file in sorted((path / part / name).iterdir()):
                image = _guarded(picture, file)
                size = size or image.shape
                if image.shape != size:
                    raise InvalidData(
                        f"{inline(file)}: shape {image.shape}, where others have {size}; cut all "
                        "images to one size"
                    )
                images.append(image)
                labels.append(label)
        if not images:
            raise InvalidData(f"{inline(path / part)}: no image in its folders")
        found |= {f"x_{part}": np.stack(images), f"y_{part}": np.array(labels, dtype=np.int64)}
    return found


def picture(path: Path) -> NDArray[np.uint8]:
    """Return an image of grey levels, shape (row, column, 1), or of colours, (row, column, 3)."""
    from PIL import Image

    with Image.open(os.fspath(path), formats=FORMATS) as image:
        if max(image.size) > SIDE:
            raise ValueError(f"{image.size[0]}x{image.size[1]} pixels; at most {SIDE}x{SIDE}")
        grey = image.mode in ("1", "L", "I", "I;16")
        found = np.asarray(image.convert("L" if grey else "RGB"), dtype=np.uint8)
    return found[..., None] if grey else found
