"""The lines of PyTorch that repeat a chosen setting in a loop of one's own.

Who uses this: the report. The lines run as they are, given `x` and `y` as their first lines say.
What a solver brought to the minimizer they bring there by full batches, in steps that have the
target's unit.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
from torch import nn

from shrinkage.datasets.targets import TargetEncoding
from shrinkage.parameters import ParameterInfo
from shrinkage.paths.data_losses import DataLoss
from shrinkage.paths.engines.answers import AsOutputs, answering_part, hook_of
from shrinkage.paths.engines.layers.ordered import OrderedClasses
from shrinkage.paths.engines.layers.skipping import Beyond
from shrinkage.paths.engines.own_loss import called
from shrinkage.paths.engines.recipe import WARM_UP, Recipe
from shrinkage.selections import Selection, named, select, weights
from shrinkage.terms import Term, Terms, penalty_on

SOLVED_STEPS, SOLVED_RATE = 2000, 0.2
"""Full batches that come within 1e-5 of the minimizer, and their learning rate in units.

Classes that a line parts without an error have weights of hundreds: within half a percent there.
"""


def training_code(
    module: nn.Module,
    terms: Terms,
    update: str,
    recipe: Recipe,
    loss: DataLoss,
    target: TargetEncoding,
    model_name: str,
    infos: Iterable[ParameterInfo] = (),
    own_loss: str | None = None,
    *,
    solved: bool = False,
    weighed: str = "",
) -> str:
    """Return a program text that trains `module` with this setting.

    Args:
        module: the module, for its text.
        terms: the terms with the chosen strengths.
        update: how terms enter that do not say it themselves.
        recipe: epochs, batches and learning rate.
        loss: the data loss.
        target: how the target became numbers.
        model_name: the words that named the model.
        infos: the parameters, where some layer has groups of inputs.
        own_loss: what a loss of the user's own is called.
        solved: whether the model is the minimizer, not what so many epochs give.
        weighed: what the rows are weighed by in the loss; nothing where all count alike.
    """
    own = next((info for info in infos if info.input_groups is not None), None)
    written = " + ".join(text for term in terms for text in _term_texts(term, own, tuple(infos)))
    names = sorted(set(re.findall(r"(?<![\w.])[A-Za-z_]\w*(?=\()", written)))
    references = "reference = ...  # name → array that the terms are measured from\n"
    line = _loss_text(loss.of_several if target.names else loss.code, bool(weighed))
    if own_loss is not None:
        line = f"...  # {own_loss} of model(x[rows]) and y[rows]"
        line += ", a row weighed by weight[rows]" if weighed else ""
    layers = _layers_text(module)
    in_unit = solved and loss.standardized and loss.link == "identity"
    optimizer = _optimizer_text(recipe, solved, in_unit)
    batch = "len(x)" if solved else f"min({recipe.batch_size}, len(x))"
    return f"""import math
import torch
from torch import nn
from shrinkage import {", ".join(names)}
from shrinkage.pytorch import regularize
{_imports_text((loss.stacked, *module.modules()), f"{line} {layers}")}
# x: rows as the run prepares them, float32: shrinkage.paths.load_result("RUN").inputs(table)
# y: {_target_text(target, loss)}
{_weight_text(weighed)}model = {layers or f"...  # your {model_name}"}
{_answer_text(module)}{_start_text(module, in_unit, bool(weighed))}optimizer = {optimizer}
{references if ".around(" in written else ""}{_units_text(own, written)}terms = {written}
attachment = regularize(optimizer, model, terms, update="{update}")
epochs, batch = {SOLVED_STEPS if solved else recipe.epochs}, {batch}
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
        loss = {line}
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


def _target_text(target: TargetEncoding, loss: DataLoss) -> str:
    """Return how the target has to come."""
    if target.task == "classification":
        first, last = target.classes[0], target.classes[-1]
        return f"numbers of the classes, from 0 ({first!r}) to {len(target.classes) - 1} ({last!r})"
    shape = f"(rows, {len(target.names)})" if target.names else "(rows,)"
    if target.task == "multi-label":
        return f"0 or 1 of each label, float32, {shape}"
    if loss.times:
        return "times, negative where they are censored, float32, (rows,)"
    if not np.any(target.mean) and np.all(np.equal(target.scale, 1)):
        return f"the target as it is, float32, {shape}"
    less = f"target − {target.mean}" if np.any(target.mean) else "target"
    return f"({less}) / {target.scale}, float32, {shape}"


def _weight_text(weighed: str) -> str:
    return f"# weight: {weighed}, divided by their mean, float32, (rows,)\n" if weighed else ""


def _loss_text(code: str, weighed: bool) -> str:
    """Return the line of a loss, a mean over the rows, by their weights or alike.

    >>> _loss_text('f(y[rows], reduction="none")', False), _loss_text("g(y[rows])", True)
    ('f(y[rows])', '(weight[rows] * g(y[rows])).mean()')
    """
    if "WEIGHT" in code:
        return code.replace("WEIGHT", "weight[rows]" if weighed else "None")
    if weighed:
        return f"(weight[rows] * {code}).mean()"
    itself = code.removesuffix(', reduction="none")')
    return f"{code}.mean()" if itself == code else f"{itself})"


def _start_text(module: nn.Module, in_unit: bool, weighed: bool) -> str:
    """Return the line that begins at the target's mean, or at the shares of its classes."""
    if in_unit:
        return "nn.init.zeros_(model[0].weight)\nmodel[0].bias.data[:] = y.mean(dim=0)\n"
    ordered = any(isinstance(layer, OrderedClasses) for layer in module.children())
    begin = "model[-1].begin_at(y, weight)\n" if weighed else "model[-1].begin_at(y)\n"
    return begin if ordered else ""


def _optimizer_text(recipe: Recipe, solved: bool, in_unit: bool) -> str:
    if recipe.optimizer is not None:
        return f"...  # {called(recipe.optimizer)} on model.parameters()"
    rate = f"{SOLVED_RATE if solved else recipe.learning_rate:g}"
    if in_unit:
        rate += " * y.std(dim=0).max().item()"
    return f"torch.optim.Adam(model.parameters(), lr={rate})"


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


def _layers_text(module: nn.Module, indent: str = "    ") -> str:
    """Return the layers as one writes them; nothing where some layer's text is not known."""
    if type(module) is nn.Sequential:
        layers = [_layers_text(layer, indent + "    ") for layer in module]
        inside = "".join(f"{indent}{layer},\n" for layer in layers)
        return f"nn.Sequential(\n{inside}{indent[4:]})" if all(layers) else ""
    own = type(module)
    if isinstance(module, Beyond):
        inner = _layers_text(module.inner, indent)
        return f"{own.__name__}({module.skips}, {inner})" if inner else ""
    if next(module.children(), None) is not None:
        return ""
    if getattr(nn, own.__name__, None) is own:
        return f"nn.{module!r}"
    return repr(module) if own.__module__.startswith("shrinkage.") else ""


def _imports_text(things: Iterable[object], written: str) -> str:
    """Return the lines that import what of the library's is written."""
    kinds = {type(thing) for thing in things if type(thing).__module__.startswith("shrinkage.")}
    lines = (f"from {kind.__module__} import {kind.__name__}\n" for kind in kinds)
    return "".join(sorted(line for line in lines if f"{line.split()[-1]}(" in written))
