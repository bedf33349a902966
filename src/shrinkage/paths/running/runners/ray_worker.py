"""What a worker of Ray does with the units that it is sent, and what it tells of them.

Who uses this: the runs on Ray, whose task this is. It tells its steps while it trains, and each
outcome as soon as it is there.
"""

from __future__ import annotations

import queue
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from shrinkage.errors import InputError
from shrinkage.paths.engines.base import Unit
from shrinkage.paths.running.runners.carried import Carried, Done
from shrinkage.paths.running.runners.ray_cluster import loaded_ray
from shrinkage.paths.running.runners.sent_rows import RowsOf, SentRows

TELL = 0.5  # seconds between two tellings of steps


@dataclass(frozen=True)
class Began:
    """A worker has begun: what it has installed, and where it is."""

    host: str = field(default_factory=socket.gethostname)
    torch: str = str(torch.__version__)

    def check(self) -> None:
        """Refuse a node whose sums are others.

        Raises:
            InputError: it has another torch.
        """
        if self.torch != torch.__version__:
            raise InputError(
                f"expected torch {torch.__version__} on every node of the cluster, as here, got "
                f"{self.torch} on {self.host}: install the same"
            )


@dataclass(frozen=True)
class Trained:
    """A unit that is done, and how long it took."""

    done: Done
    seconds: float


def trained(
    carried: Carried, units: Sequence[tuple[Unit, list[Any]]], most: int | None
) -> Iterator[Began | int | Trained]:
    """Yield what a worker tells while it trains some units: the task that Ray runs."""
    ray = loaded_ray()
    yield Began()
    for unit, (reference,) in units:
        rows: SentRows = ray.get(reference)
        whole = rows.unit(unit, RowsOf(ray.get, carried.work.problem.device))
        begin = time.monotonic()
        steps = 0
        for message in _messages(carried, whole, most):
            if isinstance(message, int):
                steps += message
                yield steps
            else:
                yield Trained(message, time.monotonic() - begin)


def _messages(carried: Carried, unit: Unit, most: int | None) -> Iterator[int | Done]:
    """Yield the steps of a unit, some at a time, and last the outcome; a thread trains."""
    told: queue.SimpleQueue[int] = queue.SimpleQueue()
    end: list[Done | BaseException] = []

    def train() -> None:
        try:
            end.append(carried(unit, told.put, most))
        except BaseException as error:
            end.append(error)

    thread = threading.Thread(target=train)
    thread.start()
    while thread.is_alive():
        thread.join(TELL)
        steps = sum(told.get() for _ in range(told.qsize()))
        if steps:
            yield steps
    (result,) = end
    if isinstance(result, BaseException):
        raise result
    yield result
