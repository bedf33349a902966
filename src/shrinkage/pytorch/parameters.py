"""A PyTorch model as a sequence of (`ParameterInfo`, tensor), each array once.

Who uses this: `regularize`, `penalty_loss`, paths and audits. Each parameter is described by the
layer that owns it, through the table `LAYERS`; adding a layer is one line there. Layers of Keras,
whose kernels are (in, out), have a table of their own (`keras_layers`). Parameters that no known
layer owns follow their shape: two or more axes are a weight of kind "custom" (a user's own linear
layer must not silently go unpenalised); fewer axes, or "bias" in the name, are not, and a layer of
vectors alone counts as a norm. A vector with axes of one entry around it, (1, C, 1, 1), is one.
Which axis of such a weight is the outputs' is known where its layer has a bias of that length, and
else not guessed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import torch
from torch import nn
from torch.nn.parameter import is_lazy
from torch.nn.utils import parametrize

from shrinkage.errors import InputError
from shrinkage.parameters import ParameterInfo, Place
from shrinkage.pytorch.keras_layers import keras_lists, keras_parameters, modules_of


def _conv(module: nn.Module) -> Place:
    """A convolution in groups has no input axis: an index is another unit in each group."""
    return Place("weight", "conv", 1 if getattr(module, "groups", 1) == 1 else None, 0)


def _transposed_conv(module: nn.Module) -> Place:
    return Place("weight", "conv", 0, 1 if getattr(module, "groups", 1) == 1 else None)


@dataclass(frozen=True)
class LayerKind:
    """Which modules, how the names of their own parameters begin, and what their arrays are."""

    modules: tuple[type[nn.Module], ...]
    names: tuple[str, ...]
    place: Callable[[nn.Module], Place]


# The first entry that fits the owning module decides.
LAYERS: tuple[LayerKind, ...] = (
    LayerKind((nn.Linear,), ("weight", "bias"), lambda _: Place("weight", "linear", 1, 0)),
    LayerKind((nn.Bilinear,), ("weight", "bias"), lambda _: Place("weight", "linear", None, 0)),
    LayerKind(
        (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d),
        ("weight", "bias"),
        _transposed_conv,
    ),
    LayerKind((nn.Conv1d, nn.Conv2d, nn.Conv3d), ("weight", "bias"), _conv),
    LayerKind(
        (nn.RNNBase, nn.RNNCellBase),
        ("weight_ih", "weight_hh", "weight_hr", "bias"),
        lambda _: Place("weight", "recurrent", 1, 0),
    ),
    LayerKind(
        (nn.MultiheadAttention,),
        ("in_proj_", "q_proj_", "k_proj_", "v_proj_", "bias_k", "bias_v"),
        lambda _: Place("weight", "attention", 1, 0),
    ),
    LayerKind(
        (nn.Embedding, nn.EmbeddingBag),
        ("weight",),
        lambda _: Place("embedding", "embedding", 0, 1),
    ),
    LayerKind(
        (nn.modules.batchnorm._NormBase, nn.LayerNorm, nn.GroupNorm, nn.RMSNorm),
        ("weight", "bias"),
        lambda _: Place("norm", "norm"),
    ),
    LayerKind((nn.PReLU,), ("weight",), lambda _: Place("other")),
)

_INPUTS_FIRST = {"transformers.pytorch_utils.Conv1D": Place("weight", "linear", 0, 1)}
"""Layers of packages that are not imported here, by their full names: (in, out), x · W."""

_DIRECTION = "direction of a weight-normalised weight: its size has no effect"
_MAGNITUDE = "magnitudes of a weight-normalised weight: their L2 is the weight's"


def describe(model: nn.Module) -> tuple[tuple[ParameterInfo, torch.nn.Parameter], ...]:
    """Return every parameter of a model with what is known of it, tied ones once.

    Args:
        model: any module whose parameters have their shapes.

    Returns:
        (info, tensor) pairs in the order of `model.named_parameters()`.

    Raises:
        InputError: no module, or a lazy parameter without a shape.

    >>> model = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    >>> for info, tensor in describe(model):
    ...     print(info.name, info.role, info.kind)
    0.weight weight linear
    0.bias bias linear
    1.weight norm norm
    1.bias bias norm
    """
    check_module(model)
    described: dict[int, tuple[ParameterInfo, torch.nn.Parameter]] = {}
    for name, place, tensor in _owned(original(model)):
        _check(name, tensor)
        if id(tensor) in described:
            described[id(tensor)] = (_tied(described[id(tensor)][0], name, place), tensor)
        else:
            described[id(tensor)] = (_info(name, place, tensor), tensor)
    return tuple(described.values())


def original(model: nn.Module) -> nn.Module:
    """Return the model inside wrappers that only run it: DDP, data parallel, Fabric, torch.compile.

    Args:
        model: any module.

    Returns:
        The module whose parameters have the names that were given to them.

    Raises:
        InputError: FSDP's first version, whose flat parameters have no shapes.

    >>> layer = nn.Linear(2, 1)
    >>> original(nn.DataParallel(layer)) is layer
    True
    """
    flat = [name for name, part in model.named_modules() if _kind(part) == _FLAT]
    if flat:
        raise InputError(
            f"expected parameters with their own shapes, got {_FLAT} (at "
            f"{flat[0] or 'the model'}), which flattens them: use "
            "torch.distributed.fsdp.fully_shard instead"
        )
    while _kind(model) in _WRAPPERS:
        model = getattr(model, _WRAPPERS[_kind(model)])
    return model


_FLAT = "FullyShardedDataParallel"
_WRAPPERS = {
    "DistributedDataParallel": "module",
    "DataParallel": "module",
    "OptimizedModule": "_orig_mod",
    "_FabricModule": "_original_module",
}
_CHECKPOINT = "_checkpoint_wrapped_module."  # activation checkpointing, around any layer


def _kind(module: nn.Module) -> str:
    """Return the name of a class: these wrappers are looked for without importing them."""
    return type(module).__name__


def _owned(model: nn.Module) -> Iterator[tuple[str, Place, torch.nn.Parameter]]:
    """Yield every (full name, place, tensor), shared modules and tensors under every name."""
    modules = modules_of(model)
    lists = keras_lists(modules)
    by_keras = keras_parameters(modules, lists)
    for prefix, module in modules.items():
        yield from by_keras.get(prefix, ())
        if prefix in lists:
            continue
        for name, tensor in module._parameters.items():
            if tensor is not None:
                full = f"{prefix}.{name}" if prefix else name
                full = full.replace(_CHECKPOINT, "").replace("_orig_mod.", "")
                yield full, _place(modules, prefix, module, name, tensor), tensor


def _place(
    modules: dict[str, nn.Module], prefix: str, module: nn.Module, name: str, tensor: torch.Tensor
) -> Place:
    if isinstance(module, parametrize.ParametrizationList):
        owner, _, tensor_name = prefix.rpartition(".parametrizations.")
        if not _:  # the model itself is the parametrized layer
            tensor_name = prefix.removeprefix("parametrizations.")
        layer = modules[owner]
        if _is_weight_norm(module):
            return _weight_norm(layer, tensor_name, tensor, magnitude=name == "original0")
        return replace(_by_layer(layer, tensor_name, tensor), note="parametrized")
    for ending in ("_g", "_v"):  # torch.nn.utils.weight_norm, the older one
        if name.endswith(ending) and f"{name[:-2]}_g" in module._parameters:
            return _weight_norm(module, name[:-2], tensor, magnitude=ending == "_g")
    place = _by_layer(module, name.removesuffix("_orig"), tensor)  # _orig: spectral norm, pruning
    if prefix and place.kind == "custom" and _is_scale(module):
        return Place("bias" if place.role == "bias" else "norm", "norm")
    return place


def _by_layer(module: nn.Module, name: str, tensor: torch.Tensor) -> Place:
    own = [
        layer
        for layer in LAYERS
        if isinstance(module, layer.modules) and name.startswith(layer.names)
    ]
    place = own[0].place(module) if own else _by_name(module, tensor)
    if "bias" in name:
        return Place("bias", place.kind)
    is_vector = tensor.ndim < 2 or (place.kind == "custom" and _is_broadcast(tensor))
    if place.kind == "custom" and not is_vector and _is_table(name, tensor):
        return Place("embedding", "custom", note="a table that is the same for all rows")
    if place.role == "weight" and is_vector:
        return Place("other", place.kind)
    return place


def _by_name(module: nn.Module, tensor: torch.Tensor) -> Place:
    known = (_INPUTS_FIRST.get(f"{kind.__module__}.{kind.__name__}") for kind in type(module).mro())
    return next(filter(None, known), Place("weight", "custom", *_axes_by_bias(module, tensor)))


def _axes_by_bias(module: nn.Module, tensor: torch.Tensor) -> tuple[int | None, int | None]:
    """Return the input and the output axis of a matrix: the outputs' is as long as its bias."""
    lengths = {
        bias.numel()
        for name, bias in module._parameters.items()
        if bias is not None and "bias" in name and bias.ndim == 1
    }
    outputs = [axis for axis, length in enumerate(tensor.shape) if length in lengths]
    if tensor.ndim != 2 or len(lengths) != 1 or len(outputs) != 1:
        return None, None
    return 1 - outputs[0], outputs[0]


