"""Links: what makes predictions of a model's outputs where they are no classes.

Who uses this: `TargetEncoding`, which the run directory keeps with the link's name. Numbers are
encoded as (y − mean)/scale, so a link speaks of those. Source: McCullagh and Nelder 1989,
Generalized linear models, chapter 2.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

LEAST = 1e-3


class Link(Protocol):
    """Outputs → encoded numbers, and back; element by element."""

    def numbers(self, outputs: np.ndarray) -> np.ndarray:
        """Return the encoded numbers that outputs predict."""
        ...

    def outputs(self, numbers: np.ndarray) -> np.ndarray:
        """Return outputs that predict encoded numbers, or nearly."""
        ...

    def standard(self, y: np.ndarray, weight: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        """Return mean and scale of the encoding of raw numbers, (…) of (n, …)."""
        ...


@dataclass(frozen=True)
class Identity:
    """An output is the number."""

    def numbers(self, outputs: np.ndarray) -> np.ndarray:
        """Return the outputs."""
        return outputs

    def outputs(self, numbers: np.ndarray) -> np.ndarray:
        """Return the numbers."""
        return numbers

    def standard(self, y: np.ndarray, weight: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        """Return mean and standard deviation; of several targets one without spread has scale 1."""
        mean = np.average(y, axis=0, weights=weight)
        scale = np.sqrt(np.average((y - mean) ** 2, axis=0, weights=weight))
        return mean, np.where(scale > 0, scale, 1.0) if y.ndim > 1 else scale


@dataclass(frozen=True)
class Log:
    """An output is the logarithm of the number, as that of counts.

    >>> Log().numbers(np.array([0.0]))
    array([1.])
    """

    def numbers(self, outputs: np.ndarray) -> np.ndarray:
        """Return exp(outputs); infinite where that is beyond float64."""
        with np.errstate(over="ignore"):
            return np.exp(outputs)

    def outputs(self, numbers: np.ndarray) -> np.ndarray:
        """Return the logarithm, of 0 and less a very small number's."""
        return np.log(np.maximum(numbers, LEAST))

    def standard(self, y: np.ndarray, weight: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        """Return 0, and the mean as the scale: encoded numbers have the mean 1."""
        mean = np.average(y, axis=0, weights=weight)
        return np.zeros_like(mean), np.where(mean > 0, mean, 1.0)


@dataclass(frozen=True)
class Logit:
    """A positive output is a label that is there: 1, else 0.

    >>> Logit().numbers(np.array([-2.0, 3.0]))
    array([0, 1])
    """

    def numbers(self, outputs: np.ndarray) -> np.ndarray:
        """Return whole numbers 0 and 1."""
        return (outputs > 0).astype(np.int64)

    def outputs(self, numbers: np.ndarray) -> np.ndarray:
        """Return −2 and 2: probabilities of 12 and 88 %."""
        return np.where(numbers > 0.5, 2.0, -2.0)

    def standard(self, y: np.ndarray, weight: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        """Return 0 and 1: labels are not scaled."""
        del weight
        return np.zeros(y.shape[1:]), np.ones(y.shape[1:])


LINKS: Mapping[str, Link] = {"identity": Identity(), "log": Log(), "logit": Logit()}
