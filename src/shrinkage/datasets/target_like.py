"""The target of further rows, read as the training target was: own validation and test sets.

Who uses this: every loader, when a data set goes with one that was read before. Labels are those
of training however they are spelled here, and a set may hold only some of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa

from shrinkage.datasets.cell_rules import CellRule
from shrinkage.datasets.cells import Locate, level_text, plain_row, text_cells
from shrinkage.datasets.column_readings import ColumnRole
from shrinkage.datasets.column_specs import ColumnKind, ColumnSpec
from shrinkage.datasets.columns import judge_column
from shrinkage.datasets.decide_target import read_as_numbers
from shrinkage.datasets.judging.missing_words import plain_word
from shrinkage.datasets.read_target import (
    NOTHING_SAID,
    Target,
    present_rows,
    read_target,
    require_finite_targets,
    summarized,
)
from shrinkage.datasets.roles import Roles
from shrinkage.datasets.target_cells import (
    PLAIN_NUMBERS,
    TargetCells,
    read_texts,
    target_cells,
)
from shrinkage.datasets.targets import plain_label
from shrinkage.datasets.wording import listed
from shrinkage.errors import InputError
from shrinkage.target_reading import TargetReading


def target_of(values: object, name: str, roles: Roles, locate: Locate = plain_row) -> Target:
    """Read a target as the roles say: like that of training, or by itself.

    Args:
        values: (n,) raw targets: text of a file as an Arrow column, or anything with types.
        name: the target's name.
        roles: the task, what to do about missing targets, the reading of training.
        locate: words for a row.

    >>> target_of([0, 1, 1], "y", Roles(task="regression")).y
    array([0., 1., 1.])
    """
    written, cells = False, values
    if isinstance(values, pa.ChunkedArray):
        written, cells = True, pd.Series(text_cells(values).to_numpy(), dtype=object)
    spec = roles.specs.get(name, NOTHING_SAID)
    told = {"missing": roles.missing_target, "locate": locate, "written": written, "spec": spec}
    if roles.like is not None:
        rule = roles.rules.get(name, PLAIN_NUMBERS)
        return read_target_like(cells, replace(roles.like, name=name), rule=rule, **told)
    return read_target(cells, name, task=roles.task, constant=roles.of_several, **told)


def table_target_of(values: object, name: str, roles: Roles, locate: Locate = plain_row) -> Target:
    """Read the target of a table as `target_of`, with how its cells were read.

    >>> table_target_of(pd.Series([0.5, 1.5]), "y", Roles(target="y")).column.kind.value
    'numeric'
    """
    target = target_of(values, name, roles, locate)
    spec = roles.specs.get(name, NOTHING_SAID)
    if target.reading.task == "classification":
        spec = replace(spec, kind=ColumnKind.CATEGORY, order=())
    try:
        column = judge_column(name, values, spec, locate=locate).reading
    except InputError:  # words among its numbers, whose rows are dropped
        column = judge_column(name, values, ColumnSpec(kind=ColumnKind.CATEGORY)).reading
    if target.y.dtype.kind in "iu":  # 1.0 is the label 1
        pairs = zip(map(level_text, target.reading.classes), target.reading.counts, strict=True)
        column = replace(column, counts=tuple(sorted(pairs, key=lambda pair: -pair[1])))
    return replace(target, column=replace(column, role=ColumnRole.TARGET))


def read_target_like(
    values: object,
    like: TargetReading,
    *,
    missing: str = "refuse",
    locate: Locate = plain_row,
    written: bool = False,
    rule: CellRule = PLAIN_NUMBERS,
    spec: ColumnSpec = NOTHING_SAID,
) -> Target:
    """Read the target of rows that go with training rows.

    Args:
        values: (n,) raw targets.
        like: what was decided about the training rows.
        missing: as in `read_target`.
        locate: words for a row.
        written: whether the cells are text of a file.
        rule: how the numbers of the training target were read.
        spec: what a person said about the column.

    Raises:
        InputError: a label that the training rows lack; a missing or infinite target.

    >>> from shrinkage.datasets.read_target import read_target
    >>> like = read_target([0, 1, 0, 1]).reading
    >>> read_target_like(["1", "1.0"], like, written=True).y
    array([1, 1])
    >>> like = read_target(["no", "yes"]).reading
    >>> read_target_like(["Yes.", "no"], like).y.tolist()
    ['yes', 'no']
    """
    cells = target_cells(values, like.name, written=written, missing_words=spec.missing)
    raw, respelled = cells.values, ()
    if like.task == "regression":
        cells = read_as_numbers(cells, like.name, missing, locate, rule)
        keep = present_rows(cells, raw, like.name, missing, locate)
        require_finite_targets(cells, like.name, locate)
        y = cells.values[keep].astype(np.float64)
    else:
        texts = np.array(_texts(cells, like), dtype=object)
        known = {level_text(label): label for label in like.classes}
        texts, respelled = _as_known(texts, known)
        absent = cells.missing | (cells.perhaps & ~np.isin(texts, list(known)))
        cells = TargetCells(raw, absent, cells.perhaps, written=written)
        keep = present_rows(cells, raw, like.name, missing, locate)
        _require_known(texts, keep, raw, known, like.name, locate)
        kind = object if any(isinstance(label, str) for label in like.classes) else None
        y = np.array([known[text] for text in texts[keep]], dtype=kind)
    reading = summarized(y, like.name, like.task == "regression", like.why, cells)
    reading = replace(reading, respelled=respelled)
    return Target(y, reading, None if keep.all() else np.flatnonzero(keep))


def _texts(cells: TargetCells, like: TargetReading) -> list[str]:
    """Return each label as the text of a label of training is."""
    if not cells.is_text or any(isinstance(label, str) for label in like.classes):
        return [level_text(plain_label(value)) for value in cells.values]
    read = read_texts(cells.values)
    return [
        text if np.isnan(number) else level_text(float(number))
        for text, number in zip(cells.values, read, strict=True)
    ]


def _as_known(
    texts: np.ndarray, known: Mapping[str, object]
) -> tuple[np.ndarray, tuple[tuple[str, str], ...]]:
    """Return labels as training spells them, and which were spelled otherwise, with what they are.

    A label that training lacks is one of it where case, blanks or a mark behind it are all that
    differs, and no two of training differ so.
    """
    by_core: dict[str, list[str]] = {}
    for text in known:
        by_core.setdefault(_core(text), []).append(text)
    pairs = {
        text: by_core[_core(text)][0]
        for text in dict.fromkeys(texts)
        if text not in known and len(by_core.get(_core(text), ())) == 1
    }
    if not pairs:
        return texts, ()
    return np.array([pairs.get(text, text) for text in texts], dtype=object), tuple(pairs.items())


def _core(text: str) -> str:
    return plain_word(text).rstrip(" .,;:")


def _require_known(
    texts: np.ndarray,
    keep: np.ndarray,
    raw: np.ndarray,
    known: Mapping[str, object],
    name: str,
    locate: Locate,
) -> None:
    unknown = next((row for row in np.flatnonzero(keep) if texts[row] not in known), None)
    if unknown is not None:
        raise InputError(
            f"target {name!r}, {locate(int(unknown))}: expected labels that occur in the training "
            f"rows ({listed(known.values())}), got {plain_label(raw[unknown])!r}: remove those "
            "rows, or train with that class"
        )