def _is_broadcast(tensor: torch.Tensor) -> bool:
    """Return whether a tensor is a vector, with axes of one entry to meet others by."""
    return tensor.ndim > 2 and sum(length > 1 for length in tensor.shape) < 2


def _is_table(name: str, tensor: torch.Tensor) -> bool:
    """Return whether a tensor is one for the batch, (1, places, features): places or tokens."""
    return tensor.ndim == 3 and tensor.shape[0] == 1 and "weight" not in name


def _is_scale(module: nn.Module) -> bool:
    """Return whether a layer of one's own is shaped like a norm: it has vectors of one length.

    A row (1, C) alone may be a weight; two alike are a norm's.
    """
    tensors = [tensor for tensor in module._parameters.values() if tensor is not None]
    if next(module.children(), None) is not None or not tensors:
        return False
    first = tensors[0]
    row = first.ndim == 2 and min(first.shape) == 1 and len(tensors) > 1
    alike = len({tuple(tensor.shape) for tensor in tensors}) == 1
    return alike and first.numel() > 1 and (first.ndim == 1 or row or _is_broadcast(first))


def _is_weight_norm(module: parametrize.ParametrizationList) -> bool:
    return any(type(part).__name__ == "_WeightNorm" for part in module)


def _weight_norm(layer: nn.Module, name: str, tensor: torch.Tensor, *, magnitude: bool) -> Place:
    place = _by_layer(layer, name, tensor)
    role, note = ("weight", _MAGNITUDE) if magnitude else ("other", _DIRECTION)
    axes = (place.input_axis, place.output_axis)
    if magnitude:  # one for each slice along one axis
        axes = tuple(axis if axis is not None and tensor.shape[axis] > 1 else None for axis in axes)
    return Place(role, place.kind, *axes, note=note)


