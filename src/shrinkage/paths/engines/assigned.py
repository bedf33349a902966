"""Who is penalised in a path: the selected parameters of the template and their parts.

Who uses this: the engines, which multiply each part by their strengths, and `fit_path`, which
shows the table.
"""

from __future__ import annotations

from torch import nn

from shrinkage.paths.engines.base import Problem
from shrinkage.penalties import Penalty
from shrinkage.pytorch import describe
from shrinkage.terms import Assignment, Term, assign


def assignment(problem: Problem, module: nn.Module, strength: float = 1.0) -> Assignment:
    """Return the assignment of `strength × penalty` to the parameters of a module."""
    infos = tuple(info for info, _ in describe(module))
    return assign(infos, Term(strength, problem.penalty, problem.selection))


def assigned_parts(problem: Problem, module: nn.Module) -> dict[str, list[tuple[float, Penalty]]]:
    """Return for each penalised parameter its elementary penalties, for a strength of one."""
    found = assignment(problem, module).parts
    return {
        name: [(float(part.strength), part.penalty) for part in parts]
        for name, parts in found.items()
        if parts
    }


def penalised_names(problem: Problem, module: nn.Module) -> tuple[str, ...]:
    """Return the names of the penalised parameters in the order of the module."""
    return tuple(assigned_parts(problem, module))
