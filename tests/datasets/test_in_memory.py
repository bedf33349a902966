"""Rows in memory, in every form that people have: what `fit_path` takes, `predict` takes too."""

from __future__ import annotations

import decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch
from scipy import sparse

from shrinkage import fit_path
from shrinkage.datasets import dataset_from_arrays, in_memory
from shrinkage.datasets.column_specs import ColumnKind
from shrinkage.datasets.in_memory import flat_rows, rows_in_memory
from shrinkage.reports.target_told import target_text
from shrinkage.target_reading import TargetReading

NUMBERS = np.random.default_rng(0).normal(size=(12, 3)).round(3)
WORDS = [["a", "b"][i % 2] for i in range(12)]


class SpeaksArrow:
    """What polars and DuckDB offer: a table that is read through Arrow's stream."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._table.__arrow_c_stream__(requested_schema)


FORMS: dict[str, Any] = {
    "array": lambda X: X,
    "lists": lambda X: X.tolist(),
    "tuples": lambda X: tuple(map(tuple, X.tolist())),
    "tensor": lambda X: torch.tensor(X, requires_grad=True),
    "frame": lambda X: pd.DataFrame(X, columns=["x0", "x1", "x2"]),
    "unnamed frame": pd.DataFrame,
    "arrow": lambda X: pa.table({f"x{i}": X[:, i] for i in range(3)}),
    "arrow stream": lambda X: SpeaksArrow(pa.table({f"x{i}": X[:, i] for i in range(3)})),
    "sparse": sparse.csr_matrix,
    "sparse array": sparse.coo_array,
    "masked": np.ma.masked_invalid,
    "records": lambda X: [dict(zip(("x0", "x1", "x2"), row, strict=True)) for row in X.tolist()],
    "columns": lambda X: {f"x{i}": X[:, i] for i in range(3)},
    "nullable": lambda X: pd.DataFrame(X, columns=["x0", "x1", "x2"]).convert_dtypes(),
    "Arrow dtypes": lambda X: pd.DataFrame(X, columns=["x0", "x1", "x2"]).astype("double[pyarrow]"),
    "record array": lambda X: pd.DataFrame(X, columns=["x0", "x1", "x2"]).to_records(index=False),
    "structured array": lambda X: np.array(
        list(map(tuple, X)), dtype=[("x0", float), ("x1", float), ("x2", float)]
    ),
    "decimals": lambda X: [[decimal.Decimal(str(cell)) for cell in row] for row in X.tolist()],
}


@pytest.mark.parametrize("name", FORMS)
def test_every_form_holds_the_same_numbers(name: str) -> None:
    data = dataset_from_arrays(FORMS[name](NUMBERS), np.arange(12) % 2)
    rows = data.columns.numbers(np.arange(12), data.input_names)
    assert np.array_equal(rows, NUMBERS)
    assert set(data.columns.kinds) == {ColumnKind.NUMERIC}


@pytest.fixture(scope="module")
def fitted():
    """Return paths fitted on numbers without names and on a table with words."""
    options = {"strengths": (0.1, 1.0), "folds": 2, "progress": False}
    y = (NUMBERS[:, 0] > 0).astype(int)
    table = pd.DataFrame({"n": NUMBERS[:, 0], "word": WORDS})
    return fit_path("linear", NUMBERS, y, **options), fit_path("linear", table, y, **options)


@pytest.mark.parametrize("name", FORMS)
def test_predict_takes_what_fit_path_takes(name: str, fitted) -> None:
    expected = fitted[0].decision(NUMBERS)
    np.testing.assert_allclose(fitted[0].decision(FORMS[name](NUMBERS)), expected, rtol=1e-6)


def test_rows_with_words(fitted) -> None:
    rows = [[n, w] for n, w in zip(NUMBERS[:, 0].tolist(), WORDS, strict=True)]
    expected = fitted[1].decision(pd.DataFrame(rows, columns=["n", "word"]))
    for form in (rows, np.array(rows, dtype=object), pd.DataFrame(rows), np.array(rows)):
        np.testing.assert_allclose(fitted[1].decision(form), expected, rtol=1e-6)
    assert dataset_from_arrays(rows, NUMBERS[:, 1]).input_names == ("x0", "x1")


def test_tensors_of_every_type() -> None:
    for dtype in (torch.bfloat16, torch.float16, torch.int32, torch.bool):
        tensor = torch.tensor([[1, 0], [0, 1]], dtype=dtype)
        assert np.array_equal(rows_in_memory(tensor), [[1, 0], [0, 1]])


def test_pictures_are_rows_of_pixels() -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (6, 4, 2, 3)).astype(np.uint8)
    data = dataset_from_arrays(pictures, np.arange(6) % 2)
    assert (data.image_shape, data.X.shape, data.pixels) == ((4, 6), (6, 24), True)
    assert dataset_from_arrays(torch.tensor(pictures[..., 0]), range(6)).image_shape == (4, 2)
    assert dataset_from_arrays(pictures[..., :1], range(6)).image_shape == (4, 2)
    assert np.array_equal(flat_rows(pictures), data.X)


def test_columns_of_objects_keep_their_meaning() -> None:
    frame = pd.DataFrame(
        {
            0: [True, False, None],
            "cost": [decimal.Decimal("1.5"), None, 2],
            ("a", 1): pd.array([1, None, 3], dtype="Int8"),
            "size": pd.Categorical(["S", "L", "S"], ["S", "M", "L"], ordered=True),
            "mix": [1, "a", None],
            "part": pd.arrays.SparseArray([0.0, 0.0, 1.0]),
        }
    )
    data = dataset_from_arrays(frame, [0, 1, 0])
    kinds = dict(zip(data.columns.names, data.columns.kinds, strict=True))
    assert list(kinds.values()) == [
        ColumnKind.CATEGORY,
        ColumnKind.NUMERIC,
        ColumnKind.NUMERIC,
        ColumnKind.ORDINAL,
        ColumnKind.CATEGORY,
        ColumnKind.NUMERIC,
    ]
    assert data.X["0"].tolist() == ["True", "False", np.nan]
    assert data.X["mix"].tolist() == ["1", "a", np.nan]


@pytest.mark.parametrize(
    ("X", "pieces"),
    [
        (pd.DataFrame({"c": [[1], [2]]}), ["'c'", "list"]),
        (pd.DataFrame({"c": [b"x", b"y"]}), ["'c'", "bytes"]),
        (pd.DataFrame({"c": [1j, 2j]}), ["'c'", "complex"]),
        ([[1, 2], [3]], ["equal lengths"]),
        (pd.Series([1, 2]), ["to_frame"]),
    ],
)
def test_what_is_no_table_is_refused(X, pieces, refused) -> None:
    with refused(*pieces):
        dataset_from_arrays(X, [0, 1])


def test_a_sparse_matrix_has_a_limit(monkeypatch, refused) -> None:
    monkeypatch.setattr(in_memory, "MOST_DENSE", 35)
    with refused("35", "12 rows of 3"):
        rows_in_memory(sparse.csr_matrix(NUMBERS))


class Lazy:
    """What polars calls a LazyFrame."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table

    def collect_schema(self) -> object:
        return self._table.schema

    def collect(self) -> pa.Table:
        return self._table


