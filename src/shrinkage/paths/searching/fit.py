"""From a plan to a chosen model by a search: batch after batch, end to end.

Who uses this: `shrinkage.searches`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace

from shrinkage.extras import needs

with needs("search"):
    import optuna

from shrinkage.paths.choosing.cross_validation import CrossValidation
from shrinkage.paths.choosing.grid import log_grid
from shrinkage.paths.choosing.grid_top import DEFAULT_TOP
from shrinkage.paths.engines.architectures import Architecture
from shrinkage.paths.fit import others_of, validate
from shrinkage.paths.options import PathOptions
from shrinkage.paths.results.fitted import FittedPath
from shrinkage.paths.results.surfaces import SurfaceAxis, Value
from shrinkage.paths.running.engine_choice import with_engine
from shrinkage.paths.running.estimate import Estimate, estimate
from shrinkage.paths.running.plan import Plan
from shrinkage.paths.running.progress import Progress
from shrinkage.paths.running.store import Store
from shrinkage.paths.searching.journal import open_study
from shrinkage.paths.searching.space import Between, Range, SearchSpec
from shrinkage.paths.searching.trials import Batch, Trials
from shrinkage.paths.surfaces.assembly import assemble_surface
from shrinkage.paths.surfaces.fit import Cell, chosen_cells, refit_cells
from shrinkage.paths.surfaces.grids import AxisGrid, axis_top
from shrinkage.paths.surfaces.joining import joined_variants
from shrinkage.paths.surfaces.penalty_axis import PENALTY
from shrinkage.paths.surfaces.variants import variant


def search(
    plan: Plan,
    spec: SearchSpec,
    store: Store,
    progress: Progress,
    announce: Callable[[Estimate], None] | None = None,
) -> FittedPath:
    """Return the result of a search, training only what is not in the store.

    Args:
        plan: of the model as it was given.
        spec: what is tried.
        store: keeps each unit that is done, and the trials.
        progress: is told of every step.
        announce: called with the estimate before anything is trained but a short trial.
    """
    space = spec.space(plan.problem.architecture)
    if announce is not None:
        told = _estimate(plan, spec)
        store.keep_note("estimate", asdict(told))
        announce(told)
    grids = _grids(plan, spec, store, progress)
    largest = {grid.name: grid.strengths[-1] for grid in grids}
    variants: dict[tuple[Value, ...], Plan] = {}
    validations: list[CrossValidation] = []
    cells: list[Cell] = []
    usual = usual_recipe(plan.problem.architecture, plan.options, space)
    with _quiet():
        study = open_study(store.root)
        trials = Trials(study, spec.strengths, largest, space, usual, spec.batch, plan.options.seed)
        for number, count in enumerate(batches(spec)):
            batch = trials.batch(number, count)
            own = variants.get(batch.recipe)
            if own is None:
                values = dict(zip(space, batch.recipe, strict=True))
                own = variant(plan, spec.penalties, values, spec.choices)
                own = with_engine(own, store, f"engine-{number}")
                variants[batch.recipe] = own
            told = f"trials {len(cells) + 1} to {len(cells) + count} of {spec.trials}"
            validation = _validated(own, number, batch, store, progress, told)
            judged = validation.judged_by(plan.options.choose_by).mean(axis=1)
            trials.tell(batch, [float(score) for score in judged])
            validations.append(validation)
            cells += [Cell(batch.recipe, strengths) for strengths in batch.strengths]
    validation = joined_variants(validations)
    axes = _axes(spec, space, cells)
    choice, surface = chosen_cells(plan, validation, variants, cells, axes, spec.simplest)
    roles = {
        "best": cells[choice.best],
        "one_standard_error": cells[choice.one_standard_error],
        "unregularized": Cell(next(iter(variants)), (0.0,) * len(spec.penalties)),
    }
    refits = refit_cells(variants, roles, validation, choice, store, progress)
    others = others_of(next(iter(variants.values())), validations[0], store, progress)
    result = assemble_surface(variants, validation, choice, refits, roles, surface, grids, others)
    trained = plan.folds * (len(cells) + len(validations))
    trained += sum(refit.models for refit in refits.values())
    searched = {"trials": spec.trials, "batch": spec.batch, "space": _told(largest, space)}
    summary = {**result.summary, "models_trained": trained, "search": searched}
    return replace(result, summary=summary)


def _grids(plan: Plan, spec: SearchSpec, store: Store, progress: Progress) -> list[AxisGrid]:
    """Return between which strengths each penalty is searched, those of an axis of them first."""

    def grid(own: Plan, place: int, name: str) -> AxisGrid:
        top = axis_top(own, place, name, spec.batch, store, progress)
        return AxisGrid(name, log_grid(top.strength, max(2, spec.batch)), top.source)

    grids = [
        grid(variant(plan, spec.penalties, {PENALTY: word}, spec.choices), 0, word)
        for word in spec.choices
    ]
    beside = list(enumerate(spec.strengths))[bool(spec.choices) :]
    return grids + [grid(plan, place, name) for place, name in beside]


def check_space(plan: Plan, spec: SearchSpec) -> None:
    """Refuse values that fit neither model nor rows, before anything is trained.

    Raises:
        InputError: an end of a range, or a value, does not fit.
    """
    for name, own in spec.space(plan.problem.architecture).items():
        for value in (own.low, own.high) if isinstance(own, Between) else own:
            variant(plan, spec.penalties, {name: value}, spec.choices)


def batches(spec: SearchSpec) -> list[int]:
    """Return how many trials each batch has.

    >>> from shrinkage.penalties import L2
    >>> batches(SearchSpec((L2(),), trials=10, batch=4))
    [4, 4, 2]
    """
    return [min(spec.batch, spec.trials - first) for first in range(0, spec.trials, spec.batch)]


def usual_recipe(
    architecture: Architecture, options: PathOptions, space: dict[str, Range]
) -> dict[str, Value]:
    """Return the recipe as it was given: the first batch has it, whatever the ranges are.

    Where an axis does not hold it, the value of the axis that is nearest is taken, and of words the
    first.
    """
    given = {
        "dropout": getattr(architecture, "dropout", 0.0),
        "norm": getattr(architecture, "norm", None) or "none",
        "activation": getattr(architecture, "activation", "relu"),
        "width": 1.0,
        "learning_rate": options.learning_rate,
        "batch_size": options.batch_size,
        "epochs": options.epochs,
    }
    return {name: _nearest(own, given.get(name)) for name, own in space.items()}


def _nearest(own: Range, value: object) -> Value:
    if isinstance(own, Between):
        wanted = float(value) if isinstance(value, int | float) else own.low
        return min(max(wanted, own.low), own.high)
    if value in own:
        return own[own.index(value)]  # type: ignore[arg-type]
    numbers = [one for one in own if not isinstance(one, str)]
    if numbers and isinstance(value, int | float):
        return min(numbers, key=lambda one: abs(one - value))
    return own[0]


def _validated(
    plan: Plan, number: int, batch: Batch, store: Store, progress: Progress, told: str
) -> CrossValidation:
    terms = plan.problem.terms
    settings = terms.unregularized + terms.settings(batch.strengths)
    folds = validate(plan, f"batch-{number}", settings, store, progress, told)
    return CrossValidation.of(settings, folds, plan.preparation.split.rounds)


def _axes(spec: SearchSpec, space: dict[str, Range], cells: list[Cell]) -> tuple[SurfaceAxis, ...]:
    """Return the axes with the values that were tried, ascending."""
    columns = zip(*(cell.values for cell in cells), strict=True)
    names = (*spec.strengths, *space)
    return tuple(
        SurfaceAxis(name, _ordered(set(values)), is_strength=name in spec.strengths)
        for name, values in zip(names, columns, strict=True)
    )


def _ordered(values: set[Value]) -> tuple[Value, ...]:
    return tuple(sorted(values, key=lambda value: (isinstance(value, str), value)))


def _told(largest: dict[str, float], space: dict[str, Range]) -> dict[str, object]:
    """Return what was searched, as JSON knows it."""
    strengths = {name: {"low": 1e-4 * top, "high": top} for name, top in largest.items()}
    others = {
        name: {"low": own.low, "high": own.high} if isinstance(own, Between) else list(own)
        for name, own in space.items()
    }
    return {**strengths, **others}


def _estimate(plan: Plan, spec: SearchSpec) -> Estimate:
    """Return what a search takes: that of the first batch, for each, and for each outer fold."""
    grid = log_grid(DEFAULT_TOP, max(2, spec.batch))
    rows = [(strength,) * len(spec.penalties) for strength in grid]
    settings = plan.problem.terms.unregularized + plan.problem.terms.settings(rows)
    told = estimate(plan, plan.jobs("batch-0", settings), len(settings), searched=True)
    count = len(batches(spec))
    times = count * (1 + spec.outer)
    seconds = None if told.seconds is None else told.seconds * times
    outer = spec.outer or None
    return replace(told, seconds=seconds, models=told.models * count, decade=None, outer=outer)


class _quiet:  # noqa: N801 - read as words: `with _quiet():`
    """Optuna tells of every trial; here the bar does."""

    def __enter__(self) -> None:
        self._before = optuna.logging.get_verbosity()
        optuna.logging.set_verbosity(optuna.logging.WARNING)

    def __exit__(self, *_: object) -> None:
        optuna.logging.set_verbosity(self._before)
