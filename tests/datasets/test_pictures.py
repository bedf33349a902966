"""Pictures to try something on: where MNIST is looked for, what stands in, and the same part."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from shrinkage.datasets import load_pictures, pictures, shared_folder
from shrinkage.errors import InputError


@pytest.fixture
def mnist_folder(idx_folder, monkeypatch, tmp_path) -> Path:
    """A folder of shared data, whose `mnist` has six tiny pictures."""
    shared = tmp_path / "shared data"
    shared.mkdir()
    idx_folder.rename(shared / "mnist")
    monkeypatch.setenv("SHRINKAGE_SHARED_DATA", str(shared))
    return shared


def test_the_folder_is_that_of_the_environment(mnist_folder, monkeypatch):
    assert shared_folder("mnist") == mnist_folder / "mnist"
    assert shared_folder("mice") is None
    monkeypatch.setenv("SHRINKAGE_SHARED_DATA", str(mnist_folder / "nowhere"))
    assert shared_folder("mnist") is None


def test_without_the_environment_it_is_beside_the_source_tree(mnist_folder, monkeypatch):
    monkeypatch.delenv("SHRINKAGE_SHARED_DATA")
    beside = Path(__file__).resolve().parents[3] / "shared" / "data"
    assert beside == pictures.BESIDE_SOURCE_TREE
    monkeypatch.setattr(pictures, "BESIDE_SOURCE_TREE", mnist_folder)
    assert shared_folder("mnist") == mnist_folder / "mnist"


@pytest.mark.usefixtures("mnist_folder")
def test_all_of_mnist_or_a_part_that_is_the_same_each_time():
    whole, part, again = load_pictures(), load_pictures(rows=4), load_pictures(rows=4)
    assert (whole.kind, part.kind) == ("mnist", "part")
    assert whole.sentence == "MNIST, all training pictures, and its 4 test pictures"
    assert "a random 4 of the 6 training pictures" in part.sentence
    assert (whole.X.shape, part.X.shape, part.test[0].shape) == ((6, 2, 3), (4, 2, 3), (4, 2, 3))
    np.testing.assert_array_equal(part.X, whole.X[:4])
    np.testing.assert_array_equal(part.X, again.X)
    np.testing.assert_array_equal(part.y, whole.y[:4])


def test_a_folder_is_that_of_the_files_or_the_one_around_it(mnist_folder, monkeypatch):
    inside, around = (load_pictures(place) for place in (mnist_folder / "mnist", mnist_folder))
    np.testing.assert_array_equal(inside.X, around.X)
    monkeypatch.chdir(mnist_folder)
    np.testing.assert_array_equal(load_pictures(".").X, inside.X)


def test_what_has_no_pictures_is_refused(tmp_path, refused):
    with refused("IDX files"):
        load_pictures(tmp_path)
    with refused("test set", "'wine'"):
        load_pictures("wine")
    with refused("does not exist"):
        load_pictures("no-such-folder")


def test_digits_stand_in_for_mnist_and_the_sentence_says_so(monkeypatch):
    def offline(source: str) -> object:
        if source == "mnist":
            raise InputError("expected an answer of openml.org, got URLError")
        return loaded(source)

    loaded = pictures.load_dataset
    monkeypatch.setattr(pictures, "shared_folder", lambda _: None)
    monkeypatch.setattr(pictures, "load_dataset", offline)
    digits = load_pictures()
    assert digits.kind == "digits"
    assert "neither here nor to be fetched" in digits.sentence
    with pytest.raises(InputError, match=r"openml\.org"):
        load_pictures("mnist")


@pytest.mark.usefixtures("mnist_folder")
def test_scaled_pixels_are_the_same_numbers_in_each_dtype():
    single, double = load_pictures().scaled(), load_pictures().scaled(np.float64)
    assert (single[0].shape, single[2].shape, single[0].max() <= 1.0) == ((6, 6), (4, 6), True)
    assert (single[0].dtype, double[0].dtype) == (np.float32, np.float64)
    np.testing.assert_array_equal(single[0], double[0])  # 1/255 is rounded; 1/16 would not be


def test_digits_are_scaled_by_their_own_largest_pixel():
    digits = load_pictures("digits")
    assert "as asked for" in digits.sentence
    assert digits.scaled()[0].max() == 1.0


def test_a_part_of_mnist_is_drawn_once_and_for_all(shared_data: Path):
    first, second = (load_pictures(shared_data, rows=50) for _ in range(2))
    assert first.kind == "part"
    assert "a random 50 of the 60,000" in first.sentence
    assert first.X.shape == (50, 28, 28)
    np.testing.assert_array_equal(first.X, second.X)
