"""`shrinkage predict` and `shrinkage report` on a run whose names are as hostile as text is."""

from __future__ import annotations

import csv
import io
import json
from html.parser import HTMLParser

import numpy as np
import pytest

from tests.cli.command_line import Answer, contents, refused, shrinkage, write_table

SCRIPT = "<script>x()</script>"
RICH = "[red]rich[/red]"
ODD = 'naïve, "q" 列'
MATH = "$\\frac{1$ & co"
TARGET = "<marquee>target</marquee>"
LABELS = ("<script>yes</script>", '[bold]no[/bold], "maybe" ü')


def table(rows: int, seed: int) -> dict[str, object]:
    random = np.random.default_rng(seed)
    strong = random.normal(size=rows).round(4)
    return {
        SCRIPT: strong,
        RICH: random.normal(size=rows).round(4),
        MATH: random.normal(size=rows).round(4),
        ODD: np.where(random.normal(size=rows) > 0, "<blink>", "[/b]"),
        TARGET: np.where(strong > 0, *LABELS),
    }


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> tuple:
    folder = tmp_path_factory.mktemp("hostile")
    data, run = write_table(folder / "<b>data<i>.csv", table(80, 0)), folder / "[red]run[bold]"
    grid = ("--strengths", "0.0001,0.3", "--folds", "2", "--epochs", "300", "--model", "mlp:6")
    penalty = ("--penalty", "group-lasso", "--per", "input")
    answer = shrinkage("path", data, "--target", TARGET, *grid, *penalty, "--out", run)
    assert answer.status == 0, answer.err
    return folder, run, answer


@pytest.fixture
def run(made):
    return made[1]


@pytest.fixture
def first(made) -> Answer:
    return made[2]


@pytest.fixture
def raw(made):
    """New raw rows: another order of the columns, no target, one column more."""
    columns = {**table(12, 1), "further": np.arange(12)}
    del columns[TARGET]
    return write_table(made[0] / "new.csv", dict(reversed(columns.items())))


