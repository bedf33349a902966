"""The run directory: what is in which file, written whole and read back equal.

Who uses this: `shrinkage.run`, for `fit_path`, `load_result` and the commands `report` and
`predict`. `summary.json`, `path.csv`, `model.safetensors` and `model.json` are for readers
without this library; `history.json` holds the rest of what the report draws. No path of the
machine is written into any of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch

from shrinkage.atomic import write_bytes
from shrinkage.cautions import Caution
from shrinkage.errors import RunDirectoryError
from shrinkage.paths.results.class_figures import ClassFigures
from shrinkage.paths.results.columns import columns_frame
from shrinkage.paths.results.comparisons import ComparedModel, Difference, EarlyStop
from shrinkage.paths.results.files import (
    read_arrays,
    read_json,
    write_arrays,
    write_json,
    write_tensors,
)
from shrinkage.paths.results.fitted import FittedPath, ModelFile
from shrinkage.paths.results.goal import ASKED, GOAL, GoalRecord
from shrinkage.paths.results.group_scores import GroupScores
from shrinkage.paths.results.mean import MEAN
from shrinkage.paths.results.nested_score import NestedScore
from shrinkage.paths.results.records import (
    ROLES,
    AssignmentRow,
    ChosenModel,
    ConstantScore,
    LayerTrace,
    LearningCurve,
    PathResult,
    Status,
)
from shrinkage.paths.results.surfaces import Surface
from shrinkage.paths.results.table import path_csv
from shrinkage.target_reading import TargetReading

FORMAT = 1
COLUMNS_FILE = "columns.safetensors"


def write_run(result: FittedPath, root: Path) -> None:
    """Write the numbers and weights of a run, all but `summary.json`, which says it is finished.

    Raises:
        RunDirectoryError: the disk is full or the folder cannot be written.
    """
    arrays = {
        f"{role}.{name}": value
        for role, state in result.weights.items()
        for name, value in state.items()
    }
    stored_as = result.model_file.stored_as if result.model_file is not None else None
    if stored_as is None:
        write_arrays(root / "model.safetensors", arrays)
    else:
        from shrinkage.compaction.rounding import in_half

        tensors = {name: torch.from_numpy(np.array(own)) for name, own in arrays.items()}
        write_tensors(root / "model.safetensors", in_half(tensors, stored_as))
    if result.model_file is not None:
        write_json(root / "model.json", {"format": FORMAT, **asdict(result.model_file)})
    write_json(root / "history.json", _history(result))
    write_bytes(root / "path.csv", path_csv(result).encode())
    if result.frequency is not None:
        write_arrays(root / COLUMNS_FILE, {"frequency": result.frequency.astype(np.float32)})
        write_bytes(root / "columns.csv", columns_frame(result).to_csv(index=False).encode())


def write_summary(result: PathResult, root: Path) -> None:
    """Write `summary.json`, when everything else is there."""
    write_json(root / "summary.json", dict(result.summary))


def read_run(root: Path) -> FittedPath:
    """Return the path that a run directory holds.

    Args:
        root: the directory of a finished run.

    Raises:
        RunDirectoryError: it is not the directory of a finished run.
    """
    if not (root / "summary.json").exists():
        what = "no run"
        if (root / "selection.json").exists():
            what = "a selection of columns, which has no model: train one on those that it names"
        elif (root / "state" / "run.json").exists():
            what = "an unfinished run: go on with --resume"
        raise RunDirectoryError(
            f"expected the folder of a finished `shrinkage path` run, but {root} holds {what}"
        )
    summary: Any = read_json(root / "summary.json")
    history: Any = read_json(root / "history.json")
    model: Any = read_json(root / "model.json")
    try:
        columns = root / COLUMNS_FILE  # not in the folder of an older run
        frequency = read_arrays(columns)["frequency"] if columns.exists() else None
        result = _result(summary, history, model, read_arrays(root / "model.safetensors"))
        return replace(result, frequency=None if frequency is None else frequency.astype(float))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise RunDirectoryError(
            f"the run in {root} is damaged or of another version ({type(error).__name__}: "
            f"{error}); run it again"
        ) from error


def _history(result: FittedPath) -> dict[str, object]:
    return {
        "format": FORMAT,
        "fold_scores": _plain(result.fold_scores),
        "train_loss": _plain(result.train_loss),
        "validation_loss": _plain(result.validation_loss),
        "log_loss": None if result.log_loss is None else _plain(result.log_loss),
        "nonzero": _plain(result.nonzero),
        "inputs_kept": None if result.inputs_kept is None else _plain(result.inputs_kept),
        "residual": None if result.residual is None else _plain(result.residual),
        "network_inputs_kept": (
            None if result.network_inputs_kept is None else _plain(result.network_inputs_kept)
        ),
        "layers": [
            {
                "name": layer.name,
                "shape": list(layer.shape),
                "nonzero": _plain(layer.nonzero),
                "norm": _plain(layer.norm),
            }
            for layer in result.layers
        ],
        "curves": [
            {
                "role": curve.role,
                "strength": curve.strength,
                "train_loss": _plain(curve.train_loss),
                "validation_loss": _plain(curve.validation_loss),
                "validation_score": _plain(curve.validation_score),
                "epochs": None if curve.epochs is None else _plain(curve.epochs),
            }
            for curve in result.curves
        ],
        "assignment": [asdict(row) for row in result.assignment],
        "input_names": list(result.input_names),
        "input_columns": list(result.input_columns),
        "image_shape": None if result.image_shape is None else list(result.image_shape),
        "pixel_positions": (
            None if result.pixel_positions is None else list(result.pixel_positions)
        ),
        "code": result.code,
        "warnings": list(result.warnings),
    }


def _plain(values: np.ndarray) -> list:
    """Return nested lists in which numbers that are not finite are None."""
    array = np.asarray(values)
    if array.dtype.kind in "iu":
        return array.tolist()
    plain = array.astype(object)
    plain[~np.isfinite(array)] = None
    return plain.tolist()


def _array(values: list) -> np.ndarray:
    return np.array(values, dtype=np.float64)


def _result(summary: dict, history: dict, model: dict, arrays: dict) -> FittedPath:
    model = {key: value for key, value in model.items() if key != "format"}
    file = ModelFile(**{**model, "test_rows": tuple(model["test_rows"])})
    weights: dict[str, dict[str, np.ndarray]] = {role: {} for role in file.strengths}
    for key, value in arrays.items():
        role, _, name = key.partition(".")
        weights[role][name] = value if file.stored_as is None else _in(file.dtype, value)
    inputs_kept, shape = history["inputs_kept"], history["image_shape"]
    pixels, residual = history["pixel_positions"], history.get("residual")
    network_inputs, log_loss = history.get("network_inputs_kept"), history.get("log_loss")
    return FittedPath(
        summary=summary,
        strengths=_array(summary["strengths"]),
        fold_scores=_array(history["fold_scores"]),
        train_loss=_array(history["train_loss"]),
        validation_loss=_array(history["validation_loss"]),
        status=tuple(Status(name) for name in summary["status"]),
        nonzero=_array(history["nonzero"]),
        inputs_kept=None if inputs_kept is None else _array(inputs_kept),
        layers=tuple(_layer(layer) for layer in history["layers"]),
        curves=tuple(_curve(curve) for curve in history["curves"]),
        chosen=tuple(
            _chosen(role, summary[role]) for role in (*ROLES, GOAL, MEAN) if role in summary
        ),
        weights=weights,
        assignment=tuple(
            AssignmentRow(**{**row, "shape": tuple(row["shape"])}) for row in history["assignment"]
        ),
        input_names=tuple(history["input_names"]),
        image_shape=None if shape is None else (int(shape[0]), int(shape[1])),
        score_name=summary["score_name"],
        split_description=summary["split"],
        code=history["code"],
        warnings=tuple(history["warnings"]),
        pixel_positions=None if pixels is None else tuple(pixels),
        residual=None if residual is None else _array(residual),
        network_inputs_kept=None if network_inputs is None else _array(network_inputs),
        input_columns=tuple(history.get("input_columns", ())),
        model_file=file,
        target=_or_none(TargetReading.from_dict, summary.get("target")),
        constant=_or_none(lambda stored: ConstantScore(**stored), summary.get("constant")),
        classes=_or_none(_classes, summary.get("classes")),
        fold_classes=_or_none(_classes, summary.get("fold_classes")),
        cautions=tuple(Caution.from_dict(stored) for stored in summary.get("cautions", ())),
        log_loss=None if log_loss is None else _array(log_loss),
        rounds=summary.get("repeats", 1),
        differences=tuple(
            Difference.from_dict(stored) for stored in summary.get("differences", ())
        ),
        early_stop=_or_none(lambda stored: EarlyStop(**stored), summary.get("early_stop")),
        compared=tuple(ComparedModel(**stored) for stored in summary.get("compared", ())),
        group_scores=_or_none(GroupScores.from_dict, summary.get("score_by")),
        nested=_or_none(NestedScore.from_dict, summary.get("nested")),
        surface=_or_none(Surface.from_dict, summary.get("surface")),
        goal=_or_none(GoalRecord.from_dict, summary.get(ASKED)),
    )


def _in(dtype: str, array: np.ndarray) -> np.ndarray:
    """Return numbers in the precision that a model computes in; whole ones as they are."""
    return array.astype(dtype) if array.dtype.kind == "f" else array


Stored = TypeVar("Stored")


def _or_none(read: Callable[[Any], Stored], stored: Any) -> Stored | None:
    return None if stored is None else read(stored)


def _chosen(role: str, stored: dict) -> ChosenModel:
    interval = _or_none(tuple, stored.get("test_interval"))
    return ChosenModel(role=role, **{**stored, "test_interval": interval})


def _classes(stored: dict) -> ClassFigures:
    return ClassFigures(tuple(stored["classes"]), np.array(stored["confusion"], dtype=np.int64))


def _layer(stored: dict) -> LayerTrace:
    return LayerTrace(
        stored["name"], tuple(stored["shape"]), _array(stored["nonzero"]), _array(stored["norm"])
    )


def _curve(stored: dict) -> LearningCurve:
    epochs = stored["epochs"]
    return LearningCurve(
        stored["role"],
        stored["strength"],
        _array(stored["train_loss"]),
        _array(stored["validation_loss"]),
        _array(stored["validation_score"]),
        None if epochs is None else _array(epochs),
    )
