"""`shrinkage report RUN`: draw the page and the pictures of a finished run again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from shrinkage.extras import require


def command(
    run: Annotated[Path, typer.Argument(help="Run directory.", show_default=False)],
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No table.")] = False,
) -> None:
    """Write report.html and figures/ of a finished run again, and show its table."""
    require("paths")
    from shrinkage.cli.shown import show_result
    from shrinkage.run import load_result

    result = load_result(run)
    result.report(run)
    show_result(result, run, quiet=quiet)
