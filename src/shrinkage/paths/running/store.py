"""The state of a run that lets it go on after a kill: one small file a finished unit.

Who uses this: `fit_path`. It promises that a unit is either wholly in the store or not at all,
that a store belongs to one run (the fingerprint of its settings and data), and that a run
without a folder works the same with nothing written.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from shrinkage.atomic import TEMPORARY
from shrinkage.errors import RunDirectoryError
from shrinkage.paths.results.files import read_arrays, read_json, write_arrays, write_json
from shrinkage.paths.running.outcomes import UnitOutcome

RUN_FILE = "state/run.json"
SUMMARY_FILE = "summary.json"
FORMAT = 1


@dataclass(frozen=True)
class Store:
    """The `state` folder of a run; with `root` None nothing is kept."""

    root: Path | None

    def inside(self, name: str) -> Store:
        """Return the store of a part of the run, in a folder of its own."""
        return Store(None if self.root is None else self.root / "state" / name)

    def unit(self, name: str) -> UnitOutcome | None:
        """Return the outcome of a unit that is done, or None."""
        path = self._unit_path(name)
        if path is None or not path.exists():
            return None
        return UnitOutcome(read_arrays(path))

    def keep_unit(self, name: str, outcome: UnitOutcome) -> None:
        """Keep the outcome of a unit."""
        path = self._unit_path(name)
        if path is not None:
            write_arrays(path, outcome.values)

    def note(self, name: str) -> object | None:
        """Return a small value that was kept, or None."""
        path = self._note_path(name)
        return read_json(path) if path is not None and path.exists() else None

    def keep_note(self, name: str, value: object) -> None:
        """Keep a small value (JSON)."""
        path = self._note_path(name)
        if path is not None:
            write_json(path, value)

    def _unit_path(self, name: str) -> Path | None:
        return None if self.root is None else self.root / "state" / f"{name}.safetensors"

    def _note_path(self, name: str) -> Path | None:
        return None if self.root is None else self.root / "state" / f"{name}.json"


def is_finished(root: Path) -> bool:
    """Return whether a run directory holds a finished run; without its summary it is not.

    >>> is_finished(Path("no/such/folder"))
    False
    """
    run = root / RUN_FILE
    if not run.exists() or not (root / SUMMARY_FILE).exists():
        return False
    content = read_json(run)
    return isinstance(content, dict) and content.get("finished") is True


def open_store(root: Path | None, fingerprint: str, *, resume: bool) -> Store:
    """Return the store of a run, new or to go on with.

    Args:
        root: the run directory, or None to keep nothing.
        fingerprint: of the settings and the data.
        resume: whether to go on in a directory that holds this run.

    Raises:
        RunDirectoryError: the directory holds something else, or cannot be written.
    """
    if root is None:
        return Store(None)
    if root.exists() and not root.is_dir():
        raise RunDirectoryError(f"expected a folder for the run, but {root} is a file")
    occupied = root.is_dir() and any(not _temporary(path) for path in root.iterdir())
    if occupied and not (root / RUN_FILE).exists():
        if not _only_empty_state(root):
            raise RunDirectoryError(
                f"{root} already holds other files and no run of this library; choose an empty or "
                "new folder with --out"
            )
    elif occupied:
        _check_same(root, fingerprint, resume=resume)
        return Store(root)
    write_json(root / RUN_FILE, {"format": FORMAT, "fingerprint": fingerprint, "finished": False})
    return Store(root)


def mark_finished(store: Store, fingerprint: str) -> None:
    """Say in the store that the run is done."""
    if store.root is not None:
        write_json(
            store.root / RUN_FILE,
            {"format": FORMAT, "fingerprint": fingerprint, "finished": True},
        )


def fingerprint_of(settings: Mapping[str, object], arrays: Mapping[str, object]) -> str:
    """Return a SHA-256 over the settings (JSON) and the data (arrays or tables).

    >>> a = fingerprint_of({"seed": 0}, {"y": np.arange(3)})
    >>> a == fingerprint_of({"seed": 0}, {"y": np.arange(3)}), a == fingerprint_of({}, {})
    (True, False)
    """
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for name in sorted(arrays):
        digest.update(name.encode())
        _digest_value(digest, arrays[name])
    return digest.hexdigest()


def _digest_value(digest, value: object) -> None:
    if value is None:
        return
    if hasattr(value, "columns"):
        for column in value.columns:  # type: ignore[attr-defined]
            digest.update(str(column).encode())
            _digest_value(digest, value[column].to_numpy())  # type: ignore[index]
        return
    array = np.asarray(value)
    digest.update(f"{array.dtype}{array.shape}".encode())
    if array.dtype == object:
        digest.update("\x1f".join(map(str, array.ravel())).encode())
    else:
        times = array.dtype.kind in "mM"  # which have no buffer
        digest.update(np.ascontiguousarray(array.view("i8") if times else array).data)


def _check_same(root: Path, fingerprint: str, *, resume: bool) -> None:
    content = read_json(root / RUN_FILE)
    known = content.get("fingerprint") if isinstance(content, dict) else None
    if not resume:
        raise RunDirectoryError(
            f"{root} already holds a run; choose another folder with --out, or go on with this one "
            "with --resume"
        )
    if known != fingerprint:
        raise RunDirectoryError(
            f"{root} holds a run with other data or settings, so it cannot be resumed with these; "
            "repeat the command that began it, or choose another folder with --out"
        )


def _temporary(path: Path) -> bool:
    return path.name.startswith(TEMPORARY)


def _only_empty_state(root: Path) -> bool:
    """Return whether a kill came before the first file was in place."""
    left = [path for path in root.rglob("*") if path.is_file() and not _temporary(path)]
    return not left
