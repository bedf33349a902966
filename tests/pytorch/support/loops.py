"""The columns of the table: training loops that a penalty has to survive.

Each takes a row and an update and returns (with `regularize`, by hand or by an equivalent plain
loop), two lists of tensors that have to be equal, and asserts what else belongs to the loop.
"""

from __future__ import annotations

import io
from collections.abc import Callable

import torch
from torch import nn
from torch.nn.utils import parametrizations

from shrinkage import L1, L2
from shrinkage.pytorch import Attachment, regularize
from tests.pytorch.support.byhand import (
    L1_STRENGTH,
    L2_STRENGTH,
    STEPS,
    ByHand,
    data_loss,
    network,
    penalised,
    weights,
)

TERMS = L1_STRENGTH * L1() + L2_STRENGTH * L2()
Pair = tuple[list[torch.Tensor], list[torch.Tensor]]


def backward(model, row, step, attachment: Attachment | ByHand, update: str, scaler=None) -> None:
    """Compute gradients; the penalty is in the loss where the update says so."""
    loss = data_loss(model, row, step)
    if update == "loss":
        extra = attachment.loss() if isinstance(attachment, Attachment) else attachment.penalty()
        loss = loss + extra
    (loss if scaler is None else scaler.scale(loss)).backward()


def hand_trained(row, update, *, steps=range(STEPS), dtype=torch.float64, change=None):
    """Train by hand; `change(hand, step)` acts before a step."""
    model = network(row, dtype)
    optimizer = row.make(model)
    hand = ByHand(optimizer, penalised(model), update)
    for number, step in enumerate(steps):
        if change is not None:
            change(hand, number)
        optimizer.zero_grad()
        backward(model, row, step, hand, update)
        hand.step()
    return weights(model)


def ours(row, update, *, dtype=torch.float64, **options):
    model = network(row, dtype)
    optimizer = row.make(model)
    return model, optimizer, regularize(optimizer, model, TERMS, update, **options)


def plain(row, update) -> Pair:
    model, optimizer, attachment = ours(row, update)
    for step in range(STEPS):
        optimizer.zero_grad()
        backward(model, row, step, attachment, update)
        before = [p.grad.clone() for p in model.parameters()]
        optimizer.step()
        assert all(torch.equal(p.grad, g) for p, g in zip(model.parameters(), before, strict=True))
    return weights(model), hand_trained(row, update)


def closure(row, update) -> Pair:
    model, optimizer, attachment = ours(row, update)
    for step in range(STEPS):

        def evaluate(step: int = step) -> torch.Tensor:
            optimizer.zero_grad()
            backward(model, row, step, attachment, update)
            return torch.zeros(())

        optimizer.step(evaluate)
    return weights(model), hand_trained(row, update)


def scaler(row, update) -> Pair:
    """The third step overflows and is skipped: neither the optimizer nor the penalty acts."""
    model, optimizer, attachment = ours(row, update, dtype=torch.float32)
    scale = torch.amp.GradScaler("cpu", init_scale=1024.0, growth_interval=10**6)
    for step in range(STEPS):
        optimizer.zero_grad()
        backward(model, row, step, attachment, update, scale)
        if step == 2:
            next(model.parameters()).grad[0, 0] = torch.inf
        before = weights(model)
        scale.step(optimizer)
        scale.update()
        moved = any(not torch.equal(a, b) for a, b in zip(before, weights(model), strict=True))
        assert moved == (step != 2)
    kept = [step for step in range(STEPS) if step != 2]
    return weights(model), hand_trained(row, update, steps=kept, dtype=torch.float32)


def bfloat16(row, update) -> Pair:
    """16-bit weights follow the terms written out by hand to a few units in their last place."""
    model, optimizer, attachment = ours(row, update, dtype=torch.bfloat16)
    for step in range(STEPS):
        optimizer.zero_grad()
        backward(model, row, step, attachment, update)
        optimizer.step()
    assert all(p.dtype is torch.bfloat16 for p in model.parameters())
    return weights(model), hand_trained(row, update, dtype=torch.bfloat16)


