"""What a fold trains on: its rows, their scale, weights and order, and the loss of them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from shrinkage import L1, fit_path, select_columns
from shrinkage.datasets import Preprocessing, dataset_from_arrays
from shrinkage.errors import InputError
from shrinkage.paths.engines.losses import StackedCrossEntropy, StackedSquaredError
from shrinkage.paths.engines.recipe import Recipe
from shrinkage.paths.options import PathOptions
from shrinkage.paths.running.plan import make_plan
from shrinkage.paths.running.preparation import Preparation
from shrinkage.paths.running.row_splits import make_split
from tests.paths.tables import table


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


def test_the_preparation_of_a_fold_is_fitted_once_for_all_groups_of_strengths(monkeypatch):
    fitted: list[int] = []
    fit = Preprocessing.fit

    def counted(*arguments, **options):
        fitted.append(len(arguments[1]))
        return fit(*arguments, **options)

    monkeypatch.setattr(Preprocessing, "fit", counted)
    data = dataset_from_arrays(*table(), task="regression")
    split = make_split(data, 3, 0.2, 0, None)
    preparation = Preparation(data, split, True, torch.float64, torch.device("cpu"))
    first, again = ([preparation.fold(number) for number in (0, 1, 2)] for _ in range(2))
    for one, other in zip(first, again, strict=True):
        assert torch.equal(one.rows.x, other.rows.x)
    assert sorted(fitted) == sorted([len(split.train), *(len(train) for train, _ in split.folds)])


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


def test_jobs_of_another_group_have_other_names():
    X, y = table()
    data = dataset_from_arrays(X, y, task="regression")
    plan = make_plan("mlp:3", data, L1(), PathOptions(folds=3, epochs=1))
    settings = plan.problem.terms.settings([(0.1,), (0.2,)])
    names = [[job.name for job in plan.jobs(group, settings)] for group in range(3)]
    assert len({name for some in names for name in some}) == 9


@pytest.mark.parametrize("model", ["linear", "mlp:3"])
def test_a_row_of_weight_two_is_two_rows(model: str) -> None:
    rng = np.random.default_rng(0)
    X, noise = rng.normal(size=(30, 3)) * [1, 10, 100], rng.normal(size=30)
    weight, y = rng.integers(0, 3, size=30), X @ [1.0, 0.2, 0.0] + noise
    own = np.arange(30) % 3

    def path(copies: np.ndarray, sample_weight: np.ndarray | None):
        rows = np.repeat(np.arange(30), copies)
        folds = [(np.flatnonzero(own[rows] != k), np.flatnonzero(own[rows] == k)) for k in range(3)]
        return fit_path(model, X[rows], y[rows], strengths=(0.01, 0.1), folds=folds, epochs=9,
                        test_size=0, dtype="float64", sample_weight=sample_weight)  # fmt: skip

    weighted, repeated = path(np.ones(30, dtype=int), weight), path(weight, None)
    np.testing.assert_allclose(weighted.fold_scores, repeated.fold_scores, rtol=1e-6)
    np.testing.assert_allclose(weighted.predict(X), repeated.predict(X), rtol=1e-6)
    assert weighted.best.test_score is None
    assert weighted.summary["split"] == "no test rows; 3 folds of the user's own"


def test_columns_may_keep_their_own_units() -> None:
    X = np.random.default_rng(0).normal(size=(60, 2)) * [1.0, 50.0]
    raw = fit_path("linear", X, X @ [1.0, 0.02], strengths=(0.001, 0.1), folds=2, standardize=False)
    weight = raw.weights["unregularized"]["0.weight"]
    np.testing.assert_allclose(weight, [[1.0, 0.02]], rtol=1e-6)


def test_a_fold_whose_targets_are_all_alike_is_trained_on() -> None:
    X = np.random.default_rng(0).normal(size=(12, 2))
    y = np.array([0.0] * 8 + [1.0, 2.0, 3.0, 4.0])
    folds = [(np.arange(8), np.arange(8, 12)), (np.arange(4, 12), np.arange(4))]
    path = fit_path("mlp:3", X, y, strengths=(0.01, 0.1), folds=folds, epochs=2, test_size=0)
    assert np.isfinite(path.fold_scores[:, 0]).all()


@pytest.mark.parametrize("kind", [np.asarray, torch.tensor])
@pytest.mark.parametrize("call", [fit_path, select_columns])
def test_rows_in_the_place_of_the_model_are_told(call, kind) -> None:
    """Without a model the rows are taken for one: the message says what comes first."""
    rows = kind(np.zeros((6, 2)))
    with pytest.raises(InputError, match=r"expected a model first, got .* of shape \(6, 2\)"):
        call(rows, np.arange(6) % 2)


@pytest.mark.parametrize(
    ("first", "ignored", "what"), [(-1, -1, "leave out none"), (1, 1, "label 2"), (0, 0, "")]
)
def test_a_loss_that_would_leave_out_another_label_is_refused(first, ignored, what) -> None:
    X, y = table()[0], np.arange(len(table()[1])) % 3 + first
    quick = {"strengths": (0.01,), "folds": 2, "epochs": 1, "progress": False}
    loss = torch.nn.CrossEntropyLoss(ignore_index=ignored)
    if not what:
        assert fit_path("mlp:2", X, y, loss=loss, **quick).best.strength == 0.01
        return
    with pytest.raises(InputError, match=f"ignore_index {ignored} would.*{what}"):
        fit_path("mlp:2", X, y, loss=loss, **quick)
