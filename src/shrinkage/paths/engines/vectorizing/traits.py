"""What a module shows when it takes one training step: what it trains, changes, draws and keeps.

Who uses this: the vectorized engine, and the choice of an engine. Nothing is read from the names
of classes: a copy of the module takes the step, twice from the same seed.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from shrinkage.paths.engines.base import Problem, Rows, Unit, template
from shrinkage.paths.engines.own_recipe import augmented
from shrinkage.paths.engines.recipe import derived_seed
from shrinkage.paths.engines.seeding import seed_generators
from shrinkage.paths.engines.vectorizing.functional_forms import ALONE, FunctionalForms

SAME = 1e-4  # differences of outputs, relative to the largest, that are rounding
SEED_LABEL = 4
FURTHER_STEPS = 8


@dataclass(frozen=True)
class Traits:
    """What is known of a module.

    Args:
        trained: names of the parameters that have gradients.
        changing: names of the buffers that a step in training mode changes.
        draws: whether it, its loss or its augmentation draws from torch's generator.
        repeats: whether the same seed gives the same augmented rows, outputs and losses, and
            nothing draws from the generators of Python or NumPy, whose draws may be equal twice.
        bytes_a_row: what a step of one model keeps for its backward pass, for each row.
    """

    trained: tuple[str, ...]
    changing: tuple[str, ...]
    draws: bool
    repeats: bool
    bytes_a_row: float


@dataclass
class Step:
    """A training step of a module without its optimizer."""

    module: nn.Module
    outputs: torch.Tensor
    gradients: Mapping[str, torch.Tensor | None]
    losses: torch.Tensor
    drew: bool
    bytes_kept: float


def first_rows(problem: Problem, unit: Unit) -> Rows:
    """Return the first rows for training, as many as a batch holds."""
    return unit.data.rows.take(unit.data.train[: problem.recipe.batch_size])


def step_of(
    problem: Problem, unit: Unit, module: nn.Module, rows: Rows | None = None, draw: int = 0
) -> Step:
    """Return a step of a module, on the first rows or others, from a fixed seed; it is changed."""
    rows, kept = rows or first_rows(problem, unit), {}
    arrays = (*module.parameters(), *module.buffers(), rows.x)
    own = {value.untyped_storage().data_ptr() for value in arrays}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    further = (draw,) if draw else ()
    seed_generators(derived_seed(unit.seed, SEED_LABEL, *further), problem.device)
    before = _state(problem.device)
    with torch.autograd.graph.saved_tensors_hooks(pack, _itself), FunctionalForms(ALONE):
        outputs = module.train()(rows.x)
    losses = problem.loss(outputs.t().unsqueeze(0), rows.target, rows.weight)
    drew = not torch.equal(before, _state(problem.device))
    trained = {name: value for name, value in module.named_parameters() if value.requires_grad}
    gradients = torch.autograd.grad(losses.sum(), list(trained.values()), allow_unused=True)
    named = dict(zip(trained, gradients, strict=True))
    told = outputs.detach(), named, losses.detach()
    return Step(module, *told, drew, float(sum(kept.values())))


def traits_of(problem: Problem, unit: Unit) -> Traits:
    """Return what the module of a problem shows on the first rows of a unit."""
    start = dict(template(problem, unit).named_buffers())
    with ForeignGenerators() as foreign:
        first, second = (step_of(problem, unit, template(problem, unit)) for _ in range(2))
        (inputs, draws), (again, _) = (_augmented(problem, unit) for _ in range(2))
    pairs = ((first.outputs, second.outputs), (first.losses, second.losses), (inputs, again))
    same = all(alike(*pair, SAME) for pair in pairs)
    changed = {
        name
        for name, value in first.module.named_buffers()
        if name not in start or not torch.equal(value, start[name])
    }
    rows = len(first_rows(problem, unit))
    return Traits(
        trained=tuple(name for name, value in first.gradients.items() if value is not None),
        changing=tuple(name for name in start if name in changed),
        draws=first.drew or draws,
        repeats=same and not foreign.drew,
        bytes_a_row=first.bytes_kept / rows,
    )


def gradient_varies(problem: Problem, unit: Unit, traits: Traits) -> str:
    """Return the name of a parameter that has a gradient in some steps and none in others.

    Nothing where all have one and nothing is drawn, or the same have one in further steps, too.
    """
    named = template(problem, unit).named_parameters()
    trainable = {name for name, value in named if value.requires_grad}
    if trainable == set(traits.trained) and not traits.draws:
        return ""
    train, size = unit.data.train, problem.recipe.batch_size
    order = torch.randperm(len(train), generator=torch.Generator().manual_seed(0))
    batches = order.to(train.device).split(size)
    for draw in range(1, FURTHER_STEPS + 1):
        rows = unit.data.rows.take(train[batches[draw % len(batches)]])
        step = step_of(problem, unit, template(problem, unit), rows, draw)
        trained = {name for name, value in step.gradients.items() if value is not None}
        if trained != set(traits.trained):
            return min(trained ^ set(traits.trained))
    return ""


def _augmented(problem: Problem, unit: Unit) -> tuple[torch.Tensor, bool]:
    """Return the first rows as a training sees them, from a fixed seed, and whether it drew."""
    module = template(problem, unit)
    seed_generators(derived_seed(unit.seed, SEED_LABEL), problem.device)
    before = _state(problem.device)
    rows = augmented(problem, module, first_rows(problem, unit).x)
    return rows, not torch.equal(before, _state(problem.device))


class ForeignGenerators:
    """Watches the common generators of Python and NumPy, and leaves them as they were."""

    drew = False

    def __enter__(self) -> ForeignGenerators:
        self._before = self._states()
        return self

    def __exit__(self, *_: object) -> None:
        self.drew = self._states() != self._before
        random.setstate(self._before[0])
        np.random.set_state(self._before[1])

    @staticmethod
    def _states() -> tuple[Any, Any]:
        name, keys, *rest = np.random.get_state()
        return random.getstate(), (name, tuple(np.asarray(keys).tolist()), *rest)


def alike(left: torch.Tensor, right: torch.Tensor, tolerance: float) -> bool:
    """Return whether two arrays are equal up to a share of the largest number.

    >>> alike(torch.tensor([1.0, 0.0]), torch.tensor([1.0, 1e-6]), 1e-4)
    True
    """
    left, right = (own.nan_to_num() for own in (left, right))
    size = max(float(left.abs().max()), float(right.abs().max()), 1e-12)
    return bool((left - right).abs().max() <= tolerance * size)


def _state(device: torch.device) -> torch.Tensor:
    state = torch.default_generator.get_state()
    if device.type == "cuda":
        return torch.cat([state, torch.cuda.get_rng_state(device)])
    return state


def _itself(tensor: torch.Tensor) -> torch.Tensor:
    return tensor
