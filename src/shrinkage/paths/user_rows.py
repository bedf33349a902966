"""Rows of a dataset of the user's own, as arrays: a `torch.utils.data.Dataset`, or its loader.

Who uses this: `fit_path`, where no targets are given beside the rows, and a path that predicts.
All rows, of a loader those that its sampler asks for, are asked for once, in order, and put
together by the loader's own `collate_fn` (that of torch unless told), so that one that pads
sequences pads all to one length.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from inspect import Parameter, signature
from typing import Any

import numpy as np
import torch
from torch.utils.data import (
    BatchSampler,
    Dataset,
    IterableDataset,
    SequentialSampler,
    default_collate,
    default_convert,
)

from shrinkage.datasets.input_shapes import NamedInputs, as_array
from shrinkage.datasets.wording import one_line
from shrinkage.errors import InputError

TARGETS = ("target", "targets", "label", "labels", "y")


def rows_and_targets(model: object, X: object, y: object) -> tuple[object, object, tuple[str, ...]]:
    """Return rows and targets, and what there is to tell: those of a dataset without targets.

    Arrays (n,) by the names that a network is called with are its inputs, and no columns. Whole
    numbers of a dataset reach a network of the user's own as they are; its fractions in two axes
    are columns, which are scaled.

    Args:
        model: as in `fit_path`.
        X: rows, or a dataset.
        y: targets; None: those of the dataset.

    Raises:
        InputError: rows stand where the model does; there are no targets, and the rows are no
            dataset.
    """
    notes: tuple[str, ...] = ()
    if hasattr(model, "shape") and not callable(model):
        raise InputError(
            f"expected a model first, got {type(model).__name__} of shape {tuple(model.shape)}: "  # type: ignore[attr-defined]
            "write for example 'mlp:64,32' before the rows"
        )
    if y is None:
        X, y, notes = rows_of_dataset(X)
        array = as_array(X) if hasattr(X, "shape") else None
        if array is not None and array.ndim == 2 and not isinstance(model, str):
            if array.dtype.kind in "iub":
                X = (X,)
            else:
                told = "its rows are taken for columns, which are scaled to mean 0 and variance 1: "
                notes = (*notes, f"{told}standardize=False, or inputs in a tuple, keep them")
    if isinstance(X, Mapping) and not hasattr(X, "columns") and _takes(model, X):
        X = NamedInputs(X)
    return X, y, notes


def _takes(model: object, names: Mapping[Any, object]) -> bool:
    """Return whether a network is called with arguments of these names."""
    if not isinstance(model, torch.nn.Module):
        return False
    known = signature(model.forward).parameters.values()
    named = {own.name for own in known if own.kind is not Parameter.VAR_KEYWORD}
    return set(names) <= named


def is_dataset(source: object) -> bool:
    """Return whether something is a dataset of torch, or a loader of one."""
    return isinstance(source, Dataset) or (
        hasattr(source, "collate_fn") and hasattr(source, "dataset")
    )


def rows_of_dataset(source: Any) -> tuple[object, np.ndarray, tuple[str, ...]]:
    """Return inputs, targets, and what there is to tell.

    Args:
        source: gives (inputs, target) or (input, …, target) for each row, or a mapping with one of
            the keys target, targets, label, labels, y.

    Raises:
        InputError: its rows cannot be asked for by number, or are not as described.
    """
    of_loader = hasattr(source, "collate_fn") and hasattr(source, "dataset")
    dataset = source.dataset if of_loader else source
    collate = getattr(source, "collate_fn", None) or default_collate
    if collate is default_convert:  # of a loader without batches
        collate = default_collate
    by_number = hasattr(dataset, "__getitem__") and hasattr(dataset, "__len__")
    if isinstance(dataset, IterableDataset) or not by_number:
        raise InputError(
            f"expected rows X and targets y, or a dataset whose rows can be asked for by number "
            f"(__len__ and __getitem__), got {type(dataset).__name__}: give one of them"
        )
    try:
        drawn = _drawn(source) if of_loader else None
        rows = range(len(dataset)) if drawn is None else drawn.rows
        items = [dataset[row] for row in rows]
        plain = map(_with_arrays, items) if collate is default_collate else items
        batch = collate(list(plain)) if items else None
    except Exception as error:
        raise InputError(
            f"the dataset {type(dataset).__name__} fails: {type(error).__name__}: "
            f"{one_line(error)}; its rows must go into one batch, sequences padded to one length"
        ) from error
    if not items:
        raise InputError(
            f"expected rows in the dataset {type(dataset).__name__}, got none: give some"
        )
    inputs, target = _divided(batch)
    target = _beside_each_other(target)
    if target.ndim == 0:
        raise InputError(
            f"expected a label or numbers as the target of a row of the dataset "
            f"{type(dataset).__name__}, got {type(target.item()).__name__}: give one of them"
        )
    if len(target) != len(items):
        raise InputError(
            f"expected a target for each of {len(items):,} rows from collate_fn, got "
            f"{len(target):,}: it must keep all rows, in their order"
        )
    told = f"{len(items):,} rows of the dataset {type(dataset).__name__}, each asked for once"
    notes = [told if drawn is None else f"{told}: {drawn.told}"]
    if not _equal(items[0], dataset[rows[0]]):
        notes.append(
            "the dataset gives other numbers when a row is asked for again: the first are kept; "
            "augment batches by augment="
        )
    return inputs, target, tuple(notes)


def _with_arrays(item: Any) -> Any:
    """Return a row whose lists of numbers are arrays: torch would put them together by place."""
    if isinstance(item, Mapping):
        return {name: _array_of(value) for name, value in item.items()}
    if isinstance(item, (tuple, list)):
        return tuple(_array_of(value) for value in item)
    return item


def _array_of(value: Any) -> Any:
    if isinstance(value, tuple):
        return _with_arrays(value)
    if isinstance(value, list) and all(isinstance(own, (int, float, list)) for own in value):
        return np.asarray(value)
    return value


@dataclass(frozen=True)
class _Drawn:
    """The rows that a loader's sampler asks for, and what there is to tell of them."""

    rows: list[Any]
    told: str


