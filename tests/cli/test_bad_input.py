"""Bad input: one line that says what was expected, what it got, what to do; status 2; no files."""

from __future__ import annotations

import errno
import re
import struct
import subprocess
import sys

import numpy as np
import pytest

from shrinkage import atomic
from tests.cli.command_line import QUICK, contents, refused, shrinkage, small_columns, write_table


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An own folder to work in, with one sound table."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "bad_factories", raising=False)
    write_table(tmp_path / "t.csv", small_columns())
    return tmp_path


def path(data: str, *options: object) -> tuple[object, ...]:
    own_strengths = any(str(option).startswith("--strengths") for option in options)
    return ("path", data, *QUICK[2 if own_strengths else 0 :], "--out", "run", *options)


NUMBERS = [f"{value:.3f}" for value in np.random.default_rng(0).normal(size=30)]


def lines(head: str, second: list[object]) -> bytes:
    rows = [f"{a},{b}" for a, b in zip(NUMBERS, second, strict=True)]
    return "\n".join([head, *rows, ""]).encode()


CLASSES: list[object] = [i % 2 for i in range(30)]
BAD_TABLES = {
    "empty file": (b"", "expected a table", "empty file", "check the path"),
    "not text": (bytes(range(256)), "UTF-8", "unreadable", "save it again"),
    "no header": (lines("1.5,0", CLASSES), "column names in the first row", "1.5, 0", "--no"),
    "only a header": (b"a,y\n", "rows below the header", "got none", "add data"),
    "one column": (b"y\n1\n2\n", "at least 2 columns", "got 1", "separated"),
    "ragged rows": (b"a,y\n1,2\n3,4,5\n6\n", "2 cells", "data row 2 (line 3) has 3", "add or"),
    "equal names": (b"a,a,y\n1,2,3\n", "different column names", "'a' 2 times", "rename"),
    "no such target": (lines("a,label", CLASSES), "column 'y' (target)", "there are 'a'"),
    "empty target": (lines("a,y", [""] * 30), "target 'y'", "expected", "missing", "fill or"),
    "missing in target": (lines("a,y", ["", *CLASSES[1:]]), "data row 1 (line 2)", "missing"),
    "constant target": (lines("a,y", [1] * 30), "two different values", "only 1", "another"),
    "NaN in target": (lines("a,y", ["nan", *NUMBERS[1:]]), "target 'y'", "line 2", "'nan'", "fill"),
    "infinite target": (lines("a,y", ["inf", *NUMBERS[1:]]), "'y'", "line 2", "finite", "'inf'"),
    "a class that is missing": (lines("a,y", ["NA", *CLASSES[1:]]), "'NA'", "--drop-missing"),
    "a word among numbers": (lines("a,y", ["x", *NUMBERS[1:]]), "'x'", "29 of its 30", "correct"),
    "constant inputs": (b"a,y\n" + b"1,0\n1,1\n" * 9, "varies", "got none of 'a'", "other"),
}


@pytest.mark.parametrize("case", BAD_TABLES)
def test_bad_tables(here, case):
    content, *pieces = BAD_TABLES[case]
    (here / "bad.csv").write_bytes(content)
    refused(here, path("bad.csv", "--target", "y"), *pieces)


def test_a_cell_that_is_no_number_is_named_by_row_and_column(here):
    cells = [*NUMBERS[:4], "<b>oops</b>", *NUMBERS[5:]]
    rows = [f"{cell},{i % 2}" for i, cell in enumerate(cells)]
    (here / "bad.csv").write_text("\n".join(["weird name,y", *rows]))
    pieces = ("column 'weird name'", "data row 5 (line 6)", "number", "'<b>oops</b>'", "correct")
    refused(here, path("bad.csv", "--target", "y"), *pieces)


def test_bad_cells_of_a_test_file_name_it_before_anything_is_trained(here):
    columns = small_columns()
    for cells in ({"a": ["oops", *columns["a"][1:]]}, {"y": ["", *columns["y"][1:]]}):  # type: ignore[index]
        write_table(here / "new.csv", {**columns, **cells})
        for option in ("--test", "--validation"):
            bad = path("t.csv", "--target", "y", option, "new.csv")
            refused(here, bad, f"{option[2:]} rows 'new.csv'", "data row 1")


