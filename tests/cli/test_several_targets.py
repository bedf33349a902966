"""Several target columns and other losses on the command line."""

from __future__ import annotations

import contextlib
import json
from unittest import mock

import numpy as np
import pandas as pd
import pytest

from tests.cli.command_line import refused, shrinkage, write_table

QUICK = ("--strengths", "0.01,0.1", "--folds", "2", "--model", "linear", "--quiet")
random = np.random.default_rng(0)


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    a, b = random.normal(size=(2, 60)).round(3)
    cost = (3 * a + random.normal(size=60)).round(3)
    weight = (b + random.normal(size=60)).round(3)
    columns = {
        "a": a,
        "b": b,
        "cost": cost,
        "weight": weight,
        "wet": np.where(cost > 0, "yes", "no"),  # no line divides them, so there is a minimizer
        "cold": (weight > 0.3).astype(int),
        "visits": random.poisson(np.exp(0.5 + 0.4 * a)),
    }
    return write_table(tmp_path_factory.mktemp("tables") / "t.csv", columns)


@contextlib.contextmanager
def undrawn():
    """Leave out the page and its pictures, which take most of the time of so small a path."""
    with mock.patch("shrinkage.reports.write_report"):
        yield


def path(table, out, target, *others, drawn=False):
    kept = {"a", "b", *target.split(",")}
    left_out = [name for name in pd.read_csv(table).columns if name not in kept]
    drop = ("--drop", ",".join(left_out))
    with contextlib.nullcontext() if drawn else undrawn():
        answer = shrinkage("path", table, "--target", target, *drop, "--out", out, *QUICK, *others)
    assert answer.status == 0, answer
    return json.loads((out / "summary.json").read_text())


def predicted(table, run, *others):
    answer = shrinkage("predict", run, table, *others)
    assert answer.status == 0, answer
    lines = [line.split(",") for line in answer.out.splitlines()]
    return lines[0], np.array(lines[1:], dtype=float)


def test_several_numbers_are_predicted_by_name(table, tmp_path):
    summary = path(table, tmp_path / "run", "cost,weight", "--test", table)
    assert summary["score_name"] == "r2"
    assert summary["n_features"] == 2
    names, values = predicted(table, tmp_path / "run")
    assert names == ["prediction=cost", "prediction=weight"]
    y = pd.read_csv(table)[["cost", "weight"]].to_numpy()
    share = 1 - ((y - values) ** 2).sum(0) / ((y - y.mean(0)) ** 2).sum(0)
    assert summary["best"]["test_score"] == pytest.approx(share.mean())


def test_labels_spelled_in_words_have_probabilities_of_their_own(table, tmp_path):
    summary = path(table, tmp_path / "run", "wet,cold", drawn=True)
    assert summary["task"] == "multi-label"
    assert summary["constant"]["cv_score"] < summary["best"]["cv_score"]
    names, values = predicted(table, tmp_path / "run", "--probabilities")
    assert names[:3] == ["prediction=wet", "prediction=cold", "probability=wet"]
    np.testing.assert_array_equal(values[:, :2], values[:, 2:] > 0.5)
    page = (tmp_path / "run" / "report.html").read_text()
    assert "2 labels, 60 rows: wet in" in page


def test_a_loss_of_counts_takes_whole_numbers_for_numbers(table, tmp_path):
    summary = path(table, tmp_path / "run", "visits", "--loss", "poisson")
    assert summary["task"] == "regression"
    assert summary["loss"] == "poisson"
    assert (predicted(table, tmp_path / "run")[1] > 0).all()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--target", "cost,wet"), "and 'wet' with 'no', 'yes'"),
        (("--target", "cost,nothing"), "nothing"),
        (("--target", "cost", "--loss", "poisson"), "at least 0, got -"),
        (("--target", "cost", "--loss", "hinge"), "expected squared, poisson, quantile:Q"),
        (("--target", "wet", "--loss", "poisson"), "expected numbers for regression"),
        (("--target", "cost,weight", "--compare"), "got 2 targets"),
        (("--target", "cost,weight", "--loss", "poisson"), "is for one target, got 2"),
        (("--target", "wet", "--class-weight", "no=a"), "LABEL=WEIGHT"),
    ],
)
def test_targets_and_losses_that_do_not_fit_are_refused_in_a_line(
    table, tmp_path, monkeypatch, arguments, said
):
    monkeypatch.chdir(tmp_path)
    refused(tmp_path, ("path", table, *arguments), said)


