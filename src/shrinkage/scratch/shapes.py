"""What has to fit: layers to their neighbours, rows and labels to the network.

Who uses this: networks, losses and the training. A mistake is one line here, where NumPy would
broadcast it into a wrong number.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from shrinkage.errors import InputError


def chained(layers: Sequence[Any]) -> tuple[int, int]:
    """Return the columns of input and output of a chain that fits together."""
    first = columns = None
    for number, layer in enumerate(layers):
        if layer.inputs is None or layer.outputs is None:
            continue
        if columns is not None and layer.inputs != columns:
            raise InputError(
                f"expected layer {number}, {type(layer).__name__}, to take the {columns} columns "
                f"of the layer before it, got one with {layer.inputs} inputs: make them equal"
            )
        first = layer.inputs if first is None else first
        columns = layer.outputs
    if first is None or columns is None:
        raise InputError(
            f"expected a layer with a number of inputs, got {len(layers)} layers without one: "
            "begin with for example Affine(784, 10)"
        )
    return first, columns


def initial(weight: Any, shape: tuple[int, int]) -> np.ndarray:
    """Return drawn weights as float64 of that shape, or say what it got instead."""
    array = np.array(weight, dtype=np.float64)
    if array.shape != shape:
        raise InputError(
            f"expected an initialisation of shape {shape}, got {array.shape}: return "
            "(outputs, inputs)"
        )
    return array


def rows(X: Any, inputs: int, what: str = "X") -> np.ndarray:
    """Return a table of finite numbers with `inputs` columns as float64, or say what is wrong.

    >>> rows([[1, 2]], 2)
    array([[1., 2.]])
    """
    table = _array(X, what)
    try:
        table = np.asarray(table, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError(
            f"expected {what} as numbers, got {type(X).__name__} with something else in it: "
            "encode text as numbers first"
        ) from None
    if table.ndim != 2 or len(table) == 0 or table.shape[1] != inputs:
        raise InputError(
            f"expected {what} of shape (rows, {inputs}), got {table.shape}: give one row a "
            "sample, with as many columns as the first layer has inputs"
        )
    if not np.isfinite(table).all():
        raise InputError(
            f"expected finite numbers in {what}, got NaN or infinity: fill or drop those rows"
        )
    return table


def _array(value: Any, what: str) -> np.ndarray:
    """Return an array of real numbers or of text, or say what it got instead."""
    if isinstance(value, np.ma.MaskedArray):
        raise InputError(
            f"expected {what} without a mask, got a masked array: fill it, for example with "
            ".filled(0), or drop the masked rows"
        )
    try:
        array = np.asarray(value)
    except (TypeError, ValueError, RuntimeError):
        kind = type(value).__name__
        remedy = "make all rows equally long" if isinstance(value, list | tuple) else "convert it"
        remedy = "give .detach().cpu().numpy()" if hasattr(value, "detach") else remedy
        raise InputError(
            f"expected {what} as one array, got {kind} that NumPy cannot read as one: {remedy}"
        ) from None
    if array.dtype.kind in "cmM":
        raise InputError(
            f"expected {what} as real numbers, got {array.dtype}: turn complex numbers and times "
            "into real ones first"
        )
    return array


def table(outputs: Any) -> tuple[int, int]:
    """Return rows and columns of the outputs that a loss is given, or say what it got instead."""
    shape = np.shape(outputs)
    if len(shape) != 2 or not isinstance(outputs, np.ndarray) or len(outputs) == 0:
        raise InputError(
            f"expected outputs as an array of (rows, outputs), got {type(outputs).__name__} of "
            f"{shape}: give what network.forward(x) returns"
        )
    return outputs.shape[0], outputs.shape[1]


def labels(target: Any, rows: int, outputs: int) -> np.ndarray:
    """Return whole numbers from 0 to outputs − 1, one a row, or say what it got instead."""
    labels = _array(target, "labels")
    if labels.shape != (rows,) or labels.dtype.kind not in "iu":
        raise InputError(
            f"expected {rows} labels as whole numbers, got shape {labels.shape} of "
            f"{labels.dtype}: {_way_to_labels(labels, rows)}"
        )
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= outputs:
        raise InputError(
            f"expected labels from 0 to {outputs - 1}, as the last layer has {outputs} "
            f"outputs, got {low} to {high}: number the classes from 0, or give the last "
            "layer an output a class"
        )
    return labels


def _way_to_labels(labels: np.ndarray, rows: int) -> str:
    if labels.shape == (rows,):
        return "np.unique(y, return_inverse=True)[1] numbers any classes"
    if labels.shape == (rows, 1):
        return "np.ravel(y) makes one label a row of a column"
    if labels.ndim == 2 and len(labels) == rows:
        return "np.argmax(y, axis=1) makes one label a row of one column a class"
    return "give one label a row"


def targets(target: Any, rows: int, outputs: int) -> np.ndarray:
    """Return numbers of shape (rows, outputs), or say what it got instead."""
    numbers = _array(target, "targets")
    columns = numbers[:, None] if numbers.ndim == 1 else numbers
    if columns.shape != (rows, outputs) or columns.dtype.kind not in "fiu":
        raise InputError(
            f"expected targets as numbers of shape {(rows, outputs)}, got {numbers.shape} of "
            f"{numbers.dtype}: one row a sample, one column an output of the last layer"
        )
    if not np.isfinite(columns).all():
        raise InputError("expected finite targets, got NaN or infinity: drop those rows")
    return columns.astype(np.float64)


def pair(value: Any) -> tuple[Any, Any]:
    """Return validation rows and labels, or say what it got instead."""
    if not isinstance(value, tuple | list) or len(value) != 2:
        raise InputError(
            f"expected validation=(X, y), got {type(value).__name__}: give rows and labels"
        )
    return value[0], value[1]
