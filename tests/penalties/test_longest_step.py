"""The steps up to which a prox is single-valued, against a brute-force prox from both sides."""

from __future__ import annotations

import numpy as np
import pytest

from shrinkage.penalties import (
    L0,
    MCP,
    REGISTRY,
    SCAD,
    Cardinality,
    GlobalCardinality,
    Hierarchical,
    LHalf,
    LogSum,
    NOfM,
    Orthogonal,
    Penalty,
    Rank,
    SoftOrthogonality,
)

GRID, W = np.linspace(-1, 13, 2801), np.linspace(0, 12, 1201)
SPACING, GAP = 0.005, 0.01
WEIGHTS = (MCP(3.0), MCP(1.5), SCAD(3.7), LogSum(1.0), LHalf(), L0())
# Two points next to each other whose projections are far apart, whatever the step.
APART: tuple[tuple[Penalty, np.ndarray, np.ndarray], ...] = tuple(
    (penalty, np.array(first, float), np.array(second, float))
    for penalty, first, second in (
        (Cardinality(keep=1), [1, 1 + 1e-9], [1 + 1e-9, 1]),
        (GlobalCardinality(keep=1), [1, 1 + 1e-9], [1 + 1e-9, 1]),
        (NOfM(1, 2), [[1, 1 + 1e-9]], [[1 + 1e-9, 1]]),
        (Rank(keep=1), np.diag([1, 1 + 1e-9]), np.diag([1 + 1e-9, 1])),
        (Orthogonal(), [[1e-9]], [[-1e-9]]),
        (Hierarchical(ratio=1.0), [[1e-9], [5.0]], [[-1e-9], [5.0]]),
    )
)


def largest_jump(penalty: Penalty, step: float) -> float:
    """Return how far the lowest point of a dense grid jumps between neighbouring weights."""
    cost = penalty.value(GRID.reshape(-1, 1), stacked=1)
    lowest = [GRID[((GRID - w) ** 2 / (2 * step) + cost).argmin()] for w in W]
    return float(np.abs(np.diff(lowest)).max())


@pytest.mark.parametrize("penalty", WEIGHTS, ids=repr)
def test_a_brute_force_prox_jumps_beyond_the_longest_step_and_not_before(penalty: Penalty) -> None:
    longest = float(penalty.longest_step())
    for share in (0.5, 0.9) if longest else ():
        most = GAP / (1 - share) + 2 * SPACING  # what a prox with that curvature can move
        assert largest_jump(penalty, share * longest) <= most + 1e-9
    for share in (1.5, 2.0):
        assert largest_jump(penalty, share * (longest or 0.3)) > 0.3


@pytest.mark.parametrize(("penalty", "first", "second"), APART, ids=lambda value: repr(value)[:24])
def test_a_set_that_is_not_convex_jumps_at_every_step(
    penalty: Penalty, first: np.ndarray, second: np.ndarray
) -> None:
    assert penalty.longest_step() == 0
    for step in (1e-3, 1.0):
        gap = np.linalg.norm(penalty.prox(first, step) - penalty.prox(second, step))
        assert gap > 1 > 1e8 * np.linalg.norm(first - second) / 3


def test_every_penalty_that_is_not_convex_is_compared() -> None:
    compared = {type(own) for own in (*WEIGHTS, *(case[0] for case in APART), SoftOrthogonality())}
    assert compared == {kind for kind in REGISTRY.values() if not kind.convex}
