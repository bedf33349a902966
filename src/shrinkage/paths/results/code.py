"""The lines of PyTorch that repeat a chosen setting in a loop of one's own.

Who uses this: the report. The lines run as they are, given `x`, `y` (preprocessed tensors).
"""

from __future__ import annotations

from torch import nn

from shrinkage.paths.engines.recipe import WARM_UP, Recipe
from shrinkage.penalties import Penalty

LOSS_LINES = {
    "classification": "nn.functional.cross_entropy(model(x[rows]), y[rows])",
    "regression": "0.5 * nn.functional.mse_loss(model(x[rows]).squeeze(1), y[rows])",
}


def training_code(
    module: nn.Module,
    penalty: Penalty,
    strength: float,
    select: tuple[str, ...],
    update: str,
    recipe: Recipe,
    task: str,
    model_name: str,
) -> str:
    """Return a program text that trains `module` with this setting.

    Args:
        module: the module, for its text.
        penalty: the penalty.
        strength: the chosen strength.
        select: name patterns, empty for the default weights.
        update: how the penalty enters.
        recipe: epochs, batches and learning rate.
        task: `classification` or `regression`.
        model_name: the words that named the model.
    """
    where = "".join(f'.on("{pattern}")' for pattern in select[:1]) if len(select) == 1 else ""
    if len(select) > 1:
        where = ".on(" + ", ".join(f'"{pattern}"' for pattern in select) + ")"
    return f"""import math
import torch
from torch import nn
from shrinkage import {type(penalty).__name__}
from shrinkage.pytorch import regularize

model = {_module_text(module, model_name)}
optimizer = torch.optim.Adam(model.parameters(), lr={recipe.learning_rate:g})
terms = ({strength!r} * {penalty!r}){where}
attachment = regularize(optimizer, model, terms, update="{update}")
epochs, batch = {recipe.epochs}, min({recipe.batch_size}, len(x))
total = epochs * (len(x) // batch)
warm_up = math.ceil({WARM_UP} * total)

def rate(step):
    if step < warm_up:
        return (step + 1) / warm_up
    return 0.5 * (1 + math.cos(math.pi * (step - warm_up) / (total - warm_up)))

schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, rate)
for epoch in range(epochs):
    order = torch.randperm(len(x))
    for rows in order[: len(x) // batch * batch].split(batch):
        optimizer.zero_grad()
        loss = {LOSS_LINES[task]}
        loss.backward()
        optimizer.step()
        schedule.step()
print(attachment.table())
"""


def _module_text(module: nn.Module, model_name: str) -> str:
    if type(module) is not nn.Sequential:
        return f"...  # your {model_name}"
    lines = ",\n".join(f"    nn.{layer!r}" for layer in module)
    return f"nn.Sequential(\n{lines},\n)"
