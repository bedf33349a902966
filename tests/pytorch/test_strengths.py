"""Strengths that are set or scheduled, references, and what is refused on the way."""

from __future__ import annotations

import math

import pytest
import torch
from torch.optim import SGD, Adam
from torch.optim.lr_scheduler import LinearLR

from shrinkage import L1, L2, GroupLasso
from shrinkage.errors import InputError, ShrinkageError
from shrinkage.pytorch import Cosine, Ledger, WarmUp, regularize
from tests.builders.torch_networks import parameters_of
from tests.pytorch.small_training import network, sgd, train


def test_schedules_follow_real_steps():
    model = network()
    optimizer = sgd(model)
    attachment = regularize(optimizer, model, 0.4 * L1(), schedule=WarmUp(4))
    seen = []
    for _ in range(6):
        seen.append(next(iter(attachment.strengths.values())))
        train(model, optimizer, 1)
    # what is shown is the strength of the last step; the first is 0
    assert seen == pytest.approx([0.0, 0.0, 0.1, 0.2, 0.3, 0.4])


def test_factor_zero_is_the_unregularized_run():
    model, plain = network(), network()
    optimizer = Adam(model.parameters(), lr=0.01)
    regularize(optimizer, model, 0.4 * L1() + 0.1 * L2(), schedule=lambda _: 0.0)
    ours = train(model, optimizer)
    theirs = train(plain, Adam(plain.parameters(), lr=0.01))
    assert all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))


def test_cosine():
    schedule = Cosine(10, start=1.0, end=0.2)
    expected = [0.2 + 0.8 * 0.5 * (1 + math.cos(math.pi * s / 10)) for s in range(11)]
    assert [schedule(s) for s in range(11)] == pytest.approx(expected)
    assert schedule(50) == pytest.approx(0.2)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -1.0, None, "a"])
def test_bad_factors_and_strengths_name_the_term(bad):
    model = network()
    optimizer = sgd(model)
    attachment = regularize(optimizer, model, 0.4 * L1())
    with pytest.raises(InputError, match="finite number of at least 0"):
        attachment.set_strength(0, bad)
    attachment.detach()
    with pytest.raises(InputError, match=r"at step 0 for 0\.4 \* L1"):
        regularize(optimizer, model, 0.4 * L1(), schedule=lambda _: bad)


def test_a_term_is_known_by_itself_its_text_and_its_number():
    model = network()
    terms = 0.4 * L1() + 0.1 * L2()
    attachment = regularize(sgd(model), model, terms)
    for number, term in enumerate((terms.terms[0], repr(terms.terms[1]))):
        attachment.set_strength(term, 0.7 + number)
    assert list(attachment.strengths.values()) == [0.7, 1.7]
    with pytest.raises(InputError, match=r"got 0\.5"):
        attachment.set_strength(0.5 * L1(), 0.1)
    with pytest.raises(InputError, match="from 0 to 1"):
        attachment.set_strength(2, 0.1)


@pytest.mark.parametrize("schedule", [[WarmUp(3)], 3, [WarmUp(3), 1.0]])
def test_schedules_fit_the_terms(schedule):
    model = network()
    with pytest.raises(InputError, match="one \\(or None\\) for each of 2 terms"):
        regularize(sgd(model), model, 0.4 * L1() + 0.1 * L2(), schedule=schedule)


@pytest.mark.parametrize("steps", [0, -3, 1.5])
def test_schedules_have_a_length(steps):
    with pytest.raises(InputError, match="at least 1"):
        WarmUp(steps)


def test_a_learning_rate_of_zero_is_refused_unless_a_schedule_raises_it():
    model = network()
    with pytest.raises(InputError, match=r"got 0 for the group of 0\.weight"):
        regularize(SGD(model.parameters(), lr=0.0), model, 0.1 * L1())
    optimizer = SGD(model.parameters(), lr=0.1)
    torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: step / 10)
    assert optimizer.param_groups[0]["lr"] == 0.0
    regularize(optimizer, model, 0.1 * L1())
    LinearLR(optimizer)


