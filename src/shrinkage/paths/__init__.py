"""Paths: models over a grid of strengths, cross validated, and the choice of a strength.

Who uses this: people through `shrinkage.fit_path`, and the command line. It promises scores that
never include the penalty, rows that never leak from validation or test into training, models that
never touch each other, and a run that a kill cannot lose. What trains is loaded when it is first
asked for, so that reports, which read results only, load no framework.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from shrinkage.extras import needs
from shrinkage.paths.results.records import ChosenModel, PathResult, Status

if TYPE_CHECKING:
    from shrinkage.paths.engines.architectures import (
        MLP,
        Factory,
        Linear,
        Prototype,
        parse_architecture,
    )
    from shrinkage.paths.options import PathOptions
    from shrinkage.paths.results.fitted import FittedPath

    fit_dataset: Any
    fit_path: Any
    load_result: Any

__all__ = [
    "MLP",
    "ChosenModel",
    "Factory",
    "FittedPath",
    "Linear",
    "PathOptions",
    "PathResult",
    "Prototype",
    "Status",
    "fit_dataset",
    "fit_path",
    "load_result",
    "parse_architecture",
]

_LAZY = {
    "MLP": "shrinkage.paths.engines.architectures",
    "Factory": "shrinkage.paths.engines.architectures",
    "Linear": "shrinkage.paths.engines.architectures",
    "Prototype": "shrinkage.paths.engines.architectures",
    "parse_architecture": "shrinkage.paths.engines.architectures",
    "FittedPath": "shrinkage.paths.results.fitted",
    "PathOptions": "shrinkage.paths.options",
    # What also keeps and reports is in the room above, under the names that people know.
    "fit_dataset": "shrinkage.run",
    "fit_path": "shrinkage.run",
    "load_result": "shrinkage.run",
}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        with needs("paths"):
            return getattr(importlib.import_module(_LAZY[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
