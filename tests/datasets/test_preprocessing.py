"""Preprocessing: numbers against scikit-learn, no leak, any new table, JSON."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from shrinkage.datasets import Preprocessing, dataset_from_arrays, load_dataset, read_rows
from shrinkage.datasets.columns import judge_column
from shrinkage.datasets.preparation.standard import learn
from tests.processes import printed


def table(rows: int = 60, seed: int = 0) -> pd.DataFrame:
    draw = np.random.default_rng(seed)
    frame = pd.DataFrame({"a": draw.normal(3, 2, rows), "b": draw.integers(0, 9, rows) * 1.0})
    frame["city"] = draw.choice(["Bern", "Basel", "Genève"], rows)
    frame["flag"] = draw.random(rows) < 0.5
    frame.loc[frame.index % 7 == 0, "a"] = np.nan
    frame.loc[frame.index % 11 == 0, "city"] = None
    return frame


TRAIN = np.arange(0, 60, 2)


def test_numbers_equal_scikit_learn():
    X = table()
    peer = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    peer.fit(X[["a", "b"]].iloc[TRAIN])
    ours = Preprocessing.fit(X, TRAIN).transform(X, np.float64)
    np.testing.assert_allclose(ours[:, :2], peer.transform(X[["a", "b"]]), rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("rows", [1, 2, 7, 8])
def test_cells_that_only_other_rows_lack_become_the_median(rows):
    X = np.random.default_rng(rows).normal(size=(rows + 2, 3))
    X[rows] += 1.0  # so that one row varies beside another
    fit = np.arange(rows + 1)
    lacking = np.full((1, 3), np.nan)
    ours = Preprocessing.fit(X, fit)
    medians = np.median(X[fit], axis=0, keepdims=True)
    np.testing.assert_array_equal(ours.transform(lacking), ours.transform(medians))


def test_categories_equal_scikit_learn():
    X = table()
    fitted = Preprocessing.fit(X, TRAIN)
    assert fitted.input_names == (
        "a", "b", "a is missing", "city=Basel", "city=Bern", "city=Genève", "city is missing",
        "flag=False", "flag=True",
    )  # fmt: skip
    filled = X[["city"]].fillna("~").assign(flag=X["flag"].astype(str))
    peer = OneHotEncoder(sparse_output=False).fit(filled.iloc[TRAIN])
    assert np.array_equal(fitted.transform(X)[:, 2], X["a"].isna())
    assert np.array_equal(fitted.transform(X)[:, 3:], peer.transform(filled))


def test_a_small_spread_far_from_zero_is_a_spread():
    """scikit-learn's `scale_` is 1 for such a column, which it holds for constant."""
    X = 2.0**40 + 2.0**-7 * (np.arange(32) % 2).reshape(-1, 1)
    assert StandardScaler().fit(X).scale_ == 1
    assert Preprocessing.fit(X).transform(X, np.float64).ravel().tolist() == [-1, 1] * 16


def test_columns_are_judged_once_for_many_fits(monkeypatch):
    judged = []

    def judge(name, *rest):
        judged.append(name)
        return judge_column(name, *rest)

    monkeypatch.setattr("shrinkage.datasets.columns.judge_column", judge)
    data = dataset_from_arrays(table(), np.arange(60) % 2)
    fits = [Preprocessing.fit(data.columns, rows) for rows in (TRAIN, TRAIN + 1)]
    assert judged == ["a", "b", "city", "flag"]
    assert fits == [Preprocessing.fit(table(), rows) for rows in (TRAIN, TRAIN + 1)]


def test_stored_preprocessing_needs_no_scikit_learn(tmp_path):
    X = table()
    X.to_csv(tmp_path / "new.csv", index=False)
    fitted = Preprocessing.fit(X)
    (tmp_path / "model.json").write_text(json.dumps(fitted.to_dict()))
    code = f"""
import json, sys
from pathlib import Path
from shrinkage.datasets import Preprocessing, read_rows
assert "sklearn" not in sys.modules
sys.modules["sklearn"] = None
folder = Path({str(tmp_path)!r})
stored = Preprocessing.from_dict(json.loads((folder / "model.json").read_text()))
print(json.dumps(stored.transform(read_rows(folder / "new.csv")).tolist()))
"""
    assert json.loads(printed(code)) == fitted.transform(X).tolist()


def test_nothing_outside_the_fit_rows_matters():
    X = table()
    reference = Preprocessing.fit(X, TRAIN)
    other = X.copy()
    rest = np.setdiff1d(np.arange(60), TRAIN)
    other.loc[rest, "a"] = 1e6
    other.loc[rest, "b"] = np.nan
    other.loc[rest, "city"] = "Zürich"
    other.loc[rest, "flag"] = True
    assert Preprocessing.fit(other, TRAIN) == reference
    array = X[["a", "b"]].to_numpy()
    changed = array.copy()
    changed[rest] = -7e5
    assert Preprocessing.fit(array, TRAIN) == Preprocessing.fit(changed, TRAIN)
    changed[TRAIN[0]] = -7e5
    assert Preprocessing.fit(array, TRAIN) != Preprocessing.fit(changed, TRAIN)


