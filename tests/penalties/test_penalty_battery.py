"""Every registered penalty, with its options at their ends, keeps every promise."""

from __future__ import annotations

import numpy as np
import pytest

from shrinkage.errors import InputError
from shrinkage.penalties import (
    L1,
    L2,
    REGISTRY,
    ElasticNet,
    GroupLasso,
    Penalty,
    PenaltyCheckFailed,
    check_penalty,
)
from shrinkage.penalties.checks import CHECKS

VARIANTS: tuple[Penalty, ...] = (
    L1(),
    L2(),
    ElasticNet(0.0),
    ElasticNet(0.3),
    ElasticNet(1.0),
    GroupLasso("input"),
    GroupLasso("output"),
    GroupLasso("layer"),
    GroupLasso(axes=(0, 1)),
    GroupLasso(axes=(-1,)),
)


def test_no_registered_penalty_is_left_out() -> None:
    assert {type(penalty) for penalty in VARIANTS} == {entry.penalty for entry in REGISTRY.values()}


@pytest.mark.parametrize("namespace", ["numpy", "torch"])
@pytest.mark.parametrize("penalty", VARIANTS, ids=repr)
def test_battery(penalty: Penalty, namespace: str) -> None:
    pytest.importorskip(namespace)
    report = check_penalty(penalty, namespaces=[namespace])
    assert report.passed == tuple(CHECKS)


# Compiling is slow, so that JAX meets one small shape and the penalties that contain the others.
@pytest.mark.parametrize("penalty", [ElasticNet(0.3), GroupLasso("input")], ids=repr)
def test_battery_under_jit(penalty: Penalty) -> None:
    pytest.importorskip("jax")
    check_penalty(penalty, namespaces=["jax"], shapes=[(3, 2)])


@pytest.mark.parametrize("penalty", [L1(), L2(), ElasticNet(0.3)], ids=repr)
def test_vectors_and_single_weights_are_arrays_too(penalty: Penalty) -> None:
    check_penalty(penalty, shapes=[(5,), (1,)], seed=3)


def test_a_skip_needs_the_name_of_a_check_and_a_reason() -> None:
    report = check_penalty(L1(), shapes=[(2,)], skip={"frozen": "as an example"})
    assert "frozen" not in report.passed
    assert report.skipped == {"frozen": "as an example"}
    with pytest.raises(InputError, match="did you mean frozen"):
        check_penalty(L1(), skip={"frozn": "typo"})
    with pytest.raises(InputError, match="expected a reason"):
        check_penalty(L1(), skip={"frozen": " "})
    with pytest.raises(InputError, match="did you mean numpy"):
        check_penalty(L1(), namespaces=["nunpy"])


def test_an_error_inside_the_penalty_is_a_failed_check_with_the_error() -> None:
    with pytest.raises(PenaltyCheckFailed, match=r"InputError: expected an array with axes \(1,\)"):
        check_penalty(GroupLasso("input"), shapes=[(3,)])


@pytest.mark.parametrize("penalty", VARIANTS, ids=repr)
def test_integers_and_lists_are_refused(penalty: Penalty) -> None:
    for bad in (np.ones((2, 2), dtype=int), [[1.0, 2.0]]):
        for call in (penalty.value, penalty.gradient, penalty.critical_strength):
            with pytest.raises(InputError):
                call(bad)
        with pytest.raises(InputError):
            penalty.prox(bad, 0.1)


def test_a_number_times_a_penalty_is_a_term() -> None:
    terms = pytest.importorskip("shrinkage.terms")
    for term in (0.5 * L1(), L1() * 0.5, np.float64(0.5) * L1()):
        assert isinstance(term, terms.Term)
        assert (float(term.strength), term.penalty) == (0.5, L1())
