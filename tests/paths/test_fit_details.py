"""One exact number each for what a path measures, keeps and says, on data that is small."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import accuracy_score, r2_score

from shrinkage import L1, L2, fit_path
from shrinkage.atomic import write_bytes
from shrinkage.datasets import dataset_from_arrays
from shrinkage.errors import RunDirectoryError
from shrinkage.paths.choosing.cross_validation import CrossValidation
from shrinkage.paths.choosing.judging import judge
from shrinkage.paths.choosing.rules import Choice
from shrinkage.paths.engines.base import Trained, template
from shrinkage.paths.engines.curves import CurveRecorder
from shrinkage.paths.engines.losses import StackedCrossEntropy, StackedSquaredError
from shrinkage.paths.engines.recipe import Recipe
from shrinkage.paths.engines.sequential import SequentialEngine
from shrinkage.paths.engines.stacked import StackedEngine
from shrinkage.paths.options import PathOptions
from shrinkage.paths.results import Status
from shrinkage.paths.results.assembly import _curves
from shrinkage.paths.running.outcomes import UnitOutcome, validated
from shrinkage.paths.running.plan import make_plan
from shrinkage.paths.running.preparation import Preparation, make_split
from shrinkage.paths.running.store import fingerprint_of
from shrinkage.paths.settings import Settings

LINEAR = {"strengths": (0.05, 0.5, 1.0), "folds": 3}


def table(rows: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """Return rows whose columns have other scales, and a target with an offset."""
    random = np.random.default_rng(11)
    X = random.normal(size=(rows, 4)) * [1.0, 10.0, 0.1, 5.0] + [0.0, 3.0, 1.0, -7.0]
    signal = X[:, 0] + 0.2 * X[:, 1] + 3.0 * X[:, 2]
    return X, 50.0 + 4.0 * signal + random.normal(size=rows)


def nothing(_: int) -> None:
    """Take no notice of progress."""


def linear_stub(problem, unit, weight: torch.Tensor, converged: list[bool]) -> Trained:
    """Return models whose outputs are `weight · x`, with a first layer of the template's shape."""
    module = template(problem, unit)
    arrays = {
        name: torch.ones(len(weight), *value.shape, dtype=problem.dtype)
        for name, value in module.named_parameters()
    }
    return Trained(lambda x: weight @ x.t(), arrays, None, np.array(converged))


def test_a_fold_is_scaled_by_its_own_training_rows():
    X, y = table()
    data = dataset_from_arrays(X, y, task="regression")
    split = make_split(data, 3, 0.2, 0, None)
    preparation = Preparation(data, split, True, torch.float64, torch.device("cpu"))
    for number, (train, validation) in enumerate(split.folds):
        fold = preparation.fold(number)
        assert fold.validation is not None
        mean, scale = X[train].mean(axis=0), X[train].std(axis=0)
        for inside, rows in ((fold.train, train), (fold.validation, validation)):
            expected = (X[rows] - mean) / scale
            np.testing.assert_allclose(fold.rows.x[inside].numpy(), expected, rtol=0, atol=1e-12)
            target = (y[rows] - y[train].mean()) / y[train].std()
            np.testing.assert_allclose(fold.rows.target[inside].numpy(), target, atol=1e-12)
            np.testing.assert_array_equal(fold.raw_target[inside.numpy()], y[rows])


def test_weights_have_mean_one_over_the_training_rows_of_each_fold():
    X, y = table()
    weight = np.linspace(1.0, 9.0, len(y)) ** 2
    data = dataset_from_arrays(X, y, task="regression", sample_weight=weight)
    split = make_split(data, 3, 0.2, 0, None)
    preparation = Preparation(data, split, False, torch.float64, torch.device("cpu"))
    for number, (train, _) in enumerate(split.folds):
        fold = preparation.fold(number)
        assert fold.rows.weight is not None
        expected = weight[train] / weight[train].mean()
        np.testing.assert_allclose(fold.rows.weight[fold.train].numpy(), expected, rtol=1e-12)


def test_rows_set_apart_train_no_fold_but_the_refit():
    X, y = table()
    data = dataset_from_arrays(X, y, task="regression")
    apart = np.arange(40, 60)
    split = make_split(data, 5, 0.25, 0, apart)
    ((train, validation),) = split.folds
    np.testing.assert_array_equal(validation, apart)
    np.testing.assert_array_equal(np.sort([*train, *split.test]), np.arange(40))
    np.testing.assert_array_equal(split.train, np.sort([*train, *apart]))


