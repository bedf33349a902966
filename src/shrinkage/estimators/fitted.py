"""A trained model with what prepares rows for it: what every estimator predicts with.

Who uses this: the estimators, whether one strength was trained or a path.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from shrinkage.datasets import Preprocessing, TargetEncoding
from shrinkage.paths.engines.input_layer import first_weight
from shrinkage.paths.engines.sequential import evaluate
from shrinkage.pytorch import describe


@dataclass(frozen=True, eq=False)
class FittedModel:
    """A module on the CPU, the preparation of its inputs, and the meaning of its outputs.

    `linear` says whether outputs are an affine map of the inputs.
    """

    module: nn.Module
    preprocessing: Preprocessing
    encoding: TargetEncoding
    linear: bool

    @property
    def dtype(self) -> torch.dtype:
        """Return the type of the weights."""
        return next(self.module.parameters()).dtype

    def outputs(self, X: np.ndarray) -> np.ndarray:
        """Return outputs (rows, outputs) as float64: logits, or numbers in the target's unit.

        Args:
            X: raw rows, (rows, columns).
        """
        kind = np.float64 if self.dtype == torch.float64 else np.float32
        inputs = torch.from_numpy(self.preprocessing.transform(X, kind))
        outputs = evaluate(self.module, inputs).t().numpy().astype(np.float64)
        return self.encoding.decode(outputs) if self.encoding.task == "regression" else outputs

    def input_norms(self) -> np.ndarray:
        """Return for each raw column the norm of its weights in the first layer, (columns,).

        A column whose weights are all zero, or that was constant in training, has exactly 0.

        Raises:
            AttributeError: the first layer does not read the inputs, so no norms belong to them.
        """
        name = first_weight(tuple(i for i, _ in describe(self.module)), self.preprocessing.n_inputs)
        if not name:
            raise AttributeError(
                "expected a model whose first layer is torch.nn.Linear over the inputs for "
                "feature_importances_, got another one: use sklearn.inspection"
            )
        weight = self.module.get_parameter(name).detach().double().numpy()
        squares = np.zeros(len(self.preprocessing.columns))
        np.add.at(squares, list(self.preprocessing.source_columns), (weight**2).sum(axis=0))
        return np.sqrt(squares)

    def affine(self) -> tuple[np.ndarray, np.ndarray]:
        """Return coefficients (outputs, columns) and intercepts (outputs,) for raw rows.

        With a standardized input (x − m)/s and a weight w, a raw column has w/s, and the intercept
        gives up w·m/s; a weight that is exactly 0 stays so.
        """
        weight = self.module.get_parameter("0.weight").detach().double().numpy()
        bias = self.module.get_parameter("0.bias").detach().double().numpy()
        zero = np.zeros((1, len(self.preprocessing.columns)))
        base = self.preprocessing.transform(zero, np.float64)[0]
        steps = self.preprocessing.transform(np.eye(zero.shape[1]), np.float64) - base
        coefficients, intercepts = weight @ steps.T, bias + weight @ base
        if self.encoding.task != "regression":
            return coefficients, intercepts
        scale = np.reshape(self.encoding.scale, (-1, 1))
        return coefficients * scale, self.encoding.decode(intercepts)