def autocast(row, update) -> Pair:
    model, optimizer, attachment = ours(row, update, dtype=torch.float32)
    for step in range(STEPS):
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16):
            backward_under = data_loss(model, row, step)
        extra = attachment.loss() if update == "loss" else 0.0
        (backward_under + extra).backward()
        optimizer.step()
    other = network(row, torch.float32)
    optimizer = row.make(other)
    hand = ByHand(optimizer, penalised(other), update)
    for step in range(STEPS):
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16):
            loss = data_loss(other, row, step)
        (loss + (hand.penalty() if update == "loss" else 0.0)).backward()
        hand.step()
    return weights(model), weights(other)


def accumulation(row, update) -> Pair:
    """Two half batches, one step: one shrink, the same weights as with whole batches."""
    model, optimizer, attachment = ours(row, update)
    for step in range(STEPS):
        optimizer.zero_grad()
        for half in (slice(0, 8), slice(8, 16)):
            (0.5 * data_loss(model, row, step, half)).backward()
        if update == "loss":
            attachment.loss().backward()
        optimizer.step()
    assert attachment.steps == STEPS
    return weights(model), hand_trained(row, update)


def clipping(row, update) -> Pair:
    """The norm that is clipped is that of the gradient which backward has computed."""
    model, optimizer, attachment = ours(row, update)
    norms = []
    for step in range(STEPS):
        optimizer.zero_grad()
        backward(model, row, step, attachment, update)
        norms.append(nn.utils.clip_grad_norm_(model.parameters(), 0.5))
        optimizer.step()
    other = network(row)
    optimizer = row.make(other)
    hand = ByHand(optimizer, penalised(other), update)
    for step in range(STEPS):
        optimizer.zero_grad()
        backward(other, row, step, hand, update)
        whole = torch.cat([p.grad.flatten() for p in other.parameters()]).norm()
        torch.testing.assert_close(whole, norms[step], rtol=1e-9, atol=0)
        for p in other.parameters():
            p.grad *= min(1.0, 0.5 / (float(whole) + 1e-6))
        hand.step()
    return weights(model), weights(other)


def rate_schedule(row, update) -> Pair:
    model, optimizer, attachment = ours(row, update)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.7)
    for step in range(STEPS):
        optimizer.zero_grad()
        backward(model, row, step, attachment, update)
        optimizer.step()
        schedule.step()

    def change(hand: ByHand, step: int) -> None:
        for group in hand.optimizer.param_groups:
            rate = row.options["lr"] * 0.7**step
            if row.tensor_rate:
                group["lr"].fill_(rate)
            else:
                group["lr"] = rate

    return weights(model), hand_trained(row, update, change=change)


def strength_schedule(row, update) -> Pair:
    model, optimizer, attachment = ours(row, update, schedule=[lambda s: s / 4, None])
    for step in range(STEPS):
        optimizer.zero_grad()
        if step == 4:
            attachment.set_strength(1, 0.2)
        backward(model, row, step, attachment, update)
        optimizer.step()

    def change(hand: ByHand, step: int) -> None:
        hand.l1, hand.l2 = L1_STRENGTH * step / 4, L2_STRENGTH if step < 4 else 0.2

    return weights(model), hand_trained(row, update, change=change)


def unfreezing(row, update) -> Pair:
    """The first layer is frozen for three steps, in the optimizer all along."""

    def run(act: Callable) -> list[torch.Tensor]:
        model = network(row)
        optimizer = row.over(list(model.parameters()))
        model[0].requires_grad_(False)
        step_of, attachment = act(model, optimizer)
        for step in range(STEPS):
            model[0].requires_grad_(step >= 3)
            optimizer.zero_grad()
            start = model[0].weight.detach().clone()
            backward(model, row, step, attachment, update)
            step_of()
            assert torch.equal(start, model[0].weight) == (step < 3)
        return weights(model)

    def with_library(model, optimizer):
        return optimizer.step, regularize(optimizer, model, TERMS, update)

    def by_hand(model, optimizer):
        hand = ByHand(optimizer, penalised(model), update)
        return hand.step, hand

    return run(with_library), run(by_hand)