def test_weights_of_classes_are_typed_by_label(table, tmp_path):
    even = path(table, tmp_path / "even", "wet")
    heavy = path(table, tmp_path / "heavy", "wet", "--class-weight", "yes=50")
    assert heavy["class_weight"] == [["yes", 50.0]]
    rows = [predicted_yes(table, tmp_path / name) for name in ("even", "heavy")]
    assert rows[0] < rows[1]
    assert even["class_weight"] is None


def predicted_yes(table, run):
    return shrinkage("predict", run, table).out.split().count("yes")


@pytest.fixture(scope="module")
def trial(tmp_path_factory):
    a = random.normal(size=80).round(3)
    days = (random.exponential(np.exp(-a)) * 100 + 1).round(0)
    columns = {"a": a, "days": days, "died": np.where(random.random(80) < 0.7, "yes", "no")}
    columns["dose"] = np.where(a > 0.7, "high", np.where(a > -0.5, "middle", "low"))
    return write_table(tmp_path_factory.mktemp("tables") / "trial.csv", columns)


def test_times_have_their_events_in_a_column(trial, tmp_path):
    with undrawn():
        answer = shrinkage(
            "path", trial, "--target", "days", "--event", "died", "--loss", "cox",
            "--drop", "dose", "--out", tmp_path / "run", *QUICK,
        )  # fmt: skip
    assert answer.status == 0, answer
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert summary["n_features"] == 1
    assert summary["constant"]["cv_score"] == 0.5
    assert summary["best"]["cv_score"] > 0.6
    table = pd.read_csv(trial)
    assert summary["target"]["events"] == (table["died"] == "yes").sum()
    assert summary["target"]["least"] == table["days"].min()
    risk = predicted(trial, tmp_path / "run")[1][:, 0]
    assert np.corrcoef(risk, table["a"])[0, 1] > 0.99


@pytest.mark.parametrize("command", [("path", *QUICK[:-1]), ("select", "--pairs", "2")])
def test_that_every_time_counts_as_an_event_is_told(trial, tmp_path, command):
    name, *options = command
    with undrawn():
        answer = shrinkage(
            name, trial, "--target", "days", "--loss", "cox", "--drop", "died",
            "--out", tmp_path / "run", *options,
        )  # fmt: skip
    assert answer.status == 0, answer
    assert "all 80 times are taken for times of the event" in answer.err


def test_ordered_classes_are_said_in_their_order(trial, tmp_path):
    with undrawn():
        answer = shrinkage(
            "path", trial, "--target", "dose", "--loss", "ordinal:low,middle,high",
            "--drop", "days,died", "--out", tmp_path / "run", "--epochs", "3", *QUICK,
        )  # fmt: skip
    assert answer.status == 0, answer
    names, values = shrinkage("predict", tmp_path / "run", trial, "--probabilities").out.split()[:2]
    assert names == "prediction,probability=low,probability=middle,probability=high"
    assert sum(map(float, values.split(",")[1:])) == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--target", "days", "--event", "died"), "expected --loss cox beside --event died"),
        (("--target", "days", "--event", "dose", "--loss", "cox"), "yes or no, got"),
        (("--target", "days", "--event", "gone", "--loss", "cox"), "gone"),
        (("--target", "dose", "--loss", "ordinal"), "with 'high', 'low', 'middle' in their order"),
        (("--target", "dose", "--loss", "ordinal:low,high"), "no place for 'middle'"),
        (("--target", "died", "--loss", "ordinal:no,yes"), "at least 3 classes"),
    ],
)
def test_what_is_no_event_or_no_order_is_refused(trial, tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    refused(tmp_path, ("path", trial, *arguments), said)
