"""Cautions about rows: raised where they are due, and silent on ordinary tables."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn import datasets

from shrinkage.cautions import CautionKind
from shrinkage.datasets import dataset_from_arrays, load_dataset, make_folds
from shrinkage.datasets.cautions import (
    column_cautions,
    data_cautions,
    rare_classes,
    unlearned_classes,
)
from shrinkage.datasets.input_columns import InputColumns
from shrinkage.reports.cautions import caution_text

draw = np.random.default_rng(0)


def cautions_of(data):
    return data_cautions(data, make_folds(data.y, data.task, data.groups, 5))


def kinds_of(X, y, **options):
    return {caution.kind for caution in cautions_of(dataset_from_arrays(X, y, **options))}


def passengers(rows: int = 400):
    """A table of few levels, in which equal rows are natural."""
    frame = pd.DataFrame(
        {
            "class": draw.choice(["1st", "2nd", "3rd"], rows),
            "sex": draw.choice(["f", "m"], rows),
            "children": draw.integers(0, 4, rows),
        }
    )
    alive = (frame["sex"] == "f") ^ (draw.uniform(size=rows) < 0.2)
    return frame, np.where(alive, "yes", "no")


def houses(rows: int = 300):
    """Amounts of many sizes; the price follows most of them."""
    area = draw.lognormal(4.5, 0.4, rows)
    frame = pd.DataFrame(
        {"area": area, "year": draw.integers(1900, 2020, rows), "rooms": draw.integers(1, 9, rows)}
    )
    return frame, 1000 * area * draw.lognormal(0, 0.2, rows)


SYNTHETIC = {
    "easy classes": lambda: datasets.make_classification(300, 8, random_state=0),
    "many classes": lambda: datasets.make_classification(
        600, 12, n_informative=6, n_classes=6, random_state=1
    ),
    "rare positives": lambda: datasets.make_classification(800, 10, weights=[0.95], random_state=2),
    "linear": lambda: datasets.make_regression(300, 10, noise=20.0, random_state=0),
    "wide": lambda: datasets.make_regression(80, 120, noise=5.0, random_state=1),
    "friedman 1": lambda: datasets.make_friedman1(300, noise=1.0, random_state=0),
    "friedman 2": lambda: datasets.make_friedman2(300, noise=50.0, random_state=0),
    "friedman 3": lambda: datasets.make_friedman3(300, noise=0.2, random_state=0),
    "moons": lambda: datasets.make_moons(300, noise=0.2, random_state=0),
    "circles": lambda: datasets.make_circles(300, noise=0.1, random_state=0),
    "blobs": lambda: datasets.make_blobs(300, 4, centers=4, random_state=0),
    "quantiles": lambda: datasets.make_gaussian_quantiles(n_samples=300, random_state=0),
    "hastie": lambda: datasets.make_hastie_10_2(400, random_state=0),
    "a curve": lambda: (np.linspace(0, 6, 120)[:, None] ** 1.5, np.sin(np.linspace(0, 6, 120))),
    "passengers": passengers,
    "houses": houses,
}


@pytest.mark.parametrize("name", ["wine", "breast-cancer", "diabetes", "digits"])
def test_ordinary_tables_raise_none(name):
    assert cautions_of(load_dataset(name)) == ()


@pytest.mark.parametrize("name", ["iris", *SYNTHETIC])
def test_ordinary_arrays_raise_none(name):
    X, y = datasets.load_iris(return_X_y=True) if name == "iris" else SYNTHETIC[name]()
    assert kinds_of(X, y) == set()


def columns(rows: int = 200) -> pd.DataFrame:
    return pd.DataFrame({"a": draw.normal(size=rows), "b": draw.choice(["u", "v", "w"], rows)})


LABELS = draw.choice(["no", "yes"], 200, p=[0.8, 0.2])
AMOUNTS = draw.lognormal(3, 1, 200)
LEAKS = {
    "a copy": (AMOUNTS, AMOUNTS),
    "another unit": (AMOUNTS * 0.3048 + 12, AMOUNTS),
    "its logarithm": (np.log(AMOUNTS), AMOUNTS),
    "almost": (AMOUNTS * (1 + 1e-4 * draw.normal(size=200)), AMOUNTS),
    "a level a class": (np.where(LABELS == "yes", "paid", "open"), LABELS),
    "several levels a class": (
        np.where(LABELS == "yes", draw.choice(["x", "y"], 200), draw.choice(["p", "q"], 200)),
        LABELS,
    ),
    "a threshold": (np.where(LABELS == "yes", 5, 0) + draw.uniform(size=200), LABELS),
}


@pytest.mark.parametrize("case", LEAKS)
def test_a_column_that_is_the_target(case):
    values, y = LEAKS[case]
    frame = columns().assign(leak=values)
    found = cautions_of(dataset_from_arrays(frame, y))
    assert [(c.kind, c.facts["column"]) for c in found] == [(CautionKind.TARGET_IN_COLUMN, "leak")]


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("n", np.arange(200)),
        ("row", draw.permutation(200) + 1000),
        ("PassengerId", draw.choice(10**6, 200, replace=False)),
        ("customer_id", draw.choice(10**6, 200, replace=False)),
    ],
)
def test_an_identifier(name, values):
    (caution,) = cautions_of(dataset_from_arrays(columns().assign(**{name: values}), LABELS))
    assert (caution.kind, caution.facts["column"]) == (CautionKind.IDENTIFIER, name)


def test_columns_that_repeat_another_in_every_row():
    """Not one of one number, nor one that differs in a single row."""
    table = columns()[["a"]]
    table = table.assign(again=table["a"], nearly=table["a"], one=3.0, ones=3.0)
    table.loc[150, "nearly"] += 1.0
    for own, names in ((table, ("again", "a")), (table.to_numpy(), ("x1", "x0"))):
        (caution,) = cautions_of(dataset_from_arrays(own, LABELS))
        assert caution.kind is CautionKind.REPEATED_COLUMNS
        assert (caution.facts["columns"], caution.facts["of"]) == ([names[0]], [names[1]])


@pytest.mark.parametrize("name", ["humid", "paid", "y"])
def test_amounts_that_all_differ_are_no_identifier(name):
    values = draw.choice(10**6, 200, replace=False)
    assert kinds_of(columns().assign(**{name: values}), LABELS) == set()


def test_equal_rows_across_folds_but_not_within_groups():
    frame = pd.concat([columns(), columns(20).iloc[[0] * 20]], ignore_index=True)
    frame = pd.concat([frame, frame.iloc[:20]], ignore_index=True)
    y = draw.choice(["no", "yes"], len(frame))
    (caution,) = cautions_of(dataset_from_arrays(frame, y))
    assert caution.kind is CautionKind.DUPLICATES_ACROSS_FOLDS
    assert caution.facts["of"] == 240
    assert 40 <= caution.facts["rows"] <= 60
    together = pd.util.hash_pandas_object(frame, index=False).to_numpy() % 10**9
    assert kinds_of(frame, y, groups=together) == set()
    X = draw.normal(size=(100, 3))
    assert kinds_of(np.repeat(X, 2, axis=0), draw.normal(size=200)) == {
        CautionKind.DUPLICATES_ACROSS_FOLDS
    }


def walk(rows: int = 300) -> np.ndarray:
    return np.cumsum(draw.normal(size=rows))


def test_time_order_by_rows_and_by_dates():
    frame = pd.DataFrame({"a": draw.normal(size=300), "b": draw.normal(size=300)})
    (caution,) = cautions_of(dataset_from_arrays(frame, walk()))
    assert (caution.kind, caution.facts["column"]) == (CautionKind.TIME_ORDER, None)
    days = pd.date_range("2020-01-01", periods=300, freq="D")
    order = draw.permutation(300)
    mixed = frame.assign(day=days).iloc[order].reset_index(drop=True)
    (caution,) = cautions_of(dataset_from_arrays(mixed, walk()[order]))
    assert (caution.kind, caution.facts["column"]) == (CautionKind.TIME_ORDER, "day")
    regimes = np.repeat(draw.permutation(np.arange(30) % 2), 10)
    assert kinds_of(frame, regimes) == {CautionKind.TIME_ORDER}


def test_files_that_are_sorted_are_not_time():
    frame = pd.DataFrame({"a": draw.normal(size=300), "b": draw.normal(size=300)})
    y = np.sort(draw.normal(size=300))
    assert kinds_of(frame, y) == set()
    assert kinds_of(frame, y[::-1]) == set()
    assert kinds_of(frame, np.repeat(["x", "y", "z"], 100)) == set()
    assert kinds_of(
        frame.assign(day=pd.date_range("2020", periods=300)), draw.normal(size=300)
    ) == (set())
    assert kinds_of(frame, walk(), groups=np.arange(300) // 30) == set()


def test_rare_classes_are_named_with_their_rows():
    y = np.array([0] * 20 + [1] * 20 + [7] * 2 + [9], dtype=np.int64)
    rows = np.arange(len(y))
    folds = [(np.setdiff1d(rows, rows[k::5]), rows[k::5]) for k in range(5)]
    (caution,) = rare_classes(y, folds)
    assert caution.kind is CautionKind.RARE_CLASSES
    assert caution.facts == {"classes": [7, 9], "rows": [2, 1], "folds": 5}
    (lost,) = unlearned_classes(y, folds)
    assert lost.facts == {"classes": [9], "folds": [3]}


def test_one_validation_set_has_no_folds_to_be_rare_in():
    y = np.array(["a", "a", "b"], dtype=object)
    assert rare_classes(y, [(np.array([0, 2]), np.array([1]))]) == ()


def test_test_rows_that_are_trained_on():
    frame, price = houses()
    data = dataset_from_arrays(frame, price)
    other, prices = houses()
    for test, due in (((frame[:100], price[:100]), True), ((other, prices), False)):
        said = {c.kind: c.facts for c in cautions_of(replace(data, test=test))}
        assert (CautionKind.TEST_ROWS_TRAINED in said) == due
        if due:
            assert said[CautionKind.TEST_ROWS_TRAINED] == {"rows": 100, "of": 100}
    reordered = frame[["rooms", "area", "year"]].astype({"year": "float64"})
    said = cautions_of(replace(data, test=(reordered, price)))
    assert CautionKind.TEST_ROWS_TRAINED in {caution.kind for caution in said}


def test_seconds_since_1970_are_told_by_their_name_and_size():
    times = 1_700_000_000 + 3600 * np.arange(60.0)
    columns = {"created_at": times, "eventTime": 1000 * times, "phone": times, "time": times / 1e6}
    said = column_cautions(InputColumns.of(pd.DataFrame(columns)))
    found = {c.facts["column"]: c.facts["unit"] for c in said if c.kind is CautionKind.EPOCH}
    assert found == {"created_at": "seconds", "eventTime": "milliseconds"}
    assert "2023-11-14 to 2023-11-17" in caution_text(
        next(c for c in said if c.kind is CautionKind.EPOCH)
    )


def test_many_targets_that_have_a_column_each_are_easy_ones():
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(60, 8)))
    frame.columns = [f"x{place}" for place in range(8)]
    every = [frame[name].to_numpy() for name in frame]
    said = column_cautions(InputColumns.of(frame), every[:2])
    assert [c.facts["column"] for c in said] == ["x0", "x1"]
    assert column_cautions(InputColumns.of(frame), every) == ()


def persons(rows: int = 240, persons: int = 30) -> pd.DataFrame:
    """Return a table of persons that are seen about eight times each."""
    draw = np.random.default_rng(3)
    who = draw.integers(0, persons, rows)
    born, sex = draw.integers(1930, 2000, persons), draw.choice(["m", "f"], persons)
    return pd.DataFrame(
        {
            "code": [f"c{i:02d}" for i in who],
            "born": born[who].astype(float),
            "sex": sex[who],
            "dose": draw.normal(size=rows),
            "ill": np.where(np.arange(persons) % 2, "yes", "no")[who],
        }
    )


def kin(frame: pd.DataFrame, target: str, **said) -> list:
    X, y = frame.drop(columns=target), frame[target].to_numpy()
    found = column_cautions(InputColumns.of(X), [y], y.dtype == object, **said)
    return [own for own in found if own.kind is CautionKind.GROUPS]


def test_what_repeats_with_its_target_or_other_columns_looks_like_a_group():
    frame = persons()
    (found,) = kin(frame, "ill")
    assert (found.facts["column"], found.facts["levels"]) == ("code", 30)
    assert found.facts["target"] is True
    assert found.facts["alike"] == ["born", "sex"]
    assert "the target and 'born' and 'sex' are the same" in caution_text(found)
    assert "(--split-by code)" in caution_text(found)
    (found,) = kin(frame.drop(columns="ill"), "dose")  # by the columns alone
    assert (found.facts["target"], found.facts["alike"]) == (False, ["born", "sex"])
    (found,) = kin(frame[["code", "dose", "ill"]], "ill")  # by the target alone
    assert found.facts["alike"] == []
    assert kin(frame, "ill", divided=True) == []
    all_kinds = column_cautions(InputColumns.of(frame[["code"]]), [frame["ill"].to_numpy()], True)
    assert [own.kind for own in all_kinds] == [CautionKind.GROUPS]  # and not a column to drop


def test_what_only_repeats_is_no_group_unless_it_is_called_so():
    frame = persons()[["code", "dose"]].assign(sex=np.resize(["m", "f", "x"], 240))
    assert kin(frame, "dose") == []
    assert len(kin(frame.rename(columns={"code": "patient_id"}), "dose")) == 1
    numbers = frame.assign(subject=np.arange(240.0) % 24)
    assert kin(numbers, "dose")[0].facts["column"] == "subject"
    assert kin(numbers.rename(columns={"subject": "age"}), "dose") == []


def test_codes_of_one_another_are_no_groups():
    school = np.arange(300) % 25
    frame = pd.DataFrame({"school": [f"s{i}" for i in school], "rank": school * 2.0})
    frame["code"] = [f"k{i}" for i in school]
    frame["y"] = np.random.default_rng(0).normal(size=300)
    assert kin(frame, "y") == []


def test_what_is_filled_in_for_one_class_alone_gives_the_target():
    y = np.resize(["yes", "no", "no"], 90).astype(object)
    known = y == "yes"
    frame = pd.DataFrame(
        {
            "approved": np.where(known, "2021-03-01", None),
            "amount": np.where(known, np.arange(90.0) % 13, np.nan),
            "often": np.where(np.arange(90) % 2, np.arange(90.0) % 11, np.nan),
        }
    )
    found = column_cautions(InputColumns.of(frame), [y], True)
    told = [own.facts["column"] for own in found if own.kind is CautionKind.TARGET_IN_MISSING]
    assert told == ["approved", "amount"]
    by_number = column_cautions(InputColumns.of(frame), [known * 5.0], False)
    assert [own.kind for own in by_number].count(CautionKind.TARGET_IN_MISSING) == 2


@pytest.mark.parametrize("word", ["Total", "grand total:", "Summe", "Average"])
def test_a_last_row_that_sums_up_is_told(word):
    frame = pd.DataFrame({"item": [*"abcabcabc", word], "n": [*np.arange(9.0), 36.0]})
    (found,) = column_cautions(InputColumns.of(frame))
    assert found.kind is CautionKind.TOTAL_ROW
    assert found.facts == {"column": "item", "value": word, "row": 10}
    assert column_cautions(InputColumns.of(frame.iloc[::-1].reset_index(drop=True))) == ()
    twice = pd.concat([frame, frame], ignore_index=True)
    assert column_cautions(InputColumns.of(twice)) == ()
