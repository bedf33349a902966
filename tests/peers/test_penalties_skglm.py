"""Concave penalties against skglm's, which are written and tested by others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from shrinkage.penalties import L0, MCP, SCAD, LHalf, LogSum, Penalty

peer = pytest.importorskip("skglm.utils.prox_funcs")

STRENGTH, STEP = 0.7, 0.9  # below γ and γ − 1: skglm's formulas are for single-valued proxes
GAMMA, EPSILON = 3.2, 0.7  # of a longer step for log-sum, skglm 0.5 misses the jump by a NaN


@pytest.fixture(autouse=True)
def uncompiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Numba would compile each for seconds."""
    for name in dir(peer):
        compiled = getattr(peer, name)
        if hasattr(compiled, "py_func"):
            monkeypatch.setattr(peer, name, compiled.py_func)


PROXES: list[tuple[Penalty, Callable[[float], float]]] = [
    (MCP(GAMMA), lambda w: peer.prox_MCP(w, STEP, STRENGTH, GAMMA)),
    (SCAD(GAMMA), lambda w: peer.prox_SCAD(w, STEP, STRENGTH, GAMMA)),
    (LHalf(), lambda w: peer.prox_05(w, STEP * STRENGTH)),
    (LogSum(EPSILON), lambda w: peer.prox_log_sum(w, STEP * STRENGTH * EPSILON, EPSILON)),
    (LogSum(2.0), lambda w: peer.prox_log_sum(w, STEP * STRENGTH * 2.0, 2.0)),
]


@pytest.mark.parametrize(
    ("penalty", "theirs"), PROXES, ids=[repr(penalty) for penalty, _ in PROXES]
)
def test_proxes_are_skglms(penalty: Penalty, theirs: Callable[[float], float]) -> None:
    w = np.linspace(-4.0, 4.0, 401)
    ours = penalty.at(STRENGTH).prox(w, STEP * STRENGTH)
    expected = np.array([theirs(float(one)) for one in w])
    np.testing.assert_allclose(ours, expected, atol=1e-12)
    assert 0 < np.count_nonzero(ours) < len(w)


def test_values_are_skglms_times_one_strength() -> None:
    w = np.linspace(-4.0, 4.0, 41)
    for penalty, expected in (
        (MCP(GAMMA), peer.value_MCP(w, STRENGTH, GAMMA)),
        (SCAD(GAMMA), peer.value_SCAD(w, STRENGTH, GAMMA)),
    ):
        ours = STRENGTH * float(penalty.at(STRENGTH).value(w))
        assert ours == pytest.approx(float(expected), rel=1e-12)


@pytest.mark.parametrize("penalty", [MCP(1.2), SCAD(2.1), LogSum(0.05), LHalf(), L0()], ids=repr)
def test_long_steps_end_at_the_minimum_of_a_fine_grid(penalty: Penalty) -> None:
    """Where two minima compete, the one that an exhaustive search finds; 0 at a tie."""
    rng, shaped = np.random.default_rng(0), penalty.at(0.3)
    grid = np.append(np.linspace(0.0, 3.0, 6001), 0.0)
    costs = shaped.value(grid[:, None], 1)
    for w, step in zip(rng.uniform(0.02, 2.9, 60), rng.uniform(0.05, 4.0, 60), strict=True):
        objective: Any = (grid - w) ** 2 / (2 * step) + costs
        ours = float(shaped.prox(np.array([w]), step)[0])
        mine = (ours - w) ** 2 / (2 * step) + float(shaped.value(np.array([ours])))
        assert mine <= objective.min() + 1e-12
    tie = float(np.sqrt(2.0 * 1.2 * 0.3))  # √(step·γλ)
    assert MCP(1.2).at(0.3).prox(np.array([tie * (1 - 1e-15)]), 2.0)[0] == 0.0
