"""A function of the caller's, named on the command line as MODULE:FUNCTION.

Who uses this: factories of networks (`--model`), and `shrinkage audit`. The folder that the
command is run in is looked in first, as `python -m` does.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from shrinkage.errors import InputError, near_names


def import_function(path: str, option: str) -> Callable[..., Any]:
    """Return the function of that name.

    Args:
        path: `package.module:function`.
        option: what the person gave it for, for the error.

    Returns:
        The function, not called.

    Raises:
        InputError: no such module, one that cannot be imported, or no such function in it.

    >>> import_function("math:sqrt", "--model")(4.0)
    2.0
    """
    module_name, _, name = path.partition(":")
    if not module_name or not name:
        raise InputError(
            f"expected {option} as package.module:function, got {path!r}: name both parts"
        )
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        module = importlib.import_module(module_name)
    except (Exception, SystemExit) as error:
        text = " ".join(str(error).split())
        raise InputError(
            f"cannot import {module_name!r} for {option} {path}: {type(error).__name__}: "
            f"{text}; run from the folder that holds it, or install it"
        ) from error
    function = getattr(module, name, None)
    if not callable(function):
        hint = near_names(name, [public for public in dir(module) if public[0] != "_"])
        hint = hint or "name a function that is in it"
        raise InputError(f"module {module_name} has no function {name!r}; {hint}")
    return function
