"""Damaged files of every format, read: a trajectory or a ScalefitError, and nothing else.

Valid files are mutated (bits flipped, ends cut, lines and stretches doubled or moved, numbers made
huge or odd, odd characters put in; records of event files also below intact checksums), sometimes
under another name, and each is read, with and without y, and taken as far as the curves. Any other
exception is a failure: the file is kept beside the result, as `failures/NUMBER-NAME`, with the
traceback.

    python benchmarks/robustness/fuzz_readers.py --minutes 10
"""

from __future__ import annotations

import io
import re
import struct
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
import campaign
from samples import logs, losses

SEED = 2026
SUFFIXES = (".csv", ".jsonl", ".json", ".parquet", ".nc", ".log")
ODD = [
    "\x00", "\x1b[31m", "\ud800", "\ufeff", "‮", "<script>", "'; $(x)", "\r", "\n\n", '"', ",",
    "NaN", "Infinity", "-1e999", "9" * 400, "1e-400", "true", "null", "{", "[" * 2000, "\\ud800",
]  # fmt: skip


def seeds(folder: Path) -> dict[str, tuple[bytes, str]]:
    """Return a valid file of each format by its name, and its y."""
    from scalefit import trajectory
    from scalefit.io.tidy import from_table

    table = losses.table(2)
    trajectory.write(from_table(table, by="arch"), folder / "runs.nc")
    parquet = {"runs.parquet": table, "history.parquet": logs.wandb_history()}
    found = {"runs.nc": ((folder / "runs.nc").read_bytes(), "loss")}
    for name, frame in parquet.items():
        buffer = io.BytesIO()
        frame.to_parquet(buffer)
        found[name] = (buffer.getvalue(), "loss" if name == "runs.parquet" else "eval/loss")
    for name, frame, y in (
        ("runs.csv", table, "loss"),
        ("history.csv", logs.wandb_history(), "eval/loss"),
        ("chart.csv", logs.wandb_chart(averaged=True), "train/loss"),
        ("metrics.csv", logs.lightning(), "val_loss"),
    ):
        found[name] = (frame.to_csv(index=False).encode(), y)
    lines = table.to_json(orient="records", lines=True)
    found["runs.jsonl"] = (lines.encode(), "loss")
    state = logs.write_trainer_state(folder / "trainer_state.json")
    found["trainer_state.json"] = (state.read_bytes(), "eval_loss")
    for name, tensors in (("events.out.tfevents.1", False), ("events.out.tfevents.2", True)):
        events = logs.write_events(folder / name, tensors=tensors)
        found[name] = (events.read_bytes(), "eval/loss")
    return found


def mutated(content: bytes, rng: np.random.Generator) -> bytes:
    """Return the content with damage of a few kinds, most often one."""
    data = bytearray(content)
    for _ in range(int(rng.geometric(0.6))):
        size = len(data)
        if not size:
            break
        at, until = sorted(int(v) for v in rng.integers(0, size + 1, 2))
        short = slice(at, min(until, at + int(rng.integers(1, 200))))
        match rng.integers(10):
            case 0:
                for place in rng.integers(0, size, int(rng.integers(1, 9))):
                    data[place] ^= 1 << int(rng.integers(8))
            case 1:
                del data[at:]
            case 2:
                del data[short]
            case 3:
                data[at:at] = data[short] * int(rng.integers(1, 4))
            case 4:
                rows = bytes(data).splitlines(keepends=True)
                row = int(rng.integers(len(rows)))
                rows[row:row] = [rows[int(rng.integers(len(rows)))]] * int(rng.integers(1, 4))
                data = bytearray(b"".join(rows))
            case 5:
                rows = bytes(data).splitlines(keepends=True)
                rng.shuffle(rows)
                data = bytearray(b"".join(rows))
            case 6:
                text = ODD[int(rng.integers(len(ODD)))]
                data[at:at] = text.encode("utf-8", errors="surrogatepass")
            case 7:
                data[short] = b"9" * len(data[short])
            case _:
                cells = list(re.finditer(rb"[-+.\w]+", data))
                if cells:
                    cell = cells[int(rng.integers(len(cells)))]
                    text = ODD[int(rng.integers(len(ODD)))]
                    data[cell.start() : cell.end()] = text.encode("utf-8", errors="surrogatepass")
    return bytes(data)


