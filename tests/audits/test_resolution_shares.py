"""`survives` is the share of a shrink that is left when the weights are really rounded."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from shrinkage.audits.measuring.expected import Expectation
from shrinkage.audits.measuring.measure import Pair, measure
from shrinkage.penalties import L1, L2
from shrinkage.terms import Part

FORMATS = {
    "float16": (torch.float16, 2.0**-10),
    "bfloat16": (torch.bfloat16, 2.0**-7),
    "float32": (torch.float32, 2.0**-23),
}


def share_of(part: Part, w: np.ndarray, rate: float, step: float) -> float:
    pair = Pair(w, w, w, rounding=step)
    return measure(pair, Expectation((part,)), rate, 1.0).survives


def rounded(w: np.ndarray, kind: torch.dtype) -> np.ndarray:
    return torch.from_numpy(w).to(kind).double().numpy()


def rounded_share(w: np.ndarray, shrink: np.ndarray, kind: torch.dtype) -> float:
    """Return ⟨what is left of the shrink, shrink⟩ / ‖shrink‖² after one subtraction."""
    left = w - rounded(w - shrink, kind)
    return float(left @ shrink / (shrink @ shrink))


def weights(kind: torch.dtype, number: int) -> np.ndarray:
    """Return weights that the format holds exactly, in float64."""
    return rounded(np.random.default_rng(number).normal(size=20_000) * 0.05, kind)


@pytest.mark.parametrize("ratio", [2.0**power for power in range(-4, 8)])
@pytest.mark.parametrize("name", FORMATS)
def test_decay_is_what_rounding_leaves(name: str, ratio: float) -> None:
    """`ratio` is lr·strength in units of the format's epsilon."""
    kind, step = FORMATS[name]
    w = weights(kind, 0)
    rate = ratio * step
    share = share_of(Part(1.0, L2()), w, rate, step)
    assert share == pytest.approx(rounded_share(w, rate * w, kind), abs=0.03)


@pytest.mark.parametrize("ratio", [2.0**power for power in range(-4, 8)])
@pytest.mark.parametrize("name", FORMATS)
def test_soft_thresholding_is_what_rounding_leaves(name: str, ratio: float) -> None:
    kind, step = FORMATS[name]
    w = weights(kind, 1)
    rate = ratio * step * 0.05
    shrink = np.clip(w, -rate, rate)
    share = share_of(Part(1.0, L1()), w, rate, step)
    assert share == pytest.approx(rounded_share(w, shrink, kind), abs=0.03)


def test_the_two_cases_of_the_published_loops() -> None:
    """AdamW with lr = weight_decay = 1e-4 in float32; lr 1e-3, decay 0.01 in bfloat16."""
    w = np.random.default_rng(2).normal(size=1000)
    assert share_of(Part(1e-4, L2()), w, 1e-4, 2.0**-23) == 0
    assert share_of(Part(1e-2, L2()), w, 1e-3, 2.0**-7) == 0
    assert share_of(Part(1e-2, L2()), w, 1e-3, 2.0**-23) == pytest.approx(1, abs=0.01)
    assert share_of(Part(1e-4, L2()), w, 1e-4, 2.0**-52) == pytest.approx(1, abs=1e-6)


def test_exact_arithmetic_and_nothing_expected_lose_nothing() -> None:
    w = np.ones(3)
    assert share_of(Part(1e-9, L2()), w, 1e-9, 0.0) == 1
    assert share_of(Part(1.0, L2()), np.zeros(3), 1.0, 2.0**-23) == 1
    assert measure(Pair(w, w, w, rounding=2.0**-23), Expectation(()), 0.1, 1.0).survives == 1
