"""How an optimizer's own `weight_decay` acts: measured on walks of the bare optimizer.

Who uses this: the audits of PyTorch, Keras and optax. A `Walker` steps a copy of the optimizer with
given gradients; `measure_decays` compares walks without the decay, with it, and with λw in the
gradient, and names the rule. Nothing here knows a framework.
"""

from __future__ import annotations

from shrinkage.audits.decays.measure import measure_decays
from shrinkage.audits.decays.rule import MeasuredDecay, OwnDecay
from shrinkage.audits.decays.stepwise import BareStep, own_decay
from shrinkage.audits.decays.walks import Walked, Walker

__all__ = [
    "BareStep",
    "MeasuredDecay",
    "OwnDecay",
    "Walked",
    "Walker",
    "measure_decays",
    "own_decay",
]
