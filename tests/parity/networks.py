"""Small networks of the kinds that people have; each reads flat rows of INPUTS numbers."""

from __future__ import annotations

import torch
from torch import nn

SIDE = 8
INPUTS = SIDE * SIDE
WORDS, LENGTH = 30, 12


def words_of(x: torch.Tensor) -> torch.Tensor:
    """Return numbers of words, 0 standing for padding, from the first numbers of each row."""
    return (x[:, :LENGTH].abs() * 20).long().clamp_max(WORDS - 1)


class LeNet(nn.Module):
    """Two convolutions, pooling, dropout and two linear layers (LeCun et al. 1998)."""

    def __init__(self, n_inputs: int, n_outputs: int) -> None:
        super().__init__()
        del n_inputs
        self.first = nn.Conv2d(1, 4, 3, padding=1)
        self.second = nn.Conv2d(4, 6, 3)
        self.hidden, self.drop = nn.Linear(6, 16), nn.Dropout(0.2)
        self.last = nn.Linear(16, n_outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return logits."""
        x = torch.max_pool2d(torch.relu(self.first(x.view(-1, 1, SIDE, SIDE))), 2)
        x = torch.max_pool2d(torch.relu(self.second(x)), 2).flatten(1)
        return self.last(self.drop(torch.relu(self.hidden(x))))


class Block(nn.Module):
    """A residual block (He et al. 2016)."""

    def __init__(self, inside: int, outside: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(inside, outside, 3, stride, 1, bias=False)
        self.first_norm = nn.BatchNorm2d(outside)
        self.second = nn.Conv2d(outside, outside, 3, 1, 1, bias=False)
        self.second_norm = nn.BatchNorm2d(outside)
        self.short = nn.Conv2d(inside, outside, 1, stride, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the sum of both ways."""
        inner = torch.relu(self.first_norm(self.first(x)))
        return torch.relu(self.second_norm(self.second(inner)) + self.short(x))


class ResNet(nn.Module):
    """A stem and two residual blocks with batch norm."""

    def __init__(self, n_inputs: int, n_outputs: int) -> None:
        super().__init__()
        del n_inputs
        self.stem, self.norm = nn.Conv2d(1, 4, 3, 1, 1, bias=False), nn.BatchNorm2d(4)
        self.blocks = nn.Sequential(Block(4, 4, 1), Block(4, 8, 2))
        self.last = nn.Linear(8, n_outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return logits."""
        x = torch.relu(self.norm(self.stem(x.view(-1, 1, SIDE, SIDE))))
        return self.last(self.blocks(x).mean((2, 3)))


class Encoder(nn.Module):
    """Embedded words with a padding mask through a transformer encoder (Vaswani et al. 2017)."""

    def __init__(self, n_inputs: int, n_outputs: int) -> None:
        super().__init__()
        del n_inputs
        self.words = nn.Embedding(WORDS, 8, padding_idx=0)
        self.places = nn.Parameter(0.1 * torch.randn(LENGTH, 8))
        layer = nn.TransformerEncoderLayer(8, 2, 12, dropout=0.1, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)
        self.last = nn.Linear(8, n_outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return logits."""
        words = words_of(x)
        hidden = self.words(words) + self.places
        hidden = self.encoder(hidden, src_key_padding_mask=words == 0)
        return self.last(hidden.mean(1))


class Bag(nn.Module):
    """The mean embedding of a text's words, and a linear layer (Joulin et al. 2017)."""

    def __init__(self, n_inputs: int, n_outputs: int) -> None:
        super().__init__()
        del n_inputs
        self.words = nn.EmbeddingBag(WORDS, 8, mode="mean", padding_idx=0)
        self.last = nn.Linear(8, n_outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return logits."""
        return self.last(self.words(words_of(x)))


class Two(nn.Module):
    """Numbers and a category, joined behind a linear layer and an embedding."""

    def __init__(self, n_inputs: int, n_outputs: int) -> None:
        super().__init__()
        del n_inputs
        self.numbers, self.category = nn.Linear(INPUTS - 1, 8), nn.Embedding(5, 4)
        self.join = nn.Sequential(nn.LayerNorm(12), nn.GELU(), nn.Linear(12, n_outputs))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return logits."""
        category = self.category((x[:, -1].abs() * 2).long().clamp_max(4))
        return self.join(torch.cat([torch.relu(self.numbers(x[:, :-1])), category], dim=1))


class Recurrent(nn.Module):
    """A recurrent layer over the rows of a picture."""

    def __init__(self, n_inputs: int, n_outputs: int) -> None:
        super().__init__()
        del n_inputs
        self.layer = nn.GRU(SIDE, 6, batch_first=True)
        self.last = nn.Linear(6, n_outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return logits."""
        return self.last(self.layer(x.view(-1, SIDE, SIDE))[0][:, -1])


NETWORKS = (LeNet, ResNet, Encoder, Bag, Two)
