"""What a search tries: a range or some values for each axis beside the strengths.

Who uses this: `fit_search` and the command line.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from typing import Any

from shrinkage.checks import is_number, one_of, whole
from shrinkage.errors import InputError
from shrinkage.paths.engines.architectures import MLP, Architecture
from shrinkage.paths.results.surfaces import Value
from shrinkage.paths.surfaces.penalty_axis import PENALTY, choices_of, names_of, penalties_of
from shrinkage.paths.surfaces.recipe_columns import RECIPE_COLUMNS
from shrinkage.paths.surfaces.spec import SIMPLEST, checked_values
from shrinkage.penalties import L2, Penalty

MOST_TRIALS, MOST_OUTER = 10_000, 20
BATCH = 4


@dataclass(frozen=True)
class Between:
    """Any number from `low` to `high`, evenly in logarithm where `log`.

    >>> Between(1e-3, 1e-2, log=True)
    Between(low=0.001, high=0.01, log=True)
    """

    low: float
    high: float
    log: bool = False

    def __post_init__(self) -> None:
        numbers = is_number(self.low) and is_number(self.high)
        if not numbers or not self.low < self.high or (self.log and self.low <= 0):
            raise InputError(
                f"expected two numbers, the smaller first (positive where log), got {self.low!r} "
                f"and {self.high!r}: write for example Between(1e-3, 1e-2, log=True)"
            )


Range = Between | tuple[Value, ...]

USUAL: Mapping[str, Range] = {
    "dropout": Between(0.0, 0.6),
    "norm": ("none", "batch", "layer"),
    "width": (0.5, 1.0, 2.0, 4.0),
    "learning_rate": Between(5e-4, 2e-2, log=True),
}
"""What is tried beside the strengths where nothing is said: of an MLP all, else the last."""


@dataclass(frozen=True)
class SearchSpec:
    """A search: how many trials, over what.

    Args:
        penalties: one or more whose strengths are searched, over four decades; beside an axis of
            penalties, those that stand beside each of its values.
        trials: how many models are tried, those of the model as it was given among them.
        vary: a `Between` or a list of values for each further axis; None: the usual ones.
        batch: trials that share a stack: they differ in strengths alone.
        outer: outer folds in which the whole search is repeated for an honest score; 0: none.
        simplest: what the second choice has fewest of: nonzero `weights`, or `inputs`.
    """

    penalties: tuple[Penalty, ...]
    trials: int = 60
    vary: Mapping[str, Range] | None = None
    batch: int = BATCH
    outer: int = 3
    simplest: str = "weights"
    choices: Mapping[str, Penalty] = field(default_factory=dict)

    def __init__(
        self,
        penalties: Sequence[Penalty] | None = None,
        trials: int = 60,
        vary: Mapping[str, Any] | None = None,
        batch: int = BATCH,
        outer: int = 3,
        simplest: str = "weights",
    ) -> None:
        choices = choices_of(vary)
        own = penalties_of(penalties, choices, (L2(),))
        beside = own[bool(choices) :]
        ranges = None
        if vary is not None:
            ranges = {
                name: tuple(choices) if name == PENALTY else _range(name, v, beside)
                for name, v in vary.items()
            }
        values = {
            "penalties": own,
            "trials": whole(trials, "trials", 2, "the default is 60", most=MOST_TRIALS),
            "vary": ranges,
            "batch": whole(batch, "batch", 1, f"the default is {BATCH}", most=MOST_TRIALS),
            "outer": _outer(outer),
            "simplest": one_of(simplest, "simplest", SIMPLEST),
            "choices": choices,
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def inner(self) -> SearchSpec:
        """Return the same search without outer folds: what is repeated in each of them."""
        inner = copy(self)
        object.__setattr__(inner, "outer", 0)
        return inner

    def space(self, architecture: Architecture) -> dict[str, Range]:
        """Return what varies beside the strengths of a model.

        Raises:
            InputError: the model is solved, or nothing varies.
        """
        if architecture.solved:
            raise InputError(
                f"expected a model that is trained for a search, got {architecture.name}, which is "
                "solved: take a surface, or mlp:64,32"
            )
        if self.vary is not None:
            return dict(self.vary)
        usual = dict(USUAL)
        if not isinstance(architecture, MLP):
            usual = {"learning_rate": usual["learning_rate"]}
        return usual

    @property
    def strengths(self) -> tuple[str, ...]:
        """Return the names of the axes of strengths."""
        return names_of(self.penalties, self.choices)

    def identity(self) -> dict[str, object]:
        """Return what makes two runs the same run, as JSON knows it."""
        vary = None if self.vary is None else {name: repr(own) for name, own in self.vary.items()}
        return {
            "penalties": [repr(penalty) for penalty in self.penalties],
            "trials": self.trials,
            "vary": vary,
            "batch": self.batch,
            "outer": self.outer,
            "simplest": self.simplest,
        }


def _range(name: str, values: Any, penalties: tuple[Penalty, ...]) -> Range:
    if isinstance(values, Between):
        if name in RECIPE_COLUMNS and RECIPE_COLUMNS[name].whole:
            raise InputError(
                f"expected the values of {name} as a list of whole numbers, got {values}: write "
                "for example (50, 100, 200)"
            )
        checked_values(name, (values.low, values.high), penalties)
        return values
    return checked_values(name, values, penalties)


def _outer(count: int) -> int:
    if count == 0:
        return 0
    return whole(count, "outer", 2, "0 is none, the default is 3", most=MOST_OUTER)
