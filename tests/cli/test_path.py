"""`shrinkage path`: what its options do to a run, and what it says."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import numpy as np
import pytest
import typer.main

import shrinkage as package
from shrinkage.cli.main import app
from shrinkage.paths.running.store import Store
from shrinkage.penalties import REGISTRY
from tests.cli.command_line import QUICK, contents, shrinkage, small_columns, write_table


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An own folder to work in, with one sound table."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    write_table(tmp_path / "t.csv", small_columns())
    return tmp_path


def summary(folder) -> dict:
    return json.loads((folder / "summary.json").read_text())


def without_times(folder) -> dict:
    return {key: value for key, value in summary(folder).items() if key != "wall_seconds"}


def json_of(folder, name: str) -> dict:
    return json.loads((folder / name).read_text())


COMMANDS = (
    "audit",
    "compact",
    "convert",
    "data",
    "example",
    "export",
    "path",
    "penalties",
    "predict",
    "report",
    "select",
    "timescale",
)


def test_help_of_every_command_mentions_every_option():
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    assert set(commands) == set(COMMANDS)
    for name, command in commands.items():
        for flag in ("-h", "--help"):
            answer = shrinkage(name, flag)
            assert answer.status == 0
            assert answer.err == ""
            for parameter in command.params:
                is_option = parameter.param_type_name == "option"
                words = (*parameter.opts, *parameter.secondary_opts)
                for word in words if is_option else (parameter.metavar or parameter.name,):
                    assert word in answer.out, (name, word)
                if parameter.param_type_name == "option":
                    assert parameter.help, (name, parameter.name)


def test_version_and_the_list_of_commands():
    assert shrinkage("--version").out == f"shrinkage {package.__version__}\n"
    for arguments in ((), ("-h",)):
        answer = shrinkage(*arguments)
        assert answer.status == 0
        for command in COMMANDS:
            assert re.search(rf"^  {command} ", answer.out, re.M)


def test_penalties_lists_all_of_them_with_their_options():
    answer = shrinkage("penalties")
    assert answer.status == 0
    for words in ("l1", "l2", "elastic-net", "group-lasso", "Σ|w|", "--l1-ratio (0.5)", "--per"):
        assert words in answer.out
    for penalty in REGISTRY.values():
        assert all(other in answer.out for other in penalty.also_called)


def test_names_of_other_libraries_are_understood_and_told(here):
    names = ("--penalty", "lasso", "--with", "1e-3*ridge", "--with", "1e-3*weight_decay")
    answer = shrinkage("path", "t.csv", "--target", "y", *QUICK, *names, "--out", "run", "-q")
    assert answer.status == 0, answer.err
    told = [tuple(line.split(" is called ")) for line in answer.err.splitlines()]
    assert told == [("lasso", "l1 here"), ("ridge", "l2 here"), ("weight_decay", "l2 here")]
    found = summary(here / "run")
    assert found["penalty"] == "L1()"
    assert len(found["fixed"]) == 2


def test_a_real_process_answers():
    command = [sys.executable, "-m", "shrinkage", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == f"shrinkage {package.__version__}\n"


def test_a_list_of_strengths_groups_and_dropped_columns(here):
    columns = small_columns()
    write_table(here / "t.csv", {**columns, "id": np.arange(48), "copy": columns["y"]})
    options = ("--split-by", "g", "--drop", "id, copy", "--test-size", "0.25", "--seed", "3")
    answer = shrinkage("path", "t.csv", "--target", "y", *QUICK, *options, "--out", "deep/run")
    assert answer.status == 0, answer.err
    assert re.search(r"will take .* and \d+\.\d GB", answer.err)
    for word in ("strength", "score", "zeros", "0.001", "0.01", "report: deep/run/report.html"):
        assert word in answer.out
    run = here / "deep" / "run"
    found = summary(run)
    assert found["strengths"] == [0.001, 0.01]
    assert (found["n_features"], found["n_test"], found["seed"]) == (2, 12, 3)
    assert "groups of g kept together" in found["split"]
    groups = np.array(columns["g"])
    test = np.array(json_of(run, "model.json")["test_rows"])
    assert not set(groups[test]) & set(np.delete(groups, test))
    page = (run / "report.html").read_text(encoding="utf-8")
    assert "kept together" in page


@pytest.mark.slow
def test_a_count_of_strengths_a_task_and_sets_of_ones_own(here):
    random = np.random.default_rng(0)
    for name, rows in (("train", 60), ("choose", 20), ("test", 15)):
        a = random.normal(size=rows).round(3)
        table = {"y": np.round(2 * a).astype(int), "a": a, "weight": random.uniform(1, 2, rows)}
        write_table(here / f"{name}.csv", dict(reversed(table.items())))
    own = ("--validation", "choose.csv", "--test", "test.csv", "--sample-weight", "weight")
    counted = ("--strengths", "3", "--epochs", "60", "--model", "mlp:8", "--task", "regression")
    answer = shrinkage("path", "train.csv", "--target", "y", *own, *counted, "--quiet")
    assert answer.status == 0, answer.err
    assert answer.err == ""
    assert "validation" not in answer.out
    assert "report: runs/train.csv/report.html" in answer.out
    found = summary(here / "runs" / "train.csv")
    assert (found["task"], found["score_name"]) == ("regression", "r2")
    assert (found["n_features"], found["n_train"], found["n_test"]) == (1, 80, 15)
    assert len(found["strengths"]) >= 3
    assert found["best"]["test_score"] > 0.5


def test_a_test_set_needs_neither_the_groups_nor_the_order_of_the_columns(here):
    columns = small_columns(24, seed=1)
    other = {name: columns[name] for name in ("y", "b", "a")}
    write_table(here / "test.csv", other)
    options = ("--split-by", "g", "--test", "test.csv", "--out", "run", "-q")
    answer = shrinkage("path", "t.csv", "--target", "y", *QUICK, *options)
    assert answer.status == 0, answer.err
    assert summary(here / "run")["n_test"] == 24
    given = shrinkage("predict", "run", "test.csv").out.splitlines()[1:]
    hits = np.mean(np.array(given) == np.array(columns["y"]))
    assert summary(here / "run")["best"]["test_score"] == pytest.approx(hits)


def test_a_users_factory_trains(here):
    (here / "good_factory.py").write_text(
        "import torch\n"
        "kept = []\n"
        "def make(i, o):\n"
        "    if not kept:\n"
        "        kept.append(torch.nn.Sequential(\n"
        "            torch.nn.Linear(i, 3), torch.nn.Softplus(), torch.nn.Linear(3, o)))\n"
        "    return kept[0]\n"
    )
    model = ("--model", "good_factory:make", "--out", "run", "--drop", "g", "-q")
    answer = shrinkage("path", "t.csv", "--target", "y", *QUICK, *model)
    assert answer.status == 0, answer.err
    assert summary(here / "run")["model"] == "good_factory:make"
    assert summary(here / "run")["engine"] in ("sequential", "vectorized")  # the faster one
    rows = shrinkage("predict", "run", "t.csv").out.splitlines()
    assert rows[0] == "prediction"
    assert set(rows[1:]) <= {"up", "down"}
    kept = sys.modules["good_factory"].kept[0]
    assert np.isfinite(kept[0].weight.detach().numpy()).all()
    assert kept[0].weight.grad is None


@pytest.mark.slow
def test_resume_starts_goes_on_and_does_nothing(here, monkeypatch):
    command = ("path", "t.csv", "--target", "y", *QUICK, "--drop", "g", "-q", "--resume", "--out")
    assert shrinkage(*command, "missing").status == 0
    (here / "unfinished").mkdir()
    real, kept = Store.keep_unit, []

    def interrupted(self, name, outcome):
        if kept:
            raise KeyboardInterrupt
        kept.append(name)
        real(self, name, outcome)

    monkeypatch.setattr(Store, "keep_unit", interrupted)
    answer = shrinkage(*command, "unfinished")
    monkeypatch.setattr(Store, "keep_unit", real)
    assert answer.status == 130
    assert re.fullmatch(r"stopped; .* --resume goes on in unfinished\n", answer.err)
    assert "goes on" not in answer.out
    assert len(kept) == 1
    first = here / "unfinished" / "state" / f"{kept[0]}.safetensors"
    stamp = first.stat().st_mtime_ns
    for premature in (("report", "unfinished"), ("predict", "unfinished", "t.csv")):
        early = shrinkage(*premature)
        assert (early.status, early.out) == (2, "")
        assert "unfinished run: go on with --resume" in early.err
    assert shrinkage(*command, "unfinished").status == 0
    assert first.stat().st_mtime_ns == stamp
    assert without_times(here / "unfinished") == without_times(here / "missing")
    whole = contents(here / "unfinished")
    stamps = {path: path.stat().st_mtime_ns for path in here.rglob("*")}
    again = shrinkage(*command, "unfinished")
    assert again.status == 0
    assert "report: unfinished/report.html" in again.out
    assert contents(here / "unfinished") == whole
    assert {path: path.stat().st_mtime_ns for path in here.rglob("*")} == stamps
    for arguments, words in (
        (command[:-2] + command[-1:], "already holds a run; choose another folder with --out"),
        ((*command[:-1], "--seed", "2", command[-1]), "a run with other data or settings"),
    ):
        answer = shrinkage(*arguments, "unfinished")
        assert answer.status == 2
        assert words in answer.err
    assert contents(here / "unfinished") == whole
    (here / "unfinished" / "summary.json").unlink()
    assert shrinkage(*command, "unfinished").status == 0
    assert without_times(here / "unfinished") == without_times(here / "missing")


def test_terms_beside_the_penalty_are_written_as_a_sum(here):
    terms = ("--with", "1e-3*l2", "--with", "0.01 * elastic-net(l1_ratio=0.3)")
    answer = shrinkage("path", "t.csv", "--target", "y", *QUICK, *terms, "--out", "run")
    assert answer.status == 0, answer.err
    expected = ["0.001 * L2() on weights()", "0.01 * ElasticNet(l1_ratio=0.3) on weights()"]
    assert summary(here / "run")["fixed"] == expected
    assert "0.001 * L2()" in (here / "run" / "report.html").read_text(encoding="utf-8")
    again = shrinkage("path", "t.csv", "--target", "y", *QUICK, "--out", "run", "--resume")
    assert again.status == 2
    assert "other data or settings" in again.err


@pytest.mark.parametrize(
    ("term", "words"),
    [
        ("l2", "--with as STRENGTH*PENALTY"),
        ("a lot*l2", "--with as STRENGTH*PENALTY"),
        ("-1*l2", "strength"),
        ("nan*l2", "strength"),
        ("1e-3*l3", "did you mean l"),
        ("1e-3*elastic-net(0.3)", "NAME=VALUE"),
        ("1e-3*elastic-net(ratio=0.3)", "l1_ratio"),
        ("1e-3*elastic-net(l1_ratio=2)", "l1_ratio"),
        ("1e-3*group-lasso(per=1)", "per"),
        ("1*l2*l1", "--with as STRENGTH*PENALTY"),
    ],
)
def test_a_bad_term_is_one_line(here, term, words):
    answer = shrinkage("path", "t.csv", "--target", "y", *QUICK, "--with", term, "--out", "run")
    assert answer.status == 2
    assert answer.err.startswith("error: ")
    assert answer.err.count("\n") == 1
    assert words in answer.err
    assert not (here / "run").exists()


def test_options_of_the_target(here):
    rows = small_columns()
    codes = ["01", "02", *(["01", "02"] * 20), "03", "03", "04", "", "", "NA"]
    table = {"a": rows["a"], "b": rows["b"], "code": codes}
    write_table(here / "codes.csv", table)
    options = ("--drop-missing-target", "--rare", "other", "--rare-below", "3")
    options += ("--class-weight", "balanced", "--model", "linear", "--out", "codes")
    answer = shrinkage("path", "codes.csv", "--target", "code", *QUICK, *options)
    assert answer.status == 0
    said = summary(here / "codes")
    assert said["target"]["dropped"] == 3
    assert said["target"]["classes"] == ["01", "02", "other"]
    assert said["target"]["merged"] == ["03", "04"]
    assert said["class_weight"] == "balanced"
    assert sum(said["classes"]["rows"]) == said["n_test"]
    predicted = shrinkage("predict", "codes", "codes.csv").out.split()[1:]
    assert set(predicted) <= {"01", "02", "other"}


@pytest.mark.parametrize("command", ["path", "select"])
def test_a_column_that_is_not_there_is_said_before_torch_is_loaded(here, command):
    code = (
        "import sys; from shrinkage.cli import main\n"
        f"sys.argv = ['shrinkage', '{command}', 't.csv', '--target', 'yy']\n"
        "def end(status): print('torch' in sys.modules); sys.exit(status)\n"
        "main.end = end; main.run()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=here, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "False\n"), done.stderr
    assert "did you mean y?" in done.stderr
