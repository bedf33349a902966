"""What workers are worth: a measured model of units, simulated on 1 to 1,000 workers.

Measured here, in seconds that a thread computes: what a unit of m models takes (fixed part, and a
step as a + b·m), what starts a worker, what Ray takes for a task and for a megabyte; counted: bytes
of rows and of outcomes. Simulated: a driver that sends units in order to whichever worker is
free first, rows once to each node, outcomes back; before it the search for the top of the grid and
behind it the refit, which nobody shares. The fold's
models are cut into the parts that end first. `--simulate` takes the measures of the last run;
`--small` measures little and writes nothing. Writes results/scaling.json, the picture and the table
of docs/concepts/scaling.md.
"""

from __future__ import annotations

import heapq
import json
import math
import pickle
import resource
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from recording import HERE, write_result

DOCS = HERE.parent / "docs"
PAGE, PICTURE = DOCS / "concepts" / "scaling.md", DOCS / "images" / "scaling.png"
BEGIN, END = "<!-- table: begin -->", "<!-- table: end -->"
WORKERS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000)
CORES_A_NODE = 16
NETWORK_BYTES = 125e6
"""A second: a network of one gigabit."""
SEARCH_STEPS, SEARCH_MODELS = 200, 11
"""What the search for the top of the grid takes before the folds, and nobody shares."""
MORE_JUDGED = 2.0
"""Of more rows at most twice as many are judged: the loss and the residual have 10,000 at most."""
PAYS = 0.9
"""Twice as many workers pay where the path then takes less than this share of the time."""


@dataclass(frozen=True)
class Costs:
    """Seconds and bytes of one kind of path.

    A step of m models takes `step + model·m`; a unit `fixed + judged·m` beside its steps.
    """

    name: str
    steps: int
    step: float
    model: float
    fixed: float
    judged: float
    row_bytes: float
    result_bytes: float
    start: float = 3.0
    task: float = 2e-3

    def unit(self, models: int) -> float:
        """Return the seconds of a unit."""
        steps = self.steps * (self.step + self.model * models)
        return steps + self.fixed + self.judged * models


@dataclass(frozen=True)
class Grid:
    """How much a path has to train."""

    strengths: int
    folds: int


PATHS = (Grid(20, 5), Grid(100, 50))


@dataclass(frozen=True)
class Kind:
    """A table and a network; units are timed on the first `few` rows, at two numbers of epochs.

    Learning curves have as many points in both where an epoch is short.
    """

    rows: int
    columns: int
    model: str
    few: int
    epochs: tuple[int, int]


KINDS = {
    "1,797 × 64, mlp:64,32": Kind(1_797, 64, "mlp:64,32", 1_797, (40, 80)),
    "60,000 × 784, mlp:256,128": Kind(60_000, 784, "mlp:256,128", 8_000, (1, 3)),
}


