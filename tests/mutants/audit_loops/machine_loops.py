"""Correct loops with clipping, compilation, DDP and checkpointed activations."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from torch import distributed, nn
from torch.utils.checkpoint import checkpoint

from shrinkage import L2
from tests.builders.torch_networks import half_squares
from tests.mutants.audit_faults.networks import (
    STRENGTH,
    Batch,
    Model,
    Optimizer,
    audited,
    batch,
    data_loss,
    in_the_loss,
    network,
)
from tests.mutants.audit_faults.records import Audited, TorchAudit, loop
from tests.mutants.audit_loops.scaled_loops import decaying


@loop("pytorch")
def clipped_by_norm() -> Audited:
    """clip_grad_norm_ behind a penalty in the loss."""

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        optimizer.zero_grad()
        (data_loss(model, data) + scale * STRENGTH * half_squares(model)).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 0.05)
        optimizer.step()

    return audited(training_step, STRENGTH * L2())


@loop("pytorch")
def clipped_by_value() -> Audited:
    """clip_grad_value_ behind a penalty in the loss."""

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        optimizer.zero_grad()
        (data_loss(model, data) + scale * STRENGTH * half_squares(model)).backward()
        nn.utils.clip_grad_value_(model.parameters(), 0.02)
        optimizer.step()

    return audited(training_step, STRENGTH * L2())


@loop("pytorch")
def clipped_with_decay_in_the_groups() -> Audited:
    """The decay is decoupled: clipping does not touch it."""

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:  # noqa: ARG001
        optimizer.zero_grad()
        data_loss(model, data).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 0.05)
        optimizer.step()

    return TorchAudit(*decaying(), training_step, batch())


@loop("pytorch")
def compiled_in_the_loop() -> Audited:
    """torch.compile around the model of each call."""

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        compiled: Any = torch.compile(model, backend="eager")
        optimizer.zero_grad()
        (data_loss(compiled, data) + scale * STRENGTH * half_squares(model)).backward()
        optimizer.step()

    return audited(training_step, STRENGTH * L2())


@loop("pytorch")
def compiled_model() -> Audited:
    """A model that is compiled already; its names begin with _orig_mod."""
    model: Any = torch.compile(network(), backend="eager")
    step = in_the_loss(lambda model, strength: strength * half_squares(model))
    return audited(step, STRENGTH * L2(), model)


@contextlib.contextmanager
def one_process() -> Iterator[None]:
    """A gloo group of this process alone, unless there is one already."""
    if distributed.is_initialized():
        yield
        return
    store = distributed.HashStore()  # pyright: ignore[reportPrivateImportUsage]
    distributed.init_process_group("gloo", store=store, rank=0, world_size=1)
    try:
        yield
    finally:
        distributed.destroy_process_group()


@loop("pytorch")
def distributed_data_parallel() -> Audited:
    """DDP in one process: gradients are averaged, and every rank has the whole penalty."""

    def step_of_replica(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        replica = nn.parallel.DistributedDataParallel(model)
        optimizer.zero_grad()
        (data_loss(replica, data) + scale * STRENGTH * half_squares(model)).backward()
        optimizer.step()

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        # A replica that outlives its group ends the group's thread while it holds the lock that
        # the thread waits for (torch 2.13), so it goes with a frame of its own.
        with one_process():
            step_of_replica(model, optimizer, data, scale)

    return audited(training_step, STRENGTH * L2())


@loop("pytorch")
def averaged_over_the_ranks() -> Audited:
    """Two ranks by hand: each has half of the rows and the whole penalty, then the mean."""

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        optimizer.zero_grad()
        ranks = zip(data[0].chunk(2), data[1].chunk(2), strict=True)
        losses = [data_loss(model, p) + scale * STRENGTH * half_squares(model) for p in ranks]
        torch.stack(losses).mean().backward()
        optimizer.step()

    return audited(training_step, STRENGTH * L2(), dtype=torch.float32)


@loop("pytorch")
def checkpointed_activations() -> Audited:
    """The forward pass is run again in the backward pass."""

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        optimizer.zero_grad()
        hidden = checkpoint(model, data[0], use_reentrant=False)
        loss = 0.5 * nn.functional.mse_loss(hidden, data[1])
        (loss + scale * STRENGTH * half_squares(model)).backward()
        optimizer.step()

    return audited(training_step, STRENGTH * L2())
