"""What is asked of a small network: `smallest`, or the best within a budget.

Who uses this: `PathOptions` checks what was typed, the ladder asks how far down to go, the choice
asks which points will do. A new kind of goal is one class here and its line in `KINDS`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from shrinkage.errors import InputError
from shrinkage.penalties import Cardinality

WEIGHTS, INPUTS, UNITS = "weight", "input", "unit"
"""What is made few; the first two are what a `Cardinality` counts."""
SIZES = {WEIGHTS: "weights", INPUTS: "features", UNITS: "units"}
"""How a size of each is called."""
DENSE_BYTES = "dense bytes"

SPELLED = (
    "smallest, 'smallest features', 'smallest dense', 'COUNT features', 'COUNT weights', "
    "'COUNT units', 'error PERCENT%', 'score NUMBER', 'SIZE kB' or 'SIZE kB dense'"
)
USUAL: dict[str, object] = {
    "fast": False,
    "nested": None,
    "engine": "auto",
    "update": "proximal",
    "members": 1,
}
"""Options that stay as they are beside a goal."""
_NUMBER = r"(\d[\d,_]*(?:\.\d+)?|\.\d+)"


@dataclass(frozen=True, eq=False)
class Points:
    """What is known of the points of a sparsity path; arrays have shape (points,).

    Args:
        score: mean over the folds, the higher the better.
        judged: of what chooses, the score or minus the loss, the same.
        standard_error: of each mean of it, NaN with a single fold.
        usable: where every score is a number and no fold's model is a constant.
        sizes: of the models on all training rows by what is counted: `weights`, `features`,
            `units`, `bytes`, `dense bytes`.
    """

    score: np.ndarray
    judged: np.ndarray
    standard_error: np.ndarray
    usable: np.ndarray
    sizes: dict[str, np.ndarray]

    @property
    def best(self) -> int:
        """Return the usable point that is judged best, of equals the smallest."""
        return self.best_of(self.usable, self.judged)

    def best_of(self, some: np.ndarray, judged: np.ndarray) -> int:
        """Return the best of some points, (points,), by one of the arrays."""
        judged = np.where(some, judged, -np.inf)
        return int(np.flatnonzero(judged == judged.max())[-1])


class Goal(Protocol):
    """What is asked of a network."""

    @property
    def text(self) -> str:
        """Return it as it is typed."""
        ...

    @property
    def counts(self) -> str:
        """Return what is made few: `WEIGHTS`, `INPUTS` or `UNITS`."""
        ...

    @property
    def budget(self) -> tuple[str, float] | None:
        """Return which size may be how large; None where no size is asked for."""
        ...

    @property
    def least_score(self) -> float | None:
        """Return the score that is asked for, if one is."""
        ...

    def meets(self, points: Points) -> np.ndarray:
        """Return which points will do, (points,)."""
        ...


@dataclass(frozen=True)
class Smallest:
    """The smallest network that is within one standard error of the best."""

    text: str = "smallest"
    counts: str = WEIGHTS
    budget: None = None
    least_score: None = None

    def meets(self, points: Points) -> np.ndarray:
        """Return which points are within one standard error of the best."""
        error = points.standard_error[points.best]
        judged = points.judged
        return judged >= judged[points.best] - (error if np.isfinite(error) else 0.0)


@dataclass(frozen=True)
class AtMost:
    """The best network of a size: so many weights, features, units or bytes."""

    text: str
    counts: str
    budget: tuple[str, float]
    least_score: None = None

    def meets(self, points: Points) -> np.ndarray:
        """Return which points are small enough."""
        name, most = self.budget
        return points.sizes[name] <= most


@dataclass(frozen=True)
class AtLeast:
    """The smallest network that scores so well."""

    text: str
    least_score: float
    of_accuracy: bool
    counts: str = WEIGHTS
    budget: None = None

    def meets(self, points: Points) -> np.ndarray:
        """Return which points score well enough; what rounding left of a per cent is forgiven."""
        return points.score >= self.least_score - 1e-12


def goal_of(text: object) -> Goal:
    """Return the goal that was typed.

    Raises:
        InputError: it is none, or a budget of nothing.

    >>> goal_of("50 features").budget, goal_of("20 kB").budget
    (('features', 50.0), ('bytes', 20000.0))
    >>> round(goal_of("error 1.69%").least_score, 4), goal_of("Smallest").text
    (0.9831, 'smallest')
    """
    said = " ".join(str(text).split()) if isinstance(text, str) else ""
    for pattern, make in KINDS:
        match = re.fullmatch(pattern, said, re.IGNORECASE)
        if match is not None:
            return make(*match.groups())
    raise InputError(f"expected a goal such as {SPELLED}, got {text!r}: write one of these")


def penalty_of_goal(goal: Goal) -> Cardinality:
    """Return the constraint whose strengths are the compressions of a goal.

    >>> penalty_of_goal(goal_of("50 features"))
    Cardinality(per='input')
    """
    return Cardinality(per=INPUTS if goal.counts == INPUTS else WEIGHTS)


def check_score(goal: Goal, score_name: str) -> None:
    """Refuse an error in per cent of a score that is no accuracy.

    Raises:
        InputError: it is another score.
    """
    if getattr(goal, "of_accuracy", False) and score_name != "accuracy":
        raise InputError(
            f"expected the score accuracy for a goal of an error, '{goal.text}', got {score_name}: "
            "write 'score NUMBER'"
        )


def check_beside(options: Mapping[str, object]) -> None:
    """Refuse options that a sparsity path has no use for.

    Args:
        options: by name; those of `USUAL` among them are looked at.

    Raises:
        InputError: one is not as usual.

    >>> check_beside({"nested": 3})
    Traceback (most recent call last):
    shrinkage.errors.InputError: expected a goal without nested=3 (--nested), which is of a path \