def reframed(content: bytes, rng: np.random.Generator) -> bytes:
    """Return an event file of which one record is damaged, with checksums that agree."""
    from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import masked_crc32c

    records, at = [], 0
    while at < len(content):
        (size,) = struct.unpack("<Q", content[at : at + 8])
        records.append(content[at + 12 : at + 12 + size])
        at += size + 16
    which = int(rng.integers(len(records)))
    records[which] = mutated(records[which], rng)
    framed = bytearray()
    for record in records:
        length = struct.pack("<Q", len(record))
        framed += length + struct.pack("<I", masked_crc32c(length))
        framed += record + struct.pack("<I", masked_crc32c(record))
    return bytes(framed)


def attempt(path: Path, y: str) -> str:
    """Return how a file ends that is read: as a trajectory, as curves, or refused and by what."""
    from scalefit.curves.selection import curves
    from scalefit.errors import ScalefitError
    from scalefit.io import read
    from scalefit.io.axes import default_x

    try:
        read(path)
        found = read(path, y=y)
    except ScalefitError as error:
        _check(str(error))
        return f"refused ({type(error).__name__})"
    try:
        made = curves(found, x=default_x(found, y), y=y)
    except ScalefitError as error:
        _check(str(error))
        return "read"
    for curve in made:
        _check("\n".join(curve.notes[:3]))
    return "curves"


def _check(message: str) -> None:
    """Refuse a message that would not stand on a few printable lines."""
    lines = message.split("\n")
    if len(lines) > 3 or not all(line.isprintable() for line in lines) or len(message) > 2000:
        raise AssertionError(f"a message not fit for a terminal: {message[:500]!r}")


def main() -> None:
    parser = campaign.options(__doc__, "fuzz_readers.json")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=SEED)
    chosen = parser.parse_args()
    failures: dict[str, dict[str, Any]] = {}
    counts: dict[str, dict[str, int]] = {}
    slowest = 0.0
    with tempfile.TemporaryDirectory() as scratch:
        (Path(scratch) / "seeds").mkdir()
        (Path(scratch) / "damaged").mkdir()
        valid = seeds(Path(scratch) / "seeds")
        until = time.monotonic() + 60.0 * chosen.minutes
        number = 0
        while time.monotonic() < until:
            name = sorted(valid)[number % len(valid)]
            content, y = valid[name]
            rng = np.random.default_rng([chosen.seed, number])
            number += 1
            within = "tfevents" in name and rng.random() < 0.5
            damaged = reframed(content, rng) if within else mutated(content, rng)
            other = rng.random() < 0.1
            stem = f"other{rng.choice(SUFFIXES)}" if other else name
            path = Path(scratch) / "damaged" / stem
            path.write_bytes(damaged)
            started = time.monotonic()
            tally = counts.setdefault(name, {})
            try:
                ending = attempt(path, y)
            except Exception as error:
                ending = "failed"
                place = traceback.extract_tb(error.__traceback__)[-1]
                key = f"{type(error).__name__} at {Path(place.filename).name}:{place.lineno}"
                if key not in failures:
                    kept = chosen.out.parent / "failures" / f"{number}-{stem}"
                    kept.parent.mkdir(parents=True, exist_ok=True)
                    kept.write_bytes(damaged)
                    kept.with_name(f"{kept.name}.txt").write_text(traceback.format_exc())
                    failures[key] = {"file": kept.name, "y": y, "count": 0}
                    print(f"{key}: {kept}", flush=True)
                failures[key]["count"] += 1
            slowest = max(slowest, time.monotonic() - started)
            path.unlink()
            tally[ending] = tally.get(ending, 0) + 1
    result = {
        "question": "does any damaged file end in anything but a trajectory or a ScalefitError",
        "seed": chosen.seed,
        "minutes": chosen.minutes,
        "files": {name: sum(tally.values()) for name, tally in sorted(counts.items())},
        "endings": dict(sorted(counts.items())),
        "failures": failures,
        "slowest_s": round(slowest, 3),
    }
    packages = (*campaign.PACKAGES, "pandas", "pyarrow", "h5py", "tensorboard")
    campaign.keep(result, chosen.out, packages)
    print(f"{number} files, {sum(one['count'] for one in failures.values())} failures")
    raise SystemExit(1 if failures else 0)


if __name__ == "__main__":
    main()
