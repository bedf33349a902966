"""NPZ files with training and test rows apart, as Keras keeps MNIST."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse

from shrinkage import L1, fit_path
from shrinkage.datasets import load_dataset, read_rows
from shrinkage.paths import PathOptions
from shrinkage.run import fit_dataset

random = np.random.default_rng(0)
PICTURES = random.integers(0, 256, (40, 4, 4), dtype=np.uint8)
NUMBERS = random.normal(size=(40, 3))
LABELS = (np.arange(40) % 3).astype(np.uint8)


def parts(X: np.ndarray, y: np.ndarray, letter: str = "x") -> dict[str, Any]:
    named = {"train": slice(0, 30), "test": slice(30, 40)}
    inputs = {f"{letter}_{part}": X[rows] for part, rows in named.items()}
    return inputs | {f"y_{part}": y[rows] for part, rows in named.items()}


@pytest.mark.parametrize("letter", ["x", "X"])
@pytest.mark.parametrize("column", [False, True], ids=["(n,)", "(n, 1)"])
@pytest.mark.parametrize("X", [PICTURES, NUMBERS], ids=["pictures", "numbers"])
def test_training_and_test_rows(tmp_path, X, column, letter):
    y = LABELS[:, None] if column else LABELS
    np.savez(tmp_path / "t.npz", **parts(X, y, letter))
    data = load_dataset(tmp_path / "t.npz")
    assert data.y.tolist() == LABELS[:30].tolist()
    assert data.image_shape == (X.shape[1:] if X.ndim > 2 else None)
    assert data.test is not None
    rows, labels = data.test
    assert np.array_equal(rows, X[30:].reshape(10, -1))
    assert labels.tolist() == LABELS[30:].tolist()
    assert f"{letter}_train and y_train train, {letter}_test and y_test test" in data.notes
    assert np.array_equal(np.asarray(read_rows(tmp_path / "t.npz")).reshape(10, -1), rows)


def test_a_path_tests_on_the_test_rows(tmp_path):
    words = np.array(["no", "yes"])[(NUMBERS[:, 0] > 0).astype(int)]
    np.savez(tmp_path / "t.npz", **parts(NUMBERS, words))
    run = fit_path(
        *("linear", NUMBERS[:30], words[:30]),
        test=(NUMBERS[30:], words[30:]),
        strengths=(1e-3, 1e-2),
        folds=2,
        repeats=1,
    )
    options = PathOptions(strengths=(1e-3, 1e-2), folds=2, repeats=1)
    from_file = fit_dataset(
        "linear", load_dataset(tmp_path / "t.npz"), penalty=L1(), options=options
    )
    assert from_file.best.test_score == run.best.test_score


@pytest.mark.parametrize(
    ("change", "pieces"),
    [
        ({"x_test": PICTURES[30:, :3]}, ["(10, 4, 4)", "(10, 3, 4)"]),
        ({"y_test": LABELS[31:]}, ["y_test of shape (10,)", "(9,)"]),
        ({"y_test": LABELS[30:] + 7}, ["'y_test'", "7"]),
    ],
)
def test_parts_that_do_not_belong_together_are_refused(tmp_path, refused, change, pieces):
    np.savez(tmp_path / "t.npz", **(parts(PICTURES, LABELS) | change))
    with refused("'t.npz'", *pieces):
        load_dataset(tmp_path / "t.npz")


def test_training_rows_alone_and_other_names(tmp_path, refused):
    both = parts(NUMBERS, LABELS)
    np.savez(tmp_path / "t.npz", x_train=both["x_train"], y_train=both["y_train"])
    data = load_dataset(tmp_path / "t.npz")
    assert data.test is None
    assert len(data.y) == 30
    np.savez(tmp_path / "t.npz", x_train=both["x_train"])
    with refused("array 'X' (inputs)"):
        load_dataset(tmp_path / "t.npz")


def test_a_sparse_matrix_is_refused_with_what_to_do(tmp_path, refused):
    scipy.sparse.save_npz(tmp_path / "t.npz", scipy.sparse.eye_array(3, format="csr"))
    for read in (load_dataset, read_rows):
        with refused("'t.npz'", "sparse matrix of SciPy", "toarray()"):
            read(tmp_path / "t.npz")
