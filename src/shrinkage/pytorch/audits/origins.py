"""Where the penalties of a PyTorch loop are written.

Who uses this: `audit` and `audit_trainer`, for the lines of their findings.
"""

from __future__ import annotations

from torch import nn
from torch.optim import Optimizer

from shrinkage.audits.source_lines import Origins, SourceLine
from shrinkage.pytorch.attached import attachment_of
from shrinkage.pytorch.audits.constructions import built_at
from shrinkage.pytorch.held import places_of
from shrinkage.pytorch.parameters import describe


def origins_of(
    model: nn.Module, optimizer: Optimizer, step: SourceLine | None, penalty: SourceLine | None
) -> Origins:
    """Return where the step, its penalty and the optimizer's groups are written.

    Args:
        model: gives the parameters their names.
        optimizer: the caller's.
        step: where the training step begins.
        penalty: where it computes its own penalty, None where it has none.
    """
    places, groups = places_of(optimizer), optimizer.param_groups
    decayed = frozenset(
        info.name
        for info, tensor in describe(model)
        if id(tensor) in places and groups[places[id(tensor)]].get("weight_decay")
    )
    attachment = attachment_of(optimizer)
    slots = () if attachment is None else attachment.slots
    return Origins(
        step,
        penalty,
        built_at(optimizer),
        None if attachment is None else attachment.line,
        decayed,
        frozenset(slot.target.name for slot in slots),
    )
