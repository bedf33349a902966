"""Nuclear norm, rank, orthogonality: against SciPy, brute force, factors, and in training."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import linalg, optimize

from shrinkage.errors import InputError, UnsupportedOptimizer
from shrinkage.penalties import (
    L1,
    L2,
    NuclearNorm,
    Orthogonal,
    Penalty,
    Rank,
    SoftOrthogonality,
    penalty_from_name,
)
from shrinkage.terms import Part, closed_form

torch = pytest.importorskip("torch")

RNG = np.random.default_rng(5)
W = RNG.standard_normal((3, 4))
ALL = (NuclearNorm(), Rank(keep=1), SoftOrthogonality(), Orthogonal())


def by_factors(w: np.ndarray, step: float) -> np.ndarray:
    """Return the prox of the nuclear norm by minimizing over W = A·Bᵀ, ½(‖A‖² + ‖B‖²) being it."""
    rank = min(w.shape)

    def split(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        a = x[: w.shape[0] * rank].reshape(-1, rank)
        return a, x[a.size :].reshape(-1, rank)

    def objective(x: np.ndarray) -> tuple[float, np.ndarray]:
        a, b = split(x)
        gap = a @ b.T - w
        value = (gap**2).sum() / (2 * step) + (x**2).sum() / 2
        return value, np.concatenate([(gap @ b / step + a).ravel(), (gap.T @ a / step + b).ravel()])

    start = np.random.default_rng(0).standard_normal(sum(w.shape) * rank)
    found = optimize.minimize(
        objective, start, jac=True, method="BFGS", options={"gtol": 1e-10, "maxiter": 5000}
    )
    a, b = split(found.x)
    return a @ b.T


@pytest.mark.parametrize("step", [0.4, 1.3])
def test_the_nuclear_prox_is_what_minimizing_over_factors_finds(step: float) -> None:
    np.testing.assert_allclose(NuclearNorm().prox(W, step), by_factors(W, step), atol=1e-6)


def test_the_value_and_the_critical_strength_are_numpys_norms() -> None:
    assert float(NuclearNorm().value(W)) == pytest.approx(np.linalg.norm(W, "nuc"), rel=1e-13)
    assert float(NuclearNorm().critical_strength(W)) == pytest.approx(np.linalg.norm(W, 2))


def test_a_subgradient_where_rank_is_missing_is_the_smallest_of_many() -> None:
    w = np.outer(W[:, 0], W[0])
    g = NuclearNorm().gradient(w)
    assert np.linalg.matrix_rank(g) == 1
    assert np.linalg.norm(g) == pytest.approx(1)
    for noise in RNG.standard_normal((50, 3, 4)):  # Ω(v) ≥ Ω(w) + g·(v − w)
        above = NuclearNorm().value(w + noise) - NuclearNorm().value(w) - (g * noise).sum()
        assert above >= -1e-12


@pytest.mark.parametrize("keep", [1, 2])
def test_the_rank_projection_is_no_worse_than_alternating_least_squares(keep: int) -> None:
    got = Rank(keep=keep).prox(W, 0.7)
    assert np.linalg.matrix_rank(got) == keep
    b = RNG.standard_normal((4, keep))
    for _ in range(500):
        a = np.linalg.lstsq(b, W.T, rcond=None)[0].T
        b = np.linalg.lstsq(a, W, rcond=None)[0].T
    np.testing.assert_allclose(got, a @ b.T, atol=1e-8)


@pytest.mark.parametrize("w", [W, W.T, W[:, :3]], ids=["wide", "tall", "square"])
def test_the_orthogonal_projection_is_scipys_polar_factor(w: np.ndarray) -> None:
    got = Orthogonal().prox(w, 0.1)
    np.testing.assert_allclose(got, linalg.polar(w)[0], atol=1e-12)
    small = got @ got.T if w.shape[0] <= w.shape[1] else got.T @ got
    np.testing.assert_allclose(small, np.eye(len(small)), atol=1e-13)


@pytest.mark.parametrize("w", [W, W.T], ids=["wide", "tall"])
def test_soft_orthogonality_is_the_smaller_gram_matrix(w: np.ndarray) -> None:
    gram = w @ w.T if w.shape[0] <= w.shape[1] else w.T @ w
    expected = ((gram - np.eye(3)) ** 2).sum() / 4
    assert float(SoftOrthogonality().value(w)) == pytest.approx(expected, rel=1e-13)
    np.testing.assert_allclose(SoftOrthogonality().gradient(w), w @ (w.T @ w - np.eye(w.shape[1])))


@pytest.mark.parametrize("step", [0.2, 0.9, 1.0, 3.0, 50.0])
def test_its_cubic_has_the_lowest_point_of_a_dense_grid(step: float) -> None:
    grid = np.linspace(-4, 8, 240_001)
    for size in (0.0, 1e-3, 0.4, 1.0, 2.0, 7.0):
        w = np.diag([size, 0.5])
        got = SoftOrthogonality().prox(w, step)[0, 0]
        objective = (grid - size) ** 2 / (2 * step) + (grid**2 - 1) ** 2 / 4
        own = (got - size) ** 2 / (2 * step) + (got**2 - 1) ** 2 / 4
        assert own <= objective.min() + 1e-12
        assert abs(got) == pytest.approx(abs(grid[objective.argmin()]), abs=2e-3)


def test_its_longest_step_is_where_the_cubic_gets_a_second_minimum() -> None:
    """From both sides of 0 the prox meets up to a step of 1, and jumps beyond it."""
    penalty, near = SoftOrthogonality(), 1e-9
    assert penalty.longest_step() == 1
    for step, jumps in ((0.5, False), (0.9, False), (1.1, True), (4.0, True)):
        ahead, behind = (float(penalty.prox(np.array([[s]]), step)[0, 0]) for s in (near, -near))
        assert (abs(ahead - behind) > 0.1) is jumps


def test_a_convolution_is_a_matrix_of_outputs_by_inputs_and_kernel() -> None:
    w = RNG.standard_normal((3, 2, 2, 2))
    for penalty in ALL:
        flat = penalty.prox(w.reshape(3, 8), 0.3)
        np.testing.assert_allclose(penalty.prox(w, 0.3), flat.reshape(w.shape), atol=1e-14)
        keras = penalty.with_axes(2, 3).prox(w.transpose(2, 3, 1, 0), 0.3)
        np.testing.assert_allclose(keras, penalty.prox(w, 0.3).transpose(2, 3, 1, 0), atol=1e-13)


def test_a_ridge_folds_into_the_data_of_the_nuclear_norm() -> None:
    both = closed_form([Part(0.5, NuclearNorm()), Part(0.2, L2())])
    np.testing.assert_allclose(
        both.prox(W, 0.7), NuclearNorm().prox(W / 1.14, 0.35 / 1.14), atol=1e-14
    )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: NuclearNorm(rows=(0, 0)), "distinct whole numbers"),
        (lambda: NuclearNorm(rows=(2,)).value(W), "leave rows out"),
        (lambda: Rank(fraction=0), "fraction"),
        (lambda: NuclearNorm().prox(W, abs(W)), "one step for all weights of a matrix"),
        (lambda: penalty_from_name("rank", keep=-1), "keep"),
        (lambda: closed_form([Part(1.0, NuclearNorm()), Part(1.0, L1())]), "closed-form prox"),
    ],
)
def test_bad_input_is_one_line(make: object, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        make()  # type: ignore[operator]
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("penalty", ALL, ids=repr)
def test_an_optimizer_that_adapts_is_refused_with_what_works(penalty: Penalty) -> None:
    from shrinkage.pytorch import regularize

    model = torch.nn.Linear(4, 3)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1, weight_decay=0)
    with pytest.raises(UnsupportedOptimizer, match=r"AdamW, which adapts.*update='decoupled'"):
        regularize(optimizer, model, 1.0 * penalty)
    regularize(optimizer, model, 1.0 * penalty, "decoupled").detach()  # nothing was left behind


@pytest.mark.parametrize("kind", ["SGD", "Adam", "AdamW", "Muon"])
@pytest.mark.parametrize("penalty", ALL, ids=repr)
def test_a_decoupled_step_is_the_bare_one_and_then_the_prox(kind: str, penalty: Penalty) -> None:
    from shrinkage.pytorch import regularize

    make = getattr(torch.optim, kind, None)
    if make is None:
        pytest.skip(f"this torch has no {kind}")
    models = [torch.nn.Linear(4, 3, bias=False).double() for _ in range(2)]
    for model in models:
        model.weight.data = torch.tensor(W)
    free, own = (make(model.parameters(), lr=0.1, weight_decay=0) for model in models)
    regularize(own, models[1], 2.0 * penalty, "decoupled")
    start = models[1].weight.detach().clone()
    for model, optimizer in zip(models, (free, own), strict=True):
        model.weight.grad = torch.ones_like(model.weight) * 0.3
        optimizer.step()
    expected = models[0].weight.detach()
    if penalty.smooth:
        expected = expected - 0.2 * penalty.gradient(start)
    else:
        expected = penalty.at(2.0).prox(expected, 0.2)
    torch.testing.assert_close(models[1].weight.detach(), expected, rtol=1e-9, atol=1e-11)


def test_proximal_sgd_ends_at_the_nuclear_optimum_of_a_matrix_regression() -> None:
    """½‖W − target‖² + λ‖W‖_* has the prox itself as its minimum."""
    from shrinkage.pytorch import regularize

    model = torch.nn.Linear(4, 3, bias=False).double()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5, momentum=0.5)
    attachment = regularize(optimizer, model, 0.8 * NuclearNorm())
    for _ in range(100):
        model.weight.grad = model.weight.detach() - torch.tensor(W)
        optimizer.step()
    np.testing.assert_allclose(model.weight.detach(), NuclearNorm().prox(W, 0.8), atol=1e-9)
    assert "0.8 * NuclearNorm()" in attachment.table()


def test_every_twentieth_step_takes_the_shrink_of_twenty() -> None:
    from shrinkage.pytorch import Every, regularize

    model = torch.nn.Linear(4, 3, bias=False).double()
    start = model.weight.detach().clone()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    regularize(optimizer, model, 0.1 * NuclearNorm(), schedule=Every(4))
    for step in range(4):
        assert torch.equal(model.weight, start), step
        model.weight.grad = torch.zeros_like(model.weight)
        optimizer.step()
    torch.testing.assert_close(model.weight.detach(), NuclearNorm().prox(start, 0.04))
    with pytest.raises(InputError, match="steps"):
        Every(0)


@pytest.mark.slow
def test_jax_and_tensorflow_do_as_numpy_does() -> None:
    jax = pytest.importorskip("jax")
    tensorflow = pytest.importorskip("tensorflow")
    with jax.enable_x64(True):
        for penalty in ALL:
            expected = penalty.prox(W, 0.3)
            for array in (jax.numpy.asarray(W), tensorflow.constant(W)):
                np.testing.assert_allclose(penalty.prox(array, 0.3), expected, atol=1e-12)
                np.testing.assert_allclose(penalty.value(array), penalty.value(W), rtol=1e-12)
                gradient = penalty.gradient(array)
                np.testing.assert_allclose(gradient, penalty.gradient(W), atol=1e-12)
