"""Every optimizer and variant in every loop with every update: a passing test, or a refusal."""

from __future__ import annotations

import warnings

import pytest
import torch
from torch._dynamo.utils import counters

from shrinkage import L1, L2, GroupLasso
from shrinkage.pytorch import penalty_loss, regularize
from tests.pytorch.support.byhand import L1_STRENGTH, ByHand, network, penalised, weights
from tests.pytorch.support.loops import LOOPS, TERMS, backward
from tests.pytorch.support.registry import CELLS, is_needed, tolerance
from tests.pytorch.support.rows import CAPTURABLE, ROWS, UPDATES
from tests.selecting import in_pairs


@pytest.mark.parametrize("cell", in_pairs(CELLS, is_needed), ids=lambda cell: cell.name)
def test_cell(cell):
    if cell.refusal is not None:
        with pytest.raises(cell.error, match=cell.pattern):
            LOOPS[cell.loop](cell.row, cell.update)
        return
    ours, theirs = LOOPS[cell.loop](cell.row, cell.update)
    assert len(ours) == len(theirs)
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one.double(), other.double(), **tolerance(cell.loop))


@pytest.mark.parametrize("row", CAPTURABLE, ids=lambda row: row.name)
def test_capturable_is_refused_by_torch_itself_on_the_cpu(row):
    model = network(row)
    optimizer = row.make(model)
    for p in model.parameters():
        p.grad = torch.zeros_like(p)
    with pytest.raises(AssertionError, match="capturable"):
        optimizer.step()


def test_lbfgs_takes_the_loss_in_its_closure():
    found = []
    for library in (True, False):
        torch.manual_seed(0)
        model = torch.nn.Linear(6, 2).double()
        optimizer = torch.optim.LBFGS(model.parameters(), lr=0.1, max_iter=3)
        x = torch.randn(16, 6, dtype=torch.float64)
        attachment = regularize(optimizer, model, TERMS, "loss") if library else None

        def evaluate(model=model, optimizer=optimizer, attachment=attachment, x=x):
            optimizer.zero_grad()
            loss = (model(x) - x[:, :2]).square().mean()
            w = model.weight
            by_hand = 0.03 * w.abs().sum() + 0.025 * w.square().sum()
            loss = loss + (by_hand if attachment is None else attachment.loss())
            loss.backward()
            return loss

        for _ in range(4):
            optimizer.step(evaluate)
        found.append(model.weight.detach().clone())
    torch.testing.assert_close(*found, rtol=1e-10, atol=1e-12)


CORE = [row for row in ROWS if row.tensor_rate]


@pytest.mark.filterwarnings("ignore:.torch.jit.script_method.:DeprecationWarning")  # in Dynamo
@pytest.mark.parametrize("row", CORE, ids=lambda row: row.name)
@pytest.mark.parametrize("update", UPDATES)
def test_a_compiled_step_is_one_graph_whatever_rate_and_strength(row, update):
    """The optimizer is compiled, the hooks are not: nothing to recompile for."""
    found = []
    for library in (True, False):  # both compiled: torch rounds Adam's bias correction differently
        torch._dynamo.reset()
        model = network(row)
        optimizer = row.make(model)
        step = torch.compile(optimizer.step, backend="eager")
        if library:
            acting = regularize(optimizer, model, TERMS, update)
        else:
            acting = ByHand(optimizer, penalised(model), update)
        counters.clear()
        for number in range(6):
            optimizer.zero_grad()
            backward(model, row, number, acting, update)
            step() if library else acting.step(step)
            optimizer.param_groups[0]["lr"].mul_(0.9)
            strength = L1_STRENGTH / (number + 1)
            if library:
                acting.set_strength(0, strength)
            else:
                acting.l1 = strength
        assert not library or counters["stats"]["unique_graphs"] == 1
        found.append(weights(model))
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-8, atol=1e-10)


def test_a_penalty_in_a_compiled_loss_is_the_penalty_without_a_warning_of_caches():
    torch._dynamo.reset()
    layer = torch.nn.Linear(3, 2)
    terms = 0.1 * L1() + 0.2 * L2() + 0.3 * GroupLasso(per="input")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        compiled = torch.compile(lambda: penalty_loss(layer, terms), backend="aot_eager")
        losses = compiled(), penalty_loss(layer, terms)
    slopes = [torch.autograd.grad(loss, layer.weight)[0] for loss in losses]
    assert torch.equal(*slopes)
    assert not [own for own in caught if "lru_cache" in str(own.message)]
