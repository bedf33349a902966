"""An interrupt that was answered ends with its status, wherever Python was when it came."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from shrinkage.exits import BAD_INPUT, INTERRUPTED
from tests.processes import environment

PROGRAM = """
import sys
from shrinkage.cli import main

def interrupted(*_, **__):
    try:
        exec("raise KeyboardInterrupt")  # as where it comes while a dataclass is made
    except KeyboardInterrupt:
        return {status}

main.app = interrupted
main.run()
"""

WHILE_IMPORTING = """
import sys
from shrinkage.__main__ import main

class Interrupts:
    def find_spec(self, name, *_):
        if name == "shrinkage.cli.path":
            raise KeyboardInterrupt

sys.meta_path.insert(0, Interrupts())
main()
"""


def ended(folder: Path, program: str) -> subprocess.CompletedProcess[str]:
    """Return how a program ended."""
    (folder / "interrupted.py").write_text(program)
    command = [sys.executable, "-m", "interrupted"]
    return subprocess.run(
        command, cwd=folder, env=environment(), check=False, capture_output=True, text=True
    )


def test_the_status_is_that_of_the_command(tmp_path: Path) -> None:
    assert ended(tmp_path, PROGRAM.format(status=INTERRUPTED)).returncode == INTERRUPTED


def test_a_command_is_stopped_before_it_is_there(tmp_path: Path) -> None:
    run = ended(tmp_path, WHILE_IMPORTING)
    assert (run.returncode, run.stdout, run.stderr) == (INTERRUPTED, "", "stopped\n")


WHILE_READING = """
import sys
from shrinkage.__main__ import main
from shrinkage.datasets import load

def interrupted(*_, **__):
    raise KeyboardInterrupt

load.open_table = load.load_dataset = interrupted
sys.argv = ["shrinkage", {command!r}, "t.csv", "--target", "y"]
main()
"""


def test_a_stop_while_data_are_read_is_one_line(tmp_path: Path) -> None:
    run = ended(tmp_path, WHILE_READING.format(command="data"))
    assert (run.returncode, run.stdout, run.stderr.strip()) == (INTERRUPTED, "", "stopped")


WHILE_NUMPY_LOADS = """
import runpy
import sys

class Interrupts:
    def find_spec(self, name, *_):
        if name == "numpy":
            raise KeyboardInterrupt

sys.meta_path.insert(0, Interrupts())
sys.argv = ["shrinkage", "data", "digits"]
runpy.run_module("shrinkage", run_name="__main__")
"""


def test_a_command_is_stopped_while_numpy_loads(tmp_path: Path) -> None:
    run = ended(tmp_path, WHILE_NUMPY_LOADS)
    assert (run.returncode, run.stdout, run.stderr) == (INTERRUPTED, "", "stopped\n")


WITHOUT_MEMORY = """
import sys
from shrinkage.__main__ import main

class Fails:
    def find_spec(self, name, *_):
        if name == "pyarrow.lib":
            raise ImportError("lib.so: failed to map segment from shared object")

sys.meta_path.insert(0, Fails())
sys.argv = ["shrinkage", "data", "t.csv"]
main()
"""


def test_memory_that_is_lacking_is_bad_input(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,b\n1,2\n")
    run = ended(tmp_path, WITHOUT_MEMORY)
    assert (run.returncode, run.stdout) == (BAD_INPUT, "")
    assert run.stderr.startswith("error: expected more memory than this process may have")
    assert run.stderr.count("\n") == 1
