"""Rows that travel apart from the units that are trained on them, as plain arrays.

Who uses this: the runners that leave the machine. Units of one fold share their rows, and pictures
are shared by all folds: an array is sent once, and units name it.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from shrinkage.datasets import TargetEncoding
from shrinkage.paths.engines.base import FoldData, Rows, Unit

PutOnce = Callable[[str, np.ndarray], Any]
"""Called with the digest of an array and the array: gives what it is fetched by."""


@dataclass(frozen=True)
class RowsOf:
    """How arrays are fetched where a unit trains, and the device that they go to."""

    fetch: Callable[[Any], np.ndarray]
    device: torch.device

    def tensor(self, array: np.ndarray) -> torch.Tensor:
        """Return an array as a tensor; it may be in memory that nobody writes to, nor do we."""
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*not writable", category=UserWarning)
            return torch.from_numpy(array).to(self.device)


@dataclass(frozen=True)
class SentRows:
    """The rows of a fold: `x` is what its array is fetched by, the others are here."""

    x: Any
    target: np.ndarray
    weight: np.ndarray | None
    train: np.ndarray
    validation: np.ndarray | None
    raw_target: np.ndarray
    encoding: TargetEncoding
    score_weight: np.ndarray | None

    def unit(self, unit: Unit, there: RowsOf) -> Unit:
        """Return a unit with these rows."""
        rows = Rows(
            there.tensor(there.fetch(self.x)),
            there.tensor(self.target),
            None if self.weight is None else there.tensor(self.weight),
        )
        validation = None if self.validation is None else there.tensor(self.validation)
        data = FoldData(
            rows,
            there.tensor(self.train),
            validation,
            self.raw_target,
            self.encoding,
            self.score_weight,
        )
        return replace(unit, data=data)


def rows_of(data: FoldData, put_once: PutOnce) -> SentRows:
    """Return the rows of a fold as they travel.

    Args:
        data: the rows.
        put_once: keeps the array of inputs where units will find it.
    """
    x = _array(data.rows.x)
    assert x is not None
    target, train = _array(data.rows.target), _array(data.train)
    assert target is not None
    assert train is not None
    return SentRows(
        put_once(_digest(x), x),
        target,
        _array(data.rows.weight),
        train,
        _array(data.validation),
        data.raw_target,
        data.encoding,
        data.score_weight,
    )


def sent(unit: Unit) -> Unit:
    """Return a unit without its rows."""
    nothing = torch.empty(0)
    bare = FoldData(Rows(nothing, nothing), nothing, None, np.empty(0), unit.data.encoding)
    return replace(unit, data=bare)


def _array(values: torch.Tensor | None) -> np.ndarray | None:
    return None if values is None else values.cpu().numpy()


def _digest(array: np.ndarray) -> str:
    digest = hashlib.blake2b(f"{array.dtype}{array.shape}".encode())
    digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
