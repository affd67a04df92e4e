"""Commands on damaged input: exit 0, 2, 3, 4 or 5, in words fit for a terminal, and nothing else.

Four kinds by turns, each case made from its number: damaged files of every format that is read;
stored fits with bits flipped, stretches cut, values, attributes and groups changed; random values
of every option; and every single-bit flip of a trajectory of 11 kB, in an order that is spread over
the file. Cases run in processes that may use 8 GiB, and 60 CPU seconds for each; a case that dies,
hangs, ends otherwise or leaves a file half-written is kept beside the result with what was said.

    python benchmarks/robustness/fuzz.py --minutes 10
    python benchmarks/robustness/fuzz.py --kinds bits --minutes 60 --out fuzz_bits.json

It ends sooner where every bit has been flipped and no other kind is asked for; with
`--after fuzz_bits.json` it goes on from there.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import select
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
import campaign
from fuzz_readers import ODD, SUFFIXES, attempt, mutated, reframed, seeds
from samples import losses

SEED = 2027
KINDS = ("readers", "stored fits", "command line", "bits")
FINE = (0, 2, 3, 4, 5)
BATCH, PATIENCE, MEMORY = 20, 600.0, 8 * 2**30
CPU_SECONDS = 60.0
POINT = ("--method", "point", "--regimes", "1", "--noise", "normal", "--draws", "100")
STRIDE = 7919
"""Step between bits that are flipped one after the other; prime, so that it meets all of them."""
VALUES = [
    *(
        "",
        " ",
        "0",
        "1",
        "2",
        "-1",
        "0.5",
        "1e4",
        "1e308",
        "1e400",
        "-1e308",
        "nan",
        "inf",
        "1e-320",
    ),
    *("1,2", "1,", ",", "auto", "yes", "no", "step", "loss", "arch", "run", "point", "status", "."),
    *(
        "..",
        "/",
        "~",
        "~nosuch/x",
        "a" * 300,
        "\u202e",
        "\u200b",
        "=1+1",
        "%s%n",
        "$(x)",
        "-",
        "--",
    ),
    *(
        "9" * 40,
        "999999999",
        "1e12",
        "0x10",
        "1_000",
        "\u0661",
        "arch=a",
        "arch=",
        "=",
        "a=b=c",
        "narrow",
    ),
    *("point", "curve", "observation", "last", "error", "results", "fit.nc", "runs.csv", "missing"),
]
LIKELY = ["1", "2", "0.5", "1,2", "auto", "yes", "no", "step", "loss", "arch", "a", "last", "curve"]
OPTIONS = {
    "fit": (
        *("--x", "--y", "--regimes", "--floor", "--noise", "--y-err", "--by", "--pool", "--where"),
        *("--from", "--to", "--duplicates", "--priors", "--between", "--draws", "--interval"),
        *("--seed", "--workers", "--out"),
    ),
    "predict": ("--at", "--reach", "--within", "--kind", "--hazard", "--interval", "--seed"),
    "compare": (
        *("--between", "--parameter", "--regime", "--regimes", "--value", "--rope", "--interval"),
        *("--seed", "--out"),
    ),
    "report": ("--out", "--between", "--interval", "--seed"),
    "theory": ("--set", "--config", "--out", "--seed"),
    "train": ("--set", "--config", "--out", "--seed", "--workers", "--determinism", "--device"),
    "data": (),
}
SETTINGS = (
    "load",
    "N",
    "seeds",
    "norm",
    "steps",
    "points",
    "zip:load",
    "zip",
    "protocol",
    "nosuch",
)


def prepare(folder: Path) -> dict[str, Any]:
    """Return valid files of every format, and write a stored fit and the curves behind it."""
    import scalefit as sf

    (folder / "seeds").mkdir()
    valid = seeds(folder / "seeds")
    table = losses.table(2)
    table.to_csv(folder / "runs.csv", index=False)
    chosen: dict[str, Any] = {"x": "step", "y": "loss", "by": "arch", "method": "point"}
    fits = {
        "one": {"regimes": 1, "floor": True, "noise": "normal"},
        "weighed": {"regimes": [1, 2], "noise": "normal"},
    }
    for name, more in fits.items():
        fit = sf.fit(table, **chosen, **more, draws=100, progress=False)
        fit.save(folder / f"{name}.nc")
    return {"valid": valid, "fits": [(folder / f"{name}.nc").read_bytes() for name in fits]}


def case(kind: str, number: int, known: dict[str, Any], place: Path, seed: int) -> list[str]:
    """Write the files of a case into a folder; return the arguments of its command."""
    rng = np.random.default_rng([seed, KINDS.index(kind), number])
    if kind == "bits":
        content, _ = known["valid"]["runs.nc"]
        bit = number * STRIDE % (8 * len(content))
        (place / "runs.nc").write_bytes(flipped(content, [bit]))
        return ["read", "runs.nc"]
    if kind == "readers":
        name = sorted(known["valid"])[number % len(known["valid"])]
        content, y = known["valid"][name]
        framed = "tfevents" in name and rng.random() < 0.5
        damaged = reframed(content, rng) if framed else mutated(content, rng)
        stem = f"other{rng.choice(SUFFIXES)}" if rng.random() < 0.1 else name
        (place / stem).write_bytes(damaged)
        return ["fit", stem, "--y", y, *POINT]
    (place / "fit.nc").write_bytes(known["fits"][number % len(known["fits"])])
    if kind == "stored fits":
        if rng.random() < 0.5:
            edited(place / "fit.nc", rng)
        else:
            content = (place / "fit.nc").read_bytes()
            bits = rng.integers(0, 8 * len(content), int(rng.integers(1, 4)))
            cut = rng.random() < 0.1
            (place / "fit.nc").write_bytes(
                mutated(content, rng) if cut else flipped(content, bits.tolist())
            )
        which = int(rng.integers(3))
        return [["predict", "fit.nc", "--at", "1e6"], ["compare", "fit.nc"],
                ["report", "fit.nc", "--out", "page.html"]][which]  # fmt: skip
    return typed_in(place, rng)


def flipped(content: bytes, bits: list[int]) -> bytes:
    """Return the content with some bits flipped."""
    data = bytearray(content)
    for bit in bits:
        data[bit // 8] ^= 1 << (bit % 8)
    return bytes(data)


def edited(path: Path, rng: np.random.Generator) -> None:
    """Change one thing in a stored fit: an attribute, a variable or a group."""
    import h5py

    with h5py.File(path, "r+") as file:
        names: list[str] = []
        file.visit(names.append)
        name = names[int(rng.integers(len(names)))]
        found = file[name]
        match int(rng.integers(5)):
            case 0:
                del file[name]
            case 1:
                attrs = sorted(file.attrs)
                attribute = attrs[int(rng.integers(len(attrs)))]
                del file.attrs[attribute]
                if rng.random() < 0.7:
                    odd = [*VALUES, "{}", "[]", "null", '{"class": 1}', "[" * 9999, '{"set": []}']
                    file.attrs[attribute] = odd[int(rng.integers(len(odd)))]
            case 2 if isinstance(found, h5py.Dataset) and found.dtype.kind == "f" and found.size:
                at = tuple(int(rng.integers(n)) for n in found.shape)
                with np.errstate(over="ignore"):
                    found[at] = rng.choice([np.nan, np.inf, -1.0, 0.0, 1e308, -1e-300])
            case 3 if isinstance(found, h5py.Dataset):
                shape = tuple(int(2 ** rng.integers(0, 30)) for _ in range(rng.integers(1, 4)))
                del file[name]
                file.create_dataset(name, shape, "f8", chunks=tuple(min(n, 8) for n in shape))
            case _:
                file.move(name, f"{name}{rng.choice(['_', '2', '.'])}")


def typed_in(place: Path, rng: np.random.Generator) -> list[str]:
    """Return a command with one to three options, each with a random value."""
    shutil.copy(place.parent / "runs.csv", place / "runs.csv")
    command = str(rng.choice(list(OPTIONS)))
    start = {
        "fit": ["runs.csv", "--y", "loss", *POINT],
        "predict": ["fit.nc", "--at", "1e6"],
        "compare": ["fit.nc"],
        "report": ["fit.nc", "--out", "page.html"],
        "theory": ["committee", "--set", "protocol=order_parameters"],
        "train": ["perceptron", "--dry-run", "--set", "N=20"],
        "data": [str(rng.choice(["list", "info", "nosuch"]))],
    }[command]
    if rng.random() < 0.1:
        start[0] = str(rng.choice(VALUES))
    more: list[str] = []
    for _ in range(int(rng.integers(1, 4)) if OPTIONS[command] else 0):
        option = str(rng.choice(OPTIONS[command]))
        value = str(rng.choice(LIKELY if rng.random() < 0.5 else VALUES))
        if option == "--set":
            value = f"{rng.choice(SETTINGS)}={value}"
        if option == "--config" and rng.random() < 0.8:
            text = str(rng.choice(["zip", "load", "N", "[zip]\nload", "[a.b]\nc"]))
            odd = [*VALUES, "[1, 2]", "[]", "{}", "[" * 2000, '"a"', *ODD[:4]]
            content = f"{text} = {rng.choice(odd)}\n".encode(errors="surrogatepass")
            (place / "sweep.toml").write_bytes(content)
            value = "sweep.toml"
        more.append(f"{option}={value}" if rng.random() < 0.5 else option)
        if "=" not in more[-1] or more[-1] == option:
            more.append(value)
    return [command, *start, *more]


def ending(kind: str, arguments: list[str], place: Path) -> tuple[int, str]:
    """Return how a case ended, with what is wrong about it; empty if nothing is."""
    from scalefit.cli import _run

    os.chdir(place)
    before = {path.name for path in place.iterdir()}
    if kind == "bits":
        try:
            return (3 if attempt(Path(arguments[1]), "loss").startswith("refused") else 0), ""
        except Exception:
            return 1, traceback.format_exc()
    with said(place.parent / "said") as written:
        code = _run(arguments)
    err = written()
    lines = err.splitlines()
    wrong = ""
    if code not in FINE:
        wrong = f"exit {code}"
    elif "Traceback" in err or not all(line.isprintable() for line in lines):
        wrong = "not fit for a terminal"
    elif code in (2, 3, 5) and not (1 <= len(lines) <= 3 or arguments[:2] == ["data", "nosuch"]):
        wrong = f"{len(lines)} lines"
    left = {path.name for path in place.rglob(".*")}
    if not wrong and (left or (code in (2, 5) and {p.name for p in place.iterdir()} - before)):
        wrong = "files left behind"
    return code, f"{wrong}\n{err}" if wrong else ""


@contextlib.contextmanager
def said(path: Path) -> Iterator[Any]:
    """Send what is printed to a file; yield what returns the text of standard error."""
    kept = [os.dup(1), os.dup(2)]
    with path.open("wb") as err, open(os.devnull, "wb") as out:
        os.dup2(out.fileno(), 1)
        os.dup2(err.fileno(), 2)
        try:
            yield lambda: path.read_text(encoding="utf-8", errors="replace")
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            for number, handle in enumerate(kept, 1):
                os.dup2(handle, number)
                os.close(handle)


def batch(
    cases: list[tuple[str, int]], known: dict[str, Any], folder: Path, seed: int
) -> list[Any]:
    """Return number, kind, exit code, fault and seconds of cases run one after the other elsewhere.

    A case in which the process dies or hangs is the last one.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            _in_turn(cases, known, folder, seed, writing)
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            sys.stderr.flush()
        finally:
            os._exit(1)  # whatever it raised: what is the parent's to clear away stays
    os.close(writing)
    text = b""
    while True:
        ready, _, _ = select.select([reading], [], [], PATIENCE)
        part = os.read(reading, 2**16) if ready else b""
        text += part
        if not part:
            if not ready:
                os.kill(child, signal.SIGKILL)
            break
    os.close(reading)
    _, status = os.waitpid(child, 0)
    rows = [json.loads(line) for line in text.decode().splitlines()]
    found = [row for row in rows if len(row) > 2]
    if status:
        kind, number = rows[-1][:2]
        found.append([kind, number, 128 + (status & 127), f"died or hung ({status})", PATIENCE])
    return found