def test_array_and_frame_agree_and_a_frame_may_be_transformed_as_an_array():
    X = table()[["a", "b"]]
    by_frame = Preprocessing.fit(X, TRAIN)
    by_array = Preprocessing.fit(X.to_numpy(), TRAIN, names=("a", "b"))
    assert by_frame == by_array
    assert np.array_equal(by_frame.transform(X), by_array.transform(X.to_numpy()))


def test_long_arrays_are_transformed_in_pieces_alike(monkeypatch):
    X = np.random.default_rng(0).normal(size=(50, 70))
    fitted = Preprocessing.fit(X, np.arange(30))
    whole = fitted.transform(X)
    monkeypatch.setattr("shrinkage.datasets.preparation.numbers.ROWS_AT_ONCE", 7)
    monkeypatch.setattr("shrinkage.datasets.preparation.numbers.CELLS_AT_ONCE", 300)
    assert np.array_equal(fitted.transform(X), whole)
    assert Preprocessing.fit(X, np.arange(30)) == fitted


@pytest.mark.parametrize("weighted", [False, True])
def test_means_and_scales_are_those_of_scikit_learn_to_the_last_bit(weighted):
    random = np.random.default_rng(0)
    X = random.normal(size=(353, 40)) * 10 ** random.uniform(-6, 6, 40)
    X = np.asfortranarray(X + 10 ** random.uniform(-6, 6, 40))
    X[:, 3] = 0.1
    weight = random.uniform(size=353) if weighted else None
    scaler = StandardScaler().fit(X, sample_weight=weight)
    learned = [standard for _, standard in learn(X, [f"x{i}" for i in range(40)], weight)]
    assert [standard.mean for standard in learned] == scaler.mean_.tolist()
    assert [standard.scale for standard in learned] == np.sqrt(scaler.var_).tolist()


def test_infinite_value_far_down_an_array_is_named(monkeypatch, refused):
    monkeypatch.setattr("shrinkage.datasets.preparation.numbers.ROWS_AT_ONCE", 4)
    X = np.arange(20.0).reshape(10, 2)
    fitted = Preprocessing.fit(X)
    X[8, 1] = np.inf
    with refused("'x1'", "row 9"):
        fitted.transform(X)


def test_arrays_with_a_dropped_column():
    X = np.array([[5.0, 1.0], [5.0, 3.0]])
    assert Preprocessing.fit(X).transform(X).tolist() == [[-1], [1]]


def test_column_names_that_are_numbers():
    frame = pd.DataFrame(np.array([[1.0, 5.0], [3.0, 9.0]]))
    fitted = Preprocessing.fit(frame)
    assert fitted.input_names == ("0", "1")
    assert fitted.transform(frame).tolist() == [[-1, -1], [1, 1]]


def test_dropped_columns_have_reasons():
    X = table()
    X.insert(0, "one", 5.0)
    X.insert(2, "gone", np.nan)
    X["text"] = "same"
    X["half"] = np.where(np.arange(60) % 2 == 0, np.nan, 4.0)
    fitted = Preprocessing.fit(X, TRAIN)
    assert fitted.dropped == (
        ("one", "constant on the training rows"),
        ("gone", "missing in all training rows"),
        ("text", "constant on the training rows"),
        ("half", "missing in all training rows"),
    )
    assert fitted.source_columns == (1, 3, 1, 4, 4, 4, 4, 5, 5)
    with pytest.raises(ValueError, match="got none of 'one', 'gone'"):
        Preprocessing.fit(X[["one", "gone"]], TRAIN)


def test_missing_cells_beside_equal_ones_say_something_unless_they_are_few():
    X = np.array([[5.0, 1], [np.nan, 2]])
    assert Preprocessing.fit(X).input_names == ("x1", "x0 is missing")
    long = np.column_stack([np.full(300, 5.0), np.arange(300.0)])
    long[7, 0] = np.nan
    fitted = Preprocessing.fit(long)
    assert fitted.input_names == ("x1",)
    assert fitted.dropped == (("x0", "constant on the training rows"),)


def test_json_round_trip_is_exact():
    X = table()
    fitted = Preprocessing.fit(X, TRAIN)
    text = json.dumps(fitted.to_dict(), allow_nan=False)
    again = Preprocessing.from_dict(json.loads(text))
    assert again == fitted
    assert np.array_equal(again.transform(X, np.float64), fitted.transform(X, np.float64))
    assert json.dumps(again.to_dict()) == text


