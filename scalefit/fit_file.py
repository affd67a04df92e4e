"""File of a fit: written all or nothing, and checked as a whole before anything is read from it."""

from __future__ import annotations

import os

import xarray as xr

from . import arguments, netcdf, packing, stored_fit
from .errors import ConfigError, InvalidData
from .laws import Law
from .laws.stored import described, named
from .record import SCHEMA, Record
from .wording import inline, quoted

PACKED = 50
"""Curves above which draws are packed, unless asked otherwise."""
UNREAD = "forecast"
"""Group of older files: draws of the models with a floor, which predictions were made of."""


def write(record: Record, path: str | os.PathLike[str], exact: bool | None = None) -> None:
    """Write a record as netCDF, all or nothing; see `Fit.save`."""
    if exact is None:
        exact = len(record.runs) <= PACKED
    tree = record.tree if exact else packing.packed(record.tree)
    groups = {"": tree.to_dataset()}
    groups |= {str(name): node.to_dataset() for name, node in tree.children.items()}
    netcdf.write(groups, arguments.path(path))


def read(path: str | os.PathLike[str], law: Law | None) -> tuple[Law, xr.DataTree]:
    """Return the law and the tree of a stored fit; see `scalefit.load`."""
    path = arguments.path(path)
    named_file = inline(path)
    if path.is_dir():
        raise InvalidData(
            f"{named_file}: this is a folder; a fit that is kept in parts is read by scalefit.Fits"
        )
    if not netcdf.exists(path):
        raise InvalidData(
            f"{named_file}: no such file; a fit is written by fit.save or `scalefit fit`"
        )
    with netcdf.reading(path) as schema:
        if schema != SCHEMA:
            raise InvalidData(f"{named_file}: holds no fit of this version ('{SCHEMA}' expected)")
        with xr.open_datatree(path, engine="h5netcdf", decode_times=False) as stored:
            kept = stored.load().drop_nodes(UNREAD, errors="ignore")
            tree = packing.unpacked(kept)
    try:
        description = stored_fit.check(tree, law)
        if law is None:
            law = named(description)
    except (ConfigError, InvalidData) as error:
        raise InvalidData(f"{named_file}: {error}") from None
    if law is None:
        raise ConfigError(
            f"{named_file}: fitted with {inline(description['name'])}; pass that law as law=, on "
            "the command line as --law MODULE:CLASS"
        )
    if described(law) != description:
        raise ConfigError(
            f"{named_file}: fitted with {quoted(description)}, not with the law given"
        )
    return law, tree
