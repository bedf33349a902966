"""Keep a run in its folder: begun or gone on with, timed, written, marked as finished.

Who uses this: `shrinkage.run`, `shrinkage.surfaces`, `shrinkage.searches` and
`shrinkage.stability`, whatever they train. A run without a folder works the same, with nothing
written; the user's random numbers go on as if nothing had been trained.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from shrinkage.errors import InputError
from shrinkage.extras import needs

with needs("paths"):
    import numpy as np
    import torch

    from shrinkage.datasets import Dataset
    from shrinkage.paths.choosing.scores import scoring_quietly
    from shrinkage.paths.running.plan import Plan, identity_of_data
    from shrinkage.paths.running.progress import Progress, progress_bar
    from shrinkage.paths.running.store import (
        Store,
        fingerprint_of,
        is_finished,
        mark_finished,
        open_store,
    )
    from shrinkage.pytorch.modes import learning


class Written(Protocol):
    """A result that writes itself into a folder."""

    def write(self, folder: Path) -> None:
        """Write it, what says that it is whole last."""
        ...


Result = TypeVar("Result", bound=Written)


@dataclass(frozen=True)
class OpenRun:
    """A run whose settings and data are known: its state, and the fingerprint that it has."""

    state: Store
    fingerprint: str

    @property
    def finished(self) -> Path | None:
        """Return the folder where it has the result already, else None."""
        root = self.state.root
        return root if root is not None and is_finished(root) else None

    def keep(self, result: Result) -> Result:
        """Write the result, mark the run as finished, and return the result."""
        if self.state.root is not None:
            result.write(self.state.root)
            mark_finished(self.state, self.fingerprint)
        return result


@dataclass(frozen=True)
class RunFolder:
    """Where a run is kept, None for nowhere, and the bar that shows how far it is."""

    root: Path | None
    resume: bool
    bar: Progress
    closing: ExitStack
    begin: float

    @property
    def seconds(self) -> float:
        """Return the seconds since the run began."""
        return round(time.perf_counter() - self.begin, 2)

    def closes(self, plan: Plan) -> Plan:
        """Return the plan, whose runner gives back at the end what it took."""
        self.closing.callback(plan.runner.close)
        return plan

    def open(
        self, plan: Plan, data: Dataset, validation: np.ndarray | None = None, **identity: object
    ) -> OpenRun:
        """Begin the run, or go on with it.

        Args:
            plan: what is trained.
            data: the dataset.
            validation: positions of a validation set of the user's own.
            **identity: what else makes it another run (JSON).

        Raises:
            RunDirectoryError: the folder holds something else, or cannot be written.
        """
        fingerprint = ""
        if self.root is not None:
            arrays = identity_of_data(data, validation)
            fingerprint = fingerprint_of({**plan.identity(), **identity}, arrays)
        return OpenRun(open_store(self.root, fingerprint, resume=self.resume), fingerprint)


@contextmanager
def run_folder(
    root: Path | None, *, resume: bool = False, progress: bool | None = None
) -> Iterator[RunFolder]:
    """Return a context in which a run is trained and kept.

    Args:
        root: the run directory, or None to keep nothing.
        resume: go on with the run in it.
        progress: show a bar; None shows it when a terminal watches.

    Raises:
        InputError: nothing is kept that could be gone on with.
    """
    if resume and root is None:
        raise InputError("expected a folder to go on in for resume=True, got none: give store=")
    with ExitStack() as closing:
        begin = time.perf_counter()
        closing.enter_context(torch.random.fork_rng(devices=[]))
        closing.enter_context(learning())
        closing.enter_context(scoring_quietly())
        bar = closing.enter_context(progress_bar(progress))
        yield RunFolder(root, resume, bar, closing, begin)
