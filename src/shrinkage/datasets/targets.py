"""Targets as the numbers that a network is trained on, and back.

Who uses this: the path engine fits it on training rows, the run directory stores it as JSON.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from shrinkage.datasets.cells import level_text
from shrinkage.datasets.links import LINKS
from shrinkage.errors import InputError

Label = str | int | float | bool

OTHER = "other"
"""The class that rare ones are merged into."""


@dataclass(frozen=True)
class TargetEncoding:
    """Class codes 0, 1, … in sorted order of the labels; or `(y − mean) / scale`.

    Args:
        task: `classification`, `regression` or `multi-label`.
        classes: the labels in sorted order; empty for other tasks.
        mean: what is subtracted; of several targets a number each.
        scale: what is divided by; of several targets a number each.
        merged: texts of the rare labels that are `OTHER` here; all labels are text then.
        names: of several targets; empty where there is one.
        link: what makes predictions of outputs, a name in `shrinkage.datasets.links.LINKS`.

    >>> encoding = TargetEncoding.fit(np.array(["no", "yes", "no"]), "classification")
    >>> encoding.encode(np.array(["yes", "no"])), encoding.decode(np.array([1])).tolist()
    (array([1, 0]), ['yes'])
    """

    task: str
    classes: tuple[Label, ...] = ()
    mean: float | tuple[float, ...] = 0.0
    scale: float | tuple[float, ...] = 1.0
    merged: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    link: str = "identity"

    @classmethod
    def fit(
        cls,
        y: np.ndarray,
        task: str,
        *,
        standardize: bool = False,
        weight: np.ndarray | None = None,
        names: tuple[str, ...] = (),
        link: str = "identity",
    ) -> TargetEncoding:
        """Learn the classes, or the mean and population standard deviation, of some targets.

        Args:
            y: (n,) labels or numbers; (n, targets) where they are several.
            task: `classification`, `regression` or `multi-label`.
            standardize: for regression, centre and scale, of which a log link leaves the scale:
                the mean; else mean 0 and scale 1.
            weight: (n,) weights of the rows in mean and scale; None: all alike.
            names: of several targets.
            link: what makes predictions of outputs.

        Returns:
            The encoding.

        Raises:
            InputError: labels of several kinds; or a target without spread to standardize.

        >>> TargetEncoding.fit(np.array([1.0, 3.0]), "regression", standardize=True).mean
        2.0
        """
        if task == "classification":
            return cls(task, classes=_sorted_labels(y))
        if not standardize:
            return cls(task, names=names, link=link)
        values = np.asarray(y, dtype=np.float64)
        means, scales = LINKS[link].standard(values, weight)
        if names:
            return cls(task, (), tuple(means.tolist()), tuple(scales.tolist()), (), names, link)
        mean, scale = float(means), float(scales)
        if not np.isfinite(mean) or not np.isfinite(scale) or scale == 0:
            raise InputError(
                f"expected finite targets that differ, got standard deviation {scale}: "
                "choose another target or more rows"
            )
        return cls(task, mean=mean, scale=scale, link=link)

    @property
    def n_outputs(self) -> int:
        """Return how many outputs a network needs: one per class, or one per target."""
        return len(self.classes) if self.task == "classification" else max(1, len(self.names))

    def encode(self, y: np.ndarray) -> np.ndarray:
        """Return int64 class codes, or float64 numbers.

        Args:
            y: (n,) labels or numbers; (n, targets) where they are several.

        Raises:
            InputError: a label that was not there when the encoding was fitted.

        >>> TargetEncoding("regression", mean=1.0, scale=2.0).encode(np.array([3.0]))
        array([1.])
        """
        if self.task != "classification":
            return (np.asarray(y, dtype=np.float64) - self.mean) / np.asarray(self.scale)
        codes = {label: code for code, label in enumerate(self.classes)}
        values, places = np.unique(np.asarray(y), return_inverse=True)
        labels = [plain_label(value) for value in values]
        if self.merged:
            texts = [level_text(label) for label in labels]
            labels = [OTHER if text in self.merged else text for text in texts]
        unknown = [label for label in labels if label not in codes]
        if unknown:
            raise InputError(
                f"expected one of {len(self.classes)} labels ({_shown(self.classes)}), got "
                f"{unknown[0]!r}: remove those rows, or train with them"
            )
        return np.array([codes[label] for label in labels], dtype=np.int64)[places]

    def decode(self, values: np.ndarray) -> np.ndarray:
        """Return the labels of class codes, or numbers in the target's own unit.

        Args:
            values: (n,) codes or outputs for numbers; (n, targets) where they are several.

        Returns:
            Labels (text as dtype object) or float64, of the same shape.

        >>> TargetEncoding("classification", classes=(3, 5)).decode(np.array([1, 0]))
        array([5, 3])
        """
        if self.task != "classification":
            numbers = LINKS[self.link].numbers(np.asarray(values, dtype=np.float64))
            if self.task == "multi-label":
                return numbers
            return numbers * np.asarray(self.scale) + np.asarray(self.mean)
        text = any(isinstance(label, str) for label in self.classes)
        labels = np.array(self.classes, dtype=object if text else None)
        return labels[np.asarray(values, dtype=np.int64)]

    def predict(self, outputs: np.ndarray) -> np.ndarray:
        """Return what a model's outputs predict: the likeliest labels, or numbers.

        Args:
            outputs: (outputs, rows).

        Returns:
            (rows,), or (rows, targets) where they are several.

        >>> several = TargetEncoding("regression", names=("a", "b"), mean=(1.0, 2.0))
        >>> several.predict(np.zeros((2, 1)))
        array([[1., 2.]])
        """
        if self.task == "classification":
            return self.decode(outputs.argmax(axis=0))
        return self.decode(outputs.T if self.names else outputs[0])

    def outputs_for(self, y: np.ndarray) -> np.ndarray:
        """Return outputs, (outputs, rows), that predict targets which are no classes."""
        return np.atleast_2d(LINKS[self.link].outputs(self.encode(y)).T)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values that JSON can hold.

        >>> TargetEncoding("regression").to_dict()
        {'task': 'regression', 'classes': [], 'mean': 0.0, 'scale': 1.0}
        """
        return {
            "task": self.task,
            "classes": list(self.classes),
            "mean": list(self.mean) if isinstance(self.mean, tuple) else self.mean,
            "scale": list(self.scale) if isinstance(self.scale, tuple) else self.scale,
            **({"merged": list(self.merged)} if self.merged else {}),
            **({"names": list(self.names)} if self.names else {}),
            **({"link": self.link} if self.link != "identity" else {}),
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> TargetEncoding:
        """Return what `to_dict` described.

        >>> TargetEncoding.from_dict(TargetEncoding("regression").to_dict()).scale
        1.0
        """
        return cls(
            stored["task"],
            tuple(stored["classes"]),
            _numbers(stored["mean"]),
            _numbers(stored["scale"]),
            tuple(stored.get("merged", ())),
            tuple(stored.get("names", ())),
            stored.get("link", "identity"),
        )


def _numbers(stored: Any) -> float | tuple[float, ...]:
    return tuple(map(float, stored)) if isinstance(stored, list) else float(stored)


def plain_label(value: Any) -> Label:
    return value.item() if isinstance(value, np.generic) else value


def _shown(labels: tuple[Label, ...], count: int = 6) -> str:
    return ", ".join(map(repr, labels[:count])) + (", …" if len(labels) > count else "")


def _sorted_labels(y: np.ndarray) -> tuple[Label, ...]:
    try:
        return tuple(plain_label(label) for label in np.unique(np.asarray(y)))
    except TypeError as error:
        raise InputError(
            "expected labels of one kind (text, numbers or booleans), got several: write them alike"
        ) from error
