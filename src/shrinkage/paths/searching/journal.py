"""Optuna's journal in the run directory: a file of JSON lines that a kill cannot spoil.

Who uses this: the trials of a search. One process writes it, so there is no lock to be left behind
by a kill, and a line that a kill cut off is dropped when the run goes on. Optuna's own tools read
the file as a `JournalFileBackend`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from shrinkage.extras import needs

with needs("search"):
    import optuna
    from optuna.storages.journal import BaseJournalBackend, JournalStorage

JOURNAL = "state/search.log"


class RunJournal(BaseJournalBackend):
    """The lines of a file, or of memory where there is no run directory."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._lines: list[str] = []
        if path is not None and path.exists():
            kept = path.read_bytes()
            whole = kept[: kept.rfind(b"\n") + 1]
            if len(whole) < len(kept):
                path.write_bytes(whole)
            self._lines = whole.decode().splitlines()

    def read_logs(self, log_number_from: int) -> Iterator[dict[str, Any]]:
        """Yield the records from a number on."""
        yield from map(json.loads, self._lines[log_number_from:])

    def append_logs(self, logs: Iterable[dict[str, Any]]) -> None:
        """Write records behind the others."""
        lines = [json.dumps(log, separators=(",", ":")) for log in logs]
        if self._path is not None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("ab") as file:
                file.write("".join(f"{line}\n" for line in lines).encode())
        self._lines += lines


def open_study(root: Path | None) -> optuna.Study:
    """Return the study that a run directory holds, or a new one."""
    path = None if root is None else root / JOURNAL
    storage = JournalStorage(RunJournal(path))
    return optuna.create_study(
        storage=storage, study_name="search", direction="maximize", load_if_exists=True
    )
