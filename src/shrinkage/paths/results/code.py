"""The lines of PyTorch that repeat a chosen setting in a loop of one's own.

Who uses this: the report. The lines run as they are, given `x`, `y` (preprocessed tensors).
"""

from __future__ import annotations

import re

from torch import nn

from shrinkage.paths.engines.recipe import WARM_UP, Recipe
from shrinkage.selections import weights
from shrinkage.terms import Term, Terms

LOSS_LINES = {
    "classification": "nn.functional.cross_entropy(model(x[rows]), y[rows])",
    "regression": "0.5 * nn.functional.mse_loss(model(x[rows]).squeeze(1), y[rows])",
}


def training_code(
    module: nn.Module,
    terms: Terms,
    update: str,
    recipe: Recipe,
    task: str,
    model_name: str,
) -> str:
    """Return a program text that trains `module` with this setting.

    Args:
        module: the module, for its text.
        terms: the terms with the chosen strengths.
        update: how terms enter that do not say it themselves.
        recipe: epochs, batches and learning rate.
        task: `classification` or `regression`.
        model_name: the words that named the model.
    """
    written = " + ".join(_term_text(term) for term in terms)
    names = sorted(set(re.findall(r"(?<![\w.])[A-Za-z_]\w*(?=\()", written)))
    references = "reference = ...  # name → array that the terms are measured from\n"
    return f"""import math
import torch
from torch import nn
from shrinkage import {", ".join(names)}
from shrinkage.pytorch import regularize

model = {_module_text(module, model_name)}
optimizer = torch.optim.Adam(model.parameters(), lr={recipe.learning_rate:g})
{references if ".around(" in written else ""}terms = {written}
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


def _term_text(term: Term) -> str:
    """Return a term as one writes it, without what are the defaults."""
    text = f"({term.strength!r} * {term.penalty!r})"
    if term.selection != weights():
        text += f".on({term.selection!r})"
    if term.update is not None:
        text += f'.with_update("{term.update}")'
    return text if term.reference is None else f"{text}.around(reference)"


def _module_text(module: nn.Module, model_name: str) -> str:
    if type(module) is not nn.Sequential:
        return f"...  # your {model_name}"
    lines = ",\n".join(f"    nn.{layer!r}" for layer in module)
    return f"nn.Sequential(\n{lines},\n)"
