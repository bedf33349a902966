"""Small networks of many kinds, and what kills units of them at random."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional


def mlp(norm: type[nn.Module] | None = None) -> nn.Module:
    """Return two hidden layers, with a norm after the first one."""
    first = [nn.Linear(10, 16, bias=norm is not nn.BatchNorm1d)]
    return nn.Sequential(
        *first,
        *([] if norm is None else [norm(16)]),
        nn.ReLU(),
        nn.Dropout(0.2),
        nn.Linear(16, 8),
        nn.GELU(),
        nn.Linear(8, 3),
    )


class LeNet(nn.Module):
    """Two convolutions and two linear layers, the size of the maps written into the code."""

    def __init__(self, written: bool = False) -> None:
        super().__init__()
        self.c1, self.c2 = nn.Conv2d(1, 6, 3, padding=1), nn.Conv2d(6, 8, 3)
        self.f1, self.f2 = nn.Linear(8 * 4, 12), nn.Linear(12, 4)
        self.written = written

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (rows, 4) of maps (rows, 1, 12, 12)."""
        x = functional.max_pool2d(functional.relu(self.c1(x)), 2)
        x = functional.max_pool2d(torch.sigmoid(self.c2(x)), 2)
        x = x.view(-1, 32) if self.written else x.flatten(1)
        return self.f2(functional.relu(self.f1(x)))


class Block(nn.Module):
    """A residual block, with a convolution on the way round where the size changes."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, after, 3, stride, 1, bias=False)
        self.bn1, self.bn2 = nn.BatchNorm2d(after), nn.BatchNorm2d(after)
        self.conv2 = nn.Conv2d(after, after, 3, 1, 1, bias=False)
        self.relu = nn.ReLU(inplace=True)
        self.way_round = None
        if stride != 1 or before != after:
            self.way_round = nn.Sequential(
                nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after)
            )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the block's maps."""
        out = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        out += x if self.way_round is None else self.way_round(x)
        return self.relu(out)


