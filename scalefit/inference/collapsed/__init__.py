"""Collapsed posterior: a broken power law with everything nearly linear integrated out."""

from .target import Collapsed

__all__ = ["Collapsed"]
