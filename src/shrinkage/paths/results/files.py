"""JSON and named arrays in files that are whole or not there.

Who uses this: the run directory.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save as save_bytes
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors

from shrinkage.atomic import write_bytes
from shrinkage.errors import RunDirectoryError


def write_json(path: Path, content: object) -> None:
    """Write JSON; numbers that are not finite must have become None before."""
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
    write_bytes(path, (text + "\n").encode())


def read_json(path: Path) -> object:
    """Read JSON.

    Raises:
        RunDirectoryError: the file is missing or is not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RunDirectoryError(
            f"cannot read {path.name} in {path.parent}: {error.strerror}; expected the folder of "
            "a finished `shrinkage path` run"
        ) from error
    except ValueError as error:
        raise RunDirectoryError(f"{path.name} in {path.parent} is not JSON: {error}") from error


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write named arrays as safetensors."""
    contiguous = {name: np.ascontiguousarray(value) for name, value in arrays.items()}
    write_bytes(path, save_bytes(contiguous))


def write_tensors(path: Path, tensors: Mapping[str, torch.Tensor]) -> None:
    """Write named tensors, of types that NumPy does not have too, as safetensors."""
    write_bytes(path, save_tensors({name: own.contiguous() for name, own in tensors.items()}))


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Read named arrays; numbers in half precision come as float32, which holds them all.

    Raises:
        RunDirectoryError: the file is missing or is no safetensors file.
    """
    try:
        return {name: _array(own) for name, own in load_tensors(path.read_bytes()).items()}
    except OSError as error:
        raise RunDirectoryError(
            f"cannot read {path.name} in {path.parent}: {error.strerror}"
        ) from error
    except Exception as error:
        raise RunDirectoryError(f"{path.name} in {path.parent} is damaged: {error}") from error


def _array(tensor: torch.Tensor) -> np.ndarray:
    half = tensor.is_floating_point() and tensor.element_size() == 2
    return (tensor.float() if half else tensor).numpy()
