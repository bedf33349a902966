"""An interrupt that was answered ends with its status, wherever Python was when it came."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from shrinkage.cli.main import INTERRUPTED
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


def test_the_status_is_that_of_the_command(tmp_path: Path) -> None:
    (tmp_path / "interrupted.py").write_text(PROGRAM.format(status=INTERRUPTED))
    command = [sys.executable, "-m", "interrupted"]
    run = subprocess.run(command, cwd=tmp_path, env=environment(), check=False)
    assert run.returncode == INTERRUPTED