class ResNet(nn.Module):
    """Residual blocks as in ResNet-18, with fewer channels."""

    def __init__(self, widths: tuple[int, ...] = (6, 8, 10), blocks: int = 2) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, widths[0], 3, padding=1, bias=False), nn.BatchNorm2d(widths[0]), nn.ReLU()
        )
        layers: list[nn.Module] = []
        before = widths[0]
        for stage, width in enumerate(widths):
            for block in range(blocks):
                layers.append(Block(before, width, 2 if stage and not block else 1))
                before = width
        self.blocks = nn.Sequential(*layers)
        self.pool, self.head = nn.AdaptiveAvgPool2d(1), nn.Linear(before, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (rows, 5) of pictures (rows, 3, height, width)."""
        return self.head(torch.flatten(self.pool(self.blocks(self.stem(x))), 1))


class Attention(nn.Module):
    """Attention with its heads in one weight, as in vision transformers."""

    def __init__(self, dim: int, heads: int, written_out: bool = False) -> None:
        super().__init__()
        self.num_heads, self.head_dim, self.written_out = heads, dim // heads, written_out
        self.qkv, self.proj = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (rows, tokens, dim)."""
        rows, tokens, _ = x.shape
        qkv = self.qkv(x).reshape(rows, tokens, 3, self.num_heads, self.head_dim)
        q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        if self.written_out:
            out = ((q * self.head_dim**-0.5) @ k.transpose(-2, -1)).softmax(dim=-1) @ v
        else:
            out = functional.scaled_dot_product_attention(q, k, v)
        return self.proj(out.transpose(1, 2).reshape(rows, tokens, -1))


class TorchAttention(nn.Module):
    """Attention by torch's own module."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(dim, heads, batch_first=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (rows, tokens, dim)."""
        return self.attention(x, x, x, need_weights=False)[0]


class ViT(nn.Module):
    """A vision transformer: patches, a class token, places, blocks, a head."""

    def __init__(
        self, attention: Callable[[int, int], nn.Module] = Attention, dim: int = 12, depth: int = 2
    ) -> None:
        super().__init__()
        self.patches = nn.Conv2d(1, dim, 4, 4)
        self.token = nn.Parameter(torch.zeros(1, 1, dim))
        self.places = nn.Parameter(torch.zeros(1, 10, dim))
        self.attentions = nn.ModuleList([attention(dim, 3) for _ in range(depth)])
        self.mlps = nn.ModuleList(
            [
                nn.Sequential(nn.Linear(dim, 2 * dim), nn.GELU(), nn.Linear(2 * dim, dim))
                for _ in range(depth)
            ]
        )
        self.norms = nn.ModuleList([nn.LayerNorm(dim) for _ in range(2 * depth + 1)])
        self.head = nn.Linear(dim, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (rows, 4) of pictures (rows, 1, 12, 12)."""
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(len(x), -1, -1), x], 1) + self.places
        for i, (attention, own) in enumerate(zip(self.attentions, self.mlps, strict=True)):
            x = x + attention(self.norms[2 * i](x))
            x = x + own(self.norms[2 * i + 1](x))
        return self.head(self.norms[-1](x)[:, 0])


class Branches(nn.Module):
    """Two branches that are laid side by side, and one that is gated by a third."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.gate = nn.Linear(10, 6), nn.Linear(10, 5), nn.Linear(10, 11)
        self.norm, self.out = nn.BatchNorm1d(11), nn.Linear(11, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (rows, 3)."""
        both = torch.cat([torch.tanh(self.a(x)), torch.relu(self.b(x))], 1)
        return self.out(self.norm(both) * torch.sigmoid(self.gate(x)))


class Mobile(nn.Module):
    """Convolutions in groups, one channel a group among them, and squeezed gates."""

    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Conv2d(3, 8, 1)
        self.deep = nn.Conv2d(8, 8, 3, padding=1, groups=8)
        self.norm = nn.BatchNorm2d(8)
        self.squeeze, self.widen = nn.Linear(8, 4), nn.Linear(4, 8)
        self.grouped = nn.Conv2d(8, 12, 3, groups=4)
        self.head = nn.Linear(12, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (rows, 3) of pictures (rows, 3, 12, 12)."""
        x = functional.hardtanh(self.norm(self.deep(functional.relu(self.a(x)))))
        gate = torch.sigmoid(self.widen(functional.relu(self.squeeze(x.mean((2, 3))))))
        return self.head(functional.relu(self.grouped(x * gate[:, :, None, None])).mean((2, 3)))


class Words(nn.Module):
    """An embedding whose table also makes the outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(9, 6)
        self.hidden, self.back = nn.Linear(6, 8), nn.Linear(8, 6)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (rows, places, 9) of whole numbers (rows, places)."""
        return functional.linear(
            self.back(functional.relu(self.hidden(self.table(x)))), self.table.weight
        )


class Masked(nn.Module):
    """Causal attention written out, with its mask in a buffer and its norm by hand."""

    mask: torch.Tensor

    def __init__(self, dim: int = 8, heads: int = 2) -> None:
        super().__init__()
        self.heads, self.qkv = heads, nn.Linear(dim, 3 * dim, bias=False)
        self.scale, self.out = nn.Parameter(torch.ones(dim)), nn.Linear(dim, dim, bias=False)
        self.widen, self.back = nn.Linear(dim, 12), nn.Linear(12, dim)
        self.register_buffer("mask", torch.tril(torch.ones(9, 9)).view(1, 1, 9, 9))

    def normed(self, x: torch.Tensor) -> torch.Tensor:
        """Return rows of length one, scaled."""
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6) * self.scale

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (rows, places, dim)."""
        rows, places, dim = x.shape
        q, k, v = (
            own.view(rows, places, self.heads, -1).transpose(1, 2)
            for own in self.qkv(self.normed(x)).split(dim, dim=2)
        )
        scores = (q @ k.transpose(-2, -1)) * q.shape[-1] ** -0.5
        scores = scores.masked_fill(self.mask[:, :, :places, :places] == 0, float("-inf"))
        mixed = scores.float().softmax(-1).type_as(v) @ v
        x = x + self.out(mixed.transpose(1, 2).reshape(rows, places, -1))
        return x + self.back(functional.gelu(self.widen(self.normed(x))))


class Products(nn.Module):
    """Plain parameters in products, chosen pairs, weighted experts, and a largest one."""

    def __init__(self) -> None:
        super().__init__()
        self.cross = nn.Parameter(torch.ones(10, 1))
        self.gate, self.join = nn.Linear(10, 3), nn.Linear(4 + 2, 3)
        self.experts = nn.ModuleList([nn.Linear(10, 4) for _ in range(3)])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (rows, 3)."""
        x = x * (x @ self.cross) + x
        made = torch.stack([expert(x) for expert in self.experts], 1)
        pairs = (made @ made.transpose(1, 2))[:, torch.tensor([1, 2]), torch.tensor([0, 0])]
        weighted = (self.gate(x).softmax(-1).unsqueeze(-1) * made).sum(1)
        return self.join(torch.cat([weighted.relu(), pairs], 1)) * made.max(1).values[:, :3]


def normed() -> nn.Module:
    """Return maps through a group norm and an instance norm, and pooling with places."""
    return nn.Sequential(
        nn.Conv2d(3, 6, 3),
        nn.GroupNorm(2, 6),
        nn.SiLU(),
        nn.Conv2d(6, 8, 3),
        nn.InstanceNorm2d(8, affine=True),
        nn.AdaptiveMaxPool2d(2),
        nn.Flatten(),
        nn.Linear(32, 3),
    )


def pictures(channels: int) -> Callable[[], torch.Tensor]:
    """Return what makes 5 random pictures."""
    return lambda: torch.randn(5, channels, 12, 12, dtype=torch.float64)


def rows() -> torch.Tensor:
    """Return 7 random rows."""
    return torch.randn(7, 10, dtype=torch.float64)


def words() -> torch.Tensor:
    """Return whole numbers below 9."""
    return torch.randint(0, 9, (5, 4))


NETWORKS: dict[str, tuple[Callable[[], nn.Module], Callable[[], torch.Tensor]]] = {
    "mlp": (mlp, rows),
    "mlp-batch-norm": (lambda: mlp(nn.BatchNorm1d), rows),
    "mlp-layer-norm": (lambda: mlp(nn.LayerNorm), rows),
    "lenet": (LeNet, pictures(1)),
    "lenet-written": (lambda: LeNet(written=True), pictures(1)),
    "resnet": (ResNet, pictures(3)),
    "vit": (ViT, pictures(1)),
    "vit-written-out": (lambda: ViT(lambda d, h: Attention(d, h, True)), pictures(1)),
    "vit-torch": (lambda: ViT(TorchAttention), pictures(1)),
    "branches": (Branches, rows),
    "mobile": (Mobile, pictures(3)),
    "words": (Words, words),
    "masked": (Masked, lambda: torch.randn(3, 5, 8, dtype=torch.float64)),
    "products": (Products, rows),
    "normed": (normed, pictures(3)),
}
"""A network and its inputs, by name."""


def settle(model: nn.Module) -> nn.Module:
    """Give every parameter and statistic a value that tells, in float64."""
    model = model.double()
    with torch.no_grad():
        for name, own in [*model.named_parameters(), *model.named_buffers()]:
            if name.endswith("running_var"):
                own.uniform_(0.5, 2.0)
            elif own.is_floating_point():
                own.normal_(0.3, 0.5)
    return model


def kill(model: nn.Module, share: float, generator: torch.Generator) -> None:
    """Set slices of random weights to 0: rows, columns, and entries of vectors."""

    def some(count: int) -> torch.Tensor:
        return torch.rand(count, generator=generator) < share

    with torch.no_grad():
        for module in model.modules():
            kill_heads(module, some)
        for own in model.parameters():
            if own.ndim > 1 and own.shape[0] > 1:
                own[some(len(own))] = 0.0
                if own.shape[1] > 3:
                    own[:, some(own.shape[1])] = 0.0
            elif own.ndim == 1:
                own[some(len(own))] = 0.0


def kill_heads(module: nn.Module, some: Callable[[int], torch.Tensor]) -> None:
    """Let the values of one attention head be constant, or nobody read another."""
    if isinstance(module, Attention):
        qkv, proj, heads = module.qkv.weight, module.proj.weight, module.num_heads
    elif isinstance(module, nn.MultiheadAttention):
        qkv, proj, heads = module.in_proj_weight, module.out_proj.weight, module.num_heads
    else:
        return
    dead, unread = (*some(heads).nonzero()[:1, 0].tolist(), 0)[0], heads - 1
    qkv.view(3, heads, -1, qkv.shape[1])[2, dead] = 0.0
    proj.view(proj.shape[0], heads, -1)[:, unread] = 0.0
