"""A step of 100 networks on a GPU against that of one network whose step is a CUDA graph.

MLP 784-64-32-10, batch 128, elastic net, random rows that lie on the card. The single network is
what a careful person writes: rows resident, fused Adam, the whole step captured and replayed,
without a penalty. The 100 networks are the stacked engine as a path uses it, in float32 and, where
the card has it, in bfloat16. Steps are timed by events, alternated, in one run of under five
minutes, compilation included; the weights of both routes of the engine are compared with those of
the CPU first. Without a GPU this says so and ends with status 0.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from statistics import median
from typing import Any

import numpy as np
import torch
from recording import write_result
from torch import nn

from shrinkage import ElasticNet
from shrinkage.datasets.dataset import Dataset
from shrinkage.paths import PathOptions
from shrinkage.paths.engines.base import Problem, Unit, template
from shrinkage.paths.engines.moving import Optimizer
from shrinkage.paths.engines.network import StackedNetwork
from shrinkage.paths.engines.precision import is_there
from shrinkage.paths.engines.stacked import StackedEngine, _parts, _positions
from shrinkage.paths.engines.stepping import WARM_UP, Steps, steps_of
from shrinkage.paths.running.plan import make_plan

MODELS, ROWS, GOAL = 100, 40_000, 3.0  # an epoch of a fold has 125 batches
STEPS, ROUNDS = 100, 9


def problem_of(device: str, models: int, rows: int) -> tuple[Problem, Unit]:
    """Return a path's problem, and a unit of so many strengths on random rows."""
    random = np.random.default_rng(0)
    data = Dataset(
        "random",
        random.random((rows, 784), np.float32),
        random.integers(0, 10, rows),
        "classification",
        tuple(map(str, range(784))),
    )
    options = PathOptions(device=device, epochs=20, folds=2, precision="float32")
    plan = make_plan("mlp:64,32", data, ElasticNet(0.3), options)
    strengths = (0.0, *np.geomspace(1e-6, 1e-2, models - 1).tolist())
    settings = plan.problem.terms.settings((strength,) for strength in strengths)
    return plan.problem, plan.unit(plan.jobs(0, settings)[0])


def stacked(problem: Problem, unit: Unit) -> Steps:
    """Return the engine's steps, past what it does before one is captured."""
    module = template(problem, unit)
    assert isinstance(module, nn.Sequential)
    network = StackedNetwork(module, len(unit.settings))
    if problem.precision == "bfloat16":
        network.narrow_down()
    optimizer = Optimizer(network.flat, _parts(problem, unit))
    steps = steps_of(problem, unit, network, optimizer)
    steps.begin(_positions(problem, unit, 0))
    for _ in range(WARM_UP + 2):
        steps.take()
    return steps


def single(problem: Problem, unit: Unit) -> Callable[[], None]:
    """Return the replay of one network's captured step."""
    model, rows = template(problem, unit), unit.data.rows
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True, capturable=True)
    criterion, size = nn.CrossEntropyLoss(), problem.recipe.batch_size
    positions, place = _positions(problem, unit, 0), torch.zeros(1, dtype=torch.int64).cuda()

    def step() -> None:
        own = positions.index_select(0, place).view(size)
        optimizer.zero_grad(set_to_none=False)
        criterion(model(rows.x.index_select(0, own)), rows.target.index_select(0, own)).backward()
        optimizer.step()

    stream: Any = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(WARM_UP):
            step()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph.replay


def microseconds(step: Callable[[], None]) -> float:
    """Return the microseconds of a step, as the card counts them."""
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    begin.record()
    for _ in range(STEPS):
        step()
    end.record()
    torch.cuda.synchronize()
    return 1e3 * begin.elapsed_time(end) / STEPS


def difference() -> float:
    """Return how far the weights of a short training are from those of the CPU."""
    weights = []
    for device in ("cuda", "cpu"):
        problem, unit = problem_of(device, 4, 2_000)
        problem = replace(problem, recipe=replace(problem.recipe, epochs=2))
        trained = StackedEngine().train(problem, unit, lambda _: None)
        weights.append({name: value.cpu() for name, value in trained.arrays.items()})
    first, second = weights
    return max(float((first[name] - second[name]).abs().max()) for name in first)


def main() -> None:
    """Compare, print the ratio, write the result."""
    if not torch.cuda.is_available():
        print("no GPU here: nothing was run")
        return
    apart = difference()
    print(f"weights after 14 steps, GPU and CPU: {apart:.1e} apart")
    problem, unit = problem_of("cuda", MODELS, ROWS)
    kinds = ["float32", *(["bfloat16"] if is_there("cuda") else [])]
    ways: dict[str, Callable[[], None]] = {"one": single(problem, unit)}
    steps = {}
    for kind in kinds:
        steps[kind] = stacked(replace(problem, precision=kind), unit)
        ways[kind] = steps[kind].take
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for own in steps.values():
            own.begin(_positions(problem, unit, 0))
        for name, step in ways.items():
            times[name].append(microseconds(step))
    figures: dict[str, object] = {
        "card": torch.cuda.get_device_name(),
        "models": MODELS,
        "weights_apart_from_cpu": apart,
        "microseconds": {name: round(median(own), 1) for name, own in times.items()},
    }
    for kind in kinds:
        ratio = median(a / b for a, b in zip(times[kind], times["one"], strict=True))
        figures[f"{MODELS}_over_one_{kind}"] = round(ratio, 2)
        print(f"{MODELS} networks, {kind} / one network: {ratio:.2f} (goal {GOAL:g})")
    write_result("gpu", figures)


if __name__ == "__main__":
    main()
