"""`shrinkage report RUN`: draw the page and the pictures of a finished run again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from shrinkage.extras import require


def command(
    run: Annotated[
        Path,
        typer.Argument(
            metavar="RUN",
            help="Directory of a finished run, such as runs/NAME.",
            show_default=False,
        ),
    ],
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No table.")] = False,
) -> None:
    """Write report.html and figures/ of a finished run again, and show its table.

    Exit status 0: done; 2: no finished run, or one that cannot be written, said in one line.
    """
    require("paths")
    from shrinkage.cli.shown import show_result
    from shrinkage.run import load_result

    result = load_result(run)
    result.report(run)
    show_result(result, run, quiet=quiet)
