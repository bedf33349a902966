"""Which tests run: by default all but what repeats others, `--fast` fewer, `--thorough` all.

Where a test is a product (penalties × updates × optimizers × frameworks), the default runs cases
in which each of them meets the others in pairs; the rest of the product is marked `thorough`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest


def in_pairs(cases: Iterable[Any], needed: Callable[[Any], bool]) -> list[Any]:
    """Return the cases of a product, those that are not needed marked `thorough`."""
    marked = pytest.mark.thorough
    return [case if needed(case) else pytest.param(case, marks=marked) for case in cases]


def usual(items: Sequence[pytest.Item]) -> tuple[list[pytest.Item], list[pytest.Item]]:
    """Return the tests that run by default, and those for `--thorough`."""
    others = [item for item in items if item.get_closest_marker("thorough") is not None]
    return [item for item in items if item not in set(others)], others


def fast(items: Sequence[pytest.Item]) -> tuple[list[pytest.Item], list[pytest.Item]]:
    """Return the tests that `--fast` runs, and the others."""
    chosen: dict[str, pytest.Item] = {}
    for item in items:
        if item.get_closest_marker("slow") is None:
            chosen.setdefault(item.nodeid.partition("[")[0], item)
    first = set(chosen.values())
    return list(chosen.values()), [item for item in items if item not in first]


def values_of(session: pytest.Session, folder: Path, argument: str) -> list[Any]:
    """Return the values of an argument in the session's tests of a folder, which may repeat."""
    calls = [
        getattr(item, "callspec", None) for item in session.items if folder in item.path.parents
    ]
    return [call.params[argument] for call in calls if call and argument in call.params]
