"""Models that have settled end early: what is told stays as it is, and the others go on alike."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from shrinkage import L1, GroupLasso, ReweightedL1
from shrinkage.datasets import dataset_from_arrays
from shrinkage.errors import InputError
from shrinkage.paths import PathOptions
from shrinkage.paths.choosing import judging
from shrinkage.paths.engines.base import Trained
from shrinkage.paths.engines.curves import Point
from shrinkage.paths.engines.settling import Settling
from shrinkage.paths.running.outcomes import measured
from shrinkage.paths.running.plan import Plan, make_plan
from shrinkage.penalties import Penalty
from shrinkage.run import fit_dataset

GRID = (1e-4, 0.01, 0.05, 0.3, 3.0)


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Judge rows in several blocks, as those of large tables are."""
    monkeypatch.setattr(judging, "BLOCK", 60)  # 24 rows of 6 numbers: 10, 10 and 4


def some_data(rows: int = 60):
    random = np.random.default_rng(3)
    X = random.normal(size=(rows, 6))
    return dataset_from_arrays(
        X, (X[:, 0] + random.normal(size=rows) > 0).astype(int), task="classification"
    )


def a_plan(penalty: Penalty, settle: float, epochs: int = 80, **options: object) -> Plan:
    own = PathOptions(
        strengths=GRID,
        folds=2,
        repeats=1,
        seed=1,
        epochs=epochs,
        settle=settle,
        **options,  # type: ignore[arg-type]
    )
    return make_plan("mlp:8,4", some_data(), penalty, own)


def trained(plan: Plan) -> tuple[Trained, dict[str, np.ndarray]]:
    settings = plan.problem.terms.settings((strength,) for strength in reversed(GRID))
    unit = plan.unit(plan.jobs(0, settings)[0])
    own = plan.engine.train(plan.problem, unit, lambda _: None)
    return own, dict(measured(plan.problem, unit, own).values)


@pytest.mark.parametrize("penalty", [L1(), GroupLasso(per="input")], ids=["l1", "group"])
def test_models_that_go_on_are_not_touched_by_those_that_end(penalty: Penalty) -> None:
    full, _ = trained(a_plan(penalty, 0.0, dtype="float64"))
    early, measures = trained(a_plan(penalty, 1e-5, dtype="float64"))
    assert full.epochs is None
    assert early.epochs is not None
    gone = early.epochs < 80
    assert 0 < gone.sum() < len(GRID)
    for name, own in early.arrays.items():
        left = torch.from_numpy(~gone)
        torch.testing.assert_close(own[left], full.arrays[name][left], rtol=0, atol=1e-12)
    assert (measures["epochs"] == early.epochs).all()


def test_models_whose_penalty_is_renewed_go_on_to_the_end() -> None:
    """Slopes would begin anew where others leave; and the next round moves what stands still."""
    penalty = ReweightedL1(every=20)
    full, _ = trained(a_plan(penalty, 0.0, dtype="float64"))
    early, _ = trained(a_plan(penalty, 1e-2, dtype="float64"))
    assert early.epochs is None
    for name, own in early.arrays.items():
        torch.testing.assert_close(own, full.arrays[name], rtol=0, atol=0)


def test_by_default_nothing_that_is_told_changes() -> None:
    _, full = trained(a_plan(L1(), 0.0, 200))
    early, told = trained(a_plan(L1(), 1e-6, 200))
    assert early.epochs is not None
    assert (early.epochs < 200).any()
    for name in ("score", "status", "inputs_kept", "nonzero/0.weight", "nonzero/2.weight"):
        np.testing.assert_array_equal(full[name], told[name], err_msg=name)
    for name in ("validation_loss", "train_loss"):
        np.testing.assert_allclose(told[name], full[name], rtol=1e-5, atol=1e-7, err_msg=name)
    np.testing.assert_array_equal(full["curve/epochs"], told["curve/epochs"])


def test_a_stack_goes_on_in_chunks_and_without_models() -> None:
    plan = a_plan(L1(), 0.9)
    early, measures = trained(plan)
    assert early.epochs is not None
    assert early.epochs.max() < 80
    assert measures["curve/epochs"][-1] == 80
    assert np.isfinite(measures["curve/train_loss"]).all()


def test_what_ended_is_told() -> None:
    options = PathOptions(strengths=GRID, folds=2, repeats=1, epochs=80, settle=1e-5)
    result = fit_dataset("mlp:8,4", some_data(), penalty=L1(), options=options, progress=False)
    told = result.summary["ended_early"]
    assert isinstance(told, dict)
    assert 0 < told["models"] < told["of"] == 2 * (len(GRID) + 1)
    assert 0 < told["share_of_epochs"] < 1
    assert told["tolerance"] == 1e-5
    options = replace(options, settle=0.0)
    result = fit_dataset("mlp:8,4", some_data(), penalty=L1(), options=options, progress=False)
    assert result.summary["ended_early"] is None


def looked(**changes: float) -> bool:
    """Return whether a model has settled that stands still, but for these changes a look."""
    settling = Settling(tolerance=1e-3, total=10.0, weights=100, classes=True)
    answer = False
    for look in range(6):
        change = {name: value * look for name, value in changes.items()}
        outputs = np.zeros((1, 2, 4))
        outputs[:, 0] = 1.0 + change.get("outputs", 0.0)
        point = Point(
            look + 1,
            np.array([0.5 + change.get("train", 0.0)]),
            np.array([0.4 + change.get("validation", 0.0)]),
            np.array([0.9 + change.get("score", 0.0)]),
            outputs,
        )
        zeros = np.array([50 + round(change.get("zeros", 0.0))])
        answer = bool(settling.look(point, 8.0 + 0.39 * look, zeros)[0])
    return answer


def test_a_model_that_stands_still_has_settled() -> None:
    assert looked()


@pytest.mark.parametrize(
    "moves",
    [
        {"train": 0.01},
        {"validation": 0.01},
        {"score": 0.1},
        {"zeros": 1.0},
        {"outputs": -0.19},
        {"validation": np.nan},
    ],
    ids=str,
)
def test_a_model_of_which_anything_moves_has_not(moves: dict[str, float]) -> None:
    assert not looked(**moves)


def test_zeros_have_to_stand_still_for_twenty_times_what_is_to_come() -> None:
    settling = Settling(tolerance=1e-6, total=10.0, weights=100, classes=False)
    zero = np.zeros(1)
    answers = [
        bool(settling.look(Point(0, zero, zero, zero, np.zeros((1, 1, 2))), rates, zero)[0])
        for rates in (1.0, 3.0, 6.0, 9.0, 9.6)
    ]
    assert answers == [False, False, False, False, True]


@pytest.mark.parametrize("settle", [-0.1, 1.0, "soon"])
def test_a_share_is_below_one(settle: object) -> None:
    with pytest.raises(InputError, match="settle"):
        PathOptions(settle=settle)  # type: ignore[arg-type]
