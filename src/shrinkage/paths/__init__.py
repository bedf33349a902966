"""Paths: models over a grid of strengths, cross validated, and the choice of a strength.

Who uses this: people through `shrinkage.fit_path`, and the command line. It promises scores that
never include the penalty, rows that never leak from validation or test into training, models that
never touch each other, and a run that a kill cannot lose.
"""

from __future__ import annotations

from shrinkage.paths.architectures import MLP, Factory, Linear, Prototype, parse_architecture
from shrinkage.paths.fit import fit_dataset, fit_path
from shrinkage.paths.fitted import FittedPath
from shrinkage.paths.results import ChosenModel, PathResult, Status
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
