"""The result of a path: what the folds and the refit gave, and the one look at the test rows.

Who uses this: `fit_path`, at its end.
"""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

import numpy as np
import torch

from shrinkage.datasets import Preprocessing, TargetEncoding
from shrinkage.paths.choosing.cross_validation import CrossValidation
from shrinkage.paths.choosing.rules import Choice
from shrinkage.paths.engines.assigned import assignment
from shrinkage.paths.engines.base import Engine, Problem, Unit, template
from shrinkage.paths.options import PathOptions
from shrinkage.paths.results.code import training_code
from shrinkage.paths.results.fitted import FittedPath, ModelFile
from shrinkage.paths.results.records import (
    ChosenModel,
    LayerTrace,
    LearningCurve,
    Status,
)
from shrinkage.paths.results.summary import summary_of
from shrinkage.paths.running.outcomes import UnitOutcome
from shrinkage.paths.running.preparation import Preparation

PACKAGES = ("shrinkage", "torch", "numpy", "scikit-learn", "pandas", "safetensors")
Refit = tuple[tuple[float, ...], UnitOutcome]


def assemble(
    problem: Problem,
    preparation: Preparation,
    engine: Engine,
    whole: Unit,
    options: PathOptions,
    found: CrossValidation,
    choice: Choice,
    refit: Refit,
) -> FittedPath:
    """Return the result.

    Args:
        problem: what was trained.
        preparation: the rows.
        engine: what trained them.
        whole: the job of all training rows.
        options: the choices.
        found: the cross validation.
        choice: the chosen positions.
        refit: the strengths that were refitted, and their weights.
    """
    data, split = preparation.data, preparation.split
    scaling = preparation.preprocessing(split.train)
    encoding = preparation.target(split.train)
    weights = _weights(found, choice, refit)
    chosen = _chosen(problem, preparation, scaling, encoding, found, choice, refit)
    module = template(problem, whole)
    strength = found.strengths[choice.best]
    model_file = ModelFile(
        architecture=problem.architecture.name,
        n_inputs=whole.n_inputs,
        n_outputs=problem.n_outputs,
        dtype=str(problem.dtype).removeprefix("torch."),
        preprocessing=scaling.to_dict(),
        target=encoding.to_dict(),
        target_name=data.target_name,
        strengths=_role_strengths(found, choice, refit),
        test_rows=tuple(int(row) for row in split.test),
    )
    code = training_code(
        module,
        problem.penalty,
        strength,
        options.select,
        problem.update,
        problem.recipe,
        data.task,
        problem.architecture.name,
    )
    return FittedPath(
        summary=summary_of(
            preparation, options, problem, engine, found, chosen, len(refit[0]), _versions()
        ),
        strengths=np.array(found.strengths),
        fold_scores=found.measures["score"],
        train_loss=found.measures["train_loss"],
        validation_loss=found.measures["validation_loss"],
        status=found.status,
        nonzero=found.total_nonzero,
        inputs_kept=found.measures.get("inputs_kept"),
        layers=_layers(found, module),
        curves=_curves(found, choice),
        chosen=chosen,
        weights=weights,
        assignment=assignment(problem, module, strength).rows,
        input_names=tuple(scaling.input_names),
        image_shape=data.image_shape,
        score_name=problem.scorer.name,
        split_description=split.description,
        code=code,
        warnings=_warnings(found, choice),
        pixel_positions=None if data.image_shape is None else scaling.source_columns,
        model_file=model_file,
        prototype=module,
    )


def _position(refit: Refit, strength: float) -> int:
    return refit[0].index(strength)


def _role_strengths(found: CrossValidation, choice: Choice, refit: Refit) -> dict[str, float]:
    """Return the strength behind each name in the weights file."""
    roles = {
        "best": found.strengths[choice.best],
        "one_standard_error": found.strengths[choice.one_standard_error],
        "unregularized": 0.0,
    }
    if set(found.strengths) <= set(refit[0]):
        places = {f"strength_{i}": strength for i, strength in enumerate(found.strengths)}
        roles.update(places)
    return roles


def _weights(
    found: CrossValidation, choice: Choice, refit: Refit
) -> dict[str, dict[str, np.ndarray]]:
    arrays = refit[1].named("weights")
    return {
        role: {name: value[_position(refit, strength)] for name, value in arrays.items()}
        for role, strength in _role_strengths(found, choice, refit).items()
    }


