"""Benchmarks by name: `python -m benchmarks NAME [options]`; `--help` after a name tells them."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

HERE = Path(__file__).parent
SCRIPTS = {
    "gpu": "speed/gpu.py",
    "sweeps": "speed/sweeps.py",
    "trainers": "speed/trainers.py",
}


def main() -> int:
    """Run the script that a name stands for, with the rest of the line."""
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    if name not in SCRIPTS:
        print("python -m benchmarks NAME [options]; one of:", *SCRIPTS, file=sys.stderr)
        return 2
    script = HERE / SCRIPTS[name]
    sys.argv = [str(script), *sys.argv[2:]]
    sys.path.insert(0, str(script.parent))
    runpy.run_path(str(script), run_name="__main__")
    return 0


if __name__ == "__main__":
    sys.exit(main())