of separate models: leave one out
    """
    for name, usual in USUAL.items():
        own = options.get(name, usual)
        if own != usual:
            raise InputError(
                f"expected a goal without {name}={own!r} (--{name}), which is of a path of "
                "separate models: leave one out"
            )


def _count(number: str, what: str) -> Goal:
    count = float(number.replace(",", "").replace("_", ""))
    if count < 1 or count != int(count):
        raise InputError(
            f"expected a goal of a whole number of {what}, at least 1, got {number!r}: write for "
            f"example '50 {what}'"
        )
    name = what.removesuffix("s") if count == 1 else what
    counts = next(own for own, plural in SIZES.items() if plural == what)
    return AtMost(f"{int(count):,} {name}", counts, (what, count))


def _error(number: str) -> Goal:
    percent = float(number)
    if not 0 <= percent < 100:
        raise InputError(
            f"expected an error from 0 to under 100 %, got {number} %: write 'error 1.69%'"
        )
    return AtLeast(f"error {percent:g}%", 1.0 - percent / 100, of_accuracy=True)


def _score(number: str) -> Goal:
    return AtLeast(f"score {float(number):g}", float(number), of_accuracy=False)


_UNITS = {"b": 1.0, "bytes": 1.0, "kb": 1e3, "kib": 1024.0, "mb": 1e6, "mib": 1024.0**2}


def _size(number: str, unit: str, dense: str | None = None) -> Goal:
    size = float(number.replace(",", "").replace("_", "")) * _UNITS[unit.lower()]
    if size < 1:
        raise InputError(
            f"expected a size of at least a byte, got '{number} {unit}': write '20 kB'"
        )
    if dense:
        return AtMost(f"{number} {unit} dense", UNITS, (DENSE_BYTES, size))
    return AtMost(f"{number} {unit}", WEIGHTS, ("bytes", size))


KINDS: tuple[tuple[str, Callable[..., Goal]], ...] = (
    (r"smallest", Smallest),
    (r"smallest features?", lambda: Smallest("smallest features", INPUTS)),
    (r"smallest dense", lambda: Smallest("smallest dense", UNITS)),
    (rf"{_NUMBER} units?", lambda number: _count(number, "units")),
    (rf"{_NUMBER} features?", lambda number: _count(number, "features")),
    (rf"{_NUMBER} weights?", lambda number: _count(number, "weights")),
    (rf"error {_NUMBER} ?%", _error),
    (r"score ([+-]?\d*\.?\d+(?:e[+-]?\d+)?)", _score),
    (rf"{_NUMBER} ?(B|bytes|kB|KiB|MB|MiB)( dense)?", _size),
)
"""How each kind is spelled."""
