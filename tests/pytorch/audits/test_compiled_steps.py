"""A whole step that is compiled: its roundings are others than those of a bare one."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.nn import functional
from torch.optim import Adam, AdamW

from shrinkage import L2
from shrinkage.pytorch import audit
from tests.builders.torch_networks import half_squares
from tests.pytorch.audits.audited_networks import data, network

pytestmark = [  # torch's own, while it traces: it asks the loss for its gradient, and hides that
    pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf"),
    pytest.mark.filterwarnings("ignore:.torch.jit.script_method. is deprecated"),
]
STRENGTH, RATE = 0.02, 0.01


def report_of(kind: Any, *, again: float = 0.0, **options: Any) -> Any:
    """Audit a compiled step with a penalty in the loss, and `again` times it beside the loss."""

    def training_step(model: Any, optimizer: Any, batch: Any, scale: float) -> None:
        @torch.compile(backend="eager")
        def step() -> None:
            optimizer.zero_grad()
            loss = functional.cross_entropy(model(batch[0]), batch[1])
            (loss + scale * STRENGTH * half_squares(model)).backward()
            optimizer.step()

        with torch.no_grad():
            for w in model.parameters():
                if again and w.ndim > 1:
                    w.mul_(1 - scale * again * RATE * STRENGTH)
        step()

    torch.compiler.reset()
    model = network().float()
    optimizer = kind(model.parameters(), lr=torch.tensor(RATE), **options)
    inputs, classes = data()
    return audit(model, optimizer, training_step, (inputs.float(), classes), STRENGTH * L2())


@pytest.mark.parametrize(("kind", "options"), [(Adam, {}), (AdamW, {"weight_decay": 0.0})])
def test_a_compiled_step_has_its_penalty_once(kind, options):
    report = report_of(kind, **options)
    assert report.ok, report
    assert report.update == "gradient"
    assert set(report.rules) == {"coupled-through-adam"}


def test_a_second_penalty_beside_a_compiled_step_is_found():
    report = report_of(Adam, again=1.0)
    assert not report.ok, report
