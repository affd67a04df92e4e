"""The pages: what they show runs, what they say is printed is printed, and numbers are those kept.

A block tagged `python` is run, and one tagged `bash`, or untagged and starting with `scalefit`, has
its scalefit commands run, all blocks of a page in order and in one folder; a `toml` block is the
file that a command below it reads. A block tagged `text` right below holds what they print, `...`
standing for lines left out. Blocks tagged `console` are for reading. Those of
`CONTRIBUTING.md` are tried in `test_contributing.py`.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import importlib.util
import io
import re
import shlex
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from samples.pages import ROOT, blocks, page, section

import scalefit.fitting.fit as fitting
import scalefit.workers
from scalefit.cli import _run
from scalefit.record import Record

TUTORIALS = (
    "scalefit/io/fit_a_csv.md",
    "scalefit/comparison/two_optimizers.md",
    "scalefit/forecast/running_job.md",
    "scalefit/planning/what_to_run_next.md",
    "trainers/theory_to_exponent.md",
    "scalefit/tails/spectra.md",
)
PAGES = (
    "README.md",
    "TUTORIALS.md",
    "CONTRIBUTING.md",
    "scalefit/README.md",
    "scalefit/io/README.md",
    "trainers/README.md",
    "datasets/README.md",
    "benchmarks/README.md",
    "benchmarks/figures/README.md",
    "benchmarks/reproduction/README.md",
    *TUTORIALS,
)
LONGEST = {
    "README.md": 150,
    "scalefit/README.md": 350,
    "datasets/README.md": 60,
    **dict.fromkeys(TUTORIALS, 150),
}
SIMULATED = (pytest.mark.train, pytest.mark.slow)
MARKS = {
    **dict.fromkeys(("README.md", "scalefit/README.md"), pytest.mark.slow),
    "trainers/README.md": SIMULATED,
    "scalefit/io/fit_a_csv.md": pytest.mark.slow,
    **dict.fromkeys(("trainers/theory_to_exponent.md", "scalefit/tails/spectra.md"), SIMULATED),
}


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
    """Return whether two lines have the same words, with numbers that are close; or are rules."""
    one, other = (re.sub("─+", "─", " ".join(words)) for words in (shown, printed))
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


def test_every_tutorial_becomes_a_notebook() -> None:
    told = re.search(r"^TUTORIALS := (.*?)\n\n", page("Makefile"), re.MULTILINE | re.DOTALL)
    assert told
    assert tuple(f"{one}.md" for one in told[1].replace("\\", "").split()) == TUTORIALS
    assert set(TUTORIALS) < set(re.findall(r"\]\(([^)]+)\)", page("TUTORIALS.md")))


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
