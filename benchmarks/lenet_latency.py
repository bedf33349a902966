"""How much smaller and faster is LeNet-300-100 once its dead units are taken out?

Claim: one picture is classified ten times as fast where no call stands between pictures. torch and
onnxruntime take some microseconds for being called at all, more than the small network computes, so
both are told: a call for each picture, and the same compiled loops (`lenet_one.c`) for the dense
network and for what is left of it, whose weights lie in the caches where a stream of pictures would
find them.

    python benchmarks/lenet_latency.py

Weights are random: what a product takes does not depend on them. `lenet.py` measures the networks
that it trained by the same functions.
"""

from __future__ import annotations

import ctypes
import math
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime  # type: ignore[import-not-found]
import torch
from lenet_dense import FULL, Arrays
from lenet_network import Pointer, compiled
from lenet_recipe import module_of
from recording import write_result
from torch import nn

from shrinkage.compaction import Compaction, compact
from shrinkage.pytorch.onnx import export_onnx

TIMES, STREAM = 500, 64
"""Times that each is asked; pictures in one call: more would be put off by other programs."""
MOST, LINE = 1024, 64
"""Numbers between two layers for which the C has room; units that it sums up at once."""

UNITS = (150, 55, 22)
"""Pixels and units of the network that keeps whole neurons."""
TOLD = {
    "file_bytes": "bytes",
    "loops_one": "one picture after the other in compiled loops",
    "onnx_one": "a call of onnxruntime for one picture",
    "seconds_one": "a call of torch for one picture",
}
"""What is compared, before and after."""


class _Layer(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_int) for name in ("lines", "inputs")),
        *((name, Pointer) for name in ("w", "b")),
    ]


def streams(
    dense: nn.Module, small: nn.Module, kept: np.ndarray, rows: np.ndarray
) -> tuple[float, float]:
    """Return the median seconds of a picture of two networks, inside one call of compiled loops.

    Args:
        dense: a network of linear layers with ReLU between them, which reads every pixel.
        small: one that reads the pixels in `kept`.
        kept: their positions.
        rows: pictures (pictures, pixels).

    Returns:
        Seconds of the dense one and of the small one, taken alternately.
    """
    rows = rows[:STREAM]
    asks = _stream(dense, np.arange(rows.shape[1]), rows), _stream(small, kept, rows)
    times = np.array([[_took(ask) for ask in asks] for _ in range(TIMES)])
    before, after = np.median(times, axis=0) / len(rows)
    return float(before), float(after)


def _took(ask: Callable[[], object]) -> float:
    begin = time.perf_counter()
    ask()
    return time.perf_counter() - begin


def _stream(model: nn.Module, kept: np.ndarray, rows: np.ndarray) -> Callable[[], None]:
    """Return what answers all pictures, one at a time, once it agrees with torch."""
    linear = [own for own in model.modules() if isinstance(own, nn.Linear)]
    if max(own.in_features for own in linear) > MOST:
        raise ValueError(f"lenet_one.c has room for {MOST} numbers between two layers")
    arrays = [_lines(own) for own in linear]
    layers = (_Layer * len(linear))(
        *(_Layer(*w.shape[:2], w.ctypes.data, b.ctypes.data) for w, b in arrays)
    )
    places, pixels = np.ascontiguousarray(kept, np.int32), np.ascontiguousarray(rows, np.float32)
    said = _aligned((len(rows), LINE))
    loops = compiled("lenet_one.c").one_by_one

    def ask() -> None:
        loops(
            *(len(arrays), layers, Pointer(places.ctypes.data), Pointer(pixels.ctypes.data)),
            *(pixels.shape[1], len(pixels), Pointer(said.ctypes.data)),
        )

    ask()
    with torch.no_grad():
        right = model(torch.from_numpy(pixels[:, places])).numpy()
    np.testing.assert_allclose(said[:, : right.shape[1]], right, rtol=1e-4, atol=1e-4)
    return ask