def _in_turn(
    cases: list[tuple[str, int]], known: dict[str, Any], folder: Path, seed: int, writing: int
) -> None:
    """Run cases one after the other, and write what each gave."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    for kind, number in cases:
        os.write(writing, f"{json.dumps([kind, number])}\n".encode())
        place = folder / "case"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        began = time.process_time()
        code, fault = ending(kind, case(kind, number, known, place, seed), place)
        spent = time.process_time() - began
        if spent > CPU_SECONDS and not fault:
            fault = f"took {spent:.0f} CPU seconds"
        row = [kind, number, code, fault, spent]
        os.write(writing, f"{json.dumps(row)}\n".encode())


def main() -> None:
    parser = campaign.options(__doc__, "fuzz.json")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--kinds", nargs="+", default=KINDS, choices=KINDS)
    parser.add_argument("--start", type=int, default=0, help="number of the first case")
    parser.add_argument("--after", type=Path, help="a kept result: go on with the cases after it")
    chosen = parser.parse_args()
    campaign.one_thread()
    out = chosen.out.resolve()
    before = json.loads(chosen.after.read_text()) if chosen.after else {}
    counts: dict[str, dict[str, int]] = before.get("exits", {})
    failures: dict[str, dict[str, Any]] = before.get("failures", {})
    slowest = {kind: 0.0 for kind in chosen.kinds} | before.get("slowest_cpu_s", {})
    with tempfile.TemporaryDirectory() as scratch:
        known = prepare(Path(scratch))
        bits = 8 * len(known["valid"]["runs.nc"][0])
        until = time.monotonic() + 60.0 * chosen.minutes
        following = dict.fromkeys(chosen.kinds, chosen.start) | before.get("cases", {})
        waiting = list(chosen.kinds)
        while waiting and time.monotonic() < until:
            for kind in waiting[:]:
                if time.monotonic() > until:
                    break
                first = following[kind]
                size = min(20 * BATCH, bits - first) if kind == "bits" else BATCH
                if size <= 0:  # every bit has been flipped
                    waiting.remove(kind)
                    continue
                cases = [(kind, first + i) for i in range(size)]
                for _, number, code, fault, seconds in batch(
                    cases, known, Path(scratch), chosen.seed
                ):
                    tally = counts.setdefault(kind, {})
                    tally[str(code)] = tally.get(str(code), 0) + 1
                    slowest[kind] = max(slowest[kind], round(seconds, 2))
                    following[kind] = number + 1
                    if fault:
                        key = f"{kind}: {fault.strip().splitlines()[0]}: {fault[-160:].strip()}"
                        failures.setdefault(
                            key, {"count": 0, "number": number, "said": fault[:2000]}
                        )
                        failures[key]["count"] += 1
                        print(kind, number, fault[:600], flush=True)
    result = {
        "question": "does any input end in anything but exits 0, 2, 3, 4, 5 and a few lines",
        "seed": chosen.seed,
        "minutes": chosen.minutes + before.get("minutes", 0.0),
        "bits of the trajectory": bits,
        "cases": {kind: sum(tally.values()) for kind, tally in counts.items()},
        "exits": {kind: dict(sorted(tally.items())) for kind, tally in counts.items()},
        "failures": failures,
        "slowest_cpu_s": slowest,
    }
    campaign.keep(result, out, (*campaign.PACKAGES, "pandas", "pyarrow", "h5py", "tensorboard"))
    print(result["exits"], f"{sum(one['count'] for one in failures.values())} failures", slowest)
    raise SystemExit(1 if failures else 0)


if __name__ == "__main__":
    main()
