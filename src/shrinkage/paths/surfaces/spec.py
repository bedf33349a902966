"""What a person asks for: the penalties and numbers that vary, checked before anything trains.

Who uses this: `fit_surface`, `fit_search` and the command line.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from shrinkage.checks import is_number, one_of, whole
from shrinkage.errors import InputError, near_names
from shrinkage.paths.choosing.grid import check_strengths
from shrinkage.paths.options import MOST_STRENGTHS
from shrinkage.paths.results.surfaces import Value
from shrinkage.paths.surfaces.recipe_columns import RECIPE_COLUMNS
from shrinkage.penalties import Penalty

LEAST_AXES, MOST_AXES = 2, 3
SIMPLEST = ("weights", "inputs")

Strengths = int | tuple[float, ...]


@dataclass(frozen=True)
class SurfaceSpec:
    """The axes of a surface, two or three: those of strengths first.

    Args:
        penalties: one or more whose strengths vary.
        strengths: for each of them how many (2 to 1,000), or an ascending tuple.
        vary: further axes by name: a number of the recipe, or a field of one of the penalties,
            with the values to try.
        simplest: what the second choice has fewest of: nonzero `weights`, or `inputs`.

    >>> from shrinkage.penalties import L1, L2
    >>> SurfaceSpec((L1(), L2()), (12, 8)).names
    ('l1', 'l2')
    """

    penalties: tuple[Penalty, ...]
    strengths: tuple[Strengths, ...]
    vary: Mapping[str, tuple[Value, ...]]
    simplest: str = "weights"

    def __init__(
        self,
        penalties: Sequence[Penalty],
        strengths: Sequence[Any],
        vary: Mapping[str, Sequence[Value]] | None = None,
        simplest: str = "weights",
    ) -> None:
        own = checked_penalties(penalties)
        listed = {} if vary is None else dict(vary)
        count = len(own) + len(listed)
        if not LEAST_AXES <= count <= MOST_AXES:
            way = "take fit_search (--search)" if count > MOST_AXES else "take fit_path"
            raise InputError(f"expected two or three axes of a surface, got {count}: {way}")
        values = {
            "penalties": own,
            "strengths": _strengths(strengths, own),
            "vary": {name: checked_values(name, values, own) for name, values in listed.items()},
            "simplest": one_of(simplest, "simplest", SIMPLEST),
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of the axes."""
        return (*names_of(self.penalties), *self.vary)

    def identity(self) -> dict[str, object]:
        """Return what makes two runs the same run, as JSON knows it."""
        counts = [own if isinstance(own, int) else list(own) for own in self.strengths]
        return {
            "penalties": [repr(penalty) for penalty in self.penalties],
            "counts": counts,
            "vary": [[name, list(values)] for name, values in self.vary.items()],
            "simplest": self.simplest,
        }


def checked_penalties(penalties: object) -> tuple[Penalty, ...]:
    """Return penalties as a tuple, or say what was expected."""
    listed: Any = tuple(penalties) if isinstance(penalties, Sequence) else (penalties,)
    for penalty in listed:
        if not hasattr(penalty, "prox") or isinstance(penalty, type):
            raise InputError(
                f"expected penalties without a strength, such as (L1(), L2()), got {penalty!r}"
            )
    if not listed:
        raise InputError("expected at least one penalty, such as (L1(), L2()), got none")
    return listed


def names_of(penalties: Sequence[Penalty]) -> tuple[str, ...]:
    """Return what the penalties are called, numbered where two are of one kind.

    >>> from shrinkage.penalties import L1, L2
    >>> names_of((L1(), L2(), L1()))
    ('l1', 'l2', 'l1_2')
    """
    names: list[str] = []
    for penalty in penalties:
        name = penalty.name
        alike = sum(1 for other in names if other.partition("_")[0] == name)
        names.append(f"{name}_{alike + 1}" if alike else name)
    return tuple(names)


def field_owner(name: str, penalties: Sequence[Penalty]) -> int | None:
    """Return which of the penalties has a field of that name, None where not exactly one has."""
    owners = [
        place
        for place, penalty in enumerate(penalties)
        if name in (field.name for field in fields(penalty))  # type: ignore[arg-type]
    ]
    return owners[0] if len(owners) == 1 else None


def _strengths(strengths: object, penalties: tuple[Penalty, ...]) -> tuple[Strengths, ...]:
    listed: Any = strengths if isinstance(strengths, Sequence) else (strengths,)
    if len(listed) != len(penalties):
        names = " × ".join(names_of(penalties))
        example = ", ".join(["12", "8", "6"][: len(penalties)])
        raise InputError(
            f"expected {len(penalties)} counts of strengths, one for each axis of {names}, got "
            f"{len(listed)}: write for example strengths=({example})"
        )
    checked: list[Strengths] = []
    for own in listed:
        if is_number(own):
            hint = "give how many, or an ascending tuple of them"
            checked.append(whole(own, "strengths of an axis", 2, hint, most=MOST_STRENGTHS))
        else:
            checked.append(check_strengths(tuple(float(strength) for strength in own)))
    return tuple(checked)


def checked_values(
    name: str, values: Sequence[Value], penalties: tuple[Penalty, ...]
) -> tuple[Value, ...]:
    """Return the values of an axis that is no strength, or say what is wrong with them."""
    owner = field_owner(name, penalties)
    if name not in RECIPE_COLUMNS and owner is None:
        known = [*RECIPE_COLUMNS]
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
