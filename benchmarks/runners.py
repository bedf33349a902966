"""One path by each runner that is installed: equal summaries, and a worker killed in mid-run.

Each runner trains the same path in a process of its own, as the command line would; while it
trains, one of its workers is killed: the first process of a unit ends itself once (threads have
none to lose). Compared are summary.json without its times, the scores of every fold and the
weights, to the bit. Ray is a cluster of three nodes on this machine, Slurm is submitit's own
executor on it. `--small` writes nothing.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
import time
import warnings
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from recording import write_result

from shrinkage import L1, fit_path
from shrinkage.errors import LostWorkerWarning
from shrinkage.extras import is_installed
from shrinkage.paths.engines.stacked import StackedEngine
from shrinkage.paths.running.runners.registry import RUNNERS
from shrinkage.paths.running.runners.slurm import SlurmRunner
from shrinkage.run import PathRun

TIMES = ("wall_seconds",)
NEEDS = {"ray": "ray", "slurm": "submitit"}
DRIVER = os.getpid()


@dataclass(frozen=True)
class MortalEngine(StackedEngine):
    """Kills its process in the first unit that it trains, once; never the driver."""

    folder: str
    driver: int

    def train(self, problem, unit, advance):
        """Train a unit, or end the process."""
        mark = Path(self.folder) / "killed"
        if os.getpid() != self.driver and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().train(problem, unit, advance)


def trained(runner: str, address: str | None, folder: Path, epochs: int) -> tuple[PathRun, int]:
    """Return a path by a runner whose first worker is killed, and how many were lost."""
    from unittest import mock

    from sklearn.datasets import load_digits

    X, y = load_digits(return_X_y=True)
    engine = MortalEngine(str(folder), DRIVER)
    with (
        mock.patch("shrinkage.paths.engines.registry.StackedEngine", return_value=engine),
        warnings.catch_warnings(record=True) as told,
    ):
        warnings.simplefilter("always")
        path = fit_path(
            *("mlp:64,32", X, y),
            penalty=L1(),
            strengths=10,
            epochs=epochs,
            runner=runner,
            address=address,
            progress=False,
        )
    return path, sum(issubclass(one.category, LostWorkerWarning) for one in told)


def same(path: PathRun, other: PathRun) -> bool:
    """Return whether summaries, fold scores and weights are equal to the bit."""

    def summary(one: PathRun) -> str:
        kept = {name: value for name, value in one.summary.items() if name not in TIMES}
        return json.dumps(kept, default=str)

    weights = all(
        np.array_equal(value, other.weights[role][name])
        for role, arrays in path.weights.items()
        for name, value in arrays.items()
    )
    equal = np.array_equal(path.fold_scores, other.fold_scores)
    return summary(path) == summary(other) and equal and weights


def place_of(runner: str, folder: Path, stack: ExitStack) -> str | None:
    """Return the address of a runner, what it needs being started."""
    if runner == "slurm":
        RUNNERS["slurm"] = SlurmRunner(cluster="local")
        return str(folder / "shared")
    if runner != "ray":
        return None
    from ray.cluster_utils import Cluster  # type: ignore[import-not-found]

    paths = [entry for entry in sys.path if entry]
    os.environ["PYTHONPATH"] = os.pathsep.join(paths)  # nodes inherit it
    node = {"num_cpus": 1, "object_store_memory": 100_000_000}
    cluster = Cluster(initialize_head=True, head_node_args={**node, "include_dashboard": False})
    stack.callback(cluster.shutdown)
    cluster.add_node(**node)
    cluster.add_node(**node)
    return cluster.address


def main(small: bool) -> None:
    """Train the path by each runner, compare, and write the figures."""
    epochs, rows, expected = (4 if small else 40), [], None
    for runner in RUNNERS:
        if runner in NEEDS and not is_installed(NEEDS[runner]):
            print(f"{runner}: not installed, left out")
            continue
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            address = place_of(runner, folder, stack)
            begin = time.perf_counter()
            path, lost = trained(runner, address, folder, epochs)
            seconds = round(time.perf_counter() - begin, 1)
        expected = path if expected is None else expected
        row: dict[str, Any] = {
            "runner": runner,
            "seconds": seconds,
            "lost_workers": lost,
            "equal": same(path, expected),
        }
        rows.append(row)
        print(row, flush=True)
    if not all(row["equal"] for row in rows):
        sys.exit("MISSED: a runner gave another result")
    if not small:
        write_result("runners", {"epochs": epochs, "runners": rows})


if __name__ == "__main__":
    main("--small" in sys.argv[1:])
