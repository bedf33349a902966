"""Every number of the ledger against autograd and plain torch; sinks; memory; no waiting."""

from __future__ import annotations

import io
import json

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from shrinkage import L1, L2, GroupLasso
from shrinkage.errors import InputError
from shrinkage.ledger.sinks import scalars
from shrinkage.pytorch import Ledger, penalty_loss, regularize
from shrinkage.pytorch.ledger import JsonLines, MLflow, TensorBoard

TERMS = 0.3 * L1() + 0.1 * L2() + (0.03 * GroupLasso(per="input")).on("0.*")


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 1)).double()


def loss_of(model: nn.Module, step: int) -> torch.Tensor:
    x = torch.randn(16, 6, generator=torch.Generator().manual_seed(step), dtype=torch.float64)
    return (model(x)[:, 0] - x[:, 0]).square().mean()


def train(ledger, steps=6, terms=TERMS, update="proximal", look=None):
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    attachment = regularize(optimizer, model, terms, update, ledger=ledger)
    for step in range(1, steps + 1):
        optimizer.zero_grad()
        loss = loss_of(model, step)
        loss.backward()
        attachment.note_loss(loss)
        before = look(model, loss) if look else None
        optimizer.step()
        if look:
            look.seen.append((before, look.after(model)))
    return model, attachment


class Look:
    """Computes by autograd what a record has to say."""

    def __init__(self) -> None:
        self.seen: list = []

    def __call__(self, model, loss):
        shares = {}
        weights = {n: p for n, p in model.named_parameters() if n.endswith("weight")}
        slopes = torch.autograd.grad(penalty_loss(model, TERMS), list(weights.values()))
        for (name, p), slope in zip(weights.items(), slopes, strict=True):
            ours, theirs = float(slope.norm()), float(p.grad.norm())
            shares[name] = ours / (ours + theirs)
        return float(loss.detach()), shares

    def after(self, model):
        zeros = {n: int((p == 0).sum()) for n, p in model.named_parameters() if "weight" in n}
        values = [float(penalty_loss(model, term).detach()) for term in TERMS]
        return zeros, values


def test_every_number():
    look = Look()
    _, attachment = train(Ledger(every=1, steps_per_epoch=4), look=look)
    records = attachment.ledger.records
    assert [record.step for record in records] == [1, 2, 3, 4, 5, 6]
    for record, ((loss, shares), (zeros, values)) in zip(records, look.seen, strict=True):
        assert record.epoch == record.step / 4
        assert record.data_loss == pytest.approx(loss, rel=1e-12)
        assert list(record.terms.values()) == pytest.approx(values, rel=1e-10)
        assert set(record.layers) == {"0.weight", "2.weight"}
        for name, layer in record.layers.items():
            assert layer.gradient_share == pytest.approx(shares[name], rel=1e-10)
            assert layer.zeros == zeros[name]
            assert layer.size == {"0.weight": 48, "2.weight": 8}[name]
            assert layer.timescale_steps == pytest.approx(1 / (0.05 * 0.1))
            assert layer.timescale_epochs == pytest.approx(1 / (0.05 * 0.1) / 4)
            assert not layer.below_resolution
    assert any(layer.zeros for record in records for layer in record.layers.values())


@pytest.mark.parametrize("terms", [0.02 * L1(), 0.1 * L2()], ids=["l1", "l2"])
def test_the_share_of_a_term_alone(terms):
    model, attachment = train(Ledger(every=1), steps=1, terms=terms)
    start = network()
    loss_of(start, 1).backward()
    w, (record,) = start[0].weight, attachment.ledger.records
    slope = torch.autograd.grad(penalty_loss(start, terms), w)[0].norm()
    expected = float(slope / (slope + w.grad.norm()))
    assert record.layers["0.weight"].gradient_share == pytest.approx(expected, rel=1e-10)
    assert model[0].weight.shape == w.shape


def test_the_gradient_of_a_scaled_loss_is_told_unscaled():
    shares = []
    for scale in (1.0, 1024.0):
        model = network().float()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1, fused=True)
        attachment = regularize(optimizer, model, 0.1 * L2(), ledger=Ledger(every=1))
        for p in model.parameters():
            p.grad = torch.full_like(p, 0.01 * scale)
        optimizer.grad_scale, optimizer.found_inf = torch.tensor(scale), torch.tensor(0.0)
        optimizer.step()
        shares.append(attachment.ledger.records[0].layers["0.weight"].gradient_share)
    assert shares[0] == pytest.approx(shares[1], rel=1e-6)


