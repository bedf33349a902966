"""How a long run tells that it is alive: a bar with the time left, or silence.

Who uses this: `fit_path`. The bar is rich's; without rich, or when the error stream is no
terminal, nothing is drawn.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol


class Progress(Protocol):
    """What `fit_path` tells while it works."""

    def stage(self, name: str, steps: int) -> None:
        """Begin a stage of `steps` steps."""
        ...

    def advance(self, steps: int) -> None:
        """Report steps that are done."""
        ...

    def say(self, text: str) -> None:
        """Show a line above the bar."""
        ...


@dataclass(frozen=True)
class Silent:
    """Tells nothing."""

    def stage(self, name: str, steps: int) -> None:
        """Do nothing."""

    def advance(self, steps: int) -> None:
        """Do nothing."""

    def say(self, text: str) -> None:
        """Do nothing."""


@dataclass(frozen=True)
class Within:
    """Tells the stages of a part of a larger run, the part's name in front."""

    outer: Progress
    name: str

    def stage(self, name: str, steps: int) -> None:
        """Begin a stage."""
        self.outer.stage(f"{self.name}: {name}", steps)

    def advance(self, steps: int) -> None:
        """Report steps."""
        self.outer.advance(steps)

    def say(self, text: str) -> None:
        """Show a line."""
        self.outer.say(f"{self.name}: {text}")


class _Bar:
    """A rich progress bar; each stage gets its own line."""

    def __init__(self, progress, *, quiet_text: bool) -> None:
        self._progress = progress
        self._task = None
        self._quiet_text = quiet_text

    def stage(self, name: str, steps: int) -> None:
        if self._task is not None:
            self._progress.stop_task(self._task)
        self._task = self._progress.add_task(name, total=steps)

    def advance(self, steps: int) -> None:
        if self._task is not None:
            self._progress.advance(self._task, steps)

    def say(self, text: str) -> None:
        if not self._quiet_text:
            self._progress.console.print(text, markup=False, highlight=False)


@contextmanager
def progress_bar(show: bool | None = None) -> Iterator[Progress]:
    """Yield a progress: a bar on the error stream, or silence.

    Args:
        show: True for a bar, False for silence, None for a bar when a terminal watches.
    """
    try:
        from rich import progress as rich_progress
        from rich.console import Console
    except ImportError:
        yield Silent()
        return
    watched = sys.stderr.isatty() if show is None else show
    if not watched:
        yield Silent()
        return
    console = Console(stderr=True)
    bar = rich_progress.Progress(
        rich_progress.TextColumn("{task.description}", markup=False),
        rich_progress.BarColumn(),
        rich_progress.TaskProgressColumn(),
        rich_progress.TimeElapsedColumn(),
        rich_progress.TextColumn("left"),
        rich_progress.TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    )
    with bar:
        yield _Bar(bar, quiet_text=False)
