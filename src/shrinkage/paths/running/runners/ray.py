"""Units on a Ray cluster, or on a Ray of this machine.

Who uses this: paths that leave the machine. The rows of a fold are put into the object store once,
and units travel in packs (`ray_packs.py`), of which a worker tells as it trains
(`ray_worker.py`), so that a lost one costs the unit that it was at.
"""

from __future__ import annotations

from typing import Any

import torch

from shrinkage.extras import require
from shrinkage.paths.engines.base import Engine
from shrinkage.paths.running.outcomes import UnitOutcome
from shrinkage.paths.running.runners.base import Errand
from shrinkage.paths.running.runners.ray_cluster import joined, loaded_ray, processors
from shrinkage.paths.running.runners.ray_packs import PackedRun


class RayRunner:
    """Runs units as tasks of Ray; the run directory is written here alone."""

    name = "ray"

    def __init__(self, *, ours: bool = False) -> None:
        self._ours = ours
        self._kept: dict[str, Any] = {}

    def at(self, address: str | None) -> RayRunner:
        """Return a runner that is connected to a cluster, or to a Ray of this machine.

        Raises:
            MissingExtra: Ray is not installed.
            InputError: no cluster is at the address.
        """
        require("ray")
        return RayRunner(ours=joined(address))

    def workers(self, engine: Engine) -> int:
        """Return how many units the processors of the cluster have room for."""
        cpus, _ = processors()
        return max(1, int(cpus // (1 if engine.side_by_side else torch.get_num_threads())))

    def run(self, errand: Errand) -> list[UnitOutcome]:
        """Return the outcomes in order, each kept as soon as it is there."""
        run = PackedRun(self._kept, errand)
        try:
            run.to_the_end()
        finally:
            run.cancel()
        return [run.outcomes[job.name] for job in errand.jobs]

    def close(self) -> None:
        """Leave the cluster, where this runner has joined it."""
        ray = loaded_ray()
        self._kept.clear()
        if self._ours:
            ray.shutdown()
