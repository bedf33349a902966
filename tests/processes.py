"""Programs of the tests that need a process of their own, wherever pytest was started."""

from __future__ import annotations

import os
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def program(module: str, *options: str) -> list[str]:
    """Return the command that runs a module of the tests."""
    return [sys.executable, *options, "-m", module]


def environment(**own: str) -> dict[str, str]:
    """Return the variables of a process that finds these tests and the code beside them."""
    paths = (str(ROOT), str(ROOT / "src"), *os.environ.get("PYTHONPATH", "").split(os.pathsep))
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))} | own
