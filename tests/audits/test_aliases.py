"""One array before and after: the classic mistake, which would hide every change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from shrinkage import L2, audit
from shrinkage.errors import InputError

RATE, STRENGTH = 0.1, 0.01


def move(w: Any, scale: float) -> Any:
    """Step in place, decay included."""
    w -= RATE * (1 + scale * STRENGTH * w)
    return w


def owned() -> np.ndarray:
    return np.arange(1.0, 7.0).reshape(2, 3)


NUMPY_VIEWS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "the same object": lambda w: w,
    "a slice": lambda w: w[:],
    "a reshape": lambda w: w.reshape(2, 3),
    "a transpose of a transpose": lambda w: w.T.T,
    "a view": lambda w: w.view(),
    "no copy by asarray": np.asarray,
}
TORCH_VIEWS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "the same object": lambda w: w,
    "detached": lambda w: w.detach(),
    "data": lambda w: w.data,
    "a view": lambda w: w.view(2, 3),
}


def refused(w: Any, view: Callable[[Any], Any]) -> None:
    def step(scale: float) -> tuple[dict, dict]:
        before = {"W": view(w)}
        return before, {"W": move(w, scale)}

    with pytest.raises(InputError, match=r"copy of W from before.*same array.*W\.copy\(\)"):
        audit(step, STRENGTH * L2(), RATE)


@pytest.mark.parametrize("view", list(NUMPY_VIEWS.values()), ids=list(NUMPY_VIEWS))
def test_numpy(view: Callable[[np.ndarray], np.ndarray]) -> None:
    refused(owned(), view)


@pytest.mark.parametrize("view", list(TORCH_VIEWS.values()), ids=list(TORCH_VIEWS))
def test_torch(view: Callable[[torch.Tensor], torch.Tensor]) -> None:
    refused(torch.arange(1.0, 7.0, dtype=torch.float64).reshape(2, 3), view)


def test_a_tensor_and_its_numpy_view() -> None:
    w = torch.arange(1.0, 7.0, dtype=torch.float64).reshape(2, 3)
    refused(w, lambda w: w.numpy())


def test_neighbours_in_one_buffer_share_no_number() -> None:
    """Two halves of one flat buffer are no mistake."""

    def step(scale: float) -> tuple[dict, dict]:
        flat = np.concatenate([owned().ravel(), owned().ravel()])
        before, after = flat[:6].reshape(2, 3), flat[6:].reshape(2, 3)
        move(after, scale)
        return {"W": before}, {"W": after}

    assert audit(step, STRENGTH * L2(), RATE).ok


def test_arrays_are_copied_at_once() -> None:
    """A step may hand out what it trains in place, when it gives back the start itself."""
    w = owned()
    start = w.copy()

    def step(scale: float) -> tuple[dict, dict]:
        w[:] = start
        move(w, scale)
        return {"W": start.copy()}, {"W": w}

    report = audit(step, STRENGTH * L2(), RATE)
    assert report.ok, str(report)
    assert report.seen[0].factor == pytest.approx(1, abs=1e-9)
