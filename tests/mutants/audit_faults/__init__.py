"""Training loops with one seeded fault each, and the rule under which the audit must find it.

One file a family. `FAULTS` has them all: most are rebuilt from a reported bug, whose link stands
beside it, at the size of a few tens of weights.
"""

from __future__ import annotations

from tests.mutants.audit_faults import (
    adapters,
    clipped_gradients,
    decay_exemptions,
    decay_groups,
    decay_without_training,
    hand_written_decay,
    keras_faults,
    loss_arrival,
    loss_direction,
    loss_factor,
    loss_outcome,
    loss_selection,
    optax_faults,
    other_networks,
    own_decay,
    precision,
    scratch_arrival,
    scratch_direction,
    scratch_factor,
    sets_and_matrices,
    stranger_faults,
    tags_and_lists,
    trainers,
    unscaled,
)
from tests.mutants.audit_faults.records import (
    Audited,
    Fault,
    Loop,
    NeutralAudit,
    TorchAudit,
    of_kind,
)

FAULTS: tuple[Fault, ...] = of_kind(
    Fault,
    (
        scratch_arrival,
        scratch_factor,
        scratch_direction,
        loss_arrival,
        loss_selection,
        loss_factor,
        loss_direction,
        loss_outcome,
        clipped_gradients,
        precision,
        decay_exemptions,
        decay_groups,
        decay_without_training,
        adapters,
        other_networks,
        hand_written_decay,
        tags_and_lists,
        trainers,
        sets_and_matrices,
        own_decay,
        stranger_faults,
        unscaled,
        keras_faults,
        optax_faults,
    ),
)

__all__ = ["FAULTS", "Audited", "Fault", "Loop", "NeutralAudit", "TorchAudit"]
