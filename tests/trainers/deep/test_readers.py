"""Image files: what is read, and what is refused in one line that names the file."""

from __future__ import annotations

import gzip
import pickle
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scalefit.errors import ConfigError, InvalidData
from scalefit.trainers.deep.images import checked, digits, find, own
from scalefit.trainers.deep.plain_pickle import Refused, loaded
from scalefit.trainers.deep.readers import KEYS, read


@pytest.fixture
def arrays(rng: np.random.Generator) -> dict[str, Any]:
    """Return a data set of 12 and 6 images of 5x4 pixels in three classes."""
    found: dict[str, Any] = {}
    for part, count in (("train", 12), ("test", 6)):
        found[f"x_{part}"] = rng.integers(0, 256, (count, 5, 4, 1), dtype=np.uint8)
        found[f"y_{part}"] = np.arange(count) % 3
    return found


def same(found: dict[str, Any], expected: dict[str, Any]) -> None:
    assert set(found) == set(KEYS)
    for key in KEYS:
        np.testing.assert_array_equal(np.squeeze(found[key]), np.squeeze(expected[key]), key)


def idx(array: np.ndarray) -> bytes:
    head = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
    return head + array.astype(np.uint8).tobytes()


@pytest.fixture
def folder(tmp_path: Path, arrays: dict[str, Any]) -> Path:
    """Return a folder of four IDX files, two of them packed."""
    for key, name in zip(
        KEYS, ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"),
        strict=True,
    ):  # fmt: skip
        content = idx(np.squeeze(arrays[key]))
        packed = "labels" in name
        path = tmp_path / f"{name}-ubyte{'.gz' * packed}"
        path.write_bytes(gzip.compress(content) if packed else content)
    return tmp_path


def test_idx_files_are_read_packed_or_not(folder: Path, arrays: dict[str, Any]) -> None:
    same(read(folder), arrays)


@pytest.mark.parametrize("name", ["train-images-idx3-ubyte", "train-labels-idx1-ubyte.gz"])
@pytest.mark.parametrize("harm", ["cut", "changed"])
def test_a_damaged_idx_file_is_named(folder: Path, name: str, harm: str) -> None:
    content = (folder / name).read_bytes()
    harmed = content[:-5] if harm == "cut" else b"\x01" + content[1:]
    (folder / name).write_bytes(harmed)
    with pytest.raises(InvalidData, match=f"{name}: cannot be read.*fetch the file again") as told:
        read(folder)
    assert "\n" not in str(told.value)


