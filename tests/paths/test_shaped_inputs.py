"""Networks that are called with pictures, sequences, masks and several inputs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    Dataset,
    IterableDataset,
    Subset,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
)

from shrinkage import fit_path
from shrinkage.datasets.input_shapes import InputShapes
from shrinkage.errors import InputError
from shrinkage.paths import load_result
from shrinkage.paths.engines.shaped import Unflatten
from shrinkage.paths.engines.trial_rows import trial_rows

ROWS = 48
SMALL = {"strengths": (1e-3, 1e-2), "folds": 2, "epochs": 1, "repeats": 1}


class Convolution(nn.Module):
    """Reads (rows, 2, 4, 4)."""

    def __init__(self, n_inputs: int, n_outputs: int) -> None:
        super().__init__()
        del n_inputs
        self.first, self.last = nn.Conv2d(2, 3, 3), nn.Linear(3, n_outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return logits."""
        return self.last(torch.relu(self.first(x)).mean((2, 3)))


class Words(nn.Module):
    """Reads numbers of words and a mask by name, and numbers."""

    def __init__(self, n_inputs: int, n_outputs: int) -> None:
        super().__init__()
        del n_inputs
        self.words, self.numbers = nn.Embedding(9, 4), nn.Linear(3, 4)
        self.last = nn.Linear(4, n_outputs)

    def forward(self, words: torch.Tensor, mask: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """Return logits."""
        assert words.dtype is torch.int64
        assert mask.dtype is torch.bool
        share = mask.unsqueeze(-1).to(x.dtype)
        return self.last((self.words(words) * share).mean(1) + self.numbers(x))


@pytest.fixture(scope="module")
def pictures():
    random = np.random.default_rng(0)
    y = np.arange(ROWS) % 2
    X = random.normal(size=(ROWS, 2, 4, 4)) + y[:, None, None, None]
    return X.astype(np.float32), y


@pytest.fixture(scope="module")
def several():
    random = np.random.default_rng(1)
    y = np.arange(ROWS) % 3
    inputs = {
        "words": random.integers(0, 9, size=(ROWS, 5)),
        "mask": random.random((ROWS, 5)) < 0.7,
        "x": random.normal(size=(ROWS, 3)) + y[:, None],
    }
    return inputs, y


def test_pictures_reach_the_network_in_their_shape(pictures, tmp_path):
    X, y = pictures
    result = fit_path(Convolution, X, y, store=tmp_path / "run", **SMALL)
    module = result.model("best")
    with torch.no_grad():
        own = module(torch.from_numpy(X)).numpy()
    np.testing.assert_allclose(result.decision(X), own, atol=1e-6)
    np.testing.assert_allclose(result.decision(X.reshape(ROWS, -1)), own, atol=1e-6)
    again = load_result(tmp_path / "run")
    assert again.model_file.shapes == InputShapes.of(X).to_dict()
    assert any("called with (2, 4, 4), numbers as they are" in n for n in result.summary["notes"])


def test_bytes_of_pictures_are_divided_by_255(pictures):
    X, y = pictures
    raw = np.clip(X * 40 + 100, 0, 255).astype(np.uint8)
    result = fit_path(Convolution, raw, y, **SMALL)
    with torch.no_grad():
        own = result.model()(torch.from_numpy(raw.astype(np.float32) / 255)).numpy()
    np.testing.assert_allclose(result.decision(raw), own, atol=1e-6)


def test_several_inputs_by_name_and_by_position(several, tmp_path):
    inputs, y = several
    named = fit_path(Words, inputs, y, store=tmp_path / "run", **SMALL)
    placed = fit_path(Words, tuple(inputs.values()), y, **SMALL)
    np.testing.assert_array_equal(named.fold_scores, placed.fold_scores)
    again = load_result(tmp_path / "run")
    again = type(again)(**{**again.__dict__, "prototype": None, "model_file": again.model_file})
    np.testing.assert_array_equal(named.predict(inputs), placed.predict(tuple(inputs.values())))
    assert named.summary["engine"] in ("vectorized", "sequential")
    other = {"x": inputs["x"], "mask": inputs["mask"], "words": inputs["words"]}
    np.testing.assert_array_equal(named.predict(other), named.predict(inputs))


def test_both_engines_agree_on_several_inputs(several):
    inputs, y = several
    one, other = (
        fit_path(Words, inputs, y, engine=engine, dtype="float64", **SMALL)
        for engine in ("vectorized", "sequential")
    )
    np.testing.assert_allclose(one.validation_loss, other.validation_loss, atol=1e-8)


def test_validation_and_test_sets_have_the_same_inputs(several):
    inputs, y = several
    part = {name: value[:12] for name, value in inputs.items()}
    result = fit_path(Words, inputs, y, test=(part, y[:12]), validation=(part, y[:12]), **SMALL)
    assert result.summary["n_test"] == 12


class Rows(Dataset):
    """Rows of a user's own."""

    def __init__(self, inputs, y, noise=False):
        self.inputs, self.y, self.noise = inputs, y, noise

    def __len__(self):
        """Return how many rows there are."""
        return len(self.y)

    def __getitem__(self, row):
        """Return inputs by name, with the label."""
        values = {name: value[row] for name, value in self.inputs.items()}
        if self.noise:
            values["x"] = values["x"] + np.random.default_rng().normal(size=3)
        return {**values, "label": int(self.y[row])}


def test_a_dataset_and_its_loader_are_rows(several):
    inputs, y = several
    expected = fit_path(Words, inputs, y, **SMALL)
    for source in (Rows(inputs, y), DataLoader(Rows(inputs, y), batch_size=7, shuffle=True)):
        result = fit_path(Words, source, **SMALL)
        np.testing.assert_array_equal(result.fold_scores, expected.fold_scores)
    noisy = fit_path(Words, Rows(inputs, y, noise=True), **SMALL)
    assert any("augment batches by augment=" in note for note in noisy.summary["notes"])


def test_a_network_that_reads_flat_rows_gets_them(pictures):
    X, y = pictures
    result = fit_path(nn.Sequential(nn.Linear(32, 4), nn.ReLU(), nn.Linear(4, 2)), X, y, **SMALL)
    assert result.summary["engine"] == "sequential" or result.predict(X).shape == (ROWS,)


@pytest.mark.parametrize(
    ("X", "says"),
    [
        ({"words": np.full((ROWS, 5), 2**25), "mask": np.ones((ROWS, 5), bool)}, "whole numbers"),
        ({"x": np.full((ROWS, 3), np.nan)}, "finite numbers"),
        ({"x": np.ones((ROWS, 3)), "mask": np.ones((4, 5), bool)}, "equally many rows"),
        ({"x": np.full((ROWS, 3), "a")}, "arrays of numbers"),
    ],
)
def test_bad_inputs_are_one_line(X, says):
    with pytest.raises(InputError, match=says) as error:
        fit_path(Words, X, np.arange(ROWS) % 3, **SMALL)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("source", [object(), [1, 2, 3], iter([1])])
def test_what_is_no_dataset_is_one_line(source):
    with pytest.raises(InputError) as error:
        fit_path(Words, source, **SMALL)
    assert "\n" not in str(error.value)


class Towers(nn.Module):
    """Reads a user and an item, a number each."""

    def __init__(self) -> None:
        super().__init__()
        self.users, self.items = nn.Embedding(5, 3), nn.Embedding(7, 3)
        self.last = nn.Linear(3, 1)

    def forward(self, user: torch.Tensor, item: torch.Tensor) -> torch.Tensor:
        """Return a number for each pair."""
        return self.last(self.users(user) * self.items(item)).squeeze(1)


def test_numbers_by_the_names_that_a_network_takes_are_its_inputs(pictures):
    random = np.random.default_rng(0)
    inputs = {"user": random.integers(0, 5, ROWS), "item": random.integers(0, 7, ROWS)}
    result = fit_path(Towers(), inputs, pictures[1], **SMALL)
    with torch.no_grad():
        own = result.model()(**{name: torch.from_numpy(v) for name, v in inputs.items()})
    np.testing.assert_allclose(result.decision(inputs)[:, 1], own, atol=1e-6)
    assert "called with user (), item ()" in " ".join(result.summary["notes"])
    with pytest.raises(InputError, match="by name"):
        fit_path(lambda *_: Towers(), inputs, pictures[1], **SMALL)


def test_whole_numbers_of_a_dataset_are_words_and_fractions_are_told_to_be_scaled(pictures):
    words, y = np.random.default_rng(0).integers(0, 9, (ROWS, 4)), torch.from_numpy(pictures[1])
    network = nn.Sequential(nn.Embedding(9, 3), nn.Flatten(), nn.Linear(12, 2))
    dataset = torch.utils.data.TensorDataset(torch.from_numpy(words), y)
    result = fit_path(network, dataset, **SMALL)
    np.testing.assert_array_equal(result.predict((words,)), result.predict(words))
    numbers = torch.utils.data.TensorDataset(torch.randn(ROWS, 4), y)
    told = fit_path(nn.Linear(4, 2), DataLoader(numbers), **SMALL).summary["notes"]
    assert any("scaled to mean 0" in note for note in told)


def test_an_onnx_file_of_shaped_inputs_names_the_way_to_one(pictures, tmp_path):
    result = fit_path(Convolution, *pictures, **SMALL)
    with pytest.raises(InputError, match=r"got \(2, 4, 4\), which .*export_onnx"):
        result.to_onnx(tmp_path / "model.onnx")


def test_a_loader_gives_the_rows_that_its_sampler_asks_for(several):
    inputs, y = several
    rows = Rows(inputs, y)
    half = list(range(0, ROWS, 2))
    expected = fit_path(Words, {name: own[half] for name, own in inputs.items()}, y[half], **SMALL)
    generator = torch.Generator().manual_seed(1)
    sampler = SubsetRandomSampler(half, generator=generator)
    before = torch.random.get_rng_state(), generator.get_state()
    for loader in (
        DataLoader(rows, batch_size=5, sampler=sampler),
        DataLoader(rows, batch_sampler=BatchSampler(sampler, 5, drop_last=True)),
        DataLoader(rows, batch_sampler=[half[:9], half[9:]]),
        DataLoader(rows, batch_size=None, sampler=sampler),
    ):
        result = fit_path(Words, loader, **SMALL)
        assert result.summary["n_samples"] == len(half)
        np.testing.assert_array_equal(result.fold_scores, expected.fold_scores)
        assert any(f"those of {ROWS} that" in note for note in result.summary["notes"])
    after = torch.random.get_rng_state(), generator.get_state()
    assert all(map(torch.equal, before, after))
    drawn = WeightedRandomSampler([1.0 + (label == 1) for label in y], ROWS)
    weighted = fit_path(Words, DataLoader(rows, sampler=drawn), **SMALL)
    assert weighted.summary["n_samples"] == ROWS
    assert any("WeightedRandomSampler" in note for note in weighted.summary["notes"])


class Stream(IterableDataset):
    """Rows that come one after the other, and know how many they are."""

    def __iter__(self):
        """Return no row."""
        return iter(())

    def __len__(self):
        """Return how many there are."""
        return 3


@pytest.mark.parametrize(
    ("source", "says"),
    [
        (Stream(), "can be asked for by number"),
        (DataLoader(Stream()), "can be asked for by number"),
        (
            Subset(TensorDataset(torch.ones(3, 2), torch.ones(3)), []),
            "expected rows in the dataset",
        ),
        (
            DataLoader([(0.0, 1)] * 8, collate_fn=lambda _: (torch.ones(4, 2), torch.ones(4))),
            "a target for each of 8 rows",
        ),
        ([(np.ones(2), {"a": 1})] * 8, "a label or numbers as the target .* got dict"),
        (
            DataLoader(
                [(torch.ones(1 + row % 2), row % 2) for row in range(8)],
                collate_fn=lambda rows: (
                    torch.nested.nested_tensor([x for x, _ in rows], layout=torch.jagged),
                    torch.tensor([y for _, y in rows]),
                ),
            ),
            "nested tensor: pad them",
        ),
        ([{"words": [1] * (1 + row % 2), "label": row % 2} for row in range(8)], "to one length"),
    ],
)
def test_datasets_without_their_rows_are_refused(source, says):
    with pytest.raises(InputError, match=says):
        fit_path(Words, source, **SMALL)


@pytest.mark.parametrize("form", [dict, tuple])
def test_rows_of_plain_lists_are_those_of_arrays(several, form):
    inputs, y = several
    names = list(inputs)
    arrays = [{name: inputs[name][row] for name in names} for row in range(ROWS)]
    lists = [{name: value.tolist() for name, value in own.items()} for own in arrays]
    if form is dict:
        given = [{**own, "label": int(label)} for own, label in zip(lists, y, strict=True)]
    else:
        given = [(*own.values(), int(label)) for own, label in zip(lists, y, strict=True)]
    model = Words if form is dict else lambda n_inputs, n_outputs: Words(n_inputs, n_outputs)
    result = fit_path(model, given, **SMALL)
    expected = fit_path(model, inputs if form is dict else tuple(inputs.values()), y, **SMALL)
    np.testing.assert_array_equal(result.fold_scores, expected.fold_scores)
    np.testing.assert_array_equal(result.validation_loss, expected.validation_loss)


def test_a_dataset_as_validation_or_test_is_one_line(several):
    inputs, y = several
    for what in ("validation", "test"):
        with pytest.raises(
            InputError, match=rf"{what} rows: .*pair .*write {what}=\(X, y\)"
        ) as error:
            fit_path(Words, inputs, y, **{what: Rows(inputs, y)}, **SMALL)
        assert "\n" not in str(error.value)


def test_several_targets_of_a_dataset_are_columns():
    rows = [(np.float32([row, -row]), (row % 2, row // 2 % 2)) for row in range(40)]
    result = fit_path("mlp:3", rows, **SMALL)
    assert result.summary["task"] == "multi-label"
    assert result.predict(np.zeros((5, 2), np.float32)).shape == (5, 2)


class Padded(nn.Module):
    """Averages the words that there are, as attention and packed sequences look at them."""

    def __init__(self, n_outputs: int) -> None:
        super().__init__()
        self.words, self.last = nn.Embedding(9, 4), nn.Linear(4, n_outputs)

    def forward(self, words: torch.Tensor, mask: torch.Tensor, length: torch.Tensor) -> Any:
        """Return logits, or one logit beside something else."""
        if not mask.any(1).all() or (length < 1).any():
            raise ValueError("a row without a word")
        share = mask.unsqueeze(-1).float()
        return {"logits": self.last((self.words(words) * share).sum(1) / length.unsqueeze(-1))}


def padded(n_inputs: int, n_outputs: int) -> Padded:
    """Return a network of one logit."""
    del n_inputs, n_outputs
    return Padded(1)


def test_networks_are_tried_on_masks_and_lengths_that_the_rows_have(tmp_path):
    random = np.random.default_rng(0)
    length = random.integers(1, 6, size=ROWS)
    mask = np.arange(5) < length[:, None]
    rows = {"words": random.integers(0, 9, size=(ROWS, 5)), "mask": mask, "length": length}
    y = np.arange(ROWS) % 2
    model = f"{__name__}:padded"
    result = fit_path(model, rows, y, store=tmp_path / "run", **SMALL)
    loaded = load_result(tmp_path / "run")
    assert np.array_equal(loaded.predict_proba(rows), result.predict_proba(rows))


def test_words_that_half_precision_has_not_are_tried_as_the_first_word():
    shapes = InputShapes.of({"words": np.full((2, 2), 257), "length": np.full(2, 3)})
    module = nn.Linear(1, 1, dtype=torch.bfloat16)
    module.register_forward_pre_hook(Unflatten(shapes), with_kwargs=True)
    assert trial_rows(module, 1, 3).tolist() == [[0, 0, 3]]
    assert trial_rows(module.float(), 1, 3).tolist() == [[257, 257, 3]]
