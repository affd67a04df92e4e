"""Very many curves: `scalefit fit` where their fit is kept in parts, and what reads these."""

from __future__ import annotations

from concurrent.futures import Executor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .output import LISTED, overview, save_figure, say_doubts, say_notes, show

if TYPE_CHECKING:
    import xarray as xr

FROM = 1000
"""Curves up to which a fit is one file."""
FOLDER = "fit"
"""What the folder of parts is called."""


def fitted(
    data: xr.Dataset, out: Path, interval: float, *, executor: Executor | None, **arguments: Any
) -> int:
    """Fit curves into a folder, write table, figure and page beside it, and tell of the first."""
    import matplotlib as mpl

    import scalefit as sf
    from scalefit import spreadsheet

    mpl.use("Agg")
    fits = sf.fit_to(out / FOLDER, data, executor=executor, **arguments)
    paths = [out / name for name in ("summary.csv", "plot.png", "report.html")]
    spreadsheet.write_parts((part.summary(interval) for part in fits.parts()), paths[0])
    save_figure(fits.plot().figure, paths[1])
    seed = arguments["seed"]
    fits.report(paths[2], interval=interval, seed=seed)
    (out / "fit.nc").unlink(missing_ok=True)  # of an earlier fit, which the others are not of
    say_notes(fits)
    first = fits[fits.runs[:LISTED]]
    show(*overview(first, interval, len(fits), "; all are in summary.csv"))
    show(f"wrote {', '.join(map(str, (out / FOLDER, *paths)))} (seed {seed})")
    say_doubts(fits)
    return 0 if fits.ok else 4
