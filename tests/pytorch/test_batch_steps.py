"""Parameters of one batch that have taken different numbers of steps."""

import pytest
import torch
from torch import nn
from torch.optim import AdamW

from shrinkage import L1, L2
from shrinkage.pytorch import regularize


def trained(amsgrad: bool, batched: bool, monkeypatch: pytest.MonkeyPatch) -> list[torch.Tensor]:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 4), nn.ReLU(), nn.Linear(4, 3))
    optimizer = AdamW(model.parameters(), lr=0.01, weight_decay=0.0, amsgrad=amsgrad)
    x = torch.randn(8, 6)

    def step() -> None:
        optimizer.zero_grad()
        model(x).square().mean().backward()
        optimizer.step()

    for _ in range(3):
        step()
    weight = next(model.parameters())
    optimizer.state[weight]["step"] -= 2  # as one that has joined later
    attachment = regularize(optimizer, model, 0.01 * L1() + 0.1 * L2())
    if not batched:
        batches = attachment._batches
        monkeypatch.setattr(batches, "batches", ())
        monkeypatch.setattr(batches, "alone", attachment._slots)
        monkeypatch.setattr(batches, "_early", attachment._slots)
    for _ in range(40):
        step()
    return [p.detach().clone() for p in model.parameters()]


@pytest.mark.parametrize("amsgrad", [False, True])
def test_a_batch_reads_the_steps_of_each_parameter(amsgrad, monkeypatch):
    found = [trained(amsgrad, batched, monkeypatch) for batched in (True, False)]
    assert (found[0][0] == 0).any()
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))