def _lines(layer: nn.Linear) -> tuple[np.ndarray, np.ndarray]:
    """Return weights (lines, inputs, LINE) and biases (lines, LINE), zeros behind the last unit."""
    many = math.ceil(layer.out_features / LINE)
    w, b = _aligned((many, layer.in_features, LINE)), _aligned((many, LINE))
    whole = np.zeros((many * LINE, layer.in_features), np.float32)
    whole[: layer.out_features] = layer.weight.detach().numpy()
    w[:] = whole.reshape(many, LINE, -1).transpose(0, 2, 1)
    b.reshape(-1)[: layer.out_features] = layer.bias.detach().numpy()
    return w, b


def _aligned(shape: tuple[int, ...]) -> np.ndarray:
    """Return zeros that begin where a line of LINE numbers may."""
    size = 4 * LINE
    raw = np.zeros(4 * math.prod(shape) + size, np.uint8)
    start = -raw.ctypes.data % size
    return raw[start : start + 4 * math.prod(shape)].view(np.float32).reshape(shape)


def onnx_seconds(model: nn.Module, rows: torch.Tensor) -> float:
    """Return the median seconds of one picture in onnxruntime, on one thread."""
    with tempfile.TemporaryDirectory() as folder:
        file = export_onnx(model, rows, Path(folder) / "model.onnx").path
        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads = settings.inter_op_num_threads = 1
        session = onnxruntime.InferenceSession(file, settings, providers=["CPUExecutionProvider"])
    feed = {session.get_inputs()[0].name: rows[:1].contiguous().numpy()}
    return float(np.median([_took(lambda: session.run(None, feed)) for _ in range(TIMES)]))


def compacted(
    arrays: Arrays, pixels: np.ndarray, stored_as: str | None = None
) -> tuple[Arrays, dict[str, Any]]:
    """Return a network without its dead units, as wide as it reads, with sizes and times of both.

    In half precision its weights are those of its file, and the bytes are that file's.
    """
    rows, model = torch.from_numpy(pixels).float() / 255, module_of(arrays)
    found = compact(model, rows, drop_inputs=True, stored_as=stored_as)
    before, after = asdict(found.proof.before), asdict(found.proof.after)
    if found.rounding is not None:
        after["rounding"] = found.rounding.to_dict()
        after["file_bytes"] = found.rounding.file_bytes
    before["onnx_one"] = onnx_seconds(model, rows)
    after["onnx_one"] = onnx_seconds(found.module, rows[:, found.kept_inputs])
    before["loops_one"], after["loops_one"] = streams(
        model, found.module, np.asarray(found.kept_inputs), rows.numpy()
    )
    return _whole(found), {"before": before, "after": after}


def _whole(found: Compaction) -> Arrays:
    """Return the weights and biases that are left, on all pixels again: zeros on those unread."""
    linear = [own for own in found.module.modules() if isinstance(own, nn.Linear)]
    weights, biases = [own.weight.detach() for own in linear], [own.bias.detach() for own in linear]
    first = torch.zeros(len(weights[0]), FULL[0][0][1])
    first[:, found.kept_inputs] = weights[0]
    return [first, *weights[1:]], biases


def random_network() -> Arrays:
    """Return LeNet-300-100 with random weights, zero but for whole neurons."""
    generator = np.random.default_rng(0)
    ends = [np.sort(generator.choice(784, UNITS[0], replace=False)), *map(np.arange, UNITS[1:])]
    weights = []
    for (outputs, inputs), read, said in zip(
        FULL[0], ends, [*ends[1:], np.arange(10)], strict=True
    ):
        own = np.zeros((outputs, inputs), np.float32)
        own[np.ix_(said, read)] = generator.normal(size=(len(said), len(read))) / len(read) ** 0.5
        weights.append(torch.from_numpy(own))
    return weights, [torch.zeros(len(own)) for own in weights]


def main() -> None:
    """Measure, tell, write."""
    torch.set_num_threads(1)
    generator = np.random.default_rng(1)
    lit = generator.random((256, FULL[0][0][1])) < 0.2
    _, figures = compacted(
        random_network(), (lit * generator.integers(0, 256, lit.shape)).astype("u1")
    )
    before, after = ({key: figures[when][key] for key in TOLD} for when in ("before", "after"))
    for key, name in TOLD.items():
        print(f"{name}: {before[key]:.3g} → {after[key]:.3g}, {before[key] / after[key]:.1f} times")
    write_result("lenet_latency", {"neurons": UNITS, "before": before, "after": after})


if __name__ == "__main__":
    main()
