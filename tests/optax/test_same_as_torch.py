"""200 steps of optax with terms are those of torch with `regularize`, in float64, to 1e-8."""

from __future__ import annotations

import functools
import itertools
from typing import Any

import jax
import numpy as np
import optax
import pytest

from shrinkage.optax import decoupled, gradient, penalty_loss, proximal
from tests.optax.small_networks import (
    OPTIMIZERS,
    SUMS,
    all_terms,
    kernels,
    loss,
    torch_train,
    train,
    trees,
)
from tests.selecting import in_pairs

UPDATES = ("proximal", "decoupled", "gradient", "loss")


@functools.cache
def both(update: str, name: str) -> tuple[Any, Any]:
    """Return optax's parameters and torch's kernels after training."""
    pair = OPTIMIZERS[name]
    with jax.enable_x64(True):
        terms = all_terms(transposed=False)
        chosen: dict[str, Any] = {
            "proximal": lambda: proximal(pair.ours, terms, pair.rate, metric=pair.metric),
            "decoupled": lambda: optax.chain(pair.ours, decoupled(terms, pair.rate)),
            "gradient": lambda: optax.chain(gradient(terms), pair.ours),
            "loss": lambda: pair.ours,
        }

        def penalised(params: Any) -> Any:
            return loss(params) + penalty_loss(params, terms)

        ours = train(chosen[update](), trees(), penalised if update == "loss" else loss)
    return ours, torch_train(pair, update)


CASES = list(itertools.product(UPDATES, OPTIMIZERS, SUMS))


def is_needed(case):
    """Every metric with `proximal`; what has none is beside a plain and an adaptive optimizer."""
    update, optimizer, _ = case
    return update == "proximal" or optimizer in ("momentum", "adam")


@pytest.mark.slow
@pytest.mark.parametrize("case", in_pairs(CASES, is_needed), ids="-".join)
def test_weights_and_zeros(case):
    update, optimizer, sum_name = case
    ours, theirs = both(update, optimizer)
    for place, expected in theirs[sum_name].items():
        got = kernels(ours, sum_name)[place]
        assert got.dtype == np.float64
        np.testing.assert_allclose(got, expected, rtol=0, atol=1e-8)
        np.testing.assert_array_equal(got == 0, expected == 0)


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_there_are_zeros_to_compare(optimizer):
    ours, _ = both("proximal", optimizer)
    for name in ("l1", "elastic-net"):
        weights = np.concatenate([array.ravel() for array in kernels(ours, name).values()])
        assert 0 < np.count_nonzero(weights == 0) < weights.size, name


@pytest.mark.slow
def test_terms_differ_from_none():
    """A comparison of two runs without penalty would pass, too."""
    ours, _ = both("proximal", "adam")
    with jax.enable_x64(True):
        plain = train(OPTIMIZERS["adam"].ours, trees())
    for name in SUMS:
        gaps = [
            np.abs(kernels(ours, name)[place] - kernels(plain, name)[place]).max()
            for place in kernels(plain, name)
        ]
        assert min(gaps) > 1e-3, name