def _check(name: str, tensor: torch.Tensor) -> None:
    if is_lazy(tensor):
        raise InputError(
            f"expected parameters with shapes, got the lazy parameter {name}: run one batch "
            "through the model first"
        )


def _info(name: str, place: Place, tensor: torch.Tensor) -> ParameterInfo:
    return ParameterInfo(
        name=name,
        shape=tuple(tensor.shape),
        role=place.role,
        kind=place.kind,
        input_axis=place.input_axis,
        output_axis=place.output_axis,
        trainable=tensor.requires_grad,
        real=not tensor.is_complex(),
        note=place.note,
    )


def _tied(info: ParameterInfo, name: str, place: Place) -> ParameterInfo:
    """Return the info with one more name, and what a layer says that knows more.

    What is an embedding anywhere counts as one; a wrapper knows less than the layer inside it.
    """
    info = replace(info, aliases=(*info.aliases, name))
    if place.role != "embedding" and not (info.kind == "custom" != place.kind):
        return info
    return replace(
        info,
        role=place.role,
        kind=place.kind,
        input_axis=place.input_axis,
        output_axis=place.output_axis,
    )


def check_module(model: object) -> None:
    """Refuse what is no module, such as the `state_dict` of one.

    Raises:
        InputError: says what came.
    """
    if not isinstance(model, nn.Module):
        own = ", or nn.ParameterDict(…) of parameters of your own" if hasattr(model, "keys") else ""
        raise InputError(
            f"expected a torch.nn.Module, got {type(model).__name__}: give the model itself{own}"
        )
