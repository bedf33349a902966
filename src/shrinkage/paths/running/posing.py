"""The problem of a model on prepared rows: what an engine trains, posed and checked once.

Who uses this: the plan of a path, and the estimators, which train one model on all rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce
from operator import or_

import torch
from torch import nn

from shrinkage.datasets import Dataset
from shrinkage.datasets.rare import class_weights
from shrinkage.errors import InputError
from shrinkage.paths.choosing.scores import Scorer
from shrinkage.paths.data_losses import CROSS_ENTROPY, SQUARED, DataLoss, loss_of
from shrinkage.paths.engines.answers import answering, is_users, told_of
from shrinkage.paths.engines.architectures import (
    Architecture,
    Linear,
    LinearBySteps,
    Ordered,
    build_seeded,
    skips_of,
)
from shrinkage.paths.engines.base import Engine, Problem
from shrinkage.paths.engines.endings import check_ending
from shrinkage.paths.engines.lone import is_known
from shrinkage.paths.engines.losses import StackedLoss
from shrinkage.paths.engines.own_loss import OwnLoss, called
from shrinkage.paths.engines.own_recipe import optimizer_of
from shrinkage.paths.engines.precision import settled
from shrinkage.paths.engines.recipe import BATCH_SIZE, Recipe, default_epochs, derived_seed
from shrinkage.paths.engines.registry import choose_engine
from shrinkage.paths.engines.sequential import EVALUATION_ROWS, attached
from shrinkage.paths.engines.trial_rows import trial_rows
from shrinkage.paths.engines.whole_steps import is_possible
from shrinkage.paths.engines.widths import check_training_width, check_width
from shrinkage.paths.options import DTYPES, PathOptions
from shrinkage.paths.running.planned_inputs import plan_inputs
from shrinkage.paths.running.preparation import Preparation
from shrinkage.paths.running.row_splits import Split
from shrinkage.paths.settings import PathTerms
from shrinkage.paths.sparsifying.counted import counted_by
from shrinkage.paths.sparsifying.engine import SparsifyingEngine
from shrinkage.pytorch import describe
from shrinkage.pytorch.copies import deep_copy
from shrinkage.selections import Selection, as_selection, named, select, weights
from shrinkage.terms import Term, Terms, assign

REFIT_LABEL = 1_000
SET_BATCH_SIZE = 2_048


def prepare(
    data: Dataset, split: Split, architecture: Architecture, options: PathOptions
) -> Preparation:
    """Return what makes the rows of each job of an architecture.

    Raises:
        InputError: class weights that do not fit the target, or a device that is not there.
    """
    solved = architecture.solved
    loss = loss_of(options.loss, data)
    preparation = Preparation(
        data,
        split,
        standardize_target=loss.standardized and not solved,
        dtype=torch.float64 if solved else DTYPES[options.dtype],
        device=torch.device("cpu") if solved else options.torch_device(),
        class_weight=options.class_weight,
        score_weights=options.score_weights,
        standardize=options.standardize,
        loss=loss,
    )
    _check_class_weight(options, data)
    _check_compare(options, loss, data)
    return preparation


def fitting(architecture: Architecture, data: Dataset, options: PathOptions) -> Architecture:
    """Return what is trained: a linear model that no solver is for is one by steps."""
    loss = loss_of(options.loss, data)
    by_steps = options.goal is not None or not loss.solved
    if isinstance(architecture, Linear) and by_steps:
        architecture = LinearBySteps()
    return Ordered(architecture) if loss.ordered else architecture


@dataclass(frozen=True)
class Posed:
    """A problem, the module that its models start as, the engine for it, and what to tell.

    `notes` say how the module is taken, where that is not as it stands.
    """

    problem: Problem
    module: nn.Module
    engine: Engine
    warnings: tuple[str, ...]
    notes: tuple[str, ...] = ()


def pose(
    architecture: Architecture,
    preparation: Preparation,
    terms: PathTerms,
    options: PathOptions,
    recipe: Recipe,
    scorer: Scorer,
) -> Posed:
    """Return the problem of an architecture on prepared rows, checked.

    Raises:
        ShrinkageError: the model does not fit the rows, or the terms do not fit the model.
    """
    target = preparation.target
    n_outputs = target.n_outputs
    dtype, device = preparation.dtype, preparation.device
    given, terms = terms, _on_first_layer(terms, skips_of(architecture, n_outputs))
    architecture = answering(architecture, target.task, target.classes, options.answer)
    seed = derived_seed(options.seed, REFIT_LABEL)
    n_inputs = preparation.preprocessing.n_inputs
    module = build_seeded(architecture, n_inputs, n_outputs, seed, dtype)
    ending: tuple[str, ...] = ()
    if is_users(architecture):
        ending = check_ending(module, n_inputs, target.task, options.answer)
        most = min(len(preparation.data.y), EVALUATION_ROWS)
        batches = (min(recipe.batch_size, most), most)
        with torch.random.fork_rng(devices=[]):
            check_width(module, architecture.name, n_inputs, n_outputs, batches)
            rows = trial_rows(module, batches[0], n_inputs)
            check_training_width(module, architecture.name, rows, n_outputs)
    module = module.to(device)
    _check_batch_norm(module, recipe)
    infos = tuple(info for info, _ in describe(module))
    for pattern in options.select:
        select(pattern, infos)
    inputs = plan_inputs(preparation, infos, terms.terms, options)
    goal = options.wanted
    engine = (
        choose_engine(options.engine, architecture, module, recipe)
        if goal is None
        else SparsifyingEngine(
            counted_by(goal, module, n_inputs), is_known(module, recipe), is_possible(module)
        )
    )
    problem = Problem(
        architecture=architecture,
        terms=terms,
        assignment=assign(inputs.infos, terms.terms, options.update),
        update=options.update,
        recipe=recipe,
        loss=_loss(options, preparation, n_outputs, dtype),
        scorer=scorer,
        n_outputs=n_outputs,
        device=device,
        dtype=dtype,
        sources=preparation.preprocessing.source_columns,
        precision=settled(options.precision, device, dtype, narrows=engine.narrows),
        settle=options.tolerance,
    )
    engine.check(problem)
    _check_optimizer(problem, module)
    pairs = zip(given.terms, terms.terms, strict=True)
    notes = (
        *told_of(module, target.classes),
        *(_moved_note(term) for before, term in pairs if before.selection != term.selection),
    )
    return Posed(problem, module, engine, (*inputs.warnings, *ending), notes)


def _on_first_layer(terms: PathTerms, skips: int | None) -> PathTerms:
    """Return the terms, those about a skip layer on the layer that has it, if it is known."""

    def own(term: Term) -> Term:
        penalty = None if skips is None else term.penalty.on_skips(skips)
        if penalty is None:
            return term
        selection = named("0.weight") if term.selection == weights() else term.selection
        return replace(term, penalty=penalty, selection=selection)

    return replace(terms, terms=Terms(tuple(map(own, terms.terms))))


def _moved_note(term: Term) -> str:
    return f"{term.penalty!r} is on the layer that reads the inputs alone, with its skip"


def _loss(
    options: PathOptions, preparation: Preparation, n_outputs: int, dtype: torch.dtype
) -> StackedLoss:
    loss = preparation.data_loss.stacked
    if options.loss is None or isinstance(options.loss, str):
        return loss
    names = preparation.target.names
    _check_ignored(options.loss, preparation.target.classes)
    return OwnLoss.of(
        options.loss,
        loss,
        n_outputs,
        dtype,
        weighted=preparation.is_weighted,
        device=preparation.device,
        shape=(len(names),) if names else None,
    )


def _check_ignored(loss: object, classes: Sequence[object]) -> None:
    """Refuse a loss that leaves out a number which is not its label's place among the classes."""
    ignored = getattr(loss, "ignore_index", None)
    if not isinstance(ignored, int) or not all(isinstance(label, int) for label in classes):
        return
    left_out = classes[ignored] if 0 <= ignored < len(classes) else None
    if left_out == (ignored if ignored in classes else None):
        return
    what = "none" if left_out is None else f"the label {left_out}"
    raise InputError(
        f"expected a loss of classes that are numbered from 0, got {called(loss)}, whose "
        f"ignore_index {ignored} would leave out {what}: give rows that are not to count no "
        "target, and missing_target='drop'"
    )


