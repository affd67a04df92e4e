"""The pages: what they show runs, what they say is printed is printed, and numbers are those kept.

A block tagged `python` is run, and one tagged `bash`, or untagged and starting with `scalefit`, has
its scalefit commands run, all blocks of a page in order and in one folder; a `toml` block is the
file that a command below it reads. A block tagged `text` right below holds what they print, `...`
standing for lines left out. Blocks tagged `console` are for reading. In `CONTRIBUTING.md` a path
above a block says where it belongs; such blocks go into copies of the folders, where the blocks
without a path then run.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import importlib.util
import io
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import scalefit.fitting.fit as fitting
import scalefit.workers
from scalefit.cli import _run
from scalefit.record import Record

ROOT = Path(__file__).parent.parent
PAGES = (
    "README.md",
    "CONTRIBUTING.md",
    "scalefit/README.md",
    "scalefit/io/README.md",
    "trainers/README.md",
    "datasets/README.md",
    "benchmarks/README.md",
)
LONGEST = {"README.md": 150, "scalefit/README.md": 350, "datasets/README.md": 60}
MARKS = {
    **dict.fromkeys(("README.md", "scalefit/README.md"), pytest.mark.slow),
    "trainers/README.md": (pytest.mark.train, pytest.mark.slow),
}
HEAVY = (pytest.mark.train, pytest.mark.slow)
SECTIONS = {"law": "Add a law", "reader": "Add a reader", "family": "Add a family"}
BENCHMARK = "Add a benchmark"


@dataclass(frozen=True)
class Block:
    """A fenced block: its tag, its text, and the path that stands above it, if one does."""

    tag: str
    text: str
    path: str
    before: str
    line: int


def blocks(text: str) -> list[Block]:
    """Return the fenced blocks of a page; a change right below another has the same path."""
    found: list[Block] = []
    end = 0
    for match in re.finditer(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        between = text[end : match.start()].strip()
        named = re.search(r"^`([\w./-]+)`$", between.splitlines()[-1]) if between else None
        again = match[1] == "diff" and found and not between
        path = named[1] if named else found[-1].path if again else ""
        line = text.count("\n", 0, match.start()) + 1
        found.append(Block(match[1], match[2], path, between, line))
        end = match.end()
    return found


def page(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def section(text: str, title: str) -> str:
    """Return the part of a page below a heading."""
    return text.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def module_of(path: Path) -> ModuleType:
    """Return a script as a module."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module", autouse=True)
def _remembered() -> Iterator[None]:
    """Fit the same curves in the same way once, whichever block asks for it."""
    known: dict[Any, Record] = {}
    run = fitting.run

    def remembering(plan: Any, curves: Any, **options: Any) -> Record:
        points = tuple((one.run, one.x.tobytes(), one.y.tobytes(), one.error) for one in curves)
        key = (repr(plan), repr(points), repr({**options, "executor": None, "progress": None}))
        if key not in known:
            known[key] = run(plan, curves, **options)
        return known[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fitting, "run", remembering)
        yield


class Threads(concurrent.futures.ThreadPoolExecutor):
    """Threads in place of processes: the pages show how to share work out, not what it gains."""

    def __init__(self, workers: int | None = None, *rest: Any, **options: Any) -> None:
        super().__init__(workers)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder that the blocks of a page run in; `runs.csv` is there."""
    import matplotlib as mpl

    mpl.use("Agg")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")
    for module in (concurrent.futures, scalefit.workers):
        monkeypatch.setattr(module, "ProcessPoolExecutor", Threads)
    table = module_of(ROOT / "benchmarks/figures/runs.py").table()
    table.to_csv(tmp_path / "runs.csv", index=False)
    return tmp_path


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=MARKS.get(name, ())) for name in PAGES if name != "CONTRIBUTING.md"],
)
def test_blocks_run(name: str, folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """What a page shows runs as it stands, and prints what it says."""
    from matplotlib import pyplot as plt

    names: dict[str, Any] = {"__name__": "__main__"}
    printed = ""
    text = page(name)
    for block in blocks(text):
        where = f"{name}, line {block.line}"
        if block.tag == "python":
            printed = ran(block.text, names, where)
            plt.close("all")
        elif block.tag == "bash" or (not block.tag and block.text.startswith("scalefit ")):
            printed = typed(block.text, capfd, where)
        elif block.tag == "toml":
            file = re.search(r"[\w-]+\.toml", text[text.index(block.text) :])
            assert file, f"{where}: no command below reads it"
            (folder / file[0]).write_text(block.text)
        elif block.tag == "text":
            assert not block.before, f"{where}: stands below nothing that prints"
            agree(block.text, printed, where)


def ran(code: str, names: dict[str, Any], where: str) -> str:
    """Run some Python; return what it prints."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(code, where, "exec"), names)
    return out.getvalue()