@pytest.mark.parametrize(
    ("data", "pieces"),
    [
        ("nowhere.csv", ("does not exist", "built-in are digits")),
        ("t.cvs", ("does not exist", "did you mean t.csv?")),
        ("dgits", ("did you mean digits",)),
        ("", ("expected a file", "got no name", "give one")),
        ("notes.txt", ("'notes.txt'", "got none", "add data")),
        (".", ("train-images-idx3-ubyte", "'t.csv'", "name a file")),
        ("broken.parquet", ("expected a Parquet file", "write it again")),
        ("openml:", ("openml:NAME", "got no name", "see openml.org")),
    ],
)
def test_data_that_is_not_there_or_not_data(here, data, pieces):
    for name in ("notes.txt", "broken.parquet"):
        (here / name).write_text("no table")
    refused(here, path(data, "--target", "y"), *pieces)


def idx(magic: int, *sizes: int, values: int) -> bytes:
    return struct.pack(f">{1 + len(sizes)}I", magic, *sizes) + bytes(values)


LABELS = idx(2049, 6, values=6)
IMAGES = idx(2051, 6, 2, 2, values=24)
BAD_IDX = {
    "wrong magic number": (idx(2052, 6, 2, 2, values=24), LABELS, "magic number 2051", "2052"),
    "truncated": (IMAGES[:-3], LABELS, "whole IDX file", "37 of 40 bytes", "download"),
    "truncated header": (IMAGES[:9], LABELS, "whole IDX file", "9 of 16 bytes", "download"),
    "counts differ": (IMAGES, idx(2049, 5, values=5), "6 images", "5 labels", "pair that belongs"),
    "empty file": (b"", LABELS, "expected an IDX file", "0 bytes", "download"),
}


@pytest.mark.parametrize("case", BAD_IDX)
def test_bad_idx_folders(here, case):
    images, labels, *pieces = BAD_IDX[case]
    (here / "idx").mkdir()
    (here / "idx" / "train-images-idx3-ubyte").write_bytes(images)
    (here / "idx" / "train-labels-idx1-ubyte").write_bytes(labels)
    refused(here, path("idx"), "expected", "got", *pieces)


@pytest.mark.parametrize(
    ("arrays", "pieces"),
    [
        ({"X": np.array([{}, {}]), "y": [0, 1]}, ("plain arrays", "pickled objects", "save")),
        ({"X": np.eye(4)}, ("array 'y' (target)", "got 'X'", "save it under that name")),
        ({"X": np.eye(4), "y": [0, 1, 0]}, ("(4,)", "got (3,)", "one value per row")),
    ],
    ids=["pickled objects", "no y", "other length"],
)
def test_bad_npz_files(here, arrays, pieces):
    np.savez("bad.npz", **arrays)
    refused(here, path("bad.npz"), "expected", *pieces)


