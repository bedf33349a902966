"""Constraints: the projection is the nearest point by exhaustion, and holds after every step."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from shrinkage.errors import InputError
from shrinkage.parameters import ParameterInfo
from shrinkage.penalties import (
    L1,
    L2,
    Cardinality,
    GlobalCardinality,
    MaxNorm,
    NOfM,
    NonNegative,
    Penalty,
    Rank,
    penalty_from_name,
)
from shrinkage.terms import Part, assign, closed_form

torch = pytest.importorskip("torch")

RNG = np.random.default_rng(4)
W, STEP = RNG.standard_normal((3, 4)), 10 ** RNG.uniform(-2, 1, (3, 4))


def nearest(candidates: np.ndarray, w: np.ndarray, step: np.ndarray) -> np.ndarray:
    """Return the candidate u with the least Σ (u − w)²/step."""
    return candidates[np.argmin(((candidates - w) ** 2 / step).sum(axis=-1))]


def supports(count: int, stay: int) -> np.ndarray:
    chosen = itertools.combinations(range(count), stay)
    return np.array([np.isin(np.arange(count), support) for support in chosen])


def test_cardinality_is_the_best_of_all_supports_in_the_metric() -> None:
    w, step = W.ravel(), STEP.ravel()
    expected = nearest(supports(12, 4) * w, w, step)
    for penalty in (Cardinality(keep=4), Cardinality().at(3.0), Cardinality(fraction=0.4)):
        np.testing.assert_array_equal(penalty.prox(W, STEP).ravel(), expected)
    assert not np.array_equal(Cardinality(keep=4).prox(W, 1.0).ravel(), expected)
    fixed = step * (np.arange(12) != 3)  # a weight of step 0 stays, and is one of the four
    got = Cardinality(keep=4).prox(W, fixed.reshape(W.shape)).ravel()
    those = supports(12, 4)
    rivals = those[those[:, 3]] * w
    with np.errstate(invalid="ignore"):
        best = np.argmin(np.nan_to_num((rivals - w) ** 2 / fixed).sum(axis=-1))
    np.testing.assert_array_equal(got, rivals[best])
    units = np.array([(mask * W).ravel() for mask in supports(4, 2)])
    got = Cardinality(keep=2, per="input").prox(W, STEP).ravel()
    np.testing.assert_array_equal(got, nearest(units, w, step))


def test_a_pattern_is_the_best_of_all_in_each_row() -> None:
    got = NOfM(2, 4).prox(W, STEP)
    for u, w, step in zip(got, W, STEP, strict=True):
        np.testing.assert_array_equal(u, nearest(supports(4, 2) * w, w, step))


def test_equal_weights_are_as_many_as_may_stay() -> None:
    assert np.count_nonzero(Cardinality(keep=5).prox(np.ones((3, 4)), 1.0)) == 5
    assert np.count_nonzero(NOfM(2, 4).prox(-np.ones((3, 4)), 1.0)) == 6


def test_max_norm_is_the_minimizer_that_scipy_finds() -> None:
    from scipy.optimize import minimize

    u = MaxNorm(radius=0.5).prox(W, STEP)
    for row, w, step in zip(u, W, STEP, strict=True):
        found = minimize(
            lambda x, w=w, step=step: ((x - w) ** 2 / step).sum(),
            w / 10,
            constraints={"type": "ineq", "fun": lambda x: 0.25 - (x**2).sum()},
            method="SLSQP",
            options={"ftol": 1e-14, "maxiter": 500},
        )
        np.testing.assert_allclose(row, found.x, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(u, axis=1), 0.5, rtol=1e-12)


@pytest.mark.parametrize(
    "penalty", [NonNegative(), Cardinality(keep=4), MaxNorm(0.5), NOfM(1, 4)], ids=repr
)
def test_with_l1_and_l2_it_is_the_best_of_many_points(penalty: Penalty) -> None:
    """The threshold comes first, the projection last, in the metric that the ridge leaves."""
    rng = np.random.default_rng(1)
    whole = closed_form([Part(0.2, L1()), Part(0.5, L2()), Part(1.0, penalty)])
    u = whole.prox(W, STEP)
    assert float(penalty.value(u)) == 0

    def objective(x: np.ndarray) -> float:
        return float(((x - W) ** 2 / (2 * STEP)).sum() + 0.2 * abs(x).sum() + 0.25 * (x**2).sum())

    for scale in (1e-3, 0.1, 1.0):
        for noise in rng.standard_normal((200, *W.shape)):
            rival = penalty.prox(u + scale * noise, 1.0)
            assert objective(u) <= objective(rival) + 1e-12


@pytest.mark.slow
def test_jax_projects_as_numpy_does() -> None:
    jax = pytest.importorskip("jax")
    with jax.enable_x64(True):
        for penalty in (Cardinality(keep=5), NOfM(2, 4), MaxNorm(0.5), NonNegative()):
            got = penalty.prox(jax.numpy.asarray(W), jax.numpy.asarray(STEP))
            np.testing.assert_allclose(np.asarray(got), penalty.prox(W, STEP), rtol=1e-12)


@pytest.mark.parametrize("update", ["proximal", "decoupled"])
@pytest.mark.parametrize("make", [torch.optim.SGD, torch.optim.Adam])
def test_after_every_step_each_model_of_a_stack_is_in_its_own_set(make: type, update: str) -> None:
    from shrinkage.pytorch import attach

    start = torch.tensor(RNG.standard_normal((3, 3, 4)))
    for penalty in (Cardinality(), MaxNorm(), NOfM(1, 4), NonNegative()):
        strengths = torch.tensor([0.0, 2.0, 6.0], dtype=torch.float64)
        stack = torch.nn.Parameter(start.clone())
        optimizer = make([stack], lr=0.05)
        attach(optimizer, {stack: [Part(strengths, penalty, update=update)]}, stacked=1)
        for _ in range(3):
            stack.grad = stack.detach() - 0.3
            optimizer.step()
            for k, strength in enumerate(strengths.tolist()[1:], 1):
                assert float(penalty.at(strength).value(stack[k].detach())) == 0
        free = torch.nn.Parameter(start[:1].clone())
        alone = make([free], lr=0.05)
        for _ in range(3):
            free.grad = free.detach() - 0.3
            alone.step()
        assert torch.equal(stack[0], free[0]), "strength 0 is no constraint"


@pytest.mark.slow
def test_a_path_over_compression_keeps_what_it_says() -> None:
    from sklearn.datasets import load_digits

    from shrinkage import fit_path

    X, y = load_digits(return_X_y=True)
    common = {"folds": 2, "epochs": 1, "progress": False}
    result = fit_path("mlp:8", X[:200], y[:200], penalty=Cardinality(), strengths=(1, 10), **common)
    first = result.nonzero[0] - 80  # all weights of both layers
    np.testing.assert_array_equal(result.nonzero[1], (first // 10) + 8)
    linear = fit_path(
        "linear", X[:100, :9], y[:100] < 5, penalty=L2(), strengths=(0.3, 1.0),
        fixed=1.0 * Cardinality(keep=3), **common,
    )  # fmt: skip
    assert (linear.nonzero <= 3).all()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Cardinality(fraction=0.0), "fraction"),
        (lambda: Cardinality(keep=-1), "keep"),
        (lambda: Cardinality(per="unit"), "expected per to be one of"),
        (lambda: NOfM(4, 4), "stay"),
        (lambda: NOfM(2, 3).prox(W, 1.0), "a multiple of 3 along axis 1"),
        (lambda: NOfM(2, 4).with_axes(None, 0), "with an input axis"),
        (lambda: MaxNorm(radius=0.0), "radius"),
        (lambda: penalty_from_name("max-norm", per="rows"), "expected per to be one of"),
    ],
)
def test_bad_sets_are_one_line(make: object, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        make()  # type: ignore[operator]
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("update", ["loss", "gradient"])
def test_a_constraint_is_refused_where_it_has_nothing_to_add(update: str) -> None:
    from shrinkage.pytorch import regularize

    model = torch.nn.Linear(4, 3)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(InputError, match="a constraint, got"):
        regularize(optimizer, model, 1.0 * Cardinality(keep=2), update=update)


@pytest.mark.parametrize("penalty", [Cardinality(keep=4, per="input"), Rank(keep=4)], ids=repr)
def test_a_layer_with_fewer_than_stay_keeps_all_and_some_layer_must_have_more(
    penalty: Penalty,
) -> None:
    """The best four inputs of a network whose last layer has three."""
    infos = (
        ParameterInfo("0.weight", (6, 9), input_axis=1, output_axis=0),
        ParameterInfo("2.weight", (6, 3), input_axis=1, output_axis=0),
    )
    assigned = assign(infos, 1.0 * penalty)
    assert all(assigned.parts.values())
    small = np.arange(18.0).reshape(6, 3)
    np.testing.assert_allclose(
        assigned.parts["2.weight"][0].penalty.prox(small, 1.0), small, atol=1e-12
    )
    with pytest.raises(InputError, match=r"keep=4 of 3 .* in 2.weight: keep fewer"):
        assign(infos[1:], 1.0 * penalty)


@pytest.mark.parametrize("shape", [(0,), (0, 3), (3, 0)], ids=str)
@pytest.mark.parametrize(
    "penalty", [Cardinality(), Cardinality(keep=2), GlobalCardinality(), MaxNorm(), Rank()], ids=str
)
def test_an_array_of_no_weights_is_in_every_set(penalty: Penalty, shape: tuple[int, ...]) -> None:
    assert float(penalty.value(np.zeros(shape))) == 0
    assert penalty.value(torch.zeros(2, *shape), 1).tolist() == [0, 0]
    penalty.check_shape(shape)
