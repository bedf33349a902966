"""The strengths of each axis of a surface: given, or evenly spaced below where learning ends.

Who uses this: the fit of a surface and of a search. The top of an axis is that of a path of its
penalty alone, beside the fixed terms: with the others at 0 a penalty has to be the strongest. Of an
axis of penalties each has a top of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from shrinkage.paths.choosing.grid import log_grid
from shrinkage.paths.choosing.grid_top import (
    GridSource,
    GridTop,
    search_length,
    search_steps,
    top_of_grid,
)
from shrinkage.paths.engines.base import Problem
from shrinkage.paths.results.surfaces import Value
from shrinkage.paths.running.plan import Plan
from shrinkage.paths.running.progress import Progress
from shrinkage.paths.running.store import Store
from shrinkage.paths.surfaces.penalty_axis import PENALTY, names_of
from shrinkage.paths.surfaces.spec import Strengths, SurfaceSpec
from shrinkage.terms import assign


@dataclass(frozen=True)
class AxisGrid:
    """The strengths of one penalty, and where they come from."""

    name: str
    strengths: tuple[float, ...]
    source: GridSource


def grids_of(
    variants: Mapping[tuple[Value, ...], Plan], spec: SurfaceSpec, store: Store, progress: Progress
) -> dict[tuple[Value, ...], tuple[AxisGrid, ...]]:
    """Return the grid of each axis of strengths, for each variant.

    A penalty has one grid: that at the first values of the other axes.

    Args:
        variants: the plan of each combination of values, whose terms that vary are the axes.
        spec: says how many strengths, or the strengths themselves.
        store: keeps the tops.
        progress: is told of every step.
    """
    first = next(iter(variants.values()))
    names = names_of(spec.penalties, spec.choices)
    pairs = list(enumerate(zip(names, spec.strengths, strict=True)))
    shared = pairs[bool(spec.choices) :]
    beside = tuple(_grid(first, place, *own, store, progress) for place, own in shared)
    if not spec.choices:
        return dict.fromkeys(variants, beside)
    axis = list(spec.vary).index(PENALTY)
    of_word: dict[Value, AxisGrid] = {}
    for values, plan in variants.items():
        word = values[axis]
        if word not in of_word:
            of_word[word] = _grid(plan, 0, str(word), spec.strengths[0], store, progress)
    return {values: (of_word[values[axis]], *beside) for values in variants}


def _grid(
    plan: Plan, place: int, name: str, strengths: Strengths, store: Store, progress: Progress
) -> AxisGrid:
    if isinstance(strengths, tuple):
        return AxisGrid(name, strengths, GridSource.GIVEN)
    top = axis_top(plan, place, name, strengths, store, progress)
    return AxisGrid(name, log_grid(top.strength, strengths), top.source)


def axis_top(
    plan: Plan, place: int, name: str, models: int, store: Store, progress: Progress
) -> GridTop:
    """Return the largest strength of an axis: from the store, by formula, or by a search."""
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
