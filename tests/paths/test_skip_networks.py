"""Networks with a skip layer and LassoNet's penalty on it, from the command line to the columns."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from shrinkage import L2, Hierarchical, fit_path
from shrinkage.compaction import compact
from shrinkage.errors import InputError
from shrinkage.paths.engines.architectures import MLP, parse_architecture

SMALL: dict[str, Any] = {"folds": 2, "epochs": 80, "batch_size": 32, "seed": 1, "progress": False}


def classes(rows: int = 160) -> tuple[np.ndarray, np.ndarray]:
    """Return a table whose three classes are told by three of eight columns, one not linearly."""
    X = np.random.default_rng(5).normal(size=(rows, 8))
    return X, np.where(X[:, 0] > 0.3, 0, np.where(np.abs(X[:, 1]) - X[:, 2] > 0.5, 1, 2))


def test_it_is_the_linear_model_plus_the_hidden_layers() -> None:
    model = parse_architecture("mlp:5,4+skip;activation=tanh;dropout=0.5;norm=layer")
    assert model == MLP((5, 4), "tanh", 0.5, "layer", skip=True)
    assert parse_architecture(model.name) == model
    network: Any = parse_architecture("mlp:5,4+skip").build(6, 3)
    x = torch.randn(7, 6)
    first = network[0]
    linear = nn.functional.linear(x, first.weight[:3], first.bias[:3])
    hidden = nn.functional.linear(x, first.weight[3:], first.bias[3:]).relu()
    inner: list[Any] = [layer.inner for layer in list(network)[2:]]
    hidden = inner[0](hidden).relu()
    torch.testing.assert_close(network(x), linear + inner[2](hidden))


def test_a_path_takes_columns_out_and_all_engines_agree() -> None:
    options: dict[str, Any] = {**SMALL, "strengths": (0.05, 0.4), "penalty": Hierarchical()}
    options |= {"dtype": "float64", "epochs": 30, "fixed": 1e-3 * L2()}
    results = [
        fit_path("mlp:6+skip", *classes(), engine=engine, **options)
        for engine in ("auto", "sequential")
    ]
    own, other = results
    assert own.summary["engine"] == "stacked"
    for name, array in own.weights["best"].items():
        np.testing.assert_allclose(array, other.weights["best"][name], atol=1e-8)


def test_the_strength_says_how_many_columns_stay() -> None:
    options: dict[str, Any] = {**SMALL, "penalty": Hierarchical(), "refit": "all"}
    result: Any = fit_path("mlp:12+skip", *classes(), strengths=6, **options)
    assert result.summary["penalty"] == "Hierarchical(skips=3)"
    said = "Hierarchical(skips=3) is on the layer that reads the inputs alone"
    assert [note for note in result.summary["notes"] if note.startswith(said)]
    kept = [
        int((result.model(place)[0].weight != 0).any(dim=0).sum())
        for place in range(len(result.strengths))
    ]
    assert max(kept) >= 3
    assert min(kept) < 8
    weight = result.model("best")[0].weight.detach()
    most = 10 * weight[:3].norm(dim=0) * (1 + 1e-5)
    assert bool((weight[3:].abs() <= most).all())


def test_it_is_made_smaller_with_its_skip() -> None:
    torch.manual_seed(0)
    network = MLP((12, 6), skip=True).build(8, 3)
    first: Any = network[0]
    with torch.no_grad():
        first.weight[3 + 4 :] = 0.0  # of the twelve hidden units four are left
        first.bias[3 + 4 :] = 0.0
    found = compact(network, torch.randn(9, 8))
    assert max(found.proof.difference_real, found.proof.difference_random) <= 1e-5
    smaller: Any = found.module
    assert smaller[0].out_features == 3 + 4
    assert smaller[2].inner.in_features == 4


@pytest.mark.parametrize(
    ("model", "penalty", "said"),
    [
        ("mlp:6", Hierarchical(), r"with a skip layer .* take for example mlp:100\+skip"),
        ("mlp:6+skip", Hierarchical(skips=2), "skips=3, the outputs of the network, got 2"),
        ("mlp:6+skips", Hierarchical(), r"whole numbers behind mlp:.* mlp:64\+skip"),
    ],
)
def test_what_does_not_fit_is_refused(model: str, penalty: Hierarchical, said: str) -> None:
    with pytest.raises(InputError, match=said):
        fit_path(model, *classes(), penalty=penalty, strengths=2, **SMALL)
