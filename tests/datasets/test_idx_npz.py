"""IDX folders and NPZ files."""

from __future__ import annotations

import gzip

import numpy as np
import pytest

from shrinkage.datasets import load_dataset, read_rows


def test_mnist(shared_data):
    data = load_dataset(shared_data / "mnist")
    assert data.X.shape == (60_000, 784)
    assert data.X.dtype == np.uint8
    assert data.pixels
    assert (data.name, data.task, data.image_shape) == ("mnist", "classification", (28, 28))
    assert data.y[:5].tolist() == [5, 0, 4, 1, 9]
    assert np.bincount(data.y).tolist() == [
        5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949,
    ]  # fmt: skip
    assert data.X.mean() == pytest.approx(33.3184, abs=1e-4)
    X_test, y_test = data.test
    assert X_test.shape == (10_000, 784)
    assert y_test[:5].tolist() == [7, 2, 1, 0, 4]
    assert np.array_equal(read_rows(shared_data / "mnist"), X_test)


def test_folder_with_and_without_test_and_compressed(idx_folder):
    both = load_dataset(idx_folder)
    assert both.image_shape == (2, 3)
    assert both.test[1].tolist() == [0, 1, 0, 1]
    for file in list(idx_folder.iterdir()):
        content = file.read_bytes()
        file.unlink()
        if "t10k" not in file.name:
            dotted = file.name.replace("-idx", ".idx")
            (idx_folder / f"{dotted}.gz").write_bytes(gzip.compress(content))
    alone = load_dataset(idx_folder)
    assert np.array_equal(alone.X, both.X)
    assert alone.test is None
    assert np.array_equal(read_rows(idx_folder), both.X)


IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"


@pytest.mark.parametrize(
    ("file", "change", "pieces"),
    [
        (IMAGES, lambda b: b"\0\0\x08\x01" + b[4:], [IMAGES, "magic number 2051", "2049"]),
        (LABELS, lambda b: b"\0\0\x0d\x01" + b[4:], [LABELS, "magic number 2049", "3329"]),
        (IMAGES, lambda b: b[:-1], [IMAGES, "51 of 52 bytes"]),
        (IMAGES, lambda b: b[:10], [IMAGES, "10 of 16 bytes"]),
        (IMAGES, lambda b: b[:3], [IMAGES, "3 bytes"]),
        (IMAGES, lambda b: b + b"x", [IMAGES, "52 bytes", "53"]),
        (LABELS, lambda b: b[:4] + b"\0\0\0\x05" + b[8:-1], ["6 images", "5 labels"]),
        (LABELS, None, ["train-labels-idx1-ubyte", "pictures"]),
        (IMAGES, None, ["train-images-idx3-ubyte", "pictures"]),
        ("t10k-labels-idx1-ubyte", None, ["t10k-labels-idx1-ubyte"]),
        ("t10k-labels-idx1-ubyte", lambda b: b[:-1] + b"\x07", ["test labels", "7"]),
    ],
)
def test_bad_idx(idx_folder, refused, file, change, pieces):
    path = idx_folder / file
    content = path.read_bytes()
    path.unlink()
    if change is not None:
        path.write_bytes(change(content))
    with refused(*pieces):
        load_dataset(idx_folder)


def test_bad_compressed_idx(idx_folder, refused):
    whole = gzip.compress((idx_folder / IMAGES).read_bytes())
    (idx_folder / IMAGES).unlink()
    (idx_folder / f"{IMAGES}.gz").write_bytes(whole[:-12])
    with refused("ends early"):
        load_dataset(idx_folder)
    (idx_folder / f"{IMAGES}.gz").write_bytes(b"not gzip at all")
    with refused("readable", "BadGzipFile"):
        load_dataset(idx_folder)


def test_other_folders_and_roles(tmp_path, idx_folder, refused):
    (tmp_path / "empty").mkdir()
    with refused("train-images-idx3-ubyte", "nothing"):
        load_dataset(tmp_path / "empty")
    with refused("no target", "'pictures'"):
        load_dataset(idx_folder, target="label")


def save(path, **arrays):
    np.savez(path, **arrays)
    return path


def test_npz(tmp_path):
    X = np.array([[1.0, np.nan], [2.0, 5.0], [3.0, 6.0]])
    path = save(
        tmp_path / "a.npz", X=X, y=np.array([["b"], ["a"], ["b"]]), groups=[7, 7, 8],
        sample_weight=[1, 2, 3],
    )  # fmt: skip
    data = load_dataset(path)
    assert np.array_equal(data.X, X, equal_nan=True)
    assert data.y.tolist() == ["b", "a", "b"]
    assert data.groups.tolist() == [0, 0, 1]
    assert data.sample_weight.tolist() == [1, 2, 3]
    assert data.input_names == ("x0", "x1")
    assert np.array_equal(read_rows(path), X, equal_nan=True)


def test_npz_pictures(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (4, 2, 3)).astype(np.uint8)
    data = load_dataset(save(tmp_path / "i.npz", X=images, y=[0, 1, 0, 1]))
    assert data.pixels
    assert data.image_shape == (2, 3)
    assert data.input_names[:4] == ("pixel_0_0", "pixel_0_1", "pixel_0_2", "pixel_1_0")
    square = images.reshape(6, 4)
    y = [0, 1, 0, 1, 0, 1]
    assert load_dataset(save(tmp_path / "s.npz", X=square, y=y)).image_shape == (2, 2)
    assert not load_dataset(save(tmp_path / "b.npz", X=square % 2, y=y)).pixels


