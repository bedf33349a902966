"""One model at one strength, trained on all rows by the engine that paths use.

Who uses this: `ShrinkageClassifier` and `ShrinkageRegressor`. It is the refit of a path without
the path: the same seed, rows, recipe and module, so that the model of a strength is the same.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import nn

from shrinkage.datasets import Dataset
from shrinkage.errors import InputError
from shrinkage.estimators.fitted import FittedModel
from shrinkage.paths.choosing.scores import Scorer
from shrinkage.paths.engines.answers import is_users
from shrinkage.paths.engines.architectures import parse_architecture
from shrinkage.paths.engines.base import Unit
from shrinkage.paths.engines.kept_state import check_kept_state
from shrinkage.paths.engines.recipe import derived_seed
from shrinkage.paths.engines.threads import thread_share
from shrinkage.paths.options import PathOptions
from shrinkage.paths.results.loading import load_arrays
from shrinkage.paths.results.records import Status
from shrinkage.paths.running.outcomes import refitted
from shrinkage.paths.running.plan import Model
from shrinkage.paths.running.posing import (
    REFIT_LABEL,
    Posed,
    pose,
    prepare,
    recipe_of,
    selection_of,
)
from shrinkage.paths.running.preparation import Known, Preparation
from shrinkage.paths.running.row_splits import Split
from shrinkage.paths.settings import PathTerms
from shrinkage.penalties import Penalty
from shrinkage.pytorch.modes import learning
from shrinkage.terms import Term, Terms, as_terms, checked_strength


@dataclass(frozen=True, eq=False)
class Training:
    """A trained model: how it ended, its loss after each epoch, and how many epochs there were."""

    fitted: FittedModel
    status: Status
    loss_curve: np.ndarray | None
    epochs: int | None


@dataclass(frozen=True, eq=False)
class Task:
    """A problem on all rows, before anything is trained."""

    posed: Posed
    preparation: Preparation
    strength: float
    linear: bool

    @classmethod
    def of(
        cls,
        model: Model,
        data: Dataset,
        penalty: Penalty,
        strength: float,
        fixed: Term | Terms | Iterable[Term],
        options: PathOptions,
        known: Known | None = None,
    ) -> Task:
        """Return the problem of a model on all rows of a data set.

        `known` is a preparation of rows and targets from before; None: it is fitted on these rows.

        Raises:
            ShrinkageError: rows, model, terms or options do not fit each other.
        """
        rows = np.arange(data.n_samples)
        split = Split(rows, rows[:0], (), "all rows")
        architecture = parse_architecture(model)
        preparation = replace(prepare(data, split, architecture, options), known=known)
        terms = PathTerms.of(penalty, selection_of(options.select), as_terms(fixed))
        recipe = recipe_of(options, len(rows))
        scorer = Scorer(preparation.data_loss.score)
        posed = pose(architecture, preparation, terms, options, recipe, scorer)
        return cls(posed, preparation, checked_strength(strength), architecture.solved)

    def unit(self, seed: int) -> Unit:
        """Return all rows at the strength, as the refit of a path has them."""
        settings = self.posed.problem.terms.settings([(self.strength,)])
        rows = self.preparation.fold(None)
        return Unit("fit", settings, derived_seed(seed, REFIT_LABEL), rows, thread_share(1))

    def train(self, seed: int) -> Training:
        """Train.

        Raises:
            InputError: training diverged, or what the model learns is not all in its `state_dict`.
        """
        problem, engine, unit = self.posed.problem, self.posed.engine, self.unit(seed)
        with torch.random.fork_rng(devices=[]), learning():
            if is_users(problem.architecture):
                draws = check_kept_state(problem, unit)
                if draws:
                    warnings.warn(draws, UserWarning, stacklevel=4)
            trained = engine.train(problem, unit, _ignored)
            outcome = refitted(problem, unit, trained)
        (status,) = outcome.status
        if status is Status.DIVERGED:
            raise InputError(f"training diverged: {status.message}")
        weights = outcome.named("weights")
        module = load_arrays(self.posed.module.cpu(), {n: v[0] for n, v in weights.items()})
        losses = None if trained.curves is None else trained.curves.train_loss[:, 0]
        epochs = None if engine.is_solver else problem.recipe.epochs
        return Training(self.fitted(module.eval()), status, losses, epochs)

    def fitted(self, module: nn.Module) -> FittedModel:
        """Return a module of this problem with what prepares rows for it."""
        preparation = self.preparation
        return FittedModel(module, preparation.preprocessing, preparation.target, self.linear)


def _ignored(_: int) -> None:
    """Take no notice of progress."""
