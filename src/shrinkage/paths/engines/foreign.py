"""Models of other frameworks or numbers: refused in one line before anything is trained.

Who uses this: `parse_architecture`, for what it is given and for what a factory returns, and
whoever builds a module.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from shrinkage.errors import InputError

KERAS = ("keras", "tf_keras")  # where the classes of its models come from


def refuse_keras(model: object) -> None:
    """Refuse a Keras model, which is a torch module on its torch backend and yet trains otherwise.

    Raises:
        InputError: it is one.
    """
    kind = model if isinstance(model, type) else type(model)
    if any(base.__module__.split(".")[0] in KERAS for base in kind.__mro__):
        raise InputError(
            f"expected a torch module, a function of (n_inputs, n_outputs) or a name such as "
            f"mlp:64,32, got the Keras model {kind.__name__}; write its layers in torch, or "
            "regularize it in Keras at one strength with shrinkage.keras.regularize"
        )


def refuse_script(model: object) -> None:
    """Refuse a network of TorchScript, of which no copy trains and which takes no hook.

    Raises:
        InputError: it is one, or a part of it is.
    """
    parts = model.modules() if isinstance(model, nn.Module) else ()
    script = next((part for part in parts if isinstance(part, torch.jit.ScriptModule)), None)
    if script is not None:
        raise InputError(
            f"expected a network of Python, got one of TorchScript ({type(script).__name__}), of "
            "which no copy trains: give the module that torch.jit.script or trace got"
        )


def refuse_complex(module: nn.Module, name: str) -> None:
    """Refuse complex parameters and buffers, whose imaginary parts a change of type would drop.

    Raises:
        InputError: names the first.
    """
    for own, value in (*module.named_parameters(), *module.named_buffers()):
        if not is_lazy(value) and value.is_complex():
            raise InputError(
                f"expected real weights in the model {name}, got {value.dtype} in {own}: keep real "
                "and imaginary parts as two real numbers, and make complex ones of them in forward "
                "(torch.view_as_complex)"
            )
