"""100 steps end at the same weights in NumPy, PyTorch, Keras on three backends, and optax.

One test over one registry; tests/conftest.py keeps the folder in one process, so that every
framework runs once.
"""

from __future__ import annotations

import functools
import itertools
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from shrinkage import Terms
from shrinkage.penalties import (
    L0,
    REGISTRY,
    BlockLasso,
    LHalf,
    NuclearNorm,
    ReweightedL1,
    SoftOrthogonality,
)
from tests.parity.frameworks import in_numpy
from tests.parity.frameworks.problem import LAYERS, Weights
from tests.parity.frameworks.registry import (
    ABSENCES,
    FRAMEWORKS,
    OPTIMIZERS,
    SUMS,
    TOLERANCE,
    UPDATES,
    Case,
    cases,
    is_needed,
)
from tests.parity.frameworks.worker import key
from tests.processes import environment, program
from tests.selecting import in_pairs, values_of

pytestmark = pytest.mark.slow

QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}
CASES = [case for framework in FRAMEWORKS for case in cases(framework)]
EXISTING = [case for case in CASES if case.reason is None]
Results = dict[str, dict[str, np.ndarray]]

reference = functools.cache(in_numpy.train)


def name_of(case: Case) -> str:
    """Return a case's name for the list of tests."""
    return f"{case.framework}-{case.optimizer}-{case.update}-{case.sum_name}"


def started(name: str, folder: Path, *words: str) -> subprocess.Popen[bytes]:
    """Start a framework's run, which writes name.npz, and name.err where it fails."""
    with (folder / f"{name}.err").open("w") as errors:
        return subprocess.Popen(
            [*program("tests.parity.frameworks.worker"), name, str(folder / f"{name}.npz"), *words],
            env=environment(**QUIET, **FRAMEWORKS[name].environment),
            stderr=errors,
        )


@pytest.fixture(scope="session")
def results(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Results:
    """Return the weights of every framework asked for; each runs in a process, all at once."""
    folder = tmp_path_factory.mktemp("parity")
    asked = {case.framework for case in values_of(request.session, Path(__file__).parent, "case")}
    words = ["thorough"] if request.config.getoption("--thorough") else []
    running = {name: started(name, folder, *words) for name in FRAMEWORKS if name in asked}
    trained = {}
    for name, process in running.items():
        status = process.wait()
        assert status == 0, (folder / f"{name}.err").read_text(encoding="utf-8")[-3000:]
        with np.load(folder / f"{name}.npz") as file:
            trained[name] = dict(file)
    return trained


def weights_of(results: Results, case: Case) -> Weights:
    """Return the weights of a case as its framework left them."""
    where = case.optimizer, case.update, case.sum_name
    return {place: results[case.framework][key(*where, place)] for place in LAYERS}


@pytest.mark.parametrize("case", in_pairs(EXISTING, is_needed), ids=name_of)
def test_weights_and_zeros_are_those_of_numpy(results: Results, case: Case) -> None:
    expected = reference(case.optimizer, case.update, case.sum_name)
    for place, got in weights_of(results, case).items():
        assert got.dtype == np.float64
        np.testing.assert_allclose(got, expected[place], rtol=0, atol=TOLERANCE)
        np.testing.assert_array_equal(got == 0, expected[place] == 0)


def test_every_framework_ran_what_exists_and_nothing_else(
    results: Results, request: pytest.FixtureRequest
) -> None:
    thorough = request.config.getoption("--thorough")
    for name, arrays in results.items():
        own = [c for c in EXISTING if c.framework == name and (thorough or is_needed(c))]
        assert len(arrays) == len(own) * len(LAYERS)


def test_the_registry_is_whole() -> None:
    """Every penalty and update meets every framework with some optimizer, or has a reason.

    Near 0 the gradient of L½ is as large as one likes, so that rounding decides, and that of L0 is
    0; their proxes run in the code of the other concave penalties, and blocks in that of groups.
    Penalties of matrices meet the frameworks in tests/penalties/test_spectral.py. A reweighted L1
    is an L1 between its rounds, which who trains renews. A constraint is no part of a loss or a
    gradient.
    """
    elsewhere = {LHalf, L0, BlockLasso, NuclearNorm, SoftOrthogonality, ReweightedL1}
    kinds = {type(term.penalty) for terms in SUMS.values() for term in terms}
    constraints = {penalty for penalty in REGISTRY.values() if not penalty.finite}
    assert set(REGISTRY.values()) - elsewhere - constraints <= kinds
    existing = {(case.framework, case.update, case.sum_name) for case in EXISTING}
    absent = set(itertools.product(FRAMEWORKS, UPDATES, SUMS)) - existing
    keras = {name for name, framework in FRAMEWORKS.items() if framework.is_keras}
    assert absent == {(name, "loss", "around") for name in keras}
    assert {case.reason for case in CASES} - {None} == {absence.reason for absence in ABSENCES}


@pytest.mark.parametrize("sum_name", SUMS)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_thousandth_more_strength_is_seen(
    optimizer: str, sum_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise two runs that are penalised differently, or not at all, would agree."""
    expected = {update: reference(optimizer, update, sum_name) for update in UPDATES}
    more = tuple(replace(term, strength=1.001 * term.strength) for term in SUMS[sum_name])
    monkeypatch.setitem(SUMS, sum_name, Terms(more))
    for update in UPDATES:
        got = in_numpy.train(optimizer, update, sum_name)
        gap = max(np.abs(got[place] - expected[update][place]).max() for place in got)
        assert gap > 10 * TOLERANCE, update


@pytest.mark.parametrize("sum_name", [name for name in SUMS if name not in ("l2", "around")])
def test_there_are_zeros_to_compare(sum_name: str) -> None:
    trained = [reference(name, "proximal", sum_name) for name in OPTIMIZERS]
    zeros = [sum(int((w == 0).sum()) for w in weights.values()) for weights in trained]
    sizes = [sum(w.size for w in weights.values()) for weights in trained]
    assert max(zeros) > 0
    assert all(count < size for count, size in zip(zeros, sizes, strict=True))


@pytest.mark.parametrize("sum_name", SUMS)
def test_the_two_places_of_epsilon_differ(sum_name: str) -> None:
    """The reason why each of them does not exist elsewhere."""
    one, other = (reference(name, "proximal", sum_name) for name in ("adam-torch", "adam-keras"))
    assert max(np.abs(one[place] - other[place]).max() for place in one) > 1e-3