def typed(text: str, capfd: pytest.CaptureFixture[str], where: str) -> str:
    """Run the scalefit commands of a block; return what they print on standard output."""
    capfd.readouterr()
    for line in text.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        if words[:1] == ["scalefit"]:
            code = _run(words[1:])
            assert code == 0, f"{where}: {line}: exit code {code}: {capfd.readouterr().err}"
    return capfd.readouterr().out


NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?")


def agree(shown: str, printed: str, where: str) -> None:
    """Hold a page to what was printed: the same words, and numbers as near as machines agree."""
    lines = [line.split() for line in printed.splitlines() if line.strip()]
    at = 0
    skip = False
    for line in filter(str.strip, shown.splitlines()):
        if line.strip() == "...":
            skip = True
            continue
        words = line.split()
        found = (i for i in range(at, len(lines)) if same(words, lines[i]))
        place = (
            next(found, None)
            if skip
            else at
            if at < len(lines) and same(words, lines[at])
            else None
        )
        assert place is not None, f"{where}: not printed: {line!r}; but:\n{printed}"
        at, skip = place + 1, False


def same(shown: list[str], printed: list[str]) -> bool:
    """Return whether two lines have the same words, with numbers that are close."""
    one, other = " ".join(shown), " ".join(printed)
    if NUMBER.sub("#", one) != NUMBER.sub("#", other):
        return False
    pairs = zip(NUMBER.findall(one), NUMBER.findall(other), strict=True)
    return all(abs(float(a) - float(b)) <= 0.03 + 0.1 * abs(float(b)) for a, b in pairs)


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_somewhere(name: str) -> None:
    text = re.sub(r"^```.*?^```$", "", page(name), flags=re.MULTILINE | re.DOTALL)
    headings = {anchor(line) for line in re.findall(r"^#+ (.*)$", text, re.MULTILINE)}
    for target in re.findall(r"\]\(([^)]+)\)", text):
        if target.startswith("#"):
            assert target[1:] in headings, f"{name}: {target}"
        elif not target.startswith("http"):
            path = (ROOT / name).parent / target.partition("#")[0]
            assert path.exists(), f"{name}: {target}"


def anchor(heading: str) -> str:
    """Return what a link calls a heading."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize(("name", "most"), LONGEST.items())
def test_pages_are_short(name: str, most: int) -> None:
    assert len(page(name).splitlines()) <= most


@pytest.mark.parametrize("name", ["README.md", "benchmarks/README.md"])
def test_tables_are_those_of_the_kept_results(name: str) -> None:
    tables = module_of(ROOT / "benchmarks/tables.py")
    assert tables.filled(page(name)) == page(name), "python benchmarks/tables.py"


@pytest.mark.parametrize("path", sorted((ROOT / "benchmarks/results").glob("*.json")), ids=str)
def test_every_kept_result_has_a_claim(path: Path) -> None:
    assert f"results/{path.name}" in page("benchmarks/README.md")


def test_rooms_are_those_that_the_import_rules_name() -> None:
    contracts = tomllib.loads(page("pyproject.toml"))["tool"]["importlinter"]["contracts"]
    floors = next(one["layers"] for one in contracts if "containers" not in one and "layers" in one)
    held = [{part.strip().removeprefix("scalefit.") for part in one.split("|")} for one in floors]
    rows = re.findall(r"^\| (`.*?) \| ", section(page("CONTRIBUTING.md"), "Rooms"), re.MULTILINE)
    told = [{one.rstrip("/").removesuffix(".py") for one in re.findall("`(.*?)`", r)} for r in rows]
    assert told == held


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
assert list(trainers.families()) == ["perceptron", "committee", "bowl"]
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
