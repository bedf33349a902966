"""All strengths of a fold in one stack against one model after the other, on the same work.

One fold of digits, 21 strengths, MLP 64-64-32-10, batch 128, the default update. The engines are
alternated; the ratio is that of the medians. The weights of both are compared at the end.
"""

from __future__ import annotations

import time
from statistics import median

import numpy as np
from recording import write_result

from shrinkage import L1, ElasticNet, GroupLasso
from shrinkage.datasets import load_dataset
from shrinkage.paths import PathOptions
from shrinkage.paths.engines.sequential import SequentialEngine
from shrinkage.paths.engines.stacked import StackedEngine
from shrinkage.paths.running.plan import make_plan

STRENGTHS = (0.0, *np.geomspace(1e-6, 1e-2, 20).tolist())
REPEATS = 5


def main() -> None:
    """Alternate the engines for each penalty and write the ratios."""
    data = load_dataset("digits")
    figures: dict[str, object] = {}
    for penalty in (L1(), ElasticNet(0.3), GroupLasso(per="input")):
        plan = make_plan("mlp:64,32", data, penalty, PathOptions(epochs=10, dtype="float64"))
        settings = plan.problem.terms.settings((strength,) for strength in STRENGTHS)
        (job, *_) = plan.jobs(0, settings)
        unit = plan.unit(job)
        times: dict[str, list[float]] = {"stacked": [], "sequential": []}
        arrays = {}
        for _ in range(REPEATS):
            for engine in (StackedEngine(), SequentialEngine()):
                begin = time.perf_counter()
                trained = engine.train(plan.problem, unit, lambda _: None)
                times[engine.name].append(time.perf_counter() - begin)
                arrays[engine.name] = trained.arrays
        ratio = median(times["sequential"]) / median(times["stacked"])
        gap = max(
            float((arrays["stacked"][name] - arrays["sequential"][name]).abs().max())
            for name in arrays["stacked"]
        )
        print(f"{penalty!r}: sequential / stacked {ratio:.1f}, largest difference {gap:.1e}")
        figures[repr(penalty)] = {
            "sequential_over_stacked": round(ratio, 2),
            "seconds": {name: round(median(values), 3) for name, values in times.items()},
            "largest_weight_difference": gap,
        }
    write_result("stacked_vs_sequential", figures)


if __name__ == "__main__":
    main()
