"""Runners that leave the process: the bits of `threads`, and a lost worker costs its unit only."""

from __future__ import annotations

import os
import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.datasets import load_diabetes

from shrinkage import L1, fit_path
from shrinkage.datasets import load_dataset
from shrinkage.errors import InputError, LostWorkerWarning
from shrinkage.extras import MissingExtra
from shrinkage.paths import PathOptions
from shrinkage.paths.running.plan import make_plan
from shrinkage.paths.running.runners import slurm
from shrinkage.paths.running.runners.base import Errand, Work
from shrinkage.paths.running.runners.carried import Carried
from shrinkage.paths.running.runners.processes import ProcessRunner
from shrinkage.paths.running.runners.registry import RUNNERS, runner_named
from shrinkage.paths.running.runners.sent_rows import RowsOf, rows_of, sent
from shrinkage.paths.running.runners.slurm import SlurmRunner
from shrinkage.paths.running.runners.threads import ThreadRunner
from tests.cli.command_line import shrinkage
from tests.paths.runner_work import Mortal, Refusing

TIMES = ("wall_seconds",)


@pytest.fixture(scope="module")
def plan():
    """Three folds of a small network with dropout."""
    options = PathOptions(folds=3, epochs=2)
    return make_plan("mlp:4;dropout=0.2", load_dataset("diabetes"), L1(), options)


@pytest.fixture(scope="module")
def jobs(plan):
    """The jobs of two strengths."""
    return plan.jobs(0, plan.problem.terms.settings([(1e-3,), (1e-2,)]))


def outcomes(runner, work, plan, jobs):
    """Return what a runner makes of the jobs; the steps that it tells are those of the plan."""
    told, kept = [], []
    keep = lambda job, _: kept.append(job)  # noqa: E731
    made = runner.run(Errand(work, jobs, plan.unit, keep, told.append))
    assert sum(told) == plan.steps(jobs)
    assert sorted(job.name for job in kept) == sorted(job.name for job in jobs)
    return made


@pytest.fixture(scope="module")
def expected(plan, jobs):
    """What threads of this process make of the jobs."""
    return outcomes(ThreadRunner(), Work(plan.engine, plan.problem), plan, jobs)


def same(made, expected):
    """Assert that outcomes are those to the bit."""
    assert len(made) == len(expected)
    for one, other in zip(made, expected, strict=True):
        assert one.values.keys() == other.values.keys()
        for name, value in one.values.items():
            np.testing.assert_array_equal(value, other.values[name])


def lose_workers(runner, plan, jobs, expected, folder, often=True):
    """Assert that a worker lost with the first unit, and two with the second, change no bit."""
    (folder / "deaths").mkdir()
    deaths = (("fold-0", 1), ("fold-1", 2)) if often else (("fold-0", 1),)
    work = Mortal(
        plan.engine,
        plan.problem,
        deaths=deaths,
        folder=str(folder / "deaths"),
        driver=os.getpid(),
    )
    with pytest.warns(LostWorkerWarning) as told:
        same(outcomes(runner, work, plan, jobs), expected)
    said = sorted(re.sub(r"-group.*\)", "", str(warning.message)) for warning in told)
    all_of_them = [
        "a worker was lost with fold-0: another one trains it",
        "a worker was lost with fold-1: another one trains it",
        "a worker was lost with fold-1: it was the 2nd, so it is trained here",
    ]
    assert said == all_of_them[: sum(count for _, count in deaths)]


@pytest.fixture(scope="module")
def processes():
    """Processes that the tests share."""
    runner = ProcessRunner()
    yield runner
    runner.close()


@pytest.mark.slow
def test_a_killed_process_costs_its_unit_only(processes, plan, jobs, expected, tmp_path):
    lose_workers(processes, plan, jobs[:2], expected[:2], tmp_path)


@pytest.mark.slow
def test_an_error_of_a_process_is_raised_here(processes, plan, jobs):
    with pytest.raises(InputError, match="expected another unit, got fold-0"):
        outcomes(processes, Refusing(plan.engine, plan.problem), plan, jobs[:1])


