from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest
import xarray as xr

from scalefit import datasets, trajectory
from scalefit.errors import ChecksumMismatch, ConfigError, InvalidData

registry = datasets.registry

TABLE = b"Model,Steps,Loss\nsmall,2,0.5\nsmall,1,0.75\nlarge,1,0.1\n"


def entry(content: bytes = TABLE, url: str = "https://example.org/curves.csv") -> registry.Info:
    file = registry.File(
        path="raw/curves.csv",
        url=url,
        sha256=hashlib.sha256(content).hexdigest(),
        bytes=len(content),
    )
    return registry.Info(
        name="toy",
        kind="registered",
        title="Toy curves",
        source="this test",
        url="https://example.org",
        licence="MIT",
        reader="table",
        curves=2,
        points=3,
        x="step",
        y="loss",
        by=("model",),
        units={"step": "steps"},
        columns={"Model": "model", "Steps": "step", "Loss": "loss"},
        files=(file,),
    )


@pytest.fixture
def register(monkeypatch: pytest.MonkeyPatch) -> Callable[[registry.Info], None]:
    def only(data: registry.Info) -> None:
        monkeypatch.setattr(registry, "index", lambda: MappingProxyType({data.name: data}))

    return only


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without data; returns where the data set `toy` is cached."""
    monkeypatch.delenv("SCALEFIT_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "*")
    return tmp_path / "cache" / "scalefit" / "toy"


class Server(HTTPServer):
    content = TABLE
    requests = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/curves.csv"


class Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, Server)
        self.server.requests += 1
        self.send_response(200 if self.path == "/curves.csv" else 404)
        self.send_header("Content-Length", str(len(self.server.content)))
        self.end_headers()
        self.wfile.write(self.server.content)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    """A server of this machine."""
    with Server(("127.0.0.1", 0), Answer) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def everything_under(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_index_is_well_formed() -> None:
    for name in datasets.names():
        data = registry.entry(name)
        assert all((data.title, data.source, data.licence, data.x, data.y, data.by, data.files))
        assert data.curves > 0
        assert data.points > 0
        for file in data.files:
            assert re.fullmatch("[0-9a-f]{64}", file.sha256)
            assert file.bytes > 0
            assert not Path(file.path).is_absolute()
            assert ".." not in Path(file.path).parts
            if data.kind == "registered":
                assert file.url.startswith("https://")
                assert data.commit in file.url
            else:
                assert data.kind == "bundled"
                assert file.url == ""


@pytest.mark.parametrize("name", datasets.names())
def test_index_says_what_is_loaded(name: str) -> None:
    data = datasets.info(name)
    if data.where == "not here yet":
        pytest.skip(f"{name}: set SCALEFIT_DATA to the folder that holds it")
    dataset = datasets.load(name)
    assert dataset.sizes["run"] == data.curves
    assert int(dataset[data.y].notnull().sum()) == data.points
    assert data.x in dataset.variables
    assert all(dataset[column].dims == ("run",) for column in data.by)
    assert set(data.units) <= set(dataset.data_vars)
    assert all(dataset[variable].attrs["units"] == data.units[variable] for variable in data.units)
    assert dataset.attrs["licence"] == data.licence


def test_extrapolation_benchmark_is_complete(public_data: Path) -> None:
    paths = datasets.path("alabdulmohsin2022")
    assert all(path.is_relative_to(public_data) for path in paths.values())
    assert datasets.info("alabdulmohsin2022").where == str(public_data / "alabdulmohsin2022")

    curves = datasets.load("alabdulmohsin2022")
    assert curves.sizes["run"] == 92
    assert len(trajectory.to_frame(curves)) == 20_282
    domains, counts = np.unique(curves["domain"].values.astype(str), return_counts=True)
    assert dict(zip(domains, counts, strict=True)) == {"BB": 10, "IC": 72, "LM": 5, "NMT": 5}
    assert set(np.unique(curves["training"].values[curves["loss"].notnull().values])) == {0.0, 1.0}
    assert curves["examples_seen"].attrs["units"] == "examples or tokens"
    assert curves.attrs["commit"] == "9853680c781781bd8d3de20aa61c7373ce059913"
    assert "benchmark.lang.csv" in curves.attrs["sha256"]


def test_benchmark_rows_keep_their_order(public_data: Path) -> None:
    run = datasets.load("alabdulmohsin2022").sel(run="IC, inet_10, BiT/101/3")
    labels = [run[name].item() for name in ("domain", "task", "model")]
    assert labels == ["IC", "inet_10", "BiT/101/3"]
    lines = (public_data / "alabdulmohsin2022/benchmark.vision.csv").read_text().splitlines()
    rows = [line.split(",") for line in lines if line.startswith("IC,inet_10,BiT/101/3,")]
    for column, name in enumerate(("examples_seen", "loss", "training"), start=3):
        stored = run[name].values
        assert stored[np.isfinite(stored)].tolist() == [float(row[column]) for row in rows]
    assert (np.diff(run["examples_seen"].values) < 0).any()  # as in the file: unsorted


def test_step_logs_are_complete(public_data: Path, tmp_path: Path) -> None:
    logs = datasets.load("llmc-gpt2-124m")
    assert logs["run"].values.tolist() == [
        "2024-06-06_AdamW train",
        "2024-06-06_AdamW validation",
        "2024-10-13_llmc train",
        "2024-10-13_llmc validation",
    ]
    points = logs["loss"].notnull().sum("point")
    assert points.values.tolist() == [9_536, 76, 19_560, 80]
    assert int(points[logs["split"] == "train"].sum()) == 29_096
    assert int(points[logs["split"] == "validation"].sum()) == 156

    first = logs.sel(run="2024-10-13_llmc train").isel(point=0)
    assert first["step"] == 0
    assert first["loss"] == 11.0091
    assert first["learning_rate"] == 1e-6
    assert first["grad_norm"] == 15.37
    recorded = logs["learning_rate"].notnull().any("point")
    assert recorded.values.tolist() == [False, False, True, False]

    trajectory.write(logs, tmp_path / "logs.nc")
    xr.testing.assert_identical(trajectory.open_netcdf(tmp_path / "logs.nc")["loss"], logs["loss"])


def test_info_can_be_read(empty: Path, register: Callable[[registry.Info], None]) -> None:
    register(entry())
    assert datasets.info("toy").where == "not here yet"
    assert datasets.info("toy").bytes == len(TABLE)
    text = str(datasets.info("toy"))
    assert "toy: Toy curves" in text
    assert "step (steps)" in text
    assert "MIT" in text


def test_misspelt_names_are_answered_with_the_nearest() -> None:
    for ask in (datasets.info, datasets.load, datasets.path):
        with pytest.raises(ConfigError, match="did you mean 'alabdulmohsin2022'"):
            ask("alabdulmosin2022")


def test_missing_files_are_downloaded_once(
    empty: Path, server: Server, register: Callable[[registry.Info], None]
) -> None:
    register(entry(url=server.url))
    curves = datasets.load("toy")
    assert curves["run"].values.tolist() == ["small", "large"]
    assert curves["loss"].values[0].tolist() == [0.5, 0.75]
    assert curves.attrs["source"] == "this test"
    assert datasets.path("toy") == {"raw/curves.csv": empty / "raw/curves.csv"}
    assert everything_under(empty.parent) == [empty / "raw/curves.csv"]
    assert datasets.info("toy").where == str(empty)
    assert server.requests == 1


def test_own_folder_comes_before_the_cache(
    empty: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    register: Callable[[registry.Info], None],
) -> None:
    register(entry())
    own = tmp_path / "own/toy/raw/curves.csv"
    for place in (own, empty / "raw/curves.csv"):
        place.parent.mkdir(parents=True)
        place.write_bytes(TABLE)
    monkeypatch.setenv("SCALEFIT_DATA", str(tmp_path / "own"))
    assert datasets.path("toy") == {"raw/curves.csv": own}
    own.unlink()
    assert datasets.path("toy") == {"raw/curves.csv": empty / "raw/curves.csv"}


@pytest.mark.parametrize("sent", [TABLE[:-5], TABLE.replace(b"0.5", b"0.6"), TABLE * 1000])
def test_wrong_downloads_are_not_kept(
    sent: bytes, empty: Path, server: Server, register: Callable[[registry.Info], None]
) -> None:
    register(entry(url=server.url))
    server.content = sent
    with pytest.raises(ChecksumMismatch, match="not kept") as caught:
        datasets.path("toy")
    assert server.url in str(caught.value)
    assert everything_under(empty.parent) == []


def test_a_corrupted_copy_of_the_users_is_refused(
    empty: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    register: Callable[[registry.Info], None],
) -> None:
    register(entry())
    monkeypatch.setenv("SCALEFIT_DATA", str(tmp_path / "own"))
    copy = tmp_path / "own/toy/raw/curves.csv"
    copy.parent.mkdir(parents=True)
    copy.write_bytes(TABLE + b" ")
    with pytest.raises(ChecksumMismatch) as caught:
        datasets.load("toy")
    message = str(caught.value)
    assert str(copy) in message
    assert hashlib.sha256(TABLE).hexdigest() in message
    assert hashlib.sha256(TABLE + b" ").hexdigest() in message
    assert "Delete it" in message
    assert everything_under(tmp_path) == [copy]


def test_a_corrupted_copy_in_the_cache_is_fetched_again(
    empty: Path, server: Server, register: Callable[[registry.Info], None]
) -> None:
    register(entry(url=server.url))
    copy = empty / "raw/curves.csv"
    copy.parent.mkdir(parents=True)
    copy.write_bytes(TABLE + b" ")
    assert datasets.path("toy") == {"raw/curves.csv": copy}
    assert copy.read_bytes() == TABLE
    assert server.requests == 1
    assert everything_under(empty.parent) == [copy]


def test_without_a_network_the_error_says_what_to_do(
    empty: Path, register: Callable[[registry.Info], None]
) -> None:
    with HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as closed:
        port = closed.server_port
    url = f"https://127.0.0.1:{port}/curves.csv"
    register(entry(url=url))
    with pytest.raises(InvalidData, match="could not be fetched") as caught:
        datasets.load("toy")
    assert caught.value.exit_code == 3
    for part in (url, "toy/raw/curves.csv", "by hand", "SCALEFIT_DATA", "not set"):
        assert part in str(caught.value)
    assert everything_under(empty.parent) == []


def test_a_page_that_is_gone_is_named(
    empty: Path, server: Server, register: Callable[[registry.Info], None]
) -> None:
    register(entry(url=server.url.replace("curves", "gone")))
    with pytest.raises(InvalidData, match="404"):
        datasets.path("toy")
    assert everything_under(empty.parent) == []


def test_a_cache_that_cannot_be_written_is_named(
    empty: Path, server: Server, register: Callable[[registry.Info], None]
) -> None:
    register(entry(url=server.url))
    empty.parent.parent.mkdir()
    empty.parent.write_text("a file where a folder should be")
    with pytest.raises(ConfigError, match="XDG_CACHE_HOME"):
        datasets.path("toy")


def test_bundled_trajectories_keep_their_own_attributes(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    register: Callable[[registry.Info], None],
) -> None:
    made = trajectory.build(
        {"step": (("run", "point"), [[1.0, 2.0]]), "loss": (("run", "point"), [[0.5, 0.25]])},
        {"run": ["a"]},
        source="a trainer",
    )
    trajectory.write(made, tmp_path / "data/toy.nc")
    content = (tmp_path / "data/toy.nc").read_bytes()
    file = replace(entry(content).files[0], path="data/toy.nc", url="")
    register(replace(entry(), kind="bundled", reader="netcdf", files=(file,)))
    monkeypatch.setattr(registry, "files", lambda package: tmp_path)

    assert datasets.info("toy").where == "bundled"
    loaded = datasets.load("toy")
    xr.testing.assert_equal(loaded, made)
    assert loaded.attrs["source"] == "a trainer"
    assert loaded.attrs["licence"] == "MIT"

    (tmp_path / "data/toy.nc").write_bytes(content[:-1])
    with pytest.raises(ChecksumMismatch, match="Install scalefit again"):
        datasets.load("toy")
    (tmp_path / "data/toy.nc").unlink()
    with pytest.raises(InvalidData, match="Install scalefit again"):
        datasets.load("toy")


def test_import_is_light() -> None:
    code = """
import json, sys
from scalefit import datasets
datasets.info(datasets.names()[0])
print(json.dumps([name for name in sys.argv[1:] if name in sys.modules]))
"""
    heavy = ["pandas", "xarray", "numpy", "torch", "pymc", "arviz", "pooch", "requests"]
    done = subprocess.run(
        [sys.executable, "-c", code, *heavy], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == []


def test_the_folder_is_no_package_of_its_own() -> None:
    folder = Path(str(files("scalefit.datasets"))).parent
    done = subprocess.run(
        [sys.executable, "-c", "import datasets"], capture_output=True, text=True, cwd=folder
    )
    assert done.returncode != 0
    assert "scalefit.datasets" in done.stderr
