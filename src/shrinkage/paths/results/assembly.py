"""The result of a path: what the folds and the refit gave, and the one look at the test rows.

Who uses this: `fit_path`, at its end.
"""

from __future__ import annotations

import copy
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version

import numpy as np
import torch

from shrinkage.paths.choosing.cross_validation import CrossValidation
from shrinkage.paths.choosing.grid_top import GridSource
from shrinkage.paths.choosing.log_losses import log_losses
from shrinkage.paths.choosing.rules import Choice
from shrinkage.paths.comparing.compare import PeerScores
from shrinkage.paths.engines.base import Problem
from shrinkage.paths.engines.own_loss import called
from shrinkage.paths.fast_validation import LeftOut
from shrinkage.paths.results.class_figures import ClassFigures
from shrinkage.paths.results.code import training_code
from shrinkage.paths.results.comparisons import ComparedModel
from shrinkage.paths.results.differences import FoldValues, differences_of, early_stop_of
from shrinkage.paths.results.fitted import FittedPath, ModelFile
from shrinkage.paths.results.group_scores import GroupScores
from shrinkage.paths.results.loading import load_arrays
from shrinkage.paths.results.records import (
    ROLES,
    ChosenModel,
    ConstantScore,
    LayerTrace,
    LearningCurve,
)
from shrinkage.paths.results.score_cautions import score_cautions
from shrinkage.paths.results.score_figures import (
    ScoredRows,
    class_figures,
    has_short_form,
    score_interval,
)
from shrinkage.paths.results.summary import Findings, summary_of
from shrinkage.paths.results.warnings import warnings_of
from shrinkage.paths.running.outcomes import UnitOutcome
from shrinkage.paths.running.plan import Plan
from shrinkage.paths.running.score_groups import GROUP_SCORE, group_scores
from shrinkage.paths.settings import Settings
from shrinkage.terms import assign

MOST_SHOWN_CLASSES = 200
"""With more classes than this no confusion matrix is kept."""

PACKAGES = ("shrinkage", "torch", "numpy", "scikit-learn", "pandas", "safetensors")


@dataclass(frozen=True)
class Refit:
    """The models that were trained on all training rows: their settings, and their outcome."""

    settings: Settings
    outcome: UnitOutcome

    def position(self, settings: Settings) -> int:
        """Return where the model of these settings, one row, is."""
        return self.settings.rows.index(settings.rows[0])


@dataclass(frozen=True)
class _RefitRow:
    """A name in the weights file, the settings behind it (one row), and its place in the path."""

    settings: Settings
    index: int | None
    cv_score: float
    cv_log_loss: float

    @property
    def strength(self) -> float:
        return self.settings.rows[0][0]


