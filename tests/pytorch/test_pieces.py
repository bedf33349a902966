"""The proximal step on dense pieces is that of the penalties themselves."""

from __future__ import annotations

import pytest
import torch

from shrinkage.penalties import L1, L2, GroupLasso, OnSomeUnits, Units
from shrinkage.pytorch.optimizers import Motion
from shrinkage.pytorch.prox import shrink
from shrinkage.pytorch.prox.pieces import Pieces
from shrinkage.pytorch.prox.shrink import Shrink
from shrinkage.pytorch.prox.soft import Workspace
from shrinkage.terms import Part, closed_form

LABELS = (0, 1, 0, 2, 3, 3, 0, 4)
UNITS = Units(1, 8, (0, 1, 2, 4, 5, 6))
GROUPS = GroupLasso(axes=(1,), groups=LABELS)
SOME_GROUPS = GroupLasso(axes=(1,), groups=[LABELS[unit] for unit in UNITS.chosen])
SUMS = {
    "groups": [(1.0, GROUPS)],
    "sparse groups": [(0.4, L1()), (1.0, GROUPS), (0.2, L2())],
    "free": [(0.4, OnSomeUnits(L1(), UNITS)), (0.2, OnSomeUnits(L2(), UNITS))],
    "per output": [(1.0, OnSomeUnits(GroupLasso(axes=(0,)), UNITS))],
    "both": [(0.3, OnSomeUnits(L1(), UNITS)), (1.0, OnSomeUnits(SOME_GROUPS, UNITS))],
}


def moved(name: str, stacked: bool, diagonal: bool) -> torch.Tensor:
    draw = torch.Generator().manual_seed(0)
    shape = (3, 5, 8) if stacked else (5, 8)
    w = torch.randn(shape, generator=draw)
    square = torch.rand(shape, generator=draw) if diagonal else None
    strengths = torch.tensor([0.0, 0.2, 0.6], dtype=torch.float64) if stacked else 0.6
    parts = [Part(share * strengths, penalty) for share, penalty in SUMS[name]]
    route = Shrink(closed_form(parts), 3 if stacked else None, Workspace())
    for _ in range(2):  # the second step finds the memory of the first
        route(w, Motion(1.0, square, epsilon=0.1, reach=0.2 if diagonal else None))
    return w


@pytest.mark.parametrize("diagonal", [False, True], ids=["scalar", "diagonal"])
@pytest.mark.parametrize("stacked", [False, True], ids=["one", "stacked"])
@pytest.mark.parametrize("name", SUMS)
def test_pieces_are_the_penalties(name, stacked, diagonal, monkeypatch):
    fitted, original = [], Pieces.fitting

    def noted(pieces, w, motion):
        fitted.append(original(pieces, w, motion))
        return fitted[-1]

    monkeypatch.setattr(Pieces, "fitting", noted)
    fast = moved(name, stacked, diagonal)
    assert fitted == [True] * 2
    monkeypatch.setattr(shrink, "pieces_of", lambda *_: None)
    monkeypatch.setattr(shrink, "groups_of", lambda *_: None)
    slow = moved(name, stacked, diagonal)
    assert len(fitted) == 2
    torch.testing.assert_close(fast, slow, rtol=1e-5, atol=1e-6)
    assert torch.equal(fast == 0, slow == 0)
    assert bool((fast == 0).any()) or diagonal or name == "per output"
