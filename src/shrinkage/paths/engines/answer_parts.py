"""Which part of a network's answer holds its outputs, where it answers with more than a tensor.

Who uses this: the hook that makes outputs of answers, and the check before training. A part is said
by a field's name, by a position, or by a function of the answer; without one it is the field
`logits`, which the classifiers of Hugging Face and of torchvision have.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch

from shrinkage.errors import InputError
from shrinkage.importing import import_function

LOGITS = "logits"
Part = str | int | Callable[[Any], Any] | None


def part_of(answer: object, part: Part = None) -> torch.Tensor | None:
    """Return the tensor of an answer: itself, or its part; None where there is no such.

    >>> part_of({"loss": 0.0, "logits": torch.ones(2)}), part_of((torch.ones(1), 3))
    (tensor([1., 1.]), None)
    >>> part_of((torch.ones(1), 3), 0), part_of({"main": torch.ones(1)}, "main")
    (tensor([1.]), tensor([1.]))
    """
    own: object = None
    if callable(part):
        own = part(answer)
    elif isinstance(answer, torch.Tensor):
        own = answer  # some networks have further heads in training alone
    elif isinstance(part, int):
        places = _parts(answer)
        own = list(places.values())[part] if -len(places) <= part < len(places) else None
    else:
        own = _parts(answer).get(part or LOGITS)
    return own if isinstance(own, torch.Tensor) else None


def checked_part(part: object) -> Part:
    """Return a part as it is kept: a position, a name, or a function, imported by its name.

    >>> checked_part("0"), checked_part("pooler_output")
    (0, 'pooler_output')

    Raises:
        InputError: it is none of them.
    """
    if isinstance(part, str):
        text = part.strip()
        if text.lstrip("-").isdecimal():
            return int(text)
        return import_function(text, "--answer") if ":" in text else text
    if part is None or (isinstance(part, int) and not isinstance(part, bool)) or callable(part):
        return part
    raise InputError(
        f"expected answer as a field's name, a position or a function of the model's answer, got "
        f"{type(part).__name__}: give one, such as 0"
    )


def part_text(part: Part) -> str | None:
    """Return a part as text that `checked_part` reads.

    >>> part_text(0), part_text(part_of)
    ('0', 'shrinkage.paths.engines.answer_parts:part_of')
    """
    if callable(part):
        kind: Any = part if hasattr(part, "__qualname__") else type(part)
        return f"{kind.__module__}:{kind.__qualname__}"
    return None if part is None else str(part)


def parts_said(answer: object) -> str:
    """Return what an answer that is no tensor consists of.

    >>> parts_said((torch.ones(2, 3), None))
    'a tuple of 0: (2, 3), 1: NoneType'
    """
    said = [f"{name}: {_shape(value)}" for name, value in _parts(answer).items()]
    return f"a {type(answer).__name__}" + (f" of {', '.join(said)}" if said else "")


def has_parts(answer: object) -> bool:
    """Return whether there is something in an answer that `answer=` could name.

    >>> has_parts([torch.ones(1)]), has_parts(None)
    (True, False)
    """
    return bool(_parts(answer))


def _parts(answer: object) -> dict[object, object]:
    """Return the parts of an answer by their names, or by their positions where there are none."""
    if isinstance(answer, Mapping):
        return dict(answer)
    if isinstance(answer, (tuple, list)):
        return dict(zip(getattr(answer, "_fields", range(len(answer))), answer, strict=True))
    if isinstance(answer, torch.Tensor):
        return {}
    return dict(getattr(answer, "__dict__", {}))


def _shape(value: object) -> str:
    return str(tuple(value.shape)) if isinstance(value, torch.Tensor) else type(value).__name__
