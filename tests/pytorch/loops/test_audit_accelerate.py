"""`audit_trainer` on Accelerate: what was prepared, accumulated as the accelerator says."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState, GradientState
from accelerate.utils import DistributedType
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from shrinkage import L1, L2
from shrinkage.errors import InputError
from shrinkage.pytorch import audit_trainer, regularize
from tests.builders.torch_networks import half_squares
from tests.pytorch.audits.pictures import changes, picture, states_kept
from tests.pytorch.loops.tiny_training import adam, network, sgd, table

STRENGTH = 0.05


def plain_loss(model, batch):
    return nn.functional.mse_loss(model(batch[0]), batch[1])


def penalised_loss(model, batch, scale=1.0):
    return plain_loss(model, batch) + scale * STRENGTH * half_squares(model)


def doubled_loss(model, batch, scale):
    penalty = half_squares(model)
    return plain_loss(model, batch) + 2 * STRENGTH * scale * penalty


@pytest.fixture(autouse=True)
def _fresh_state() -> Iterator[None]:
    yield
    AcceleratorState._reset_state(reset_partial_state=True)
    GradientState._reset_state()


def listed(thing):
    """Return an object's attributes, lists as they are now."""
    return {k: v[:] if isinstance(v, list) else v for k, v in vars(thing).items()}


def prepared(build=sgd, **options):
    accelerator = Accelerator(cpu=True, **options)
    model = network()
    loader = DataLoader(TensorDataset(*table()), batch_size=4, shuffle=True)
    return accelerator, *accelerator.prepare(model, build(model.parameters()), loader)


@pytest.mark.parametrize("batches", [1, 4])
def test_right_and_wrong(batches):
    loop = prepared(gradient_accumulation_steps=batches)
    right = audit_trainer(*loop, penalised_loss, terms=STRENGTH * L2())
    assert right.findings == ()
    wrong = audit_trainer(*loop, doubled_loss, terms=STRENGTH * L2())
    assert wrong.rules == ("wrong-factor",)
    begins = doubled_loss.__code__.co_firstlineno
    assert {said.line.line for said in wrong.findings} == {begins + 2}
    absent = audit_trainer(*loop, plain_loss, terms=STRENGTH * L2())
    assert absent.rules == ("no-effect",)
    assert absent.findings[0].line.line == plain_loss.__code__.co_firstlineno


def test_attached_terms_and_mixed_precision():
    accelerator, model, optimizer, loader = prepared(adam, mixed_precision="bf16")
    regularize(optimizer.optimizer, model, STRENGTH * L1())
    assert audit_trainer(accelerator, model, optimizer, loader, plain_loss).update == "proximal"


def test_everything_is_as_it_was():
    accelerator, model, optimizer, loader = prepared(gradient_accumulation_steps=2)
    for batch in loader:
        with accelerator.accumulate(model):
            accelerator.backward(plain_loss(model, batch))
            optimizer.step()
            optimizer.zero_grad()
    shared = listed(GradientState())
    with states_kept():
        before = picture(model, optimizer.optimizer), listed(accelerator)
        terms = STRENGTH * L2()
        assert audit_trainer(accelerator, model, optimizer, loader, penalised_loss, terms=terms).ok
        after = picture(model, optimizer.optimizer), listed(accelerator)
    assert changes(before[0], after[0]) == []
    assert before[1] == after[1]
    assert listed(GradientState()) == shared


def test_bad_input():
    accelerator, model, optimizer, loader = prepared()
    with pytest.raises(InputError, match=r"got Sequential, AcceleratedOptimizer: audit_trainer\("):
        audit_trainer(accelerator, model, optimizer)
    with pytest.raises(InputError, match="take a third argument, scale"):
        audit_trainer(accelerator, model, optimizer, loader, plain_loss, strengths="l2")
    with pytest.raises(InputError, match="got the module MSELoss: write one that calls both"):
        audit_trainer(accelerator, model, optimizer, loader, nn.MSELoss())
    asked = {"terms": STRENGTH * L2()}
    with pytest.raises(InputError, match=r"a tensor of one number, got 1\.0"):
        audit_trainer(accelerator, model, optimizer, loader, lambda *_: 1.0, **asked)
    with pytest.raises(InputError, match="a loader without a batch"):
        audit_trainer(accelerator, model, optimizer, [], plain_loss)


def test_several_processes_are_refused():
    accelerator, model, optimizer, loader = prepared()
    accelerator.state.distributed_type = DistributedType.MULTI_CPU
    with pytest.raises(InputError, match="in one process, got MULTI_CPU"):
        audit_trainer(accelerator, model, optimizer, loader, plain_loss)


def test_no_trainer_of_a_framework():
    model = network()
    with pytest.raises(InputError, match=r"got Sequential: a loop of your own is for"):
        audit_trainer(model)
    assert torch.is_grad_enabled()
