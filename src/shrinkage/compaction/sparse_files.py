"""Weights with many zeros in a small file: what is not 0, and where it is.

Who uses this: whoever keeps a network whose zeros stand alone, so that no unit can go. The file is
a safetensors file that any reader opens; each tensor is kept in the smallest of three forms.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from shrinkage.atomic import write_bytes
from shrinkage.compaction.rounding import in_half
from shrinkage.errors import InputError
from shrinkage.extras import needs

with needs("paths", "torch", "safetensors"):
    import numpy as np
    import torch
    from safetensors import SafetensorError, safe_open
    from safetensors.numpy import save
    from torch import nn

FORMAT = "shrinkage-sparse-1"
VALUES, PLACES = "::values", "::places"
FARTHEST = 255
"""The farthest that one byte reaches; a farther value has zeros on its way."""


@dataclass(frozen=True)
class SparseFile:
    """A file of weights with zeros left out.

    Attributes:
        path: the file.
        bytes: its size.
        dense_bytes: what the same weights take with their zeros.
        zeros: share of values that are 0.
    """

    path: Path
    bytes: int
    dense_bytes: int
    zeros: float


def save_sparse(
    weights: nn.Module | Mapping[str, torch.Tensor],
    path: str | Path,
    *,
    stored_as: str | None = None,
) -> SparseFile:
    """Write weights without their zeros; `load_sparse` gives back every bit of what is stored.

    A tensor is kept dense, as its values that are not 0 with one bit a place, or with one byte a
    value for the distance from the one before; whichever is smallest.

    Args:
        weights: a module, or tensors by name.
        path: the file to write.
        stored_as: `float16` or `bfloat16`, to which numbers are rounded; None: as they are.

    Raises:
        InputError: a number is too large for `stored_as`.

    >>> import tempfile
    >>> weight = torch.zeros(100, 100)
    >>> weight[3, 5] = 0.25
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = save_sparse({"weight": weight}, f"{folder}/w.safetensors")
    ...     same = load_sparse(file.path)
    >>> file.dense_bytes // file.bytes > 50, torch.equal(same["weight"], weight)
    (True, True)
    """
    tensors = weights.state_dict() if isinstance(weights, nn.Module) else weights
    kept = tensors if stored_as is None else in_half(tensors, stored_as)
    content, zeros = _content(kept)
    write_bytes(Path(path), content)
    dense = sum(own.numel() * own.element_size() for own in tensors.values())
    return SparseFile(Path(path), len(content), dense, zeros)


def sparse_size(tensors: Mapping[str, torch.Tensor]) -> int:
    """Return the bytes of the file that `save_sparse` would write.

    >>> sparse_size({"weight": torch.zeros(100, 100)}) < 400
    True
    """
    return len(_content(tensors)[0])


def _content(tensors: Mapping[str, torch.Tensor]) -> tuple[bytes, float]:
    """Return what the file holds, and the share of values that are 0."""
    arrays: dict[str, np.ndarray] = {}
    records: dict[str, dict[str, object]] = {}
    zeros = total = 0
    for name, tensor in tensors.items():
        values = tensor.detach().cpu().contiguous().flatten()
        bits = _bytes(values).reshape(len(values), tensor.element_size())
        held = np.asarray(bits.any(axis=1))
        parts, form = _smallest(values, held)
        arrays.update({name + ending: part for ending, part in parts.items()})
        records[name] = {"form": form, "shape": list(tensor.shape), "dtype": _dtype(tensor)}
        zeros, total = zeros + int((~held).sum()), total + len(values)
    metadata = {"format": FORMAT, "tensors": json.dumps(records)}
    return save(arrays, metadata=metadata), zeros / max(1, total)


def load_sparse(path: str | Path) -> dict[str, torch.Tensor]:
    """Return the tensors of a file that `save_sparse` wrote, by name.

    Raises:
        InputError: it is no such file.
    """
    try:
        with safe_open(path, framework="np") as file:
            metadata = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise InputError(
            f"expected a file of save_sparse, got {Path(path).name}: {error}"
        ) from error
    if metadata.get("format") != FORMAT:
        raise InputError(
            f"expected a file of save_sparse ({FORMAT}), got {metadata.get('format', 'another')}"
        )
    tensors = {}
    for name, record in json.loads(metadata["tensors"]).items():
        dtype, shape = getattr(torch, record["dtype"]), record["shape"]
        count = int(np.prod(shape, dtype=np.int64))
        held = arrays[name + VALUES].copy()
        values = torch.from_numpy(held).view(dtype) if held.size else torch.zeros(0, dtype=dtype)
        if record["form"] != "dense":
            full = torch.zeros(count, dtype=dtype)
            full[torch.from_numpy(_FORMS[record["form"]](arrays[name + PLACES], count))] = values
            values = full
        tensors[name] = values.view(shape)
    return tensors


def _smallest(values: torch.Tensor, held: np.ndarray) -> tuple[dict[str, np.ndarray], str]:
    dense = {VALUES: _bytes(values)}
    places = held.nonzero()[0]
    kept = _bytes(values[torch.from_numpy(places)])
    bits = {VALUES: kept, PLACES: np.packbits(held)}
    steps, at = _steps(places)
    spaced = {VALUES: _bytes(values[torch.from_numpy(at)]), PLACES: steps}
    forms = {"dense": dense, "bits": bits, "steps": spaced}
    form = min(forms, key=lambda own: sum(part.nbytes for part in forms[own].values()))
    return forms[form], form


def _steps(places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return distances of one byte each, and the places that they lead to; far ones in parts."""
    apart = np.diff(places, prepend=-1) - 1
    fillers = apart // (FARTHEST + 1)
    steps = np.full(len(places) + fillers.sum(), FARTHEST, np.uint8)
    last = np.cumsum(fillers + 1) - 1
    steps[last] = apart - fillers * (FARTHEST + 1)
    return steps, np.cumsum(steps.astype(np.int64) + 1) - 1


def _from_bits(places: np.ndarray, count: int) -> np.ndarray:
    return np.unpackbits(places, count=count).nonzero()[0]


def _from_steps(places: np.ndarray, count: int) -> np.ndarray:
    del count
    return np.cumsum(places.astype(np.int64) + 1) - 1


_FORMS: dict[str, Callable[[np.ndarray, int], np.ndarray]] = {
    "bits": _from_bits,
    "steps": _from_steps,
}


def _bytes(values: torch.Tensor) -> np.ndarray:
    return values.contiguous().view(torch.uint8).numpy()


def _dtype(tensor: torch.Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")
