"""What training left behind: weights and norms of each layer along a path, and learning curves.

Who uses this: the assembly of a result.
"""

from __future__ import annotations

from shrinkage.paths.choosing.cross_validation import CrossValidation
from shrinkage.paths.choosing.rules import Choice
from shrinkage.paths.engines.base import Problem
from shrinkage.paths.results.records import LayerTrace, LearningCurve


def layer_traces(validation: CrossValidation, problem: Problem) -> tuple[LayerTrace, ...]:
    """Return how many weights are left in each layer, and their norm, by strength and fold."""
    shapes = {info.name: info.shape for info in problem.assignment.infos}
    norms = validation.named("norm")
    return tuple(
        LayerTrace(name, shapes[name], nonzero, norms[name])
        for name, nonzero in validation.named("nonzero").items()
        if name in norms  # a surface of networks of several shapes has but one sum of all
    )


def learning_curves(validation: CrossValidation, choice: Choice) -> tuple[LearningCurve, ...]:
    """Return the means over the folds of the curves of the models that have a role, if kept."""
    if not validation.curves or validation.unregularized is None:
        return ()
    sources = (
        ("best", validation.rows([choice.best])),
        ("one_standard_error", validation.rows([choice.one_standard_error])),
        ("unregularized", validation.unregularized),
    )
    return tuple(
        LearningCurve(
            role,
            source.strengths[0],
            *(
                source.curves[name][0].mean(axis=1)
                for name in ("train_loss", "validation_loss", "validation_score")
            ),
            epochs=validation.epochs,
        )
        for role, source in sources
    )
