"""A finished path that a person works with: its models, predictions and table.

Who uses this: `shrinkage.run` returns one that draws and writes itself too. The numbers are those
of `PathResult`; what trains is elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch
from torch import nn

from shrinkage.datasets import Preprocessing, TargetEncoding
from shrinkage.datasets.in_memory import flat_rows, rows_in_memory
from shrinkage.datasets.input_shapes import InputShapes
from shrinkage.datasets.preparation.cell_counts import CellCounts, warn_of_unseen
from shrinkage.errors import InputError
from shrinkage.paths.engines.answer_parts import checked_part
from shrinkage.paths.engines.answers import answering, without_hook
from shrinkage.paths.engines.architectures import (
    ORDERED_HEAD,
    Architecture,
    Prototype,
    parse_architecture,
)
from shrinkage.paths.engines.shaped import Shaped
from shrinkage.paths.results.goal import GOAL
from shrinkage.paths.results.inputs_read import inputs_read
from shrinkage.paths.results.loading import load_arrays
from shrinkage.paths.results.mean import MEAN, MeanOf, members_in
from shrinkage.paths.results.records import PathResult
from shrinkage.paths.user_rows import is_dataset, rows_of_dataset

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import ArrayLike
    from pandas import DataFrame

    from shrinkage.datasets.dataset import RawRows
    from shrinkage.paths.choosing.scores import ScorerLike
    from shrinkage.paths.results.onnx_file import ModelOnnx


@dataclass(frozen=True)
class ModelFile:
    """What `model.json` holds: how to rebuild a model and to prepare raw rows for it.

    `strengths` maps each name in `model.safetensors` (the part before the first dot) to its
    strength; `test_rows` are the positions of the rows that were held out; `read_options` are
    the fields of `shrinkage.datasets.ReadOptions` that say how the file was read. `smaller` is
    there after `shrinkage compact`: `kept_inputs`, the places of the inputs that the model reads
    (None: all), and `attributes`, whole numbers in its modules that are new. `architectures` has
    those of the models of a surface that are not `architecture`. `shapes` are those of the inputs
    that the model is called with (None: flat rows), `answer` the part of its answer that holds the
    outputs. `stored_as` is the type in which `model.safetensors` holds weights in half precision
    (None: the model's own).
    """

    architecture: str
    n_inputs: int
    n_outputs: int
    dtype: str
    preprocessing: dict
    target: dict
    target_name: str
    strengths: dict[str, float]
    test_rows: tuple[int, ...] = ()
    read_options: dict = field(default_factory=dict)
    smaller: dict | None = None
    architectures: dict[str, str] = field(default_factory=dict)
    shapes: dict | None = None
    answer: str | None = None
    stored_as: str | None = None

    @property
    def target_columns(self) -> tuple[str, ...]:
        """Return the names of the target columns."""
        return tuple(self.target.get("names", ())) or (self.target_name,)


@dataclass(frozen=True, repr=False)
class FittedPath(PathResult):
    """A `PathResult` whose models can be used.

    `prototype` is a module of the right shape (None when only its factory's name is known).
    """

    model_file: ModelFile | None = None
    prototype: nn.Module | None = field(default=None, repr=False)

    @property
    def asked_for(self) -> str:
        """Return which model the run was made for: that of its goal, the mean, or the best."""
        return next((role for role in (GOAL, MEAN) if role in self.weights), "best")

    def model(self, which: int | str = "best", *, as_outputs: bool = False) -> nn.Module:
        """Return a refitted model, in evaluation mode.

        Args:
            which: `best`, `one_standard_error`, `unregularized`, `mean` of several `members`,
                `goal` after a sparsity path, or a position in `strengths` (any of them after
                `refit="all"`, else the two chosen).
            as_outputs: whether a network of one's own answers with (rows, outputs) whatever its
                own answer looks like: one number a row of two classes is (0, number).

        Raises:
            InputError: that model was not refitted.
        """
        role = self.role_of(which)
        module, arrays = self._module(role), self.weights[role]
        smaller = self.model_file.smaller if self.model_file is not None else None
        if smaller is not None:
            from shrinkage.compaction.rebuilding import smaller_copy, with_sizes

            tensors = {name: torch.from_numpy(np.array(own)) for name, own in arrays.items()}
            module = with_sizes(smaller_copy(module, tensors), smaller["attributes"])
        loaded = load_arrays(module, arrays).eval()
        return loaded if as_outputs else without_hook(loaded)

    def predict(self, X: object, which: int | str = "best") -> np.ndarray:
        """Return predictions for raw rows: labels, or numbers in the target's unit.

        Of several targets they are (rows, targets); of counts the mean, of censored times the
        logarithm of risk.

        Args:
            X: rows with the columns of the training data, in any form that `fit_path` takes.
            which: as in `model`.
        """
        outputs = self.decision(X, which)
        return TargetEncoding.from_dict(self._file().target).predict(outputs.T)

    def predict_proba(self, X: object, which: int | str = "best") -> np.ndarray:
        """Return class probabilities, (rows, classes), for raw rows; of labels each its own.

        Raises:
            InputError: the task is regression.
        """
        task = self._file().target["task"]
        if task == "regression":
            raise InputError("a regression has no class probabilities; use predict")
        logits = torch.from_numpy(self.decision(X, which))
        if task == "multi-label":
            return torch.sigmoid(logits).numpy()
        return torch.softmax(logits, dim=1).numpy()

    def decision(self, X: object, which: int | str = "best") -> np.ndarray:
        """Return the model's outputs, (rows, outputs), for whatever rows `fit_path` takes.

        Warns:
            UnseenCellsWarning: of a column no cell says what some cell said in training.
        """
        with torch.no_grad():
            module = self.model(which, as_outputs=True)
            return module(torch.from_numpy(self.inputs(X, which))).numpy()

    def inputs(self, X: object, which: int | str = "best") -> np.ndarray:
        """Return raw rows as what a model is called with, (rows, inputs).

        Warns:
            UnseenCellsWarning: as in `decision`.
        """
        file = self._file()
        kind = np.float64 if file.dtype == "float64" else np.float32
        preprocessing = Preprocessing.from_dict(file.preprocessing)
        needed = self.columns_read(which)
        cells = preprocessing.read(self._rows(X, preprocessing, needed))
        warn_of_unseen(_of(needed, preprocessing.examine(cells)))
        x = preprocessing.transform(cells, kind)
        kept = None if file.smaller is None else file.smaller["kept_inputs"]
        return x if kept is None else np.ascontiguousarray(x[:, kept])

    def examine(self, X: object, which: int | str = "best") -> tuple[CellCounts, ...]:
        """Return what is missing or new in raw rows: counts for each column that a model reads.

        Args:
            X: rows with the columns of the training data, in any form that `fit_path` takes.
            which: as in `model`.
        """
        preprocessing = Preprocessing.from_dict(self._file().preprocessing)
        needed = self.columns_read(which)
        return _of(needed, preprocessing.examine(self._rows(X, preprocessing, needed)))

    def columns_read(self, which: int | str = "best") -> tuple[str, ...]:
        """Return the raw columns that a model reads; new rows need no others.

        Args:
            which: as in `model`.
        """
        preprocessing = Preprocessing.from_dict(self._file().preprocessing)
        sources = preprocessing.source_columns
        places = {sources[place] for place in self._inputs_read(which)}
        return tuple(preprocessing.columns[place] for place in sorted(places))

    def _inputs_read(self, which: int | str) -> tuple[int, ...]:
        """Return the places of the inputs, among those of the preparation, that a model reads."""
        file = self._file()
        if file.smaller is not None:
            kept = file.smaller["kept_inputs"]
            return tuple(range(file.n_inputs) if kept is None else kept)
        if file.shapes is not None:
            return tuple(range(file.n_inputs))
        return inputs_read(self.model(which, as_outputs=True), file.n_inputs)

    def _rows(self, X: object, preprocessing: Preprocessing, needed: tuple[str, ...]) -> RawRows:
        """Return raw rows; columns that a model does not read may be absent from a table."""
        if is_dataset(X):
            X, _, _ = rows_of_dataset(X)
        if isinstance(X, pd.DataFrame):
            present = {str(name) for name in X.columns}
            spare = set(preprocessing.columns) - set(needed) - present
            X = X.assign(**dict.fromkeys(spare)) if spare and present.issuperset(needed) else X
        shapes = self._file().shapes
        if shapes is not None and preprocessing.takes_shapes:
            return InputShapes.from_dict(shapes).flat(X)
        return _raw_rows(X, preprocessing)

    def score(
        self,
        X: object,
        y: ArrayLike,
        which: int | str = "best",
        *,
        scorer: ScorerLike | None = None,
    ) -> float:
        """Return a model's score on raw rows, by the scorer that chose the strength.

        Args:
            X: rows with the columns of the training data, (rows, columns).
            y: their targets as they were given to `fit_path`, (rows,).
            which: as in `model`.
            scorer: another scorer, or the one of your own that chose the strength: a run directory
                keeps only its name.

        Raises:
            InputError: that model was not refitted.

        >>> from sklearn.datasets import load_diabetes
        >>> from shrinkage import fit_path
        >>> X, y = load_diabetes(return_X_y=True)
        >>> path = fit_path("linear", X, y, strengths=(0.1, 1.0), folds=2, test=(X[:99], y[:99]))
        >>> path.score(X[:99], y[:99]) == path.best.test_score
        True
        """
        from shrinkage.paths.choosing.scores import Scorer, label_called

        outputs = self.decision(X, which).T[None]
        encoding = TargetEncoding.from_dict(self._file().target)
        positive = label_called(self.summary.get("positive"), encoding)  # type: ignore[arg-type]
        chosen = Scorer.of(self.score_name if scorer is None else scorer, positive)
        return float(chosen.score(outputs, np.asarray(y), None, encoding)[0])

    def to_onnx(
        self, path: str | Path, which: int | str = "best", *, rows: object = None
    ) -> ModelOnnx:
        """Write a model with its preparation of raw rows as an ONNX file that was run and compared.

        Of a table the file takes the columns that the model reads, of an array all: numbers as one
        float64 matrix, and each column of text as an input of its name; what is returned says
        which. It gives probabilities of the classes, (rows, classes), or numbers in the target's
        unit, (rows, 1). Of a text it knows the levels of training in their usual spellings; every
        other text is a level that training never saw.

        Args:
            path: the file to write.
            which: as in `model`.
            rows: raw rows to compare on, in any form that `predict` takes, beside made ones with
                missing cells and unseen levels; the file learns their spellings of levels, too.

        Raises:
            MissingExtra: the extra `onnx` is not installed.
            InputError: a column has no place in a file (hashed levels); the model cannot be
                exported, or onnxruntime answers otherwise.
        """
        from shrinkage.paths.results.onnx_file import write_onnx

        file = self._file()
        preprocessing = Preprocessing.from_dict(file.preprocessing)
        if file.shapes is not None and preprocessing.takes_shapes:
            shapes = InputShapes.from_dict(file.shapes)
            raise InputError(
                f"expected columns of numbers for an ONNX file with their preparation, got {shapes}"
                ", which the network is called with: export it alone, by shrinkage.pytorch.onnx."
                "export_onnx(result.model(), inputs, path)"
            )
        kept = None if file.smaller is None else file.smaller["kept_inputs"]
        encoding = TargetEncoding.from_dict(file.target)
        module = self.model(which, as_outputs=True)
        own = None
        if rows is not None:
            own = self._rows(rows, preprocessing, self.columns_read(which))
        of_table = bool(self.summary.get("columns"))  # an array is given whole
        read = self._inputs_read(which) if of_table else None
        return write_onnx(module, preprocessing, encoding, path, kept, own, read)

    @property
    def onnx_answers(self) -> str:
        """Return in words what an ONNX file gives."""
        encoding, name = TargetEncoding.from_dict(self._file().target), self._file().target_name
        classes = encoding.classes
        if encoding.task == "multi-label":
            return f"probabilities of {name}"
        if str(self.summary.get("loss")).partition(":")[0] == "cox":
            return f"logarithms of the risk, {name}"
        if not classes:
            return f"{name} in its unit"
        named = ", ".join(map(str, classes[:5])) + (", …" if len(classes) > 5 else "")
        return f"probabilities of {len(classes)} classes ({named})"

    def table(self) -> DataFrame:
        """Return the path as a table, one row a strength."""
        from shrinkage.paths.results.table import path_frame

        return path_frame(self)

    def columns(self) -> DataFrame:
        """Return which columns the path uses, a row each, those that stay the longest first.

        `last_strength` is the largest strength at which half of the folds use the column; `best`
        and `one_standard_error` are the shares of the folds that use it there.

        Raises:
            ValueError: the first layer does not read the columns.
        """
        from shrinkage.paths.results.columns import columns_frame

        return columns_frame(self)

    def _file(self) -> ModelFile:
        if self.model_file is None:
            raise InputError("expected a result with its model file to predict with, got none")
        return self.model_file

    def role_of(self, which: int | str) -> str:
        """Return the name of a refitted model in `weights`; `which` is as in `model`."""
        if isinstance(which, str):
            if which in self.weights:
                return which
            raise InputError(
                f"no refitted model {which!r}: expected one of {', '.join(self.weights)}"
            )
        count = len(self.strengths)
        if not -count <= which < count:
            raise InputError(f"expected a position in the {count} strengths, got {which}")
        index = which % count
        for model in self.chosen:
            if model.index == index:
                return model.role
        if f"strength_{index}" in self.weights:
            return f"strength_{index}"
        raise InputError(
            f"strength {index} was not refitted on all training rows; repeat with refit='all' "
            "(--refit all)"
        )

    def _module(self, role: str) -> nn.Module:
        file = self._file()
        if role == MEAN:
            count, classes = members_in(self.weights[MEAN]), file.target["task"] == "classification"
            return MeanOf([self._module("best") for _ in range(count)], classes=classes)
        dtype = torch.float64 if file.dtype == "float64" else torch.float32
        name = file.architectures.get(role, file.architecture)
        if self.prototype is not None and name == file.architecture:
            return Prototype(self.prototype).build(file.n_inputs, file.n_outputs)
        architecture: Architecture = _of_name(name)
        if file.shapes is not None:
            architecture = Shaped(architecture, InputShapes.from_dict(file.shapes))
        part, target = checked_part(file.answer), file.target
        architecture = answering(architecture, target["task"], target["classes"], part)
        return architecture.build(file.n_inputs, file.n_outputs).to(dtype)


def _of_name(name: str) -> Architecture:
    """Return the architecture of a name, which those of a program's own functions have not.

    Raises:
        InputError: what made the networks cannot be found by its name.
    """
    if ":" not in name and name.removesuffix(ORDERED_HEAD) != "linear":
        raise InputError(
            f"expected a network that its name brings back, got {name!r}, which the program made "
            "that trained it: give fit_path package.module:function, or load weights['best'] of "
            "the result into a network of your own"
        )
    return parse_architecture(name)


def _of(needed: tuple[str, ...], counts: tuple[CellCounts, ...]) -> tuple[CellCounts, ...]:
    return tuple(own for own in counts if own.name in needed)


def _raw_rows(X: object, preprocessing: Preprocessing) -> RawRows:
    rows = rows_in_memory(X, preprocessing.columns)
    return flat_rows(rows) if isinstance(rows, np.ndarray) else rows