def test_new_tables_may_have_other_order_further_columns_and_text_cells(tmp_path):
    X = table()
    fitted = Preprocessing.fit(X, TRAIN)
    expected = fitted.transform(X)
    other = X.assign(extra="z")[["extra", "flag", "city", "b", "a"]]
    assert np.array_equal(fitted.transform(other), expected)
    X.to_csv(tmp_path / "new.csv", index=False)
    rows = read_rows(tmp_path / "new.csv")
    assert np.array_equal(fitted.transform(rows), expected)
    X.to_parquet(tmp_path / "new.parquet")
    assert np.array_equal(fitted.transform(read_rows(tmp_path / "new.parquet")), expected)


def test_numeric_looking_levels_survive_a_file_of_only_such_levels(tmp_path):
    (tmp_path / "train.csv").write_text("c,y\n1,0\nx,1\n1,0\ny,1\n2,0\nx,1\n")
    fitted = Preprocessing.fit(load_dataset(tmp_path / "train.csv", target="y").X)
    assert fitted.input_names == ("c=1", "c=2", "c=x", "c=y")
    (tmp_path / "new.csv").write_text("c\n2\n1\n")
    expected = [[0, 1, 0, 0], [1, 0, 0, 0]]
    assert fitted.transform(read_rows(tmp_path / "new.csv")).tolist() == expected
    assert fitted.transform(pd.DataFrame({"c": [2, 1]})).tolist() == expected
    assert fitted.transform(pd.DataFrame({"c": [2.0, 1.0]})).tolist() == expected


def test_unseen_and_missing_levels_are_zeros():
    fitted = Preprocessing.fit(pd.DataFrame({"c": ["p", "q", "p"]}))
    new = pd.DataFrame({"c": ["p", "Zürich", None, "?"]})
    assert fitted.transform(new).tolist() == [[1, 0], [0, 0], [0, 0], [0, 0]]


def test_missing_is_a_level_when_seen():
    fitted = Preprocessing.fit(pd.DataFrame({"c": ["p", None, "p"]}))
    assert fitted.input_names == ("c=p", "c is missing")
    assert fitted.transform(pd.DataFrame({"c": [None, "p"]})).tolist() == [[0, 1], [1, 0]]


@pytest.mark.parametrize(
    ("change", "pieces"),
    [
        (lambda X: X.drop(columns=["b", "city"]), ["'b', 'city'", "add them"]),
        (lambda X: X.rename(columns={"city": " City"}), ["'city'", "add it, or rename ' City'"]),
        (lambda X: X.assign(b=["1"] * 59 + ["oops"]), ["'b'", "row 60", "'oops'"]),
        (lambda X: X.assign(b=[np.inf] + [1.0] * 59), ["'b'", "row 1", "finite"]),
        (lambda X: X.assign(b=["1e999"] + ["1"] * 59), ["'b'", "row 1", "'1e999'"]),
        (lambda X: pd.concat([X, X["b"]], axis=1), ["one column 'b'"]),
        (lambda X: X[["a", "b"]].to_numpy(), ["4 columns", "(60, 2)"]),
        (lambda X: X.astype(str).to_numpy(object), ["numbers", "object"]),
    ],
)
def test_bad_new_rows(refused, change, pieces):
    fitted = Preprocessing.fit(table(), TRAIN)
    with refused(*pieces):
        fitted.transform(change(table()))


@pytest.mark.parametrize(
    ("X", "pieces"),
    [
        (pd.DataFrame({"id": [f"n{i}" for i in range(30)]}), ["'id'", "30 different", "drop it"]),
        (pd.DataFrame({"a": [1.0, np.inf]}), ["'a'", "row 2", "inf"]),
        (np.array([[1.0], [2.0], [-np.inf]]), ["'x0'", "row 3", "inf"]),
        (np.array([[1e200], [-1e200]]), ["'x0'", "spread", "1e+200"]),
        (np.array([1.0, 2.0]), ["(2,)"]),
        (np.array([["a"]]), ["numbers"]),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), ["equal ones"]),
    ],
)
def test_bad_tables(refused, X, pieces):
    with refused(*pieces):
        Preprocessing.fit(X)


def test_infinite_cell_is_named_by_its_own_row(refused):
    X = np.arange(10.0).reshape(-1, 1)
    X[6] = np.inf
    with refused("row 7"):
        Preprocessing.fit(X, np.array([2, 6, 8]))
    assert Preprocessing.fit(X, np.array([2, 8])).n_inputs == 1


def test_identifiers_by_number_and_by_share(refused):
    few = pd.DataFrame({"c": [f"n{i % 10}" for i in range(12)]})
    assert Preprocessing.fit(few).n_inputs == 10
    many = pd.DataFrame({"c": [f"n{i % 1001}" for i in range(2001)]})
    with refused("1001 different"):
        Preprocessing.fit(many)


