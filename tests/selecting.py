"""What `--fast` runs: every test that is not slow, parametrized ones in their first case only."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest


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
