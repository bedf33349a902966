"""Every kind of column against an independent scikit-learn pipeline, per fold; JSON; old files."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction import FeatureHasher
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    OneHotEncoder,
    OrdinalEncoder,
    StandardScaler,
    TargetEncoder,
)

from shrinkage.datasets import Preprocessing
from shrinkage.datasets.cell_rules import CellRule
from shrinkage.datasets.column_specs import ColumnKind, ColumnSpec
from shrinkage.datasets.input_columns import InputColumns
from shrinkage.datasets.preparation.base import ALL_RARE, FitTarget
from shrinkage.errors import InputError

ROWS = 240
SIZES = ("S", "M", "L", "XL")
FOLDS = list(KFold(3, shuffle=True, random_state=1).split(np.zeros(ROWS)))


def table(seed: int) -> pd.DataFrame:
    draw = np.random.default_rng(seed)
    day = pd.Timestamp("2023-01-05") + pd.to_timedelta(draw.integers(0, 700 * 24, ROWS), unit="h")
    frame = pd.DataFrame({"a": draw.normal(3, 2, ROWS), "b": draw.gamma(2.0, size=ROWS)})
    frame["size"] = draw.choice(SIZES, ROWS, p=[0.5, 0.3, 0.15, 0.05])
    frame["day"] = day
    frame["town"] = draw.choice(["Bern", "Basel", "Chur", "Genf"], ROWS)
    frame["shop"] = [f"shop {number:02}" for number in draw.zipf(1.4, ROWS) % 60]
    for column in ("a", "size", "day", "town"):
        frame.loc[draw.random(ROWS) < 0.05, column] = None
    return frame


def columns_of(frame: pd.DataFrame, **specs: ColumnSpec) -> InputColumns:
    rules = {name: CellRule(ColumnKind.NUMERIC) for name in ("a", "b")}
    rules["size"] = CellRule(ColumnKind.ORDINAL, levels=SIZES)
    rules["day"] = CellRule(ColumnKind.DATE, date_format="ISO8601")
    typed = frame.copy()
    if "size" in frame:
        typed["size"] = pd.Categorical(frame["size"], SIZES, ordered=True)
    for name in {"town", "shop"} & {*frame.columns}:
        levels = tuple(sorted(frame[name].dropna().unique()))
        rules[name] = CellRule(ColumnKind.CATEGORY, levels=levels)
        typed[name] = pd.Categorical(frame[name], levels)
    kept = {name: rules[name] for name in frame.columns}
    return InputColumns.of(typed[list(kept)], rules=kept, specs=specs)


def elapsed(X: pd.DataFrame) -> np.ndarray:
    return ((X["day"] - pd.Timestamp(0)).dt.total_seconds() / 86400).to_numpy().reshape(-1, 1)


def around(values: pd.Series, period: float) -> np.ndarray:
    angle = 2 * np.pi * values.to_numpy() / period
    return np.nan_to_num(np.column_stack([np.sin(angle), np.cos(angle)]))


def hours(X: pd.DataFrame) -> np.ndarray:
    day = X["day"].dt
    return around(day.hour + day.minute / 60 + day.second / 3600, 24)


def marked(X: pd.DataFrame) -> list[str]:
    return [
        name for name in ("a", "b", "size", "day") if name in X and X[name].isna().mean() >= 0.01
    ]


def peer(train: pd.DataFrame) -> ColumnTransformer:
    """The same matrix by scikit-learn alone, in the order of ours."""
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    order = OrdinalEncoder(
        categories=[list(SIZES)], handle_unknown="use_encoded_value", unknown_value=np.nan
    )
    weekdays = make_pipeline(
        FunctionTransformer(lambda X: X["day"].dt.day_of_week.to_numpy().reshape(-1, 1)),
        OneHotEncoder(categories=[range(7)], handle_unknown="ignore", sparse_output=False),
    )
    towns = make_pipeline(
        FunctionTransformer(lambda X: X.fillna("~")),
        OneHotEncoder(handle_unknown="ignore", sparse_output=False),
    )
    frequent = OneHotEncoder(min_frequency=5, handle_unknown="ignore", sparse_output=False)
    parts = [
        ("numbers", numbers, ["a", "b"]),
        (
            "size",
            make_pipeline(order, SimpleImputer(strategy="median"), StandardScaler()),
            ["size"],
        ),
        ("elapsed", make_pipeline(FunctionTransformer(elapsed), numbers), ["day"]),
        ("month", FunctionTransformer(lambda X: around(X["day"].dt.month - 1, 12)), ["day"]),
        ("weekdays", weekdays, ["day"]),
        ("hour", FunctionTransformer(hours), ["day"]),
        ("missing", MissingIndicator(features="all"), marked(train)),
        ("towns", towns, ["town"]),
        ("shops", frequent, ["shop"]),
    ]
    return ColumnTransformer(parts).fit(train)


@pytest.mark.parametrize("seed", range(5))
def test_the_matrix_is_that_of_a_scikit_learn_pipeline_in_every_fold(seed):
    frame = table(seed)
    columns = columns_of(frame, shop=ColumnSpec(rare=5))
    full = Preprocessing.fit(columns)
    for train, _ in FOLDS:
        fold = Preprocessing.fit(columns, train)
        expected = peer(frame.iloc[train]).transform(frame)
        ours = fold.transform(frame)
        assert ours.dtype == np.float32
        np.testing.assert_allclose(ours, expected, atol=1e-6)
        aligned = fold.aligned_to(full)
        wide = aligned.transform(frame, np.float64)
        assert wide.shape == (ROWS, full.n_inputs)
        names = aligned.input_names
        both = [name for name in fold.input_names if name in names and "shop" not in name]
        place = [names.index(name) for name in both], [fold.input_names.index(n) for n in both]
        np.testing.assert_array_equal(
            wide[:, place[0]], fold.transform(frame, np.float64)[:, place[1]]
        )
        again = Preprocessing.from_dict(json.loads(json.dumps(aligned.to_dict(), allow_nan=False)))
        assert again == aligned
        np.testing.assert_array_equal(again.transform(frame, np.float64), wide)


def test_rare_levels_share_one_input_in_a_fold_too():
    frame = table(0)[["b", "shop"]]
    frame.loc[np.arange(0, ROWS, 3), "shop"] = [f"shop {n}" for n in range(60, 100)] * 2
    columns = columns_of(frame)
    full, fold = Preprocessing.fit(columns), Preprocessing.fit(columns, FOLDS[0][0])
    rows = fold.aligned_to(full).transform(frame)
    met = frame["shop"].isin(frame["shop"].iloc[FOLDS[0][0]].unique()).to_numpy()
    np.testing.assert_array_equal(rows[:, 1:].sum(axis=1), met)
    assert full.input_names[-1] == "shop is rare"
    few = Preprocessing.fit(columns_of(frame, shop=ColumnSpec(rare=1)))
    assert few.n_inputs == 1 + frame["shop"].nunique()


@pytest.mark.parametrize("task", ["binary", "classes", "regression"])
def test_mean_targets_are_scikit_learns_and_cross_fitted_on_the_fit_rows(task):
    frame = table(3)[["b", "shop", "town"]]
    draw = np.random.default_rng(9)
    y = {
        "binary": draw.choice(["no", "yes"], ROWS),
        "classes": draw.choice(["p", "q", "r"], ROWS),
        "regression": draw.normal(size=ROWS),
    }[task]
    target = FitTarget(y, "regression" if task == "regression" else "classification")
    columns = columns_of(frame, shop=ColumnSpec(encode="target"), town=ColumnSpec(encode="target"))
    full = Preprocessing.fit(columns, target=target)
    outputs = 3 if task == "classes" else 1
    kind = {"binary": "binary", "classes": "multiclass", "regression": "continuous"}[task]
    splitter = (KFold if task == "regression" else StratifiedKFold)(5, shuffle=True, random_state=0)
    for train, rest in FOLDS[:2]:
        fold = Preprocessing.fit(columns, train, target=target).aligned_to(full)
        ours = fold.transform(frame, np.float64, positions=np.arange(ROWS))
        place = 1
        for name in ("shop", "town"):
            cells = frame[[name]].astype(object).where(frame[[name]].notna(), None).to_numpy()
            encoder = TargetEncoder(target_type=kind, cv=splitter)
            crossed = encoder.fit_transform(cells[train], y[train])
            scaler = StandardScaler().fit(crossed)
            here = ours[:, place : place + outputs]
            np.testing.assert_allclose(here[train], scaler.transform(crossed), atol=1e-9)
            others = scaler.transform(encoder.transform(cells[rest]))
            np.testing.assert_allclose(here[rest], others, atol=1e-9)
            place += outputs
        new = fold.transform(frame.iloc[train], np.float64)
        assert not np.allclose(new, ours[train])  # as rows to predict they are no fit rows
        again = Preprocessing.from_dict(json.loads(json.dumps(fold.to_dict())))
        np.testing.assert_array_equal(again.transform(frame.iloc[train], np.float64), new)


def test_no_mean_target_sees_its_own_row():
    frame = table(3)[["b", "shop"]]
    columns = columns_of(frame, shop=ColumnSpec(encode="target"))
    y = np.random.default_rng(1).normal(size=ROWS)
    fitted = Preprocessing.fit(columns, target=FitTarget(y, "regression"))
    other = y.copy()
    other[7] += 1000
    changed = Preprocessing.fit(columns, target=FitTarget(other, "regression"))
    own, moved = (
        {own.key: own for own in each.encoders}["target shop"].cross.values[7]
        for each in (fitted, changed)
    )
    np.testing.assert_allclose(own, moved)


def test_rows_that_belong_together_are_cross_fitted_together():
    frame = table(3)[["b", "shop"]]
    columns = columns_of(frame, shop=ColumnSpec(encode="target"))
    groups = np.arange(ROWS) // 6
    y = np.random.default_rng(1).normal(size=ROWS)
    other = y + np.where(groups == 3, 1000.0, 0.0)
    own, moved = (
        Preprocessing.fit(columns, target=FitTarget(each, "regression", groups)).encoders[1].cross
        for each in (y, other)
    )
    np.testing.assert_allclose(own.values[groups == 3], moved.values[groups == 3])


def test_hashed_levels_are_scikit_learns():
    frame = table(1)[["b", "shop"]]
    fitted = Preprocessing.fit(columns_of(frame, shop=ColumnSpec(encode="hash")))
    new = pd.DataFrame({"b": 1.0, "shop": ["shop 01", "never met", None]})
    expected = FeatureHasher(64, input_type="string").transform([["shop 01"], ["never met"], []])
    np.testing.assert_array_equal(fitted.transform(new)[:, 1:], expected.toarray())
    assert Preprocessing.from_dict(json.loads(json.dumps(fitted.to_dict()))) == fitted


def test_only_parts_of_dates_that_vary_are_inputs():
    def parts(*days: str) -> tuple[str, ...]:
        frame = pd.DataFrame({"day": pd.to_datetime(list(days), format="ISO8601")})
        return Preprocessing.fit(columns_of(frame)).input_names

    assert parts("2024-03-04", "2024-03-11") == ("day (days)",)
    assert parts("2024-03-04", "2024-03-05") == ("day (days)", "day (Monday)", "day (Tuesday)")
    assert "day (month, sine)" in parts("2024-03-04", "2024-04-08")
    assert parts("2024-03-04T08:00", "2024-03-04T20:00")[1:] == (
        "day (time of day, sine)",
        "day (time of day, cosine)",
    )
    frame = pd.DataFrame({"day": pd.to_datetime(["2024-03-04"] * 3), "b": [1.0, 2.0, 3.0]})
    assert Preprocessing.fit(columns_of(frame)).dropped[0][0] == "day"


def test_nothing_outside_the_fit_rows_matters():
    frame, train = table(2), FOLDS[0][0]
    other = frame.copy()
    rest = np.setdiff1d(np.arange(ROWS), train)
    other.loc[rest, ["a", "b"]] = 1e5
    other.loc[rest, "day"] = pd.Timestamp("1999-01-01")
    other.loc[rest, "shop"] = "shop 01"
    specs = {"town": ColumnSpec(encode="target")}
    y = np.random.default_rng(0).normal(size=ROWS)
    moved = np.where(np.isin(np.arange(ROWS), rest), 1e6, y)
    fits = [
        Preprocessing.fit(columns_of(X, **specs), train, target=FitTarget(own, "regression"))
        for X, own in ((frame, y), (other, moved))
    ]
    assert fits[0].encoders == fits[1].encoders


def test_an_indicator_is_there_from_one_per_cent_or_when_asked():
    frame = pd.DataFrame({"a": np.arange(300.0)})
    frame.loc[5, "a"] = np.nan
    names = [
        Preprocessing.fit(columns_of(frame, a=ColumnSpec(indicator=asked))).input_names
        for asked in (None, True, False)
    ]
    assert names == [("a",), ("a", "a is missing"), ("a",)]
    frame.loc[6:8, "a"] = np.nan
    columns = columns_of(frame)
    full = Preprocessing.fit(columns)
    assert full.input_names == ("a", "a is missing")
    fold = Preprocessing.fit(columns, np.arange(100, 300)).aligned_to(full)
    assert not fold.transform(frame)[:, 1].any()
    wide = Preprocessing.fit(columns_of(frame, a=ColumnSpec(indicator=False)))
    assert Preprocessing.fit(columns).aligned_to(wide).input_names == ("a",)


def test_what_cannot_be_encoded_is_refused_or_dropped_with_its_reason():
    frame = pd.DataFrame({"b": np.arange(1200.0), "shop": [f"s{n}" for n in range(1200)]})
    with pytest.raises(InputError, match=r"1200.*encode"):
        Preprocessing.fit(columns_of(frame, shop=ColumnSpec(rare=1)))
    assert Preprocessing.fit(columns_of(frame)).dropped == (("shop", ALL_RARE),)
    with pytest.raises(InputError, match="targets"):
        Preprocessing.fit(columns_of(frame, shop=ColumnSpec(encode="target")))
    for wrong in ({"encode": "one hot"}, {"encode": "hash", "kind": ColumnKind.DATE}, {"rare": 0}):
        with pytest.raises(InputError, match="expected"):
            ColumnSpec(**wrong)
    assert ColumnSpec(encode="hash").kind is ColumnKind.CATEGORY


def test_files_of_the_first_version_are_read():
    stored = {
        "columns": ["age", "city"],
        "encoders": [
            {
                "kind": "numeric",
                "names": ["age"],
                "medians": [3.0],
                "means": [2.0],
                "scales": [2.0],
            },
            {"kind": "category", "name": "city", "levels": ["Bern", None], "seen": [True, True]},
        ],
        "dropped": [],
    }
    rows = pd.DataFrame({"age": ["4", "?"], "city": ["Bern", None]})
    assert Preprocessing.from_dict(stored).transform(rows).tolist() == [[1, 1, 0], [0.5, 0, 1]]
