"""The callback: losses and terms apart, exact zeros, the table at the start."""

from __future__ import annotations

import json
import os
from pathlib import Path

import keras
import numpy as np
import pytest

from shrinkage import L1, L2
from shrinkage.keras import JsonLines, LedgerCallback, regularize
from shrinkage.ledger import ledger_figure
from tests.keras.checks.networks import fit, hidden, kernel, linear


def check_a_record_an_epoch() -> None:
    model = linear(keras.optimizers.SGD(0.1))
    attachment = regularize(model, 0.2 * L1())
    shown: list[str] = []
    ledger = LedgerCallback(attachment, show=shown.append)
    history = fit(model, epochs=4, callbacks=[ledger])
    assert shown == [attachment.table()]
    assert [record.step for record in ledger.records] == [6, 12, 18, 24]
    assert [record.epoch for record in ledger.records] == [0, 1, 2, 3]
    losses = [record.data_loss for record in ledger.records]
    np.testing.assert_allclose(losses, history.history["loss"], rtol=1e-6)
    last = ledger.records[-1]
    assert last.zeros == {"out.kernel": int((kernel(model) == 0).sum())}
    assert last.zeros["out.kernel"] > 0
    assert last.sizes == {"out.kernel": 8}
    expected = 0.2 * np.abs(kernel(model)).sum()
    np.testing.assert_allclose(list(last.terms.values()), expected, rtol=1e-5)


def check_records_within_an_epoch_see_the_weights_of_then() -> None:
    model = linear(keras.optimizers.SGD(0.05))
    ledger = LedgerCallback(regularize(model, 0.2 * L1()), every=2, show=None)
    fit(model, epochs=2, callbacks=[ledger])
    assert [record.step for record in ledger.records] == [2, 4, 6, 8, 10, 12]
    values = [next(iter(record.terms.values())) for record in ledger.records]
    assert len(set(values)) == 6


def check_steps_per_execution_are_counted_as_steps() -> None:
    several = 1 if keras.backend.backend() == "torch" else 3  # Keras refuses it there
    model = linear(keras.optimizers.SGD(0.05), steps_per_execution=several)
    ledger = LedgerCallback(regularize(model, 0.2 * L1()), show=None)
    fit(model, epochs=2, callbacks=[ledger])
    assert [record.step for record in ledger.records] == [6, 12]


def check_records_every_so_many_batches_where_several_run_at_once() -> None:
    several = 1 if keras.backend.backend() == "torch" else 3
    model = linear(keras.optimizers.SGD(0.05), steps_per_execution=several)
    ledger = LedgerCallback(regularize(model, 0.2 * L1()), every=2, show=None)
    fit(model, epochs=1, callbacks=[ledger])
    assert [record.step for record in ledger.records] == ([2, 4, 6] if several == 1 else [3, 6])


def check_an_epoch_without_a_step_has_its_record() -> None:
    model = linear(keras.optimizers.SGD(0.05, gradient_accumulation_steps=9))
    ledger = LedgerCallback(regularize(model, 0.2 * L1()), show=None)
    fit(model, epochs=4, callbacks=[ledger])
    assert [record.epoch for record in ledger.records] == [0, 1, 2, 3]
    assert [record.step for record in ledger.records] == [0, 1, 2, 2]


def check_a_loss_that_layers_add_to_is_not_called_data_loss() -> None:
    model = hidden(keras.optimizers.SGD(0.05), keras.regularizers.L2(0.1))
    ledger = LedgerCallback(regularize(model, 0.1 * L1()), show=None)
    fit(model, epochs=1, callbacks=[ledger])
    assert ledger.records[0].data_loss is None
    assert ledger.records[0].loss is not None


def check_sinks_a_table_a_frame_and_a_figure() -> None:
    path = Path(os.environ["CHECKS_FOLDER"]) / "ledger.jsonl"
    path.unlink(missing_ok=True)
    model = linear(keras.optimizers.SGD(0.1))
    attachment = regularize(model, 0.2 * L1() + 0.5 * L2())
    with LedgerCallback(attachment, show=None, sinks=[JsonLines(path)], keep=2) as ledger:
        fit(model, epochs=3, callbacks=[ledger])
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["step"] for line in lines] == [6, 12, 18]
    assert [record.step for record in ledger.records] == [12, 18]
    assert lines[-1] == json.loads(json.dumps(ledger.records[-1].as_dict()))
    (layer,) = ledger.records[-1].layers.values()
    assert layer.timescale_steps == pytest.approx(1 / (0.1 * 0.5), rel=1e-6)
    assert layer.timescale_epochs == pytest.approx(layer.timescale_steps / 6)
    assert len(ledger.table().splitlines()) == 3
    assert list(ledger.frame()["layer"]) == ["out.kernel"] * 2
    losses, _, zeros, _ = ledger_figure(ledger.records).panels
    assert [line.label for line in losses.series] == ["data loss", *attachment.terms.ids]
    assert list(zeros.series[0].y) == [record.zeros["out.kernel"] / 8 for record in ledger.records]


def check_the_table_is_printed_by_default() -> None:
    import contextlib
    import io

    model = linear(keras.optimizers.SGD(0.05))
    out = io.StringIO()
    ledger = LedgerCallback(regularize(model, 0.1 * L1() + (0.1 * L2()).with_update("decoupled")))
    with contextlib.redirect_stdout(out):
        ledger.set_model(model)
        ledger.on_train_begin()
    assert "out.kernel" in out.getvalue()
