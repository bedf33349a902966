"""The lines of PyTorch that repeat a chosen setting in a loop of one's own.

Who uses this: the report. The lines run as they are, given `x`, `y` (preprocessed tensors).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from torch import nn

from shrinkage.parameters import ParameterInfo
from shrinkage.paths.engines.answers import AsOutputs, answering_part, hook_of
from shrinkage.paths.engines.layers.ordered import OrderedClasses
from shrinkage.paths.engines.own_loss import called
from shrinkage.paths.engines.recipe import WARM_UP, Recipe
from shrinkage.selections import Selection, named, select, weights
from shrinkage.terms import Term, Terms, penalty_on


def training_code(
    module: nn.Module,
    terms: Terms,
    update: str,
    recipe: Recipe,
    loss: str,
    model_name: str,
    infos: Iterable[ParameterInfo] = (),
    own_loss: str | None = None,
) -> str:
    """Return a program text that trains `module` with this setting.

    Args:
        module: the module, for its text.
        terms: the terms with the chosen strengths.
        update: how terms enter that do not say it themselves.
        recipe: epochs, batches and learning rate.
        loss: the expression of the data loss, of `model`, `x`, `y` and `rows`.
        model_name: the words that named the model.
        infos: the parameters, where some layer has groups of inputs.
        own_loss: what a loss of the user's own is called.
    """
    own = next((info for info in infos if info.input_groups is not None), None)
    written = " + ".join(text for term in terms for text in _term_texts(term, own, tuple(infos)))
    names = sorted(set(re.findall(r"(?<![\w.])[A-Za-z_]\w*(?=\()", written)))
    references = "reference = ...  # name → array that the terms are measured from\n"
    return f"""import math
import torch
from torch import nn
from shrinkage import {", ".join(names)}
from shrinkage.pytorch import regularize

model = {_module_text(module, model_name)}
{_answer_text(module)}optimizer = {_optimizer_text(recipe)}
{references if ".around(" in written else ""}{_units_text(own, written)}terms = {written}
attachment = regularize(optimizer, model, terms, update="{update}")
epochs, batch = {recipe.epochs}, min({recipe.batch_size}, len(x))
total = epochs * (len(x) // batch)
warm_up = math.ceil({WARM_UP} * total)

def rate(step):
    if step < warm_up:
        return (step + 1) / warm_up
    return 0.5 * (1 + math.cos(math.pi * (step - warm_up) / max(1, total - warm_up)))

schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, rate)
for epoch in range(epochs):
    order = torch.randperm(len(x))
    for rows in order[: len(x) // batch * batch].split(batch):
        optimizer.zero_grad()
        loss = {_loss_text(loss, own_loss)}
        loss.backward()
        optimizer.step()
        schedule.step()
print(attachment.table())
"""


def _answer_text(module: nn.Module) -> str:
    """Return the lines that make outputs of the model's answers, where they are none."""
    own = answering_part(module)
    hook = hook_of(own)
    if hook is None:
        return ""
    place = "model" if own is module else "model[0]"
    part, line = repr(hook.part), ""
    if callable(hook.part):
        part, line = "part", f"part = ...  # {called(hook.part)} of the model's answer\n"
    return (
        f"from {AsOutputs.__module__} import AsOutputs\n{line}"
        f"{place}.register_forward_hook(AsOutputs({hook.two_classes}, {part}))"
        "  # its answer as (rows, outputs)\n"
    )


def _optimizer_text(recipe: Recipe) -> str:
    if recipe.optimizer is None:
        return f"torch.optim.Adam(model.parameters(), lr={recipe.learning_rate:g})"
    return f"...  # {called(recipe.optimizer)} on model.parameters()"


def _loss_text(line: str, own: str | None) -> str:
    return line if own is None else f"...  # {own} of model(x[rows]) and y[rows]"


def _units_text(own: ParameterInfo | None, written: str) -> str:
    """Return the line that says which inputs are penalised, where some are free."""
    if own is None or own.input_groups is None or "penalised" not in written:
        return ""
    return f"penalised = {own.input_groups.penalised}  # the other inputs are free\n"


def _term_texts(
    term: Term, own: ParameterInfo | None, infos: tuple[ParameterInfo, ...]
) -> list[str]:
    """Return a term as one writes it, apart for the layer with groups of inputs where it must."""
    selected = () if own is None else select(term.selection, infos)
    if own is None or own not in selected:
        return [_term_text(term, repr(term.penalty), term.selection)]
    here = penalty_on(term.penalty, own)
    if here == penalty_on(term.penalty, replace(own, input_groups=None)):
        return [_term_text(term, repr(term.penalty), term.selection)]
    units, inner = here.on_its_units()
    penalty = repr(inner)
    if units is not None:
        penalty = f"OnSomeUnits({penalty}, Units({units.axis}, {units.length}, penalised))"
    texts = [_term_text(term, penalty, named(own.name))]
    if len(selected) > 1:
        rest = term.selection & ~named(own.name)
        texts.append(_term_text(term, repr(term.penalty), rest))
    return texts


def _term_text(term: Term, penalty: str, selection: Selection) -> str:
    """Return a term as one writes it, without what are the defaults."""
    text = f"({term.strength!r} * {penalty})"
    if selection != weights():
        text += f".on({selection!r})"
    if term.update is not None:
        text += f'.with_update("{term.update}")'
    return text if term.reference is None else f"{text}.around(reference)"


def _module_text(module: nn.Module, model_name: str) -> str:
    if type(module) is not nn.Sequential or any(isinstance(one, OrderedClasses) for one in module):
        return f"...  # your {model_name}"
    lines = ",\n".join(f"    nn.{layer!r}" for layer in module)
    return f"nn.Sequential(\n{lines},\n)"
