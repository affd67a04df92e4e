"""Posterior of a collapse: everything linear integrated out, and the noise scale."""

from .target import Scaled

__all__ = ["Scaled"]
