"""The result of a path: what the folds and the refits gave, in one record.

Who uses this: `fit_path`, at its end.
"""

from __future__ import annotations

import platform
from collections.abc import Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version

import numpy as np

from shrinkage.paths.choosing.cross_validation import CrossValidation
from shrinkage.paths.choosing.grid_top import GridSource
from shrinkage.paths.choosing.rules import Choice
from shrinkage.paths.comparing.compare import PeerScores
from shrinkage.paths.engines.answer_parts import part_text
from shrinkage.paths.engines.own_loss import called
from shrinkage.paths.fast_validation import LeftOut
from shrinkage.paths.results.class_figures import ClassFigures
from shrinkage.paths.results.code import training_code
from shrinkage.paths.results.comparisons import ComparedModel
from shrinkage.paths.results.differences import FoldValues, differences_of, early_stop_of
from shrinkage.paths.results.fitted import FittedPath, ModelFile
from shrinkage.paths.results.goal import ASKED, GOAL, GoalRecord
from shrinkage.paths.results.group_scores import GroupScores
from shrinkage.paths.results.records import ConstantScore
from shrinkage.paths.results.refits import (
    Refit,
    RefitRow,
    chosen_models,
    finite,
    roles_of,
    scored_rows,
    weights_of,
)
from shrinkage.paths.results.score_cautions import score_cautions
from shrinkage.paths.results.score_figures import class_figures
from shrinkage.paths.results.summary import Findings, summary_of
from shrinkage.paths.results.traces import layer_traces, learning_curves
from shrinkage.paths.results.warnings import warnings_of
from shrinkage.paths.running.outcomes import CONFUSION
from shrinkage.paths.running.plan import Plan
from shrinkage.paths.running.score_groups import GROUP_SCORE, group_scores
from shrinkage.pytorch.copies import deep_copy
from shrinkage.terms import assign

MOST_SHOWN_CLASSES = 200
"""With more classes than this no confusion matrix is kept."""

PACKAGES = ("shrinkage", "torch", "numpy", "scikit-learn", "pandas", "safetensors")


def assemble(
    plan: Plan,
    validation: CrossValidation,
    choice: Choice,
    refit: Refit,
    source: GridSource,
    left_out: LeftOut | None = None,
    others: Sequence[PeerScores] = (),
    goal: tuple[int, GoalRecord] | None = None,
) -> FittedPath:
    """Return the result.

    Args:
        plan: what was trained, on which rows.
        validation: the cross validation.
        choice: the chosen positions.
        refit: the models on all training rows.
        source: where the grid comes from.
        left_out: the strengths that were not trained in full, if some were left out on purpose.
        others: models of other kinds on the same rows.
        goal: the place that a goal chose, and all sizes.
    """
    problem, preparation, scorer = plan.problem, plan.preparation, plan.problem.scorer
    data, scaling = preparation.data, preparation.preprocessing
    small = None if goal is None else goal[0]
    roles = roles_of(validation, choice, refit, small)
    chosen = chosen_models(plan, roles, refit)
    shown = roles.get(GOAL, roles["best"])
    best = problem.terms.at(shown.settings.rows[0])
    figures = _class_figures(plan, refit, shown)
    cautions = (*plan.cautions, *score_cautions(validation, choice, plan.constant, scorer.name))
    early = early_stop_of(
        validation, choice, plan.options.choose_by, weighted=plan.preparation.is_weighted
    )
    folds = {one.name: FoldValues(one.score, one.log_loss) for one in others}
    differences = differences_of(validation, choice, plan.constant, folds, small)
    if early is not None and early[1] is not None:
        differences += (early[1],)
    findings = Findings(
        chosen,
        cautions,
        _constant(plan),
        figures,
        left_out,
        differences,
        None if early is None else early[0],
        tuple(_compared(one) for one in others),
        _group_scores(plan, validation, choice, refit, roles["best"]),
        _fold_classes(plan, validation, shown),
    )
    versions = dict(_versions())
    summary = summary_of(plan, validation, findings, refit.models, source, versions)
    if goal is not None:
        summary[ASKED] = goal[1].to_dict()
    weights = weights_of(roles, refit)
    strengths = {name: roles.get(name, roles["best"]).strength for name in weights}
    return FittedPath(
        summary=summary,
        strengths=np.array(validation.strengths),
        fold_scores=validation.measures["score"],
        train_loss=validation.measures["train_loss"],
        validation_loss=validation.measures["validation_loss"],
        status=validation.status,
        nonzero=validation.total_nonzero,
        inputs_kept=validation.measures.get("inputs_kept"),
        residual=validation.residual,
        network_inputs_kept=validation.measures.get("network_inputs_kept"),
        layers=layer_traces(validation, problem),
        curves=learning_curves(validation, choice),
        chosen=chosen,
        weights=weights,
        assignment=assign(problem.assignment.infos, best, problem.update).rows,
        input_names=tuple(scaling.input_names),
        input_columns=tuple(scaling.columns[place] for place in scaling.source_columns),
        image_shape=data.image_shape,
        score_name=problem.scorer.name,
        split_description=preparation.split.description,
        code=training_code(
            plan.module,
            best,
            problem.update,
            problem.recipe,
            preparation.data_loss,
            preparation.target,
            problem.architecture.name,
            problem.assignment.infos,
            called(plan.options.loss) if callable(plan.options.loss) else None,
            solved=problem.architecture.solved,
            weighed=preparation.weights.words,
        ),
        warnings=(*plan.warnings, *warnings_of(plan, validation, choice, source, left_out, refit)),
        pixel_positions=None if data.image_shape is None else scaling.source_columns,
        model_file=ModelFile(
            architecture=problem.architecture.name,
            n_inputs=scaling.n_inputs,
            n_outputs=problem.n_outputs,
            dtype=str(problem.dtype).removeprefix("torch."),
            preprocessing=scaling.to_dict(),
            target=preparation.target.to_dict(),
            target_name=data.target_name,
            strengths=strengths,
            test_rows=tuple(int(row) for row in preparation.split.test),
            read_options=data.read_options.to_dict(),
            shapes=data.shapes.to_dict() if data.shapes is not None and data.as_shaped else None,
            answer=part_text(plan.options.answer),
        ),
        prototype=deep_copy(plan.module).cpu(),
        cautions=cautions,
        target=data.target,
        constant=findings.constant,
        classes=figures,
        fold_classes=findings.fold_classes,
        log_loss=validation.log_loss,
        rounds=validation.rounds,
        differences=differences,
        early_stop=findings.early_stop,
        compared=findings.compared,
        frequency=_frequency(plan, validation),
        group_scores=findings.group_scores,
        goal=None if goal is None else goal[1],
    )


def _frequency(plan: Plan, validation: CrossValidation) -> np.ndarray | None:
    """Return the share of the folds that use each column that makes inputs, in their order."""
    scaling = plan.preparation.preprocessing
    frequency = validation.frequency(len(scaling.columns))
    return None if frequency is None else frequency[:, list(scaling.used_columns)]


def _class_figures(plan: Plan, refit: Refit, best: RefitRow) -> ClassFigures | None:
    if plan.preparation.data.task != "classification":
        return None
    rows = scored_rows(plan, refit, refit.position(best.settings))
    if not len(rows.raw_target) or len(rows.encoding.classes) > MOST_SHOWN_CLASSES:
        return None
    return class_figures(rows.outputs, rows.raw_target, rows.encoding)


def _fold_classes(plan: Plan, validation: CrossValidation, best: RefitRow) -> ClassFigures | None:
    """Return the figures of the classes on the rows that the folds left out, all rounds added."""
    counted = validation.measures.get(CONFUSION)
    if counted is None or best.index is None:
        return None
    return ClassFigures(plan.preparation.target.classes, counted[best.index].sum(axis=0))


def _group_scores(
    plan: Plan, validation: CrossValidation, choice: Choice, refit: Refit, best: RefitRow
) -> GroupScores | None:
    if plan.preparation.score_groups is None:
        return None
    by_fold = {
        label: scores[choice.best] for label, scores in validation.named(GROUP_SCORE).items()
    }
    rows = scored_rows(plan, refit, refit.position(best.settings))
    return group_scores(plan.preparation, plan.problem.scorer, by_fold, rows)


def _constant(plan: Plan) -> ConstantScore:
    scores = plan.constant
    return ConstantScore(
        finite(float(scores.folds.mean())),
        finite(scores.test),
        finite(float(scores.log_loss.mean())),
        finite(scores.test_log_loss),
    )


def _compared(one: PeerScores) -> ComparedModel:
    means = (float(values.mean()) for values in (one.score, one.log_loss))
    score, loss = map(finite, means)
    tests = finite(one.test_score), finite(one.test_log_loss)
    return ComparedModel(one.name, score, tests[0], loss, tests[1], round(one.seconds, 2))


@cache
def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = "unknown"
    return versions
