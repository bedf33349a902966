"""All strengths of a user's network at once against one after the other, and what is chosen.

Two folds of 21 models of each network, few epochs, by the runner of paths: engines are alternated
in one run, so that what else the machine does meets both. `chosen` is the engine that a path takes
by its own short measurement, made before; `chosen_over_sequential` is its time over that of one
model after the other, and 1 where that is what it takes.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from statistics import median

import numpy as np
import torch
from any_networks import NETWORKS, Network
from recording import write_result

from shrinkage import L1
from shrinkage.paths import PathOptions
from shrinkage.paths.engines.base import Engine
from shrinkage.paths.engines.sequential import SequentialEngine
from shrinkage.paths.engines.vectorizing.comparing import obstacle
from shrinkage.paths.engines.vectorizing.engine import VectorizedEngine
from shrinkage.paths.engines.vectorizing.traits import traits_of
from shrinkage.paths.own_sets import dataset_of
from shrinkage.paths.running.engine_choice import with_engine
from shrinkage.paths.running.outcomes import UnitOutcome
from shrinkage.paths.running.plan import Plan, make_plan
from shrinkage.paths.running.runners.base import Errand, Work
from shrinkage.paths.running.store import Store

STRENGTHS = tuple(np.geomspace(1e-6, 1e-2, 20).tolist())
FOLDS, REPEATS = 2, 3


def plan_of(network: Network) -> Plan:
    """Return the plan of a network's path, its engine open."""
    X, y = network.rows()
    data, _ = dataset_of(
        X, y, task=None, groups=None, sample_weight=None, validation=None, test=None
    )
    options = PathOptions(
        strengths=STRENGTHS, folds=FOLDS, epochs=network.epochs, batch_size=network.batch
    )
    return make_plan(network.build, data, L1(), options)


def seconds(plan: Plan, engine: Engine) -> tuple[float, list[UnitOutcome]]:
    """Return the seconds of both folds, and their outcomes."""
    own = replace(plan, engine=engine, watched=False)
    terms = plan.problem.terms
    settings = terms.unregularized + terms.settings((value,) for value in STRENGTHS)
    begin = time.perf_counter()
    work, jobs = Work(engine, own.problem), own.jobs(0, settings)
    outcomes = own.runner.run(Errand(work, jobs, own.unit, keep=_ignored, advance=_ignored))
    return time.perf_counter() - begin, outcomes


def _ignored(*_: object) -> None:
    """Keep and tell nothing."""


def compare(network: Network) -> dict[str, object]:
    """Return what both engines take, and which one a path chooses."""
    plan = plan_of(network)
    with torch.random.fork_rng(devices=[]):
        chosen = with_engine(plan, Store(None))
        traits = traits_of(plan.problem, plan.refit_unit)
        reason = obstacle(plan.problem, plan.refit_unit, traits)
        if reason:
            return {"chosen": chosen.engine.name, "reason": reason, "chosen_over_sequential": 1.0}
        times: dict[str, list[float]] = {"vectorized": [], "sequential": []}
        losses = {}
        for _ in range(REPEATS):
            for engine in (VectorizedEngine(traits), SequentialEngine()):
                passed, outcomes = seconds(plan, engine)
                times[engine.name].append(passed)
                losses[engine.name] = np.concatenate(
                    [outcome.values["validation_loss"] for outcome in outcomes]
                )
    pairs = zip(times["vectorized"], times["sequential"], strict=True)
    ratio = median(together / alone for together, alone in pairs)
    return {
        "chosen": chosen.engine.name,
        "reason": chosen.why_engine,
        "vectorized_over_sequential": round(ratio, 3),
        "chosen_over_sequential": round(ratio, 3) if chosen.engine.name == "vectorized" else 1.0,
        "seconds": {name: [round(own, 3) for own in values] for name, values in times.items()},
        "largest_difference_of_losses": float(
            np.abs(losses["vectorized"] - losses["sequential"]).max()
        ),
    }


def main(networks: Callable[[], tuple[Network, ...]] = lambda: NETWORKS) -> None:
    """Compare the engines on each network."""
    figures = {}
    for network in networks():
        figures[network.name] = compare(network)
        told = figures[network.name]
        print(f"{network.name}: {told['chosen']}, {told['reason']}; {told}", flush=True)
    write_result("any_network", figures)


if __name__ == "__main__":
    main()