def assemble(
    plan: Plan,
    validation: CrossValidation,
    choice: Choice,
    refit: Refit,
    source: GridSource,
    left_out: LeftOut | None = None,
    others: Sequence[PeerScores] = (),
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
    """
    problem, preparation, scorer = plan.problem, plan.preparation, plan.problem.scorer
    data, scaling = preparation.data, preparation.preprocessing
    roles = _roles(validation, choice, refit)
    chosen = _chosen(plan, roles, refit)
    best = problem.terms.at(roles["best"].settings.rows[0])
    figures = _class_figures(plan, refit, roles["best"])
    cautions = (*plan.cautions, *score_cautions(validation, choice, plan.constant, scorer.name))
    early = early_stop_of(
        validation, choice, plan.options.choose_by, weighted=plan.preparation.is_weighted
    )
    folds = {one.name: FoldValues(one.score, one.log_loss) for one in others}
    differences = differences_of(validation, choice, plan.constant, folds)
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
    )
    versions = dict(_versions())
    summary = summary_of(plan, validation, findings, len(refit.settings), source, versions)
    weights = refit.outcome.named("weights")
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
        layers=_layers(validation, problem),
        curves=_curves(validation, choice),
        chosen=chosen,
        weights={
            name: {key: value[refit.position(role.settings)] for key, value in weights.items()}
            for name, role in roles.items()
        },
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
            preparation.data_loss.of_several if data.target_names else preparation.data_loss.code,
            problem.architecture.name,
            problem.assignment.infos,
            None if plan.options.loss is None else called(plan.options.loss),
        ),
        warnings=(*plan.warnings, *warnings_of(plan, validation, choice, source, left_out)),
        pixel_positions=None if data.image_shape is None else scaling.source_columns,
        model_file=ModelFile(
            architecture=problem.architecture.name,
            n_inputs=scaling.n_inputs,
            n_outputs=problem.n_outputs,
            dtype=str(problem.dtype).removeprefix("torch."),
            preprocessing=scaling.to_dict(),
            target=preparation.target.to_dict(),
            target_name=data.target_name,
            strengths={name: role.strength for name, role in roles.items()},
            test_rows=tuple(int(row) for row in preparation.split.test),
            read_options=data.read_options.to_dict(),
            shapes=data.shapes.to_dict() if data.shapes is not None and data.as_shaped else None,
        ),
        prototype=copy.deepcopy(plan.module).cpu(),
        cautions=cautions,
        target=data.target,
        constant=findings.constant,
        classes=figures,
        log_loss=validation.log_loss,
        rounds=validation.rounds,
        differences=differences,
        early_stop=findings.early_stop,
        compared=findings.compared,
        frequency=_frequency(plan, validation),
        group_scores=findings.group_scores,
    )


def _frequency(plan: Plan, validation: CrossValidation) -> np.ndarray | None:
    """Return the share of the folds that use each column that makes inputs, in their order."""
    scaling = plan.preparation.preprocessing
    frequency = validation.frequency(len(scaling.columns))
    return None if frequency is None else frequency[:, list(scaling.used_columns)]


def _roles(validation: CrossValidation, choice: Choice, refit: Refit) -> dict[str, _RefitRow]:
    """Return what is behind each name in the weights file; every strength where all are there."""

    def row(source: CrossValidation, place: int, index: int | None) -> _RefitRow:
        loss = float("nan") if source.log_loss is None else float(source.log_loss[place].mean())
        return _RefitRow(source.settings.take([place]), index, float(source.mean[place]), loss)

    def at(index: int) -> _RefitRow:
        return row(validation, index, index)

    assert validation.unregularized is not None
    roles = {
        "best": at(choice.best),
        "one_standard_error": at(choice.one_standard_error),
        "unregularized": row(validation.unregularized, 0, None),
    }
    if set(validation.settings.rows) <= set(refit.settings.rows):
        roles |= {f"strength_{index}": at(index) for index in range(len(validation.settings))}
    return roles


def _chosen(plan: Plan, roles: Mapping[str, _RefitRow], refit: Refit) -> tuple[ChosenModel, ...]:
    scorer, counts = plan.problem.scorer, refit.outcome.named("nonzero")
    nonzero = np.sum(list(counts.values()), axis=0)
    weights = refit.outcome.named("weights")
    total = sum(int(np.prod(weights[name].shape[1:])) for name in counts)
    models = []
    for name in ROLES:
        position = refit.position(roles[name].settings)
        rows = scored_rows(plan, refit, position)
        score = float("nan")
        outputs = rows.outputs[None]
        loss = log_losses(outputs, rows.raw_target, rows.weight, rows.encoding)[0]
        if len(rows.raw_target):
            score = scorer.score(outputs, rows.raw_target, rows.weight, rows.encoding)[0]
        wanted = np.isfinite(score) and (name == "best" or has_short_form(scorer, rows))
        interval = score_interval(scorer, rows, plan.options.seed) if wanted else None
        models.append(
            ChosenModel(
                role=name,
                index=roles[name].index,
                strength=roles[name].strength,
                cv_score=_finite(roles[name].cv_score),
                test_score=_finite(score),
                nonzero=int(nonzero[position]),
                total_weights=total,
                test_interval=interval,
                cv_log_loss=_finite(roles[name].cv_log_loss),
                test_log_loss=_finite(loss),
            )
        )
    return tuple(models)


def scored_rows(plan: Plan, refit: Refit, position: int) -> ScoredRows:
    """Return a refitted model's outputs for the test rows: the one use of the test rows."""
    preparation = plan.preparation
    rows, split = preparation.test_rows, preparation.split
    module = copy.deepcopy(plan.module).cpu().eval()
    arrays = refit.outcome.named("weights")
    load_arrays(module, {name: value[position] for name, value in arrays.items()})
    with torch.no_grad():
        outputs = module(torch.from_numpy(preparation.test_inputs)).t().numpy()
    groups = preparation.data.groups
    held = None if groups is None or not len(split.test) else groups[split.test]
    return ScoredRows(outputs, rows.y, rows.weight, held, preparation.target)


def _class_figures(plan: Plan, refit: Refit, best: _RefitRow) -> ClassFigures | None:
    if plan.preparation.data.task != "classification":
        return None
    rows = scored_rows(plan, refit, refit.position(best.settings))
    if not len(rows.raw_target) or len(rows.encoding.classes) > MOST_SHOWN_CLASSES:
        return None
    return class_figures(rows.outputs, rows.raw_target, rows.encoding)


def _group_scores(
    plan: Plan, validation: CrossValidation, choice: Choice, refit: Refit, best: _RefitRow
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
        _finite(float(scores.folds.mean())),
        _finite(scores.test),
        _finite(float(scores.log_loss.mean())),
        _finite(scores.test_log_loss),
    )


def _compared(one: PeerScores) -> ComparedModel:
    means = (float(values.mean()) for values in (one.score, one.log_loss))
    score, loss = map(_finite, means)
    tests = _finite(one.test_score), _finite(one.test_log_loss)
    return ComparedModel(one.name, score, tests[0], loss, tests[1], round(one.seconds, 2))


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _layers(validation: CrossValidation, problem: Problem) -> tuple[LayerTrace, ...]:
    shapes = {info.name: info.shape for info in problem.assignment.infos}
    norms = validation.named("norm")
    return tuple(
        LayerTrace(name, shapes[name], nonzero, norms[name])
        for name, nonzero in validation.named("nonzero").items()
        if name in norms  # a surface of networks of several shapes has but one sum of all
    )


def _curves(validation: CrossValidation, choice: Choice) -> tuple[LearningCurve, ...]:
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


@cache
def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = "unknown"
    return versions
