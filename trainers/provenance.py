"""Provenance: what a generated trajectory says about its origin."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.metadata import version

from scalefit.version import __version__

from .config import Config


def provenance(config: Config, *packages: str) -> dict[str, str]:
    """Return the attributes that say which settings, versions and day made the numbers.

    Parameters
    ----------
    config
        Settings, recorded as canonical JSON.
    *packages
        Installed packages, besides scalefit, whose version the numbers may depend on.
    """
    return {"config": config.to_json(), **origin(*packages)}


def origin(*packages: str) -> dict[str, str]:
    """Return the attributes of `provenance` without the settings."""
    return {
        "scalefit_version": __version__,
        **{f"{package}_version": version(package) for package in packages},
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }
