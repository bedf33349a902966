"""A function of the caller's, named on the command line as MODULE:FUNCTION or FILE.py:FUNCTION.

Who uses this: factories of networks (`--model`), and `shrinkage audit`. A module is looked for in
the folder that the command is run in first, as `python -m` does; a file is run as `import` runs it,
with its own folder in front, so that what is under `if __name__ == "__main__"` stays as it is.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from shrinkage.errors import InputError, near_names


def import_function(path: str, option: str) -> Callable[..., Any]:
    """Return the function of that name.

    Args:
        path: `package.module:function`, or `folder/file.py:function`.
        option: what the person gave it for, for the error.

    Returns:
        The function, not called.

    Raises:
        InputError: no such module or file, one that cannot be imported, or no such function in it.

    >>> import_function("math:sqrt", "--model")(4.0)
    2.0
    """
    place, _, name = path.rpartition(":")
    is_alone = path.endswith(".py")
    if not place or not name or is_alone:
        raise InputError(
            f"expected {option} as package.module:function or file.py:function, got {path!r}: "
            + (f"name the function too, as {path}:training_step" if is_alone else "name both parts")
        )
    is_file = place.endswith(".py")
    try:
        module = _module_of_file(Path(place)) if is_file else _module(place)
    except InputError:
        raise
    except (Exception, SystemExit) as error:
        text = " ".join(str(error).split())
        raise InputError(
            f"cannot import {place!r} for {option} {path}: {type(error).__name__}: {text}; "
            + (_SCRIPT if is_file else "run from the folder that holds it, or install it")
        ) from error
    function = getattr(module, name, None)
    if not callable(function):
        hint = near_names(name, [public for public in dir(module) if public[0] != "_"])
        hint = hint or "name a function that is in it"
        kind = "file" if is_file else "module"
        raise InputError(f"{kind} {place} has no function {name!r}; {hint}")
    return function


_SCRIPT = "what trains or reads arguments goes under if __name__ == '__main__'"


def _module(name: str) -> ModuleType:
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    return importlib.import_module(name)


def _module_of_file(path: Path) -> ModuleType:
    """Return a file as a module; one that has been imported from there is not run again."""
    if not path.is_file():
        beside = path.parent.glob("*.py") if path.parent.is_dir() else ()
        hint = near_names(path.name, [other.name for other in beside])
        raise InputError(
            f"expected a Python file, got {path.as_posix()!r}, which is not there: "
            f"{hint or 'give its path from this folder'}"
        )
    path = path.resolve()
    known = sys.modules.get(path.stem)
    if known is not None and getattr(known, "__file__", None) == str(path):
        return known
    if str(path.parent) not in sys.path:
        sys.path.insert(0, str(path.parent))
    name = path.stem if known is None else f"shrinkage_loaded_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
