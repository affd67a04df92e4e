"""Loaders: from the files of a data set to a trajectory."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from .registry import Info, entry, path

if TYPE_CHECKING:
    import xarray as xr

Row: TypeAlias = dict[str, str | float]


def load(name: str) -> xr.Dataset:
    """Return a data set as a trajectory, fetching its files first if they are not here.

    Values, and the order of rows within a run, are those of the files: nothing is sorted, thinned
    or dropped. What to look out for is in the attribute `notes`; source, licence, url, commit and
    sha256 (one line per file) are attributes too.

    - `alabdulmohsin2022`: one run per domain, task and model; variables `examples_seen`, `loss`
      and `training`, which is 1 where a law may be fitted and 0 where it is to be judged. Rows
      of the domains IC and LM are not sorted by x, some of LM are repeated, and x counts tokens
      rather than examples in LM and BB.
    - `llmc-gpt2-124m`: one run per log and split; variables `step`, `loss`, `learning_rate` and
      `grad_norm`, the last two for one of the training runs only. Steps start at 0.

    Parameters
    ----------
    name
        One of `names()`.

    Raises
    ------
    ConfigError
        If there is no data set of that name, or the cache cannot be written.
    ChecksumMismatch
        If a file is not the registered one.
    InvalidData
        If a file can be neither found nor fetched, or cannot be read.
    """
    data = entry(name)
    local = list(path(name).values())
    if data.reader == "netcdf":
        from scalefit.trajectory import open_netcdf

        (single,) = local
        dataset = open_netcdf(single)
    else:
        read = {"table": _table, "step-log": _step_log}[data.reader]
        dataset = _trajectory(data, [row for file in local for row in read(data, file)])
    provenance = {
        "source": data.source,
        "licence": data.licence,
        "url": data.url,
        "commit": data.commit,
        "sha256": "\n".join(f"{file.sha256}  {file.path}" for file in data.files),
        "notes": "\n".join(data.notes),
    }
    known = {key: value for key, value in provenance.items() if value}
    return dataset.assign_attrs({**known, **dataset.attrs})


def _trajectory(data: Info, rows: Sequence[Row]) -> xr.Dataset:
    import pandas as pd

    from scalefit.trajectory import from_frame

    frame = pd.DataFrame(rows)
    variables = [column for column in frame.columns if column not in data.by]
    dataset = from_frame(
        frame, by=data.by, variables=variables, units=data.units, source=data.source
    )
    if data.reader == "step-log":
        dataset = dataset.assign_coords(run=dataset["log"] + " " + dataset["split"])
    return dataset


def _table(data: Info, file: Path) -> list[Row]:
    """Return the rows of a comma-separated file, each number exactly as written."""
    with file.open(encoding="utf-8", newline="") as stream:
        return [
            {
                name: line[column] if name in data.by else float(line[column])
                for column, name in data.columns.items()
            }
            for line in csv.DictReader(stream)
        ]


def _step_log(data: Info, file: Path) -> list[Row]:
    """Return the rows of a log of lines `s:<step> trl:<loss> lr:<rate> norm:<norm>`.

    A line with `tel` in place of `trl` is a validation; those come last. The log is named by its
    folder.
    """
    splits: dict[str, list[Row]] = {"train": [], "validation": []}
    for line in file.read_text(encoding="utf-8").splitlines():
        fields = dict(field.split(":") for field in line.split())
        split = "validation" if "tel" in fields else "train"
        numbers = {data.columns[key]: float(value) for key, value in fields.items()}
        splits[split].append({"log": file.parent.name, "split": split, **numbers})
    return splits["train"] + splits["validation"]
