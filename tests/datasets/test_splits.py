"""Test rows and folds: complete, disjoint, stratified, groups whole, errors by name."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.model_selection import train_test_split

from shrinkage.datasets import (
    dataset_from_arrays,
    describe_split,
    load_dataset,
    make_folds,
    split_test,
)
from shrinkage.errors import InputError


def grouped(task: str = "classification", seed: int = 0):
    draw = np.random.default_rng(seed)
    groups = np.repeat(np.arange(24), draw.integers(3, 9, 24))
    y = groups % 4 if task == "classification" else draw.normal(size=len(groups))
    return dataset_from_arrays(draw.normal(size=(len(y), 3)), y, groups=groups, group_name="plot")


def test_random_test_rows_are_stratified_and_repeatable():
    data = load_dataset("wine")
    train, test = split_test(data, 0.2, seed=3)
    assert sorted([*train, *test]) == list(range(178))
    share = np.bincount(data.y[test]) / np.bincount(data.y)
    np.testing.assert_allclose(share, 0.2, atol=0.02)
    assert np.array_equal(split_test(data, 0.2, seed=3)[1], test)
    assert not np.array_equal(split_test(data, 0.2, seed=4)[1], test)


def test_own_test_set_leaves_all_rows_for_training(idx_folder):
    train, test = split_test(load_dataset(idx_folder))
    assert train.tolist() == list(range(6))
    assert len(test) == 0


@pytest.mark.parametrize("task", ["classification", "regression"])
@pytest.mark.parametrize("seed", range(5))
def test_groups_are_whole(task, seed):
    data = grouped(task, seed)
    assert data.task == task
    train, test = split_test(data, 0.25, seed)
    assert sorted([*train, *test]) == list(range(data.n_samples))
    assert not set(data.groups[train]) & set(data.groups[test])
    assert 0.1 < len(test) / data.n_samples < 0.4
    if task == "classification":
        assert set(data.y[train]) == set(data.y)
    y, groups = data.y[train], data.groups[train]
    folds = make_folds(y, task, groups, 3, seed)
    assert sorted(np.concatenate([held for _, held in folds])) == list(range(len(y)))
    for fit, held in folds:
        assert sorted([*fit, *held]) == list(range(len(y)))
        assert not set(groups[fit]) & set(groups[held])


def test_every_class_stays_in_training_where_possible():
    y = np.array(["a"] * 40 + ["b"] * 20 + ["rare"] * 12)
    groups = np.array([i // 4 for i in range(60)] + [90] * 12)
    data = dataset_from_arrays(np.arange(72.0).reshape(-1, 1), y, groups=groups)
    for seed in range(20):
        train, test = split_test(data, 0.25, seed)
        assert "rare" in data.y[train]
        assert set(data.y[test]) == {"a", "b"}


def test_mice_by_mouse(shared_data):
    path = shared_data / "mice" / "Data_Cortex_Nuclear.csv"
    data = load_dataset(
        path, target="class", drop=["Genotype", "Treatment", "Behavior"], split_by="MouseID"
    )
    for seed in range(3):
        train, test = split_test(data, 0.2, seed)
        assert not set(data.groups[train]) & set(data.groups[test])
        assert set(data.y[train]) == set(data.y[test]) == set(data.y)
        for fit, held in make_folds(data.y[train], data.task, data.groups[train], 5, seed):
            assert not set(data.groups[train][fit]) & set(data.groups[train][held])


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_random_folds(task):
    y = np.random.default_rng(0).permutation(np.repeat([0.0, 1.0, 2.0], [50, 30, 20]))
    folds = make_folds(y, task, None, 5, seed=1)
    assert sorted(np.concatenate([held for _, held in folds])) == list(range(100))
    for fit, held in folds:
        assert sorted([*fit, *held]) == list(range(100))
        if task == "classification":
            assert np.bincount(y[held].astype(int)).tolist() == [10, 6, 4]
    again = make_folds(y, task, None, 5, seed=1)
    assert all(np.array_equal(a[1], b[1]) for a, b in zip(folds, again, strict=True))
    other = make_folds(y, task, None, 5, seed=2)
    assert not all(np.array_equal(a[1], b[1]) for a, b in zip(folds, other, strict=True))


CLASSES = np.array(["a"] * 10 + ["b & c"] * 3, dtype=object)


@pytest.mark.parametrize(
    ("y", "task", "groups", "folds", "pieces"),
    [
        (CLASSES, "classification", None, 1, ["folds", "at least 2", "got 1"]),
        (CLASSES, "classification", None, 2.5, ["folds", "at least 2", "got 2.5"]),
        (CLASSES, "classification", None, 14, ["14 folds for 13 rows"]),
        (CLASSES, "classification", np.arange(13) // 7, 3, ["3 groups", "got 2"]),
        (np.arange(6.0), "regression", np.arange(6) // 3, 3, ["3 groups", "got 2"]),
    ],
)
def test_bad_folds(refused, y, task, groups, folds, pieces):
    with refused(*pieces):
        make_folds(y, task, None if groups is None else np.asarray(groups), folds)


def test_bad_test_splits(refused):
    data = dataset_from_arrays(np.eye(4), ["a", "b", "c", "d"])
    with refused("several rows share", "every row"):
        split_test(data)
    with refused("above 0 and below 1", "1.5"):
        split_test(data, 1.5)
    one = dataset_from_arrays(np.eye(4), ["a", "a", "b", "b"], groups=[1, 1, 1, 1])
    with refused("2 groups", "got 1"):
        split_test(one)
    two = dataset_from_arrays(np.eye(4), [0.1, 0.2, 0.3, 0.4], groups=[1, 1, 2, 2])
    assert len(split_test(two, 0.1)[1]) == 2


def test_rare_classes_are_spread_as_far_as_they_go():
    y = np.repeat([0, 1, 2, 3], [40, 30, 3, 1])
    data = dataset_from_arrays(np.arange(74.0)[:, None], y)
    for seed in range(5):
        train, test = split_test(data, 0.2, seed)
        assert sorted([*train, *test]) == list(range(74))
        assert set(y[train]) == {0, 1, 2, 3}
        assert np.bincount(y[test])[:2].tolist() == [8, 6]
        folds = make_folds(y[train], "classification", None, 5, seed)
        held = [np.bincount(y[train][rows], minlength=4) for _, rows in folds]
        assert np.sum(held, axis=0).tolist() == [*np.bincount(y[train])[:3], 0]
        assert np.max(held, axis=0)[2:].tolist() == [1, 0]
        assert all(set(y[train][rows]) == {0, 1, 2, 3} for rows, _ in folds)


def test_every_class_rarer_than_the_folds():
    y = np.array(["a"] * 3 + ["b"] * 3 + ["c"] * 2, dtype=object)
    folds = make_folds(y, "classification", None, 4)
    assert sorted(np.concatenate([rows for _, rows in folds])) == list(range(8))
    assert all(len(set(y[rows])) == 2 for _, rows in folds)
    train, test = split_test(dataset_from_arrays(np.eye(8), y), 0.25)
    assert set(y[train]) == {"a", "b", "c"}
    assert len(test) == 2


def test_more_classes_than_test_rows():
    y = np.repeat(np.arange(9), [20, *[2] * 8])
    train, test = split_test(
        dataset_from_arrays(np.arange(36.0)[:, None], y, task="classification"), 0.1
    )
    assert set(y[train]) == set(range(9))
    assert 2 <= len(test) <= 4


def test_a_class_of_one_group_stays_in_training():
    y = np.array(["a", "b"] * 10 + ["rare"] * 2, dtype=object)
    groups = np.array([*np.arange(20) // 4, 9, 9])
    data = dataset_from_arrays(np.arange(22.0)[:, None], y, groups=groups)
    for seed in range(6):
        train, test = split_test(data, 0.3, seed)
        assert "rare" in y[train]
        assert "rare" not in y[test]
        assert len(test)


def test_sentences(idx_folder):
    assert describe_split(grouped(), 5) == (
        "whole groups of plot kept together: no group is in both training and validation or test"
    )
    assert describe_split(load_dataset("diabetes"), 5) == (
        "rows split at random into training and test and 5 folds"
    )
    assert describe_split(load_dataset(idx_folder), 5) == (
        "rows split at random, stratified by class, into 5 folds; "
        "the test set is the data set's own"
    )
    counted = dataset_from_arrays(np.eye(3), [0, 1, 0], groups=["m_1", "m_2", "n_1"])
    assert describe_split(counted).endswith("2 groups, such as m for m_1")


def test_test_rows_of_numbers_are_those_of_scikit_learn():
    y = np.random.default_rng(0).normal(size=53)
    data = dataset_from_arrays(y[:, None], y)
    peer = train_test_split(np.arange(53), test_size=0.3, random_state=4)
    for own, theirs in zip(split_test(data, 0.3, 4), peer, strict=True):
        np.testing.assert_array_equal(own, np.sort(theirs))


@pytest.mark.parametrize(
    ("count", "way_out"), [(1, "split by a column with more groups"), (2, "use fewer folds")]
)
def test_too_few_groups_are_counted_among_the_rows_to_train_on(count: int, way_out: str) -> None:
    groups = np.arange(20) % count
    with pytest.raises(InputError, match=f"rows to train on for 5 folds, got {count}: {way_out}"):
        make_folds(np.arange(20.0), "regression", groups, 5, 0)
