"""How time and memory of a path grow with strengths, rows, columns and width.

Each axis is measured in a process of its own, after a path that trains almost nothing: one of
strengths, rows, columns and width grows, the others stay at `BASE`. Time is what the threads
compute (CPU seconds), which other work on the machine changes less than seconds; memory is the
peak above what the process had before the axis, the table of numbers included. The exponent p of
cost ∝ size^p is the least-squares slope of the logarithms over the points that cost at least
`NOTICEABLE`: p = 1 is growth in step. After a point that took longer than its share the rest of
an axis is left out. `--small` runs the first points and writes nothing.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from recording import write_result

MOST_CPU_SECONDS = 40.0
"""After a point that took longer the rest of its axis is left out."""

NOTICEABLE = {"cpu_seconds": 0.1, "megabytes": 30.0}
MEGABYTE = 2**20


@dataclass(frozen=True)
class Size:
    """The size of a path: what grows, and how it is trained."""

    model: str = "mlp"
    strengths: int = 10
    rows: int = 1_000
    columns: int = 10
    width: int = 32
    folds: int = 2
    epochs: int = 4


BASE = {"mlp": Size(), "linear": Size(model="linear", strengths=20)}
AXES: tuple[tuple[str, str, tuple[int, ...]], ...] = (
    ("mlp", "strengths", (10, 32, 100, 316, 1_000)),
    ("mlp", "rows", (1_000, 10_000, 100_000, 1_000_000)),
    ("mlp", "columns", (10, 100, 1_000, 10_000)),
    ("mlp", "width", (32, 128, 512, 2_048)),
    ("linear", "strengths", (10, 32, 100, 316, 1_000)),
    ("linear", "rows", (1_000, 10_000, 100_000, 1_000_000)),
    ("linear", "columns", (10, 100, 1_000, 10_000)),
)
NOTHING = Size(strengths=2, rows=100, columns=2, width=2, epochs=1)


def train(size: Size) -> None:
    """Fit a path of this size on a table of numbers of which ten columns matter."""
    from shrinkage import L1, fit_path

    random = np.random.default_rng(0)
    X = random.normal(size=(size.rows, size.columns))
    y = X[:, :10].sum(axis=1) + random.normal(size=size.rows)
    fit_path(
        "linear" if size.model == "linear" else f"mlp:{size.width}",
        *(X, y),
        penalty=L1(),
        strengths=tuple(np.geomspace(1e-4, 1.0, size.strengths).tolist()),
        folds=size.folds,
        epochs=size.epochs,
        progress=False,
    )


def peak_megabytes() -> float:
    """Return the peak memory of this process so far."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / MEGABYTE


def measure(model: str, name: str, values: tuple[int, ...]) -> None:
    """Train the paths of one axis and print a line of JSON for each."""
    train(replace(NOTHING, model=model))
    before = peak_megabytes()
    for value in values:
        begin, computed = time.perf_counter(), time.process_time()
        train(replace(BASE[model], **{name: value}))
        point = {
            "size": value,
            "cpu_seconds": round(time.process_time() - computed, 2),
            "seconds": round(time.perf_counter() - begin, 2),
            "megabytes": round(peak_megabytes() - before, 1),
        }
        print(json.dumps(point), flush=True)
        if point["cpu_seconds"] > MOST_CPU_SECONDS:
            break


def exponent(sizes: list[int], costs: list[float], least: float) -> float | None:
    """Return the exponent of growth over the points that cost something; None under two of them.

    >>> exponent([10, 100, 1000], [0.01, 2.0, 20.0], 1.0)
    1.0
    """
    use = np.array(costs) >= least
    if use.sum() < 2:
        return None
    slope = np.polyfit(np.log(np.array(sizes)[use]), np.log(np.array(costs)[use]), 1)[0]
    return round(float(slope), 2)


def axis(model: str, name: str, values: tuple[int, ...]) -> dict[str, Any]:
    """Measure one axis and print its points and exponents."""
    command = [sys.executable, __file__, "--axis", model, name, *map(str, values)]
    print(f"{model}, {name}:", flush=True)
    points: list[dict[str, Any]] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            points.append(json.loads(line))
            point = points[-1]
            print(f"  {point['size']:,}: {point['cpu_seconds']} CPU s, ", end="")
            print(f"{point['megabytes']} MB", flush=True)
    if process.returncode:
        raise RuntimeError(f"the paths of {model}, {name} did not end well; see the message above")
    sizes = [point["size"] for point in points]
    growth = {
        cost: exponent(sizes, [point[cost] for point in points], least)
        for cost, least in NOTICEABLE.items()
    }
    told = (f"{cost.replace('_', ' ')} ∝ {name}^{p}" for cost, p in growth.items() if p is not None)
    print(f"  {', '.join(told) or 'nothing grows'}", flush=True)
    return {"model": model, "axis": name, "points": points, "exponents": growth}


def main(small: bool) -> None:
    """Measure the axes and write the figures."""
    axes = [axis(model, name, values[:2] if small else values) for model, name, values in AXES]
    if not small:
        base = {name: asdict(size) for name, size in BASE.items()}
        write_result("growth", {"base": base, "axes": axes})


if __name__ == "__main__":
    if "--axis" in sys.argv[1:]:
        measure(sys.argv[2], sys.argv[3], tuple(map(int, sys.argv[4:])))
    else:
        main("--small" in sys.argv[1:])
