"""Correct training loops, in none of which the audit may find an error.

One file a family: every optimizer, every way to write a penalty, the machinery around a step
(loss scale, accumulation, clipping, compilation, DDP), and loops outside of PyTorch.
"""

from __future__ import annotations

from tests.mutants.audit_faults.records import Loop, of_kind
from tests.mutants.audit_loops import (
    adapter_loops,
    decay_loops,
    handled_gradient_loops,
    keras_loops,
    layer_loops,
    machine_loops,
    moved_weight_loops,
    numpy_loops,
    optax_loops,
    optimizer_loops,
    other_network_loops,
    own_decay_loops,
    penalty_loops,
    scaled_loops,
    stateful_loops,
    stranger_loops,
    trainer_loops,
)

LOOPS: tuple[Loop, ...] = of_kind(
    Loop,
    (
        numpy_loops,
        optimizer_loops,
        penalty_loops,
        layer_loops,
        decay_loops,
        own_decay_loops,
        scaled_loops,
        machine_loops,
        adapter_loops,
        other_network_loops,
        stateful_loops,
        moved_weight_loops,
        handled_gradient_loops,
        trainer_loops,
        stranger_loops,
        keras_loops,
        optax_loops,
    ),
)

__all__ = ["LOOPS"]
