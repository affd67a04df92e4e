"""Report: one self-contained HTML page about a fit."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from scalefit.arrays import Array
from scalefit.record import Record
from scalefit.wording import inline

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["write"]


def write(
    fit: Record,
    path: str | os.PathLike[str],
    interval: float = 0.9,
    between: str | None = None,
    compared: pd.DataFrame | None = None,
    seed: int = 0,
    theory: Mapping[str, tuple[Array, Array]] | None = None,
    parameters: pd.DataFrame | None = None,
    among: tuple[int, int] | None = None,
) -> None:
    """Write the page of `Fit.report`, all or nothing.

    `compared` and `parameters` are a comparison and a summary that are made already; `among` says
    of how many curves these are some, and how many of all have a verdict that is not ok.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    from scalefit.storage import replacing

    from . import content

    pages = Environment(
        loader=PackageLoader("scalefit.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = pages.get_template("page.html").render(
        _seen(content.of(fit, interval, between, compared, seed, theory, parameters, among))
    )
    with replacing(path) as temporary:
        temporary.write_text(page, encoding="utf-8")


def _seen(value: Any) -> Any:
    """Return content whose texts hold nothing unseen; what is HTML already stays."""
    if isinstance(value, dict):
        return {key: _seen(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_seen(one) for one in value]
    if type(value) is str:
        return "\n".join(map(inline, value.split("\n")))
    return value