@pytest.mark.parametrize(
    ("arrays", "pieces"),
    [
        ({"X": np.array([[1, "a"]], dtype=object), "y": [1]}, ["pickled objects"]),
        ({"y": [0, 1]}, ["'X'", "'y'"]),
        ({"X": np.eye(2)}, ["'y'", "'X'"]),
        ({"X": np.eye(3), "y": [0, 1]}, ["(3,)", "(2,)"]),
        ({"X": [1.0, 2.0], "y": [0, 1]}, ["(2,)", "reshape"]),
        ({"X": np.zeros((0, 2)), "y": []}, ["(0, 2)"]),
        ({"X": np.zeros((2, 0)), "y": [0, 1]}, ["(2, 0)"]),
        ({"X": [[1j], [2j]], "y": [0, 1]}, ["numbers in X"]),
        ({"X": [[1.0], [np.inf]], "y": [0, 1]}, ["X[:, 0]", "row 2", "inf"]),
        ({"X": np.eye(2), "y": [0, 1], "sample_weight": [1, -1]}, ["row 2", "-1.0"]),
        ({"X": np.eye(2), "y": [0, 1], "sample_weight": [1, np.nan]}, ["row 2", "nan"]),
        ({"X": np.eye(2), "y": [0, 1], "sample_weight": [1]}, ["sample_weight", "(1,)"]),
        ({"X": np.eye(2), "y": [0, 1], "groups": [1]}, ["groups", "(1,)"]),
    ],
)
def test_bad_npz(tmp_path, refused, arrays, pieces):
    with refused(*pieces):
        load_dataset(save(tmp_path / "a.npz", **arrays))


def test_unreadable_npz(tmp_path, refused):
    path = tmp_path / "a.npz"
    path.write_bytes(b"")
    with refused("empty file"):
        load_dataset(path)
    path.write_bytes(b"something else")
    with refused("NPZ"):
        load_dataset(path)
    save(path, X=np.eye(2), y=[0, 1])
    content = bytearray(path.read_bytes())
    content[60:120] = bytes(60)
    path.write_bytes(content)
    with refused("damaged"):
        load_dataset(path)


def test_npz_roles(tmp_path, refused):
    path = save(tmp_path / "a.npz", X=np.eye(4), labels=[0, 1, 0, 1], mouse=[0, 0, 1, 1])
    data = load_dataset(path, target="labels", split_by="mouse")
    assert (data.target_name, data.group_name) == ("labels", "mouse")
    with refused("drop"):
        load_dataset(path, target="labels", drop=["x0"])
    with refused("'mous'", "did you mean mouse?"):
        load_dataset(path, target="labels", split_by="mous")


def test_one_array_can_only_be_predicted(tmp_path, refused):
    np.save(tmp_path / "t.npy", np.eye(3))
    assert np.array_equal(read_rows(tmp_path / "t.npy"), np.eye(3))
    with refused("'t.npy'", "numpy.savez"):
        load_dataset(tmp_path / "t.npy")
    np.save(tmp_path / "o.npy", np.array([{}], dtype=object))
    with refused("'o.npy'", "plain array"):
        read_rows(tmp_path / "o.npy")


def test_arrays_of_npz_that_are_read_and_those_that_are_not_are_told(tmp_path, refused):
    arrays = {
        "X": np.eye(8),
        "y": np.arange(8) % 2,
        "when": np.arange(8),
        "place": np.arange(8) % 2,
    }
    np.savez(tmp_path / "t.npz", **arrays, names=np.array(["a"] * 8))  # equal: no columns
    data = load_dataset(tmp_path / "t.npz")
    (note,) = data.notes
    assert note.startswith("arrays read: X (8, 8), y (8,); not read: when (8,), place (8,), names")
    ordered = load_dataset(tmp_path / "t.npz", time="when", score_by="place")
    assert ordered.time is not None
    assert ordered.score_by is not None
    assert ordered.notes[0].endswith("not read: names (8,)")
    with refused("no event", "'when'"):
        load_dataset(tmp_path / "t.npz", event="when")
    with refused("'wehn'", "time"):
        load_dataset(tmp_path / "t.npz", time="wehn")


def test_names_of_the_columns_of_npz_are_taken_where_they_are_as_many(tmp_path):
    arrays = {"X": np.arange(12.0).reshape(4, 3), "y": np.arange(4) % 2}
    kinds = np.array(["u", "v", "w", "z"])
    np.savez(tmp_path / "t.npz", **arrays, feature_names=np.array(["a", "b", "c"]), kinds=kinds)
    data = load_dataset(tmp_path / "t.npz")
    assert data.input_names == ("a", "b", "c")
    assert "the columns of X are called as feature_names says" in data.notes
    assert data.notes[-1].endswith("feature_names (3,); not read: kinds (4,)")
    np.savez(tmp_path / "o.npz", **arrays, feature_names=np.array(["a", "b"]))
    assert load_dataset(tmp_path / "o.npz").input_names == ("x0", "x1", "x2")
    square = {"X": np.eye(4), "y": np.arange(4) % 2}
    np.savez(tmp_path / "r.npz", **square, rows=kinds)
    assert load_dataset(tmp_path / "r.npz").input_names[0] == "x0"
