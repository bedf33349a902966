"""Every registered penalty, with its options at their ends, keeps every promise."""

from __future__ import annotations

import itertools
import pickle

import numpy as np
import pytest

from shrinkage.errors import InputError
from shrinkage.penalties import (
    L1,
    L2,
    MCP,
    REGISTRY,
    ElasticNet,
    GroupLasso,
    LHalf,
    Penalty,
    PenaltyCheckFailed,
    check_penalty,
    variants_of,
)
from shrinkage.penalties.battery import CHECKS, DUE_WHERE
from tests.mutants.penalty_faults.values import OffsetValue
from tests.selecting import in_pairs

VARIANTS = tuple(variant for penalty in REGISTRY.values() for variant in variants_of(penalty))


def is_needed(case: tuple[Penalty, str]) -> bool:
    """Every variant in NumPy, which is quick; in torch each class once."""
    penalty, namespace = case
    return namespace == "numpy" or penalty == type(penalty)()


CASES = in_pairs(itertools.product(VARIANTS, ("numpy", "torch")), is_needed)


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_battery(case: tuple[Penalty, str]) -> None:
    penalty, namespace = case
    pytest.importorskip(namespace)
    report = check_penalty(penalty, namespaces=[namespace])
    assert {*report.passed, *report.skipped} == set(CHECKS)
    facts = {fact for fact in DUE_WHERE.values() if not getattr(penalty, fact)}
    assert set(report.skipped) == {check for check, fact in DUE_WHERE.items() if fact in facts}


# Compiling is slow, so that JAX meets one small shape and the penalties that contain the others;
# compiled elastic nets train beside those of torch in tests/optax, and all frameworks in parity.
UNDER_JIT = in_pairs((ElasticNet(0.3), GroupLasso("input")), lambda one: one != ElasticNet(0.3))


@pytest.mark.slow
@pytest.mark.parametrize("penalty", UNDER_JIT, ids=repr)
def test_battery_under_jit(penalty: Penalty) -> None:
    pytest.importorskip("jax")
    check_penalty(penalty, namespaces=["jax"], shapes=[(3, 2)])


@pytest.mark.parametrize("penalty", [L1(), L2(), ElasticNet(0.3), MCP(), LHalf()], ids=repr)
def test_vectors_and_single_weights_are_arrays_too(penalty: Penalty) -> None:
    check_penalty(penalty, shapes=[(5,), (1,)], seed=3)


def test_a_skip_needs_the_name_of_a_check_and_a_reason() -> None:
    report = check_penalty(L1(), shapes=[(2,)], skip={"frozen": "as an example"})
    assert "frozen" not in report.passed
    assert report.skipped["frozen"] == "as an example"
    with pytest.raises(InputError, match="did you mean frozen"):
        check_penalty(L1(), skip={"frozn": "typo"})
    with pytest.raises(InputError, match="expected a reason"):
        check_penalty(L1(), skip={"frozen": " "})
    with pytest.raises(InputError, match="did you mean numpy"):
        check_penalty(L1(), namespaces=["nunpy"])


def test_a_failed_check_carries_what_was_expected_and_got() -> None:
    with pytest.raises(PenaltyCheckFailed) as caught:
        check_penalty(OffsetValue())
    failed = pickle.loads(pickle.dumps(caught.value))
    assert failed.check == "value-at-zero"
    assert failed.where == "OffsetValue() on numpy of shape (4, 3): Ω(0)"
    assert (failed.expected, failed.got) == ("0.0", "1.0")
    assert str(failed) == f"value-at-zero: {failed.where}: expected 0.0, got 1.0"


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
