"""Dates and times: one format for a column, by all its cells; told where day and month are open."""

from __future__ import annotations

import datetime

import numpy as np
import pandas as pd
import pytest

from shrinkage.datasets.cell_rules import CellRule
from shrinkage.datasets.column_readings import ColumnDoubt
from shrinkage.datasets.column_specs import ColumnKind, ColumnSpec
from shrinkage.datasets.columns import judge_column, judge_columns, values_as_dates
from shrinkage.errors import InputError

DAYS = pd.to_datetime(["2023-01-02", "2024-02-29", "1999-12-31", "2024-07-04"])
TIMES = DAYS + pd.to_timedelta([0, 12.5 * 3600, 86399, 3661], unit="s")
FORMATS = ["%Y-%m-%d", "%Y/%m/%d", "%Y%m%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y",
           "%d-%b-%Y", "%d %b %Y", "%B %d, %Y", "%b %d, %Y", "%d.%m.%y", "%m/%d/%y",
           "%d %B %Y"]  # fmt: skip
CLOCKS = ["%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%SZ", "%Y%m%dT%H%M%S", "%m/%d/%Y %I:%M:%S %p",
          "%d.%m.%Y %H:%M:%S"]  # fmt: skip


@pytest.mark.parametrize(
    ("form", "dates"), [(f, DAYS) for f in FORMATS] + [(c, TIMES) for c in CLOCKS]
)
def test_every_format_gives_the_true_dates_and_new_rows_are_read_alike(form, dates) -> None:
    cells = [*dates.strftime(form), "n/a", " - "]
    judged = judge_column("day", cells)
    assert judged.reading.kind is ColumnKind.DATE
    assert judged.values[:4].tolist() == dates.tolist()
    assert judged.values[4:].isna().all()
    assert judged.reading.doubts == ()
    rule = CellRule.from_dict(judged.reading.rule.to_dict())
    for now in (cells[:1], ["2023-01-02"], dates[:1], [dates[0].to_pydatetime()]):
        again = values_as_dates("day", pd.Series(now, dtype=object), rule)
        assert again.astype("datetime64[D]").tolist() == [datetime.date(2023, 1, 2)]


@pytest.mark.parametrize(
    ("cells", "month", "doubt"),
    [
        (["1/2/2024", "3/4/2024"], 1, ColumnDoubt.MONTH_FIRST),
        (["1-2-2024", "3-4-2024"], 2, ColumnDoubt.DAY_FIRST),
        (["1.2.2024", "3.4.2024"], 2, None),
        (["1/2/2024", "13/4/2024"], 2, None),
        (["1/2/2024", "3/14/2024"], 1, None),
        (["1/1/2024", "2/2/2024"], 1, None),
    ],
)
def test_day_or_month_first(cells, month, doubt) -> None:
    judged = judge_column("day", cells)
    assert judged.values[0].month == month
    assert judged.reading.doubts == (() if doubt is None else (doubt,))


@pytest.mark.parametrize(
    ("cells", "told"),
    [
        (["2024-03-01T01:30:00+02:00", "2024-11-01 01:30:00+01"], True),
        (["01/Mar/2024:01:30:00 +0200", "02/Mar/2024:01:30:00 +0100"], True),
        (["13.02.2024 01:30:00 -0500", "14.02.2024 01:30:00 -0500"], True),
        (["2024-03-01T01:30:00+00:00", "2024-11-01T01:30:00Z"], False),
        (pd.Series(pd.date_range("2024-03-01", periods=2, tz="Europe/Berlin")), True),
        (pd.Series(pd.date_range("2024-03-01", periods=2, tz="Europe/London")), False),
        ([pd.Timestamp("2024-03-01T00:00+0200").to_pydatetime(), None], True),
    ],
)
def test_times_of_another_zone_are_told_to_be_taken_in_universal_time(cells, told) -> None:
    reading = judge_column("t", cells).reading
    assert reading.doubts == ((ColumnDoubt.UNIVERSAL_TIME,) if told else ())


def test_other_columns_decide_between_day_and_month() -> None:
    cells = [("open", ["1/2/2024", "3/4/2024"]), ("clear", ["31/1/2024", "5/6/2024"])]
    assert judge_columns(cells)[0].values[0].month == 2


@pytest.mark.parametrize(
    "cells",
    [
        ["192.168.1.1", "10.0.0.1"],
        ["555-12-3456"],
        ["Ford 65", "May 1"],
        ["12:30", "1:15"],
        ["1.5", "2.5"],
        ["20241399", "20240101"],
        ["x", "y"],
    ],
)
def test_what_is_no_date(cells) -> None:
    assert judge_column("c", cells).reading.kind is not ColumnKind.DATE


