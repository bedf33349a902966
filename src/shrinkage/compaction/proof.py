"""The proof that a smaller network answers as the network did, and what it saves.

Who uses this: `compact` measures one, `shrinkage compact` writes it beside the smaller model.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils import _pytree as pytree
from torch.utils.flop_counter import FlopCounterMode

from shrinkage.compaction.tracing import some_rows, takes_rows, tensors_of
from shrinkage.errors import ShrinkageError
from shrinkage.extras import needs

with needs("paths", "torch", "safetensors"):
    from safetensors.torch import save

TOLERANCE = 1e-5
"""The largest difference that a proof allows, relative to the largest output."""

ROUNDINGS = 4
"""The same in units of the precision where that is coarser: biases that take up constants round."""

SECONDS = 0.4
"""How long one latency is measured for, at most, both networks together."""


class UnequalOutputs(ShrinkageError):
    """A smaller network would answer otherwise, so it is not given."""


@dataclass(frozen=True)
class Size:
    """What a network costs.

    Attributes:
        parameters: how many numbers are learned, tied ones once.
        multiply_adds: of one row, in matrix products, convolutions and attention.
        file_bytes: of its parameters and buffers in a safetensors file.
        seconds_one: median time for one row; None where it was not measured, or where the network
            takes no single row, as those of graphs.
        seconds_batch: the same for the rows of the example together.
    """

    parameters: int
    multiply_adds: int
    file_bytes: int
    seconds_one: float | None = None
    seconds_batch: float | None = None


@dataclass(frozen=True)
class Proof:
    """That a smaller network answers as the network did, and what it saves.

    Attributes:
        difference_real: largest difference of an output on the rows of the example, relative to
            the largest output there.
        difference_random: the same on random rows.
        tolerance: what both may be at most.
        rows: how many rows each was measured on.
        before, after: what the two networks cost.
        threads: of torch, when the times were measured.
        difference_lengths: the same difference on the example in other lengths; 0 where there are
            none.
        lengths: the shapes of the tensors of each, as far as both networks take them.
    """

    difference_real: float
    difference_random: float
    tolerance: float
    rows: int
    before: Size
    after: Size
    threads: int
    difference_lengths: float = 0.0
    lengths: tuple[tuple[tuple[int, ...], ...], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return plain values that JSON can hold."""
        return asdict(self)


def prove(
    model: Callable[..., Any],
    smaller: Callable[..., Any],
    networks: tuple[nn.Module, nn.Module],
    inputs: tuple[Any, ...],
    *,
    tolerance: float,
    timed: bool,
    take: Callable[[tuple[Any, ...]], tuple[Any, ...]] = lambda inputs: inputs,
    lengths: Sequence[tuple[tuple[Any, ...], float | None]] = (),
) -> Proof:
    """Compare two networks on the rows of an example and on random ones, and measure both.

    Args:
        model: the network.
        smaller: the smaller one, called with the same inputs.
        networks: the modules to measure, before and after.
        inputs: the example.
        tolerance: the largest relative difference that is allowed.
        timed: whether to measure times.
        take: what the second network is called with, of the inputs of the first.
        lengths: the example in other lengths, and how far the outputs are apart there; None where
            the second network fails.

    Raises:
        UnequalOutputs: the outputs differ by more.
    """
    real = difference(model, smaller, inputs)
    random = difference(model, smaller, random_for(model, inputs))
    followed = [(given, apart) for given, apart in lengths if apart is not None]
    longer = max([0.0, *(apart for _, apart in followed)])
    if not max(real, random, longer) <= tolerance:
        worst = max(real, random, longer)
        raise UnequalOutputs(
            f"expected outputs within {tolerance:g} of the network's, got {worst:.2g}: "
            "its code is not followed in full; the network stays as it is"
        )
    before, after = (
        _size(own, given) for own, given in zip(networks, (inputs, take(inputs)), strict=True)
    )
    if timed:
        before, after = _timed(networks, (inputs, take(inputs)), (before, after))
    rows = max(len(leaf) for leaf in tensors_of(inputs))
    shapes = tuple(tuple(tuple(leaf.shape) for leaf in tensors_of(given)) for given, _ in followed)
    threads = torch.get_num_threads()
    return Proof(real, random, tolerance, rows, before, after, threads, longer, shapes)


def allowed(model: nn.Module) -> float:
    """Return the largest difference that is allowed where none is given.

    >>> allowed(nn.Linear(2, 2)), allowed(nn.Linear(2, 2).bfloat16())
    (1e-05, 0.03125)
    """
    types = {own.dtype for own in model.parameters() if own.is_floating_point()}
    return max([TOLERANCE, *(ROUNDINGS * torch.finfo(own).eps for own in types)])


