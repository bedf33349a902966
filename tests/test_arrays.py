"""The array functions: found without importing, dtype kept, norms safe at both ends."""

from __future__ import annotations

import math

import numpy as np
import pytest

from shrinkage.arrays import (
    floating_library,
    kept_where_zero,
    library_of,
    model_axes,
    norm,
    per_model,
    positive_zeros,
    product,
)
from shrinkage.errors import InputError
from tests.processes import loaded_by

torch = pytest.importorskip("torch")


def double_tensor(values: list) -> object:
    return torch.tensor(values, dtype=torch.float64)


def test_importing_penalties_loads_no_framework() -> None:
    code = (
        "import numpy, shrinkage.penalties as p; p.GroupLasso().prox(numpy.ones((2, 2)), 0.1);"
        "p.check_penalty(p.L1(), shapes=[(2, 2)])"
    )
    assert not loaded_by(code) & {"torch", "jax", "pandas", "sklearn", "scipy"}


def test_library_is_found_from_the_array_and_its_subclasses() -> None:
    assert library_of(np.float64(1.0)).name == "numpy"
    assert library_of(torch.nn.Parameter(torch.ones(2))).name == "torch"
    with pytest.raises(InputError, match=r"got list: convert it"):
        library_of([1.0])


@pytest.mark.parametrize("w", [np.arange(3), np.ones(3, bool), np.ones(3, complex)])
def test_weights_that_are_not_real_floats_are_refused(w: np.ndarray) -> None:
    with pytest.raises(InputError, match="expected weights of a real floating dtype"):
        floating_library(w)


def test_model_axes_refuses_more_axes_than_there_are() -> None:
    assert model_axes(np.ones((2, 3)), 2) == ()
    with pytest.raises(InputError, match="stacked between 0 and 2"):
        model_axes(np.ones((2, 3)), 3)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("value", [0.5, np.float64(0.5), np.full(2, 0.5), [0.5, 0.5]])
def test_per_model_takes_the_dtype_of_the_weights(dtype: str, value: object) -> None:
    w = np.ones((2, 3), dtype)
    assert (per_model(value, w, 1) * w).dtype == w.dtype
    t = torch.ones(2, 3, dtype=torch.bfloat16)
    assert (per_model(value, t, 1) * t).dtype == torch.bfloat16


def test_per_model_refuses_what_is_no_number() -> None:
    for value in (None, "0.1"):
        with pytest.raises(InputError, match="a step or strength as a number"):
            per_model(value, np.ones(3))


@pytest.mark.parametrize("shape", [(3,), (2, 2), (2, 3, 1), (2, 4)])
def test_per_model_refuses_what_does_not_broadcast_over_the_weights(shape: tuple) -> None:
    with pytest.raises(InputError, match=r"one per model of shape \(2,\)"):
        per_model(np.ones(shape), np.ones((2, 3)), 1)


def test_per_model_prefers_models_for_two_leading_axes() -> None:
    value = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    assert per_model(value, np.ones((2, 3, 7)), 2).shape == (2, 3, 1)
    assert per_model(value, np.ones((2, 3)), 2).shape == (2, 3)
    assert per_model(value[:, :1], np.ones((2, 3)), 1).shape == (2, 1)


@pytest.mark.parametrize("bad", [-1.0, math.nan])
def test_negative_and_nan_steps_are_refused(bad: float) -> None:
    with pytest.raises(InputError, match="at least 0"):
        per_model(bad, np.ones(2))
    with pytest.raises(InputError, match="at least 0"):
        product(bad, 1.0, np.ones(2))


def test_product_of_a_zero_strength_and_an_endless_step_is_zero() -> None:
    w = np.ones((2, 3))
    assert product(0.0, math.inf, w) == 0.0
    multiplied = product(np.array([0.0, 1.0]), np.full((2, 3), math.inf), w, 1)
    assert multiplied.tolist() == [[0.0] * 3, [math.inf] * 3]


@pytest.mark.parametrize("scale", [1e-300, 1e-200, 1.0, 1e200, 1e300])
@pytest.mark.parametrize("make", [np.array, double_tensor])
def test_norm_is_right_at_every_magnitude(scale: float, make: object) -> None:
    w = make([[3.0 * scale, 4.0 * scale], [0.0, 0.0]])  # type: ignore[operator]
    assert norm(w, (1,)).tolist() == pytest.approx([5.0 * scale, 0.0], rel=1e-15, abs=0.0)
    assert norm(w, (), keepdims=True).tolist() == abs(w).tolist()


def test_norm_tells_diverged_groups() -> None:
    w = np.array([[math.nan, 1.0], [math.inf, 1.0], [0.0, 0.0]])
    with np.errstate(invalid="ignore"):
        got = norm(w, (1,))
    assert np.isnan(got[0])
    assert got[1:].tolist() == [math.inf, 0.0]


@pytest.mark.parametrize("make", [np.array, double_tensor])
def test_empty_arrays_have_zero_norms(make: object) -> None:
    w = make(np.ones((2, 0)).tolist())  # type: ignore[operator]
    assert norm(w, (1,)).tolist() == [0.0, 0.0]


def test_zeros_keep_or_lose_their_sign_as_asked() -> None:
    w = np.array([-0.0, -0.0, 2.0])
    assert not np.signbit(positive_zeros(w)).any()
    after = kept_where_zero(np.array([0.0, 1.0, 0.0]), w, np.zeros(3))
    assert after.tobytes() == np.array([-0.0, 0.0, 2.0]).tobytes()


def test_torch_sign_shows_nan() -> None:
    assert library_of(torch.ones(1)).sign(torch.tensor([math.nan])).isnan().all()
