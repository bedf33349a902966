"""What the four estimators share: their rows, their choices, and what a fitted one tells.

Who uses this: the estimators. Parameters are kept as they were given and checked in `fit`, as
scikit-learn asks; rows are numbers, sparse ones become dense.
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import Any, cast

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data
from torch import nn

from shrinkage.datasets import Dataset
from shrinkage.datasets.in_memory import rows_in_memory
from shrinkage.errors import InputError, near_names
from shrinkage.estimators.fitted import FittedModel
from shrinkage.estimators.several import MULTI_LABEL, reading_of
from shrinkage.paths.options import DTYPES, LARGEST_SEED, PathOptions
from shrinkage.paths.results.onnx_file import write_onnx
from shrinkage.penalties import Penalty
from shrinkage.penalties.registry import penalty_from_name
from shrinkage.pytorch.copies import deep_copy

FIELD = "penalty__"
"""What stands before the name of a penalty's field among the parameters."""


def _fields_of(penalty: object) -> dict[str, Any]:
    """Return what a penalty was made with, by the names that a grid search gives it."""
    try:
        own: Any = penalty_from_name(penalty) if isinstance(penalty, str) else penalty
    except InputError:  # said in `fit`
        return {}
    if isinstance(own, type) or not is_dataclass(own):
        return {}
    return {FIELD + part.name: getattr(own, part.name) for part in fields(own) if part.init}


