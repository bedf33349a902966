"""Groups of inputs brought to the layer that reads them, and what is said where none does.

Who uses this: `make_plan`, before anything trains.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from shrinkage.datasets import Preprocessing
from shrinkage.datasets.column_specs import ColumnSpec
from shrinkage.errors import InputError
from shrinkage.parameters import InputGroups, ParameterInfo
from shrinkage.paths.engines.input_layer import first_weight, grouped
from shrinkage.paths.options import PathOptions
from shrinkage.paths.running.input_groups import input_groups
from shrinkage.paths.running.preparation import Preparation
from shrinkage.selections import select
from shrinkage.terms import Term, penalty_on


@dataclass(frozen=True)
class PlannedInputs:
    """The parameters of the model, the first layer with its groups, and what to tell."""

    infos: tuple[ParameterInfo, ...]
    warnings: tuple[str, ...] = ()


def plan_inputs(
    preparation: Preparation,
    infos: tuple[ParameterInfo, ...],
    terms: Iterable[Term],
    options: PathOptions,
) -> PlannedInputs:
    """Return the parameters with groups of inputs.

    Args:
        preparation: of the rows, with what was said about their columns.
        infos: the parameters of the model.
        terms: of the path.
        options: with groups and free columns.

    Raises:
        InputError: groups or free columns that have nothing to act on.
    """
    preprocessing, specs = preparation.preprocessing, preparation.data.specs
    said = {name: spec for name, spec in specs.items() if name in preprocessing.columns}
    free = (*options.free, *(name for name, spec in said.items() if spec.free))
    groups = input_groups(preprocessing, options.groups_of_inputs or _groups_said(said), free)
    if groups is None:
        return PlannedInputs(infos)
    name = first_weight(infos, preprocessing.n_inputs)
    asked = options.groups_of_inputs is not None or bool(free)
    if not name:
        if asked:
            raise InputError(
                "expected a model whose first layer is torch.nn.Linear over the inputs for free "
                "inputs or groups of inputs, got another one: leave them out, or use mlp:64,32"
            )
        return PlannedInputs(infos, _unreachable(infos, terms, preprocessing))
    with_groups = grouped(infos, name, groups)
    (first,) = (info for info in with_groups if info.name == name)
    on_it = [term for term in terms if first in select(term.selection, with_groups)]
    if options.groups_of_inputs is not None and not _matter(first, on_it):
        raise InputError(
            "expected a penalty with one group for each input beside groups of inputs, got none "
            "on the first layer: use group-lasso with --per input, or leave the groups out"
        )
    if free and not on_it:
        raise InputError(
            f"expected a term on {name} to leave out {', '.join(free)}, got none: leave "
            "out --free, or let a term reach that layer"
        )
    return PlannedInputs(with_groups)


def _groups_said(said: Mapping[str, ColumnSpec]) -> dict[str, tuple[str, ...]] | None:
    """Return the groups that a `columns.toml` names, with their columns."""
    groups: dict[str, list[str]] = {}
    for name, spec in said.items():
        if spec.group is not None:
            groups.setdefault(spec.group, []).append(name)
    return {group: tuple(names) for group, names in groups.items()} or None


def _matter(first: ParameterInfo, terms: Iterable[Term]) -> bool:
    """Return whether the groups make a difference to some term."""
    assert first.input_groups is not None
    apart = InputGroups(tuple(range(first.shape[1])), first.input_groups.free)
    alone = replace(first, input_groups=apart)
    return not first.input_groups.any_together or any(
        penalty_on(term.penalty, first) != penalty_on(term.penalty, alone) for term in terms
    )


def _unreachable(
    infos: tuple[ParameterInfo, ...], terms: Iterable[Term], preprocessing: Preprocessing
) -> tuple[str, ...]:
    """Return a warning where a penalty groups by inputs that no known layer reads."""
    count = preprocessing.n_inputs
    labels = InputGroups((0,) * count)
    probe = ParameterInfo("inputs", (1, count), input_axis=1, output_axis=0, input_groups=labels)
    alone = replace(probe, input_groups=None)
    grouping = any(
        penalty_on(term.penalty, probe) != penalty_on(term.penalty, alone) for term in terms
    )
    if not grouping or not infos:
        return ()
    return (
        "the inputs of one column are penalised one by one, since the first layer of the model is "
        "not torch.nn.Linear over the inputs",
    )
