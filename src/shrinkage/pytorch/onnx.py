"""A module as an ONNX file that onnxruntime answers alike from.

Who uses this: whoever takes a trained or compacted network out of Python. `torch.export` and
`onnxscript` write the file; it is run before it is given.
"""

from __future__ import annotations

import contextlib
import io
import logging
import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shrinkage.atomic import write_bytes
from shrinkage.errors import InputError, ShrinkageError
from shrinkage.extras import needs, require

with needs("torch"):
    import numpy as np
    import torch
    from torch import nn
    from torch.utils import _pytree as pytree

    from shrinkage.pytorch.modes import evaluating

LEAST_HALVED = 64
"""Numbers of an array from which the name and the node of a cast take less than they save."""


@dataclass(frozen=True)
class OnnxFile:
    """An ONNX file, and how far its answers are from the module's.

    Attributes:
        path: the file.
        bytes: its size.
        difference: largest difference of an output in onnxruntime, relative to the largest.
    """

    path: Path
    bytes: int
    difference: float


def export_onnx(
    module: nn.Module, example_input: Any, path: str | Path, *, tolerance: float = 1e-4
) -> OnnxFile:
    """Write a module as an ONNX file, run it in onnxruntime, and compare the outputs.

    Evaluation is what is written: dropout off, batch norms with their statistics. The number of
    rows stays open.

    Args:
        module: the module; it returns a tensor, or tensors in tuples, lists or dicts.
        example_input: a tensor of rows, or a tuple of them: what it is called with. The first axis
            of each is the batch.
        path: the file to write.
        tolerance: the largest difference of an output, relative to the largest.

    Raises:
        MissingExtra: the extra `onnx` is not installed.
        InputError: the module answers with more than tensors, cannot be exported, draws random
            numbers in evaluation, or onnxruntime answers otherwise.
    """
    require("onnx")
    inputs = example_input if isinstance(example_input, tuple) else (example_input,)
    with evaluating(module):
        arrays = _arrays(pytree.tree_leaves(inputs))
        cells = dict(zip(input_names(len(arrays)), arrays, strict=True))
        wanted = _arrays(_answers(module, inputs))
        content = onnx_content(module, inputs)
    return write_compared(content, cells, wanted, path, tolerance)


def _arrays(tensors: Sequence[torch.Tensor]) -> list[np.ndarray]:
    if any(own.dtype == torch.bfloat16 for own in tensors):
        raise InputError(
            "expected numbers that NumPy has, to compare with those of onnxruntime, got bfloat16: "
            "export module.float(), called with floats"
        )
    return [own.detach().cpu().numpy() for own in tensors]


def write_compared(
    content: bytes,
    cells: Mapping[str, np.ndarray],
    wanted: Sequence[np.ndarray],
    path: str | Path,
    tolerance: float,
) -> OnnxFile:
    """Run a file before it is one, and write it where the answers are those wanted.

    Args:
        content: of the file.
        cells: what it is given, by input.
        wanted: the answers.
        path: the file to write.
        tolerance: as in `export_onnx`.

    Raises:
        InputError: onnxruntime cannot run it, or answers otherwise.
    """
    difference = _difference(_run(content, cells), wanted)
    if not difference <= tolerance:
        raise InputError(
            f"expected onnxruntime to answer within {tolerance:g} of the module, got "
            f"{difference:.2g}; nothing was written"
        )
    write_bytes(Path(path), content)
    return OnnxFile(Path(path), len(content), difference)


def input_names(count: int) -> list[str]:
    """Return what the inputs of a file are called.

    >>> input_names(2)
    ['input', 'input_1']
    """
    return [f"input_{place}" if place else "input" for place in range(count)]


def onnx_content(module: nn.Module, inputs: tuple[Any, ...]) -> bytes:
    """Return a module in evaluation, which it is left in, as the content of a file.

    Raises:
        MissingExtra: the extra `onnx` is not installed.
        InputError: the module answers with more than tensors, cannot be exported, or draws random
            numbers.
    """
    require("onnx")
    _check_repeats(module.eval(), inputs)
    rows = pytree.tree_map(_two_rows, inputs)
    shapes = pytree.tree_map(lambda _: {0: torch.export.Dim.DYNAMIC}, rows)
    names = input_names(len(pytree.tree_leaves(rows)))
    try:
        with _quiet(), torch.no_grad():
            program = torch.onnx.export(
                module,
                (*rows, {}),  # a mapping at the end is taken for keywords
                dynamo=True,
                dynamic_shapes=shapes,
                input_names=names,
                verbose=False,
            )
            assert program is not None
            model = program.model_proto
            _halve(model.graph)
            return model.SerializeToString()
    except Exception as error:
        raise InputError(
            f"the {type(module).__name__} cannot be written as ONNX: {_reason(error)}"
        ) from error


