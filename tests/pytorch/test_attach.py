"""`attach`: parts on tensors, and whose strength is whose."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from torch.optim import SGD

from shrinkage import L1, L2
from shrinkage.errors import InputError
from shrinkage.pytorch import attach, regularize
from shrinkage.terms import Part


def two() -> tuple[nn.Parameter, nn.Parameter]:
    return nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(3))


def test_parts_without_a_term_are_terms_of_their_own():
    first, second = two()
    optimizer = SGD([first, second], lr=0.1)
    attachment = attach(optimizer, {first: [Part(0.1, L1())], second: [Part(0.2, L1())]})
    assert attachment.strengths == {"L1()": 0.1, "L1() (2)": 0.2}
    attachment.set_strength("L1() (2)", 5.0)
    assert attachment.value() == pytest.approx({"L1()": 0.2, "L1() (2)": 15.0})


def test_parts_of_one_term_share_its_strength():
    first, second = two()
    optimizer = SGD([first, second], lr=0.1)
    parts = {
        first: [Part(0.1, L1(), term="net", share=0.25), Part(0.3, L2(), term="net", share=0.75)],
        second: [Part(0.4, L1(), term="net")],
    }
    attachment = attach(optimizer, parts)
    assert attachment.strengths == pytest.approx({"net": 0.4})
    attachment.set_strength("net", 0.8)
    assert attachment.value() == pytest.approx({"net": 0.2 * 2 + 0.6 * 1 + 0.8 * 3})
    with pytest.raises(InputError, match="one of the terms, got nets: did you mean net"):
        attachment.set_strength("nets", 0.8)


def test_one_term_has_one_strength():
    first, second = two()
    optimizer = SGD([first, second], lr=0.1)
    parts = {first: [Part(0.1, L1(), term="a")], second: [Part(0.2, L1(), term="a")]}
    with pytest.raises(InputError, match="one strength for all parts of the term 'a'"):
        attach(optimizer, parts)


def test_a_copy_of_a_model_that_holds_its_attachment_refers_to_it():
    """As an average of the weights copies it: the attachment is of the one optimizer."""
    model = nn.Linear(64, 32)
    optimizer = SGD(model.parameters(), lr=0.1)
    model.attachment = regularize(optimizer, model, 0.1 * L1())
    model(torch.ones(1, 64)).sum().backward()
    optimizer.step()
    copied = copy.deepcopy(model)
    assert copied.attachment is model.attachment
    assert torch.equal(copied.weight, model.weight)