def _check_optimizer(problem: Problem, module: nn.Module) -> None:
    """Refuse an optimizer of the user's that the penalties are not for, before anything trains."""
    if problem.recipe.optimizer is not None:
        own = deep_copy(module)
        trained = [parameter for parameter in own.parameters() if parameter.requires_grad]
        optimizer = optimizer_of(problem.recipe, trained)
        attached(problem, own, optimizer, dict.fromkeys(problem.terms.terms.ids, 1.0))


def _check_class_weight(options: PathOptions, data: Dataset) -> None:
    if options.class_weight not in (None, "none"):
        if data.task != "classification":
            raise InputError(
                "expected classes for class_weight (--class-weight), got a "
                f"{data.task} target: leave it out"
            )
        class_weights(data.y, options.class_weight)


def _check_compare(options: PathOptions, loss: DataLoss, data: Dataset) -> None:
    """Refuse what the models of other kinds are not trained for."""
    if options.compare and (loss not in (CROSS_ENTROPY, SQUARED) or data.y.ndim > 1):
        what = f"{data.y.shape[1]} targets" if data.y.ndim > 1 else f"the loss {loss.name}"
        raise InputError(
            f"expected one target of classes or numbers to compare models of other kinds on "
            f"(--compare), got {what}: leave --compare out"
        )


def _check_batch_norm(module: nn.Module, recipe: Recipe) -> None:
    """Refuse batch norm over single rows."""
    normed = any(isinstance(layer, nn.modules.batchnorm._BatchNorm) for layer in module.modules())
    if normed and recipe.batch_size < 2:
        raise InputError(
            "expected a batch size of at least 2 for a model with batch norm, got 1; choose a "
            "larger --batch-size"
        )


def selection_of(patterns: tuple[str | Selection, ...]) -> Selection:
    """Return what name patterns and selections select: the default weights where there are none."""
    if not patterns:
        return weights()
    return reduce(or_, [as_selection(pattern) for pattern in patterns])


def recipe_of(options: PathOptions, rows: int, loss: DataLoss | None = None) -> Recipe:
    """Return the recipe for so many training rows.

    A loss that is no mean over the rows is of large batches, of all rows where they are few.

    Raises:
        InputError: a batch of more rows than there are.
    """
    if options.batch_size is not None and options.batch_size > rows:
        raise InputError(
            f"expected a batch size of at most the {rows} training rows of a fold, got "
            f"{options.batch_size}; choose a smaller --batch-size"
        )
    usual = BATCH_SIZE if loss is None or loss.stacked.by_row else SET_BATCH_SIZE
    batch = options.batch_size or usual  # all rows where they are fewer, as a batch is cut
    epochs = options.epochs or default_epochs(rows, batch)
    return Recipe(
        epochs=epochs,
        batch_size=batch,
        learning_rate=options.learning_rate,
        optimizer=options.optimizer,
        augment=options.augment,
    )
