"""The ledger's picture shows what the records say."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from shrinkage import L1, L2
from shrinkage.drawing import Kind, draw_figure, draw_png
from shrinkage.ledger.figure import NAMED, ledger_figure
from shrinkage.pytorch import Ledger, regularize


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
    taken = records(2, steps_per_epoch=10).ledger.records
    losses, shares, zeros, timescales = ledger_figure(taken).panels
    assert losses.series[0].label == "data loss"
    np.testing.assert_array_equal(losses.series[0].x, [record.step for record in taken])
    np.testing.assert_array_equal(losses.series[0].y, [record.data_loss for record in taken])
    for series in losses.series[1:]:
        np.testing.assert_array_equal(series.y, [record.terms[series.label] for record in taken])
    assert len(losses.series) == 3
    assert [series.label for series in shares.series] == ["0.weight", "1.weight"]
    for series in zeros.series:
        layers = [record.layers[series.label] for record in taken]
        np.testing.assert_array_equal(series.y, [layer.zeros / 16 for layer in layers])
    assert timescales.y.label == "epochs"
    assert timescales.series[0].y[0] == 1 / (0.01 * 0.1) / 10


def test_a_layer_has_one_colour_in_every_panel():
    _, *panels = ledger_figure(records(3).ledger.records).panels
    colours = [{series.label: series.colour for series in panel.series} for panel in panels]
    assert colours[0] == colours[1] == colours[2]
    assert len(set(colours[0].values())) == 3


def test_many_layers_are_faint():
    shares = ledger_figure(records(14).ledger.records).panels[1]
    assert sum(bool(series.label) for series in shares.series) == NAMED
    assert sum(series.kind is Kind.FAINT for series in shares.series) == 14 - NAMED


def test_a_scale_is_logarithmic_where_all_numbers_are_positive():
    losses, *_ = ledger_figure(records(2).ledger.records).panels
    assert losses.y.log
    nothing, *_ = ledger_figure([]).panels
    assert not nothing.y.log


def test_it_draws(tmp_path):
    attachment = records(2)
    attachment.plot().savefig(tmp_path / "ledger.png")
    assert (tmp_path / "ledger.png").stat().st_size > 10_000
    figure = ledger_figure(attachment.ledger.records)
    assert draw_png(figure) != draw_png(ledger_figure([]))


def test_labels_of_several_panels_are_explained_once_beside_them():
    canvas = records(2).plot()
    (beside,) = canvas.legends
    assert [text.get_text() for text in beside.get_texts()] == ["0.weight", "1.weight"]
    inside = [axes.get_legend() for axes in canvas.axes]
    assert [legend is not None for legend in inside] == [True, False, False, False]


def test_panels_without_records_say_so():
    empty = draw_figure(ledger_figure([]))
    assert [text.get_text() for axis in empty.axes for text in axis.texts] == [
        "nothing recorded"
    ] * 4