def test_a_bad_date_is_named(refused) -> None:
    cells = [f"{day}.1.2024" for day in range(1, 29)] + ["31.2.2024"]
    with refused("'c'", "row 29", "'31.2.2024'", "28 of its 29"):
        judge_column("c", cells)
    with refused("'c'", "row 1", "'soon'", "in training"):
        values_as_dates("c", pd.Series(["soon"]), judge_column("c", cells[:28]).reading.rule)


def test_dates_in_several_forms_are_refused_and_codes_are_not(refused) -> None:
    mixed = [f"{d}/{m}/2024" for d in range(13, 19) for m in range(1, 5)]
    mixed += [f"2024-0{m}-{d}" for d in range(13, 19) for m in range(1, 5)]
    with refused("'c'", "several forms", "2024"):
        judge_column("c", mixed)
    codes = [f"{1000 + 7 * i}-{i % 90 + 10}" for i in range(60)]
    assert judge_column("c", codes).reading.kind is ColumnKind.CATEGORY


def test_months_and_the_dates_of_databases_that_mean_nothing() -> None:
    assert judge_column("c", ["03/2024", "11/2023"]).values.dt.month.tolist() == [3, 11]
    judged = judge_column("c", ["2024-03-01", "0000-00-00", "0000-00-00 00:00:00"])
    assert judged.values.isna().tolist() == [False, True, True]


def test_a_person_says_the_format() -> None:
    judged = judge_column("c", ["1/2/2024", "3/4/2024"], ColumnSpec(date_format="%d/%m/%Y"))
    assert judged.values[0].month == 2
    assert judged.reading.doubts == ()
    numbers = pd.Series([20240301, 20240402])
    assert judge_column("c", numbers).reading.kind is ColumnKind.NUMERIC
    dates = judge_column("c", numbers, ColumnSpec(kind=ColumnKind.DATE))
    assert dates.values.dt.day.tolist() == [1, 2]


def test_typed_dates_stay_dates() -> None:
    zone = pd.Series(pd.to_datetime(["2024-03-01T01:00+01:00", None]))
    assert judge_column("c", zone).values[0] == pd.Timestamp("2024-03-01")
    for cells in (
        pd.Series([datetime.date(2024, 3, 1), None], dtype=object),
        pd.Series(pd.PeriodIndex(["2024-03", None], freq="M")),
        pd.Series(np.array(["2024-03-01", "NaT"], dtype="datetime64[D]")),
    ):
        judged = judge_column("c", cells)
        assert judged.reading.kind is ColumnKind.DATE
        assert judged.values[0] == pd.Timestamp("2024-03-01")
        assert judged.reading.missing == 1
    seconds = judge_column("c", pd.Series(pd.to_timedelta(["1 min", None])))
    assert (seconds.values[0], seconds.reading.kind) == (60.0, ColumnKind.NUMERIC)


def test_a_day_of_a_month_without_its_year_is_no_date_of_the_year_1():
    months = ["Sep-63", "Mar-64", "Nov-69", "Jan-98", "Feb-88", "Jun-90"] * 2
    with pytest.raises(InputError, match="several forms"):
        judge_column("intro", [*months, *["3-Feb", "10-Aug", "11-Jun", "12-Apr"] * 3])


def test_how_years_of_two_digits_were_taken_is_told_where_some_lie_far_ahead():
    told = judge_column("intro", ["Sep-63", "Mar-64", "Jun-70"]).reading
    plain = judge_column("intro", ["Sep-13", "Mar-14", "Jun-20"]).reading
    assert ColumnDoubt.SHORT_YEARS in told.doubts
    assert ColumnDoubt.SHORT_YEARS not in plain.doubts


@pytest.mark.parametrize(
    ("cells", "days"),
    [
        (["2001Q2", "2001Q4", "n/a"], ["2001-04-01", "2001-10-01"]),
        (["2001-Q2", "2001-q4"], ["2001-04-01", "2001-10-01"]),
        (["Q2 2001", "Q4/2001"], ["2001-04-01", "2001-10-01"]),
        (["2020-W01", "2020W53"], ["2019-12-30", "2020-12-28"]),
    ],
)
def test_quarters_and_weeks_are_their_first_day(cells, days) -> None:
    judged = judge_column("period", cells)
    assert judged.reading.kind is ColumnKind.DATE
    assert judged.values[:2].tolist() == pd.to_datetime(days).tolist()
    rule = CellRule.from_dict(judged.reading.rule.to_dict())
    again = values_as_dates("period", pd.Series([*cells[:1], "2001-02-03"], dtype=object), rule)
    assert again.astype("datetime64[D]").astype(str).tolist() == [days[0], "2001-02-03"]


def test_what_has_no_year_or_no_such_week_is_no_period() -> None:
    levels = ["Q1", "Q2", "Q3", "Q4"] * 5
    assert judge_column("quarter", levels).reading.kind is ColumnKind.CATEGORY
    with pytest.raises(InputError, match="expected a date"):
        judge_column("week", [*(f"2021-W{week:02}" for week in range(1, 53)), "2021-W60"])
