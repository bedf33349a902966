"""The linear engine against scikit-learn's own solvers, on the same rows and the same strength."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import ElasticNet as SklearnElasticNet
from sklearn.linear_model import Lasso, LogisticRegression, MultiTaskLasso, Ridge

from shrinkage import fit_path
from shrinkage.errors import InputError
from shrinkage.paths.engines.linear import LinearEngine, solver
from shrinkage.penalties import L1, L2, ElasticNet, GroupLasso

STRENGTHS = (0.001, 0.03, 0.2)


def nothing(_: int) -> None:
    """Take no notice of progress."""


def solve(make, penalty, **kwargs):
    problem, unit = make("linear", penalty, strengths=STRENGTHS, **kwargs)
    trained = LinearEngine().train(problem, unit, nothing)
    assert trained.converged.all()
    rows = unit.data.rows.take(unit.data.train)
    weight = None if rows.weight is None else rows.weight.numpy()
    x, y = rows.x.numpy(), rows.target.numpy()
    return trained.arrays["0.weight"].numpy(), trained.arrays["0.bias"].numpy(), x, y, weight


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    ("penalty", "peer"),
    [
        (L1(), lambda s, _: Lasso(alpha=s, tol=1e-14, max_iter=10**6)),
        (ElasticNet(0.3), lambda s, _: SklearnElasticNet(alpha=s, l1_ratio=0.3, tol=1e-14)),
        (L2(), lambda s, total: Ridge(alpha=s * total, solver="cholesky")),
    ],
    ids=["lasso", "elastic-net", "ridge"],
)
def test_regression_is_scikit_learns(make, penalty, peer, weighted):
    weights, biases, x, y, sample_weight = solve(
        make, penalty, task="regression", weighted=weighted
    )
    total = len(y) if sample_weight is None else sample_weight.sum()
    for row, strength in enumerate(STRENGTHS):
        # scikit-learn divides by the sum of the weights, the engine by the number of rows.
        scale = 1.0 if sample_weight is None else len(y) / sample_weight.sum()
        model = peer(strength * scale, total).fit(x, y, sample_weight=sample_weight)
        np.testing.assert_allclose(weights[row, 0], model.coef_, rtol=0, atol=1e-7)
        np.testing.assert_allclose(biases[row, 0], model.intercept_, rtol=0, atol=1e-7)
        assert ((weights[row, 0] == 0) == (model.coef_ == 0)).all()


def test_l2_classification_is_scikit_learns_multinomial(make):
    weights, _, x, y, _ = solve(make, L2())
    for row, strength in enumerate(STRENGTHS):
        model = LogisticRegression(C=1 / (strength * len(y)), tol=1e-12, max_iter=10_000)
        np.testing.assert_allclose(weights[row], model.fit(x, y).coef_, rtol=0, atol=1e-6)


def test_l1_classification_is_scikit_learns_multinomial(make):
    weights, _, x, y, _ = solve(make, L1())
    for row, strength in enumerate(STRENGTHS):
        model = LogisticRegression(
            C=1 / (strength * len(y)),
            l1_ratio=1.0,
            solver="saga",
            tol=1e-12,
            max_iter=100_000,
            random_state=0,
        )
        expected = model.fit(x, y).coef_
        np.testing.assert_allclose(weights[row], expected, rtol=1e-6, atol=1e-6)
        assert ((weights[row] == 0) == (np.abs(expected) < 1e-9)).all()


@pytest.mark.parametrize("penalty", [L1(), ElasticNet(0.4), GroupLasso(per="input")], ids=repr)
@pytest.mark.parametrize(
    ("task", "classes"), [("regression", 3), ("classification", 3), ("classification", 2)]
)
def test_critical_strength_from_both_sides(make, penalty, task, classes):
    facts = {"task": task, "classes": classes}
    problem, unit = make("linear", penalty, **facts)
    top = LinearEngine().critical_strength(problem, unit)
    assert top is not None
    _, unit = make("linear", penalty, **facts, strengths=(0.999 * top, 1.001 * top))
    weights = LinearEngine().train(problem, unit, nothing).arrays["0.weight"]
    assert bool((weights[0] != 0).any())
    assert not bool((weights[1] != 0).any())


def test_group_lasso_keeps_whole_inputs(make):
    weights, *_ = solve(make, GroupLasso(per="input"))
    used = (weights[-1] != 0).any(axis=0)
    assert 0 < used.sum() < weights.shape[2]
    assert ((weights[-1] != 0) == used).all()


def test_models_that_do_not_arrive_are_marked(make, monkeypatch):
    monkeypatch.setattr(solver, "_MOST", 1)
    problem, unit = make("linear", L1(), strengths=STRENGTHS)
    trained = LinearEngine().train(problem, unit, nothing)
    residual = None if trained.residual is None else trained.residual()
    assert residual is not None
    assert (trained.converged == (residual <= solver.GAP)).all()
    assert not trained.converged.all()


def test_a_model_is_the_same_alone_and_after_others(make):
    together, *_ = solve(make, L1())
    for row, strength in enumerate(STRENGTHS):
        problem, unit = make("linear", L1(), strengths=(strength,))
        alone = LinearEngine().train(problem, unit, nothing).arrays["0.weight"].numpy()
        np.testing.assert_allclose(together[row], alone[0], rtol=0, atol=1e-9)


@pytest.mark.parametrize("few", [150, 0], ids=["newton alone", "after L-BFGS"])
def test_separable_classes_end_at_strength_0_without_a_minimizer(make, monkeypatch, few):
    monkeypatch.setattr(solver, "FEW", few)
    problem, unit = make("linear", L2(), strengths=(0.0, 0.1), rows=50)
    trained = LinearEngine().train(problem, unit, nothing)
    assert trained.converged.tolist() == [False, True]
    rows = unit.data.rows.take(unit.data.train)
    outputs = trained.outputs(rows.x)[0].t()
    assert (outputs.argmax(dim=1) == rows.target).all()
    loss = torch.nn.functional.cross_entropy(outputs, rows.target)
    assert 1e-4 < loss < solver.SEPARATED  # 20,000 iterations would have come to 1e-7


@pytest.mark.parametrize("few", [150, 0], ids=["newton alone", "after L-BFGS"])
def test_classes_that_overlap_have_a_minimizer_at_strength_0(make, monkeypatch, few):
    monkeypatch.setattr(solver, "FEW", few)
    problem, unit = make("linear", L2(), strengths=(0.0,), rows=400)
    rows = unit.data.rows.take(unit.data.train)
    rows.target[:40] = rows.target[:40].flip(0)
    unit.data.rows.target[unit.data.train] = rows.target
    trained = LinearEngine().train(problem, unit, nothing)
    assert trained.converged.all()
    model = LogisticRegression(C=np.inf, tol=1e-12, max_iter=10_000)
    expected = model.fit(rows.x.numpy(), rows.target.numpy()).coef_
    ours = trained.arrays["0.weight"][0].numpy()
    np.testing.assert_allclose(ours - ours.mean(0), expected - expected.mean(0), rtol=0, atol=1e-5)


def test_decoupled_is_refused(make):
    problem, unit = make("linear", L1(), update="decoupled")
    with pytest.raises(InputError, match="proximal, gradient or loss"):
        LinearEngine().train(problem, unit, nothing)


def test_no_row_of_validation_is_used(make):
    problem, unit = make("linear", L1(), task="regression")
    before = LinearEngine().train(problem, unit, nothing).arrays["0.weight"]
    unit.data.rows.x[unit.data.validation] = 1e6
    after = LinearEngine().train(problem, unit, nothing).arrays["0.weight"]
    assert torch.equal(before, after)


def test_what_is_not_certified_is_told_with_the_gap_in_every_place(monkeypatch, tmp_path):
    monkeypatch.setattr(solver, "_MOST", 1)
    x, y = load_breast_cancer(return_X_y=True)
    options = {"strengths": (1e-3, 1e-2), "folds": 2, "progress": False}
    result = fit_path("linear", x[:200], y[:200], store=tmp_path / "run", **options)
    assert result.residual is not None
    gap = f"{result.residual.max(axis=1)[0]:.1g}"
    (told,) = [words for words in result.warnings if "not certified" in words]
    assert "strength 0 in 2 of 2 folds and on all training rows (" in told
    worst = told.partition(", 0.001 in 2 of 2 folds and on all training rows (")[2].partition(")")
    assert float(worst[0]) >= float(gap)
    table = (tmp_path / "run" / "path.csv").read_text()
    assert "residual" in table.splitlines()[0]
    page = (tmp_path / "run" / "report.html").read_text()
    assert ">residual<" in page
    assert f"{result.residual.max(axis=1)[0]:.1e}" in page


def test_separated_classes_at_strength_0_end_soon_with_a_word():
    random = np.random.default_rng(0)
    x, y = random.normal(size=(60, 3)), np.arange(60) % 2
    x[:, 0] += 8.0 * y
    result = fit_path("linear", x, y, strengths=(0.0, 0.01), folds=2, progress=False)
    assert any("hyperplane" in words and "strength 0 in" in words for words in result.warnings)


@pytest.mark.parametrize("classes", [2, 3])
def test_rows_that_a_column_separates_are_told_though_others_overlap(classes):
    """The gradient goes to 0 and is no certificate; no strength of the grid is 0."""
    random = np.random.default_rng(0)
    x, y = random.normal(size=(300, 3)), np.arange(300) % classes
    options = {"penalty": L2(), "strengths": (0.01, 0.1), "folds": 2, "progress": False}
    plain = fit_path("linear", x, y, **options)
    assert not any("not certified" in words for words in plain.warnings)
    x[:, 2] = (y == 1) & (random.random(300) < 0.3)
    result = fit_path("linear", x, y, **options)
    (told,) = [words for words in result.warnings if "not certified" in words]
    assert "all training rows" in told
    assert "separates classes, or some rows" in told
    assert "in 2 of 2 folds" in told
    assert "0.01 " not in told


@pytest.mark.parametrize(("to_x", "to_y", "what"), [(0, 1e15, "the target"), (1e15, 0, "columns")])
def test_numbers_far_from_0_beside_their_spread_have_no_certificate_and_are_named(to_x, to_y, what):
    """The intercept of such numbers is rounded to an eighth."""
    random = np.random.default_rng(0)
    x = random.normal(size=(60, 3))
    y = x[:, 0] + random.normal(size=60)
    options = {"strengths": (0.01, 0.1), "folds": 2, "progress": False, "standardize": False}
    plain, far = (fit_path("linear", x + a, y + b, **options) for a, b in ((0, 0), (to_x, to_y)))
    assert not any("not certified" in words for words in plain.warnings)
    (told,) = [words for words in far.warnings if "not certified" in words]
    assert f"the numbers of {what} hardly differ" in told
    assert "0.1 in 2 of 2 folds and on all training rows (" in told
    assert "no finite weights" not in told


def test_a_fold_without_a_certificate_is_told_with_how_many(monkeypatch):
    random = np.random.default_rng(0)
    x, y = random.normal(size=(120, 3)), np.arange(120) % 2
    options = {"penalty": L2(), "strengths": (0.01, 0.1), "folds": 3, "progress": False}
    solve = solver.Solver.solve
    seen = []

    def once(self, norms):
        seen.append(norms.beta)
        solved = solve(self, norms)
        return replace(solved, gap=0.5) if seen.count(0.005) == 2 and norms.beta else solved

    monkeypatch.setattr(solver.Solver, "solve", once)
    monkeypatch.setattr(solver.Solver, "_together", lambda *_: None)
    result = fit_path("linear", x, y, **options)
    (told,) = [words for words in result.warnings if "not certified" in words]
    assert "strength 0.01 in 1 of 3 folds (0.5)" in told


SEVERAL = {
    "test_size": 0,
    "standardize": False,
    "folds": 2,
    "repeats": 1,
    "refit": "all",
    "progress": False,
}


def several_targets(rows: int, inputs: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    x = random.normal(size=(rows, inputs))
    return x, x[:, :3] @ random.normal(size=(3, 3)) + 0.5 * random.normal(size=(rows, 3))


@pytest.mark.parametrize(("rows", "inputs"), [(80, 12), (40, 300)])
def test_several_numbers_under_groups_are_scikit_learns_with_a_certificate(rows, inputs):
    """They were solved by gradients before, without a gap that anybody could read."""
    x, y = several_targets(rows, inputs)
    path = fit_path(
        "linear", x, y, penalty=GroupLasso(), strengths=[0.0, 0.05, 0.2, 0.6], **SEVERAL
    )
    assert path.residual is not None
    assert path.residual.max() <= 1e-6
    for place, strength in enumerate(path.strengths[1:], start=1):
        weights = path.model(place).state_dict()["0.weight"].numpy()
        peer = MultiTaskLasso(alpha=strength * np.sqrt(3), tol=1e-12, max_iter=10**6).fit(x, y)
        np.testing.assert_allclose(weights, peer.coef_, rtol=0, atol=1e-5)
        np.testing.assert_array_equal(weights == 0, peer.coef_ == 0)


def test_several_labels_under_groups_have_a_certificate():
    x, outputs = several_targets(90, 40)
    path = fit_path(
        "linear",
        x,
        (outputs > 0).astype(int),
        penalty=GroupLasso(),
        fixed=1e-3 * L2(),
        strengths=[0.005, 0.02, 0.05],
        **SEVERAL,
    )
    assert path.residual is not None
    assert path.residual.max() <= 1e-6
    weights = path.model(1).state_dict()["0.weight"].numpy()
    kept = (weights != 0).any(axis=0)
    assert 0 < kept.sum() < 40
    assert (weights[:, kept] != 0).all()


@pytest.mark.parametrize("targets", [1, 3])
@pytest.mark.parametrize("penalty", [L1(), L2(), ElasticNet(0.3), GroupLasso()], ids=repr)
def test_columns_without_a_penalty_leave_the_certificate(penalty, targets):
    """They were solved by gradients: no gap in the result, and a tenth of the speed."""
    x, y = several_targets(60, 15)
    y = y if targets > 1 else y[:, 0]
    path = fit_path(
        *("linear", x, y), penalty=penalty, free=["x14"], strengths=[0.03, 0.2], **SEVERAL
    )
    assert path.residual is not None
    assert path.residual.max() <= 1e-6
    weights = path.model(1).state_dict()["0.weight"].numpy()
    assert (weights[:, 14] != 0).all()
    beside = np.column_stack([np.ones(60), x[:, 14]])  # what it explains, taken from all others
    left_x, left_y = (
        own - beside @ np.linalg.lstsq(beside, own)[0] for own in (x[:, :14], y.reshape(60, -1))
    )
    alone = fit_path(
        *("linear", left_x, left_y if targets > 1 else left_y[:, 0]),
        penalty=penalty,
        strengths=[0.03, 0.2],
        **SEVERAL,
    )
    expected = alone.model(1).state_dict()["0.weight"].numpy()
    np.testing.assert_allclose(weights[:, :14], expected, rtol=0, atol=1e-6)
