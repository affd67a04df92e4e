"""Laws: what y is expected to be at each x, one file per law, each formula written once."""

from .base import Law, Parameter
from .broken import BrokenPowerLaw, PowerLaw
from .collapse import Collapse
from .cutoff import PowerLawWithCutoff
from .segmented import SegmentedLaw
from .window import Window

__all__ = [
    "BrokenPowerLaw",
    "Collapse",
    "Law",
    "Parameter",
    "PowerLaw",
    "PowerLawWithCutoff",
    "SegmentedLaw",
    "Window",
]
