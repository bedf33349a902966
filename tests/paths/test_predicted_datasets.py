"""What was trained on a dataset of the user's own predicts on one, and is made smaller."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, TensorDataset

from shrinkage import fit_path
from shrinkage.errors import InputError
from shrinkage.paths.results.smaller import compact_path

NUMBERS = np.random.default_rng(0).normal(size=(80, 3)).astype("f4")
WORDS = np.random.default_rng(1).integers(0, 3, size=(80, 2))
LABELS = np.arange(80) % 2


class Mixed(nn.Module):
    """Numbers beside words with an embedding."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.words, self.first = nn.Embedding(3, 4), nn.Linear(11, 8)
        self.last = nn.Linear(8, outputs)

    def forward(self, number: torch.Tensor, word: torch.Tensor) -> torch.Tensor:
        rows = torch.cat([number, self.words(word).flatten(1)], 1)
        return self.last(torch.relu(self.first(rows)))


class ByName(Dataset):
    """Rows by name."""

    def __len__(self) -> int:
        return len(LABELS)

    def __getitem__(self, row: int) -> dict[str, object]:
        return {"number": NUMBERS[row], "word": WORDS[row], "label": LABELS[row]}


class InOne(nn.Module):
    """A table whose last column is a word."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.words, self.last = nn.Embedding(3, 4), nn.Linear(6, outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(torch.cat([x[:, :2], self.words(x[:, 2].long())], 1))


def test_rows_of_a_dataset_or_loader_are_predicted():
    data = TensorDataset(torch.tensor(NUMBERS), torch.tensor(LABELS))
    result = fit_path("mlp:4", data, strengths=2, folds=2, epochs=2)
    expected = result.predict(NUMBERS)
    for rows in (data, DataLoader(data, batch_size=7)):
        np.testing.assert_array_equal(result.predict(rows), expected)


def test_a_goal_of_a_network_with_words_is_found():
    result = fit_path(
        lambda _, outputs: Mixed(outputs), ByName(), goal="smallest", folds=2, epochs=2
    )
    expected = result.predict({"number": NUMBERS, "word": WORDS})
    np.testing.assert_array_equal(result.predict(ByName()), expected)
    assert set(expected) <= {0, 1}


def test_words_in_a_table_ask_for_rows_of_the_data():
    X = np.column_stack([NUMBERS[:, :2], WORDS[:, 0]])
    options = {"standardize": False, "strengths": 2, "folds": 2, "epochs": 2}
    result = fit_path(lambda _, outputs: InOne(outputs), X, LABELS, **options)
    with pytest.raises(InputError, match="give rows of the data"):
        compact_path(result)
    _, found = compact_path(result, "best", X)
    assert found.proof.difference_real < 1e-5


@pytest.mark.parametrize("by_name", [False, True])
def test_units_of_a_network_with_several_inputs_go(by_name: bool):
    """It is followed with the inputs that it is called with, and what is smaller predicts alike."""
    inputs = {"word": WORDS, "number": NUMBERS} if by_name else (NUMBERS, WORDS)
    result = fit_path(Mixed(2), inputs, LABELS, goal="5 units", folds=2, epochs=2)
    smaller, found = compact_path(result, "best", inputs, timed=False)
    assert found.proof.after.parameters < found.proof.before.parameters
    assert not any("cannot be traced" in note for note in found.notes)
    np.testing.assert_array_equal(smaller.predict(inputs), result.predict(inputs))
    assert compact_path(result, "best", timed=False)[1].layers == found.layers
