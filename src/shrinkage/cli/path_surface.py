"""What makes of `shrinkage path` a surface or a search: further penalties and axes, as typed."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from shrinkage.cli.path_values import count_or_strengths
from shrinkage.comma_lists import CommaList
from shrinkage.errors import InputError
from shrinkage.penalties.base import Penalty

if TYPE_CHECKING:
    from shrinkage.paths.options import PathOptions
    from shrinkage.paths.searching.space import SearchSpec
    from shrinkage.paths.surfaces.spec import SurfaceSpec

BATCH, DECADE, PENALTY = 4, 10.0, "penalty"
_ITEM = re.compile(r"(?:[^,()]|\([^()]*\))+")  # commas in parentheses are of one item


@dataclass(frozen=True)
class Axes:
    """What was typed about axes."""

    second: list[str] | None
    vary: list[str] | None
    strengths: list[CommaList] | None
    search: int | None
    outer: int | None
    simplest: str

    def of(self, penalty: Penalty, *, typed: bool) -> SurfaceSpec | SearchSpec | None:
        """Return the surface or the search that was asked for, None for a path.

        Args:
            penalty: the first one.
            typed: whether it was asked for, or is the default.

        Raises:
            InputError: what was typed is no axis, or counts and axes do not match.
            MissingExtra: a search without the extra `search`.
        """
        self._check()
        first = () if self._varies_penalty(typed=typed) else (penalty,)
        if self.search is not None:
            from shrinkage.searches import search_spec

            penalties = (*first, *(_penalty(text) for text in self.second or ()))
            vary = None if self.vary is None else dict(map(_range, self.vary))
            outer = 3 if self.outer is None else self.outer
            return search_spec(penalties, self.search, vary, BATCH, outer, self.simplest)
        if not self.second and not self.vary:
            return None
        from shrinkage.paths.surfaces.spec import SurfaceSpec

        penalties = (*first, *(_penalty(text) for text in self.second or ()))
        axes = dict(map(_axis, self.vary or ()))
        count = max(1, len(first)) + len(self.second or ())
        return SurfaceSpec(penalties, _strengths(self.strengths, count), axes, self.simplest)

    def _varies_penalty(self, *, typed: bool) -> bool:
        """Return whether the penalty is an axis, whose values then are all that is asked for."""
        own = [text for text in self.vary or () if text.partition("=")[0].strip() == PENALTY]
        if own and typed:
            raise InputError(
                f"expected no --penalty, nor an option of one, beside --vary {own[0]}, whose "
                "values are the penalties: write its options there, as elastic-net(l1_ratio=0.3)"
            )
        return bool(own)

    def _check(self) -> None:
        """Refuse options that belong to something else."""
        if self.search is None and self.outer is not None:
            raise InputError(
                f"expected --search beside --outer {self.outer}, got none: leave one out"
            )
        if self.search is not None and self.strengths is not None:
            raise InputError(
                "expected --search without --strengths, which it draws itself: leave one out"
            )
        several = self.second or self.vary or self.search is not None
        if self.simplest != "weights" and not several:
            raise InputError(
                f"expected --second or --vary beside --simplest {self.simplest}, got neither: of a "
                "path the strongest model is the simplest"
            )


def fitting(
    axes: SurfaceSpec | SearchSpec | None, penalty: Penalty, options: PathOptions
) -> Callable[..., Any]:
    """Return the function that fits: a path, a surface or a search.

    Raises:
        InputError: an option that only a path has.
    """
    if axes is None:
        from shrinkage.run import fit_dataset

        return partial(fit_dataset, penalty=penalty)
    from shrinkage.paths.surfaces.spec import SurfaceSpec
    from shrinkage.searches import fit_search_dataset
    from shrinkage.surfaces import fit_surface_dataset

    for name in ("fast", "goal"):
        if getattr(options, name):
            raise InputError(
                f"--{name} belongs to a path, but more than one axis is asked for: leave one out"
            )
    if isinstance(axes, SurfaceSpec):
        return partial(fit_surface_dataset, spec=axes)
    if options.nested:
        raise InputError(
            f"expected --outer {options.nested} for the outer folds of a search, got --nested: "
            "write that"
        )
    return partial(fit_search_dataset, spec=axes)


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
    items = (item.strip() for item in _ITEM.findall(values))
    return name.replace("-", "_"), tuple(map(_value, filter(None, items)))


def _range(text: str) -> tuple[str, Any]:
    """Return an axis of a search: LOW..HIGH is a range, in logarithm where it spans decades."""
    from shrinkage.paths.searching.space import Between

    name, values = text.partition("=")[::2]
    low, dots, high = values.partition("..")
    if not dots:
        return _axis(text)
    first, last = _value(low), _value(high)
    if isinstance(first, str) or isinstance(last, str):
        raise InputError(f"expected numbers around the dots of --vary, got {text!r}")
    log = first > 0 and last >= DECADE * first
    return name.strip().replace("-", "_"), Between(first, last, log=log)


def _value(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _strengths(texts: list[CommaList] | None, count: int) -> list[int | tuple[float, ...]] | None:
    """Return the strengths of each axis: counts in one option, or an option an axis."""
    if texts is None:
        return None
    from shrinkage.paths.surfaces.spec import COUNTS

    listed = [(text.items(), str(text)) for text in texts]
    if len(listed) == 1 and count > 1 and len(listed[0][0]) == count:
        return [_count(item, texts[0]) for item in listed[0][0]]
    if len(listed) != count:
        example = ",".join(map(str, COUNTS[:count]))
        raise InputError(
            f"expected --strengths with a count for each of the {count} penalties, got "
            f"{' '.join(texts)!r}: write --strengths {example}, or the option once for each"
        )
    return [count_or_strengths(*own) for own in listed]


def _count(item: str, typed: str) -> int:
    try:
        return int(item)
    except ValueError:
        raise InputError(
            f"expected whole numbers in --strengths, a count for each axis, got {typed!r}: list "
            "strengths themselves in one option for each axis"
        ) from None
