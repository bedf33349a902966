"""How much memory training may take, and how many models that is.

Who uses this: the plan, which cuts the models of a fold into chunks that fit. A cap is of the
process as a whole, with what it holds already; without one, training may take half of what is free.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch

from shrinkage.checks import is_number
from shrinkage.errors import InputError
from shrinkage.paths.engines.base import Problem
from shrinkage.paths.running.process_memory import peak_bytes, resident_bytes

SHARE_OF_FREE = 0.5
# Arrays of a weight: itself, its gradient, two moments, and what the residual takes beside them.
ARRAYS_A_WEIGHT = 6
# Rows that are judged at a time, and copies of the widest layer's outputs for them.
ROWS_AT_A_TIME, COPIES = 4096, 3

_SIZE = re.compile(r"([0-9]*\.?[0-9]+(?:e[0-9]+)?)\s*(?:([kmgt])(i?)b?|b)?", re.IGNORECASE)
_POWERS = {"k": 1, "m": 2, "g": 3, "t": 4}
_MEMINFO = Path("/proc/meminfo")
_GROUPS = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    (
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
        "/sys/fs/cgroup/memory/memory.usage_in_bytes",
    ),
)


def size_in_bytes(size: object) -> float:
    """Return a size such as `2GB`, `500 MB` or `1.5GiB`, or a number of bytes, as bytes.

    Raises:
        InputError: it is no such size, or 0.

    >>> size_in_bytes("2GB"), size_in_bytes("1.5 GiB"), size_in_bytes("300m"), size_in_bytes(1e9)
    (2000000000.0, 1610612736.0, 300000000.0, 1000000000.0)
    """
    match = _SIZE.fullmatch(size.strip()) if isinstance(size, str) else None
    value = 0.0
    if match is not None:
        number, unit, binary = match.groups()
        value = float(number) * (1024.0 if binary else 1000.0) ** _POWERS.get(
            (unit or "").lower(), 0
        )
    elif is_number(size):
        value = float(size)  # type: ignore[arg-type]
    if not 0 < value < float("inf"):
        raise InputError(
            f"expected memory as a size such as 2GB, 500MB or 1.5GiB, or a number of bytes, got "
            f"{size!r}: give such a size, or leave it out for half of what is free"
        )
    return value


def free_bytes(device: torch.device) -> float | None:
    """Return the bytes that are free for this process; None where the system does not tell.

    >>> free = free_bytes(torch.device("cpu"))
    >>> free is None or free > 0
    True
    """
    if device.type == "cuda":
        return float(torch.cuda.mem_get_info(device)[0])
    told = [_available(), *map(_left_in_group, _GROUPS), _left_of_limit()]
    return min((free for free in told if free is not None), default=None)


def _available() -> float | None:
    try:
        lines = _MEMINFO.read_text().splitlines()
    except OSError:
        return None
    kilobytes = (line.split()[1] for line in lines if line.startswith("MemAvailable:"))
    return next((1024.0 * int(number) for number in kilobytes), None)


def _left_in_group(files: tuple[str, str]) -> float | None:
    """Return what a container's limit leaves."""
    try:
        most, used = (float(Path(name).read_text()) for name in files)
    except (OSError, ValueError):  # none, or "max"
        return None
    return max(1.0, most - used)


def _left_of_limit() -> float | None:
    """Return what `ulimit -v` leaves."""
    try:
        import resource

        most = resource.getrlimit(resource.RLIMIT_AS)[0]
        pages = int(Path("/proc/self/statm").read_text().split()[0])
    except (ImportError, OSError, ValueError):
        return None
    if most == resource.RLIM_INFINITY:
        return None
    return max(1.0, most - pages * float(resource.getpagesize()))


def training_bytes(cap: float | None, device: torch.device) -> float | None:
    """Return the bytes that training may take beside what the process holds; None: no limit known.

    Args:
        cap: of the process, or on a GPU of its memory; None: half of what is free.
        device: on which the models are.
    """
    if cap is None:
        free = free_bytes(device)
        return None if free is None else SHARE_OF_FREE * free
    if device.type == "cuda":
        return max(0.0, cap - float(torch.cuda.memory_allocated(device)))
    return max(0.0, cap - (resident_bytes() or 0.0))


def cap_warning(cap: float | None, device: torch.device) -> str:
    """Return a sentence where the process has held more than its cap, else nothing."""
    most = peak_bytes()
    if cap is None or device.type == "cuda" or most is None or most <= cap:
        return ""
    return (
        f"the process has held {size_text(most)}, more than --memory of {size_text(cap)}: models "
        "are cut to fit, the table, its copies and libraries are not; give more, or fewer rows or "
        "columns"
    )


def size_text(size: float) -> str:
    """Return bytes as a person reads them.

    >>> size_text(6.4e8), size_text(5e7)
    ('0.6 GB', '50 MB')
    """
    return f"{size / 1e9:.1f} GB" if size >= 1e8 else f"{size / 1e6:.0f} MB"


def bytes_a_model(problem: Problem, rows: int) -> float:
    """Return the bytes that one more model of a stack takes: its weights, and rows in it.

    Args:
        problem: the problem.
        rows: of the fold, of which some are seen at a time.
    """
    shapes: Iterable[tuple[int, ...]] = (info.shape for info in problem.assignment.infos)
    widest = max((shape[0] for shape in shapes if len(shape) > 1), default=1)
    seen = max(problem.recipe.batch_size, min(rows, ROWS_AT_A_TIME))
    numbers = ARRAYS_A_WEIGHT * problem.n_weights + COPIES * widest * seen
    return float(numbers * np.dtype(str(problem.dtype).removeprefix("torch.")).itemsize)
