"""`--fast`: fewer strengths in full, the same scores for these, and the others are told."""

from __future__ import annotations

import csv
from typing import Any

import numpy as np
import pytest

from shrinkage.datasets import dataset_from_arrays
from shrinkage.paths import PathOptions
from shrinkage.paths.choosing.shortlist import lacking, shortlist
from shrinkage.paths.running.plan import make_plan
from shrinkage.penalties import L1
from shrinkage.run import fit_dataset, load_result
from tests.paths.tables import table

STRENGTHS = tuple(np.geomspace(1e-4, 1.0, 12).tolist())
OPTIONS = {"strengths": STRENGTHS, "folds": 3, "epochs": 40, "batch_size": 16, "settle": 0.0}


def run(model: str = "mlp:4", store=None, resume: bool = False, **options):
    return fit_dataset(
        model,
        dataset_from_arrays(*table()),
        penalty=L1(),
        options=PathOptions(**{**OPTIONS, **options}),
        store=store,
        resume=resume,
    )


@pytest.mark.slow
def test_fewer_are_trained_their_scores_are_those_of_the_grid_and_the_rest_is_told(tmp_path):
    grid, fast = run(), run(fast=True, store=tmp_path / "run")
    places = [STRENGTHS.index(strength) for strength in fast.strengths]
    assert len(places) <= 8
    np.testing.assert_allclose(fast.fold_scores, grid.fold_scores[places], atol=1e-4)
    error = grid.score_error[grid.best.index]
    assert grid.score_mean[fast_place(fast)] >= grid.score_mean.max() - error
    told: Any = fast.summary["fast"]
    left = [strength for strength in STRENGTHS if strength not in fast.strengths]
    assert [own["strength"] for own in told["left_out"]] == left
    assert (told["epochs"], told["of_epochs"]) == (10, 40)  # twenty steps of eighty
    assert any(f"--fast left out {len(left)} strengths" in line for line in fast.warnings)
    rows = list(csv.DictReader((tmp_path / "run" / "path.csv").read_text().splitlines()))
    assert [float(row["strength"]) for row in rows] == list(STRENGTHS)
    ends = [row["status"] for row in rows if row["index"] == ""]
    assert ends == ["left_out_after_10_of_40_epochs"] * len(left)
    np.testing.assert_array_equal(load_result(tmp_path / "run").strengths, fast.strengths)
    assert grid.summary["fast"] is None


def fast_place(result) -> int:
    return STRENGTHS.index(result.best.strength)


@pytest.mark.slow
def test_an_interrupted_fast_run_goes_on_to_the_same_result(tmp_path, monkeypatch):
    from shrinkage.paths.engines.stacked import StackedEngine

    whole = run(fast=True)
    train, left = StackedEngine.train, iter(range(5))

    def stops(*arguments):
        next(left)
        return train(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(StackedEngine, "train", stops)
        with pytest.raises((StopIteration, RuntimeError)):
            run(fast=True, store=tmp_path / "run")
    resumed = run(fast=True, store=tmp_path / "run", resume=True)
    np.testing.assert_array_equal(resumed.fold_scores, whole.fold_scores)
    assert resumed.summary["fast"] == whole.summary["fast"]


@pytest.mark.parametrize("top", [0, 3, 11, 19])
def test_the_climb_ends_on_the_best_wherever_it_lies(top):
    truth = -0.01 * np.abs(np.arange(20) - top)[:, None] + np.zeros((20, 5))
    pilot = -0.01 * np.abs(np.arange(20) - 8)[:, None] + np.zeros((20, 5))
    positions = shortlist(pilot)
    while more := lacking(positions, truth[list(positions)], 20):
        positions = tuple(sorted((*positions, *more)))
    assert abs(positions[int(truth[list(positions)].mean(1).argmax())] - top) <= 1


def test_linear_models_and_few_strengths_have_the_full_grid():
    assert run("linear", fast=True).summary["fast"] is None
    assert len(run(fast=True, strengths=STRENGTHS[:4]).strengths) == 4


def test_where_one_epoch_is_long_a_pilot_sees_a_share_of_the_rows():
    data = dataset_from_arrays(*table(1200))
    options = PathOptions(folds=2, epochs=2, batch_size=2, fast=True)
    pilot = make_plan("mlp:4", data, L1(), options).pilot()
    assert pilot.problem.recipe.epochs == 1
    assert pilot.share == pytest.approx(0.1)
    settings = pilot.problem.terms.settings([(0.1,)])
    (job, _) = pilot.jobs("pilot", settings)
    assert len(pilot.unit(job).data.train) == 48
    assert pilot.steps([job]) == 24


def test_short_trainings_are_on_the_folds_of_one_round() -> None:
    options = PathOptions(fast=True, strengths=STRENGTHS, folds=3, repeats=2, epochs=40)
    plan = make_plan("mlp:4", dataset_from_arrays(*table()), L1(), options)
    assert (plan.folds, plan.pilot().folds) == (6, 3)
    strengths = plan.problem.terms.unregularized
    assert len(plan.pilot().jobs(0, strengths, 1)) == 3


def test_where_scores_say_nothing_the_list_reaches_to_the_least_loss() -> None:
    scores = np.full((20, 3), 0.8)
    losses = np.tile(np.abs(np.arange(20.0) - 4)[:, None], 3)
    places = shortlist(scores, losses)
    assert min(abs(place - 4) for place in places) <= 2
    assert {18, 19} & set(places)
    assert len(places) <= 6


def test_a_list_that_the_end_of_the_grid_cuts_short_is_filled() -> None:
    """Of pilots that learned nothing three strengths were left, and the best lay between two."""
    for count in (10, 20, 40, 100):
        places = shortlist(np.full((count, 3), 0.48))
        assert len(places) >= 4
        assert np.diff(places).max() <= 3 * -(-count // 10)