def _drawn(loader: Any) -> _Drawn | None:
    """Return the rows of a loader, None where they are all of its dataset; generators stay.

    A sampler that leaves rows out, as that of the training rows does, leaves them out here. One
    that draws rows with replacement names all of them: how often is no matter of rows.
    """
    sampler: Any = loader.sampler
    batches = loader.batch_sampler
    if batches is not None and type(batches) is not BatchSampler:
        sampler = batches  # one of the user's own gives batches of rows
    elif batches is not None:
        sampler = batches.sampler
    if type(sampler) is SequentialSampler:
        return None
    generator = getattr(sampler, "generator", None)
    before = None if generator is None else generator.get_state()
    with torch.random.fork_rng(devices=[]):
        asked: list[Any] = list(sampler)
    if generator is not None:
        generator.set_state(before)
    if sampler is batches:
        asked = [row for batch in asked for row in batch]
    places = sorted(set(asked))
    name = type(sampler).__name__
    if len(places) < len(asked):
        how = "how often it draws a row counts for nothing: give sample_weight or class_weight"
        return _Drawn(list(range(len(loader.dataset))), f"of {name} all rows are taken, and {how}")
    if len(places) == len(loader.dataset):
        return None
    return _Drawn(places, f"those of {len(loader.dataset):,} that {name} asks for")


def _beside_each_other(target: Any) -> np.ndarray:
    """Return targets as an array of rows; several, put together one by one, become columns."""
    if isinstance(target, (tuple, list)) and target and isinstance(target[0], torch.Tensor):
        return np.stack([np.asarray(one) for one in target], axis=1)
    return np.asarray(target)


def _divided(batch: Any) -> tuple[object, Any]:
    if isinstance(batch, Mapping):
        key = next((name for name in TARGETS if name in batch), None)
        inputs: Any = {name: value for name, value in batch.items() if name != key}
        if key is not None and inputs:
            return inputs, batch[key]
    elif isinstance(batch, (tuple, list)) and len(batch) >= 2:
        *several, target = batch
        inputs = several[0] if len(several) == 1 else tuple(several)
        return (tuple(inputs) if isinstance(inputs, list) else inputs), target
    raise InputError(
        "expected rows (inputs, target) of the dataset, or mappings with a key target, label or y, "
        f"got {type(batch).__name__}: give both"
    )


def _equal(left: Any, right: Any) -> bool:
    if isinstance(left, Mapping):
        return all(_equal(left[name], right[name]) for name in left)
    if isinstance(left, (tuple, list)):
        return all(_equal(own, other) for own, other in zip(left, right, strict=True))
    if isinstance(left, torch.Tensor):
        return torch.equal(left, right)
    return bool(np.all(np.asarray(left) == np.asarray(right)))