def difference(
    model: Callable[..., Any], smaller: Callable[..., Any], inputs: tuple[Any, ...]
) -> float:
    """Return the largest difference of two networks' outputs, relative to the largest output.

    It is inf where the outputs have other shapes, or where one is not a number and the other is.
    Both draw the same random numbers.
    """
    first, second = (answers(own, inputs) for own in (model, smaller))
    if [own.shape for own in first] != [own.shape for own in second]:
        return float("inf")
    worst = 0.0
    for one, other in zip(first, second, strict=True):
        one, other = one.to(torch.float64), other.to(torch.float64)
        if one.numel() == 0:
            continue
        apart = torch.where(one == other, 0.0, (one - other).abs())
        apart = torch.where(one.isnan() & other.isnan(), 0.0, apart)
        size = one[one.isfinite()].abs().max().item() if one.isfinite().any() else 0.0
        largest = apart.max().item()
        worst = (
            max(worst, largest / size if size else largest) if largest == largest else float("inf")
        )
    return worst


def answers(network: Callable[..., Any], inputs: tuple[Any, ...]) -> list[torch.Tensor]:
    """Return the tensors that a network answers with, by the same random numbers each time."""
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        return tensors_of(network(*inputs))


def random_like(inputs: tuple[Any, ...], seed: int = 0) -> tuple[Any, ...]:
    """Return random inputs: normal, or the example's whole numbers shuffled."""
    generator = torch.Generator().manual_seed(seed)

    def drawn(leaf: Any) -> Any:
        if not isinstance(leaf, torch.Tensor) or leaf.numel() == 0:
            return leaf
        if leaf.is_floating_point():
            own = leaf.double()
            spread = own.std(unbiased=False).item() or 1.0
            values = torch.randn(leaf.shape, generator=generator, dtype=torch.float64)
            return (own.mean().item() + spread * values).to(leaf)
        places = torch.randperm(leaf.numel(), generator=generator).to(leaf.device)
        return leaf.flatten()[places].view(leaf.shape)

    return pytree.tree_map(drawn, inputs)


def random_for(model: Callable[..., Any], inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return random inputs that a network takes.

    Where it fails on normal numbers, as with words among the columns of a table, every place has
    the numbers of the example's rows, shuffled by itself.
    """
    drawn = random_like(inputs)
    try:
        answers(model, drawn)
    except (IndexError, RuntimeError, ValueError):
        generator = torch.Generator().manual_seed(0)

        def shuffled(leaf: Any) -> Any:
            if not isinstance(leaf, torch.Tensor) or leaf.ndim == 0:
                return leaf
            order = torch.rand(leaf.shape, generator=generator).argsort(dim=0)
            return leaf.gather(0, order.to(leaf.device))

        return pytree.tree_map(shuffled, inputs)
    return drawn


Tensors = dict[str, torch.Tensor]


def file_bytes(
    module: nn.Module, stored: Callable[[Tensors], Tensors] = lambda tensors: tensors
) -> int:
    """Return the size of a safetensors file of a network's parameters and buffers, as stored."""
    return len(save(stored(_once(module))))


def multiply_adds(module: nn.Module, inputs: tuple[Any, ...]) -> int:
    """Return the multiply-adds of one row, in products, convolutions and attention."""
    rows = max(len(leaf) for leaf in tensors_of(inputs))
    with torch.no_grad(), _in_parts(), FlopCounterMode(display=False) as counter:
        module(*inputs)
    return counter.get_total_flops() // 2 // rows


@contextmanager
def _in_parts() -> Iterator[None]:
    """Let attention and transformer layers call their products: fused ones count as nothing."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)


def _size(module: nn.Module, inputs: tuple[Any, ...]) -> Size:
    parameters = sum(own.numel() for own in module.parameters())
    return Size(parameters, multiply_adds(module, inputs), file_bytes(module))


def _timed(
    networks: tuple[nn.Module, nn.Module],
    inputs: tuple[tuple[Any, ...], tuple[Any, ...]],
    sizes: tuple[Size, Size],
) -> tuple[Size, Size]:
    single: list[float | None] = [None, None]
    if takes_rows(networks[0], inputs[0], 1):
        one = (some_rows(given, 1) for given in inputs)
        single = [*medians(networks, tuple(one))]
    batch = medians(networks, inputs)
    return tuple(
        Size(own.parameters, own.multiply_adds, own.file_bytes, single[i], batch[i])
        for i, own in enumerate(sizes)
    )  # type: ignore[return-value]


def medians(networks: tuple[nn.Module, ...], inputs: tuple[Any, ...]) -> list[float]:
    """Return the median time of each network, measured in turn."""
    times: list[list[float]] = [[] for _ in networks]
    end = time.perf_counter() + SECONDS
    with torch.no_grad():
        for network, given in zip(networks, inputs, strict=True):
            network(*given)
        while (time.perf_counter() < end and len(times[0]) < 200) or len(times[0]) < 3:
            for own, network, given in zip(times, networks, inputs, strict=True):
                begin = time.perf_counter()
                network(*given)
                own.append(time.perf_counter() - begin)
    return [median(own) for own in times]


def _once(module: nn.Module) -> Tensors:
    found: Tensors = {}
    seen: set[int] = set()
    for name, own in module.state_dict(keep_vars=True).items():
        if isinstance(own, torch.Tensor) and id(own) not in seen:
            seen.add(id(own))
            found[name] = own.detach().contiguous()
    return found
