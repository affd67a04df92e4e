"""Extrapolation of the 92 public learning curves by packages that others wrote.

Each is installed from the package index into an environment of its own, of the newest version or of
the one that is kept there, and asked for the median at points to come; what surrounds it is made as
for the published baselines, from the residuals of its fit. A package that cannot be installed is
named with the reason. `chinchilla` fits losses over two variables and has no curve to continue.

    python benchmarks/extrapolation/rivals.py --splits shipped
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
import campaign
from baselines import LogNormal, scatter
from score import LEVEL, run, summary, tables
from tasks import DATA, SPLITS, divide, read

from scalefit.arrays import Array

NEWER = "simple-scaling-laws"
"""A package that asks for Python 3.12."""
WITH = {"astropy": ["scipy"]}
"""What a package's fits need beside it."""
PARAMETERS = {
    "pwlf:2": 4, "pwlf:3": 6, "pwlf:4": 8,
    "piecewise-regression:1": 4, "piecewise-regression:2": 6,
    "astropy:smoothly-broken": 5, "simple-scaling-laws:broken-power": 6,
}  # fmt: skip
"""Package and kind of fit, and how many parameters it has."""


@dataclass
class Rival:
    """A fit of a package, by a process in its environment.

    Attributes
    ----------
    name
        Package and kind, a key of `PARAMETERS`.
    python
        Of the environment.
    elsewhere_s
        CPU seconds that the process took so far.
    """

    name: str
    python: Path
    elsewhere_s: float = 0.0
    _process: subprocess.Popen[str] | None = field(default=None, repr=False)

    def __call__(self, x: Array, y: Array, rng: np.random.Generator) -> LogNormal:
        """Return the fitted curve with the scatter of the residuals around it."""
        del rng
        self._ask({"x": x.tolist(), "y": y.tolist()})

        def log_curve(at: Array) -> Array:
            found = np.array(self._ask({"at": np.asarray(at, dtype=float).tolist()})["y"])
            if not np.all(np.isfinite(found) & (found > 0)):
                raise ValueError("prediction is not a positive number")
            logs: Array = np.log(found)
            return logs

        return LogNormal(log_curve, scatter(np.log(y) - log_curve(x), PARAMETERS[self.name]))

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.communicate()
            self._process = None

    def _ask(self, question: dict[str, Any]) -> dict[str, Any]:
        if self._process is not None and self._process.poll() is not None:
            self.close()  # it was killed: the next curve begins with a fresh one
        if self._process is None:
            self._process = subprocess.Popen(
                [self.python, Path(__file__).with_name("rival.py"), self.name],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
        written: IO[str] = self._process.stdin  # type: ignore[assignment]
        answers: IO[str] = self._process.stdout  # type: ignore[assignment]
        written.write(json.dumps(question) + "\n")
        written.flush()
        line = answers.readline()
        if not line:
            self.close()
            raise RuntimeError("the process ended")
        told: dict[str, Any] = json.loads(line)
        self.elsewhere_s += told["cpu_s"]
        if "failure" in told:
            raise RuntimeError(told["failure"])
        return told


def environment(package: str, folder: Path, newer: str | None) -> Path:
    """Return the Python of a package's environment, which is made if it is not there.

    `newer` is a Python 3.12, for the package that asks for it.

    Raises
    ------
    RuntimeError
        If it cannot be installed; the message says why.
    """
    place = folder / package
    python = place / "bin" / "python"
    if (place / "installed").exists():
        return python
    wanted = newer if package == NEWER else sys.executable
    if wanted is None:
        raise RuntimeError("needs Python 3.12; say where it is by --newer")
    for command in ([wanted, "-m", "venv", "--clear", place],
                    [python, "-m", "pip", "install", "--quiet", package, *WITH.get(package, [])],
                    ):  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError((done.stderr.strip().splitlines() or ["cannot be installed"])[-1])
    (place / "installed").touch()
    return python


def version(package: str, python: Path) -> str:
    """Return the version of a package in its environment."""
    code = f"import importlib.metadata as m; print(m.version({package!r}))"
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def installed(
    folder: Path, newer: str | None
) -> tuple[dict[str, Rival], dict[str, str], dict[str, str]]:
    """Return the rivals by name, versions of their packages, and why packages are not there."""
    methods: dict[str, Rival] = {}
    versions: dict[str, str] = {}
    missing: dict[str, str] = {}
    for name in PARAMETERS:
        package = name.partition(":")[0]
        if package in missing:
            continue
        try:
            python = environment(package, folder, newer)
        except RuntimeError as error:
            missing[package] = str(error)
            continue
        versions.setdefault(package, version(package, python))
        methods[name] = Rival(name, python)
    return methods, versions, missing


def main() -> None:
    parser = campaign.arguments(__doc__, "alabdulmohsin_rivals.json", curves=92)
    parser.add_argument("--splits", nargs="+", choices=SPLITS, default=["shipped"])
    parser.add_argument("--environments", type=Path, default=campaign.RESULTS / "environments")
    parser.add_argument("--newer", default=shutil.which("python3.12"), help="a Python 3.12")
    options = parser.parse_args()
    campaign.one_thread()
    methods, versions, missing = installed(options.environments, options.newer)
    for package, why in missing.items():
        print(f"{package} is left out: {why}", file=sys.stderr)
    every = read()
    curves = every[:: max(1, len(every) // options.curves)][: options.curves]
    tasks = [task for split in options.splits for task in divide(curves, split)[0]]
    try:
        rows = run(methods, tasks, options.out.with_suffix(".jsonl"))
    finally:
        for rival in methods.values():
            rival.close()
    result = {
        "question": "extrapolation of public learning curves by packages that others wrote",
        "data": DATA,
        "curves": len(curves),
        "level": LEVEL,
        "packages": versions,
        "left_out": missing,
        "results": summary(rows),
        "rows": rows,
    }
    campaign.keep(result, options.out, ("scalefit", "numpy", "scipy", "pandas"))
    print(tables(result["results"]))


if __name__ == "__main__":
    main()