def _halve(graph: Any) -> None:
    """Store numbers that half precision holds exactly in it, and let the file cast them back.

    Those are the weights of `compact(…, stored_as=)`: no answer changes, and the file is half.
    """
    from onnx import TensorProto, helper, numpy_helper

    casts = []
    for own in graph.initializer:
        if own.data_type != TensorProto.FLOAT or math.prod(own.dims) < LEAST_HALVED:
            continue
        values = torch.from_numpy(numpy_helper.to_array(own).copy())
        for dtype, code in (
            (torch.float16, TensorProto.FLOAT16),
            (torch.bfloat16, TensorProto.BFLOAT16),
        ):
            half = values.to(dtype)
            if torch.equal(half.float(), values):
                name = own.name
                own.CopyFrom(
                    helper.make_tensor(
                        f"{name}.half",
                        code,
                        own.dims,
                        half.view(torch.int16).numpy().tobytes(),
                        raw=True,
                    )
                )
                casts.append(helper.make_node("Cast", [own.name], [name], to=TensorProto.FLOAT))
                break
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)


def _reason(error: BaseException) -> str:
    """Return what began it: the exporter wraps it in advice."""
    while error.__cause__ is not None:
        error = error.__cause__
    return f"{type(error).__name__}: {next(iter(str(error).strip().splitlines()), '')}"


def _run(content: bytes, cells: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    """Return what onnxruntime answers."""
    import onnxruntime  # type: ignore[import-not-found]

    try:
        session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
        used = [own.name for own in session.get_inputs()]
        return [np.asarray(own) for own in session.run(None, {name: cells[name] for name in used})]
    except Exception as error:
        if isinstance(error, ShrinkageError):
            raise
        first = next(iter(str(error).strip().splitlines()), "")
        raise InputError(f"onnxruntime cannot run the file: {first}") from error


def _difference(answers: Sequence[np.ndarray], wanted: Sequence[np.ndarray]) -> float:
    """Return the largest difference of an answer, relative to the largest that is wanted."""
    worst = 0.0
    for own, other in zip(answers, wanted, strict=True):
        apart = np.abs(own.astype(np.float64) - other).max(initial=0.0)
        worst = max(worst, float(apart / (np.abs(other).max(initial=0.0) or 1.0)))
    return worst


def _answers(module: nn.Module, inputs: tuple[Any, ...], seed: int = 0) -> list[torch.Tensor]:
    """Return the tensors that a module returns, in the order in which an ONNX file has them."""
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        leaves = [leaf for leaf in pytree.tree_leaves(module(*inputs)) if leaf is not None]
    others = dict.fromkeys(type(own).__name__ for own in leaves if not torch.is_tensor(own))
    if others:
        raise InputError(
            f"expected tensors as the answers of the {type(module).__name__}, got of type "
            f"{', '.join(others)}, too, which no ONNX file holds: return tensors alone, in tuples, "
            "lists or dicts"
        )
    return [leaf.detach() for leaf in leaves]


def _check_repeats(module: nn.Module, inputs: tuple[Any, ...]) -> None:
    answers = zip(_answers(module, inputs), _answers(module, inputs, seed=1), strict=True)
    if not all(torch.equal(one.nan_to_num(), other.nan_to_num()) for one, other in answers):
        raise InputError(
            f"expected a module that answers the same every time, got a {type(module).__name__} "
            "that draws random numbers in evaluation, which no ONNX file can repeat: export the "
            "part that draws none, as the encoder and the decoder of an autoencoder"
        )


def _two_rows(tensor: torch.Tensor) -> torch.Tensor:
    """Return two rows: a single one would be taken for a fixed size."""
    return tensor[:2] if len(tensor) > 1 else torch.cat([tensor, tensor])


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep what the exporter prints, logs and warns about to itself."""
    disabled = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    nowhere = io.StringIO()
    try:
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(nowhere),
            contextlib.redirect_stderr(nowhere),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)
