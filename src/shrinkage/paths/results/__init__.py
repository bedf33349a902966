"""What a path gives: records that load no framework, the fitted models, the run directory.

Who uses this: reports and the command line read the records; everything that needs a framework is
in a module of its own.
"""

from __future__ import annotations

from shrinkage.paths.results.class_figures import ClassFigures
from shrinkage.paths.results.comparisons import ComparedModel, Difference, EarlyStop
from shrinkage.paths.results.goal import GoalRecord
from shrinkage.paths.results.group_scores import GroupScore, GroupScores
from shrinkage.paths.results.records import (
    AssignmentRow,
    ChosenModel,
    ConstantScore,
    LayerTrace,
    LearningCurve,
    PathResult,
    Status,
)

__all__ = [
    "AssignmentRow",
    "ChosenModel",
    "ClassFigures",
    "ComparedModel",
    "ConstantScore",
    "Difference",
    "EarlyStop",
    "GoalRecord",
    "GroupScore",
    "GroupScores",
    "LayerTrace",
    "LearningCurve",
    "PathResult",
    "Status",
]
