"""`scalefit predict`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .output import emit, number, say, show, table


def command(
    path: Annotated[Path, typer.Argument(help="A fit.nc that `scalefit fit --out` wrote.")],
    at: Annotated[list[float], typer.Option(help="x to predict at; repeatable.")],
    kind: Annotated[
        str, typer.Option(help="observation: a new point with its noise; curve: the law itself.")
    ] = "observation",
    interval: Annotated[float, typer.Option(help="Probability of the band.")] = 0.9,
    seed: Annotated[int, typer.Option(help="Of the noise of new points.")] = 0,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> int:
    """Predict y, with an interval, from a stored fit."""
    import scalefit as sf

    fit = sf.load(path)
    predicted = fit.predict(at, interval=interval, kind=kind, seed=seed)  # type: ignore[arg-type]
    for run, verdict in fit.verdict.items():
        if verdict != "ok":
            say(f"{run}: unreliable: {verdict}")
    rows = [
        {
            "run": run,
            "x": float(x),
            **{
                name: predicted[name].sel(run=run).values[i].item()
                for name in ("median", "mean", "low", "high", "extrapolated")
            },
        }
        for run in fit.runs
        for i, x in enumerate(predicted["x"].values)
    ]
    if json:
        emit("predict", interval=interval, kind=kind, seed=seed, predictions=rows)
    else:
        attrs = fit.tree.attrs
        band = f"{interval:.0%} interval"
        made = table(
            "run", attrs["x_name"], attrs["y_name"], band, "", right=(attrs["x_name"], band)
        )
        for row in rows:
            between = f"[{number(row['low'])}, {number(row['high'])}]"
            beyond = "beyond the data" if row["extrapolated"] else ""
            made.add_row(row["run"], number(row["x"]), number(row["median"]), between, beyond)
        show(made, f"{kind}; seed {seed}; no further crossover is allowed for beyond the data")
    return 0 if fit.ok else 4
