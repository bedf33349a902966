"""What a person asks for: the penalties and numbers that vary, checked before anything trains.

Who uses this: `fit_surface`, `fit_search` and the command line.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from shrinkage.checks import is_number, one_of
from shrinkage.errors import InputError, near_names
from shrinkage.paths.choosing.grid import Strengths, checked_strengths
from shrinkage.paths.results.surfaces import Value
from shrinkage.paths.surfaces.penalty_axis import PENALTY, choices_of, names_of, penalties_of
from shrinkage.paths.surfaces.recipe_columns import RECIPE_COLUMNS
from shrinkage.penalties import L1, L2, Penalty

LEAST_AXES, MOST_AXES = 2, 3
SIMPLEST = ("weights", "inputs")
COUNTS = (12, 8, 6)
"""How many strengths each axis has where nothing is said."""


@dataclass(frozen=True)
class SurfaceSpec:
    """The axes of a surface, two or three: those of strengths first.

    Args:
        penalties: one or more whose strengths vary; beside an axis of penalties, those that stand
            beside each of its values.
        strengths: for each of them how many (2 to 1,000), or an ascending tuple, of one too.
        vary: further axes by name: a number of the recipe, a field of one of the penalties, or
            `penalty` itself, with the values to try.
        simplest: what the second choice has fewest of: nonzero `weights`, or `inputs`.

    >>> from shrinkage.penalties import L1, L2
    >>> SurfaceSpec((L1(), L2()), (12, 8)).names
    ('l1', 'l2')
    >>> SurfaceSpec(vary={"penalty": ("l1", "l2", "group-lasso")}).names
    ('strength', 'penalty')
    """

    penalties: tuple[Penalty, ...]
    strengths: tuple[Strengths, ...]
    vary: Mapping[str, tuple[Value, ...]]
    simplest: str = "weights"
    choices: Mapping[str, Penalty] = field(default_factory=dict)

    def __init__(
        self,
        penalties: Sequence[Penalty] | None = None,
        strengths: Sequence[Any] | None = None,
        vary: Mapping[str, Sequence[Any]] | None = None,
        simplest: str = "weights",
    ) -> None:
        choices = choices_of(vary)
        own = penalties_of(penalties, choices, (L1(), L2()))
        listed = {} if vary is None else dict(vary)
        count = len(own) + len(listed)
        if not LEAST_AXES <= count <= MOST_AXES:
            way = "take fit_search (--search)" if count > MOST_AXES else "take fit_path"
            raise InputError(f"expected two or three axes of a surface, got {count}: {way}")
        values = {
            "penalties": own,
            "strengths": _strengths(strengths, names_of(own, choices)),
            "vary": {
                name: tuple(choices)
                if name == PENALTY
                else checked_values(name, values, own[bool(choices) :])
                for name, values in listed.items()
            },
            "simplest": one_of(simplest, "simplest", SIMPLEST),
            "choices": choices,
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of the axes."""
        return (*names_of(self.penalties, self.choices), *self.vary)

    def identity(self) -> dict[str, object]:
        """Return what makes two runs the same run, as JSON knows it."""
        counts = [own if isinstance(own, int) else list(own) for own in self.strengths]
        return {
            "penalties": [repr(penalty) for penalty in self.penalties],
            "counts": counts,
            "vary": [[name, list(values)] for name, values in self.vary.items()],
            "simplest": self.simplest,
        }


def field_owner(name: str, penalties: Sequence[Penalty]) -> int | None:
    """Return which of the penalties has a field of that name, None where not exactly one has."""
    owners = [
        place
        for place, penalty in enumerate(penalties)
        if name in (field.name for field in fields(penalty))  # type: ignore[arg-type]
    ]
    return owners[0] if len(owners) == 1 else None


def _strengths(strengths: object, names: tuple[str, ...]) -> tuple[Strengths, ...]:
    if strengths is None:
        strengths = COUNTS[: len(names)]
    listed: Any = strengths if isinstance(strengths, Sequence) else (strengths,)
    if len(listed) != len(names):
        example = ", ".join(map(str, COUNTS[: len(names)]))
        raise InputError(
            f"expected {len(names)} counts of strengths, one for each axis of "
            f"{' × '.join(names)}, got {len(listed)}: write for example strengths=({example})"
        )
    return tuple(checked_strengths(own, "strengths of an axis") for own in listed)


def checked_values(
    name: str, values: Sequence[Value], penalties: tuple[Penalty, ...]
) -> tuple[Value, ...]:
    """Return the values of an axis that is no strength, or say what is wrong with them."""
    owner = field_owner(name, penalties)
    if name not in RECIPE_COLUMNS and owner is None:
        known = [*RECIPE_COLUMNS, PENALTY]
        known += [f.name for penalty in penalties for f in fields(penalty)]  # type: ignore[arg-type]
        hint = near_names(name, known) or "choose one of those"
        raise InputError(f"expected an axis of {', '.join(known)}, got {name!r}: {hint}")
    if isinstance(values, str) or not isinstance(values, Sequence) or not len(values):
        raise InputError(
            f"expected the values of the axis {name} as a list, got {values!r}: write for example "
            "(0.0, 0.2, 0.5)"
        )
    words = name in RECIPE_COLUMNS and RECIPE_COLUMNS[name].words
    wrong = [own for own in values if not (isinstance(own, str) if words else is_number(own))]
    if wrong and owner is None:
        kind = "words" if words else "numbers"
        raise InputError(f"expected {kind} on the axis {name}, got {wrong[0]!r}: give {kind}")
    plain = tuple(own if isinstance(own, str) else float(own) for own in values)
    if len(set(plain)) < len(plain):
        raise InputError(f"expected each value of the axis {name} once, got {list(values)}")
    return plain
