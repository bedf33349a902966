"""Whether what a module learns is in its `state_dict`, which is all that comes out of a training.

Who uses this: the choice of an engine, before anything trains. Results, files and workers pass
parameters and buffers on by name. A module that answers by something else that training changes
(a counter, a running mean in a plain attribute, a buffer that is not for keeping) would predict
otherwise than it was scored.
"""

from __future__ import annotations

import torch
from torch import nn

from shrinkage.errors import InputError
from shrinkage.paths.engines.base import Problem, Unit, template
from shrinkage.paths.engines.recipe import derived_seed
from shrinkage.paths.engines.seeding import seed_generators
from shrinkage.paths.engines.vectorizing.traits import (
    SAME,
    SEED_LABEL,
    Step,
    alike,
    first_rows,
    step_of,
)

DRAWS = (
    "the model draws random numbers in evaluation, too, as a dropout does that is not given "
    "training=self.training: its scores, and its predictions of the same rows, are others each time"
)


def check_kept_state(problem: Problem, unit: Unit) -> str:
    """Refuse a module whose answers after a step are others than those of its `state_dict`.

    Returns:
        What to know of a module that answers the same rows in several ways, or nothing.

    Raises:
        InputError: says what of it is not kept; or a gradient is sparse, which no prox follows.
    """
    start, trained = template(problem, unit), template(problem, unit)
    _refuse_sparse(problem, step_of(problem, unit, trained))
    own = _answers(problem, unit, trained)
    if not alike(own, _answers(problem, unit, trained), SAME):
        return DRAWS  # from a generator that no seed is for
    tensors = {n: v for n, v in trained.state_dict().items() if isinstance(v, torch.Tensor)}
    loaded = template(problem, unit)
    loaded.load_state_dict(tensors, strict=False)
    if alike(own, _answers(problem, unit, loaded), SAME):
        return "" if alike(own, _answers(problem, unit, loaded, 1), SAME) else DRAWS
    changed = ", ".join(_changed(start, trained)) or "something in its forward"
    raise InputError(
        f"expected all that training changes in the state_dict of the model "
        f"{problem.architecture.name}, of which results are made, got other answers by what is "
        f"beside it, {changed}: keep it as a tensor by register_buffer, persistent"
    )


def _refuse_sparse(problem: Problem, step: Step) -> None:
    sparse = [name for name, own in step.gradients.items() if own is not None and own.is_sparse]
    if sparse:
        raise InputError(
            f"expected dense gradients in the model {problem.architecture.name}, got a sparse one "
            f"of {sparse[0]}: build its embedding without sparse=True"
        )


def _answers(problem: Problem, unit: Unit, module: nn.Module, draw: int = 0) -> torch.Tensor:
    seed_generators(derived_seed(unit.seed, SEED_LABEL, *(draw,) * (draw > 0)), problem.device)
    with torch.no_grad():
        return module.eval()(first_rows(problem, unit).x)


def _changed(start: nn.Module, trained: nn.Module) -> list[str]:
    """Return the names of plain attributes and buffers, not for keeping, that are others now."""
    before, after = _beside(start), _beside(trained)
    return [name for name, value in after.items() if not _same(before.get(name), value)]


def _beside(module: nn.Module) -> dict[str, object]:
    named = {
        f"{prefix}.{name}".strip("."): value
        for prefix, part in module.named_modules()
        for name, value in vars(part).items()
        if not name.startswith("_") and name != "training"
    }
    kept = module.state_dict()
    return {**named, **{n: v for n, v in module.named_buffers() if n not in kept}}


def _same(left: object, right: object) -> bool:
    if isinstance(left, torch.Tensor) and isinstance(right, torch.Tensor):
        return torch.equal(left, right)
    return not isinstance(right, (torch.Tensor, int, float)) or bool(left == right)
