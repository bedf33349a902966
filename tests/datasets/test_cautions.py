"""Cautions about rows: raised where they are due, and silent on ordinary tables."""

from __future__ import annotations

import numpy as np
import pytest

from shrinkage.cautions import CautionKind
from shrinkage.datasets import load_dataset, make_folds
from shrinkage.datasets.cautions import data_cautions, rare_classes, unlearned_classes


@pytest.mark.parametrize("name", ["wine", "breast-cancer", "diabetes", "digits"])
def test_ordinary_tables_raise_none(name):
    data = load_dataset(name)
    folds = make_folds(data.y, data.task, None, 5)
    assert data_cautions(data, folds) == ()


def test_rare_classes_are_named_with_their_rows():
    y = np.array([0] * 20 + [1] * 20 + [7] * 2 + [9], dtype=np.int64)
    rows = np.arange(len(y))
    folds = [(np.setdiff1d(rows, rows[k::5]), rows[k::5]) for k in range(5)]
    (caution,) = rare_classes(y, folds)
    assert caution.kind is CautionKind.RARE_CLASSES
    assert caution.facts == {"classes": [7, 9], "rows": [2, 1], "folds": 5}
    (lost,) = unlearned_classes(y, folds)
    assert lost.facts == {"classes": [9], "folds": [3]}


def test_one_validation_set_has_no_folds_to_be_rare_in():
    y = np.array(["a", "a", "b"], dtype=object)
    assert rare_classes(y, [(np.array([0, 2]), np.array([1]))]) == ()
