"""Linear layers whose zeros stand alone, run as sparse products only where that is faster.

Who uses this: whoever asks whether sparse execution pays on this machine. A sparse product has
fewer multiplications and an index for each: dense products win until few weights are left, so
each layer is measured, and stays dense where sparse is not faster.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from shrinkage.compaction.proof import medians
from shrinkage.compaction.tracing import as_inputs, in_evaluation

FASTER = 0.9
"""A sparse layer takes at most this share of the dense one's time, or it is not used."""


@dataclass(frozen=True)
class LayerTimes:
    """How long one layer takes, dense and sparse.

    Attributes:
        name: of the layer.
        zeros: share of its weights that are 0.
        dense, sparse: median seconds for the rows of the example.
        used: whether the sparse one is used.
    """

    name: str
    zeros: float
    dense: float
    sparse: float
    used: bool


@dataclass(frozen=True)
class SparseExecution:
    """A network whose linear layers are sparse where that was measured faster.

    Attributes:
        module: the network, for evaluation.
        layers: the times.
        told: what was found, in one sentence.
    """

    module: nn.Module
    layers: tuple[LayerTimes, ...]
    told: str


class SparseLinear(nn.Module):
    """A linear layer with its weight in compressed rows (CSR), for evaluation."""

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__()
        with _no_beta_warning():
            weight = layer.weight.detach().to_sparse_csr()
        self.shape = tuple(weight.shape)
        self.register_buffer("starts", weight.crow_indices().clone())
        self.register_buffer("columns", weight.col_indices().clone())
        self.register_buffer("values", weight.values().clone())
        self.bias = None if layer.bias is None else nn.Parameter(layer.bias.detach().clone(), False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (…, outputs) of (…, inputs)."""
        rows = x.reshape(-1, x.shape[-1])
        parts: Any = (self.starts, self.columns, self.values)
        with _no_beta_warning():
            weight = torch.sparse_csr_tensor(*parts, size=self.shape, check_invariants=False)
        out = (weight @ rows.t()).t()
        out = out if self.bias is None else out + self.bias
        return out.reshape(*x.shape[:-1], -1)


def sparse_where_faster(model: nn.Module, example_input: Any) -> SparseExecution:
    """Run linear layers as sparse products where that is measured faster than dense.

    Args:
        model: the network; it is left as it is.
        example_input: rows as many as it will be called with: what is faster depends on them.

    Returns:
        A copy for evaluation, the times, and a sentence that says whether it is faster.

    >>> model = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2))
    >>> sparse_where_faster(model, torch.randn(2, 4)).told
    'no linear layer has zeros: nothing to gain'
    """
    inputs = as_inputs(example_input)
    module = in_evaluation(model)
    given: dict[str, Any] = {}
    hooks = [
        own.register_forward_pre_hook(_remember(given, name))
        for name, own in module.named_modules()
        if isinstance(own, nn.Linear) and bool((own.weight == 0).any())
    ]
    with torch.no_grad():
        module(*inputs)
    for hook in hooks:
        hook.remove()
    layers = []
    for name, x in given.items():
        dense = module.get_submodule(name)
        assert isinstance(dense, nn.Linear)
        sparse = SparseLinear(dense)
        times = medians((dense, sparse), ((x,), (x,)))
        used = times[1] <= FASTER * times[0]
        zeros = float((dense.weight == 0).double().mean())
        layers.append(LayerTimes(name, zeros, times[0], times[1], used))
        if used:
            owner, _, own = name.rpartition(".")
            setattr(module.get_submodule(owner), own, sparse)
    return SparseExecution(module, tuple(layers), _told(layers))


@contextmanager
def _no_beta_warning() -> Iterator[None]:
    """Torch calls its CSR tensors a beta, each time one is made first."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _remember(given: dict[str, Any], name: str) -> Any:
    def hook(module: nn.Module, args: tuple[Any, ...]) -> None:
        del module
        given[name] = args[0]

    return hook


def _told(layers: list[LayerTimes]) -> str:
    if not layers:
        return "no linear layer has zeros: nothing to gain"
    used = [own for own in layers if own.used]
    if used:
        names = ", ".join(f"{own.name} ({own.dense / own.sparse:.1f} ×)" for own in used)
        return f"sparse products are faster in {len(used)} of {len(layers)} layers: {names}"
    least = min(layers, key=lambda own: own.sparse / own.dense)
    times, zeros = least.sparse / least.dense, 100 * least.zeros
    return (
        f"sparse products are not faster in any of {len(layers)} layers: at best {least.name}, "
        f"with {zeros:.0f} % zeros, takes {times:.1f} × the dense time; all stay dense"
    )