def test_a_lazy_frame_is_collected() -> None:
    rows = rows_in_memory(Lazy(pa.table({"a": NUMBERS[:, 0]})))
    assert isinstance(rows, pd.DataFrame)
    assert rows["a"].tolist() == NUMBERS[:, 0].tolist()


def test_targets_in_another_order_of_the_same_rows_are_refused(refused) -> None:
    """They were taken as they stood, each for another row: a model of nothing, without a word."""
    X = pd.DataFrame(NUMBERS, columns=list("abc"))
    y = pd.Series(NUMBERS[:, 0])
    mixed = y.sample(frac=1, random_state=0)
    for name in ("sample_weight", "groups", "time", "score_by"):
        beside: dict[str, Any] = {name: mixed.abs()}
        with refused(f"{name} in the order of the rows of X", f"{name}.loc[X.index]"):
            dataset_from_arrays(X, y, **beside)
    for targets in (mixed, mixed.to_frame()):
        with refused("y in the order", "y.loc[X.index]"):
            dataset_from_arrays(X, targets)
    for other in (y, mixed.to_numpy(), y.set_axis(range(3, 15)), y.set_axis(["r"] * 12)):
        assert dataset_from_arrays(X, other).n_samples == 12
    half = NUMBERS[::2, 0]
    with refused("y of the rows of X, got other ones by its index, such as 1", "y.to_numpy()"):
        dataset_from_arrays(X[::2], y[1::2])
    for index in (range(6), list("abcdef")):
        assert dataset_from_arrays(X[::2], pd.Series(half, index=index)).n_samples == 6
    aligned = dataset_from_arrays(X.loc[mixed.index], mixed)
    assert aligned.y.tolist() == mixed.tolist()


def test_targets_of_other_tables_keep_their_type() -> None:
    pl = pytest.importorskip("polars")
    words = pl.Series("y", ["low", "mid", "top"] * 4, dtype=pl.Enum(["low", "mid", "top"]))
    for y in (words, words.to_arrow()):
        assert dataset_from_arrays(NUMBERS, y).target.order == ("low", "mid", "top")
    several = pl.DataFrame({"a": NUMBERS[:, 0], "b": NUMBERS[:, 1]})
    assert dataset_from_arrays(NUMBERS, several).target_name == "a, b"


def test_labels_of_which_every_row_has_one_are_told_to_be_classes() -> None:
    one_each = dataset_from_arrays(NUMBERS, np.eye(3, dtype=int)[np.arange(12) % 3]).target
    some = dataset_from_arrays(NUMBERS, np.eye(3, dtype=int)[np.arange(12) % 3] | [1, 0, 0]).target
    assert "classes (y.argmax" in target_text(TargetReading.from_dict(one_each.to_dict()))
    assert "argmax" not in target_text(some)
