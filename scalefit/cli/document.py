"""Document of a fit: what `--json` prints of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scalefit.result import Fit

KEYS = ("regimes", "floor", "noise")


def document(fit: Fit, *, seed: int, interval: float) -> dict[str, Any]:
    """Return a fit as it goes into the JSON document."""
    from scalefit.analysis.summary import shared
    from scalefit.analysis.words import models_of
    from scalefit.arguments import tails

    pooled = "shared" in fit.tree.children
    tables = {"parameters": fit.summary(interval)}
    if "models" in fit.tree.children:
        tables["probabilities"] = fit.certificate[["run", *KEYS, "probability"]]
        tables["certificate"] = fit.certificate.drop(columns="probability")
    left_out = fit.left_out if "models" in fit.tree.children else {}
    rows = {
        name: {
            run: part.drop(columns="run").to_dict("records")
            for run, part in table.groupby("run", sort=False)
        }
        for name, table in tables.items()
    }
    return {
        "law": models_of(fit),
        "method": fit.tree.attrs["method"],
        "seed": seed,
        "interval": interval,
        "x": fit.tree.attrs["x_name"],
        "y": fit.tree.attrs["y_name"],
        "shared": shared(fit, tails(interval)).to_dict("records") if pooled else [],
        "runs": [
            {
                "run": run,
                "points": fit.curve(run)[1].size,
                "verdict": fit.verdict[run],
                "notes": fit.notes[run],
                **({"left_out": left_out[run]} if left_out else {}),
                **{name: found.get(run, []) for name, found in rows.items()},
            }
            for run in fit.runs
        ],
    }
