"""Programs of the tests that need a process of their own, wherever pytest was started."""

from __future__ import annotations

import os
import subprocess
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


def printed(code: str) -> str:
    """Return what a fresh Python prints that runs some code."""
    run = subprocess.run(
        [sys.executable, "-c", code],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout.strip()


def loaded_by(code: str) -> set[str]:
    """Return the modules that a fresh Python has loaded after some code that prints nothing."""
    return set(printed(f"{code}\nimport sys\nprint(*sys.modules, sep='\\n')").splitlines())
