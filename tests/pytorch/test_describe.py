"""`describe`: role, kind and axes of the parameters of PyTorch's layers, tied ones once."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, prune

from shrinkage import L1, GroupLasso
from shrinkage.errors import InputError
from shrinkage.pytorch import describe, regularize


def infos(model: nn.Module) -> dict:
    return {info.name: info for info, _ in describe(model)}


@pytest.mark.parametrize(
    ("layer", "name", "role", "kind", "axes"),
    [
        (nn.Linear(3, 2), "weight", "weight", "linear", (1, 0)),
        (nn.Bilinear(3, 4, 2), "weight", "weight", "linear", (None, 0)),
        (nn.Conv1d(3, 2, 5), "weight", "weight", "conv", (1, 0)),
        (nn.Conv2d(4, 6, 3, groups=2), "weight", "weight", "conv", (None, 0)),
        (nn.ConvTranspose2d(3, 2, 5), "weight", "weight", "conv", (0, 1)),
        (nn.ConvTranspose3d(4, 6, 3, groups=2), "weight", "weight", "conv", (0, None)),
        (nn.LSTM(3, 4, proj_size=2), "weight_hr_l0", "weight", "recurrent", (1, 0)),
        (nn.GRU(3, 4), "weight_ih_l0", "weight", "recurrent", (1, 0)),
        (nn.RNN(3, 4), "bias_hh_l0", "bias", "recurrent", (None, None)),
        (nn.GRUCell(3, 4), "weight_hh", "weight", "recurrent", (1, 0)),
        (nn.MultiheadAttention(4, 2), "in_proj_weight", "weight", "attention", (1, 0)),
        (nn.MultiheadAttention(4, 2), "in_proj_bias", "bias", "attention", (None, None)),
        (nn.MultiheadAttention(4, 2), "out_proj.weight", "weight", "linear", (1, 0)),
        (nn.MultiheadAttention(4, 2, kdim=3), "k_proj_weight", "weight", "attention", (1, 0)),
        (
            nn.MultiheadAttention(4, 2, add_bias_kv=True),
            "bias_k",
            "bias",
            "attention",
            (None, None),
        ),
        (nn.Embedding(5, 3), "weight", "embedding", "embedding", (0, 1)),
        (nn.EmbeddingBag(5, 3), "weight", "embedding", "embedding", (0, 1)),
        (nn.BatchNorm2d(3), "weight", "norm", "norm", (None, None)),
        (nn.LayerNorm([3, 4]), "weight", "norm", "norm", (None, None)),
        (nn.LayerNorm([3, 4]), "bias", "bias", "norm", (None, None)),
        (nn.GroupNorm(1, 3), "weight", "norm", "norm", (None, None)),
        (nn.InstanceNorm1d(3, affine=True), "bias", "bias", "norm", (None, None)),
        (nn.RMSNorm(3), "weight", "norm", "norm", (None, None)),
        (nn.PReLU(3), "weight", "other", "custom", (None, None)),
    ],
    ids=str,
)
def test_layers(layer, name, role, kind, axes):
    info = infos(layer)[name]
    assert (info.role, info.kind) == (role, kind)
    assert (info.input_axis, info.output_axis) == axes
    assert info.shape == tuple(dict(layer.named_parameters())[name].shape)


def test_every_parameter_once_in_the_order_of_the_model():
    model = nn.Transformer(8, 2, 1, 1, 16, batch_first=True)
    assert list(infos(model)) == [name for name, _ in model.named_parameters()]
    assert {info.role for info in infos(model).values()} == {"weight", "bias", "norm"}


class Own(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.matrix = nn.Parameter(torch.ones(2, 3))
        self.scale = nn.Parameter(torch.ones(3))
        self.my_bias = nn.Parameter(torch.ones(3))
        self.bias_table = nn.Parameter(torch.ones(3, 3))
        self.nothing = None


def test_parameters_of_unknown_modules():
    found = infos(Own())
    assert {name: info.role for name, info in found.items()} == {
        "matrix": "weight",
        "scale": "other",
        "my_bias": "bias",
        "bias_table": "bias",
    }
    assert found["matrix"].kind == "custom"


def test_tied_tensors_are_one_parameter_and_an_embedding_anywhere_is_one():
    model = nn.ModuleDict({"head": nn.Linear(3, 5, bias=False), "embed": nn.Embedding(5, 3)})
    model["embed"].weight = model["head"].weight
    ((info, tensor),) = describe(model)
    assert info.names == ("head.weight", "embed.weight")
    assert (info.role, info.input_axis) == ("embedding", 0)
    assert tensor is model["head"].weight


def test_shared_modules_are_named_twice():
    layer = nn.Linear(3, 3)
    found = infos(nn.Sequential(layer, nn.ReLU(), layer))
    assert found["0.weight"].names == ("0.weight", "2.weight")
    assert found["0.weight"].role == "weight"


@pytest.mark.parametrize(
    "apply", [parametrizations.weight_norm, lambda m: nn.utils.weight_norm(m)], ids=["new", "old"]
)
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_weight_norm_penalises_the_magnitudes(apply):
    found = infos(nn.Sequential(apply(nn.Linear(3, 2))))
    roles = sorted((info.role, info.shape) for info in found.values())
    assert roles == [("bias", (2,)), ("other", (2, 3)), ("weight", (2, 1))]
    assert all(info.note for info in found.values() if info.role != "bias")


@pytest.mark.parametrize("nested", [True, False])
def test_other_parametrizations_keep_the_layout(nested):
    layer = parametrizations.spectral_norm(nn.ConvTranspose2d(3, 2, 5))
    found = infos(nn.Sequential(layer) if nested else layer)
    info = next(info for info in found.values() if info.name.endswith("original"))
    assert (info.role, info.kind, info.input_axis, info.note) == (
        "weight",
        "conv",
        0,
        "parametrized",
    )


def test_pruned_weights_are_weights():
    layer = prune.l1_unstructured(nn.Linear(3, 2), "weight", 0.5)
    assert infos(layer)["weight_orig"].role == "weight"


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_lazy_layers_need_a_batch_first():
    model = nn.Sequential(nn.LazyLinear(3))
    with pytest.raises(InputError, match=r"lazy parameter 0\.weight: run one batch"):
        describe(model)
    model(torch.ones(2, 5))
    assert infos(model)["0.weight"].shape == (3, 5)


def test_complex_parameters_and_other_objects_are_refused():
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2, dtype=torch.complex64))
    optimizer = torch.optim.Adam(model.parameters())
    with pytest.raises(InputError, match=r"complex ones in 1\.weight: select others"):
        regularize(optimizer, model, 0.1 * L1())
    assert "1.weight" in regularize(optimizer, model, (0.1 * L1()).on("0.*")).table()
    with pytest.raises(InputError, match=r"expected a torch\.nn\.Module, got dict"):
        describe({})  # type: ignore[arg-type]


def test_frozen_is_noticed():
    layer = nn.Linear(3, 2).requires_grad_(False)
    assert not infos(layer)["weight"].trainable


class OwnBatchNorm(nn.Module):
    """Batch norm written out, as textbooks have it: (1, C) or (1, C, 1, 1)."""

    def __init__(self, *shape: int) -> None:
        super().__init__()
        self.gamma, self.beta = nn.Parameter(torch.ones(shape)), nn.Parameter(torch.zeros(shape))


class LayerScale(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.scale, self.inner = nn.Parameter(torch.ones(1, 1, 4)), nn.Linear(4, 4)


@pytest.mark.parametrize("shape", [(3,), (1, 3), (1, 3, 1, 1), (1, 1, 3)])
def test_norms_of_ones_own_are_norms_whatever_axes_are_around(shape):
    found = infos(nn.Sequential(OwnBatchNorm(*shape)))
    assert {info.role for info in found.values()} == {"norm"}


def test_scales_and_tokens_with_axes_of_one_entry_are_no_weights():
    model = nn.Sequential(LayerScale())
    model.token = nn.Parameter(torch.zeros(1, 1, 4))
    model.temperature = nn.Parameter(torch.ones(3, 1, 1))
    model.row = nn.Parameter(torch.ones(1, 4))
    model.column = nn.Parameter(torch.ones(4, 1))
    model.heads = nn.Parameter(torch.ones(2, 4, 3))
    weights = {name for name, info in infos(model).items() if info.role == "weight"}
    assert weights == {"row", "column", "heads", "0.inner.weight"}


def test_tables_that_are_the_same_for_all_rows_are_embeddings():
    model = nn.Module()
    model.places = nn.Parameter(torch.zeros(1, 10, 4))
    model.weight = nn.Parameter(torch.zeros(1, 3, 4))
    roles = {name: info.role for name, info in infos(model).items()}
    assert roles == {"places": "embedding", "weight": "weight"}


class Graph(nn.Module):
    """A graph convolution: x @ W + b, as most of them are written."""

    def __init__(self, *shape: int, bias: int = 3) -> None:
        super().__init__()
        self.W = nn.Parameter(torch.ones(shape))
        self.bias = nn.Parameter(torch.ones(bias))


@pytest.mark.parametrize(
    ("shape", "axes"),
    [((5, 3), (0, 1)), ((3, 5), (1, 0)), ((3, 3), (None, None)), ((5, 4), (None, None))],
)
def test_the_bias_of_a_layer_of_ones_own_tells_its_outputs(shape, axes):
    info = infos(nn.Sequential(Graph(*shape)))["0.W"]
    assert (info.input_axis, info.output_axis) == axes


def test_groups_of_inputs_are_not_guessed():
    model = nn.Sequential(Graph(4, 4, bias=4))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(InputError, match=r"0.W \(4, 4\): expected .* axes are not known"):
        regularize(optimizer, model, 0.1 * GroupLasso(per="input"))
    regularize(optimizer, model, 0.1 * GroupLasso(axes=(0,)))
