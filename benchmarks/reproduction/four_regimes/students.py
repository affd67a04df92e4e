"""Students of a teacher network on a torus: exponents in data and in parameters, beside 4/d.

For d = 2, 3, 4 and 6 a student with two hidden layers learns a random teacher of the same kind,

data        of 128 to 2048 examples, 96 units wide
parameters  5 to 40 units wide, of new examples at every step

and the exponent of the mean test loss over `--curves` teachers is `sf.fit`'s, of one regime with
its floor left open, which takes up what training leaves, and without one. Theory of a smooth target
and a piecewise linear student is 4/d or more; it is not exact. Trainings are short: that they end
within a tenth of where twice the steps end is looked at on the first teacher.

    python benchmarks/reproduction/four_regimes/students.py --curves 8 --workers 1
"""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))
import campaign

Row = dict[str, Any]

DIMENSIONS = (2, 3, 4, 6)
SWEEPS: dict[str, Row] = {
    "data": {"n_train": [128, 256, 512, 1024, 2048], "width": 96},
    "parameters": {"n_train": 0, "width": [5, 8, 13, 20, 40]},
}
CELLS = [(what, d) for what in SWEEPS for d in DIMENSIONS]
STEPS, BATCH, NEW = 6000, 64, 4000


def losses(what: str, d: int, seed: int, steps: int) -> tuple[list[float], list[float]]:
    """Return sizes and test losses of the students of one teacher."""
    from scalefit import trainers

    config = trainers.config(
        "manifold", protocol="network", dimension=d, seeds=[seed], steps=steps, batch=BATCH,
        n_test=NEW, points=2, **SWEEPS[what],
    )  # fmt: skip
    runs = trainers.run(config, device="cpu", seed=7, progress=False)
    x = runs["n_train" if what == "data" else "n_params"].values
    return x.tolist(), runs["test_loss"].values[:, -1].tolist()


def one(index: int) -> Row:
    """Return the students of one teacher, of the first one's with twice the steps as well."""
    seed, place = divmod(index, len(CELLS))
    what, d = CELLS[place]
    x, loss = losses(what, d, seed, STEPS)
    row: Row = {"index": index, "what": what, "dimension": d, "x": x, "loss": loss}
    if seed == 0:
        row["longer"] = losses(what, d, seed, 2 * STEPS)[1]
    return row


def table(rows: list[Row]) -> Row:
    """Return exponents of mean losses, with and without a floor."""
    import pandas as pd

    import scalefit as sf

    drawn = np.array([row["loss"] for row in rows])
    frame = pd.DataFrame({"x": rows[0]["x"], "loss": drawn.mean(0)})
    known: Row = {}
    if len(rows) > 1:
        frame["error"] = drawn.std(0, ddof=1) / math.sqrt(len(rows))
        known = {"y_err": "error"}
    found: Row = {"4/d": round(4 / rows[0]["dimension"], 3), "n": len(rows)}
    for name, floor in (("with floor", True), ("without", False)):
        fit = sf.fit(frame, x="x", y="loss", regimes=1, floor=floor, noise="normal",
                     progress=False, **known)  # fmt: skip
        values = np.quantile(fit.exponents.values, [0.5, 0.05, 0.95])
        found[name] = [round(float(value), 3) for value in values]
    found["mean loss"] = [float(f"{value:.3g}") for value in drawn.mean(0)]
    first = next(row for row in rows if "longer" in row)
    found["longer over shorter"] = np.round(np.divide(first["longer"], first["loss"]), 2).tolist()
    return found


def main() -> None:
    parser = campaign.arguments(__doc__ or "", "students.json", 8)
    options = parser.parse_args()
    rows = campaign.run(one, range(options.curves * len(CELLS)), options.out, options.workers)
    groups = {
        f"{what}, d = {d}": table(
            [row for row in rows if (row["what"], row["dimension"]) == (what, d)]
        )
        for what, d in CELLS
    }
    settings = {"steps": STEPS, "batch": BATCH, "sweeps": SWEEPS}
    campaign.keep({**settings, "exponents": groups}, options.out,
                  ("scalefit", "numpy", "scipy", "torch"))  # fmt: skip
    campaign.show(groups)


if __name__ == "__main__":
    main()
