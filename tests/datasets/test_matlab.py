"""MATLAB files: matrices by name, sparse ones, words in cells, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.io import savemat
from scipy.sparse import csc_matrix

from shrinkage.datasets import load_dataset, read_rows

X = np.random.default_rng(0).normal(size=(12, 4))
LABELS = np.repeat([1, 2, 3], 4)


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("version", ["4", "5"])
@pytest.mark.parametrize("target", ["y", "Y"])
def test_matrices_by_name(tmp_path, target, version, compressed):
    arrays = {"X": X, target: LABELS[:, None].astype(float), "more": np.eye(2)}
    savemat(tmp_path / "t.mat", arrays, format=version, do_compression=compressed)
    data = load_dataset(tmp_path / "t.mat")
    assert data.task == "classification"
    assert data.y.tolist() == LABELS.tolist()
    assert data.target_name == target
    assert np.array_equal(data.columns.numbers(np.arange(12), data.input_names), X)
    assert any("not read: more" in note for note in data.notes)
    assert np.array_equal(read_rows(tmp_path / "t.mat"), X)


def test_sparse_inputs_and_words_in_cells(tmp_path):
    words = np.array([[word] for word in ("case", "control") * 6], dtype=object)
    savemat(tmp_path / "t.mat", {"X": csc_matrix(np.round(X)), "kind": words, "s": {"a": 1}})
    data = load_dataset(tmp_path / "t.mat", target="kind")
    assert data.y.tolist() == words.ravel().tolist()
    assert np.array_equal(data.columns.numbers(np.arange(12), data.input_names), np.round(X))


def test_what_cannot_be_read_is_refused(tmp_path, refused):
    path = tmp_path / "t.mat"
    path.write_bytes(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(512, b" ") + b"\x89HDF\r\n")
    with refused("'t.mat'", "version 7.3", "-v7"):
        load_dataset(path)
    savemat(path, {"X": X, "y": LABELS})
    path.write_bytes(path.read_bytes()[:300])
    with refused("'t.mat'", "damaged", "save it again"):
        load_dataset(path)
    path.write_bytes(b"MATLAB 5.0 MAT-file")
    with refused("'t.mat'", "damaged", "save it again"):
        load_dataset(path)
    savemat(path, {"data": X, "y": LABELS})
    with refused("'t.mat'", "array 'X' (inputs)", "got 'data', 'y'"):
        load_dataset(path)
    savemat(path, {"X": X, "labels": LABELS})
    with refused("'t.mat'", "array 'y' (target)"):
        load_dataset(path)
