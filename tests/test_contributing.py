"""What `CONTRIBUTING.md` adds, added from its text to a copy of the folders, and used there.

A path above a block says where it belongs; blocks without one then run.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from samples.pages import ROOT, Block, blocks, page, section

HEAVY = (pytest.mark.train, pytest.mark.slow)
SECTIONS = {"law": "Add a law", "reader": "Add a reader", "family": "Add a family"}
BENCHMARK = "Add a benchmark"


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a copy of the package, as it is installed, and of the benchmarks."""
    folder = tmp_path_factory.mktemp("copy")
    package = folder / "site" / "scalefit"
    shutil.copytree(ROOT / "scalefit", package)
    for name in ("trainers", "datasets"):
        shutil.copytree(ROOT / name, package / name, ignore=shutil.ignore_patterns("*.nc"))
    shutil.copytree(ROOT / "benchmarks", folder / "benchmarks")
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def put(block: Block, copy: Path) -> None:
    """Write a block to its place, or make the change that it shows."""
    inside = block.path.startswith(("scalefit/", "trainers/", "datasets/"))
    path = copy / block.path
    if inside:
        path = copy / "site/scalefit" / block.path.removeprefix("scalefit/")
    if block.tag != "diff":
        path.parent.mkdir(exist_ok=True)
        path.write_text(block.text)
        return
    lines = block.text.splitlines(keepends=True)
    old = "".join(line[1:] for line in lines if line[0] != "+")
    new = "".join(line[1:] for line in lines if line[0] != "-")
    known = path.read_text()
    assert known.count(old) == 1, f"line {block.line}: {block.path} has not once:\n{old}"
    path.write_text(known.replace(old, new))


