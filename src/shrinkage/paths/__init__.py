"""Paths: models over a grid of strengths, cross validated, and the choice of a strength.

Who uses this: people through `shrinkage.fit_path`, and the command line. It promises scores that
never include the penalty, rows that never leak from validation or test into training, models that
never touch each other, and a run that a kill cannot lose. What trains is loaded when it is first
asked for, so that reports, which read results only, load no framework.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from shrinkage.paths.results import ChosenModel, PathResult, Status

if TYPE_CHECKING:
    from shrinkage.paths.architectures import (
        MLP,
        Factory,
        Linear,
        Prototype,
        parse_architecture,
    )
    from shrinkage.paths.fit import fit_dataset, fit_path
    from shrinkage.paths.fitted import FittedPath
    from shrinkage.paths.run_directory import load_result
    from shrinkage.paths.settings import PathSettings

__all__ = [
    "MLP",
    "ChosenModel",
    "Factory",
    "FittedPath",
    "Linear",
    "PathResult",
    "PathSettings",
    "Prototype",
    "Status",
    "fit_dataset",
    "fit_path",
    "load_result",
    "parse_architecture",
]

_LAZY = {
    "MLP": "architectures",
    "Factory": "architectures",
    "Linear": "architectures",
    "Prototype": "architectures",
    "parse_architecture": "architectures",
    "fit_dataset": "fit",
    "fit_path": "fit",
    "FittedPath": "fitted",
    "load_result": "run_directory",
    "PathSettings": "settings",
}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(importlib.import_module(f"{__name__}.{_LAZY[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