def test_a_missing_idx_file_is_named(folder: Path) -> None:
    (folder / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(InvalidData, match=r"no file t10k-\.\.\.idx1-ubyte"):
        read(folder)


@pytest.fixture
def cifar(rng: np.random.Generator) -> list[dict[bytes, Any]]:
    return [
        {b"data": rng.integers(0, 256, (4, 3072), dtype=np.uint8), b"labels": [0, 1, 2, at]}
        for at in range(3)
    ]


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_batches_of_cifar_are_read_without_running_them(
    tmp_path: Path, cifar: list[dict[bytes, Any]], protocol: int
) -> None:
    inner = tmp_path / "cifar-10-batches-py"
    inner.mkdir()
    for name, batch in zip(("data_batch_1", "data_batch_2", "test_batch"), cifar, strict=True):
        (inner / name).write_bytes(pickle.dumps(batch, protocol))
    found = read(tmp_path)
    assert found["x_train"].shape == (8, 32, 32, 3)
    assert found["y_train"].tolist() == [0, 1, 2, 0, 0, 1, 2, 1]
    first = cifar[0][b"data"][0]
    np.testing.assert_array_equal(found["x_train"][0, :, :, 1].ravel(), first[1024:2048])
    np.testing.assert_array_equal(found["x_test"][3, :, :, 2].ravel(), cifar[2][b"data"][3, 2048:])


def test_pickles_of_python_2_are_read() -> None:
    text = b"\x80\x02}q\x00(U\x06labelsq\x01]q\x02(K\x03K\x07eU\x04nameU\x02\xff\x01u."
    assert loaded(text) == {"labels": [3, 7], "name": b"\xff\x01"}


class Evil:
    def __reduce__(self) -> Any:
        return print, ("run",)


@pytest.mark.parametrize(
    "value", [{"data": Evil()}, {"data": np.array(["a"], object)}, {"data": np.ones(3)}, [1], {1j}]
)
def test_a_pickle_of_anything_else_is_refused(
    value: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(Refused):
        loaded(pickle.dumps(value, 2))
    assert capsys.readouterr().out == ""


def test_a_damaged_batch_is_named(tmp_path: Path, cifar: list[dict[bytes, Any]]) -> None:
    for name, batch in zip(("train", "test"), cifar, strict=False):
        (tmp_path / name).write_bytes(pickle.dumps(batch, 2))
    assert read(tmp_path)["x_test"].shape == (4, 32, 32, 3)
    content = (tmp_path / "test").read_bytes()
    for harmed in (content[:100], content[:-200], b"cos\nsystem\n(S'true'\ntR.", b""):
        (tmp_path / "test").write_bytes(harmed)
        with pytest.raises(InvalidData, match="test: cannot be read"):
            read(tmp_path)


def test_folders_of_classes_are_read(tmp_path: Path, arrays: dict[str, Any]) -> None:
    from PIL import Image

    for part in ("train", "test"):
        pairs = zip(arrays[f"x_{part}"], arrays[f"y_{part}"], strict=True)
        for at, (image, label) in enumerate(sorted(pairs, key=lambda pair: int(pair[1]))):
            place = tmp_path / part / "abc"[label]
            place.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image[..., 0]).save(place / f"{at:03}.png")
    found = read(tmp_path)
    order = np.argsort(arrays["y_train"], kind="stable")
    np.testing.assert_array_equal(found["x_train"], arrays["x_train"][order])
    assert found["y_test"].tolist() == [0, 0, 1, 1, 2, 2]
    (tmp_path / "train/a/000.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(InvalidData, match=r"000\.png: cannot be read"):
        read(tmp_path)
    Image.fromarray(np.zeros((3, 3), np.uint8)).save(tmp_path / "train/a/000.png")
    with pytest.raises(InvalidData, match="cut all images to one size"):
        read(tmp_path)


def test_an_npz_file_is_read_and_a_damaged_one_is_named(
    tmp_path: Path, arrays: dict[str, Any]
) -> None:
    path = tmp_path / "own.npz"
    np.savez_compressed(path, **arrays)
    same(read(path), arrays)
    content = path.read_bytes()
    for harmed in (content[:-50], content[:80] + bytes(40) + content[120:]):
        path.write_bytes(harmed)
        with pytest.raises(InvalidData, match=r"own\.npz: cannot be read"):
            read(path)
    np.savez(path, x_train=np.array([{}], object))
    with pytest.raises(InvalidData, match=r"own\.npz: cannot be read"):
        read(path)


def test_a_folder_of_something_else_says_what_belongs_there(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("a")
    with pytest.raises(InvalidData, match=r"neither IDX files.*'notes.txt'"):
        read(tmp_path)
    with pytest.raises(InvalidData, match="no such file or folder"):
        read(tmp_path / "missing")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"x_train": np.zeros((3, 2, 2)) + 2}, "x_train goes from 2 to 2; give 0 to 1"),
        ({"x_train": np.zeros((3, 2, 2)) * np.nan}, "x_train goes from nan to nan"),
        ({"x_train": np.zeros((3, 2))}, r"x_train has shape \(3, 2\)"),
        ({"y_test": np.array([0.5, 1, 1])}, "give one whole number an image"),
        ({"y_test": np.array([-1, 1, 1])}, "y_test goes from -1 to 1; count from 0"),
        ({"y_test": np.array([1, 1])}, "x_test holds 3 images, y_test 2 labels"),
        ({"x_test": np.zeros((3, 2, 3))}, "they must agree"),
        ({"x_test": np.array(["a"] * 12).reshape(3, 2, 2)}, "x_test is <U1; give numbers"),
    ],
)
def test_arrays_that_are_no_images_are_refused(change: dict[str, Any], said: str) -> None:
    images, labels = np.zeros((3, 2, 2)), np.array([0, 1, 1])
    good = dict(zip(KEYS, (images, labels, images, labels), strict=True))
    assert checked(good, "data").shape == (2, 2, 1)
    with pytest.raises(InvalidData, match=f"data: .*{said}"):
        checked(good | change, "data")


