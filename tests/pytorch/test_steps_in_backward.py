"""An optimizer for each parameter, stepped when its gradient is there."""

from __future__ import annotations

from typing import Any

from torch.optim import SGD

from shrinkage import L1, L2
from shrinkage.pytorch import regularize
from tests.builders.torch_networks import equal, parameters_of
from tests.pytorch.small_training import loss_of, network

TERMS = 0.02 * L1() + 0.1 * L2()


def test_optimizers_under_their_parameters_are_numbered() -> None:
    model, plain = network(), network()
    own: dict[Any, SGD] = {p: SGD([p], lr=0.05) for p in model.parameters()}

    def step_at_once(p: Any) -> None:
        own[p].step()
        own[p].zero_grad()

    for p in model.parameters():
        p.register_post_accumulate_grad_hook(step_at_once)
    joint = regularize(own, model, TERMS, "decoupled")
    together = SGD(plain.parameters(), lr=0.05)
    regularize(together, plain, TERMS, "decoupled")
    for _ in range(4):
        loss_of(model).backward()
        together.zero_grad()
        loss_of(plain).backward()
        together.step()
    assert list(joint.steps) == ["0", "1", "2", "3", "4", "5"]
    assert joint.steps["0"] == 4
    assert equal(parameters_of(model), parameters_of(plain))
