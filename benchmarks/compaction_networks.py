"""Four networks for `compaction.py`, and what makes units of them exactly zero in training."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from shrinkage.compaction import CoupledUnit


def mlp() -> nn.Module:
    """Return LeNet-300-100."""
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(784, 300),
        nn.ReLU(),
        nn.Linear(300, 100),
        nn.ReLU(),
        nn.Linear(100, 10),
    )


def lenet5() -> nn.Module:
    """Return LeNet-5 as Caffe has it."""
    return nn.Sequential(
        *(nn.Conv2d(1, 20, 5), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(20, 50, 5), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(800, 500), nn.ReLU(), nn.Linear(500, 10)),
    )


class Block(nn.Module):
    """A residual block of ResNet-18."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, after, 3, stride, 1, bias=False)
        self.conv2 = nn.Conv2d(after, after, 3, 1, 1, bias=False)
        self.bn1, self.bn2 = nn.BatchNorm2d(after), nn.BatchNorm2d(after)
        self.downsample = None
        if stride != 1 or before != after:
            conv = nn.Conv2d(before, after, 1, stride, bias=False)
            self.downsample = nn.Sequential(conv, nn.BatchNorm2d(after))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the block's maps."""
        out = self.bn2(self.conv2(functional.relu(self.bn1(self.conv1(x)))))
        return functional.relu(out + (x if self.downsample is None else self.downsample(x)))


class ResNet18(nn.Module):
    """ResNet-18's eight blocks with a quarter of its channels, for small pictures."""

    def __init__(self, widths: tuple[int, ...] = (16, 32, 64, 128)) -> None:
        super().__init__()
        self.conv1, self.bn1 = (
            nn.Conv2d(1, widths[0], 3, 2, 1, bias=False),
            nn.BatchNorm2d(widths[0]),
        )
        before, blocks = widths[0], []
        for stage, width in enumerate(widths):
            blocks += [Block(before, width, 2 if stage else 1), Block(width, width, 1)]
            before = width
        self.blocks, self.fc = nn.Sequential(*blocks), nn.Linear(before, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (rows, 10) of pictures (rows, 1, 28, 28)."""
        x = self.blocks(functional.relu(self.bn1(self.conv1(x))))
        return self.fc(x.mean((2, 3)))


class Attention(nn.Module):
    """Attention as vision transformers have it."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.num_heads, self.head_dim = heads, dim // heads
        self.qkv, self.proj = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (rows, tokens, dim)."""
        rows, tokens, _ = x.shape
        qkv = self.qkv(x).reshape(rows, tokens, 3, self.num_heads, self.head_dim)
        q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        out = functional.scaled_dot_product_attention(q, k, v)
        return self.proj(out.transpose(1, 2).reshape(rows, tokens, -1))


class Layer(nn.Module):
    """A layer of a vision transformer."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.attn = Attention(dim, heads)
        self.mlp = nn.Sequential(nn.Linear(dim, 4 * dim), nn.GELU(), nn.Linear(4 * dim, dim))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (rows, tokens, dim)."""
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class ViT(nn.Module):
    """A vision transformer of ViT-tiny's shape, half as wide and a third as deep."""

    def __init__(self, dim: int = 96, heads: int = 6, depth: int = 4) -> None:
        super().__init__()
        self.patches = nn.Conv2d(1, dim, 7, 7)
        self.places = nn.Parameter(0.02 * torch.randn(1, 16, dim))
        self.layers = nn.Sequential(*(Layer(dim, heads) for _ in range(depth)))
        self.norm, self.head = nn.LayerNorm(dim), nn.Linear(dim, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (rows, 10) of pictures (rows, 1, 28, 28)."""
        x = self.patches(x).flatten(2).transpose(1, 2) + self.places
        return self.head(self.norm(self.layers(x)).mean(1))


class CoupledShrink:
    """The group lasso's shrink of coupled units: all slices of a unit together, then 0.

    A weight between two units is in both of their groups, which are shrunk one after the other.
    Of units of one kind (of the same slices) a share is shrunk, the smallest ones.
    """

    def __init__(self, model: nn.Module, units: tuple[CoupledUnit, ...], share: float) -> None:
        names = [frozenset((name, axis) for name, axis, _ in unit.members) for unit in units]
        order = {kind: place for place, kind in enumerate(dict.fromkeys(names))}
        kinds = torch.tensor([order[kind] for kind in names])
        self._kinds = [(kinds == place).nonzero()[:, 0] for place in range(len(order))]
        self._share = share
        self._parameters = dict(model.named_parameters())
        self._count = len(units)
        self._axes: dict[tuple[str, int], torch.Tensor] = {}
        self._sizes = torch.zeros(len(units))
        for number, unit in enumerate(units):
            for name, axis, places in unit.members:
                own = self._parameters[name]
                of = self._axes.setdefault((name, axis), torch.full((own.shape[axis],), -1))
                of[list(places)] = number
                self._sizes[number] += len(places) * own.numel() // own.shape[axis]

    @torch.no_grad()
    def step(self, amount: float) -> None:
        """Shrink every unit's norm by `amount` times the root of its size."""
        norms = self.norms()
        smaller = (1 - amount * self._sizes.sqrt() / norms.clamp_min(1e-12)).clamp_min(0.0)
        scale = torch.ones_like(smaller)
        for kind in self._kinds:
            smallest = kind[norms[kind].argsort()[: int(self._share * len(kind))]]
            scale[smallest] = smaller[smallest]
        for (name, axis), units in self._axes.items():
            factor = torch.where(units < 0, 1.0, scale[units.clamp_min(0)])
            sizes = [1] * self._parameters[name].ndim
            sizes[axis] = -1
            self._parameters[name].mul_(factor.view(sizes))

    def norms(self) -> torch.Tensor:
        """Return the norm of each unit."""
        squares = torch.zeros(self._count)
        for (name, axis), units in self._axes.items():
            own = (
                self._parameters[name].detach().movedim(axis, 0).flatten(1)
                if (self._parameters[name].ndim > 1)
                else self._parameters[name].detach()[:, None]
            )
            held = units >= 0
            squares.index_add_(0, units[held], own.square().sum(1)[held])
        return squares.sqrt()
