"""Command `scalefit report`: the page of a stored fit."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .options import Interval, LawName, Seed, file, own_law
from .output import say_doubts, show
from .predict import check, opened


def command(
    path: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="The fit.nc, or folder fit, that `scalefit fit --out` wrote."
        ),
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
    check(path, parts=True)
    fit = opened(path, own_law(law))
    if isinstance(fit, sf.Fit):
        fit.report(out, interval=interval, between=between, seed=seed)
    elif between is None:
        fit.report(out, interval=interval, seed=seed)
    else:
        raise ConfigError(
            f"--between {between}: of a fit that is kept in parts, groups are not "
            "compared; pick runs in Python, sf.Fits(folder).sel(...)"
        )
    show(f"wrote {out} (seed {seed})")
    say_doubts(fit)
    return 0 if fit.ok else 4