def test_every_epoch_has_another_order_of_the_rows():
    recipe = Recipe(epochs=2, batch_size=8)
    first, again, second = (
        np.concatenate(list(recipe.batches(16, 0, epoch))) for epoch in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(np.sort(second), np.arange(16))


def test_half_squared_error_is_half_and_weighted():
    outputs, target = torch.tensor([[[1.0, 2.0]], [[0.0, 0.0]]]), torch.tensor([0.0, 4.0])
    assert StackedSquaredError()(outputs, target, None).tolist() == [1.25, 4.0]
    weight = torch.tensor([0.5, 1.5])
    assert StackedSquaredError()(outputs, target, weight).tolist() == [1.625, 6.0]


def test_cross_entropy_is_weighted():
    outputs, target = torch.zeros(1, 2, 2), torch.tensor([0, 1])
    outputs[0, 0, 0] = np.log(3.0)
    weight = torch.tensor([0.5, 1.5])
    expected = (0.5 * np.log(4 / 3) + 1.5 * np.log(2)) / 2
    assert float(StackedCrossEntropy()(outputs, target, weight)) == pytest.approx(
        expected, rel=1e-6
    )


def test_a_unit_is_scored_on_its_validation_rows_with_their_weights(make):
    problem, unit = make("mlp:3", strengths=(0.0, 1.0), weighted=True)
    weight = torch.from_numpy(np.random.default_rng(0).normal(size=(2, 3, 6)))
    values = validated(problem, unit, linear_stub(problem, unit, weight, [True, True])).values
    data = unit.data
    assert data.rows.weight is not None
    losses = {}
    for name, positions in (("train_loss", data.train), ("validation_loss", data.validation)):
        logits = weight @ data.rows.x[positions].t()
        row_losses = [
            torch.nn.functional.cross_entropy(
                model.t(), data.rows.target[positions], reduction="none"
            )
            for model in logits
        ]
        losses[name] = [float((row * data.rows.weight[positions]).mean()) for row in row_losses]
        np.testing.assert_allclose(values[name], losses[name], rtol=1e-12)
    assert losses["train_loss"] != losses["validation_loss"]
    inside = data.validation.numpy()
    predicted = (weight @ data.rows.x[inside].t()).argmax(dim=1).numpy()
    expected = [
        accuracy_score(data.raw_target[inside], p, sample_weight=data.rows.weight.numpy()[inside])
        for p in predicted
    ]
    np.testing.assert_allclose(values["score"], expected, rtol=1e-12)


def test_the_test_score_is_weighted_and_that_of_the_refit():
    X, y = table(80)
    weight = np.random.default_rng(1).uniform(0.1, 3.0, len(y))
    result = fit_path("linear", X, y, sample_weight=weight, **LINEAR)
    assert result.model_file is not None
    test = np.array(result.model_file.test_rows)
    expected = r2_score(y[test], result.predict(X[test]), sample_weight=weight[test])
    assert result.best.test_score == pytest.approx(expected, rel=1e-12)
    assert result.best.test_score != pytest.approx(r2_score(y[test], result.predict(X[test])))
    assert result.best.test_score != result.best.cv_score


def test_curve_points_come_after_the_epochs_they_name_and_from_validation_rows(make):
    problem, unit = make("mlp:3", epochs=90, strengths=(0.0,))
    recorder = CurveRecorder.for_unit(problem, unit)
    weight = torch.from_numpy(np.random.default_rng(0).normal(size=(1, 3, 6)))
    for epoch in range(90):
        recorder.record(epoch, np.array([float(epoch)]), lambda x: weight @ x.t())
    curves = recorder.curves()
    assert curves is not None
    np.testing.assert_array_equal(curves.epochs, np.arange(3, 91, 3))
    np.testing.assert_array_equal(curves.train_loss[:, 0], curves.epochs - 1)
    _, score, loss = judge(problem, unit.data, lambda x: weight @ x.t(), unit.data.validation)
    np.testing.assert_array_equal(curves.validation_loss[-1], loss)
    np.testing.assert_array_equal(curves.validation_score[-1], score)


@pytest.mark.parametrize("engine", [StackedEngine(), SequentialEngine()], ids=lambda e: e.name)
def test_the_training_loss_of_an_epoch_is_the_mean_of_its_batches(make, engine):
    problem, unit = make("mlp:3", strengths=(0.0, 0.1), rows=112 + 40, learning_rate=1e-15)
    curves = engine.train(problem, unit, nothing).curves
    assert curves is not None
    rows = unit.data.rows.take(unit.data.train)
    with torch.no_grad():
        logits = template(problem, unit)(rows.x)
    expected = float(torch.nn.functional.cross_entropy(logits, rows.target))
    np.testing.assert_allclose(curves.train_loss, expected, rtol=1e-9)


def table_of(*strengths: float) -> Settings:
    """Return settings of one term."""
    return Settings(("l1",), tuple((strength,) for strength in strengths))


def cross_validation(count: int = 3, folds: int = 2) -> CrossValidation:
    """Return strengths 1, 2, … whose every number is its own."""
    random = np.random.default_rng(3)
    outcome = [
        UnitOutcome(
            {
                "score": random.normal(size=count + 1),
                "status": np.zeros(count + 1),
                "curve/epochs": np.array([1, 2]),
                "curve/train_loss": random.normal(size=(2, count + 1)),
                "curve/validation_loss": random.normal(size=(2, count + 1)),
                "curve/validation_score": random.normal(size=(2, count + 1)),
            }
        )
        for _ in range(folds)
    ]
    found = CrossValidation.of(table_of(0.0, *(1.0 + k for k in range(count))), outcome)
    np.testing.assert_array_equal(found.measures["score"][:, 1], outcome[1].values["score"][1:])
    assert found.unregularized is not None
    np.testing.assert_array_equal(
        found.unregularized.measures["score"][0], [part.values["score"][0] for part in outcome]
    )
    for name in ("train_loss", "validation_loss", "validation_score"):
        zero = [part.values[f"curve/{name}"][:, 0] for part in outcome]
        np.testing.assert_array_equal(found.unregularized.curves[name][0].T, zero)
    return found


def test_curves_are_fold_means_of_the_models_that_they_name():
    found = cross_validation()
    assert found.unregularized is not None
    drawn = {curve.role: curve for curve in _curves(found, Choice(0, 2))}
    for role, source, row in (
        ("best", found, 0),
        ("one_standard_error", found, 2),
        ("unregularized", found.unregularized, 0),
    ):
        assert drawn[role].strength == source.strengths[row]
        for name in ("train_loss", "validation_loss", "validation_score"):
            expected = source.curves[name][row].mean(axis=1)
            np.testing.assert_array_equal(getattr(drawn[role], name), expected)


@pytest.mark.parametrize("below", [True, False])
def test_added_strengths_and_their_numbers_go_to_their_side(below):
    found = cross_validation()
    added = (0.25, 0.5) if below else (4.0, 5.0)
    values = {name: np.full((2, 2), 9.0) for name in ("a", "b")}
    extra = [
        UnitOutcome(
            {
                "score": np.array([7.0, 8.0]),
                "status": np.zeros(2),
                "curve/epochs": np.array([1, 2]),
                "curve/train_loss": values["a"],
                "curve/validation_loss": values["a"],
                "curve/validation_score": values["b"],
            }
        )
    ] * 2
    longer = found.extended(table_of(*added), extra, below=below)
    assert list(longer.strengths) == sorted((*found.strengths, *added))
    place = slice(0, 2) if below else slice(3, 5)
    rest = slice(2, 5) if below else slice(0, 3)
    np.testing.assert_array_equal(longer.mean[place], [7.0, 8.0])
    np.testing.assert_array_equal(longer.mean[rest], found.mean)
    np.testing.assert_array_equal(longer.curves["train_loss"][place], 9.0)
    assert longer.unregularized is found.unregularized


def test_jobs_of_another_group_have_other_names():
    X, y = table()
    data = dataset_from_arrays(X, y, task="regression")
    plan = make_plan("mlp:3", data, L1(), PathOptions(folds=3, epochs=1))
    settings = plan.problem.terms.settings([(0.1,), (0.2,)])
    names = [[job.name for job in plan.jobs(group, settings)] for group in range(3)]
    assert len({name for some in names for name in some}) == 9


def test_each_end_of_training_has_its_status(make):
    problem, unit = make("mlp:3", strengths=(0.0,) * 5)
    weight = torch.from_numpy(np.random.default_rng(0).normal(size=(5, 3, 6)))
    weight[1] = 0.0
    weight[2] = torch.nan
    trained = linear_stub(problem, unit, weight, [True, True, True, False, True])
    trained.arrays["0.bias"][4] = torch.inf
    ends = ["ok", "collapsed", "diverged", "not_converged", "diverged"]
    outcome = validated(problem, unit, trained)
    assert [str(status) for status in outcome.status] == ends
    assert np.isnan(outcome.values["score"][2])


def test_status_of_a_strength_over_its_folds():
    known = list(Status)
    rows = {
        Status.DIVERGED: ("ok", "diverged", "collapsed"),
        Status.COLLAPSED: ("collapsed", "ok", "collapsed"),
        Status.NOT_CONVERGED: ("not_converged", "ok", "collapsed"),
        Status.OK: ("ok", "ok", "collapsed"),
    }
    codes = np.array([[known.index(Status(word)) for word in row] for row in rows.values()])
    found = CrossValidation(table_of(1.0, 2.0, 3.0, 4.0), {"status": codes}, {}, np.array([]))
    assert found.status == tuple(rows)


def test_zeros_norms_and_inputs_are_those_of_the_weights(make):
    problem, unit = make("mlp:3", strengths=(0.0, 1.0))
    weight = torch.from_numpy(np.random.default_rng(0).normal(size=(2, 3, 6)))
    trained = linear_stub(problem, unit, weight, [True, True])
    first = trained.arrays["0.weight"]
    first[1] = 0.0
    first[1, 0, :2] = torch.tensor([3.0, -4.0], dtype=first.dtype)
    values = validated(problem, unit, trained).values
    counts = {name: value.tolist() for name, value in values.items() if "nonzero" in name}
    assert counts == {"nonzero/0.weight": [18, 2], "nonzero/2.weight": [9, 9]}
    np.testing.assert_allclose(values["norm/0.weight"], [np.sqrt(18.0), 5.0])
    assert values["inputs_kept"].tolist() == [6, 2]


def test_the_summary_counts_what_the_arrays_hold():
    X, y = table()
    result = fit_path("linear", X, y, **LINEAR)
    assert result.summary["nonzero"] == result.nonzero.mean(axis=1).tolist()
    assert result.inputs_kept is not None
    assert result.summary["inputs_kept"] == result.inputs_kept.mean(axis=1).tolist()
    refitted = {0.0, result.best.strength, result.one_standard_error.strength}
    assert result.summary["models_trained"] == 3 * (3 + 1) + len(refitted)


def test_biases_are_neither_penalised_nor_counted():
    X, y = table()
    result = fit_path("mlp:3", X, y, strengths=(0.01, 0.1), folds=2, epochs=1)
    terms = {row.parameter: bool(row.term) for row in result.assignment}
    assert terms == {"0.weight": True, "0.bias": False, "2.weight": True, "2.bias": False}
    assert [layer.name for layer in result.layers] == ["0.weight", "2.weight"]
    assert result.best.total_weights == 4 * 3 + 3


def test_each_position_gives_its_own_model_in_the_targets_unit():
    X, y = table()
    result = fit_path("linear", X, y, refit="all", **LINEAR)
    norms = [float(result.model(index)[0].weight.detach().norm()) for index in range(3)]
    assert norms[0] > norms[1] > norms[2]
    for chosen in (result.best, result.one_standard_error):
        assert torch.equal(
            result.model(chosen.index)[0].weight, result.model(chosen.role)[0].weight
        )
    network = fit_path("mlp:4", X, y, strengths=(1e-4, 1e-3), folds=2, epochs=40)
    outputs = network.decision(X)[:, 0]
    assert network.model_file is not None
    rows = np.setdiff1d(np.arange(len(y)), network.model_file.test_rows)
    expected = y[rows].mean() + y[rows].std() * outputs
    np.testing.assert_allclose(network.predict(X), expected, rtol=1e-6)


@pytest.mark.parametrize("change", ["X", "y", "weight", "penalty", "seed"])
def test_a_run_with_another_input_is_another_run(tmp_path, change):
    X, y = table()
    given = {"X": X, "y": y, "weight": np.ones(len(y)), "penalty": L1(), "seed": 0}
    # A module brings its own weights, which therefore do not tell the seed.
    module = torch.nn.Sequential(torch.nn.Linear(4, 1))

    def run():
        return fit_path(
            module,
            given["X"],
            given["y"],
            sample_weight=given["weight"],
            penalty=given["penalty"],
            seed=given["seed"],
            store=tmp_path / "run",
            resume=True,
            epochs=1,
            **LINEAR,
        )

    (tmp_path / "run" / "state").mkdir(parents=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("shrinkage.run.PathRun.write", lambda *_: None)
        run()
    other = {"penalty": L2(), "seed": 1}
    given[change] = other[change] if change in other else np.roll(given[change], 1) * 2
    with pytest.raises(RunDirectoryError, match="other data or settings"):
        run()


def test_the_name_of_a_column_is_part_of_the_data():
    frame = pd.DataFrame({"a": [1.0, 2.0]})
    same = fingerprint_of({}, {"X": frame})
    assert same == fingerprint_of({}, {"X": frame.copy()})
    assert same != fingerprint_of({}, {"X": frame.rename(columns={"a": "b"})})
    assert same != fingerprint_of({}, {"X": frame + 1})


def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "kept.txt"
    write_bytes(path, b"old")

    def refuse(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(RunDirectoryError, match="No space left"):
        write_bytes(path, b"new and longer")
    assert path.read_bytes() == b"old"
    assert [left.name for left in tmp_path.iterdir()] == ["kept.txt"]