def used(copy: Path, *arguments: str) -> str:
    """Run Python with the copy in place of the package; return what it prints."""
    done = subprocess.run(
        [sys.executable, "-P", "-W", "error::UserWarning", *arguments],
        cwd=copy,
        env={**os.environ, "PYTHONPATH": str(copy / "site")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


HELD = {
    "law": """
assert fit.ok and (fit.certificate["state"] == "certified").all()
assert np.isfinite(fit.certificate["log_evidence"]).all()
found = fit.summary().set_index("parameter")
assert list(found.index) == ["exponent", "shift", "floor", "amplitude", "noise"]
for name, truth in {"exponent": 0.5, "shift": 20, "floor": 0.1, "amplitude": 3}.items():
    sd = (found["high"][name] - found["low"][name]) / 3.29
    assert abs(found["median"][name] - truth) < 4.4 * sd < truth
assert type(sf.load("shifted.nc").law) is sf.laws.ShiftedPowerLaw
one = {name: np.array(value) for name, value in
       {"exponent": 0.4, "shift": 5.0, "level": 0.2, "floor_share": 0.3}.items()}
graph = model["log_mean"].eval({model[k]: v for k, v in one.items()}, mode="FAST_COMPILE")
natural = law.natural(one, sf.laws.Window.of(x, fit.curve("curve")[1]))
np.testing.assert_allclose(graph, law.log_mean(natural, x))
""",
    "reader": """
from scalefit.io.sniff import sniff
assert sniff(Path("main.log")) == "llmc"
assert data.sizes["point"] == 39 and data.attrs["x"] == "step"
assert float(data["loss"][0, 0]) == 9.0
from scalefit.errors import InvalidData
Path("bad.log").write_text("s:1 tel:9.5\\ns:2 trl\\n")
try:
    sf.read("bad.log")
except InvalidData as error:
    assert "line 2" in str(error)
else:
    raise AssertionError
""",
    "family": """
import numpy as np
import xarray as xr
assert "bowl" in trainers.families()
assert runs.sizes["run"] == 400 and (runs["status"] == "ok").all()
assert runs["step"].values[0, 0] == 0
spread = runs["loss"].groupby("decay").std("run") / np.sqrt(200)
apart = (means.values - theory["loss"].values) / spread.values
assert np.abs(apart).max() < 5  # the points of a curve go together
slope = -np.polyfit(*(np.log(theory[one][1, 6:21]) for one in ("step", "loss")), 1)[0]
assert abs(slope - 0.5) < 0.05
first = runs["loss"].values.reshape(2, 200, -1)[:, :, 0]
assert np.corrcoef(*first)[0, 1] > 0.8  # the same starts
assert runs["run"].values[0].startswith(str(theory["run"].values[0]))

from scalefit.cli import _run
from scalefit.trainers import loop
if __name__ == "__main__":
    Path("sweep.toml").write_text("decay = [1.5, 2.0]\\nsteps = 300\\n")
    line = "train bowl:FAMILY --config sweep.toml --set seeds=6 --determinism exact --out".split()
    assert _run([*line, "shared", "--workers", "2"]) == 0
    loop.SAVE_EVERY, loop.SHARE, write = 0.0, 1e9, loop._kept
    left = [7]
    def killed(*given):
        left[0] -= 1
        if not left[0]:
            raise KeyboardInterrupt
        return write(*given)
    loop._kept = killed
    assert _run([*line, "killed"]) == 130
    loop._kept = write
    assert _run([*line, "killed"]) == 0
    whole, again = (xr.load_dataset(f"{name}/bowl.nc") for name in ("shared", "killed"))
    assert whole.drop_attrs().equals(again.drop_attrs())
    assert _run(["runs", "shared"]) == 0
    assert _run("theory bowl:FAMILY --set decay=1.5 --out theory.nc".split()) == 0
    line = "fit theory.nc --x step --y loss --from 10 --method point --out fit"
    assert _run(line.split()) in (0, 4)
    assert Path("fit/fit.nc").exists()
    assert _run(["train", "bowl:FAMILY", "--help"]) == 0
""",
}

MOVED = """
from importlib.util import find_spec
from scalefit import trainers
from scalefit.trainers.families import find
assert list(trainers.families())[-2:] == ["sequence", "bowl"]
config = trainers.config("bowl", steps=10)
assert type(config.points[0]).__module__ == "scalefit.trainers.bowl.settings"
assert trainers.theory(config).sizes["run"] == 1
assert find("bowl").simulations == "scalefit.trainers.bowl.simulate:SIMULATIONS"
assert find_spec("scalefit.trainers.bowl.simulate") and not find_spec("bowl")
"""  # not run: that takes PyTorch seconds to import


@pytest.mark.parametrize(
    "kind",
    [pytest.param(k, marks=HEAVY if k == "family" else pytest.mark.slow) for k in SECTIONS],
)
def test_what_contributing_adds_works(kind: str, copy: Path) -> None:
    for block in blocks(section(page("CONTRIBUTING.md"), SECTIONS[kind])):
        if block.path:
            put(block, copy)
        elif block.tag == "python":
            there = f"import scalefit; assert scalefit.__file__.startswith({str(copy)!r})\n"
            script = copy / f"{kind}_used.py"  # not -c, for workers import it
            script.write_text(f"from pathlib import Path\n{there}{block.text}{HELD[kind]}")
            printed = used(copy, str(script))
            if kind == "family":
                assert "The i-th curvature is i^-decay." in " ".join(printed.split())
    if kind == "family":
        shutil.move(copy / "bowl", copy / "site/scalefit/trainers")
        used(copy, "-c", MOVED)


@pytest.mark.slow
def test_a_benchmark_as_contributing_adds_it(copy: Path) -> None:
    script, claim = blocks(section(page("CONTRIBUTING.md"), BENCHMARK))
    put(script, copy)
    out = copy / "benchmarks/results/rounding.json"
    used(copy, script.path, "--curves", "4", "--workers", "1", "--out", str(out))
    assert '"versions"' in out.read_text()
    row = f"row = {claim.text.strip()}\nprint(row.measured)"
    there = "import sys; sys.path.insert(0, 'benchmarks')\nfrom claims.calibration import *\n"
    assert re.fullmatch(r"[\d.]+ \([\d.]+\)\n", used(copy, "-c", there + row))