def test_which_steps_are_recorded():
    assert [r.step for r in train(Ledger(every=3), steps=7)[1].ledger.records] == [1, 3, 6]
    assert train(Ledger(every=0))[1].ledger.records == []
    assert [r.step for r in train(None, steps=5)[1].ledger.records] == [1]


def test_memory_is_bounded():
    ledger = train(Ledger(every=1, keep=10), steps=80)[1].ledger
    assert len(ledger._waiting) < 64
    assert [record.step for record in ledger.records] == list(range(71, 81))


class Waits(TorchDispatchMode):
    """Counts reads of a tensor's value, which wait for the device."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.count += function is torch.ops.aten._local_scalar_dense.default
        return function(*args, **(kwargs or {}))


def test_recording_waits_for_nothing():
    ledger = Ledger(every=1)
    _, attachment = train(ledger, steps=1)
    slots = attachment._slots
    from shrinkage.pytorch.ledger.entries import record_begin, record_end

    groups = attachment._optimizer.param_groups
    with Waits() as waits:
        entries = record_begin(ledger, 2, slots, groups, 1.0)
        record_end(ledger, slots, entries)
        assert waits.count == 0
    with Waits() as waits:
        float(torch.ones(()))
        assert waits.count == 1


def test_table_and_frame():
    ledger = train(Ledger(every=2), steps=4)[1].ledger
    assert len(ledger.table().splitlines()) == 4
    frame = ledger.frame()
    assert len(frame) == 3 * 2
    assert set(frame["layer"]) == {"0.weight", "2.weight"}


def test_state_survives_a_checkpoint():
    model, attachment = train(Ledger(every=1))
    stored = io.BytesIO()
    torch.save(attachment.state_dict(), stored)
    stored.seek(0)
    other = regularize(torch.optim.SGD(model.parameters(), lr=0.05), model, TERMS)
    other.load_state_dict(torch.load(stored, weights_only=True))
    assert other.ledger.records == attachment.ledger.records


def test_json_lines_survive_a_kill(tmp_path):
    path = tmp_path / "ledger.jsonl"
    with Ledger(every=1, sinks=[JsonLines(path)]) as ledger:
        train(ledger, steps=3)
    with path.open("a") as file:
        file.write('{"step": 4, "ep')  # cut off by a kill
    _, attachment = train(Ledger(every=1, sinks=[JsonLines(path)]), steps=2)
    attachment.ledger.close()
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2, 3, 1, 2]
    assert lines[-1] == json.loads(json.dumps(attachment.ledger.records[-1].as_dict()))


def test_a_ledger_that_cannot_be_written(tmp_path):
    with pytest.raises(InputError, match="choose another path"):
        JsonLines(tmp_path / "missing" / "ledger.jsonl")
    sink = JsonLines("/dev/full")
    with pytest.warns(UserWarning, match="training goes on") as caught:
        _, attachment = train(Ledger(every=1, sinks=[sink]), steps=3)
    assert len(caught) == 1
    assert len(attachment.ledger.records) == 3
    attachment.ledger.close()


@pytest.mark.slow
def test_tensorboard_reads_it_back(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    with Ledger(every=1, sinks=[TensorBoard(tmp_path)]) as ledger:
        train(ledger, steps=3)
    events = EventAccumulator(str(tmp_path))
    events.Reload()
    last = dict(scalars(ledger.records[-1]))
    assert events.Tags()["scalars"]
    found = events.Scalars("zeros/0.weight")
    assert [event.step for event in found] == [1, 2, 3]
    assert found[-1].value == pytest.approx(last["zeros/0.weight"], rel=1e-6)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_mlflow_reads_it_back(tmp_path, monkeypatch):
    import mlflow

    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")  # a database needs the whole package
    mlflow.set_tracking_uri((tmp_path / "runs").as_uri())
    with mlflow.start_run() as run:
        train(Ledger(every=1, sinks=[MLflow(run.info.run_id)]), steps=3)
    found = mlflow.MlflowClient().get_run(run.info.run_id).data.metrics
    assert found["zeros/0.weight"] >= 0
    assert any(name.startswith("term/") for name in found)


@pytest.mark.parametrize(
    "options", [{"every": -1}, {"every": 1.5}, {"keep": 0}, {"steps_per_epoch": 0}]
)
def test_bad_options(options):
    with pytest.raises(InputError, match="expected"):
        Ledger(**options)
