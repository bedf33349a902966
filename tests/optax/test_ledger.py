"""The ledger of a JAX loop has the numbers that PyTorch's has, and its sinks and figure."""

from __future__ import annotations

import json

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import torch
from torch import nn

from shrinkage import L1, L2, GroupLasso
from shrinkage.errors import InputError
from shrinkage.ledger import ledger_figure
from shrinkage.optax import JsonLines, TreeLedger, proximal
from shrinkage.pytorch import Ledger, regularize

TERMS = (0.3 * L1()).named("l1") + (0.1 * L2()).named("l2")
TERMS = TERMS + (0.03 * GroupLasso(per="input")).named("groups").on("a.*")
RANDOM = np.random.default_rng(0)
START = {"a": RANDOM.normal(size=(6, 4)), "b": RANDOM.normal(size=(4, 1))}
X, Y = RANDOM.normal(size=(16, 6)), RANDOM.normal(size=(16, 1))


class Network(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = (nn.Linear(*START[name].shape, bias=False).double() for name in START)
        for name, start in START.items():
            getattr(self, name).weight.data = torch.tensor(start.T.copy())

    def forward(self, x):
        return self.b(torch.tanh(self.a(x)))


def _in_torch(steps):
    model = Network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    ledger = Ledger(every=2, steps_per_epoch=4)
    attachment = regularize(optimizer, model, TERMS, ledger=ledger)
    for _ in range(steps):
        optimizer.zero_grad()
        loss = (model(torch.tensor(X)) - torch.tensor(Y)).square().mean()
        loss.backward()
        attachment.note_loss(loss)
        optimizer.step()
    return ledger.records


def _in_jax(steps, ledger):
    def loss(params):
        hidden = jnp.tanh(X @ params["a"]["kernel"])
        return jnp.square(hidden @ params["b"]["kernel"] - Y).mean()

    params = {name: {"kernel": jnp.asarray(start)} for name, start in START.items()}
    optimizer = proximal(optax.sgd(0.05), TERMS, 0.05)
    state = optimizer.init(params)
    for step in range(1, steps + 1):
        before = params
        value, gradients = jax.value_and_grad(loss)(params)
        updates, state = optimizer.update(gradients, state, params)
        params = optax.apply_updates(params, updates)
        ledger.note(
            step, params, loss=value, gradients=gradients, before=before, learning_rate=0.05
        )
    return ledger.records


@pytest.mark.slow
def test_every_number_is_that_of_pytorch(tmp_path):
    path = tmp_path / "ledger.jsonl"
    with (
        jax.enable_x64(True),
        TreeLedger(TERMS, every=2, steps_per_epoch=4, sinks=[JsonLines(path)]) as ledger,
    ):
        ours = _in_jax(6, ledger)
    theirs = _in_torch(6)
    assert [record.step for record in ours] == [1, 2, 4, 6]
    for own, other in zip(ours, theirs, strict=True):
        assert (own.step, own.epoch) == (other.step, other.epoch)
        assert own.data_loss == pytest.approx(other.data_loss, rel=1e-9)
        assert own.terms == pytest.approx(dict(other.terms), rel=1e-9)
        for name in ("a", "b"):
            layer, its = own.layers[f"{name}.kernel"], other.layers[f"{name}.weight"]
            assert (layer.zeros, layer.size) == (its.zeros, its.size)
            assert layer.gradient_share == pytest.approx(its.gradient_share, rel=1e-9)
            assert layer.timescale_steps == pytest.approx(its.timescale_steps)
            assert layer.timescale_epochs == pytest.approx(its.timescale_epochs)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert lines[-1] == json.loads(json.dumps(ours[-1].as_dict()))
    assert [line.label for line in ledger_figure(ours).panels[0].series][1:] == [
        "l1",
        "l2",
        "groups",
    ]


def test_what_is_not_given_is_not_told():
    ledger = TreeLedger(0.5 * L1(), every=1)
    ledger.note(1, {"kernel": jnp.array([[0.0, 2.0]])})
    (record,) = ledger.records
    assert (record.data_loss, record.epoch, record.terms) == (
        None,
        None,
        {"0.5 * L1() on weights()": 1.0},
    )
    layer = record.layers["kernel"]
    assert (layer.gradient_share, layer.timescale_steps, layer.below_resolution) == (None,) * 3
    silent = TreeLedger(0.5 * L1(), every=0)
    silent.note(1, {})
    assert silent.records == []


@pytest.mark.parametrize("options", [{"every": -1}, {"keep": 0}, {"steps_per_epoch": 0}])
def test_bad_options(options):
    with pytest.raises(InputError, match="expected"):
        TreeLedger(0.5 * L1(), **options)
