"""The lines of findings about what the optimizer does: where it is built, where terms join it."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from shrinkage import L2
from shrinkage.pytorch import audit, regularize
from shrinkage.pytorch.audits.constructions import constructions_noted
from tests.pytorch.audits.audited_networks import CLASSES, INPUTS, data


def step(model, optimizer, batch):
    optimizer.zero_grad()
    nn.functional.cross_entropy(model(batch[0]), batch[1]).backward()
    optimizer.step()


class Own(torch.optim.AdamW):
    """A class whose construction passes through several `__init__`."""

    def __init__(self, weights, **options):
        super().__init__(weights, lr=0.01, **options)


def line_of(function, words: str) -> int:
    """Return the number of the line of a function that has some words."""
    first = function.__code__.co_firstlineno
    with open(__file__, encoding="utf-8") as file:  # noqa: PTH123
        lines = file.read().splitlines()
    return next(n for n, line in enumerate(lines, 1) if n > first and words in line)


def decaying(model):
    with constructions_noted():
        return Own(model.parameters(), weight_decay=0.1)


def attached(model):
    optimizer = Own(model.parameters(), weight_decay=0.0)
    model.attachment = regularize(optimizer, model, 0.1 * L2(), "decoupled")
    return optimizer


@pytest.mark.parametrize(
    ("build", "words", "rule"),
    [
        (decaying, "return Own(", "unselected-changed"),
        (decaying, "return Own(", "wrong-update"),
        (attached, "model.attachment =", "wrong-update"),
    ],
)
def test_the_line_that_a_person_wrote(build, words, rule):
    model = nn.Linear(INPUTS, CLASSES)
    report = audit(model, build(model), step, data(), 0.1 * L2(), update="gradient")
    lines = {said.line for said in report.findings if said.rule == rule}
    assert {(line.file, line.function) for line in lines} == {(__file__, build.__name__)}
    assert {line.line for line in lines} == {line_of(build, words)}


def test_an_optimizer_that_was_built_before_has_no_line():
    model = nn.Linear(INPUTS, CLASSES)
    report = audit(model, Own(model.parameters(), weight_decay=0.1), step, data())
    assert [said.line for said in report.findings] == [None]
    assert report.step.line == step.__code__.co_firstlineno


def test_torch_is_as_it_was():
    before = torch.optim.Optimizer.__init__
    with pytest.raises(KeyError), constructions_noted():
        raise KeyError
    assert torch.optim.Optimizer.__init__ is before
