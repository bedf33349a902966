"""A model that collapses on all training rows, where most of the folds' did not, starts anew."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from shrinkage import L2, fit_path, fit_surface
from shrinkage.paths.engines.recipe import derived_seed
from shrinkage.paths.options import MOST_MEMBERS
from shrinkage.paths.refitting import MOST_STARTS
from shrinkage.paths.running.posing import REFIT_LABEL
from shrinkage.run import load_result

random = np.random.default_rng(0)
X = random.normal(size=(90, 3))
Y = (X[:, 0] > 0).astype(int)
QUICK: dict[str, Any] = {"epochs": 40, "folds": 3, "learning_rate": 0.05, "progress": False}
PATH: dict[str, Any] = {"penalty": L2(), "strengths": (1e-4, 1e-3), **QUICK}

FIRST = derived_seed(0, REFIT_LABEL)
ANEW = [derived_seed(0, REFIT_LABEL, MOST_MEMBERS + start) for start in range(1, MOST_STARTS)]


def network(dead: tuple[int, ...], inputs: int, outputs: int) -> nn.Module:
    """Return a network no unit of which ever learns where it starts from one of these seeds."""
    module = nn.Sequential(nn.Linear(inputs, 4), nn.ReLU(), nn.Linear(4, outputs))
    if torch.initial_seed() in dead:
        for name, parameter in module.named_parameters():
            nn.init.constant_(parameter, -1.0 if name.endswith("bias") else 0.0)
    return module


def spread(result, which: str = "best") -> float:
    """Return how far the probabilities of the rows are apart."""
    return float(np.ptp(result.predict_proba(X, which)[:, 0]))


def test_a_collapsed_refit_starts_anew_and_that_is_told(tmp_path) -> None:
    result = fit_path(partial(network, (FIRST,)), X, Y, store=tmp_path / "run", **PATH)
    assert spread(result) > 0.5
    assert result.best.test_score is not None
    assert result.best.test_score > 0.8
    told = [warning for warning in result.warnings if "started anew" in warning]
    assert len(told) == 1
    assert "(2 starts) and learned" in told[0]
    usual = fit_path(partial(network, ()), X, Y, **PATH)
    assert not any("started anew" in warning for warning in usual.warnings)
    distinct = len({result.best.strength, result.one_standard_error.strength})
    assert usual.summary["models_trained"] == 3 * 3 + 1 + distinct
    assert result.summary["models_trained"] == 3 * 3 + 1 + 2 * distinct
    kept = load_result(tmp_path / "run")
    assert kept.warnings == result.warnings
    for name, value in result.weights["best"].items():
        np.testing.assert_array_equal(kept.weights["best"][name], value)


def test_one_that_never_learns_is_started_four_times_and_told() -> None:
    result = fit_path(partial(network, (FIRST, *ANEW)), X, Y, **PATH)
    assert spread(result) < 1e-3
    (told,) = (warning for warning in result.warnings if "started anew" in warning)
    assert f"({MOST_STARTS} starts) and learned from none" in told


def test_the_second_start_may_fail_too() -> None:
    result = fit_path(partial(network, (FIRST, ANEW[0])), X, Y, **PATH)
    assert spread(result) > 0.5
    assert any("(3 starts) and learned;" in warning for warning in result.warnings)


def test_what_collapses_in_the_folds_too_is_left_as_it_is() -> None:
    strong = fit_path(
        partial(network, ()), X, Y, **{**PATH, "strengths": (500.0, 1000.0), "refit": "all"}
    )
    assert spread(strong, "best") < 1e-3
    assert not any("started anew" in warning for warning in strong.warnings)


def test_surfaces_start_anew_as_well() -> None:
    strengths = (PATH["strengths"],)
    result = fit_surface(
        partial(network, (FIRST,)),
        X,
        Y,
        penalties=(L2(),),
        strengths=strengths,
        vary={"epochs": (40, 50)},
        **{k: v for k, v in QUICK.items() if k != "epochs"},
    )
    assert spread(result) > 0.5
    assert sum("started anew" in warning for warning in result.warnings) == 1


@pytest.mark.parametrize("kind", ["mean", "best"])
def test_members_have_seeds_of_their_own(kind: str) -> None:
    result = fit_path(partial(network, (FIRST,)), X, Y, members=2, **PATH)
    assert spread(result, kind) > 0.5
    arrays = result.weights["mean"]
    assert np.abs(arrays["networks.0.0.weight"] - arrays["networks.1.0.weight"]).max() > 0.01
