"""Units on a Ray cluster of three nodes, of which one is killed in the middle of a run."""

from __future__ import annotations

import builtins
import os

import numpy as np
import pytest
from sklearn.datasets import load_diabetes

from shrinkage import fit_path
from shrinkage.errors import InputError, LostWorkerWarning
from shrinkage.paths.running.runners.base import Errand, Work
from shrinkage.paths.running.runners.ray import RayRunner
from tests.paths.runner_work import Refusing, Slow
from tests.paths.test_runners import (
    expected,  # noqa: F401 - a fixture
    jobs,  # noqa: F401
    lose_workers,
    outcomes,
    plan,  # noqa: F401
    same,
)
from tests.processes import environment

ray = pytest.importorskip("ray", reason='Ray is not installed: pip install "shrinkage[ray]"')
PACKS = "shrinkage.paths.running.runners.ray_packs"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:os.fork:RuntimeWarning"),  # where JAX is loaded, too
]


@pytest.fixture(scope="module")
def cluster():
    """Three nodes of one processor each; this process is on the first."""
    from ray.cluster_utils import Cluster

    before, own_print = dict(os.environ), print
    os.environ.update(environment(RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO="0"))
    nodes = {"num_cpus": 1, "object_store_memory": 100_000_000}
    made = Cluster(initialize_head=True, head_node_args={**nodes, "include_dashboard": False})
    made.add_node(**nodes)
    made.add_node(**nodes)
    yield made
    made.shutdown()
    builtins.print = own_print  # Ray puts its own in its place
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def runner(cluster):
    """A runner on the cluster, as --address gives it."""
    made = RayRunner().at(cluster.address)
    yield made
    made.close()
    assert not ray.is_initialized()


def test_a_cluster_gives_the_bits_of_threads_and_is_sent_the_rows_once(
    runner,
    plan,  # noqa: F811
    jobs,  # noqa: F811
    expected,  # noqa: F811
    monkeypatch,
):
    sent = []
    put = ray.put
    monkeypatch.setattr(ray, "put", lambda value: sent.append(type(value).__name__) or put(value))
    work = Work(plan.engine, plan.problem)
    assert runner.workers(plan.engine) == 3
    some = [*jobs, *plan.jobs(1, plan.problem.terms.settings([(0.1,), (1.0,)]))]
    made = outcomes(runner, work, plan, some)
    same(made[: len(jobs)], expected)
    assert sent.count("ndarray") == plan.folds
    assert sent.count("Carried") == 1
    outcomes(runner, work, plan, jobs)
    assert sent.count("ndarray") == plan.folds
    with pytest.raises(InputError, match="expected another unit"):
        outcomes(runner, Refusing(plan.engine, plan.problem), plan, jobs[:1])


def test_short_units_are_packed(runner, plan, jobs, monkeypatch):  # noqa: F811
    packs = []
    monkeypatch.setattr(f"{PACKS}.PackedRun._size", _counted(packs))
    outcomes(runner, Work(plan.engine, plan.problem), plan, jobs)
    assert packs[0] == 1
    assert max(packs) >= 2


def _counted(packs):
    from shrinkage.paths.running.runners.ray_packs import PackedRun

    size = PackedRun._size

    def counted(run):
        packs.append(size(run))
        return packs[-1]

    return counted


def test_a_killed_worker_costs_its_unit_only(
    runner,
    plan,  # noqa: F811
    jobs,  # noqa: F811
    expected,  # noqa: F811
    tmp_path,
):
    lose_workers(runner, plan, jobs[:2], expected[:2], tmp_path)


def test_a_killed_node_costs_the_units_that_it_was_at(
    cluster,
    runner,
    plan,  # noqa: F811
    monkeypatch,
):
    monkeypatch.setattr(f"{PACKS}.LEAST_SECONDS", 0.5)
    settings = plan.problem.terms.settings([(strength,) for strength in (1e-3, 1e-2, 0.1)])
    some = plan.jobs(2, settings, parts=3)
    killed, kept = [], []

    def keep(job, _):
        kept.append(job.name)
        if len(kept) == 3:
            node = cluster.list_all_nodes()[-1]
            killed.append(node)
            cluster.remove_node(node, allow_graceful=False)

    work = Slow(plan.engine, plan.problem)
    with pytest.warns(LostWorkerWarning, match="another one trains it") as told:
        made = runner.run(Errand(work, some, plan.unit, keep, int))
    assert killed
    assert len(told) == 1
    assert sorted(kept) == sorted(job.name for job in some)
    plain = Work(plan.engine, plan.problem)
    same(made, [plain(plan.unit(job), int) for job in some])


def test_a_path_on_a_cluster_is_that_of_threads_and_another_runner_goes_on(cluster, tmp_path):
    X, y = load_diabetes(return_X_y=True)
    options = {"strengths": (1e-3, 1e-2), "folds": 2, "epochs": 2}
    place = {"runner": "ray", "address": cluster.address, "store": tmp_path / "run"}
    path = fit_path("mlp:4", X, y, **options, **place)
    plain = fit_path("mlp:4", X, y, **options)
    np.testing.assert_array_equal(path.fold_scores, plain.fold_scores)
    for name, value in plain.weights["best"].items():
        np.testing.assert_array_equal(path.weights["best"][name], value)
    state = sorted(file.name for file in (tmp_path / "run" / "state").iterdir())
    assert [name for name in state if name.startswith("fold")]
    assert not list((tmp_path / "run").rglob("*.pickle"))


@pytest.mark.parametrize("address", ["ray://127.0.0.1:10001", "somewhere", "127.0.0.1:1"])
def test_no_cluster_is_said_at_once(address):
    with pytest.raises(InputError, match=r"expected .* Ray cluster"):
        RayRunner().at(address)
