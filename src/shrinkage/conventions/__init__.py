"""What a regularization number means in each library: convert it, and read its timescale.

Who uses this: anyone who carries a setting from one library to another, the command line
(`shrinkage convert`, `shrinkage timescale`) and the table of the documentation. It promises that a
converted number has the same effect, says how far (every step, or the same minimizer), and refuses
where no equal number exists. It needs the standard library alone; the tests hold each convention
against the real library.
"""

from __future__ import annotations

from shrinkage.conventions.conversion import Conversion, convert
from shrinkage.conventions.decay_time import Timescale, TimescalePlace, timescale
from shrinkage.conventions.errors import NoEqualStrength, UnknownConvention
from shrinkage.conventions.registry import convention_named, convention_names
from shrinkage.conventions.relations import Holds
from shrinkage.conventions.scaling import ScaledDecay, ScalingRule, scaled_weight_decay

__all__ = [
    "Conversion",
    "Holds",
    "NoEqualStrength",
    "ScaledDecay",
    "ScalingRule",
    "Timescale",
    "TimescalePlace",
    "UnknownConvention",
    "convention_named",
    "convention_names",
    "convert",
    "scaled_weight_decay",
    "timescale",
]