@pytest.mark.thorough
def test_a_path_by_processes_is_that_of_threads_and_resumes_either(tmp_path):
    X, y = load_diabetes(return_X_y=True)
    options = {"strengths": (1e-3, 1e-2), "folds": 2, "epochs": 2, "store": tmp_path / "run"}
    path = fit_path("mlp:4", X, y, runner="processes", **options)
    plain = fit_path("mlp:4", X, y, **{**options, "store": None})
    assert _summary(path) == _summary(plain)
    np.testing.assert_array_equal(path.fold_scores, plain.fold_scores)
    again = fit_path("mlp:4", X, y, resume=True, **options)
    assert _summary(again) == _summary(plain)


def _summary(path):
    return {name: value for name, value in path.summary.items() if name not in TIMES}


def test_workers_of_models_that_are_not_stacked_follow_the_cores(monkeypatch, plan):
    alone = type("Alone", (), {"side_by_side": False})()
    monkeypatch.setattr("shrinkage.paths.running.runners.processes.cpu_count", lambda: 8)
    threads = torch.get_num_threads()
    assert ProcessRunner().workers(alone) == max(1, 8 // threads)
    assert ProcessRunner().workers(plan.engine) == threads


def test_rows_travel_apart_and_arrive_as_they_were(plan, jobs):
    unit = plan.unit(jobs[0])
    there = {}
    rows = rows_of(unit.data, lambda key, array: there.setdefault(key, array) is None or key)
    again = rows.unit(sent(unit), RowsOf(there.__getitem__, torch.device("cpu")))
    assert len(there) == 1
    assert len(sent(unit).data.rows) == 0
    work = Carried(Work(plan.engine, plan.problem))
    same([work(again, int).outcome], [work(unit, int).outcome])
    rows_of(plan.unit(jobs[0]).data, lambda key, array: there.setdefault(key, array))
    assert len(there) == 1


@pytest.mark.parametrize("name", ["threads", "processes"])
def test_runners_of_this_machine_have_no_address(name):
    with pytest.raises(InputError, match="expected no address"):
        runner_named(name).at("10.0.0.1:6379")


@pytest.mark.parametrize(("name", "module"), [("ray", "ray"), ("slurm", "submitit")])
def test_a_runner_that_is_not_installed_names_its_extra(name, module, monkeypatch):
    monkeypatch.setattr("shrinkage.extras.is_installed", lambda one: one != module)
    with pytest.raises(MissingExtra, match=rf'pip install "shrinkage\[{name}\]"'):
        RUNNERS[name].at(None)


@pytest.mark.parametrize("runner", ["ray", "slurm"])
def test_the_command_says_in_a_line_that_there_is_no_such_place(runner, tmp_path):
    where = ["--address", "127.0.0.1:1"] if runner == "ray" else []
    answer = shrinkage("path", "digits", "--runner", runner, *where, "--out", tmp_path / "run")
    assert answer.status == 2
    assert answer.err.count("\n") == 1
    assert "expected" in answer.err
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_jobs_of_submitit_give_the_bits_of_threads(plan, jobs, expected, tmp_path, monkeypatch):
    core = pytest.importorskip("submitit.core.core", reason="no submitit: pip install submitit")
    monkeypatch.setattr(core.Job, "_results_timeout_s", 0)
    monkeypatch.setattr(slurm, "LOOK", 0.1)
    runner = SlurmRunner(cluster="local").at(str(tmp_path / "shared"))
    lose_workers(runner, plan, jobs[:2], expected[:2], tmp_path, often=False)
    runner.close()
    assert not list((tmp_path / "shared").iterdir())


def test_slurm_needs_sbatch_and_a_folder(tmp_path):
    pytest.importorskip("submitit", reason="no submitit: pip install submitit")
    with pytest.raises(InputError, match="found no sbatch"):
        RUNNERS["slurm"].at(None)
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="expected a folder that all nodes see"):
        SlurmRunner(cluster="local").at(str(tmp_path / "file"))


def test_where_it_is_trained_does_not_make_it_another_run():
    options = PathOptions()
    assert replace(options, runner="ray", address="auto").to_dict() == options.to_dict()
