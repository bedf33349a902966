"""Several targets, some of which have one value in all rows, as pixels of masks have."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from shrinkage.datasets.formats.arrays import dataset_from_arrays

X = np.random.default_rng(0).normal(size=(40, 3))
MASKS = (X > 0).astype(int)


@pytest.mark.parametrize("value", [0, 1])
@pytest.mark.parametrize("kind", [int, float, bool])
def test_a_constant_label_among_several(value, kind) -> None:
    masks = MASKS.copy()
    masks[:, 1] = value
    data = dataset_from_arrays(X, masks.astype(kind))
    assert data.task == "multi-label"
    assert np.array_equal(data.y, masks)


@pytest.mark.parametrize(("word", "value"), [("no", 0), ("yes", 1)])
def test_a_constant_word_among_several(word, value) -> None:
    words = pd.DataFrame(np.where(MASKS, "yes", "no"), columns=["a", "b", "c"])
    data = dataset_from_arrays(X, words.assign(b=word))
    assert data.task == "multi-label"
    assert set(data.y[:, 1].tolist()) == {value}
    assert np.array_equal(data.y[:, [0, 2]], MASKS[:, [0, 2]])


def test_a_constant_number_among_several() -> None:
    data = dataset_from_arrays(X, X * [1.0, 0.0, 1.0])
    assert data.task == "regression"
    assert np.array_equal(data.y, X * [1.0, 0.0, 1.0])


def test_further_rows_may_have_what_training_had_constant() -> None:
    masks = MASKS.copy()
    masks[:, 1] = 0
    like = dataset_from_arrays(X, masks).target
    assert np.array_equal(dataset_from_arrays(X[:9], masks[:9], like=like).y, masks[:9])


def test_targets_that_are_all_constant_are_refused(refused) -> None:
    with refused("at least two different values", "choose other targets"):
        dataset_from_arrays(X, np.zeros((40, 3)))
    with refused("at least two different values"):
        dataset_from_arrays(X, np.zeros((40, 1)))
