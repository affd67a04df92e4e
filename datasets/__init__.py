"""Data sets by name: trajectories that come with scalefit, and public ones fetched and verified.

>>> from scalefit import datasets
>>> datasets.load("alabdulmohsin2022").sizes["run"]  # doctest: +SKIP
92
"""

if __name__ == "datasets":
    raise ImportError(
        "this folder is the sub-package 'scalefit.datasets'; "
        "install the project (pip install -e .) and import it by that name"
    )

from .loaders import load
from .registry import info, names, path

__all__ = ["info", "load", "names", "path"]
