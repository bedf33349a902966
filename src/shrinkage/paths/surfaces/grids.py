"""The strengths of each axis of a surface: given, or evenly spaced below where learning ends.

Who uses this: the fit of a surface and of a search. The top of an axis is that of a path of its
penalty alone, beside the fixed terms: with the others at 0 a penalty has to be the strongest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from shrinkage.paths.choosing.grid import log_grid
from shrinkage.paths.choosing.grid_top import (
    GridSource,
    GridTop,
    search_length,
    search_steps,
    top_of_grid,
)
from shrinkage.paths.engines.base import Problem
from shrinkage.paths.running.plan import Plan
from shrinkage.paths.running.progress import Progress
from shrinkage.paths.running.store import Store
from shrinkage.paths.surfaces.spec import Strengths, names_of
from shrinkage.terms import assign


def grids_of(
    plan: Plan, strengths: Sequence[Strengths], store: Store, progress: Progress
) -> tuple[tuple[tuple[float, ...], ...], tuple[GridSource, ...]]:
    """Return the strengths of each axis, and where each comes from.

    Args:
        plan: whose terms that vary are the axes.
        strengths: for each how many, or the strengths themselves.
        store: keeps the tops.
        progress: is told of every step.
    """
    grids, sources = [], []
    for place, own in enumerate(strengths):
        if isinstance(own, tuple):
            grids.append(own)
            sources.append(GridSource.GIVEN)
            continue
        top = axis_top(plan, place, own, store, progress)
        grids.append(log_grid(top.strength, own))
        sources.append(top.source)
    return tuple(grids), tuple(sources)


def axis_top(plan: Plan, place: int, models: int, store: Store, progress: Progress) -> GridTop:
    """Return the largest strength of an axis: from the store, by formula, or by a search."""
    name = names_of([term.penalty for term in plan.problem.terms.varying])[place]
    top = GridTop.of_note(store.note(f"grid-{name}"))
    if top is not None:
        return top
    searched = alone(plan.problem, place), plan.refit_unit, plan.engine
    length = search_length(plan.fold_steps, plan.folds, models + 1)
    progress.stage(f"finding the largest strength of {name}", search_steps(*searched, length))
    top = top_of_grid(*searched, progress.advance, length)
    store.keep_note(f"grid-{name}", top.to_note())
    if top.source.is_default:
        progress.say(f"No strength of {name} marks where learning ends: the default grid is taken.")
    return top


def alone(problem: Problem, place: int) -> Problem:
    """Return the problem with one of the terms that vary, and the fixed ones."""
    terms = problem.terms.alone(place)
    own = assign(problem.assignment.infos, terms.terms, problem.update)
    return replace(problem, terms=terms, assignment=own)