class Shrinkage(BaseEstimator):
    """The common part; its parameters are those of the estimators."""

    model: Any
    penalty: Any
    fixed: Any
    update: str
    select: Any
    standardize: bool
    epochs: int | None
    batch_size: int | None
    learning_rate: float
    answer: Any
    engine: str
    device: str
    dtype: str
    random_state: Any

    task: str

    _fitted: FittedModel

    def __sklearn_tags__(self) -> Any:
        """Return the tags: numbers, sparse or dense, without missing ones; several targets."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.target_tags.multi_output = True
        return tags

    def __sklearn_clone__(self) -> Any:
        """Return an unfitted copy; functions that a module keeps call the layers of its copy."""
        own: Any = super().__sklearn_clone__()
        if isinstance(self.model, nn.Module):
            own.model = deep_copy(self.model)
        return own

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters; with `deep` also the penalty's own, such as `penalty__l1_ratio`.

        Args:
            deep: whether what the penalty was made with is told, too.
        """
        own = super().get_params(deep)
        return own | (_fields_of(self.penalty) if deep else {})

    def set_params(self, **params: Any) -> Any:
        """Set parameters, and those of the penalty by `penalty__NAME`; then it is an object.

        Args:
            **params: parameters by name.

        Returns:
            The estimator itself.

        Raises:
            ValueError: there is no such parameter.
        """
        of_penalty = {name for name in params if name.startswith(FIELD)}
        super().set_params(**{name: params[name] for name in params if name not in of_penalty})
        known = _fields_of(self.penalty)
        unknown = sorted(of_penalty - set(known))
        if unknown:
            raise InputError(
                f"invalid parameter {unknown[0]!r} for the penalty {self.penalty!r}: "
                f"{near_names(unknown[0], known) or 'it has no such field'}"
            )
        if of_penalty:
            changes = {name.removeprefix(FIELD): params[name] for name in of_penalty}
            self.penalty = replace(cast(Any, self._penalty()), **changes)
        return self

    def __sklearn_is_fitted__(self) -> bool:
        """Return whether there is a model."""
        return hasattr(self, "_fitted")

    @property
    def module_(self) -> Any:
        """Return the trained `torch.nn.Module`, which maps prepared rows to outputs."""
        check_is_fitted(self)
        return self._fitted.module

    @property
    def preprocessing_(self) -> Any:
        """Return what prepares raw rows for `module_`, fitted on the training rows."""
        check_is_fitted(self)
        return self._fitted.preprocessing

    @property
    def feature_importances_(self) -> np.ndarray:
        """Return for each column the Euclidean norm of its weights in the first layer.

        They are weights of standardized columns, so that columns compare; shape (n_features,). A
        column that the model does not use has exactly 0.
        """
        check_is_fitted(self)
        return self._fitted.input_norms()

    def to_onnx(self, path: Any) -> Any:
        """Write the model with its preparation as an ONNX file that was run and compared.

        The file takes raw columns as float64 and gives class probabilities (rows, classes), or
        numbers (rows, 1).

        Args:
            path: the file to write.

        Returns:
            The `shrinkage.pytorch.onnx.OnnxFile`.
        """
        check_is_fitted(self)
        fitted = self._fitted
        return write_onnx(fitted.module, fitted.preprocessing, fitted.encoding, path)

    def _affine(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        check_is_fitted(self)
        if not self._fitted.linear:
            raise AttributeError(
                f"{type(self).__name__!r} has {name} where model='linear', got {self.model!r}: "
                "feature_importances_ tells of networks"
            )
        return self._fitted.affine()

    def _outputs(self, X: object) -> np.ndarray:
        """Return outputs (rows, outputs) for raw rows."""
        check_is_fitted(self)
        return self._fitted.outputs(self._dense(self._checked(X, reset=False)))

    def _checked(self, X: object, y: object = "no_validation", *, reset: bool) -> Any:
        """Return rows, or rows and targets, as scikit-learn checks them."""
        said: dict[str, Any] = {"accept_sparse": ("csr", "csc", "coo")}
        if not isinstance(y, str):
            said |= {"y": y, "y_numeric": self.task == "regression"}
            said["ensure_min_samples"] = 2 if reset else 1  # a further part may be one row
            said["multi_output"] = True
        elif reset:
            said |= {"y": None}
        said |= {"dtype": [np.float64, np.float32], "reset": reset}
        return validate_data(self, cast(Any, X), **said)

    @staticmethod
    def _dense(X: Any) -> np.ndarray:
        rows = rows_in_memory(X)
        assert isinstance(rows, np.ndarray)
        return rows

    def _dataset(
        self, X: object, y: np.ndarray, sample_weight: object, groups: object = None
    ) -> Dataset:
        """Return checked rows and targets as a data set."""
        rows = self._dense(X)
        weight = None
        if sample_weight is not None:
            weight = _check_sample_weight(
                sample_weight, rows, dtype=np.float64, ensure_non_negative=True
            )
        names = getattr(self, "feature_names_in_", None)
        if names is None:
            names = [f"x{place}" for place in range(rows.shape[1])]
        codes = None
        if groups is not None:
            codes = np.unique(np.asarray(groups), return_inverse=True)[1]
        task = MULTI_LABEL if y.ndim > 1 and self.task == "classification" else self.task
        return Dataset(
            name="data",
            X=rows,
            y=y,
            task=task,
            input_names=tuple(map(str, names)),
            groups=codes,
            group_name=None if codes is None else "groups",
            sample_weight=weight,
            target=reading_of(y, task),
        )

    def _penalty(self) -> Penalty:
        return penalty_from_name(self.penalty) if isinstance(self.penalty, str) else self.penalty

    def _options(self, rows: np.ndarray, **further: Any) -> PathOptions:
        """Return the choices, checked; the type of the weights follows the rows for `auto`."""
        dtype = self.dtype
        if dtype == "auto":
            dtype = "float32" if rows.dtype == np.float32 else "float64"
        elif dtype not in DTYPES:
            raise InputError(f"expected dtype as auto, float32 or float64, got {dtype!r}")
        return PathOptions(
            update=self.update,
            select=self.select,
            standardize=self.standardize,
            epochs=self.epochs,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            answer=self.answer,
            engine=self.engine,
            device=self.device,
            dtype=dtype,
            class_weight=getattr(self, "class_weight", None),
            seed=self._seed(),
            test_size=0,
            repeats=1,
            **further,
        )

    def _seed(self) -> int:
        """Return the seed of `fit_path`: a whole number as it is, else one that is drawn."""
        if isinstance(self.random_state, (int, np.integer)):
            return int(self.random_state)
        return int(check_random_state(self.random_state).randint(LARGEST_SEED, dtype=np.uint32))
