"""Benchmarks by question: `python -m benchmarks NAME`, with `--quick` or `--full` to measure.

Without an option the kept answer is shown, and what it takes to measure it again. Quick results go
to `results/quick`, full ones replace the kept; both go on where they were interrupted.
"""

from __future__ import annotations

import argparse
import json
import resource
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import terminal
from questions import ALONE, QUESTIONS, Question, Script

HERE = Path(__file__).parent
RESULTS = HERE / "results"
QUICK = RESULTS / "quick"


def main() -> int:
    """Answer a question, or run the script that a name stands for with the rest of the line."""
    if sys.argv[1:2] and sys.argv[1] in ALONE:
        return alone(HERE / ALONE[sys.argv[1]], sys.argv[2:])
    parser = argparse.ArgumentParser(
        "python -m benchmarks", description=(__doc__ or "").partition("\n")[0]
    )
    names = parser.add_subparsers(dest="name", required=True, metavar="NAME")
    for name, question in QUESTIONS.items():
        one = names.add_parser(name, help=question.asks, description=f"{question.asks}?")
        size = one.add_mutually_exclusive_group()
        size.add_argument("--quick", action="store_true", help="measure in minutes, a small part")
        size.add_argument("--full", action="store_true", help="measure all, for hours; resumes")
        one.add_argument("--workers", type=int, default=1, help="processes of each script")
        one.add_argument("--only", help="scripts whose path has this in it")
    for name, path in ALONE.items():
        names.add_parser(name, help=f"runs {path} with the rest of the line", add_help=False)
    options = parser.parse_args()
    question = QUESTIONS[options.name]
    chosen = [one for one in question.scripts if not options.only or options.only in one.path]
    if options.quick or options.full:
        return measure(chosen, options.quick, options.workers)
    show(question)
    rows = [[one.path, "yes" if one.quick is not None else "no", one.full, one.needs]
            for one in chosen]  # fmt: skip
    print("\n" + terminal.table(["script", "quick", "full takes", "needs"], rows))
    return 0


def alone(script: Path, rest: list[str]) -> int:
    """Run one script in this process."""
    sys.argv = [str(script), *rest]
    sys.path.insert(0, str(script.parent))
    runpy.run_path(str(script), run_name="__main__")
    return 0


def measure(scripts: list[Script], quick: bool, workers: int) -> int:
    """Run scripts one after the other, and print how each ended."""
    rows, worst = [], 0
    for script in scripts:
        if quick and script.quick is None:
            rows.append([script.path, "-", "-", "has no quick size"])
            continue
        if not quick:
            print(f"{script.path}: {script.full}", file=sys.stderr, flush=True)
        out = (QUICK if quick else RESULTS) / f"{name_of(script)}.json"
        status, seconds, last = run(script, quick, out, workers)
        worst = max(worst, int(status != 0))
        kept = f"results/{out.relative_to(RESULTS)}" if quick else "kept"
        said = kept if status == 0 else last
        if quick and status == 0:  # the next one measures anew
            out.with_suffix(".jsonl").unlink(missing_ok=True)
        rows.append([script.path, str(status), f"{seconds:.1f}", said])
    print("\n" + terminal.table(["script", "exit", "CPU s", "result, or last line"], rows))
    return worst


def run(script: Script, quick: bool, out: Path, workers: int) -> tuple[int, float, str]:
    """Return exit status, CPU seconds and the last line of a script, whose output is shown."""
    words = [sys.executable, str(HERE / script.path)]
    if quick:
        out.parent.mkdir(parents=True, exist_ok=True)
        words += [*(script.quick or ()), "--out", str(out)]
    if script.takes:
        words += ["--workers", str(workers)]
    begin = used()
    sys.stdout.flush()
    done = subprocess.run(words, stderr=subprocess.PIPE, text=True)
    sys.stderr.write(done.stderr)
    last = done.stderr.strip().splitlines()[-1:] or [""]
    return done.returncode, used() - begin, last[0]


def used() -> float:
    """Return the CPU seconds of all processes that ended."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def name_of(script: Script) -> str:
    """Return the name of a script's quick result: its folder and its own."""
    path = Path(script.path)
    if path.stem == "every_claim":
        return "reproduction"
    return f"{path.parent.name}_{path.stem}" if path.parent.name else path.stem


def show(question: Question) -> None:
    """Print the kept answer."""
    import tables

    print(f"{question.asks}?\n")
    if question.kept:
        answer(RESULTS / f"{question.kept}.json")
    for name in question.tables:
        print(f"\n{name}\n")
        print(terminal.of_markdown(tables.TABLES[name]()))


def answer(path: Path) -> None:
    """Print the table of the claims, if it is kept."""
    if not path.exists():
        print(f"results/{path.name} is not there: measure with --quick or --full")
        return
    from reproduction import every_claim

    kept: dict[str, Any] = json.loads(path.read_text())
    print(every_claim.table(kept))
    print(f"\ncommit {kept['commit'][:7]}, {kept['cpu_s']:.0f} CPU s; versions {kept['versions']}")


if __name__ == "__main__":
    sys.exit(main())
