"""What L1's shrink by one threshold loses to the rounding of float32, given back from time to time.

Who uses this: `Resolution`, for soft-thresholding of float32 weights by a number. Between two
powers of two (a binade) float32 numbers lie on a grid, and w − t is rounded to it: every weight
of a binade loses the same, t minus the nearest whole number of grid steps. So what is owed is
one number a binade, not one a weight, and is paid in whole grid steps, which no rounding touches.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

EVERY = 64  # steps between two payments at least, later a 200th of all steps: under 1 % is unpaid
_GRID = 2.0 ** (np.arange(256) - 150.0)  # distance of float32 numbers, by their exponent field


class Binades:
    """What is owed to the weights of each binade.

    >>> owed, w = Binades(), torch.ones(1)
    >>> for _ in range(10_240):
    ...     if owed.note(1e-8):  # under half of the grid below 1, 6e-8: w - 1e-8 is w
    ...         _ = owed.pay(w)
    >>> print(f"{float(w):.5f}")
    0.99990
    """

    def __init__(self) -> None:
        self._owed = np.zeros(256)
        self._threshold, self._times, self._steps, self._left = 0.0, 0, 0, EVERY

    def note(self, threshold: float) -> bool:
        """Note a step that has subtracted this threshold; return whether it is time to pay."""
        if threshold != self._threshold:
            self._settle()
            self._threshold = threshold
        self._times += 1
        self._left -= 1
        return self._left <= 0

    def pay(self, w: torch.Tensor) -> bool:
        """Pay what is owed in whole grid steps; return whether weights may have moved."""
        self._steps += max(EVERY, self._steps // 200) - self._left
        self._left = max(EVERY, self._steps // 200)
        self._settle()
        payment = np.rint(self._owed / _GRID) * _GRID
        if not payment.any():
            return False
        self._owed -= payment
        exponents = w.view(torch.int32).bitwise_right_shift(23).bitwise_and_(255)
        table = torch.from_numpy(payment.astype(np.float32)).to(w.device)
        w.sub_(table[exponents].mul_(w.sign()))
        return True

    def state_dict(self) -> dict[str, Any]:
        """Return what a resumed run needs: numbers and a tensor."""
        return {
            "owed": torch.from_numpy(self._owed.copy()),
            "threshold": self._threshold,
            "times": self._times,
            "steps": self._steps,
            "left": self._left,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take what `state_dict` gave."""
        self._owed = state["owed"].cpu().numpy().copy()
        self._threshold, self._times = float(state["threshold"]), int(state["times"])
        self._steps, self._left = int(state["steps"]), int(state["left"])

    def _settle(self) -> None:
        """Add what the last threshold has lost in each binade since it was new."""
        if self._times and self._threshold:
            threshold = float(np.float32(self._threshold))
            lost = self._threshold - np.rint(threshold / _GRID) * _GRID
            felt = (threshold < _GRID * 64) & (_GRID < 1e-3)  # below, less than 1 % is lost
            self._owed += self._times * np.where(felt, lost, 0.0)
        self._times = 0
