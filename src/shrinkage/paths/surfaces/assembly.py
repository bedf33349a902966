"""The result of a surface: what each chosen model's variant says of it, put together.

Who uses this: the fits of surfaces and searches, at their end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, Any

from shrinkage.cautions import CautionKind
from shrinkage.paths.choosing.cross_validation import CrossValidation
from shrinkage.paths.choosing.grid_top import GridSource
from shrinkage.paths.choosing.rules import Choice
from shrinkage.paths.comparing.compare import PeerScores
from shrinkage.paths.results.assembly import assemble
from shrinkage.paths.results.fitted import FittedPath
from shrinkage.paths.results.mean import MEAN
from shrinkage.paths.results.records import ROLES, ChosenModel
from shrinkage.paths.results.refits import Refit
from shrinkage.paths.results.surfaces import Surface, Value
from shrinkage.paths.results.warnings import refit_warnings
from shrinkage.paths.running.plan import Plan
from shrinkage.paths.surfaces.grids import AxisGrid
from shrinkage.paths.surfaces.warnings import surface_warnings

if TYPE_CHECKING:
    from shrinkage.paths.surfaces.fit import Cell

Variants = Mapping[tuple[Value, ...], Plan]


def assemble_surface(
    variants: Variants,
    validation: CrossValidation,
    choice: Choice,
    refits: Mapping[tuple[Value, ...], Refit],
    roles: Mapping[str, Cell],
    surface: Surface,
    sources: Sequence[AxisGrid],
    others: Sequence[PeerScores] = (),
) -> FittedPath:
    """Return the result.

    Args:
        variants: the plan of each combination of values.
        validation: of all cells.
        choice: the chosen cells.
        refits: the models on all training rows, of each variant that has a role.
        roles: the cell of each chosen model.
        surface: where the cells are.
        sources: the grids of the axes of strengths, of each penalty one.
        others: models of other kinds on the same rows.
    """
    made = {
        values: assemble(
            variants[values], validation, choice, refit, GridSource.GIVEN, others=others
        )
        for values, refit in refits.items()
    }
    own = {role: made[roles[role].variant] for role in ROLES}
    base = own["best"]
    if MEAN in base.weights:
        own[MEAN] = base
    names = [axis.name for axis in surface.axes]
    chosen = tuple(
        replace(
            own[role].by_role(role),
            setting=dict(zip(names, roles.get(role, roles["best"]).values, strict=True)),
        )
        for role in own
    )
    weights = {role: path.weights[role] for role, path in own.items()}
    if len(variants) == 1:
        weights = dict(base.weights)  # with refit="all" those of every cell
    plan = variants[roles["best"].variant]
    cautions = tuple(c for c in base.cautions if c.kind is not CautionKind.STRENGTHS_ALIKE)
    result = replace(
        base,
        chosen=chosen,
        weights=weights,
        surface=surface,
        cautions=cautions,
        warnings=(
            *surface_warnings(plan, validation, choice, surface, sources),
            *chain.from_iterable(refit_warnings(refit) for refit in refits.values()),
        ),
        model_file=_model_file(own, weights),
    )
    trained = plan.folds * (len(validation.settings) + len(variants))
    trained += sum(refit.models for refit in refits.values())
    return replace(result, summary=_summary(result, plan, trained, sources))


def _model_file(own: Mapping[str, FittedPath], weights: Mapping[str, Any]) -> Any:
    """Return the file of the best model's, with the architectures of the others."""
    files = {role: path.model_file for role, path in own.items()}
    best = files["best"]
    assert best is not None
    strengths, architectures = dict(best.strengths), {}
    for role, file in files.items():
        assert file is not None
        strengths[role] = file.strengths[role]
        if file.architecture != best.architecture:
            architectures[role] = file.architecture
    strengths = {role: strengths[role] for role in weights}
    return replace(best, strengths=strengths, architectures=architectures)


def _summary(
    result: FittedPath,
    plan: Plan,
    trained: int,
    sources: Sequence[AxisGrid],
) -> dict[str, object]:
    """Return the summary with what a surface adds; `plan` is of the best model's variant."""
    assert result.surface is not None
    varying = plan.problem.terms.varying
    own: dict[str, object] = {
        **result.summary,
        "penalty": " × ".join(repr(term.penalty) for term in varying),
        "model": plan.problem.architecture.name,
        "grid": [str(grid.source) for grid in sources],
        "models_trained": trained,
        "cautions": [caution.to_dict() for caution in result.cautions],
        "surface": result.surface.to_dict(),
    }
    for model in result.chosen:
        own[model.role] = {**_stored(own[model.role], model), "setting": dict(model.setting)}
    return own


def _stored(stored: object, model: ChosenModel) -> dict[str, object]:
    """Return what the summary says of a model, with the numbers of its own variant."""
    assert isinstance(stored, dict)
    interval = model.test_interval
    known = {name: getattr(model, name) for name in stored if name != "test_interval"}
    return {**known, "test_interval": None if interval is None else list(interval)}
