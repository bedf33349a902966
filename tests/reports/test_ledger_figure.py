"""The ledger's picture shows what the records say."""

from __future__ import annotations

import torch
from torch import nn

from shrinkage import L1, L2
from shrinkage.pytorch import Ledger, regularize
from shrinkage.reports.ledger_figure import SHOWN, ledger_figure, ledger_panels


def records(layers: int, steps_per_epoch: int | None = None):
    torch.manual_seed(0)
    model = nn.Sequential(*(nn.Linear(4, 4) for _ in range(layers)))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    ledger = Ledger(every=1, steps_per_epoch=steps_per_epoch)
    attachment = regularize(optimizer, model, 0.1 * L1() + 0.1 * L2(), ledger=ledger)
    for _ in range(3):
        optimizer.zero_grad()
        loss = model(torch.ones(2, 4)).square().mean()
        loss.backward()
        attachment.note_loss(loss)
        optimizer.step()
    return attachment


def test_lines_are_the_records():
    found = records(2, steps_per_epoch=10).ledger.records
    losses, shares, zeros, timescales = ledger_panels(found)
    assert losses.lines[0].name == "data loss"
    assert losses.lines[0].values == tuple(record.data_loss for record in found)
    assert losses.lines[1].values == tuple(next(iter(record.terms.values())) for record in found)
    assert {line.name for line in shares.lines} == {"0.weight", "1.weight"}
    assert zeros.lines[0].values == tuple(
        100 * record.layers[zeros.lines[0].name].zeros / 16 for record in found
    )
    assert timescales.unit == "epochs"
    assert timescales.lines[0].values[0] == 1 / (0.01 * 0.1) / 10


def test_many_layers_are_grey():
    found = records(14).ledger.records
    shares = ledger_panels(found)[1]
    assert sum(bool(line.name) for line in shares.lines) == SHOWN
    assert len(shares.lines) == 14


def test_it_draws(tmp_path):
    figure = records(2).plot()
    figure.savefig(tmp_path / "ledger.png")
    assert (tmp_path / "ledger.png").stat().st_size > 10_000
    empty = ledger_figure([])
    assert [text.get_text() for axis in empty.axes for text in axis.texts] == [
        "nothing recorded"
    ] * 4
