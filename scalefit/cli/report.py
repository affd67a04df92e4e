"""Command `scalefit report`: the page of a stored fit."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .options import Interval, LawName, Seed, file, own_law
from .output import say_doubts, show
from .predict import check


def command(
    path: Annotated[
        Path, typer.Argument(metavar="FILE", help="The fit.nc that `scalefit fit --out` wrote.")
    ],
    out: Annotated[Path, typer.Option(metavar="FILE", help="The page to write.")] = Path(
        "report.html"
    ),
    between: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            help="Compare end exponents between the values of this column, such as arch, in place "
            "of all pairs of up to 12 runs.",
        ),
    ] = None,
    interval: Interval = 0.9,
    law: LawName = None,
    seed: Seed = 0,
) -> int:
    """Write everything about a stored fit as one HTML page."""
    import scalefit as sf
    from scalefit.errors import ConfigError

    if out.suffix.lower() not in (".html", ".htm") or out.is_dir():
        raise ConfigError(f"--out {out}: a page is written; name a file that ends in .html")
    file(out)
    check(path)
    fit = sf.load(path, law=own_law(law))
    fit.report(out, interval=interval, between=between, seed=seed)
    show(f"wrote {out} (seed {seed})")
    say_doubts(fit)
    return 0 if fit.ok else 4
