"""The updates: how a term enters training, one file and one class each.

Who uses this: `Attachment`, which calls `before` just before the optimizer moves a parameter and
`after` just after. Adding an update is one new file and one line in `UPDATES`, the registry.
"""

from __future__ import annotations

from shrinkage.pytorch.updates.base import Target, Tools, Update
from shrinkage.pytorch.updates.cautious import Cautious
from shrinkage.pytorch.updates.corrected import Corrected
from shrinkage.pytorch.updates.decoupled import Decoupled
from shrinkage.pytorch.updates.gradient import Gradient
from shrinkage.pytorch.updates.loss import Loss
from shrinkage.pytorch.updates.proximal import Proximal

__all__ = [
    "UPDATES",
    "Cautious",
    "Corrected",
    "Decoupled",
    "Gradient",
    "Loss",
    "Proximal",
    "Target",
    "Tools",
    "Update",
]

UPDATES: dict[str, type[Update]] = {
    "loss": Loss,
    "gradient": Gradient,
    "decoupled": Decoupled,
    "corrected": Corrected,
    "cautious": Cautious,
    "proximal": Proximal,
}