BAD_OPTIONS = {
    "negative strength": ("--strengths -1,2", "finite and not negative", "got -1"),
    "NaN strength": ("--strengths nan,2", "finite and not negative", "got nan"),
    "infinite strength": ("--strengths 1,1e999", "finite and not negative", "got inf"),
    "unsorted strengths": ("--strengths 0.2,0.1", "ascending order", "got 0.2,0.1"),
    "equal strengths": ("--strengths 0.1,0.1", "ascending order", "got 0.1,0.1"),
    "many strengths": ("--strengths 1000000", "at most 1000", "got 1000000"),
    "one strength": ("--strengths 1", "at least 2", "got 1: give how many, or", "(0.01,)"),
    "no strengths": ("--strengths=", "count of at least 2 or an ascending comma list", "got ''"),
    "text strengths": (
        "--strengths 0.1,many",
        "comma list of numbers",
        "'0.1,many'",
        "0.01 for one strength",
    ),
    "one fold": ("--folds 1", "folds as a whole number of at least 2", "got 1"),
    "many folds": (
        "--folds 1000",
        "as many folds as rows to train on",
        "1000 folds",
        "fewer folds",
    ),
    "folds as text": ("--folds two", "'--folds'", "valid integer", "see shrinkage path -h"),
    "large batch": ("--batch-size 1000", "at most the 19", "got 1000", "smaller --batch-size"),
    "empty batch": ("--batch-size 0", "at least 1", "got 0"),
    "no epochs": ("--epochs 0", "epochs", "at least 1", "got 0"),
    "test share": ("--test-size 2", "test_size as a number of at least 0 and below 1", "got 2.0"),
    "negative seed": ("--seed -1", "seed", "at least 0", "got -1"),
    "large seed": ("--seed 5000000000", "seed", "at most 4294967295", "got 5000000000"),
    "learning rate": ("--learning-rate nan", "finite number above 0", "got nan", "default"),
    "penalty": (
        "--penalty laso",
        "penalty of l1, l2",
        "'laso'",
        "did you mean lasso or lassonet or group-lasso?",
    ),
    "penalty beside": ("--with 1*rigde", "penalty of l1, l2", "'rigde'", "did you mean ridge?"),
    "foreign option": ("--per input", "--per does not belong to the penalty l1", "leave it out"),
    "l1 ratio": ("--penalty elastic-net --l1-ratio 2", "from 0 to 1", "got 2.0", "L2 alone"),
    "model": ("--model mlp", "unknown model 'mlp'", "linear, mlp:64,32", "did you mean"),
    "empty model": ("--model mlp:", "whole numbers behind mlp:", "got ''", "mlp:64,32"),
    "model of text": ("--model mlp:a", "whole numbers behind mlp:", "got 'a'", "mlp:64,32"),
    "dropout": ("--model mlp:64;dropout=2", "dropout in [0, 1)", "got 2"),
    "activation": ("--activation swish", "'swish'", "relu, gelu, tanh", "choose one"),
    "huge model": ("--model mlp:99999999999999", "cannot be made", "choose a smaller one"),
    "linear dropout": ("--model linear --dropout 0.1", "belongs to mlp models", "leave it out"),
    "device": ("--device gpu", "device 'gpu' cannot be used here", "expected auto, cpu"),
    "device without data": ("--device meta", "'meta' cannot be used here", "expected auto, cpu"),
    "update": ("--update sgd", "unknown update 'sgd'", "proximal, decoupled", "choose one"),
    "engine": ("--engine vmap", "unknown engine", "auto, stacked, vectorized, sequential"),
    "precision": ("--precision half", "unknown precision", "auto, float32, bfloat16"),
    "refit": ("--refit some", "unknown refit", "chosen, all"),
    "scorer": ("--score acuracy", "unknown scorer 'acuracy'", "did you mean accuracy"),
    "task": ("--task clasification", "classification or regression", "did you mean"),
    "text regression": ("--task regression", "numbers for regression", "text such as", "another"),
    "dropped target": ("--drop y", "one role for column 'y'", "name it once"),
    "all dropped": ("--drop a,b,g", "one input column", "got none", "drop fewer"),
    "drop nothing": ("--drop z", "column 'z' (drop)", "got none", "there are 'a'"),
    "target splits": ("--split-by y", "one role for column 'y'", "name it once"),
    "no groups": ("--split-by z", "column 'z' (split_by)", "got none", "there are 'a'"),
    "every row a group": ("--split-by a", "that several rows share", "a different one in every"),
    "weights of text": ("--sample-weight g", "sample weights 'g'", "text such as", "numeric"),
    "negative weights": ("--sample-weight a", "at least 0", "correct it"),
    "validation": ("--validation no.csv", "'no.csv'", "does not exist"),
    "other columns": ("--validation other.csv", "validation rows", "'b' is missing", "same kind"),
    "own and split": ("--validation t.csv --split-by g", "groups", "got both", "leave one out"),
    "unknown label": ("--test labels.csv", "'labels.csv'", "'sideways'", "remove those rows"),
    "positive label": ("--positive sideways", "one of the two labels", "'sideways'", "'down'"),
    "no positive label": ("--score f1", "cannot score", "--positive", "say which class"),
    "rare below": ("--rare-below 5", "rare='other'", "give both"),
    "class weight": ("--class-weight heavy", "balanced, none", "'heavy'"),
    "missing target": ("--missing-target guess", "refuse, drop, class"),
    "no such option": ("--strenghts 3", "--strenghts", "see shrinkage path -h"),
}


@pytest.mark.parametrize("case", BAD_OPTIONS)
def test_bad_options(here, case):
    text, *pieces = BAD_OPTIONS[case]
    columns = small_columns()
    write_table(here / "other.csv", {name: columns[name] for name in "agy"})
    labels = np.where(np.arange(48) == 7, "sideways", columns["y"])  # type: ignore[arg-type]
    write_table(here / "labels.csv", {**columns, "y": labels})
    refused(here, path("t.csv", "--target", "y", *text.split()), *pieces)


def test_bad_commands(here):
    refused(here, ("nope",), "No such command 'nope'", "see shrinkage -h")
    refused(here, ("path",), "Missing argument", "see shrinkage path -h")
    refused(here, path("t.csv"), "name of the target column", "--target", "there are 'a'")


