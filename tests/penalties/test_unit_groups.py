"""Groups of unequal size and free units, against the plain formulas and one group at a time."""

from __future__ import annotations

import numpy as np
import pytest

from shrinkage.errors import InputError, OverlapError
from shrinkage.parameters import InputGroups, ParameterInfo
from shrinkage.penalties import L1, L2, ElasticNet, GroupLasso, OnSomeUnits, Units, check_penalty
from shrinkage.terms import Part, assign, closed_form
from shrinkage.terms.assignment import penalty_on

LABELS = ("city", "age", "city", "x", "date", "date", "city")
MEMBERS = ([0, 2, 6], [1], [3], [4, 5])


def rows(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


def test_value_gradient_prox_and_critical_strength_are_those_of_each_group():
    w, step = rows(0, 2, 3, 7), np.abs(rows(1, 2, 3, 7))
    penalty = GroupLasso(per="input", groups=LABELS)
    value, critical = np.zeros(2), np.zeros(2)
    gradient, even, diagonal = (np.zeros_like(w) for _ in range(3))
    for members in MEMBERS:
        own = w[:, :, members]
        whole = GroupLasso("layer")
        value += whole.value(own, 1)
        critical = np.maximum(critical, whole.critical_strength(own, 1))
        gradient[:, :, members] = whole.gradient(own, 1)
        even[:, :, members] = whole.prox(own, 0.6, 1)
        diagonal[:, :, members] = whole.prox(own, step[:, :, members], 1)
    np.testing.assert_allclose(penalty.value(w, 1), value, rtol=1e-14)
    np.testing.assert_allclose(penalty.critical_strength(w, 1), critical, rtol=1e-14)
    np.testing.assert_allclose(penalty.gradient(w, 1), gradient, rtol=1e-14)
    np.testing.assert_array_equal(penalty.prox(w, 0.6, 1), even)
    np.testing.assert_allclose(penalty.prox(w, step, 1), diagonal, rtol=1e-14)
    assert not even[:, :, 1].any()
    assert value[0] == pytest.approx(
        sum(np.sqrt(3 * len(m)) * np.linalg.norm(w[0][:, m]) for m in MEMBERS)
    )


def test_labels_of_their_own_are_the_plain_group_lasso():
    w = rows(2, 3, 4)
    plain, labelled = GroupLasso("input"), GroupLasso("input", groups=range(4))
    np.testing.assert_array_equal(labelled.prox(w, 0.5), plain.prox(w, 0.5))
    assert GroupLasso("input").with_axes(0, 1).with_unit_groups(1, LABELS).groups is None


@pytest.mark.parametrize("inside", [L1(), L2(), ElasticNet(0.4)], ids=repr)
def test_free_units_pass_the_battery(inside):
    reason = "free weights move whatever the strength"
    check_penalty(
        OnSomeUnits(inside, Units(0, 4, (0, 2, 3))), shapes=[(4, 3)], namespaces=("numpy", "torch"),
        skip={"critical-strength-both-sides": reason},
    )  # fmt: skip


def test_free_inputs_are_as_if_the_others_were_an_array_of_their_own():
    w, step = rows(3, 2, 3, 7), np.abs(rows(4, 2, 3, 7))
    groups = InputGroups(LABELS, free=(1, 4))
    info = ParameterInfo("w", (3, 7), input_axis=1, output_axis=0, input_groups=groups)
    kept = list(groups.penalised)
    for penalty in (L1(), L2(), ElasticNet(0.3), GroupLasso("output"), GroupLasso("input")):
        ours = closed_form(Part(0.7, penalty_on(penalty, info)).elementary())
        alone = penalty
        if penalty == GroupLasso("input"):
            alone = GroupLasso("input", groups=[LABELS[unit] for unit in kept])
        theirs = closed_form(Part(0.7, alone).elementary())
        moved = ours.prox(w, step, 1, reach=0.4)
        expected = theirs.prox(w[:, :, kept], step[:, :, kept], 1, reach=0.4)
        np.testing.assert_array_equal(moved[:, :, kept], expected)
        np.testing.assert_array_equal(moved[:, :, [1, 4]], w[:, :, [1, 4]])
        np.testing.assert_allclose(ours.value(w, 1), theirs.value(w[:, :, kept], 1), rtol=1e-14)
        assert (ours.gradient(w, 1)[:, :, [1, 4]] == 0).all()


def test_groups_of_ones_own_lose_the_free_inputs():
    groups = InputGroups(LABELS, free=(1, 4))
    info = ParameterInfo("w", (3, 7), input_axis=1, output_axis=0, input_groups=groups)
    w = rows(7, 3, 7)
    own = penalty_on(GroupLasso("input", groups=(0, 0, 1, 1, 1, 2, 2)), info)
    alone = GroupLasso("input", groups=(0, 1, 1, 2, 2))
    kept = list(groups.penalised)
    np.testing.assert_array_equal(own.prox(w, 0.3)[:, kept], alone.prox(w[:, kept], 0.3))


def test_terms_with_references_meet_on_the_same_free_inputs():
    w, reference = rows(5, 3, 7), rows(6, 3, 7)
    info = ParameterInfo("w", (3, 7), input_axis=1, input_groups=InputGroups(LABELS, free=(0, 6)))
    kept = [1, 2, 3, 4, 5]
    terms = 0.2 * L1() + (0.3 * L2()).around({"w": reference}) + 0.1 * GroupLasso("input")
    moved = assign((info,), terms).plans["w"].in_metric.prox(w, 0.5)
    groups = GroupLasso("input", groups=[LABELS[unit] for unit in kept])
    parts = [Part(0.2, L1()), Part(0.3, L2(), reference[:, kept]), Part(0.1, groups)]
    np.testing.assert_array_equal(moved[:, kept], closed_form(parts).prox(w[:, kept], 0.5))
    np.testing.assert_array_equal(moved[:, [0, 6]], w[:, [0, 6]])


def test_the_table_says_what_is_together_and_what_is_free():
    info = ParameterInfo("w", (3, 7), input_axis=1, input_groups=InputGroups(LABELS, free=(1,)))
    table = str(assign((info,), 0.1 * GroupLasso("input")))
    assert "inputs in 3 groups, 1 of 7 inputs free" in table


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: GroupLasso("layer", groups=(0, 1)),
        lambda: GroupLasso(axes=(0, 1), groups=(0, 1)),
        lambda: GroupLasso("input", groups="ab"),
        lambda: GroupLasso("input", groups=()),
        lambda: GroupLasso("input", groups=3),
        lambda: GroupLasso("input", groups=(0, 1)).value(np.ones((2, 3))),
        lambda: Units(0, 3, (2, 1)),
        lambda: Units(0, 3, (0, 3)),
        lambda: Units(1, 3, (0,)).take(np.ones((2, 2))),
        lambda: InputGroups(("a",), free=(0,)),
    ],
)
def test_what_cannot_be_is_refused(wrong):
    with pytest.raises(InputError, match="expected"):
        wrong()


def test_parts_on_different_units_have_no_prox():
    parts = [Part(1.0, OnSomeUnits(L1(), Units(0, 3, (0,)))), Part(1.0, L2())]
    with pytest.raises(OverlapError, match="different units"):
        closed_form(parts)
