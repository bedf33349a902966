"""`shrinkage example`: the list, the exit status, and names that do not exist."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from shrinkage.cli import example
from shrinkage.errors import InputError

application = typer.Typer()
application.command("example")(example.command)


def called(*arguments: str):
    return CliRunner().invoke(application, list(arguments))


@pytest.fixture
def tiny(monkeypatch, tmp_path):
    """A folder with one script, which ends with the status of its `--data`."""
    folder = tmp_path / "scripts"
    folder.mkdir()
    (folder / "common.py").write_text("raise AssertionError('not an experiment')")
    (folder / "tiny_one.py").write_text(
        '"""Stands in.\n\nMore.\n"""\n'
        "import sys\n"
        "from pathlib import Path\n"
        "assert sys.argv[0] == __file__ and sys.path[0] == str(Path(__file__).parent)\n"
        "print(sys.argv[1:])\n"
        "sys.exit(int(sys.argv[sys.argv.index('--data') + 1]))\n"
    )
    monkeypatch.setattr(example, "FOLDERS", (tmp_path / "no such folder", folder))
    return folder


def test_the_list_names_every_experiment():
    done = called("--list")
    assert done.exit_code == 0
    assert len(example.experiments()) == 13
    for name in example.experiments():
        assert name in done.output


def test_no_name_and_an_unknown_one_are_refused():
    assert isinstance(called().exception, InputError)
    refused = called("torch_l3")
    assert isinstance(refused.exception, InputError)
    assert "torch-l1" in str(refused.exception)
    assert "--list" in str(called("zzzz").exception)


def test_the_folder_says_what_the_experiments_are(tiny):
    assert "tiny-one" in called("--list").output
    assert example.summary(tiny / "tiny_one.py") == "Stands in"
    assert list(example.experiments()) == ["tiny-one"]


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize("status", [0, 1])
def test_options_reach_the_script_and_its_status_comes_back(status, tmp_path):
    before = list(sys.argv), list(sys.path)
    folder = str(tmp_path / "deep")
    done = called("tiny-one", "--full", "--data", str(status), "--out", folder)
    assert done.exit_code == status
    assert str(["--full", "--data", str(status), "--out", folder]) in done.output
    assert (sys.argv, sys.path) == before


def test_a_missing_package_is_named(tiny):
    (tiny / "tiny_one.py").write_text("import no_such_package")
    with pytest.raises(InputError, match=r"no_such_package .* pip install 'shrinkage\[examples\]'"):
        raise called("tiny-one").exception


def test_an_installation_without_scripts_says_so(monkeypatch, tmp_path):
    monkeypatch.setattr(example, "FOLDERS", (tmp_path,))
    assert "reinstall" in str(called("--list").exception)


def test_data_are_refused_where_an_experiment_has_its_own(tmp_path):
    done = called("zero-strength", "--data", "wine", "--out", str(tmp_path / "out"))
    assert done.exit_code == 2
    assert "which is about scikit-learn's digits, got 'wine': leave --data out" in done.output
    assert not Path(tmp_path / "out").exists()