class Page(HTMLParser):
    """The text of a page and the names of its elements."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.text: list[str] = []
        self.attributes: list[str] = []
        self.feed(content)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes += [name for name, _ in attrs]

    def handle_data(self, data):
        self.text.append(data)


@pytest.mark.slow
def test_the_page_shows_names_as_text(run):
    raw = (run / "report.html").read_text(encoding="utf-8")
    page = Page(raw)
    text = "".join(page.text)
    for name in (SCRIPT, RICH, MATH, ODD, "<b>data<i>.csv"):
        assert name in text, name
    assert not page.tags & {"blink", "marquee"}
    for markup in ("<script>x()", "<script>yes", "<b>data"):
        assert markup not in raw
    assert not [name for name in page.attributes if name.startswith("on")]


def test_the_terminal_shows_names_as_text(run, first):
    assert f"report: {run}/report.html" in first.out
    assert "[red]run[bold]" in first.out
    again = shrinkage("report", run)
    assert f"report: {run}/report.html" in again.out


def test_files_hold_names_as_they_are(run):
    model = json.loads((run / "model.json").read_text(encoding="utf-8"))
    assert model["target_name"] == TARGET
    assert model["target"]["classes"] == sorted(LABELS)
    assert set(model["preprocessing"]["columns"]) == {SCRIPT, RICH, MATH, ODD}
    with (run / "path.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["strength"]) for row in rows] == [0.0001, 0.3]
    assert all(set(row) == set(rows[0]) and row["cv_score_mean"] for row in rows)


def test_predictions_are_rows_of_text(run, raw, tmp_path):
    out = tmp_path / "p.csv"
    answer = shrinkage("predict", run, raw, "--out", out, "--probabilities")
    assert answer.status == 0, answer.err
    assert answer.out == f"predictions: {out}\n"
    with out.open(encoding="utf-8", newline="") as file:
        found = list(csv.DictReader(file))
    labels = sorted(LABELS)
    assert list(found[0]) == ["prediction", *(f"probability={label}" for label in labels)]
    expected = table(12, 1)[TARGET]
    hits = [row["prediction"] == label for row, label in zip(found, expected, strict=True)]  # type: ignore
    assert np.mean(hits) > 0.8
    for row in found:
        shares = [float(row[f"probability={label}"]) for label in labels]
        assert sum(shares) == pytest.approx(1, abs=1e-6)
        assert row["prediction"] == labels[int(np.argmax(shares))]
    printed = shrinkage("predict", run, raw, "--probabilities")
    assert list(csv.DictReader(io.StringIO(printed.out, newline=""))) == found


@pytest.mark.parametrize("role", ["best", "one_standard_error", "unregularized"])
def test_every_chosen_model_predicts(run, raw, role):
    answer = shrinkage("predict", run, raw, "--model", role)
    assert answer.status == 0
    rows = list(csv.reader(io.StringIO(answer.out, newline="")))
    assert rows[0] == ["prediction"]
    assert {row[0] for row in rows[1:]} <= set(LABELS)
    assert len(rows) == 13


def test_bad_predictions_are_refused(run, raw, made, tmp_path):
    out = ("--out", tmp_path / "p.csv")
    columns = table(12, 1)
    lacking = write_table(
        made[0] / "lacking.csv", {RICH: columns[RICH], ODD: columns[ODD], MATH: columns[MATH]}
    )
    text = ["many", *["1"] * 11]
    wordy = write_table(made[0] / "wordy.csv", {**columns, RICH: text})
    cases = [
        ((run, raw, "--model", "bst"), "no refitted model 'bst'", "best, one_standard_error"),
        ((run, lacking), "columns of the training data", "none called", "x()", "add it"),
        ((run, wordy), "rich", "'many'", "number"),
        ((run, made[0] / "nowhere.csv"), "does not exist"),
        ((run, "digits"), "rows of 4 columns", "(1797, 64)", "same order"),
        ((made[0], raw), "finished `shrinkage path` run", "holds no run"),
        ((run, raw, "--mode", "best"), "--mode", "see shrinkage predict -h"),
    ]
    for arguments, *pieces in cases:
        refused(made[0], ("predict", *arguments, *out), *pieces)
        assert not (tmp_path / "p.csv").exists()
    (tmp_path / "file").write_text("")
    below = ("predict", run, raw, "--out", tmp_path / "file" / "p.csv")
    refused(tmp_path, below, "cannot write p.csv", "another folder")
    within = ("predict", run, raw, "--out", run / "summary.json")
    refused(run, within, "expected a new file", "in the run", "another --out")


@pytest.mark.slow
def test_report_draws_the_same_page_again(run, first):
    before = contents(run)
    (run / "report.html").unlink()
    for picture in (run / "figures").iterdir():
        picture.unlink()
    answer = shrinkage("report", run)
    assert answer.status == 0
    assert answer.err == ""
    assert answer.out == first.out
    after = contents(run)
    assert after.keys() == before.keys()
    assert after["report.html"] == before["report.html"]
    quiet = shrinkage("report", run, "-q")
    assert quiet.status == 0
    assert len(quiet.out) < len(answer.out)
    assert answer.out.endswith(quiet.out)


def test_report_refuses_what_is_no_finished_run(made, tmp_path):
    for folder, words in (
        (tmp_path, "holds no run"),
        (tmp_path / "nowhere", "holds no run"),
        (made[0] / "<b>data<i>.csv", "holds no run"),
    ):
        refused(made[0], ("report", folder), "expected the folder of a finished", words)


def test_a_damaged_run_is_said_in_one_line(run, tmp_path):
    for name, content in (
        ("summary.json", b"{broken"),
        ("model.json", b"{}"),
        ("history.json", b"{}"),
        ("model.safetensors", b"short"),
    ):
        for path in run.iterdir():
            if path.is_file():
                (tmp_path / path.name).write_bytes(path.read_bytes())
        (tmp_path / name).write_bytes(content)
        refused(tmp_path, ("report", tmp_path), tmp_path.name)
