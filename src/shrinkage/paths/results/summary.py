"""The content of `summary.json`: every number of a path in one flat record.

Who uses this: `assembly` makes it, people and programs read it. Numbers that are not finite are
None, so that the file is JSON for every reader.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np

from shrinkage.cautions import Caution
from shrinkage.datasets.column_records import column_records
from shrinkage.paths.choosing.cross_validation import CrossValidation
from shrinkage.paths.choosing.grid_top import GridSource
from shrinkage.paths.engines.own_loss import called
from shrinkage.paths.fast_validation import LeftOut
from shrinkage.paths.options import OWN
from shrinkage.paths.results.class_figures import ClassFigures
from shrinkage.paths.results.comparisons import ComparedModel, Difference, EarlyStop
from shrinkage.paths.results.group_scores import GroupScores
from shrinkage.paths.results.records import ChosenModel, ConstantScore
from shrinkage.paths.running.plan import Plan


@dataclass(frozen=True)
class Findings:
    """The chosen models and what to know about them.

    `constant` is the model without inputs, `classes` and `fold_classes` are figures by class,
    `differences` how far models are apart, `early_stop` is the fair baseline, `compared` are models
    of other kinds.
    """

    chosen: tuple[ChosenModel, ...]
    cautions: tuple[Caution, ...]
    constant: ConstantScore
    classes: ClassFigures | None
    left_out: LeftOut | None = None
    differences: tuple[Difference, ...] = ()
    early_stop: EarlyStop | None = None
    compared: tuple[ComparedModel, ...] = ()
    group_scores: GroupScores | None = None
    fold_classes: ClassFigures | None = None


def summary_of(
    plan: Plan,
    validation: CrossValidation,
    findings: Findings,
    refitted: int,
    source: GridSource,
    versions: Mapping[str, str],
) -> dict[str, object]:
    """Return the record; `wall_seconds` is filled in when the run ends.

    Args:
        plan: what was trained, on which rows.
        validation: the cross validation.
        findings: the refitted models and what is known of them.
        refitted: number of models trained on all training rows.
        source: where the grid comes from.
        versions: of the packages.
    """
    problem, options = plan.problem, plan.options
    data, split = plan.preparation.data, plan.preparation.split
    recipe = None if plan.engine.is_solver else problem.recipe
    inputs_kept = validation.measures.get("inputs_kept")
    residual, logs = validation.residual, validation.log_loss
    network = validation.measures.get("network_inputs_kept")
    columns, sources = plan.preparation.preprocessing.columns, problem.sources
    free_inputs = (
        unit
        for info in problem.assignment.infos
        if info.input_groups
        for unit in info.input_groups.free
    )
    free = sorted({columns[sources[unit]] for unit in free_inputs})
    fixed = [repr(term) for term in problem.terms.fixed]
    summary: dict[str, object] = {
        "task": data.task,
        "target": None if data.target is None else data.target.to_dict(),
        "data": data.name,
        "n_samples": data.n_samples + (len(data.test[1]) if data.test is not None else 0),
        "n_features": data.n_features,
        "n_train": len(split.train),
        "n_test": len(plan.preparation.test_rows.y),
        "folds": plan.folds // validation.rounds,
        "repeats": validation.rounds,
        "split": split.description,
        "model": problem.architecture.name,
        "engine": plan.engine.name,
        **({"engine_reason": plan.why_engine} if plan.why_engine else {}),
        **({} if plan.repeats else {"repeatable": False}),
        **({"precision": problem.precision} if plan.engine.narrows else {}),
        "penalty": repr(problem.terms.varying[0].penalty),
        **({"fixed": fixed} if fixed else {}),
        "select": options.told_select,
        **({"free": free} if free else {}),
        "update": problem.update,
        "seed": options.seed,
        "epochs": None if recipe is None else recipe.epochs,
        "batch_size": None if recipe is None else recipe.batch_size,
        **{name: called(own) for name in OWN if (own := getattr(options, name)) is not None},
        "learning_rate": None if recipe is None else recipe.learning_rate,
        "loss": called(options.loss) if callable(options.loss) else plan.preparation.data_loss.name,
        **({"members": options.members} if options.members > 1 else {}),
        "score_name": problem.scorer.name,
        "strengths": list(validation.strengths),
        "grid": str(source),
        "fast": None if findings.left_out is None else findings.left_out.to_dict(),
        "cv_score_mean": _numbers(validation.mean),
        "cv_score_se": _numbers(validation.standard_error),
        "choose_by": options.choose_by,
        "cv_log_loss": None if logs is None else _numbers(logs.mean(axis=1)),
        "nonzero": _numbers(validation.total_nonzero.mean(axis=1)),
        "inputs_kept": None if inputs_kept is None else _numbers(inputs_kept.mean(axis=1)),
        "network_inputs": plan.preparation.preprocessing.n_inputs,
        "network_inputs_kept": None if network is None else _numbers(network.mean(axis=1)),
        "status": [str(status) for status in validation.status],
        "residual": None if residual is None else _numbers(residual.max(axis=1)),
        "ended_early": _ended_early(plan, validation),
        "models_trained": plan.folds * (len(validation.strengths) + 1) + refitted,
        "constant": asdict(findings.constant),
        "early_stop": None if findings.early_stop is None else asdict(findings.early_stop),
        "differences": [difference.to_dict() for difference in findings.differences],
        "compared": [asdict(model) for model in findings.compared],
        **({} if findings.group_scores is None else {"score_by": findings.group_scores.to_dict()}),
        "positive": problem.scorer.positive,
        "class_weight": options.told_class_weight,
        "classes": None if findings.classes is None else findings.classes.to_dict(),
        "fold_classes": None if findings.fold_classes is None else findings.fold_classes.to_dict(),
        "cautions": [caution.to_dict() for caution in findings.cautions],
        "columns": column_records(data.readings, plan.preparation.preprocessing),
        "left_out": list(data.left_out),
        "said": {name: spec.to_dict() for name, spec in data.specs.items()},
        "notes": list(plan.notes),
        "wall_seconds": None,
        "versions": dict(versions),
    }
    for model in findings.chosen:
        summary[model.role] = {
            "index": model.index,
            "strength": model.strength,
            "cv_score": model.cv_score,
            "test_score": model.test_score,
            "test_interval": None if model.test_interval is None else list(model.test_interval),
            "nonzero": model.nonzero,
            "total_weights": model.total_weights,
            "cv_log_loss": model.cv_log_loss,
            "test_log_loss": model.test_log_loss,
        }
    return summary


def _ended_early(plan: Plan, validation: CrossValidation) -> dict[str, object] | None:
    """Return how many models of the folds ended before the last epoch, None where none may."""
    told = [validation, *([validation.unregularized] if validation.unregularized else [])]
    epochs = [own.measures["epochs"] for own in told if "epochs" in own.measures]
    if len(epochs) < len(told) or not told:
        return None
    trained, full = np.concatenate(epochs), plan.problem.recipe.epochs
    return {
        "models": int((trained < full).sum()),
        "of": trained.size,
        "share_of_epochs": round(float(trained.mean() / full), 4),
        "tolerance": plan.problem.settle,
        "epochs": _numbers(epochs[0].mean(axis=1)),
    }


def _numbers(values: np.ndarray) -> list[float | None]:
    return [float(value) if np.isfinite(value) else None for value in values]