FACTORIES = """
import sys
import torch

def raises(inputs, outputs):
    raise RuntimeError("first line\\nsecond [red]line[/red]")

def ends(inputs, outputs):
    sys.exit(7)

def nothing(inputs, outputs):
    return None

def wide(inputs, outputs):
    return torch.nn.Linear(inputs, outputs + 1)

def pictures(inputs, outputs):
    return torch.nn.Conv2d(1, 2, 3)

def frozen(inputs, outputs):
    return torch.nn.Linear(inputs, outputs).requires_grad_(False)

number = 3
"""


@pytest.mark.parametrize(
    ("function", "pieces"),
    [
        ("raises", ("raised RuntimeError: first line second [red]line[/red]", "is called with")),
        ("ends", ("raised SystemExit: 7", "called with (n_inputs, n_outputs) = (14, 2)")),
        ("nothing", ("must return a torch.nn.Module", "got NoneType", "end the function")),
        ("wide", ("must map (rows, 14) to (rows, 2)", "got (2, 3)")),
        ("pictures", ("fails on a batch of shape (2, 14)", "RuntimeError", "rows of numbers")),
        ("frozen", ("no parameter to train", "requires_grad")),
        ("number", ("no function 'number'",)),
        ("wid", ("no function 'wid'", "did you mean wide?")),
    ],
)
def test_bad_model_factories(here, function, pieces):
    (here / "bad_factories.py").write_text(FACTORIES)
    refused(here, path("t.csv", "--target", "y", "--model", f"bad_factories:{function}"), *pieces)


@pytest.mark.parametrize("content", ["import sys; sys.exit(3)", "def (:", "import no_such_module"])
def test_modules_that_cannot_be_imported(here, content):
    (here / "bad_module.py").write_text(content)
    bad = path("t.csv", "--target", "y", "--model", "bad_module:make")
    refused(here, bad, "cannot import 'bad_module'", "run from the folder that holds it")


@pytest.mark.parametrize("resume", [(), ("--resume",)])
def test_a_folder_with_foreign_files(here, resume):
    (here / "run").mkdir()
    (here / "run" / "thesis.txt").write_text("mine")
    bad = path("t.csv", "--target", "y", *resume)
    refused(here, bad, "run already holds other files", "empty or new folder with --out")


def test_an_output_that_is_a_file_or_below_one(here):
    (here / "run").write_text("a file")
    refused(here, path("t.csv", "--target", "y"), "expected a folder", "run is a file")
    below = path("t.csv", "--target", "y", "--out", "run/below")
    refused(here, below, "cannot write run.json", "choose another folder")


@pytest.mark.parametrize("code", [errno.EROFS, errno.EACCES], ids=["read-only", "no permission"])
def test_a_folder_that_cannot_be_written(here, monkeypatch, code):
    def denied(*_, **__):
        raise OSError(code, "denied by the test")

    monkeypatch.setattr(atomic.tempfile, "mkstemp", denied)
    answer = shrinkage(*path("t.csv", "--target", "y"))
    assert answer.status == 2
    assert re.fullmatch(r"error: cannot write run.json .*denied by the test.*\n", answer.err)
    assert not [name for name, content in contents(here / "run").items() if content is not None]


@pytest.mark.parametrize("operation", ["fsync", "replace"])
def test_a_full_disk_leaves_no_file(here, monkeypatch, operation):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    holder = atomic.os if operation == "fsync" else atomic.Path
    monkeypatch.setattr(holder, operation, full)
    answer = shrinkage(*path("t.csv", "--target", "y"))
    assert answer.status == 2
    assert re.fullmatch(r"error: .*\(No space left on device\); make room .*\n", answer.err)
    assert not [name for name, content in contents(here / "run").items() if content is not None]


def test_errors_of_the_file_system_are_one_line(here, monkeypatch):
    def broken(*_, **__):
        raise OSError(errno.EIO, "Input/output\u2028error\nof the test", "t.csv")

    monkeypatch.setattr("shrinkage.datasets.load_dataset", broken)
    refused(here, path("t.csv"), "Input/output error of the test (t.csv)", "check the path")


def test_a_message_stays_one_line_whatever_it_holds(here):
    refused(here, path("t.csv", "--target", "a\u2028b\rc\x85d\ne"), "expected a column")
    refused(here, path("no\u2028such\nfile.csv"), "does not exist")


@pytest.mark.slow
def test_a_real_process_ends_with_status_2_and_one_line(tmp_path):
    command = [sys.executable, "-m", "shrinkage", "path", "nowhere.csv", "--target", "y"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stdout == ""
    assert re.fullmatch(r"error: expected a file.*'nowhere.csv'.*\n", done.stderr)
    assert not list(tmp_path.iterdir())
