"""Laws: what y is expected to be at each x, one file per law, each formula written once."""

from .additive import Additive
from .annealed import Annealed
from .base import Law, Parameter
from .broken import BrokenPowerLaw, PowerLaw
from .collapse import Collapse
from .cutoff import PowerLawWithCutoff
from .data_constrained import DataConstrained
from .farseer import Farseer
from .four_regime import FourRegime
from .kaplan import Kaplan
from .monomial import Monomial
from .segmented import SegmentedLaw
from .window import Window

__all__ = [
    "Additive",
    "Annealed",
    "BrokenPowerLaw",
    "Collapse",
    "DataConstrained",
    "Farseer",
    "FourRegime",
    "Kaplan",
    "Law",
    "Monomial",
    "Parameter",
    "PowerLaw",
    "PowerLawWithCutoff",
    "SegmentedLaw",
    "Window",
]
