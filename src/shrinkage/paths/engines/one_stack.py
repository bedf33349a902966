"""What engines have in common that train all models of a unit as one stack.

Who uses this: the stacked and the vectorized engine. One step of theirs moves every model, so that
a unit has as many steps as one model alone.
"""

from __future__ import annotations

import torch

from shrinkage.paths.engines.base import Problem, Unit

MOST_BYTES = 1_000_000_000  # of a stack in training
ARRAYS = 4  # of a weight: itself, its gradient and Adam's two moments


class OneStack:
    """An engine's answers where the models of a unit are one stack of networks."""

    is_solver = False

    def check(self, problem: Problem) -> None:
        """Accept every problem: overlaps are refused where terms are assigned."""

    def critical_strength(self, problem: Problem, unit: Unit) -> None:
        """Return None: all-zero hidden weights are stationary, so no formula says."""

    def at_once(self, models: int) -> int:
        """Return all: they are one stack."""
        return models

    def is_divisible(self, problem: Problem, models: int) -> bool:
        """Return no: what a step takes is not known here."""
        del problem, models
        return False

    def is_brief(self, problem: Problem, unit: Unit) -> bool:
        """Return no: networks train for long enough."""
        del problem, unit
        return False

    def steps(self, problem: Problem, rows: int, models: int) -> int:
        """Return the number of optimizer steps, the same for any number of models."""
        del models
        return problem.recipe.steps(rows)


def strengths_of(problem: Problem, unit: Unit) -> dict[str, torch.Tensor]:
    """Return the strengths of each term, one a model, on the problem's device."""
    return {
        name: torch.tensor(unit.settings.column(name), dtype=torch.float64, device=problem.device)
        for name in unit.settings.columns
    }