def test_images_of_ones_own_are_known_by_their_checksum(
    tmp_path: Path, arrays: dict[str, Any]
) -> None:
    np.savez(tmp_path / "own.npz", **arrays)
    pairs = [list(zip(arrays[f"x_{p}"], arrays[f"y_{p}"], strict=True)) for p in ("train", "test")]
    names = {
        own(given) for given in (tmp_path / "own.npz", arrays, [arrays[key] for key in KEYS], pairs)
    }
    assert len(names) == 1
    name = names.pop()
    assert find(name).classes == 3
    changed = {**arrays, "y_test": arrays["y_test"][::-1]}
    assert own(changed) != name
    own(tmp_path / "own.npz")
    np.savez(tmp_path / "own.npz", **changed)
    with pytest.raises(InvalidData, match="the images are others than before"):
        find(name)
    with pytest.raises(ConfigError, match="give the images as data="):
        find("own-0123456789abcdef")
    with pytest.raises(ConfigError, match="argument 'data' is 7; give a path"):
        own(7)


def test_the_digits_that_come_along_are_split_once() -> None:
    data = digits()
    assert data.train.shape == (1297, 8, 8, 1)
    assert data.test.shape == (500, 8, 8, 1)
    assert data.classes == 10
    assert data.sum == "51301384a4d24f47"
    assert np.bincount(data.train_labels).min() > 100
    together = np.concatenate([data.train, data.test]).reshape(1797, -1)
    assert together.max() == data.top
    assert together.mean() == pytest.approx(4.884, abs=1e-3)  # as scikit-learn's


def test_pixels_have_their_mean_and_deviation(rng: np.random.Generator) -> None:
    images = rng.integers(0, 256, (2500, 3, 3, 2), dtype=np.uint8)
    labels = np.arange(2500) % 2
    data = checked(dict(zip(KEYS, (images, labels, images, labels), strict=True)), "data")
    mean, spread = data.scale
    np.testing.assert_allclose(mean, (images / 255).mean((0, 1, 2)), rtol=1e-12)
    np.testing.assert_allclose(spread, (images / 255).std((0, 1, 2)), rtol=1e-10)


def test_files_are_found_where_the_data_are(
    tmp_path: Path, arrays: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCALEFIT_DATA", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with pytest.raises(InvalidData, match=r"images mnist: not in .*put the published files there"):
        find("mnist")
    (tmp_path / "images").mkdir()
    np.savez(tmp_path / "images/mnist.npz", **arrays)
    assert find("mnist").shape == (5, 4, 1)
    monkeypatch.setenv("HOME", str(tmp_path.parent))
    monkeypatch.setenv("SCALEFIT_DATA", f"~/{tmp_path.name}")
    assert find("mnist").shape == (5, 4, 1)


def test_published_images_are_whole(public_data: Path) -> None:
    if not (public_data / "images/mnist.npz").exists():
        pytest.skip("mnist: set SCALEFIT_DATA to the folder that holds it")
    data = find("mnist")
    assert data.train.shape == (60000, 28, 28, 1)
    mean, spread = data.scale
    assert mean.item() == pytest.approx(0.1307, abs=1e-4)
    assert spread.item() == pytest.approx(0.3081, abs=1e-4)
