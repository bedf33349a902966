"""Runs checks on the backend that KERAS_BACKEND names; the words after the file are their modules.

JSON comes out: module → name of the check → "" or the traceback. One process a backend, since Keras
reads its backend when it is imported, and slowly.
"""

from __future__ import annotations

import importlib
import json
import sys
import traceback
from collections.abc import Callable

import pytest

Check = Callable[[], None]


def checks_of(name: str) -> dict[str, Check]:
    """Return the checks of a module by their names."""
    module = importlib.import_module(f"tests.keras.checks.{name}")
    checks = {
        key.removeprefix("check_").replace("_", " "): value
        for key, value in vars(module).items()
        if key.startswith("check_")
    }
    return checks | getattr(module, "CHECKS", {})


def outcome(check: Check) -> str:
    """Return nothing, or how a check failed."""
    try:
        check()
    except (Exception, pytest.fail.Exception):  # the latter where nothing was raised
        return traceback.format_exc()
    return ""


if __name__ == "__main__":
    answer = {
        name: {title: outcome(check) for title, check in checks_of(name).items()}
        for name in sys.argv[1:]
    }
    print(json.dumps(answer))
