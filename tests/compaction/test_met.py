"""Networks as strangers write them: tables of positions, learned masks, half precision, modes."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

from shrinkage.compaction import compact, coupled_units
from shrinkage.errors import InputError
from tests.compaction.networks import settle


class Positions(nn.Module):
    """Words and their places, looked up by a buffer, as BERT does."""

    ids: torch.Tensor

    def __init__(self, ids: torch.Tensor) -> None:
        super().__init__()
        self.words, self.places = nn.Embedding(9, 6), nn.Embedding(8, 6)
        self.hidden, self.last = nn.Linear(6, 10), nn.Linear(10, 2)
        self.register_buffer("ids", ids, persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (rows, words, 2)."""
        places = self.places(self.ids[..., : x.shape[1]])
        return self.last(functional.relu(self.hidden(self.words(x) + places)))


@pytest.mark.parametrize("ids", [torch.arange(5), torch.arange(8), torch.arange(8)[None]])
def test_what_is_looked_up_stays(ids: torch.Tensor) -> None:
    """Places are numbers, not units: all stay, those of longer rows than the example's, too."""
    model: Any = settle(Positions(ids))
    with torch.no_grad():
        model.hidden.weight[:4] = 0.0
    smaller: Any = compact(model, torch.randint(0, 9, (4, 5)), timed=False).module
    assert smaller.hidden.out_features == 6
    longer = torch.randint(0, 9, (4, ids.shape[-1]))
    torch.testing.assert_close(smaller(longer), model(longer))


class Biased(nn.Module):
    """Attention with a bias of its own for each pair of places, as in Swin and T5."""

    def __init__(self, heads: int) -> None:
        super().__init__()
        self.heads, self.first = 4, nn.Linear(5, 16)
        self.qkv, self.last = nn.Linear(16, 48), nn.Linear(16, 2)
        self.bias = nn.Parameter(torch.randn(heads, 7, 7))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (rows, 7, 2)."""
        qkv = self.qkv(self.first(x)).view(len(x), 7, 3, self.heads, 4)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        y = functional.scaled_dot_product_attention(q, k, v, attn_mask=self.bias)
        return self.last(y.transpose(1, 2).flatten(2))


@pytest.mark.parametrize("heads", [1, 4])
def test_a_learned_mask_goes_with_its_heads(heads: int) -> None:
    """One for each head loses a head's part; one for all heads stays whole."""
    model: Any = settle(Biased(heads))
    with torch.no_grad():
        model.first.weight[:3] = 0.0
        for own in (model.qkv.weight, model.qkv.bias):
            own.view(3, 4, 4, -1)[:, 1] = 0.0
    result: Any = compact(model, torch.randn(4, 7, 5).double(), timed=False)
    shape = dict(result.module.named_parameters())["bias"].shape
    assert tuple(shape) == (min(heads, 3), 7, 7)
    assert {own.name: own.after for own in result.layers}["qkv"] == 36
    assert {own.name: own.after for own in result.layers}["first"] == 13


def test_each_layer_keeps_its_mode() -> None:
    """A frozen batch norm stays in evaluation mode while the rest trains."""
    model: Any = nn.Sequential(nn.Linear(5, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 2))
    with torch.no_grad():
        model[0].weight[:3] = 0.0
    model.train()
    model[1].eval()
    smaller = compact(model, torch.randn(4, 5).to(next(model.parameters())), timed=False).module
    modes = {name: own.training for name, own in model.named_modules()}
    assert {name: own.training for name, own in smaller.named_modules()} == modes


def two_layers(dead: int = 6) -> Any:
    """Return a small network with dead units whose biases are left."""
    model: Any = nn.Sequential(nn.Linear(12, 16), nn.ReLU(), nn.Linear(16, 3))
    with torch.no_grad():
        model[0].weight[:dead] = 0.0
    return model


def test_a_compiled_network_is_made_smaller() -> None:
    """Its own module is; the result has to be compiled anew, which is said."""
    model, x = two_layers(), torch.randn(4, 12)
    compiled: Any = torch.compile(model, backend="eager")
    result: Any = compact(compiled, x, timed=False)
    assert result.module[0].out_features == 10
    assert any("compile" in one for one in result.notes)
    assert len(coupled_units(compiled, x)) == 16
    within: Any = nn.Sequential(compiled, nn.Linear(3, 2))
    assert compact(within, x, timed=False).module[0][0].out_features == 10  # type: ignore[index]
    assert within[0] is compiled


@pytest.mark.parametrize("within", [False, True])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_scripted_network_is_refused(within: bool) -> None:
    """With what to give in its place."""
    model: Any = torch.jit.script(two_layers().eval())
    with pytest.raises(InputError, match=r"before torch\.jit"):
        compact(nn.Sequential(model) if within else model, torch.randn(4, 12), timed=False)


