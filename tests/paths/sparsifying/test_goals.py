"""Goals: how they are spelled, which points they take, and what is said where none will do."""

from __future__ import annotations

import numpy as np
import pytest

from shrinkage.errors import InputError
from shrinkage.paths import PathOptions
from shrinkage.paths.choosing.cross_validation import CrossValidation
from shrinkage.paths.results.goal import GoalRecord
from shrinkage.paths.results.records import Status
from shrinkage.paths.settings import Settings
from shrinkage.paths.sparsifying.choosing import point_of
from shrinkage.paths.sparsifying.goals import check_score, goal_of
from shrinkage.paths.sparsifying.ladder import compressions
from tests.processes import loaded_by

OK, DEAD = (list(Status).index(status) for status in (Status.OK, Status.COLLAPSED))
RECORD = GoalRecord(
    "", "weights", None, None, (60, 30, 15, 6), (4, 4, 3, 2), (900, 600, 400, 300), 120, 4, 1500
)
SCORES = [[0.94, 0.96], [0.97, 0.99], [0.96, 0.98], [0.5, 0.5]]


def validation(scores=SCORES, ends=(OK, OK, OK, OK)) -> CrossValidation:
    rows = tuple((120 / own,) for own in RECORD.weights)
    measures = {
        "score": np.array(scores),
        "status": np.repeat(np.array(ends)[:, None], 2, axis=1),
        "nonzero/0.weight": np.array([[50, 50], [25, 25], [12, 12], [6, 6]]),
        "nonzero/2.weight": np.array([[10, 10], [5, 5], [3, 3], [0, 0]]),
    }
    return CrossValidation(Settings(("cardinality",), rows), measures, {}, np.array([]))


@pytest.mark.parametrize(
    ("typed", "text"),
    [
        (" smallest ", "smallest"),
        ("50 features", "50 features"),
        ("1 feature", "1 feature"),
        ("3,000 weights", "3,000 weights"),
        ("Error 1.690 %", "error 1.69%"),
        ("score -0.5", "score -0.5"),
        ("20kB", "20 kB"),
        ("1.5 MiB", "1.5 MiB"),
        ("Smallest  Dense", "smallest dense"),
        ("smallest feature", "smallest features"),
        ("1 unit", "1 unit"),
        ("20kB dense", "20 kB dense"),
    ],
)
def test_what_is_typed_has_one_spelling(typed, text):
    assert goal_of(typed).text == text
    assert goal_of(text).text == text
    assert PathOptions(goal=typed).to_dict()["goal"] == text


@pytest.mark.parametrize(
    "typed", ["", "tiny", "0 features", "2.5 weights", "error 100%", "20", "-3 kB", None, 5]
)
def test_what_is_no_goal_is_refused(typed):
    with pytest.raises(InputError, match="expected a"):
        goal_of(typed)


@pytest.mark.parametrize(
    ("goal", "place"),
    [
        ("smallest", 2),  # within 0.01 of 0.98
        ("error 5%", 2),
        ("score 0.4", 3),
        ("30 weights", 1),
        ("29 weights", 2),
        ("3 features", 2),
        ("650 B", 1),
    ],
)
def test_the_point_that_is_asked_for(goal, place):
    assert point_of(goal_of(goal), RECORD, validation()) == place


def test_of_equal_scores_the_smaller_is_taken():
    equal = validation([[0.9, 0.9]] * 4)
    assert point_of(goal_of("40 weights"), RECORD, equal) == 3


def test_the_loss_may_choose_where_it_is_asked_to():
    folds = validation()
    folds.measures["validation_loss"] = np.array([[0.2, 0.4], [0.5, 0.7], [0.6, 0.8], [2.0, 2.0]])
    budget, smallest = goal_of("60 weights"), goal_of("smallest")
    assert [point_of(budget, RECORD, folds, own) for own in ("score", "loss")] == [1, 0]
    assert [point_of(smallest, RECORD, folds, own) for own in ("score", "loss")] == [2, 0]


def test_a_budget_that_no_point_meets_names_the_nearest():
    with pytest.raises(InputError, match=r"the nearest of the path scores 0\.9800 ± 0\.0100"):
        point_of(goal_of("error 1%"), RECORD, validation())
    with pytest.raises(InputError, match="the nearest that still learns has 6 weights"):
        point_of(goal_of("5 weights"), RECORD, validation())


def test_a_dead_layer_is_named_and_never_chosen():
    dead = validation(ends=(OK, OK, OK, DEAD))
    assert point_of(goal_of("score 0.4"), RECORD, dead) == 2
    with pytest.raises(InputError, match=r"all units of the layer 2 are dead.* has 15 weights"):
        point_of(goal_of("6 weights"), RECORD, dead)
    with pytest.raises(InputError, match="every size"):
        point_of(goal_of("smallest"), RECORD, validation(ends=(DEAD,) * 4))


def test_an_error_is_of_accuracy():
    check_score(goal_of("error 2%"), "accuracy")
    check_score(goal_of("score 0.9"), "r2")
    with pytest.raises(InputError, match="write 'score NUMBER'"):
        check_score(goal_of("error 2%"), "r2")


def test_compressions_keep_whole_numbers():
    own = compressions(97, (50, 20, 7))
    assert [int(97 / strength + 1e-6) for strength in own] == [50, 20, 7]


@pytest.mark.parametrize(
    "option",
    [{"fast": True}, {"nested": 3}, {"engine": "stacked"}, {"update": "decoupled"}, {"members": 8}],
)
def test_options_of_separate_models_are_refused(option):
    with pytest.raises(InputError, match="expected a goal without"):
        PathOptions(goal="smallest", **option)


def test_the_command_refuses_them_before_anything_heavy_is_loaded():
    code = """
from shrinkage.cli.path import command
from shrinkage.errors import InputError
try:
    command("digits", goal="smallest", members=8)
except InputError as error:
    assert "members=8" in str(error), error
else:
    raise AssertionError("not refused")
"""
    assert not loaded_by(code) & {"torch", "sklearn", "pandas", "shrinkage.datasets"}
