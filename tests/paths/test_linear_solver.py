"""The solver of linear models: against the slower way, by its certificate, on odd tables."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.preprocessing import StandardScaler

from shrinkage.paths.engines.linear import in_calls, kernels
from shrinkage.paths.engines.linear import solver as solving
from shrinkage.paths.engines.linear.classes import Logistic, Softmax
from shrinkage.paths.engines.linear.family import Family
from shrinkage.paths.engines.linear.intercepts import Intercepts
from shrinkage.paths.engines.linear.kernels import Blocks, are_built, descend
from shrinkage.paths.engines.linear.losses import Squared
from shrinkage.paths.engines.linear.norms import Norms
from shrinkage.paths.engines.linear.ridges import Ridges
from shrinkage.paths.engines.linear.solver import Solver
from tests.builders.linear_losses import (
    INPUTS,
    KINDS,
    PENALTIES,
    loss_of,
    loss_on,
    norms_of,
    table,
)


def objective(loss, norms: Norms, weights: np.ndarray, intercept: np.ndarray) -> float:
    return loss.at(weights, intercept).value + norms.value(weights)


def by_gradients(loss, norms: Norms) -> tuple[np.ndarray, np.ndarray]:
    """Return the minimizer by plain proximal gradient steps with momentum and restarts."""
    place, (w, b) = loss.at(np.zeros((loss.outputs, loss.x.shape[1])), loss.start()), (None, None)
    wide = np.column_stack([loss.x, np.ones(len(loss.x))]) * np.sqrt(loss.share)[:, None]
    step = (1.0 if loss.is_even else 0.2) / (loss.bound * np.linalg.norm(wide, 2) ** 2)
    w, b = place.weights, place.intercept
    ahead, there, momentum = (w, b), objective(loss, norms, w, b), 1.0
    for _ in range(20_000):
        at = loss.at(*ahead)
        new_w = norms.prox(ahead[0] - step * at.pull @ loss.x, step)
        new_b = ahead[1] - step * at.pull.sum(axis=1) * loss.has_intercept
        value = objective(loss, norms, new_w, new_b)
        momentum = 1.0 if value > there else momentum
        grown = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
        ratio = (momentum - 1) / grown
        ahead = new_w + ratio * (new_w - w), new_b + ratio * (new_b - b)
        moved = max(np.abs(new_w - w).max(), np.abs(new_b - b).max())
        w, b, there, momentum = new_w, new_b, value, grown
        if moved < 1e-13:
            break
    return w, b


@pytest.mark.parametrize("words", PENALTIES)
@pytest.mark.parametrize("kind", KINDS)
def test_the_minimizer_is_that_of_plain_steps_with_the_same_zeros(kind, words):
    loss = loss_of(kind)
    norms = norms_of(words, loss.outputs)
    solved = Solver(loss).solve(norms)
    expected, intercept = by_gradients(loss, norms)
    assert solved.gap <= 1e-9
    np.testing.assert_allclose(solved.weights, expected, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(solved.weights == 0, np.abs(expected) < 1e-9)
    np.testing.assert_allclose(
        solved.intercept, loss.intercept_of(expected, intercept), rtol=0, atol=1e-5
    )
    if "free" in words:
        assert (solved.weights[:, 1] != 0).all()


@pytest.mark.parametrize("words", ["l1", "l1 l2", "l1 group", "group l2"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_certificate_is_never_below_the_true_distance(kind, words, monkeypatch):
    """Ended early, a model is as far from the best objective as its gap says, or nearer."""
    loss = loss_of(kind)
    norms = norms_of(words, loss.outputs)
    best = Solver(loss).solve(norms)
    scale = Solver(loss)._zero.value
    monkeypatch.setattr(solving, "_EXACT", 0.1)
    monkeypatch.setattr(Solver, "_on_pattern", lambda _, place, __: place)
    early = Solver(loss, solving.Aim(np.inf, np.inf)).solve(norms)
    center = loss.center
    values = (
        [objective(loss, norms, s.weights, s.intercept + s.weights @ center) for s in (early, best)]
        if loss.has_intercept
        else [objective(loss, norms, s.weights, s.intercept) for s in (early, best)]
    )
    distance = (values[0] - values[1]) / scale
    assert distance > 1e-6
    assert early.gap >= distance * (1 - 1e-9)


@pytest.mark.parametrize("words", ["l1", "l1 l2", "l2", "group"])
@pytest.mark.parametrize("kind", KINDS)
def test_more_columns_than_rows_along_a_path(kind, words):
    loss = loss_of(kind, rows=30, inputs=300)
    solver = Solver(loss)
    counts = []
    for strength in (0.3, 0.1, 0.03, 0.01):
        solved = solver.solve(norms_of(words, loss.outputs, 300, strength))
        assert solved.gap <= solving.GAP
        counts.append(int((solved.weights != 0).any(axis=0).sum()))
    if words == "l1":
        assert counts[-1] <= 30 * loss.outputs
    assert counts[0] == min(counts)
    assert counts[-1] >= counts[1]


@pytest.mark.parametrize("kind", KINDS)
def test_equal_constant_and_weightless_rows_and_columns(kind):
    x, outputs, share = table()
    x[:, 3] = x[:, 2]
    x[:, 5] = -0.1  # its mean is another number, by rounding
    share[:5] = 0.0
    loss = loss_on(kind, x, outputs, share)
    for words in ("l1", "l2", "group", "l1 l2"):
        solved = Solver(loss).solve(norms_of(words, loss.outputs))
        assert solved.gap <= solving.GAP
        assert np.isfinite(solved.weights).all()
        assert (solved.weights[:, 5] == 0).all()


@pytest.mark.parametrize("words", ["l1", "l2", "l1 l2"])
@pytest.mark.parametrize("kind", ["squared", "logistic", "softmax"])
def test_columns_that_differ_by_eight_orders_of_magnitude_are_certified(kind, words):
    x, outputs, share = table(130, 12)
    loss = loss_on(kind, x * np.geomspace(1e-4, 1e4, 12), outputs, share)
    pull = loss.at(np.zeros((loss.outputs, 12)), loss.start()).pull
    top = 2 * np.abs(pull @ loss.x).max()
    levels = np.geomspace(top, 1e-7 * top, 15)[:, None] * ("l1" in words, "l2" in words, 0.0)
    path = Solver(loss).path(Family(norms_of(words, loss.outputs), levels))
    assert path.gaps.max() <= solving.GAP


@pytest.mark.parametrize("rows", [40, 300])
@pytest.mark.parametrize("kind", ["squared", "logistic", "softmax"])
def test_under_ridges_only_a_constant_column_has_no_weight(kind, rows):
    x, outputs, share = table(rows, 60)
    x[:, 7] = -0.1
    loss = loss_on(kind, x, outputs, share)
    levels = np.geomspace(1, 1e-3, 5)[:, None] * (0.0, 1.0, 0.0)
    weights = Solver(loss).path(Family(norms_of("l2", loss.outputs, 60), levels)).weights
    assert (weights[:, :, 7] == 0).all()
    assert (np.delete(weights, 7, axis=2) != 0).all()


@pytest.mark.parametrize("words", ["l1 l2", "group", "l1 group"])
def test_the_compiled_descent_is_the_plain_one_to_rounding(words, monkeypatch):
    random = np.random.default_rng(0)
    x = random.normal(size=(60, 30)) + random.normal(size=(60, 1))
    curvature, gradient = x.T @ x / 60, random.normal(size=30)
    starts = np.arange(0, 31, 3 if "group" in words else 1)
    blocks = Blocks(np.arange(30) != 4, starts, np.sqrt(np.diff(starts)))
    level = np.array([0.1 * ("l1" in words), 0.01 * ("l2" in words), 1.0 * ("group" in words)])
    path = np.array([3 * level, level, 0.2 * level])
    built = descend(curvature, gradient, np.zeros(30), blocks, path, 1e-12, 10_000)
    monkeypatch.setattr(kernels, "_DESCEND", None)
    plain = descend(curvature, gradient, np.zeros(30), blocks, path, 1e-12, 10_000)
    assert built[1].all()
    assert plain[1].all()
    assert 0 < np.count_nonzero(built[0][1]) < 30
    np.testing.assert_allclose(built[0], plain[0], rtol=0, atol=1e-10)
    np.testing.assert_array_equal(built[0] == 0, plain[0] == 0)


def test_many_unknowns_take_products_and_few_the_matrix(monkeypatch):
    """Both end at the same weights."""
    loss = loss_of("softmax")
    norms = norms_of("group l2", 3)
    dense = Solver(loss).solve(norms)
    monkeypatch.setattr("shrinkage.paths.engines.linear.newton.MOST_DENSE", 0)
    products = Solver(loss).solve(norms)
    np.testing.assert_allclose(products.weights, dense.weights, rtol=0, atol=1e-6)


def test_ridges_of_squared_errors_are_solved_at_once():
    loss = loss_of("squared", rows=30, inputs=300)
    norms = norms_of("l2", 1, 300)
    place = loss.at(Ridges(loss).squares(np.array([norms.beta])), np.zeros(1))
    slope = place.pull @ loss.x + norms.beta * place.weights
    assert np.abs(slope).max() <= 1e-12


def test_two_classes_by_one_weight_are_two_classes_by_two():
    x, outputs, share = table()
    labels = (outputs[:, 0] > 0).astype(int)
    for words in ("l1", "l2", "group", "group free", "group l1 l2"):
        norms = norms_of(words, 2)
        two = Solver(Softmax(x, labels, share, 2)).solve(norms)
        family = Family(norms, norms.level[None]).of_two_classes()
        one = Solver(Logistic(x, labels, share)).solve(family.norms(0))
        difference = two.weights[1] - two.weights[0]
        np.testing.assert_allclose(one.weights[0], difference, rtol=0, atol=1e-6)


@pytest.mark.parametrize("words", ["l1", "l2", "l1 l2", "group", "group l2", "l1 group", "l1 free"])
def test_squared_errors_at_once_are_those_one_by_one(words):
    """Weights, intercepts and certificates, strength 0 included."""
    loss = loss_of("squared")
    strengths = np.array([0.5, 0.05, 0.005, 0.0])
    family = Family(norms_of(words, 1), strengths[:, None] * norms_of(words, 1, strength=1.0).level)
    path = Solver(loss).path(family)
    for place in range(len(strengths)):
        alone = Solver(loss).solve(family.norms(place))
        np.testing.assert_allclose(path.weights[place], alone.weights, rtol=0, atol=1e-6)
        np.testing.assert_array_equal(path.weights[place] == 0, alone.weights == 0)
        np.testing.assert_allclose(path.intercepts[place], alone.intercept, rtol=0, atol=1e-6)
    assert (path.gaps <= solving.GAP).all()


@pytest.mark.parametrize("words", ["l1", "l1 l2", "group", "group l2", "l1 group", "group free l2"])
def test_a_familys_numbers_are_those_of_each_penalty(words):
    random = np.random.default_rng(0)
    w, u = random.normal(size=(2, 3, INPUTS)) * (random.uniform(size=(2, 3, INPUTS)) < 0.7)
    levels = np.array([[0.5], [1.0], [3.0]]) * norms_of(words, 1, strength=1.0).level
    family = Family(norms_of(words, 1), levels)
    scales, conjugates = family.conjugates(u)
    for place in range(3):
        norms = family.norms(place)
        assert family.values(w)[place] == pytest.approx(norms.value(w[[place]]))
        scale, conjugate = norms.conjugate(u[[place]])
        assert (scales[place], conjugates[place]) == pytest.approx((scale, conjugate))


@pytest.mark.parametrize("built", [False, True])
def test_where_the_last_two_models_lead_is_taken_only_where_it_is_better(built, monkeypatch):
    """And the minimizer is the same without it."""
    monkeypatch.setattr(in_calls, "is_built", lambda: built and are_built())
    loss = loss_of("logistic")
    level = norms_of("l1", 1, strength=1.0).level
    family = Family(norms_of("l1", 1), np.geomspace(0.1, 0.005, 6)[:, None] * level)
    ahead = Solver(loss).path(family)
    monkeypatch.setattr(solving, "ahead", lambda _, __, now, ___: now)
    monkeypatch.setattr(in_calls, "shares", lambda levels: np.zeros(len(levels)))
    np.testing.assert_allclose(Solver(loss).path(family).weights, ahead.weights, rtol=0, atol=1e-7)


def test_the_least_loss_is_told_by_the_triangle_alone_and_where_no_column_depends_on_others():
    random = np.random.default_rng(2)
    x, y, share = random.normal(size=(30, 5)), random.normal(size=30), np.full(30, 1 / 30)
    expected = np.linalg.lstsq(x - x.mean(axis=0), y - y.mean())[0]
    least = Squared(x, y, share).least()
    assert least is not None
    np.testing.assert_allclose(least, expected, rtol=1e-12)
    dependent = np.column_stack([x, x[:, 0] + 1e-6 * x[:, 1]])
    assert Squared(dependent, y, share).least() is None
    assert Squared(x[:5], y[:5], share[:5]).least() is None  # square, and no triangle


def test_a_working_set_is_kept_only_where_it_serves():
    """Penalties of other groups, and other free inputs, after one another by one solver."""
    solver = Solver(loss_of("logistic"))
    others = norms_of("group", 1)
    assert others.labels is not None
    for norms in (
        norms_of("l1", 1),
        norms_of("group", 1),
        Norms(0.0, 0.0, 0.02, others.labels // 2, others.free),
        norms_of("group free", 1),
        norms_of("l1 free", 1),
        norms_of("l1", 1),
    ):
        alone = Solver(loss_of("logistic")).solve(norms)
        np.testing.assert_allclose(solver.solve(norms).weights, alone.weights, rtol=0, atol=1e-7)


def test_classes_with_hardly_any_ridge_on_columns_of_very_different_scales_are_certified():
    x, outputs, share = table(120, 10)
    loss = loss_on("softmax", x * np.geomspace(1e-4, 1e4, 10), outputs, share)
    pull = loss.at(np.zeros((3, 10)), loss.start()).pull
    levels = np.geomspace(1, 1e-10, 25)[:, None] * np.abs(pull @ loss.x).max() * (0.5, 0.5, 0.0)
    path = Solver(loss).path(Family(norms_of("l1 l2", 3, 10), levels))
    assert path.gaps.max() <= solving.GAP


@pytest.mark.parametrize("classes", [3, 4])
@pytest.mark.parametrize("beta", [0.01, 1.0, 100.0])
def test_what_classes_share_leaves_where_the_penalty_is_least(classes, beta):
    w = np.random.default_rng(classes).normal(size=(classes, 9))
    w[0, :4] = 0.0
    norms = Norms(0.7, beta, 0.0, None, np.arange(9) == 8)
    shared = norms.shared(w)
    assert shared[8] == 0
    grid = np.concatenate([w, shared + np.linspace(-3, 3, 20_001)[:, None]])
    left = np.abs(w - grid[:, None])[..., :8]
    least = (0.7 * left + 0.5 * beta * left**2).sum(axis=1).min(axis=0)
    own = np.abs(w - shared)[:, :8]
    assert ((0.7 * own + 0.5 * beta * own**2).sum(axis=0) <= least + 1e-12).all()
    if beta == 0.01 and classes == 3:  # a weak ridge and a middle one: exact zeros
        assert (own == 0).any(axis=0).all()


def test_weights_of_many_classes_under_a_weak_ridge_have_five_digits():
    """With a ridge the gap is of the order of the squared distance."""
    x, y = load_digits(return_X_y=True)
    x = StandardScaler().fit_transform(x[:, x.std(axis=0) > 0])[::2]
    loss = Softmax(x, np.asarray(y)[::2], np.full(len(x), 1 / len(x)), 10)
    levels = np.geomspace(1, 1e-4, 6)[:, None] * (0.0, 1.0, 0.0)
    family = Family(norms_of("l2", 10, x.shape[1]), levels)
    exact = Solver(loss, solving.Aim(1e-15, 1e-15)).path(family)
    np.testing.assert_allclose(Solver(loss).path(family).weights, exact.weights, atol=5e-6)


def counted(monkeypatch) -> list[int]:
    """Return a list that grows by each evaluation of a loss of classes."""
    at, calls = Softmax.at, []

    def counting(self, *place):
        calls.append(1)
        return at(self, *place)

    monkeypatch.setattr(Softmax, "at", counting)
    return calls


def test_ridges_of_many_classes_take_few_evaluations_a_model(monkeypatch):
    random, columns = np.random.default_rng(0), 300
    y, centres = random.integers(0, 3, 60), np.zeros((3, columns))
    centres[:, :20] = random.normal(size=(3, 20))
    x = random.normal(size=(60, columns)) + centres[y]
    loss, calls = Softmax(x, y, np.full(60, 1 / 60), 3), counted(monkeypatch)
    levels = np.geomspace(5, 5e-3, 10)[:, None] * (0.0, 1.0, 0.0)
    path = Solver(loss).path(Family(norms_of("l2", 3, columns), levels))
    assert path.gaps.max() <= 1e-12
    assert len(calls) <= 110


def test_intercepts_settle_where_the_loss_no_longer_tells_two_places_apart(monkeypatch):
    x = np.repeat(np.eye(3), 20, axis=0) + 0.1 * np.random.default_rng(0).normal(size=(60, 3))
    loss, calls = (
        Softmax(x, np.repeat(np.arange(3), 20), np.full(60, 1 / 60), 3),
        counted(monkeypatch),
    )
    settling, nothing = Intercepts(loss, 1e-6, 1e-6), Norms.none(np.zeros(3, dtype=bool))
    best = settling.settled(loss.at(8 * np.eye(3), np.zeros(3)), nothing)  # its loss is 1e-3
    for seed, size in product(range(10), (1e-6, 1e-8, 1e-9)):
        moved = size * np.random.default_rng(seed).normal(size=3)
        place = loss.at(best.weights, best.intercept + moved)
        calls.clear()
        place = settling.settled(place, nothing)
        assert np.abs(place.pull.sum(axis=1)).max() <= settling.left
        assert len(calls) <= 3


def test_ridges_that_the_decomposition_misses_go_on_from_the_better_of_two_places(monkeypatch):
    """Of columns over 15 orders of magnitude its place can be worse than the model before."""
    random = np.random.default_rng(0)
    x, labels = random.normal(size=(40, 100)), np.arange(40) % 3
    solver = Solver(Softmax(x, labels, np.full(40, 1 / 40), 3))
    strength, weaker = (Norms(0.0, beta, 0.0, None, np.zeros(100, bool)) for beta in (0.1, 0.09))
    solver.solve(strength)
    before = solver._now
    assert before.objective(weaker) < solver._zero.objective(weaker)
    monkeypatch.setattr(solver, "_by_ridges", lambda _: (solver._zero, 1.0))
    starts = []
    by_steps = solver._by_steps
    monkeypatch.setattr(
        solver, "_by_steps", lambda norms: starts.append(solver._now) or by_steps(norms)
    )
    assert solver.solve(weaker).gap <= 1e-6
    assert starts == [before]


@pytest.mark.parametrize("seed", range(3))
def test_ridges_of_classes_over_fifteen_orders_of_magnitude_are_certified(seed):
    """A gain in a column of 1e9 is less than the loss can tell, and its slope tells it."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(80, 107))
    labels = np.digitize(x[:, 4] + random.normal(size=80), [-0.5, 0.5])
    x[:, 50:54] = [1e12, 0.0, 1e12, 1e12] + x[:, 50:54] * [1e9, 1e-6, 1e-3, 1e-6]
    x[:, 100], x[:, 101], x[:, 102] = x[:, 0], 3.0, 0.0
    x[:, 104] = x[:, 1] * (1 + 1e-9 * random.normal(size=80))
    x[:, 105] = x[:, 2] + x[:, 3]
    x[:, 106] = 1e12 + 1e9 * x[:, 106]
    x, labels = x[np.arange(80) % 3 != 0], labels[np.arange(80) % 3 != 0]
    solver = Solver(Softmax(x, labels, np.full(len(x), 1 / len(x)), 3))
    nothing_free = np.zeros(107, dtype=bool)
    for beta in np.geomspace(1e3, 1e-5, 7):
        norms = Norms(0.0, beta, 0.0, None, nothing_free)
        solved = solver.solve(norms)
        assert solved.gap <= solving.GAP
        apart = x - solver._loss.center  # the gap once more, from the optimality of weights
        outputs = solved.weights @ apart.T + solver._now.intercept[:, None]
        chance = np.exp(outputs - outputs.max(axis=0))
        pull = (chance / chance.sum(axis=0) - (np.arange(3)[:, None] == labels)) / len(x)
        left = pull @ apart + beta * solved.weights
        assert np.sum(left**2) / (2 * beta) <= 2 * solving.GAP * solver._unit