def test_contexts_of_the_caller_do_not_matter() -> None:
    """Without gradients of any kind, and where new tensors are in double precision."""
    model, x = two_layers(), torch.randn(4, 12)
    with torch.inference_mode():
        assert compact(model, x, timed=False).module[0].out_features == 10  # type: ignore[index]
    torch.set_default_dtype(torch.float64)
    try:
        assert compact(model, x, timed=False).module[0].out_features == 10  # type: ignore[index]
    finally:
        torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_proven_to_its_own_rounding(dtype: torch.dtype) -> None:
    """A bias that took up a constant is rounded: that is no other answer."""
    torch.manual_seed(0)
    layers: Any = [nn.Sequential(nn.Linear(32, 32), nn.ReLU()) for _ in range(6)]
    model: Any = nn.Sequential(*layers, nn.Linear(32, 3)).to(dtype)
    with torch.no_grad():
        for layer in layers:
            layer[0].weight[:12], layer[0].weight[12:] = 0.0, 2 * layer[0].weight[12:]
    x = torch.randn(50, 32).to(dtype)
    result = compact(model, x, timed=False)
    proof = result.proof
    assert {own.dtype for own in result.module.parameters()} == {dtype}
    assert proof.after.parameters < proof.before.parameters / 2
    assert 1e-5 < proof.difference_real <= proof.tolerance == 4 * torch.finfo(dtype).eps
    assert compact(model.float(), x.float(), timed=False).proof.tolerance == 1e-5


class Small(nn.Module):
    """nanoGPT's attention: a view of what a copy laid out in half precision."""

    def __init__(self) -> None:
        super().__init__()
        self.attention, self.out = nn.Linear(8, 24), nn.Linear(8, 8)
        self.hidden, self.back = nn.Linear(8, 12), nn.Linear(12, 8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (rows, places, 8)."""
        rows, places, size = x.size()
        parts = self.attention(x).split(size, dim=2)
        q, k, v = (own.view(rows, places, 2, size // 2).transpose(1, 2) for own in parts)
        y = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(y.transpose(1, 2).contiguous().view(rows, places, size))
        return x + self.back(functional.gelu(self.hidden(x)))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_tensors_may_lie_otherwise_than_the_trace_says(dtype: torch.dtype) -> None:
    """Kernels of attention lay out their answer as they like."""
    model: Any = Small().to(dtype)
    with torch.no_grad():
        model.hidden.weight[:5] = 0.0
    result: Any = compact(model, torch.randn(3, 6, 8).to(dtype), timed=False)
    assert result.module.hidden.out_features == 7


class Squeezed(nn.Module):
    """Squeeze and excitation as its authors write it, with `expand_as`."""

    def __init__(self) -> None:
        super().__init__()
        self.maps, self.last = nn.Conv2d(3, 8, 1), nn.Conv2d(8, 2, 1)
        self.gates = nn.Sequential(nn.Linear(8, 4), nn.ReLU(), nn.Linear(4, 8), nn.Sigmoid())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (rows, 2, height, width)."""
        x = functional.relu(self.maps(x))
        rows, channels, _, _ = x.size()
        gates = self.gates(x.mean((2, 3))).view(rows, channels, 1, 1)
        return self.last(x * gates.expand_as(x))


def test_gates_that_are_expanded_go_with_their_channels() -> None:
    """A channel of zeros goes with its gate."""
    model: Any = settle(Squeezed())
    with torch.no_grad():
        model.maps.weight[2:5], model.maps.bias[2:5] = 0.0, 0.0
    result: Any = compact(model, torch.randn(4, 3, 6, 6).double(), timed=False)
    assert result.module.maps.out_channels == result.module.gates[2].out_features == 5
    assert not result.notes


class Bare(nn.Module):
    """Weights and biases without layers: x @ W + b."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.begin = (nn.Parameter(torch.randn(5, 8)), nn.Parameter(torch.randn(8)))
        self.second, self.end = (nn.Parameter(torch.randn(8, 3)), nn.Parameter(torch.randn(3)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (rows, 3)."""
        return self.end + torch.relu(x @ self.first + self.begin) @ self.second


def test_a_bias_that_is_added_takes_up_constants() -> None:
    """As that of a layer does."""
    model: Any = settle(Bare())
    with torch.no_grad():
        model.first[:, 2:5], model.begin[2:5] = 0.0, 1.0
    smaller: Any = compact(
        model, torch.randn(4, 5).to(next(model.parameters())), timed=False
    ).module
    assert [tuple(own.shape) for own in smaller.parameters()] == [(5, 5), (5,), (5, 3), (3,)]


class Block(nn.Module):
    """A block that is called by keywords."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden, self.back = nn.Linear(6, 9), nn.Linear(9, 6)

    def forward(self, x: torch.Tensor, scale: torch.Tensor | None = None) -> torch.Tensor:
        """Return x of its own shape."""
        more = self.back(torch.relu(self.hidden(x)))
        return x + (more if scale is None else more * scale)


class Undecided(nn.Module):
    """Its code depends on values, so that only its blocks can be followed."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleList([Block(), Block(), Block()])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (rows, 6)."""
        scale = torch.ones(6)
        first, second, third = self.blocks
        x = second(first(x=x, scale=scale), None) if x.sum() > 0 else first(x, scale=scale)
        return third(scale=0.5 * scale, x=x)


def test_parts_that_are_called_by_keywords_get_smaller() -> None:
    """Where the network as a whole cannot be traced."""
    model: Any = settle(Undecided())
    for block in model.blocks:
        with torch.no_grad():
            block.hidden.weight[:4] = 0.0
    result: Any = compact(model, torch.rand(4, 6).double(), timed=False)
    assert [block.hidden.out_features for block in result.module.blocks] == [5, 5, 5]