def measured(name: str, small: bool) -> Costs:
    """Return what units of a kind cost here, from two lengths and several sizes of them."""
    from shrinkage import L1
    from shrinkage.datasets import Dataset
    from shrinkage.paths import PathOptions
    from shrinkage.paths.running.plan import make_plan
    from shrinkage.paths.running.runners.base import Work
    from shrinkage.paths.running.runners.sent_rows import rows_of

    kind, batch = KINDS[name], 128
    rows, columns, model, few = kind.rows, kind.columns, kind.model, kind.few
    rng = np.random.default_rng(0)
    X = rng.normal(size=(few, columns)).astype(np.float32)
    y = (X[:, :10] @ rng.normal(size=(10, 10))).argmax(axis=1)
    names = tuple(f"x{place}" for place in range(columns))
    data = Dataset(name="made", X=X, y=y, task="classification", input_names=names)
    lines, outcome, unit = [], None, None
    for models in (1, 4) if small else (1, 7, 21):
        for epochs in (1, 2) if small else kind.epochs:
            plan = make_plan(model, data, L1(), PathOptions(epochs=epochs, repeats=1, folds=5))
            settings = plan.problem.terms.settings([(1e-4 * 2**k,) for k in range(models)])
            unit = plan.unit(plan.jobs(0, settings, 1)[0])
            begin = time.thread_time()
            outcome = Work(plan.engine, plan.problem)(unit, int)
            steps = plan.fold_steps
            lines.append((steps, steps * models, 1, models, time.thread_time() - begin))
    assert outcome is not None
    assert unit is not None
    array = np.array(lines)
    solution = np.linalg.lstsq(array[:, :4], array[:, 4], rcond=None)[0]
    step, each, fixed, judged = (max(0.0, float(value)) for value in solution)
    share = rows / few
    sent = len(pickle.dumps(rows_of(unit.data, lambda _, array: array)))
    kept = sum(value.nbytes for value in outcome.values.values())
    train = int(0.8 * 0.8 * rows)
    steps = max(5 * train // batch, min(2_000, 200 * (train // batch)))
    judged *= min(share, MORE_JUDGED)
    return Costs(name, steps, step, each, fixed * share, judged, sent * share, kept)


def started() -> float:
    """Return the seconds that a new process computes until it can train."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", "import shrinkage.run"], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def asked_of_ray() -> float | None:
    """Return the seconds of an empty task of Ray, None where it is not installed."""
    from shrinkage.extras import is_installed

    if not is_installed("ray"):
        return None
    from shrinkage.paths.running.runners.ray import RayRunner, _ray

    runner = RayRunner().at(None)
    ray = _ray()
    empty = ray.remote(_same)
    ray.get([empty.remote(1) for _ in range(20)])
    begin = time.perf_counter()
    ray.get([empty.remote(1) for _ in range(200)])
    runner.close()
    return (time.perf_counter() - begin) / 200


def _same(value: int) -> int:
    return value


def wall(costs: Costs, path: Grid, workers: int, parts: int) -> float:
    """Return the seconds of a path on so many workers, its folds cut into so many parts."""
    models = [len(some) for some in np.array_split(np.arange(path.strengths + 1), parts)]
    rng = np.random.default_rng(0)
    units = [(fold, some) for fold in range(path.folds) for some in models]
    free = [(costs.start, worker) for worker in range(min(workers, len(units)))]
    heapq.heapify(free)
    at, driver, has = 0.0, 0.0, set()
    for fold, some in units:
        ready, worker = heapq.heappop(free)
        node = (worker // CORES_A_NODE, fold)
        driver += costs.task + (0.0 if node in has else costs.row_bytes / NETWORK_BYTES)
        has.add(node)
        noise = float(np.exp(rng.normal(0, 0.05)))
        end = max(ready, driver) + costs.unit(some) * noise
        driver += costs.result_bytes * some / models[0] / NETWORK_BYTES
        at = max(at, end)
        heapq.heappush(free, (end, worker))
    refit = costs.unit(3) * path.folds / (path.folds - 1)
    search = SEARCH_STEPS * (costs.step + SEARCH_MODELS * costs.model)
    return search + max(at, driver) + refit


def best(costs: Costs, path: Grid, workers: int) -> tuple[float, int]:
    """Return the least seconds over the cuts, and the parts of that cut."""
    most = path.strengths + 1
    cuts = sorted({min(most, 2**k) for k in range(math.ceil(math.log2(most)) + 1)})
    return min((wall(costs, path, workers, parts), parts) for parts in cuts)


def simulated(costs: Costs, path: Grid) -> dict[str, Any]:
    """Return the seconds on each number of workers, uncut and cut, and where more stop to pay."""
    cut = [best(costs, path, workers) for workers in WORKERS]
    whole = [wall(costs, path, workers, 1) for workers in WORKERS]
    enough = next(
        (
            workers
            for workers in WORKERS
            if best(costs, path, 2 * workers)[0] > PAYS * best(costs, path, workers)[0]
        ),
        None,
    )
    return {
        "kind": costs.name,
        **asdict(path),
        "seconds": [round(seconds, 2) for seconds, _ in cut],
        "parts": [parts for _, parts in cut],
        "uncut": [round(seconds, 2) for seconds in whole],
        "enough": enough,
    }


def table(costs: list[Costs], runs: list[dict[str, Any]]) -> str:
    """Return the measures and the simulation as Markdown."""
    lines = ["| a unit of 21 models, measured | " + " | ".join(one.name for one in costs) + " |"]
    lines.append("|---|" + "---|" * len(costs))
    rows = {
        "steps": [f"{one.steps:,}" for one in costs],
        "a step: of the stack + of each model, ms": [
            f"{1e3 * one.step:.2f} + {1e3 * one.model:.3f}" for one in costs
        ],
        "beside steps, s": [f"{one.fixed + 21 * one.judged:.2f}" for one in costs],
        "in all, s": [f"{one.unit(21):.1f}" for one in costs],
        "one model alone, s": [f"{one.unit(1):.1f}" for one in costs],
        "rows that are sent, MB": [f"{one.row_bytes / 1e6:.1f}" for one in costs],
        "outcome, kB": [f"{one.result_bytes / 1e3:.0f}" for one in costs],
    }
    lines += [f"| {name} | {' | '.join(values)} |" for name, values in rows.items()]
    shown = [WORKERS.index(workers) for workers in (1, 5, 20, 100, 1_000)]
    heads = " | ".join(f"{WORKERS[place]:,}" for place in shown)
    lines += ["", f"| path: seconds on … workers | {heads} | more stop to pay at |"]
    lines.append("|---|" + "---|" * (len(shown) + 1))
    for run in runs:
        name = f"{run['kind']}; {run['strengths']} strengths × {run['folds']} folds"
        for way, values in (("cut", run["seconds"]), ("uncut", run["uncut"])):
            seconds = " | ".join(f"{values[place]:,.1f}" for place in shown)
            enough = run["enough"] if way == "cut" else ""
            lines.append(f"| {name}, {way} | {seconds} | {enough} |")
    start, task = costs[0].start, 1e3 * costs[0].task
    lines += ["", f"A worker starts in {start:.1f} s, a task costs {task:.1f} ms."]
    return "\n".join(lines)


def picture(runs: list[dict[str, Any]]) -> None:
    """Draw the seconds over the workers."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.subplots()
    for number, run in enumerate(runs):
        label = f"{run['kind']}; {run['strengths']} × {run['folds']}"
        axes.loglog(WORKERS, run["seconds"], f"C{number}-", label=label)
        axes.loglog(WORKERS, run["uncut"], f"C{number}:")
        if run["enough"]:
            seconds = run["seconds"][WORKERS.index(run["enough"])]
            axes.plot(run["enough"], seconds, f"C{number}o")
    axes.set_xlabel("workers")
    axes.set_ylabel("seconds of the path")
    axes.set_title("Solid: stacks cut as is best; dotted: whole; dots: more stop to pay", size=10)
    axes.legend(fontsize=8)
    axes.grid(alpha=0.3)
    figure.savefig(PICTURE, dpi=110, metadata={"Software": None})


def main(words: list[str]) -> None:
    """Measure, simulate, write."""
    small = "--small" in words
    if "--simulate" in words:
        known = json.loads((HERE / "results" / "scaling.json").read_text())
        costs = [Costs(**one) for one in known["costs"]]
    else:
        start, task = started(), asked_of_ray()
        costs = [replace(measured(name, small), start=start) for name in KINDS]
        costs = costs if task is None else [replace(one, task=task) for one in costs]
    runs = [simulated(one, path) for one in costs for path in PATHS]
    text = table(costs, runs)
    print(text)
    if small:
        return
    if "--simulate" not in words:
        write_result("scaling", {"costs": [asdict(one) for one in costs], "simulated": runs})
    picture(runs)
    page = Path(PAGE).read_text()
    before, after = page.split(BEGIN)[0], page.split(END)[1]
    PAGE.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}")


if __name__ == "__main__":
    main(sys.argv[1:])
