"""Scores that cannot choose are said to be such, with what can."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from shrinkage import fit_path
from shrinkage.cautions import CautionKind
from shrinkage.datasets import TargetEncoding
from shrinkage.errors import InputError
from shrinkage.paths.choosing.scores import Scorer

X = np.random.default_rng(0).normal(size=(120, 3))
QUICK = {"strengths": (0.02, 0.1), "folds": 3, "progress": False}


@pytest.mark.parametrize(
    ("options", "said"),
    [({}, True), ({"choose_by": "loss"}, False), ({"scorer": "average_precision"}, False)],
    ids=str,
)
def test_that_one_class_holds_nearly_all_rows_is_said_where_accuracy_chooses(
    options: dict[str, Any], said: bool
) -> None:
    y = np.zeros(120, dtype=int)
    y[X[:, 0].argsort()[-5:]] = 1
    result = fit_path("linear", X, y, **QUICK, **options)
    assert (CautionKind.UNEQUAL_CLASSES in {caution.kind for caution in result.cautions}) == said


def test_a_scorer_for_numbers_is_named_where_one_for_classes_was() -> None:
    with pytest.raises(InputError, match=r"cannot score this regression.*for example r2"):
        Scorer("accuracy").check(TargetEncoding("regression"))


def test_a_cell_far_beyond_all_others_makes_losses_infinite_and_no_warning() -> None:
    far = X.copy()
    far[4, 1] = 1e30
    result = fit_path("mlp:4", far, X[:, 0], **QUICK, epochs=20, test_size=0.0)
    assert not np.isfinite(result.validation_loss).all()