def test_one_copy_of_a_reference_for_all_terms():
    model = network()
    state = model.state_dict()
    terms = (0.1 * L1() + 0.1 * L2()).around(state)
    first, second = terms
    assert first.reference is second.reference
    attachment = regularize(sgd(model), model, terms)
    for slot in attachment._slots:
        held = {part.reference.data_ptr() for part in slot.plan.parts}
        assert len(held) == 1
        assert next(iter(held)) == first.reference[slot.target.name].data_ptr()


@pytest.mark.parametrize("update", ["decoupled", "proximal", "gradient"])
def test_l2_towards_a_reference(update):
    """L2-SP under SGD: the gradient of ½λ‖w − r‖² is λ(w − r)."""
    model, other = network(), network()
    reference = {name: value + 0.1 for name, value in model.state_dict().items()}
    optimizer, second = sgd(model), sgd(other)
    regularize(optimizer, model, (0.5 * L2()).around(reference), update)
    for _ in range(5):
        start = [p.detach().clone() for p in other.parameters()]
        train(other, second, 1)
        with torch.no_grad():
            for name, p, w in zip(reference, other.parameters(), start, strict=True):
                if p.ndim > 1 and update == "proximal":
                    p.copy_((p + 0.05 * 0.5 * reference[name]) / (1 + 0.05 * 0.5))
                elif p.ndim > 1:
                    p.sub_(0.05 * 0.5 * (w - reference[name]))
    for ours, theirs in zip(train(model, optimizer, 5), parameters_of(other), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        ((0.1 * L1()).around({"0.weight": torch.zeros(3, 3)}).on("0.weight"), r"shape \(8, 6\)"),
        ((0.1 * GroupLasso(axes=(4,))).on("0.weight"), "0.weight"),
        (0.1 * GroupLasso(per="input") + 0.1 * GroupLasso(per="output"), "0.weight.*update="),
    ],
    ids=["reference", "axes", "overlap"],
)
def test_bad_terms_name_the_parameter_and_the_remedy(terms, message):
    model = network()
    with pytest.raises(ShrinkageError, match=message):
        regularize(sgd(model), model, terms)


def test_terms_that_print_alike_have_strengths_of_their_own():
    model = network()
    zero = {name: torch.zeros_like(value) for name, value in model.state_dict().items()}
    one = {name: torch.ones_like(value) for name, value in model.state_dict().items()}
    first, second = (0.1 * L2()).around(zero), (0.1 * L2()).around(one)
    assert repr(first) == repr(second)
    optimizer = sgd(model)
    attachment = regularize(optimizer, model, first + second, ledger=Ledger(every=1))
    assert list(attachment.strengths.values()) == [0.1, 0.1]
    before = list(attachment.value().values())
    attachment.set_strength(second, 5.0)
    assert list(attachment.strengths.values()) == [0.1, 5.0]
    assert attachment.given_strengths == (0.1, 5.0)
    assert list(attachment.value().values()) == pytest.approx([before[0], 50 * before[1]])
    train(model, optimizer, 1)
    (record,) = attachment.ledger.records
    assert record.terms.keys() == attachment.strengths.keys()
    attachment.set_strength("0.1 * L2() on weights() around a reference", 0.2)
    assert list(attachment.strengths.values()) == [0.2, 5.0]


def test_equal_terms_are_known_by_themselves_or_their_number():
    model = network()
    first, second = 0.1 * L1(), 0.1 * L1()
    attachment = regularize(sgd(model), model, first + second)
    attachment.set_strength(second, 0.3)
    attachment.set_strength(0, 0.2)
    assert list(attachment.strengths.values()) == [0.2, 0.3]
    with pytest.raises(InputError, match="which 2 equal"):
        attachment.set_strength(0.1 * L1(), 0.5)


def test_a_term_with_a_name_is_known_by_it():
    model = network()
    attachment = regularize(sgd(model), model, (0.1 * L2()).named("decay") + 0.2 * L1())
    attachment.set_strength("decay", 0.4)
    assert attachment.strengths["decay"] == 0.4
    assert set(attachment.value()) == {"decay", "0.2 * L1() on weights()"}
