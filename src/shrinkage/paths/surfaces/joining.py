"""The cross validations of all variants, joined along the cells.

Who uses this: the fit of a surface.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from shrinkage.paths.choosing.cross_validation import CrossValidation
from shrinkage.paths.running.outcomes import common_names
from shrinkage.paths.settings import Settings

ALL_WEIGHTS = "nonzero/all weights"


def joined_variants(validations: Sequence[CrossValidation]) -> CrossValidation:
    """Return the cells of all variants one below the other; the first has the unregularized model.

    Where the variants' parameters differ, as those of networks of several shapes do, zeros are
    counted over all weights and no more by layer; where they were trained for different numbers of
    epochs, there are no curves.
    """
    if len(validations) == 1:
        return validations[0]
    first, *others = validations
    layers = [set(own.named("nonzero")) for own in validations]
    alike = all(own == layers[0] for own in layers)
    parts = list(validations) if alike else [_summed(own) for own in validations]
    curves = all(np.array_equal(own.epochs, first.epochs) for own in others)
    names = common_names([own.measures for own in parts])
    joined = CrossValidation(
        _joined_settings([own.settings for own in parts]),
        {name: np.concatenate([own.measures[name] for own in parts]) for name in names},
        {
            name: np.concatenate([own.curves[name] for own in parts])
            for name in (first.curves if curves else ())
        },
        first.epochs if curves else np.array([], dtype=np.int64),
        rounds=first.rounds,
    )
    plain = first.unregularized
    assert plain is not None
    return replace(joined, unregularized=plain if curves else replace(plain, curves={}))


def _joined_settings(parts: Sequence[Settings]) -> Settings:
    """Return all rows; a column that is of several penalties bears the name of none of them."""
    rows = tuple(row for own in parts for row in own.rows)
    names = zip(*(own.columns for own in parts), strict=True)
    columns = (
        own[0] if len(set(own)) == 1 else f"term {place + 1}" for place, own in enumerate(names)
    )
    return Settings(tuple(columns), rows)


def _summed(validation: CrossValidation) -> CrossValidation:
    """Return the same with one count of nonzero weights."""
    measures = {
        name: value
        for name, value in validation.measures.items()
        if not name.startswith(("nonzero/", "norm/"))
    }
    return replace(validation, measures={**measures, ALL_WEIGHTS: validation.total_nonzero})
