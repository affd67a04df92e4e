"""Laws: what y is expected to be at each x, one file per law, each formula written once."""

from .base import Law, Parameter, Window
from .broken import BrokenPowerLaw, PowerLaw
from .cutoff import PowerLawWithCutoff

__all__ = ["BrokenPowerLaw", "Law", "Parameter", "PowerLaw", "PowerLawWithCutoff", "Window"]