def test_many_pixels_are_divided_in_shares_of_the_rows(monkeypatch):
    monkeypatch.setattr("shrinkage.datasets.preparation.pixels.LEAST_NUMBERS", 30)
    monkeypatch.setattr("os.cpu_count", lambda: 3)
    X = np.random.default_rng(0).integers(0, 256, (20, 6)).astype(np.uint8)
    shares = Preprocessing.fit(X, image=True).transform(X)
    assert np.array_equal(shares, X.astype(np.float32) / np.float32(255))


def test_pixels_are_divided_and_nothing_is_learned(refused):
    X = np.random.default_rng(0).integers(0, 256, (20, 6)).astype(np.uint8)
    X[:, 2] = 0
    fitted = Preprocessing.fit(X, np.arange(3), image=True)
    assert fitted.stateless
    assert fitted == Preprocessing.fit(X, image=True)
    assert fitted.dropped == ()
    assert fitted.transform(X).dtype == np.float32
    assert np.array_equal(fitted.transform(X), X.astype(np.float32) / np.float32(255))
    assert np.array_equal(fitted.transform(X.astype(float)), fitted.transform(X))
    frame = pd.DataFrame(X.astype(str), columns=list(fitted.columns))
    assert np.array_equal(fitted.transform(frame), fitted.transform(X))
    again = Preprocessing.from_dict(json.loads(json.dumps(fitted.to_dict())))
    assert again == fitted
    assert fitted.aligned_to(again) is fitted
    with refused("0 to 255"):
        fitted.transform(X / 255)
    with refused("uint8", "float64"):
        Preprocessing.fit(X.astype(float), image=True)
    assert not Preprocessing.fit(X).stateless


def test_transform_never_changes_what_it_is_given():
    X = table()[["a", "b"]].to_numpy()
    before = X.copy()
    Preprocessing.fit(X, TRAIN).transform(X)
    assert np.array_equal(X, before, equal_nan=True)


def test_aligned_folds_have_the_same_inputs_and_zeros_for_what_they_lack():
    X = table()
    X["rare"] = np.where(np.arange(60) == 1, 1.0, 0.0)
    X.loc[3, "city"] = "Zürich"
    full = Preprocessing.fit(X)
    fold = Preprocessing.fit(X, TRAIN)
    assert fold.n_inputs < full.n_inputs
    aligned = fold.aligned_to(full)
    assert aligned.input_names == full.input_names
    wide, narrow = aligned.transform(X, np.float64), fold.transform(X, np.float64)
    place = [full.input_names.index(name) for name in fold.input_names]
    assert np.array_equal(wide[:, place], narrow)
    lacking = np.setdiff1d(np.arange(full.n_inputs), place)
    assert {full.input_names[i] for i in lacking} == {"rare", "city=Zürich"}
    assert not wide[:, lacking].any()
    assert Preprocessing.from_dict(json.loads(json.dumps(aligned.to_dict()))) == aligned
    with pytest.raises(ValueError, match="fitted on more rows"):
        full.aligned_to(fold)


def test_aligned_fold_without_any_category():
    X = pd.DataFrame({"a": [1.0, 2.0, 3.0, 4.0], "c": ["p", "p", "q", None]})
    full = Preprocessing.fit(X)
    aligned = Preprocessing.fit(X, np.array([0, 1])).aligned_to(full)
    assert aligned.transform(X)[:, 1:].tolist() == [[0, 0, 0]] * 4


def test_aligned_array_and_frame_agree():
    X = np.array([[1.0, 5.0], [3.0, 5.0], [4.0, 6.0]])
    full, fold = Preprocessing.fit(X), Preprocessing.fit(X, np.array([0, 1]))
    aligned = fold.aligned_to(full)
    frame = pd.DataFrame(X, columns=["x0", "x1"])
    assert np.array_equal(aligned.transform(frame), aligned.transform(X))
    assert aligned.transform(X).tolist() == [[-1, 0], [1, 0], [2, 0]]


def test_mice_have_no_missing_inputs(shared_data):
    path = shared_data / "mice" / "Data_Cortex_Nuclear.csv"
    data = load_dataset(path, target="class", drop=["MouseID", "Genotype", "Treatment", "Behavior"])
    rows = np.arange(0, 1080, 2)
    fitted = Preprocessing.fit(data.X, rows)
    inputs = fitted.transform(data.X, np.float64)
    assert np.isfinite(inputs).all()
    numbers = inputs[rows][:, [" is missing" not in name for name in fitted.input_names]]
    np.testing.assert_allclose(numbers.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(numbers.std(axis=0), 1, rtol=1e-12)
    assert np.array_equal(fitted.transform(read_rows(path), np.float64), inputs)
