"""What a command says that a person stops in the middle: how it goes on, and the exit status."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer

from shrinkage.exits import INTERRUPTED


@contextmanager
def goes_on_in(folder: Path) -> Iterator[None]:
    """Return a context in which a stop ends the command with a line that says how to go on."""
    try:
        yield
    except KeyboardInterrupt:
        typer.echo(f"stopped; the same command with --resume goes on in {folder}", err=True)
        raise typer.Exit(INTERRUPTED) from None
