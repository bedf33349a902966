"""From a plan to a chosen cell: a surface, end to end.

Who uses this: `shrinkage.surfaces`, which keeps and reports what comes of it. All strengths of a
variant are models of one stack, so that a surface of 12 × 8 strengths is a path of 96; each unit is
in the store as soon as it is done.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import product

import numpy as np

from shrinkage.paths.choosing.cross_validation import CrossValidation
from shrinkage.paths.choosing.grid import log_grid
from shrinkage.paths.choosing.grid_top import DEFAULT_TOP
from shrinkage.paths.choosing.rules import Choice
from shrinkage.paths.fit import others_of, runs_refits, validate
from shrinkage.paths.refitting import refit
from shrinkage.paths.results.fitted import FittedPath
from shrinkage.paths.results.records import standard_error
from shrinkage.paths.results.refits import Refit
from shrinkage.paths.results.surfaces import Surface, SurfaceAxis, Value
from shrinkage.paths.running.estimate import Estimate, estimate
from shrinkage.paths.running.outer_estimate import with_outer_folds
from shrinkage.paths.running.plan import Plan
from shrinkage.paths.running.progress import Progress
from shrinkage.paths.running.runners.base import Job
from shrinkage.paths.running.store import Store
from shrinkage.paths.settings import Settings
from shrinkage.paths.surfaces.assembly import assemble_surface
from shrinkage.paths.surfaces.grids import AxisGrid, grids_of
from shrinkage.paths.surfaces.joining import joined_variants
from shrinkage.paths.surfaces.penalty_axis import PENALTY
from shrinkage.paths.surfaces.rules import choose_simplest
from shrinkage.paths.surfaces.spec import SurfaceSpec

Variants = Mapping[tuple[Value, ...], Plan]


@dataclass(frozen=True)
class Cell:
    """A model: the values of its variant, and the strengths in it."""

    variant: tuple[Value, ...]
    strengths: tuple[float, ...]

    @property
    def values(self) -> tuple[Value, ...]:
        """Return the value on each axis."""
        return (*self.strengths, *self.variant)


def fit_cells(
    variants: Variants,
    spec: SurfaceSpec,
    store: Store,
    progress: Progress,
    announce: Callable[[Estimate], None] | None = None,
) -> FittedPath:
    """Return the result of a surface, training only what is not in the store.

    Args:
        variants: the plan of each combination of values; the first has the unregularized model.
        spec: what varies.
        store: keeps each unit that is done.
        progress: is told of every step.
        announce: called with the estimate before anything is trained but a short trial.
    """
    base = next(iter(variants.values()))
    if announce is not None:
        told = _estimate(variants, spec, store)
        store.keep_note("estimate", asdict(told))
        announce(told)
    grids = grids_of(variants, spec, store, progress)
    rows = {values: _rows(own) for values, own in grids.items()}
    validations = [
        _validated(plan, number, len(variants), rows[values], store, progress)
        for number, (values, plan) in enumerate(variants.items())
    ]
    validation = joined_variants(validations)
    cells = [Cell(values, row) for values in variants for row in rows[values]]
    axes = _axes(spec, list(grids.values()))
    sources = tuple(dict.fromkeys(grid for own in grids.values() for grid in own))
    choice, surface = chosen_cells(base, validation, variants, cells, axes, spec.simplest)
    roles = {
        "best": cells[choice.best],
        "one_standard_error": cells[choice.one_standard_error],
        "unregularized": Cell(next(iter(variants)), (0.0,) * len(spec.penalties)),
    }
    refits = refit_cells(variants, roles, validation, choice, store, progress)
    others = others_of(base, validations[0], store, progress)
    return assemble_surface(variants, validation, choice, refits, roles, surface, sources, others)


def chosen_cells(
    plan: Plan,
    validation: CrossValidation,
    variants: Variants,
    cells: list[Cell],
    axes: tuple[SurfaceAxis, ...],
    simplest: str,
) -> tuple[Choice, Surface]:
    """Return the best and the simplest cell, and the surface that they are on."""
    judged = validation.judged_by(plan.options.choose_by)
    counts = validation.total_nonzero
    if simplest == "inputs" and "inputs_kept" in validation.measures:
        counts = validation.measures["inputs_kept"]
    values = tuple(cell.values for cell in cells)
    sizes = np.array([_size(variants[cell.variant]) for cell in cells])
    surface = Surface(axes, values, sizes, np.zeros(len(cells), dtype=bool), simplest)
    strengths = [place for place, axis in enumerate(axes) if axis.is_strength]
    choice, within = choose_simplest(
        judged.mean(axis=1),
        standard_error(judged, validation.rounds),
        counts.mean(axis=1),
        surface.positions[:, strengths].sum(axis=1),
        validation.learned,
    )
    return choice, replace(surface, within=within)


def refit_cells(
    variants: Variants,
    roles: Mapping[str, Cell],
    validation: CrossValidation,
    choice: Choice,
    store: Store,
    progress: Progress,
) -> dict[tuple[Value, ...], Refit]:
    """Return the models on all training rows: of each variant that is chosen the three rows."""
    chosen = [choice.best, choice.one_standard_error]
    needed = {cell.variant for cell in roles.values()}
    refits = {}
    for number, (values, plan) in enumerate(variants.items()):
        if values not in needed:
            continue
        everything = len(variants) == 1 and plan.options.refit == "all"
        own = validation.settings if everything else validation.settings.take(chosen)
        own = Settings(plan.problem.terms.terms.ids, own.rows)
        settings = (plan.problem.terms.unregularized + own).distinct()
        best = Settings(own.columns, validation.settings.take([choice.best]).rows)
        wanted = best if values == roles["best"].variant else None
        run, of = runs_refits(plan, store, progress), f"-of-variant-{number}"
        places = (("best", choice.best), ("one_standard_error", choice.one_standard_error))
        judged = [place for role, place in places if roles[role].variant == values]
        refits[values] = refit(plan, settings, wanted, validation.rows(judged), run, of)
    return refits


def _validated(
    plan: Plan,
    number: int,
    count: int,
    rows: list[tuple[float, ...]],
    store: Store,
    progress: Progress,
) -> CrossValidation:
    settings = plan.problem.terms.unregularized + plan.problem.terms.settings(rows)
    stage = "cross validation" + (f" {number + 1} of {count}" if count > 1 else "")
    folds = validate(plan, f"surface-{number}", settings, store, progress, stage)
    return CrossValidation.of(settings, folds, plan.preparation.split.rounds)


def _rows(grids: Sequence[AxisGrid]) -> list[tuple[float, ...]]:
    return list(product(*(grid.strengths for grid in grids)))


def _axes(spec: SurfaceSpec, grids: Sequence[tuple[AxisGrid, ...]]) -> tuple[SurfaceAxis, ...]:
    """Return the axes; where each penalty has a grid of its own, with the shares of its largest."""
    first = grids[0]
    values = (*(grid.strengths for grid in first), *spec.vary.values())
    axes = [
        SurfaceAxis(name, tuple(own), is_strength=place < len(first))
        for place, (name, own) in enumerate(zip(spec.names, values, strict=True))
    ]
    if isinstance(spec.strengths[0], int) and spec.choices:
        shares = log_grid(1.0, spec.strengths[0])
        axes[0] = replace(axes[0], values=shares, by=PENALTY)
    return tuple(axes)


def _size(plan: Plan) -> int:
    """Return how many weights are counted of a model."""
    shapes = {info.name: info.shape for info in plan.problem.assignment.infos}
    return sum(int(np.prod(shapes[name])) for name in plan.problem.counted)


def _estimate(variants: Variants, spec: SurfaceSpec, store: Store) -> Estimate:
    """Return what is still to be done: that of the first variant, for each."""
    plan = next(iter(variants.values()))
    grids = [
        own if isinstance(own, tuple) else log_grid(DEFAULT_TOP, own) for own in spec.strengths
    ]
    settings = plan.problem.terms.unregularized + plan.problem.terms.settings(product(*grids))
    searched = any(isinstance(own, int) for own in spec.strengths)

    def told_of(jobs: Sequence[Job]) -> Estimate:
        return estimate(plan, jobs, len(settings), searched=searched)

    jobs = plan.jobs("surface-0", settings)
    told = with_outer_folds(told_of, jobs, store, plan.options.nested)
    count = len(variants)
    seconds = None if told.seconds is None else told.seconds * count
    return replace(told, seconds=seconds, models=told.models * count, decade=None)


__all__ = ["Cell", "chosen_cells", "fit_cells", "refit_cells"]
