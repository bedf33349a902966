"""What a target means: decided from its cells, told with the reason, never missing in silence."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from shrinkage.datasets import load_dataset
from shrinkage.datasets.column_specs import ColumnSpec
from shrinkage.datasets.read_target import read_target
from shrinkage.datasets.roles import Roles
from shrinkage.datasets.target_like import read_target_like, table_target_of
from shrinkage.reports.target_told import target_text
from shrinkage.target_reading import TargetReading, TaskReason

draw = np.random.default_rng(0)
LETTERS = np.repeat(np.arange(26), 20)
RHYTHMS = [245, 44, 15, 15, 13, 25, 3, 2, 9, 50, 4, 5, 22]  # of the classes of UCI's Arrhythmia
RINGS = [1, 3, 8, 15, 28, 31, 40, 52, 46, 32, 17, 15, 6, 6]  # of 300 rows of UCI's Abalone
CLASSES = {
    "letters": (LETTERS, TaskReason.BALANCED),
    "letters, almost balanced": (draw.integers(0, 26, 4000), TaskReason.BALANCED),
    "digits": (np.arange(300) % 10, TaskReason.REPEATED),
    "one class dominates": (np.repeat(np.arange(10), [900, *[40] * 9]), TaskReason.REPEATED),
    "uneven classes": (np.repeat(np.arange(9), [50, 300, 20, 90, 10, 200, 30, 150, 5]), None),
    "classes in any order": (np.repeat(np.arange(13), RHYTHMS), TaskReason.REPEATED),
    "codes in tens": (np.repeat([110, 120, 310, 320], 8), TaskReason.REPEATED),
    "numbered from 1": (np.repeat(np.arange(1, 41), 15), TaskReason.BALANCED),
    "a hundred, all as large": (np.repeat(np.arange(100), 12), TaskReason.BALANCED),
    "two values": (np.array([-1, 1, 1]), TaskReason.TWO_VALUES),
    "no and yes": (np.array([0.0, 1.0, 1.0]), TaskReason.TWO_VALUES),
}
AMOUNTS = {
    "years": (draw.integers(1990, 2016, 4000), TaskReason.YEARS),
    "balanced years": (np.repeat(np.arange(1990, 2016), 20), TaskReason.YEARS),
    "ages": (draw.integers(18, 90, 5000), None),
    "counts": (draw.poisson(6, 3000), TaskReason.SMOOTH_COUNTS),
    "rings of few rows": (np.repeat(np.arange(2, 16), RINGS), TaskReason.SMOOTH_COUNTS),
    "ratings from 1 to 10": (np.clip(draw.normal(6.5, 1.5, 2000).round(), 1, 10), None),
    "marks": (draw.integers(0, 101, 9000), None),
    "prices": (draw.integers(50, 900, 400) * 5, TaskReason.FEW_ROWS_A_VALUE),
    "few rows": (np.array([250, 300, 410, 520, 300, 130]), TaskReason.FEW_ROWS_A_VALUE),
    "fractions": (np.array([0.5, 1.0, 2.0]), TaskReason.FRACTIONS),
    "two fractions": (np.array([0.5, 1.5]), TaskReason.FRACTIONS),
}


@pytest.mark.parametrize("case", CLASSES)
def test_numbers_that_are_classes(case):
    y, why = CLASSES[case]
    reading = read_target(y).reading
    assert (reading.task, reading.other) == ("classification", "regression")
    assert why in (None, reading.why)
    assert reading.classes == tuple(np.unique(y).tolist())
    assert reading.counts == tuple(np.unique(y, return_counts=True)[1].tolist())


@pytest.mark.parametrize("case", AMOUNTS)
def test_numbers_that_are_amounts(case):
    y, why = AMOUNTS[case]
    reading = read_target(y).reading
    assert reading.task == "regression"
    assert why in (None, reading.why)
    assert (reading.least, reading.largest) == (y.min(), y.max())


def test_a_csv_an_npz_and_an_array_say_the_same(tmp_path):
    X = draw.normal(size=(520, 1))
    pd.DataFrame({"x": X[:, 0], "y": LETTERS}).to_csv(tmp_path / "t.csv", index=False)
    np.savez(tmp_path / "t.npz", X=X, y=LETTERS)
    for data in (load_dataset(tmp_path / "t.csv", target="y"), load_dataset(tmp_path / "t.npz")):
        assert data.task == "classification"
        assert data.y.tolist() == LETTERS.tolist()
        assert data.target == read_target(LETTERS, "y").reading
    asked = load_dataset(tmp_path / "t.npz", task="regression")
    assert asked.target is not None
    assert asked.target.why is TaskReason.ASKED
    assert asked.target.other == "classification"


@pytest.mark.parametrize(
    ("cells", "labels"),
    [
        (["01", "02", "01", "02"], ["01", "02"]),
        (["1", "2", "1", "2"], [1, 2]),
        (["1.0", "2.0", "1", "2"], [1, 2]),
        (["True", "False", "True"], [False, True]),
        (["true", "FALSE", "true"], ["FALSE", "true"]),
        ([" yes", "no ", "yes"], ["no", "yes"]),
        (["0", "1", "unknown"] * 9, ["0", "1", "unknown"]),
        (["None", "Mild", "None", "Severe"] * 2, ["Mild", "None", "Severe"]),
        (["CH", "NA", "DE"] * 3, ["CH", "DE", "NA"]),
        (["a", "null", "b"] * 3, ["a", "b", "null"]),
    ],
)
def test_labels_of_a_file_keep_their_spelling(cells, labels):
    target = read_target(cells, written=True)
    assert target.reading.classes == tuple(labels)
    assert [type(label) for label in target.reading.classes] == [type(label) for label in labels]
    stored = json.loads(json.dumps(target.reading.to_dict()))
    assert TargetReading.from_dict(stored) == target.reading


def test_words_that_are_classes_are_told():
    assert read_target(["CH", "NA", "None"] * 3, written=True).reading.words == ("NA", "None")
    assert read_target(["CH", "DE"] * 3, written=True).reading.words == ()


def test_labels_that_differ_by_case_alone_are_told():
    assert read_target(["Low", "low", "high"] * 3, written=True).reading.alike == ("Low", "low")
    assert read_target(["low", "high"] * 3, written=True).reading.alike == ()
    assert read_target(["Yes", "yes", "no"] * 3).reading.alike == ("Yes", "yes")  # own labels


def test_spellings_of_truth_are_two_classes_and_told():
    """`Yes` and `yes` in a file were classes of their own, of which a network cannot tell."""
    target = read_target(["Ja", "ja", "NEIN", "nein", "nein", "J"] * 3, written=True)
    assert target.reading.classes == ("Ja", "nein")
    assert target.y[:6].tolist() == ["Ja", "Ja", "nein", "nein", "nein", "Ja"]
    assert target.reading.truths == ("J", "NEIN", "ja")
    assert target.reading.alike == ()
    stored = json.loads(json.dumps(target.reading.to_dict()))
    assert TargetReading.from_dict(stored) == target.reading
    assert "'J', 'NEIN', 'ja' are other spellings of the two" in target_text(target.reading)
    plain = read_target(["yes", "no"] * 3, written=True).reading
    assert plain.truths == ()
    assert "spellings" not in target_text(plain)


@pytest.mark.parametrize("scale", [1e-300, 1e-170, 1e160, 1e300])
def test_numbers_whose_squares_leave_the_range_of_floats_are_refused(refused, scale):
    """Of 1e-300 every score was 1.000, of 1e300 none was defined: both without the reason."""
    y = np.array([1.5, -2.5, 3.5, 0.5]) * scale
    with refused("target 'y'", "squares", "multiply"):
        read_target(y, "y")
    with refused("target 'y'", "squares", "multiply"):
        read_target([repr(value) for value in y.tolist()], "y", written=True)


def test_intervals_are_labels_and_blank_labels_are_missing(refused):
    target = read_target(pd.cut(np.linspace(0, 1, 12), [0, 0.5, 1], include_lowest=True))
    assert target.reading.classes == ("(-0.001, 0.5]", "(0.5, 1.0]")
    with refused("row 2", "missing"):
        read_target(["a", " ", "b"])
    with refused("Timestamp", "of dates make a number"):
        read_target(pd.date_range("2020-01-01", periods=4))


PEOPLES = {
    "currency": ([f"${v:,.2f}" for v in np.linspace(900, 9e4, 40)], 900.0),
    "decimal commas": ([f"{v:.2f}".replace(".", ",") for v in np.linspace(0.5, 99, 40)], 0.5),
    "per cent": ([f"{v:.1f} %" for v in np.linspace(1, 99, 40)], 0.01),
    "with a dash": ([*[f"{v:.2f}" for v in np.linspace(3, 9, 40)], "-"], 3.0),
}


@pytest.mark.parametrize("case", PEOPLES)
def test_amounts_as_people_write_them(case):
    cells, least = PEOPLES[case]
    target = read_target(cells, written=True, missing="drop")
    assert target.reading.task == "regression"
    assert target.reading.least == pytest.approx(least)
    assert target.reading.dropped == cells.count("-")


def test_few_measures_keep_their_spelling():
    target = read_target(["5 kg", "10 kg"] * 9, written=True)
    assert target.reading.classes == ("10 kg", "5 kg")


def test_texts_that_all_differ_are_no_target(refused):
    with refused("40 different texts in 40 rows", "another target"):
        read_target([f"name {i}" for i in range(40)], written=True)
    assert read_target([f"name {i}" for i in range(40)] * 3, written=True).reading.distinct == 40


MISSING = {
    "a rare word": (["a"] * 20 + ["b"] * 20 + ["NA"] * 2, {}, ["row 41", "'NA'", "2 such rows"]),
    "an empty cell": (["a", "b", ""], {}, ["row 3", "1 such row of 3"]),
    "nan": (["a", "b", "nan"] * 3, {}, ["row 3", "'nan'", "3 such rows"]),
    "in numbers": (["1.5", "2.5", "NA", "7"], {}, ["row 3", "'NA'"]),
    "a float": ([0.5, np.nan, 1.0], {}, ["row 2", "NaN"]),
    "none": (["a", None, "b"], {}, ["row 2"]),
}


@pytest.mark.parametrize("case", MISSING)
def test_missing_targets_are_refused_or_dropped(refused, case):
    values, options, pieces = MISSING[case]
    written = all(isinstance(value, str) for value in values)
    with refused(*pieces, "--drop-missing-target"):
        read_target(values, written=written, **options)
    target = read_target(values, written=written, missing="drop")
    assert target.reading.dropped == len(values) - len(target.y)
    assert target.rows is not None
    kept = [str(values[row]) for row in target.rows]
    assert len(kept) == len(target.y)
    assert not {"NA", "nan", "", "None"} & set(kept)


def test_a_rare_word_is_a_class_on_request():
    target = read_target(["a"] * 9 + ["b"] * 9 + ["NA"], written=True, missing="class")
    assert target.reading.classes == ("NA", "a", "b")
    assert target.rows is None


def test_a_stray_word_among_amounts(refused):
    cells = [f"{value:.2f}" for value in np.linspace(1, 9, 30)]
    cells[4] = "broken"
    for task in (None, "regression"):
        with refused("row 5", "'broken'", "29 of its 30", "--drop-missing-target"):
            read_target(cells, written=True, task=task)
    target = read_target(cells, written=True, missing="drop")
    assert target.reading.task == "regression"
    assert (target.reading.dropped, target.reading.left_out) == (1, ("broken",))
    labels = read_target(cells, written=True, task="classification")
    assert "broken" in labels.reading.classes


def test_bools_mean_the_same_by_every_route(tmp_path):
    frame = pd.DataFrame({"x": range(6), "y": [True, False] * 3})
    frame.to_csv(tmp_path / "t.csv", index=False)
    frame.to_parquet(tmp_path / "t.parquet")
    expected = read_target(frame["y"], "y")
    for name in ("t.csv", "t.parquet"):
        data = load_dataset(tmp_path / name, target="y")
        assert data.y.dtype == bool
        assert data.target == expected.reading


def test_rows_without_a_target_go_with_their_inputs_groups_and_weights(tmp_path):
    text = "x,g,w,y\n0,m,1,a\n1,m,2,\n2,n,3,b\n3,n,4,a\n"
    (tmp_path / "t.csv").write_text(text)
    data = load_dataset(
        tmp_path / "t.csv", target="y", split_by="g", sample_weight="w", missing_target="drop"
    )
    assert data.X["x"].tolist() == [0, 2, 3]
    assert data.y.tolist() == ["a", "b", "a"]
    assert data.groups is not None
    assert data.groups.tolist() == [0, 1, 1]
    assert data.sample_weight is not None
    assert data.sample_weight.tolist() == [1, 3, 4]


@pytest.mark.parametrize(
    ("training", "further", "labels"),
    [
        (["0", "1"] * 3, ["1"], [1]),
        (["01", "02"] * 3, ["02"], ["02"]),
        (["a", "1", "2"] * 3, ["1", "2"], ["1", "2"]),
        (["True", "False"], ["True"], [True]),
        (["CH", "NA"] * 3, ["NA"], ["NA"]),
        (["0.5", "2"] * 3, ["7"], [7.0]),
    ],
)
def test_further_rows_are_read_like_the_training_rows(training, further, labels):
    like = read_target(training, written=True).reading
    assert read_target_like(further, like, written=True).y.tolist() == labels


def test_labels_that_differ_by_a_mark_or_case_are_those_of_training():
    like = read_target(["<=50K", ">50K"], "income").reading
    read = read_target_like(["<=50K.", ">50k.", ">50K"], like)
    assert read.y.tolist() == ["<=50K", ">50K", ">50K"]
    assert read.reading.respelled == (("<=50K.", "<=50K"), (">50k.", ">50K"))
    assert "'<=50K.' for '<=50K'" in read.reading.notes()[0]
    assert read_target_like([">50K"], like).reading.notes() == ()


def test_labels_that_may_be_two_of_training_are_refused(refused):
    like = read_target(["a", "A", "b."], "kind").reading
    assert read_target_like(["b"], like).y.tolist() == ["b."]
    with refused("'kind'", "'a.'", "train with that class"):
        read_target_like(["a.", "b."], like)


def test_dates_are_no_target_and_the_way_out_is_said(refused):
    days = pd.Series(pd.date_range("2024-01-01", periods=60))
    with refused("of dates make a number"):
        read_target(days, "day")
    with refused("of dates make a number"):
        read_target(days.dt.strftime("%d.%m.%Y").tolist(), "day", written=True)


def test_a_label_that_training_lacks(refused):
    like = read_target(["a", "b"], "kind").reading
    with refused("'kind'", "row 2", "'c'", "train with that class"):
        read_target_like(["a", "c"], like)


def test_an_order_that_was_said_or_came_with_the_labels_is_kept():
    labels = ["low", "mid", "top"]
    said = read_target(labels * 3, spec=ColumnSpec(order=tuple(labels))).reading
    came = read_target(pd.Categorical(labels * 3, categories=labels, ordered=True)).reading
    assert said.order == came.order == tuple(labels)
    assert "'low', 'mid', 'top'" in target_text(TargetReading.from_dict(came.to_dict()))


def test_numbers_that_are_labels_are_shown_as_they_are_predicted():
    cells = pa.chunked_array([["1.0", "0.0", "1.0", ""]])
    column = table_target_of(cells, "y", Roles(target="y", missing_target="drop")).column
    assert column.counts == (("1", 2), ("0", 1))
