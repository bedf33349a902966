"""One model after the other: the reference engine, for any module.

Who uses this: `fit_path` for modules that cannot be stacked, and the tests, which hold the
stacked engine against it. It trains with torch's own Adam and the parts attached to it, as a
user's loop would.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch
from torch import nn

from shrinkage.paths.engines.base import Advance, Curves, Problem, Rows, Trained, Unit, template
from shrinkage.paths.engines.curves import CurveRecorder
from shrinkage.paths.engines.own_recipe import Rates, augmented, optimizer_of
from shrinkage.paths.engines.recipe import derived_seed
from shrinkage.paths.engines.seeding import seed_generators
from shrinkage.paths.engines.stationarity import Stationary, proximal_sums, relative_residual
from shrinkage.paths.engines.vectorizing.functional_forms import ALONE, FunctionalForms
from shrinkage.pytorch import Attachment, attach
from shrinkage.pytorch.modes import evaluating
from shrinkage.terms import ProximalSum, present

EVALUATION_ROWS = 4096


class SequentialEngine:
    """Trains a unit model by model."""

    name = "sequential"
    is_solver = False
    side_by_side = False
    narrows = False

    def check(self, problem: Problem) -> None:
        """Accept every problem: overlaps are refused where terms are assigned."""

    def critical_strength(self, problem: Problem, unit: Unit) -> None:
        """Return None: no formula says it of a network."""

    def parts(self, problem: Problem, models: int, weights: int) -> int:
        """Return a unit for each model, so that a kill loses at most one."""
        del problem, weights
        return models

    def at_once(self, models: int) -> int:
        """Return 1: the others wait."""
        del models
        return 1

    def is_divisible(self, problem: Problem, models: int) -> bool:
        """Return no: a unit is one model."""
        del problem, models
        return False

    def is_brief(self, problem: Problem, unit: Unit) -> bool:
        """Return no: networks train for long enough."""
        del problem, unit
        return False

    def steps(self, problem: Problem, rows: int, models: int) -> int:
        """Return the number of optimizer steps of all models together."""
        return problem.recipe.steps(rows) * models

    def train(self, problem: Problem, unit: Unit, advance: Advance) -> Trained:
        """Train the unit's models in the order of their settings."""
        modules, curves = [], []
        for position in range(len(unit.settings)):
            module, curve = _train_one(problem, unit, unit.settings.strengths(position), advance)
            modules.append(module)
            curves.append(curve)
        states = [module.state_dict() for module in modules]
        names = [name for name, value in states[0].items() if isinstance(value, torch.Tensor)]
        return Trained(
            outputs=lambda x: torch.stack([evaluate(module, x) for module in modules]),
            arrays={
                name: torch.stack([state[name].detach() for state in states]) for name in names
            },
            curves=_join(curves),
            converged=np.ones(len(modules), dtype=bool),
            residual=lambda: _residuals(problem, unit, modules),
        )


def _residuals(problem: Problem, unit: Unit, modules: list[nn.Module]) -> np.ndarray | None:
    """Return how far each model is from a minimizer; the modules stay as they are."""
    residuals = []
    for position, module in enumerate(modules):
        strengths = {
            name: torch.tensor([strength], dtype=torch.float64, device=problem.device)
            for name, strength in unit.settings.strengths(position).items()
        }
        sums = proximal_sums(problem, strengths)
        if sums is None:
            return None
        buffers = {name: value.clone() for name, value in module.named_buffers()}
        seed_generators(derived_seed(unit.seed, 3), problem.device)
        residuals.append(relative_residual(problem, unit, _stationary(problem, module, sums)))
        for name, value in module.named_buffers():
            value.copy_(buffers[name])
    return np.concatenate(residuals)


def _stationary(problem: Problem, module: nn.Module, sums: dict[str, ProximalSum]) -> Stationary:
    trained = {
        name: value for name, value in problem.tensors(module).items() if value.requires_grad
    }

    def forward(x: torch.Tensor) -> torch.Tensor:
        with FunctionalForms(ALONE):
            return module.train()(x).t().unsqueeze(0)

    return Stationary(
        forward,
        {name: value.detach().unsqueeze(0) for name, value in trained.items()},
        tuple(trained.values()),
        sums,
        tuple(module.modules()),
    )


def evaluate(module: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """Return a module's outputs as (outputs, rows), in evaluation mode."""
    with evaluating(module), torch.no_grad():
        outputs = torch.cat([module(block) for block in x.split(EVALUATION_ROWS)])
    return outputs.t()


def _train_one(
    problem: Problem, unit: Unit, strengths: Mapping[str, float], advance: Advance
) -> tuple[nn.Module, Curves | None]:
    module = template(problem, unit).train()
    parameters = [parameter for parameter in module.parameters() if parameter.requires_grad]
    optimizer = optimizer_of(problem.recipe, parameters)
    rates = Rates(problem.recipe, optimizer)
    attachment = attached(problem, module, optimizer, strengths)
    recorder = CurveRecorder.for_unit(problem, unit)
    count = len(unit.data.train)
    total, step = problem.recipe.steps(count), 0
    for epoch in range(problem.recipe.epochs):
        losses = 0.0
        for batch in problem.recipe.batches(count, derived_seed(unit.seed, 1), epoch):
            rows = unit.data.rows.take(unit.data.train[torch.from_numpy(batch)])
            rates.set(step, total)
            seed_generators(derived_seed(unit.seed, 2, step), problem.device)
            rows = replace(rows, x=augmented(problem, module, rows.x))
            losses += stepped(problem, module, optimizer, rows, attachment)
            step += 1
            advance(1)
        mean = np.array([losses / problem.recipe.steps_per_epoch(count)])
        recorder.record(epoch, mean, lambda x: evaluate(module, x).unsqueeze(0))
    return module, recorder.curves()


def attached(
    problem: Problem,
    module: nn.Module,
    optimizer: torch.optim.Optimizer,
    strengths: Mapping[str, float],
) -> Attachment | None:
    """Attach the parts whose strength is not 0: without any, the loop is the bare one, by bits."""
    tensors = problem.tensors(module)
    parts = {
        tensors[name]: present(part.at(strengths[part.term]) for part in own)
        for name, own in problem.penalised.items()
    }
    acting = {tensor: own for tensor, own in parts.items() if own}
    return attach(optimizer, acting) if acting else None


def stepped(
    problem: Problem,
    module: nn.Module,
    optimizer: torch.optim.Optimizer,
    rows: Rows,
    attachment: Attachment | None,
) -> float:
    """Take one step and return the data loss, which never includes the penalty."""
    optimizer.zero_grad()
    with FunctionalForms(ALONE):
        outputs = module(rows.x).t().unsqueeze(0)
    loss = problem.loss(outputs, rows.target, rows.weight).sum()
    objective = loss if attachment is None else loss + attachment.loss()
    objective.backward()
    optimizer.step()
    return float(loss.detach())


def _join(curves: list[Curves | None]) -> Curves | None:
    recorded = [curve for curve in curves if curve is not None]
    if not recorded:
        return None
    return Curves(
        recorded[0].epochs,
        np.concatenate([curve.train_loss for curve in recorded], axis=1),
        np.concatenate([curve.validation_loss for curve in recorded], axis=1),
        np.concatenate([curve.validation_score for curve in recorded], axis=1),
    )
