"""What makes of `shrinkage path` a surface: further penalties and further axes, as typed."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from shrinkage.comma_lists import CommaList
from shrinkage.errors import InputError
from shrinkage.penalties.base import Penalty

if TYPE_CHECKING:
    from shrinkage.paths.options import PathOptions
    from shrinkage.paths.surfaces.spec import SurfaceSpec

COUNTS = (12, 8, 6)
"""How many strengths each axis has where none are asked for."""


def axes_of(
    penalty: Penalty,
    second: list[str] | None,
    vary: list[str] | None,
    strengths: list[CommaList] | None,
    simplest: str,
) -> SurfaceSpec | None:
    """Return the axes that were asked for, None for a path.

    Raises:
        InputError: what was typed is no axis, or counts and axes do not match.
    """
    from shrinkage.paths.surfaces.spec import SurfaceSpec

    if not second and not vary:
        if simplest != "weights":
            raise InputError(
                f"expected --second or --vary beside --simplest {simplest}, got neither: of a path "
                "the strongest model is the simplest"
            )
        return None
    penalties = (penalty, *(_penalty(text) for text in second or ()))
    axes = dict(map(_axis, vary or ()))
    return SurfaceSpec(penalties, _strengths(strengths, len(penalties)), axes, simplest)


def fitting(axes: SurfaceSpec | None, penalty: Penalty, options: PathOptions) -> Callable[..., Any]:
    """Return the function that fits: a path, or a surface.

    Raises:
        InputError: an option that only a path has.
    """
    if axes is None:
        from shrinkage.run import fit_dataset

        return partial(fit_dataset, penalty=penalty)
    from shrinkage.surfaces import fit_surface_dataset

    for name in ("fast", "compare"):
        if getattr(options, name):
            raise InputError(
                f"--{name} belongs to a path, but --second or --vary asks for a surface: leave one "
                "out"
            )
    return partial(fit_surface_dataset, spec=axes)


def _penalty(text: str) -> Penalty:
    from shrinkage.terms.text import written_term

    if "*" in text:
        raise InputError(
            f"expected --second as a penalty without a strength, such as l2, got {text!r}: its "
            "strength varies; a fixed one is --with"
        )
    return written_term(f"1*{text}", "--second").term().penalty


def _axis(text: str) -> tuple[str, tuple[float | str, ...]]:
    name, equals, values = (part.strip() for part in text.partition("="))
    if not equals or not values:
        raise InputError(
            f"expected --vary as NAME=VALUES, got {text!r}: write for example dropout=0,0.2,0.5"
        )
    items = (item.strip() for item in values.split(","))
    return name.replace("-", "_"), tuple(map(_value, filter(None, items)))


def _value(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _strengths(texts: list[CommaList] | None, count: int) -> list[int | tuple[float, ...]]:
    """Return the strengths of each axis: counts in one option, or an option an axis."""
    if texts is None:
        return list(COUNTS[:count])
    groups = [text.items() for text in texts]
    if len(groups) == 1 and len(groups[0]) == count:
        groups = [(item,) for item in groups[0]]
    if len(groups) != count:
        example = ",".join(map(str, COUNTS[:count]))
        raise InputError(
            f"expected --strengths with a count for each of the {count} penalties, got "
            f"{' '.join(texts)!r}: write --strengths {example}, or the option once for each"
        )
    return [_one_axis(items, count) for items in groups]


def _one_axis(items: tuple[str, ...], count: int) -> int | tuple[float, ...]:
    try:
        if len(items) == 1:
            return int(items[0])
        return tuple(map(float, items))
    except ValueError:
        what = "a whole number" if len(items) == 1 else "numbers"
        example = ",".join(map(str, COUNTS[:count]))
        raise InputError(
            f"expected {what} in --strengths, got {','.join(items)!r}: counts such as {example}"
        ) from None
