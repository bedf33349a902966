"""Variants: the plans of a surface, one for each combination of values that no stack shares.

Who uses this: the fit of a surface and of a search. All variants have the rows, folds and seeds of
one plan, so that their scores compare fold by fold.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product

from shrinkage.errors import InputError
from shrinkage.paths.engines.registry import is_open
from shrinkage.paths.results.surfaces import Value
from shrinkage.paths.running.plan import Plan
from shrinkage.paths.running.posing import pose, recipe_of, selection_of
from shrinkage.paths.settings import PathTerms
from shrinkage.paths.surfaces.penalty_axis import PENALTY
from shrinkage.paths.surfaces.recipe_columns import RECIPE_COLUMNS
from shrinkage.paths.surfaces.spec import SurfaceSpec, field_owner
from shrinkage.penalties import Penalty


def variants_of(plan: Plan, spec: SurfaceSpec) -> dict[tuple[Value, ...], Plan]:
    """Return the plan of each combination of the values that vary beside strengths.

    Args:
        plan: of the surface, its penalties the terms that vary.
        spec: what varies.

    Raises:
        InputError: a value does not fit the model, the rows or the penalty.
    """
    combinations = product(*spec.vary.values())
    return {
        values: variant(
            plan, spec.penalties, dict(zip(spec.vary, values, strict=True)), spec.choices
        )
        for values in combinations
    }


def widths_told(plan: Plan, spec: SurfaceSpec) -> tuple[str, ...]:
    """Return what the factors of an axis of widths make of the model: they are no units."""
    architecture, options = plan.problem.architecture, plan.options
    change = RECIPE_COLUMNS["width"].change
    made = [
        f"{factor:g} makes {change(architecture, options, factor)[0].name}"
        for factor in map(float, spec.vary.get("width", ()))
    ]
    return (f"width times the hidden widths: {', '.join(made)}",) if made else ()


def variant(
    plan: Plan,
    penalties: Sequence[Penalty],
    values: Mapping[str, Value],
    choices: Mapping[str, Penalty],
) -> Plan:
    """Return a plan with other values of its recipe, penalties, or fields of its penalties.

    Args:
        plan: of the surface.
        penalties: those whose strengths vary.
        values: of the further axes.
        choices: the penalties of an axis of them, by word: one of them is the first.
    """
    if not values:
        return plan
    architecture, options = plan.problem.architecture, plan.options
    own = list(penalties)
    for name, value in values.items():
        if name == PENALTY:
            own[0] = choices[str(value)]
        elif name in RECIPE_COLUMNS:
            architecture, options = RECIPE_COLUMNS[name].change(architecture, options, value)
        else:
            fixed = len(choices) and 1
            place = field_owner(name, own[fixed:])
            assert place is not None
            own[fixed + place] = _with_field(own[fixed + place], name, value)
    first, *beside = own
    terms = PathTerms.of(first, selection_of(options.select), plan.problem.terms.fixed, beside)
    rows = min(len(train) for train, _ in plan.preparation.split.folds)
    recipe, scorer = recipe_of(options, rows), plan.problem.scorer
    posed = pose(architecture, plan.preparation, terms, options, recipe, scorer)
    return replace(
        plan,
        problem=posed.problem,
        engine=posed.engine,
        module=posed.module,
        options=options,
        warnings=posed.warnings,
        engine_is_open=is_open(posed.engine),
    )


def _with_field(penalty: Penalty, name: str, value: Value) -> Penalty:
    try:
        return replace(penalty, **{name: value})  # type: ignore[type-var]
    except (TypeError, ValueError) as error:
        raise InputError(f"{name}={value!r} does not fit {penalty!r}: {error}") from error
