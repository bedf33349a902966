"""Jobs side by side: order, errors and interruption."""

from __future__ import annotations

import threading
import time

import pytest
import torch

from shrinkage import L1
from shrinkage.datasets import load_dataset
from shrinkage.paths import PathOptions
from shrinkage.paths.engines.stacked import StackedEngine
from shrinkage.paths.engines.threads import thread_share, torch_threads
from shrinkage.paths.running.plan import make_plan
from shrinkage.paths.running.runners.threads import Stopped, run_side_by_side


def test_results_come_in_order_however_long_each_takes():
    def work(item, check):
        time.sleep(0.02 * (3 - item))
        check()
        return item * 10

    assert run_side_by_side(work, [0, 1, 2], workers=3) == [0, 10, 20]


def test_the_first_error_ends_the_others_and_is_raised():
    stopped = threading.Event()

    def work(item, check):
        if item == "bad":
            raise ZeroDivisionError("broken")
        for _ in range(1000):
            time.sleep(0.005)
            try:
                check()
            except Stopped:
                stopped.set()
                raise
        return item

    with pytest.raises(ZeroDivisionError, match="broken"):
        run_side_by_side(work, ["good", "bad"], workers=2)
    assert stopped.is_set()


def test_shares_of_the_cores_depend_on_jobs_alone():
    with torch_threads(4):
        assert [thread_share(jobs) for jobs in (1, 2, 3, 5)] == [4, 2, 1, 1]


def test_parts_bound_the_memory(make):
    problem, _ = make(dtype=torch.float32)
    parts = StackedEngine().parts
    assert parts(problem, 21, 1_000) == 1
    assert parts(problem, 21, 1_000_000) == 1
    assert parts(problem, 21, 25_000_000) == 9
    assert parts(problem, 21, 10**9) == 21


@pytest.mark.parametrize(
    ("folds", "cores", "model", "parts"),
    [
        (5, 2, "mlp:1000,100", 2),
        (4, 2, "mlp:1000,100", 1),
        (5, 4, "mlp:1000,100", 3),
        (5, 8, "mlp:1000,100", 3),
        (5, 16, "mlp:1000,100", 1),  # a unit uses three threads
        (5, 2, "mlp:8", 1),  # calls, not work
    ],
)
def test_folds_are_cut_so_that_no_worker_is_idle(folds, cores, model, parts):
    with torch_threads(cores):
        options = PathOptions(folds=folds, strengths=20)
        plan = make_plan(model, load_dataset("breast-cancer"), L1(), options)
        assert plan.parts(21) == parts
        jobs = plan.jobs(0, plan.problem.terms.settings([(0.1,)] * 21))
    assert len(jobs) == folds * parts
    assert sum(len(job.settings) for job in jobs) == folds * 21


def test_units_side_by_side_train_as_they_do_alone(make):
    problem, unit = make("mlp:8,5;dropout=0.3", epochs=6)
    engine = StackedEngine()
    alone = engine.train(problem, unit, lambda _: None)

    def work(_item, _check):
        return engine.train(problem, unit, lambda _: None)

    for trained in run_side_by_side(work, [0, 1, 2, 3], workers=4):
        for name, value in trained.arrays.items():
            assert torch.equal(value, alone.arrays[name])
