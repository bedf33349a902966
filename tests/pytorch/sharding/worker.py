"""What every process does: train sharded and alone, and write how far the weights are apart.

Started by `torchrun` from test_sharded.py with a path and names of cases. The processes train the
sharded models together and share out the plain ones, on the whole batch; each compares all.
"""

from __future__ import annotations

import gc
import json
import sys
import warnings
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.optim import ZeroRedundancyOptimizer
from torch.distributed.tensor.parallel import (
    ColwiseParallel,
    RowwiseParallel,
    parallelize_module,
)
from torch.nn.parallel import DistributedDataParallel

from shrinkage.pytorch import Ledger, penalty_loss, regularize
from shrinkage.pytorch.sharding import unsharded
from tests.pytorch.sharding.cases import OPTIMIZERS, STEPS, Case, cases_for, optimizer_of

ROWS = 16  # of a batch, divisible by every number of processes


def network(widths: tuple[int, ...], dtype: torch.dtype) -> nn.Sequential:
    torch.manual_seed(0)
    first, middle, last = widths
    return nn.Sequential(nn.Linear(first, middle), nn.Tanh(), nn.Linear(middle, last)).to(dtype)


def sharded(case: Case) -> nn.Module:
    """Return the network of a case, distributed in its way."""
    model = network(case.widths, case.dtype)
    if case.way in ("ddp", "zero"):
        return DistributedDataParallel(model)
    mesh = init_device_mesh("cpu", (dist.get_world_size(),))
    if case.way == "tensor":
        plan = {"0": ColwiseParallel(), "2": RowwiseParallel()}
        return parallelize_module(model, mesh, plan)
    for layer in (model[0], model[2]):
        fully_shard(layer, mesh=mesh)
    fully_shard(model, mesh=mesh)
    return model


def batches(case: Case) -> list[tuple[torch.Tensor, torch.Tensor]]:
    generator = torch.Generator().manual_seed(1)
    found = []
    for _ in range(STEPS):
        x = torch.randn(ROWS, case.widths[0], generator=generator, dtype=torch.float64)
        y = torch.randn(ROWS, case.widths[-1], generator=generator, dtype=torch.float64)
        found.append((x.to(case.dtype), y.to(case.dtype)))
    return found


def mine(rows: torch.Tensor, case: Case, alone: bool) -> torch.Tensor:
    """Return the rows of this process; all where every process sees the same batch."""
    if alone or case.way == "tensor":
        return rows
    return rows.chunk(dist.get_world_size())[dist.get_rank()]


def train(case: Case, model: nn.Module, *, alone: bool) -> dict[str, Any]:
    if case.way == "zero" and not alone:
        optimizer = ZeroRedundancyOptimizer(model.parameters(), OPTIMIZERS[case.optimizer])
    else:
        optimizer = optimizer_of(case, model)
    terms = case.terms(model.state_dict() if case.around else None)
    attachment = regularize(
        optimizer,
        model,
        terms,
        case.update,
        freeze_zeros=case.freeze,
        ledger=Ledger(every=STEPS // 2),
    )
    for number, (x, y) in enumerate(batches(case)):
        if case.resume and number == STEPS // 2:
            state = attachment.state_dict()
            attachment.detach()
            attachment = regularize(optimizer, model, terms, case.update, freeze_zeros=case.freeze)
            attachment.load_state_dict(state)
        optimizer.zero_grad()
        loss = (model(mine(x, case, alone)) - mine(y, case, alone)).square().mean()
        if case.update == "loss":
            given = attachment.loss()
            assert torch.allclose(given, penalty_loss(model, terms))
            loss = loss + given
        loss.backward()
        optimizer.step()
    inner = model.module if isinstance(model, DistributedDataParallel) else model
    return {
        "weights": {name: unsharded(p.detach()) for name, p in inner.named_parameters()},
        "value": list(attachment.value().values()),
        "records": [record.as_dict() for record in attachment.ledger.records],
        "table": attachment.table(),
    }


def differences(ours: dict[str, Any], theirs: dict[str, Any]) -> dict[str, Any]:
    for trained in (ours, theirs):
        if "error" in trained:
            return trained
    pairs = [(ours["weights"][name], w) for name, w in theirs["weights"].items()]
    return {
        "weights": max(float((a - b).abs().max()) for a, b in pairs),
        "zeros": sum(int(((a == 0) != (b == 0)).sum()) for a, b in pairs),
        "exactly zero": sum(int((b == 0).sum()) for _, b in pairs),
        "nonzero": sum(int((b != 0).sum()) for _, b in pairs),
        "value": max(abs(a - b) for a, b in zip(ours["value"], theirs["value"], strict=True)),
        "records": _largest(ours["records"], theirs["records"]),
        "table": ours["table"] == theirs["table"],
    }


def _largest(first: Any, second: Any) -> float:
    """Return the largest difference of numbers in two nested structures of one form."""
    if isinstance(first, dict):
        assert first.keys() == second.keys()
        return max((_largest(first[key], second[key]) for key in first), default=0.0)
    if isinstance(first, list):
        assert len(first) == len(second)
        return max((_largest(a, b) for a, b in zip(first, second, strict=True)), default=0.0)
    if isinstance(first, int | float):
        return abs(first - second)
    assert first == second
    return 0.0


def train_sharded(case: Case) -> dict[str, Any]:
    return train(case, sharded(case), alone=False)


def train_alone(case: Case) -> dict[str, Any]:
    return train(case, network(case.widths, case.dtype), alone=True)


def attempt(work: Callable[[Case], dict[str, Any]], case: Case) -> dict[str, Any]:
    try:
        return work(case)
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"[:600]}


def gathered(part: Any) -> list[Any]:
    """Return every process's part."""
    parts: list[Any] = [None] * dist.get_world_size()
    dist.all_gather_object(parts, part)
    return parts


def main(path: str, *names: str) -> None:
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore", category=FutureWarning)
    dist.init_process_group("gloo", timeout=timedelta(seconds=90))
    processes, rank = dist.get_world_size(), dist.get_rank()
    cases = [case for case in cases_for(processes) if case.name in names]
    ours = {case.name: attempt(train_sharded, case) for case in cases}
    own = {case.name: attempt(train_alone, case) for case in cases[rank::processes]}
    theirs = {name: trained for part in gathered(own) for name, trained in part.items()}
    results = gathered({name: differences(ours[name], theirs[name]) for name in theirs})
    if rank == 0:
        Path(path).write_text(json.dumps(results))
    gc.collect()  # a replica in a cycle that outlives the group can hang its end (torch 2.13)
    dist.destroy_process_group()


if __name__ == "__main__":
    main(*sys.argv[1:])
