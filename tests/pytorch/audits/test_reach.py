"""What code can reach, and what of it is left alone."""

from __future__ import annotations

import functools
import logging
import threading
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from shrinkage.pytorch.audits.reach import reached
from shrinkage.pytorch.audits.snapshot import Snapshot

HELD = [1]


def paths(**roots: Any) -> dict[int, str]:
    return {id(place.thing): place.path for place in reached(roots)}


@dataclass
class Inner:
    values: list[int] = field(default_factory=list)


class Outer:
    shared: list[int] = []  # noqa: RUF012

    def __init__(self) -> None:
        self.inner = Inner()

    def method(self) -> list[int]:
        return HELD


def test_closure_globals_defaults_attributes_and_classes() -> None:
    kept, default, outer = [2], [3], Outer()

    def step(*, by_default: list[int] = default) -> Any:
        def within() -> Any:
            return HELD, functional.relu, by_default

        return kept, within, outer.method()

    seen = paths(step=step)
    assert seen[id(kept)] == "kept"
    assert seen[id(HELD)] == "HELD"
    assert seen[id(default)] == "a default"
    assert seen[id(outer.inner.values)] == "outer.inner.values"
    assert id(Outer.shared) in seen
    assert id(functional) not in seen


def test_methods_partials_and_containers() -> None:
    outer, deep = Outer(), {"a": [({"b": Inner()},)]}
    seen = paths(step=functools.partial(outer.method), deep=deep)
    assert id(outer.inner) in seen
    assert seen[id(deep["a"][0][0]["b"])] == "deep['a'][…][…]['b']"


def test_libraries_and_living_things_are_left_alone() -> None:
    lock, logger = threading.Event(), logging.getLogger("here")
    seen = paths(things=[lock, logger, torch, nn.Linear, len])
    assert not {id(thing) for thing in (lock, logger, torch, nn.Linear, len)} & seen.keys()


def test_a_cycle_ends_and_wide_containers_are_data() -> None:
    loop: list[Any] = []
    loop.append(loop)
    wide = [[number] for number in range(30_000)]
    assert len(paths(loop=loop)) == 1
    assert len(paths(wide=wide)) < 12_000


def test_a_module_gets_back_all_that_it_has() -> None:
    layer: Any = nn.BatchNorm1d(3)
    weight, mean, hooks = layer.weight, layer.running_mean, layer._forward_hooks
    snapshot = Snapshot({"layer": layer})
    layer(torch.randn(4, 3))
    layer.weight = nn.Parameter(torch.zeros(3))
    layer.running_mean = torch.ones(3)
    layer.eval().register_forward_hook(print)
    layer.extra, weight.data = 1, torch.zeros(3)
    weight.requires_grad_(False)
    snapshot.restore()
    assert (layer.weight is weight, layer.running_mean is mean, layer.training) == (True,) * 3
    assert torch.equal(weight, torch.ones(3))
    assert torch.equal(mean, torch.zeros(3))
    assert weight.requires_grad
    assert not hooks
    assert not hasattr(layer, "extra")
    assert int(layer.num_batches_tracked) == 0


def test_tensors_that_cannot_be_compared() -> None:
    tensors = [
        torch.ones(3, device="meta"),
        torch.ones(3).to(torch.float8_e4m3fn),
        torch.eye(3).to_sparse(),
        torch.tensor([float("nan"), 1.0]),
    ]
    snapshot = Snapshot({"tensors": tensors})
    tensors[1].copy_(torch.zeros(3))
    tensors[3][1] = 2.0
    snapshot.restore()
    assert snapshot.stuck() is None
    assert torch.equal(tensors[1].float(), torch.ones(3))
    assert float(tensors[3][1]) == 1.0