def _chosen(
    problem: Problem,
    preparation: Preparation,
    scaling: Preprocessing,
    encoding: TargetEncoding,
    found: CrossValidation,
    choice: Choice,
    refit: Refit,
) -> tuple[ChosenModel, ...]:
    scores = _test_scores(problem, preparation, scaling, encoding, refit)
    nonzero = np.sum(list(refit[1].named("nonzero").values()), axis=0)
    total = sum(
        int(np.prod(refit[1].values[f"weights/{name}"].shape[1:]))
        for name in refit[1].named("nonzero")
    )
    assert found.unregularized is not None
    rows = (
        ("best", choice.best, found.strengths[choice.best], found.mean[choice.best]),
        (
            "one_standard_error",
            choice.one_standard_error,
            found.strengths[choice.one_standard_error],
            found.mean[choice.one_standard_error],
        ),
        ("unregularized", None, 0.0, found.unregularized.mean[0]),
    )
    return tuple(
        ChosenModel(
            role=role,
            index=index,
            strength=strength,
            cv_score=_finite(score),
            test_score=_finite(scores[_position(refit, strength)]),
            nonzero=int(nonzero[_position(refit, strength)]),
            total_weights=total,
        )
        for role, index, strength, score in rows
    )


def _test_scores(
    problem: Problem,
    preparation: Preparation,
    scaling: Preprocessing,
    encoding: TargetEncoding,
    refit: Refit,
) -> np.ndarray:
    """Return the test score of each refitted model: the only use of the test rows."""
    rows = preparation.test_rows
    dtype = np.float64 if problem.dtype == torch.float64 else np.float32
    x = torch.from_numpy(scaling.transform(rows.X, dtype))
    module = problem.architecture.build(x.shape[1], problem.n_outputs).to(problem.dtype)
    arrays = refit[1].named("weights")
    scores = []
    for position in range(len(refit[0])):
        module.load_state_dict(
            {name: torch.from_numpy(np.array(value[position])) for name, value in arrays.items()}
        )
        module.eval()
        with torch.no_grad():
            outputs = module(x).t().unsqueeze(0).numpy()
        scores.append(problem.scorer.score(outputs, rows.y, rows.weight, encoding)[0])
    return np.array(scores)


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _layers(found: CrossValidation, module: torch.nn.Module) -> tuple[LayerTrace, ...]:
    shapes = {name: tuple(value.shape) for name, value in module.named_parameters()}
    norms = found.named("norm")
    return tuple(
        LayerTrace(name, shapes[name], nonzero, norms[name])
        for name, nonzero in found.named("nonzero").items()
    )


def _curves(found: CrossValidation, choice: Choice) -> tuple[LearningCurve, ...]:
    if not found.curves or found.unregularized is None:
        return ()
    sources = (
        ("best", found.rows([choice.best])),
        ("one_standard_error", found.rows([choice.one_standard_error])),
        ("unregularized", found.unregularized),
    )
    return tuple(
        LearningCurve(
            role,
            source.strengths[0],
            *(
                source.curves[name][0].mean(axis=1)
                for name in ("train_loss", "validation_loss", "validation_score")
            ),
            epochs=found.epochs,
        )
        for role, source in sources
    )


def _warnings(found: CrossValidation, choice: Choice) -> tuple[str, ...]:
    """Return what the reader must know before trusting the choice."""
    said = []
    if choice.best in (0, len(found.strengths) - 1):
        edge = "smallest" if choice.best == 0 else "largest"
        said.append(
            f"the best strength is the {edge} of the grid, so a better one may lie beyond it; "
            "give --strengths that reach further"
        )
    diverged = [
        f"{strength:.3g}"
        for strength, status in zip(found.strengths, found.status, strict=True)
        if status is Status.DIVERGED
    ]
    if diverged:
        said.append(
            f"training diverged at strength {', '.join(diverged)}; a smaller learning rate may help"
        )
    if Status.NOT_CONVERGED in found.status:
        count = found.status.count(Status.NOT_CONVERGED)
        said.append(
            f"{count} of {len(found.strengths)} linear models stopped at the iteration limit "
            "before their minimizer"
        )
    return tuple(said)


def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = "unknown"
    return versions
