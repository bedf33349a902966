"""Which inputs are one group, and which are free: from source columns and a person's wishes.

Who uses this: the plan. Without a wish, the inputs of one source column belong together: the
levels of a category, the parts of a date, a number and its indicator of missing cells.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

from shrinkage.datasets import Preprocessing
from shrinkage.errors import InputError, near_names
from shrinkage.parameters import InputGroups

GroupsOfInputs = Mapping[str, Sequence[str]] | Sequence[Hashable]
"""Names of groups → their columns, or a label for each column of the table, in order."""


def checked_groups(groups: object) -> GroupsOfInputs | None:
    """Return groups as plain values, or say how they are written.

    >>> checked_groups({"body": ["height", "weight"]})
    {'body': ('height', 'weight')}
    """
    if groups is None:
        return None
    if isinstance(groups, Mapping):
        for name, columns in groups.items():
            if isinstance(columns, str) or not isinstance(columns, Sequence) or not columns:
                raise InputError(
                    f"expected the columns of the group {name!r} as a list, got {columns!r}: "
                    'write for example {"body": ["height", "weight"]}'
                )
        return {str(name): tuple(map(str, columns)) for name, columns in groups.items()}
    try:
        labels = () if isinstance(groups, str) else tuple(groups)  # pyright: ignore[reportArgumentType]
    except TypeError:
        labels = ()
    if not labels:
        raise InputError(
            f"expected groups of inputs as names with lists of columns or as a label for each "
            f'column, got {groups!r}: write for example {{"body": ["height", "weight"]}}'
        )
    return tuple(getattr(label, "item", lambda label=label: label)() for label in labels)


def input_groups(
    preprocessing: Preprocessing, groups: GroupsOfInputs | None, free: Sequence[str]
) -> InputGroups | None:
    """Return how the inputs are grouped, None where each is a group and none is free.

    Args:
        preprocessing: says which column each input comes from.
        groups: of a person's own; a column in none of them is a group of its own.
        free: columns whose inputs are not penalised.

    Raises:
        InputError: a column that is no input, in two groups, or too few labels.

    >>> import pandas as pd
    >>> table = pd.DataFrame({"age": [30.0, 34.0], "city": ["Bern", "Basel"]})
    >>> input_groups(Preprocessing.fit(table), None, ()).labels
    (0, 1, 1)
    """
    columns = preprocessing.columns
    for column in free:
        _require_column(column, columns, "free")
    label_of = _labels(columns, groups)
    sources = preprocessing.source_columns
    labels = tuple(label_of[place] for place in sources)
    free_units = tuple(unit for unit, place in enumerate(sources) if columns[place] in set(free))
    if len(set(labels)) == len(labels) and not free_units:
        return None
    return InputGroups(labels, free_units)


def _labels(columns: Sequence[str], groups: GroupsOfInputs | None) -> list[Hashable]:
    """Return the label of each column."""
    labels: list[Hashable] = list(range(len(columns)))
    if groups is None:
        return labels
    if not isinstance(groups, Mapping):
        if len(groups) != len(columns):
            raise InputError(
                f"expected a label for each of the {len(columns)} input columns, got "
                f"{len(groups)}: give names of groups with their columns instead"
            )
        return [("label", label) for label in groups]
    place_of = {column: place for place, column in enumerate(columns)}
    for name, members in groups.items():
        for column in members:
            _require_column(column, columns, f"in the group {name!r}")
            place = place_of[column]
            if labels[place] not in (place, ("group", name)):
                raise InputError(
                    f"expected each column in one group, got {column!r} in two: leave it in one"
                )
            labels[place] = ("group", name)
    return labels


def _require_column(column: str, columns: Sequence[str], what: str) -> None:
    if column not in columns:
        hint = near_names(column, columns) or "name a column that is an input"
        raise InputError(f"expected an input column to be {what}, got {column!r}: {hint}")
