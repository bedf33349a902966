"""What a runner carries pickles, runners are registered, and a path looks at its module once."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch
from sklearn.datasets import load_diabetes

from shrinkage import L1, L2, fit_path
from shrinkage.datasets import TargetEncoding, load_dataset
from shrinkage.errors import InputError
from shrinkage.paths import PathOptions
from shrinkage.paths.running.plan import make_plan
from shrinkage.paths.running.runners.base import Work
from shrinkage.paths.running.runners.registry import RUNNERS

SMALL = {"strengths": (1e-3, 1e-2), "folds": 2, "epochs": 2}


def nothing(_: int) -> None:
    """Take no notice of progress."""


@pytest.mark.parametrize("model", ["linear", "mlp:4;dropout=0.2"])
@pytest.mark.parametrize("data", ["digits", "diabetes"])
def test_work_and_unit_pickle_and_give_the_same_bits(model, data):
    fixed = (1e-2 * L2()).on("0.w*")
    options = PathOptions(folds=2, epochs=1)
    plan = make_plan(model, load_dataset(data), L1(), options, fixed=[fixed])
    job = plan.jobs(0, plan.problem.terms.settings([(1e-3,), (1e-2,)]))[0]
    work, unit = Work(plan.engine, plan.problem), plan.unit(job)
    sent_work, sent_unit = pickle.loads(pickle.dumps((work, unit)))
    here, there = work(unit, nothing), sent_work(sent_unit, nothing)
    assert here.values.keys() == there.values.keys()
    for name, value in here.values.items():
        np.testing.assert_array_equal(there.values[name], value)


class Backwards:
    """Runs the last job first, one after the other."""

    name = "backwards"

    def __init__(self) -> None:
        self.jobs: list[str] = []

    def at(self, address):
        assert address is None
        return self

    def close(self) -> None:
        self.jobs.append("closed")

    def workers(self, engine) -> int:
        del engine
        return 1

    def run(self, errand):
        outcomes = {}
        for job in reversed(errand.jobs):
            self.jobs.append(job.name)
            outcomes[job.name] = errand.work(errand.prepare(job), errand.advance)
            errand.keep(job, outcomes[job.name])
        return [outcomes[job.name] for job in errand.jobs]


@pytest.mark.slow
def test_a_registered_runner_is_used_and_changes_no_number(monkeypatch, tmp_path):
    runner = Backwards()
    monkeypatch.setitem(RUNNERS, runner.name, runner)
    X, y = load_diabetes(return_X_y=True)
    result = fit_path("mlp:4", X, y, runner="backwards", store=tmp_path / "run", **SMALL)
    assert [name.split("-group")[0] for name in runner.jobs] == [
        "fold-1",
        "fold-0",
        "refit",
        "closed",
    ]
    threads = fit_path("mlp:4", X, y, **SMALL)
    np.testing.assert_array_equal(result.fold_scores, threads.fold_scores)
    for name, value in threads.weights["best"].items():
        np.testing.assert_array_equal(result.weights["best"][name], value)


def test_an_unknown_runner_is_refused_by_name():
    with pytest.raises(InputError, match=r"unknown runner 'treads'.*threads"):
        PathOptions(runner="treads")


@pytest.mark.slow
def test_another_runner_goes_on_with_the_same_run(monkeypatch, tmp_path):
    monkeypatch.setitem(RUNNERS, "backwards", Backwards())
    X, y = load_diabetes(return_X_y=True)
    fit_path("linear", X, y, store=tmp_path / "run", **SMALL)
    again = fit_path(
        "linear", X, y, store=tmp_path / "run", resume=True, runner="backwards", **SMALL
    )
    assert again.best.strength in SMALL["strengths"]


class Softplus(torch.nn.Module):
    """A network that cannot be stacked."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.layers = torch.nn.ModuleList([torch.nn.Linear(inputs, 3), torch.nn.Linear(3, outputs)])

    def forward(self, x):
        return self.layers[1](torch.nn.functional.softplus(self.layers[0](x)))


@pytest.mark.parametrize("model", ["linear", "mlp:4", Softplus], ids=["linear", "mlp", "module"])
def test_parameters_are_found_once_a_path_and_targets_fitted_once_a_fold(model, monkeypatch):
    from shrinkage.pytorch import loss, parameters, regularize

    described, fitted = [], []
    describe, fit = parameters.describe, TargetEncoding.fit.__func__

    def counted(module):
        described.append(module)
        return describe(module)

    def counted_fit(cls, *args, **kwargs):
        fitted.append(len(args[0]))
        return fit(cls, *args, **kwargs)

    for module in (parameters, loss, regularize):
        if hasattr(module, "describe"):
            monkeypatch.setattr(module, "describe", counted)
    monkeypatch.setattr("shrinkage.paths.running.posing.describe", counted)
    monkeypatch.setattr(TargetEncoding, "fit", classmethod(counted_fit))
    X, y = load_diabetes(return_X_y=True)
    fit_path(model, X, y, **SMALL)
    assert len(described) == 1
    assert len(fitted) == SMALL["folds"] + 1
