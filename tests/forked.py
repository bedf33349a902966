"""The command line in a process of its own that has its modules from the start.

To import them takes longer than a small run. A server imports them once and forks a process for
each call; the test that started it may kill the process at any moment.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from multiprocessing.process import BaseProcess
from pathlib import Path

# What `shrinkage path` needs, and the import of torch, scikit-learn and Matplotlib in it.
MODULES = (
    "shrinkage.cli.main",
    "shrinkage.paths.fit",
    "shrinkage.paths.running.preparation",
    "shrinkage.reports.write",
    "shrinkage.run",
)


def _command_line(words: list[str], errors: str, variables: dict[str, str]) -> None:
    os.environ.update(variables)
    # A suite that was started in the background ignores Ctrl-C, and its children would, too.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for stream, path in ((1, os.devnull), (2, errors)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), stream)
    sys.argv = ["shrinkage", *words]
    from shrinkage.__main__ import main

    main()


def started(*words: object, errors: Path | str = os.devnull) -> BaseProcess:
    """Start `shrinkage WORDS`; what it says to the error stream goes to a file."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(MODULES))  # which the first process that starts reads
    process = context.Process(
        target=_command_line, args=([*map(str, words)], str(errors), {"OMP_NUM_THREADS": "1"})
    )
    process.start()
    return process
