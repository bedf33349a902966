"""What a network of the user's answers, as the outputs that engines know: (rows, outputs).

Who uses this: whatever builds models for a target wraps architectures of the user's own. Most
networks answer so by themselves and are left as they are. A hook behind the others takes `logits`
of an answer with names, or the part that the user names, lays further axes flat, and makes of one
number a row the logits (0, number) of two classes, whose cross entropy is the binary one of the
number. Answers are seen in training, too, where some networks give those of their further heads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
from torch import nn

from shrinkage.errors import InputError
from shrinkage.paths.engines.answer_parts import Part, part_of, part_text, parts_said
from shrinkage.paths.engines.architectures import Architecture, Factory, Ordered, Prototype
from shrinkage.paths.engines.layers.ordered import OrderedClasses
from shrinkage.paths.engines.shaped import Shaped
from shrinkage.paths.engines.trial_rows import trial_rows
from shrinkage.pytorch.copies import deep_copy


@dataclass(frozen=True)
class AsOutputs:
    """A hook behind a network: its answer as (rows, outputs).

    Args:
        two_classes: whether one number a row is the logit of the second of two classes.
        part: which part of the answer holds the outputs; None: `logits`, if it has parts.

    >>> AsOutputs(two_classes=True)(nn.Identity(), (), torch.tensor([1.0, -2.0]))
    tensor([[ 0.,  1.],
            [ 0., -2.]])
    """

    two_classes: bool = False
    part: Part = None

    def __call__(self, module: nn.Module, args: tuple[Any, ...], answer: Any) -> Any:
        """Return the outputs; an answer without a tensor stays as it is."""
        del module, args
        outputs = part_of(answer, self.part)
        if outputs is None:
            return answer
        flat = outputs.reshape(-1, 1) if outputs.ndim < 2 else outputs.flatten(1)
        if self.two_classes and flat.shape[1] == 1:
            return torch.cat([torch.zeros_like(flat), flat], dim=1)
        return flat


@dataclass(frozen=True)
class Answering:
    """An architecture of the user's, whose modules answer with (rows, outputs).

    Args:
        architecture: theirs.
        two_classes: whether the target has two classes.
        several: whether it has several numbers or labels, so that outputs may have further axes.
        part: which part of an answer holds the outputs.
    """

    architecture: Architecture
    two_classes: bool
    several: bool
    part: Part = None
    solved: ClassVar[bool] = False

    @property
    def name(self) -> str:
        """Return the architecture's name."""
        return self.architecture.name

    def build(self, n_inputs: int, n_outputs: int) -> nn.Module:
        """Return the module, with a hook where its answer asks for one."""
        module = self.architecture.build(n_inputs, n_outputs)
        with torch.random.fork_rng(devices=[]):
            copy = deep_copy(module)  # a pass in training changes statistics
            answers = [_answer(copy.eval(), n_inputs), _answer(copy.train(), n_inputs)]
        self._require_part([answer for answer in answers if answer is not None])
        hooks = (self._hook(module, answer, n_outputs) for answer in answers)
        hook = next((hook for hook in hooks if hook is not None), None)
        if hook is not None:
            module.register_forward_hook(hook)
        return module

    def _require_part(self, answers: Sequence[object]) -> None:
        """Raise where no answer has the part that was asked for."""
        asked = [answer for answer in answers if not isinstance(answer, torch.Tensor)]
        if self.part is None or callable(self.part) or not answers:
            return
        if not asked:
            raise InputError(
                f"expected no answer= (--answer) for the model {self.name}, which answers with one "
                f"tensor, got {part_text(self.part)!r}: leave it out"
            )
        if all(part_of(answer, self.part) is None for answer in asked):
            raise InputError(
                f"expected answer= (--answer) as a part of what the model {self.name} answers, "
                f"{parts_said(asked[0])}, got {part_text(self.part)!r}: name one that is a tensor"
            )

    def _hook(self, module: nn.Module, answer: object, width: int) -> AsOutputs | None:
        """Return what makes outputs of an answer to two rows, unless it is or cannot be them."""
        outputs = part_of(answer, self.part)
        if outputs is None or (answer is outputs and outputs.shape == (2, width)):
            return None
        if outputs.ndim > 2 and not self.several:
            return None
        one_number = self.two_classes and outputs.numel() == 2
        hook = AsOutputs(one_number, self.part)
        return hook if hook(module, (), answer).shape == (2, width) else None


def answering(
    architecture: Architecture, task: str, classes: Sequence[object], part: Part = None
) -> Architecture:
    """Return an architecture whose modules answer for a target; those of this library do.

    Args:
        architecture: any.
        task: of the target.
        classes: of the target.
        part: which part of an answer holds the outputs; None: `logits`, if it has parts.
    """
    if isinstance(architecture, Ordered):
        return replace(architecture, inner=answering(architecture.inner, "regression", (), part))
    if not isinstance(architecture, (Factory, Prototype, Shaped)):
        return architecture
    classified = task == "classification"
    return Answering(architecture, classified and len(classes) == 2, not classified, part)


def is_users(architecture: Architecture) -> bool:
    """Return whether the user wrote the modules of an architecture."""
    return isinstance(architecture, Answering)


def hook_of(module: nn.Module) -> AsOutputs | None:
    """Return what makes outputs of the answers of a module, None where they are outputs."""
    hooks = module._forward_hooks.values()
    return next((hook for hook in hooks if isinstance(hook, AsOutputs)), None)


def answering_part(module: nn.Module) -> nn.Module:
    """Return what of a module the user's network is: before thresholds of ordered classes all."""
    layers = list(module.children())
    ordered = type(module) is nn.Sequential and isinstance(layers[-1], OrderedClasses)
    return layers[0] if ordered else module


def without_hook(module: nn.Module) -> nn.Module:
    """Return the module, which answers as its owner wrote it."""
    for place, hook in list(module._forward_hooks.items()):
        if isinstance(hook, AsOutputs):
            del module._forward_hooks[place]
    return module


def told_of(module: nn.Module, classes: Sequence[object]) -> tuple[str, ...]:
    """Return what there is to tell of how the answers of a module are taken."""
    told: tuple[str, ...] = ()
    if hasattr(module, "training_step") and hasattr(module, "configure_optimizers"):
        told = (
            f"of the {type(module).__name__} the network is trained, and training_step and "
            "configure_optimizers are not called: give loss= and optimizer= where they say others",
        )
    hook = hook_of(answering_part(module))
    if hook is None:
        return told
    said = "the model's answer is taken as (rows, outputs)"
    if hook.part is not None:
        said = f"{part_text(hook.part)!r} of the model's answer is taken as (rows, outputs)"
    elif hook.two_classes:
        said = (
            f"the model gives one number a row: the logit of {classes[1]!r} against {classes[0]!r}"
        )
    return (*told, said)


def _answer(module: nn.Module, n_inputs: int) -> object:
    """Return what the module answers to two flat rows, in its mode, or None."""
    try:
        with torch.no_grad():
            return module(trial_rows(module, 2, n_inputs))
    except Exception:
        return None