def side_by_side(row, update, models, parameters) -> Pair:
    """Train the first model with the library, the second by hand on these parameters."""
    model, other = models
    optimizer, second = row.make(model), row.make(other)
    attachment = regularize(optimizer, model, TERMS, update)
    hand = ByHand(second, parameters, update)
    for step in range(STEPS):
        optimizer.zero_grad()
        second.zero_grad()
        backward(model, row, step, attachment, update)
        backward(other, row, step, hand, update)
        optimizer.step()
        hand.step()
    return weights(model), weights(other)


def tied(row, update) -> Pair:
    """Two layers share a matrix: it is penalised once."""

    def build() -> nn.Sequential:
        torch.manual_seed(0)
        model = nn.Sequential(
            nn.Linear(6, 6, bias=False), nn.Tanh(), nn.Linear(6, 6, bias=False), nn.Linear(6, 2)
        ).double()
        if row.kind.__name__ == "Muon":
            model[3] = nn.Linear(6, 2, bias=False).double()
        model[2].weight = model[0].weight
        return model

    model, other = build(), build()
    assert len(penalised(model)) == 2
    return side_by_side(row, update, (model, other), penalised(other))


def weight_norm(row, update) -> Pair:
    """A weight-normalised layer is penalised by its magnitudes."""

    def build() -> nn.Sequential:
        model = network(row)
        parametrizations.weight_norm(model[0])
        return model

    model, other = build(), build()
    magnitudes = other[0].parametrizations.weight.original0
    return side_by_side(row, update, (model, other), [magnitudes, other[2].weight])


def added_group(row, update) -> Pair:
    """The first layer joins the optimizer after three steps."""

    def run(library: bool) -> list[torch.Tensor]:
        model = network(row)
        model[0].requires_grad_(False)
        optimizer = row.make(model)
        if library:
            attachment = regularize(optimizer, model, TERMS, update)
        else:
            attachment = ByHand(optimizer, penalised(model), update)
        for step in range(STEPS):
            if step == 3:
                model[0].requires_grad_(True)
                optimizer.add_param_group({"params": list(model[0].parameters())})
            optimizer.zero_grad()
            backward(model, row, step, attachment, update)
            (optimizer if library else attachment).step()
        return weights(model)

    return run(True), run(False)


def resuming(row, update) -> Pair:
    """Saved after three steps, read by torch.load(weights_only=True): bit for bit the same."""

    def go_on(model, optimizer, attachment, steps) -> None:
        for step in steps:
            optimizer.zero_grad()
            backward(model, row, step, attachment, update)
            optimizer.step()

    model, optimizer, attachment = ours(row, update)
    go_on(model, optimizer, attachment, range(3))
    stored = io.BytesIO()
    torch.save([part.state_dict() for part in (model, optimizer, attachment)], stored)
    go_on(model, optimizer, attachment, range(3, STEPS))
    stored.seek(0)
    states = torch.load(stored, weights_only=True)
    parts = ours(row, update)
    for part, state in zip(parts, states, strict=True):
        part.load_state_dict(state)
    go_on(*parts, range(3, STEPS))
    row.make(network(row)).load_state_dict(states[1])  # and in plain PyTorch
    exact = all(torch.equal(a, b) for a, b in zip(weights(model), weights(parts[0]), strict=True))
    # torch rounds NAdam's mu_product when it is loaded: 6e-12 apart without any penalty
    assert exact or row.kind is torch.optim.NAdam
    return weights(model), weights(parts[0])


def compiled_model(row, update) -> Pair:
    model, optimizer, attachment = ours(row, update)
    compiled = torch.compile(model, backend="aot_eager")
    for step in range(STEPS):
        optimizer.zero_grad()
        backward(compiled, row, step, attachment, update)
        optimizer.step()
    return weights(model), hand_trained(row, update)


LOOPS: dict[str, Callable[..., Pair]] = {
    "plain": plain,
    "closure": closure,
    "GradScaler": scaler,
    "bfloat16": bfloat16,
    "autocast": autocast,
    "accumulation": accumulation,
    "clipping": clipping,
    "lr schedule": rate_schedule,
    "strength schedule": strength_schedule,
    "unfreezing": unfreezing,
    "tied weights": tied,
    "weight norm": weight_norm,
    "added group": added_group,
    "save, resume": resuming,
    "compiled model": compiled_model,
}
