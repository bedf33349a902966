"""Data sets that need no file: scikit-learn's own, and those of OpenML by name.

Source: https://scikit-learn.org/stable/datasets.html (toy and downloaded data sets).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import cast

import numpy as np
import pandas as pd

from shrinkage.datasets.dataset import Dataset
from shrinkage.datasets.formats.arrays import dataset_from_arrays
from shrinkage.datasets.formats.tables import FrameTable, dataset_from_table
from shrinkage.datasets.pixels import image_names
from shrinkage.datasets.roles import Roles, refuse_roles
from shrinkage.datasets.wording import one_line
from shrinkage.errors import InputError

OPENML = "openml:"
MNIST_TRAIN = 60_000


def _digits(roles: Roles) -> Dataset:
    from sklearn.datasets import load_digits

    refuse_roles("digits", roles)
    bunch = load_digits()
    shape = (8, 8)
    data = dataset_from_arrays(
        bunch.data,  # pyright: ignore[reportAttributeAccessIssue]
        bunch.target,  # pyright: ignore[reportAttributeAccessIssue]
        name="digits",
        task=roles.task,
        like=roles.like,
        input_names=image_names(shape),
        target_name="digit",
    )
    return replace(data, image_shape=shape)


def _toy(name: str, loader: str) -> Callable[[Roles], Dataset]:
    def load(roles: Roles) -> Dataset:
        import sklearn.datasets

        frame = getattr(sklearn.datasets, loader)(as_frame=True).frame
        known = replace(roles, target=roles.target or "target")
        return dataset_from_table(name, FrameTable(frame), known)

    return load


def _mnist(roles: Roles) -> Dataset:
    """Return MNIST from OpenML: 60,000 training pictures, and the usual 10,000 as test set."""
    refuse_roles("mnist", roles)
    data = load_openml(OPENML + "mnist_784", roles)
    X, y = np.asarray(data.X), data.y
    if len(y) <= MNIST_TRAIN:
        return replace(data, name="mnist")
    test = (X[MNIST_TRAIN:], y[MNIST_TRAIN:])
    return replace(data, name="mnist", X=X[:MNIST_TRAIN], y=y[:MNIST_TRAIN], test=test)


BUILTINS: Mapping[str, Callable[[Roles], Dataset]] = MappingProxyType(
    {
        "digits": _digits,
        "breast-cancer": _toy("breast-cancer", "load_breast_cancer"),
        "wine": _toy("wine", "load_wine"),
        "diabetes": _toy("diabetes", "load_diabetes"),
        "mnist": _mnist,
    }
)


def builtin_names() -> tuple[str, ...]:
    """Return the names of the built-in data sets; `mnist` is fetched from OpenML on first use.

    >>> builtin_names()
    ('digits', 'breast-cancer', 'wine', 'diabetes', 'mnist')
    """
    return tuple(BUILTINS)


def load_openml(source: str, roles: Roles) -> Dataset:
    """Fetch `openml:NAME` (scikit-learn keeps a copy for the next time).

    Args:
        source: `openml:` and the name of a data set on OpenML.
        roles: a target other than OpenML's default, columns to drop, and so on.

    Returns:
        The data set.

    Raises:
        InputError: no answer, no such data set, no default target.
    """
    name = source.removeprefix(OPENML)
    if not name:
        raise InputError("expected openml:NAME, got no name: see openml.org for names")
    bunch, notes = _fetch(name)
    frame: pd.DataFrame = bunch["frame"]
    targets = bunch.get("target_names") or []
    if roles.target is None and len(targets) != 1:
        raise InputError(
            f"expected one default target of OpenML's {name!r}, got {len(targets)}: "
            "name the column with target"
        )
    known = replace(roles, target=roles.target or targets[0])
    return replace(dataset_from_table(name, FrameTable(frame), known), notes=notes)


def _fetch(name: str) -> tuple[Mapping, tuple[str, ...]]:
    """Return OpenML's answer and what scikit-learn warned about, one sentence each."""
    from sklearn.datasets import fetch_openml

    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            bunch = fetch_openml(name=name, as_frame=True, parser="auto")
    except OSError as error:
        raise InputError(
            f"expected an answer of openml.org for {name!r}, got {type(error).__name__} "
            f"({one_line(error, 100)}): check the network, or give a file instead"
        ) from error
    except ValueError as error:
        raise InputError(
            f"expected a data set {name!r} on openml.org, got an error "
            f"({one_line(error, 100)}): check the name"
        ) from error
    return cast(Mapping, bunch), tuple(one_line(warning.message) for warning in caught)
