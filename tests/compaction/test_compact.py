"""A smaller network answers as the network did, whatever is dead in it."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.utils import prune

from shrinkage.compaction import (
    CollapsedNetwork,
    UnequalOutputs,
    compact,
    coupled_units,
)
from shrinkage.compaction import deciding as deciding_module
from shrinkage.compaction.analysis import Analysis
from shrinkage.compaction.operations import weighted as weighted_module
from shrinkage.errors import InputError
from tests.compaction.networks import (
    NETWORKS,
    Attention,
    Branches,
    Masked,
    Mobile,
    ResNet,
    TorchAttention,
    ViT,
    kill,
    mlp,
    normed,
    pictures,
    rows,
    settle,
)

EXACT = 1e-10


def killed(name: str, share: float, seed: int) -> tuple[nn.Module, torch.Tensor]:
    """Return a network with dead units, and its inputs."""
    make, inputs = NETWORKS[name]
    torch.manual_seed(seed)
    model: Any = settle(make())
    kill(model, share, torch.Generator().manual_seed(seed))
    return model, inputs()


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("name", NETWORKS)
def test_answers_are_equal_whatever_is_dead(name: str, seed: int) -> None:
    """Random rows, columns, norms and heads are 0; the outputs stay, and so does the model."""
    model, x = killed(name, 0.15 + 0.2 * seed, seed)
    before = {key: own.clone() for key, own in model.state_dict().items()}
    try:
        result: Any = compact(model, x, tolerance=EXACT, timed=False)
    except CollapsedNetwork:
        with torch.no_grad():
            outputs = model.eval()(x), model(torch.randn_like(x) if x.is_floating_point() else x)
        torch.testing.assert_close(*outputs, rtol=0, atol=1e-12)
        return
    assert result.proof.after.parameters <= result.proof.before.parameters
    assert all(torch.equal(before[key], own) for key, own in model.state_dict().items())
    more = torch.cat([x, x, x])
    with torch.no_grad():
        torch.testing.assert_close(
            result.module.eval()(more), model.eval()(more), rtol=1e-9, atol=1e-10
        )


def test_everything_dead_in_a_plain_network_goes() -> None:
    """Dead inputs, units that are constant and units that nobody reads; their constants stay."""
    model: Any = settle(mlp(nn.BatchNorm1d))
    with torch.no_grad():
        model[0].weight[3:7] = 0.0
        model[0].weight[:, 2:5] = 0.0
        model[4].weight[:, 9] = 0.0
        model[6].weight[:, 5] = 0.0
    result: Any = compact(model, rows(), tolerance=EXACT, drop_inputs=True, timed=False)
    assert result.kept_inputs is not None
    assert result.kept_inputs.tolist() == [0, 1, 5, 6, 7, 8, 9]
    assert [layer.after for layer in result.layers] == [11, 7, 3]
    assert result.module[0].in_features == 7
    assert result.module[1].num_features == 11
    assert result.module[0].bias is None


def test_a_whole_head_goes_and_half_of_one_stays() -> None:
    """The values of one head are 0, one dimension of another is."""
    for make, qkv in ((Attention, "attentions.0.qkv"), (TorchAttention, "attentions.0.attention")):
        model: Any = settle(ViT(make))
        weight = model.get_parameter(f"{qkv}.{'weight' if make is Attention else 'in_proj_weight'}")
        with torch.no_grad():
            weight.view(3, 3, 4, 12)[2, 1] = 0.0
            weight.view(3, 3, 4, 12)[2, 2, 0] = 0.0
        result: Any = compact(model, pictures(1)(), tolerance=EXACT, timed=False)
        sizes = {layer.name: layer.after for layer in result.layers}
        assert sizes[qkv] == 24
        assert sizes[qkv.replace(".0.", ".1.")] == 36


def test_residual_channels_go_together_or_stay() -> None:
    """A channel of a residual stream goes when all that writes it is dead."""
    model: Any = settle(ResNet())
    with torch.no_grad():
        for name in ("stem.0", "blocks.0.conv2"):
            model.get_parameter(f"{name}.weight")[2] = 0.0
        for name in ("stem.1", "blocks.0.bn2"):
            model.get_parameter(f"{name}.bias")[2] = 0.0
            model.get_buffer(f"{name}.running_mean")[2] = 0.0
    x = pictures(3)()
    assert compact(model, x, tolerance=EXACT, timed=False).layers[0].after == 6
    with torch.no_grad():
        model.get_parameter("blocks.1.conv2.weight")[2] = 0.0
        model.get_parameter("blocks.1.bn2.bias")[2] = 0.0
        model.get_buffer("blocks.1.bn2.running_mean")[2] = 0.0
    sizes = {own.name: own.after for own in compact(model, x, timed=False).layers}
    assert [sizes[name] for name in ("stem.0", "blocks.0.conv2", "blocks.1.conv2")] == [5, 5, 5]


def test_groups_gates_and_branches() -> None:
    """A dead channel takes its depthwise filter along; a dead group its channels."""
    model: Any = settle(Mobile())
    with torch.no_grad():
        model.deep.weight[4:6] = 0.0
        model.deep.bias[4:6] = 0.0
        model.norm.bias[4:6] = 0.0
        model.norm.running_mean[4:6] = 0.0
    result: Any = compact(model, pictures(3)(), tolerance=EXACT, timed=False)
    assert (result.module.deep.groups, result.module.grouped.groups) == (6, 3)
    branches: Any = settle(Branches())
    with torch.no_grad():
        branches.out.weight[:, 7] = 0.0
    result: Any = compact(branches, rows(), tolerance=EXACT, timed=False)
    assert [layer.after for layer in result.layers] == [6, 4, 10, 3]


def test_what_cannot_go_stays() -> None:
    """A layer norm counts a dead unit; zeros beside a map are not its constant."""
    model: Any = settle(mlp(nn.LayerNorm))
    with torch.no_grad():
        model[0].weight[2] = 0.0
    assert compact(model, rows(), tolerance=EXACT, timed=False).layers[0].after == 16
    padded: Any = settle(
        nn.Sequential(nn.Conv2d(1, 3, 3), nn.Sigmoid(), nn.Conv2d(3, 2, 3, padding=1))
    )
    with torch.no_grad():
        padded[0].weight[1] = 0.0
    assert compact(padded, pictures(1)(), tolerance=EXACT, timed=False).layers[0].after == 3
    padded[2].padding = (0, 0)
    assert compact(padded, pictures(1)(), tolerance=EXACT, timed=False).layers[0].after == 2


def test_units_before_masks_and_norms_by_channel_go() -> None:
    """A mask in a buffer and an instance norm hold no unit that is dead."""
    model: Any = settle(Masked())
    with torch.no_grad():
        model.widen.weight[3:5] = 0.0
    x = NETWORKS["masked"][1]()
    assert compact(model, x, tolerance=EXACT, timed=False).module.widen.out_features == 10
    model: Any = settle(normed())
    with torch.no_grad():
        for own in (model[3].weight, model[4].bias):
            own[2] = 0.0
    smaller: Any = compact(model, pictures(3)(), tolerance=EXACT, timed=False).module
    assert (smaller[3].out_channels, smaller[4].num_features) == (7, 7)


@pytest.mark.parametrize("dead", ["value", "gate of none", "unread"])
def test_gated_units_go_in_pairs_and_padded_ones_with_their_border(dead: str) -> None:
    """`glu` halves its channels: a value and its gate go together, or neither does."""
    torch.manual_seed(0)
    reading = nn.Conv1d(5, 4, 3, padding=1, padding_mode="reflect")
    layers = nn.Conv1d(2, 10, 3), nn.GLU(1), reading, nn.Flatten(), nn.Linear(24, 2)
    model: Any = nn.Sequential(*layers).double()
    with torch.no_grad():
        if dead == "unread":
            reading.weight[:, 3] = 0.0
        elif dead == "value":
            model[0].weight[3], model[0].bias[3] = 0.0, 0.0
        else:  # the sigmoid of a constant gate is another constant: the value is there
            model[0].weight[8] = 0.0
    result: Any = compact(model, torch.randn(4, 2, 8).double(), tolerance=EXACT, timed=False)
    kept = 10 if dead == "gate of none" else 8
    assert (result.module[0].out_channels, result.module[2].in_channels) == (kept, kept // 2)


class Maxout(nn.Module):
    """The largest of three units, four times; the sizes are not written into the code."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(5, 12), nn.Linear(4, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(self.first(x).unflatten(1, (-1, 3)).amax(2))


@pytest.mark.parametrize(("dead", "kept"), [([3, 4, 5], 9), ([3, 4], 12)])
def test_units_of_which_the_largest_is_taken_go_together(dead: list[int], kept: int) -> None:
    torch.manual_seed(0)
    model: Any = Maxout().double()
    with torch.no_grad():
        model.first.weight[dead] = 0.0
    result: Any = compact(model, torch.randn(6, 5).double(), tolerance=EXACT, timed=False)
    assert (result.module.first.out_features, result.module.last.in_features) == (kept, kept // 3)


def test_computed_weights_become_plain_ones() -> None:
    """Weight norm, masks of pruning, and a network that has been called in training."""
    normed_layer = nn.utils.parametrizations.weight_norm(nn.Linear(10, 8))
    masked = prune.random_unstructured(nn.Linear(8, 6), "weight", amount=0.2)
    model: Any = settle(nn.Sequential(normed_layer, nn.ReLU(), masked, nn.Linear(6, 2)))
    with torch.no_grad():
        normed_layer.parametrizations.weight.original0[2] = 0.0  # type: ignore[index]
        masked.weight_mask[3:5] = 0.0  # type: ignore[index]
    model.train()(rows())
    result: Any = compact(model, rows(), tolerance=EXACT, timed=False)
    assert [layer.after for layer in result.layers] == [7, 4, 2]
    assert "0.weight, 2.weight" in result.notes[-1]
    assert [name for name, _ in result.module.named_parameters()][:2] == ["0.bias", "0.weight"]
    assert type(result.module[0]) is nn.Linear
    again = pickle.loads(pickle.dumps(result.module))
    x = rows()
    assert torch.equal(again(x), result.module(x))


def test_code_is_worth_more_than_inputs() -> None:
    """A network whose code has the number of its inputs keeps them, and is no graph."""

    class Viewing(nn.Sequential):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return super().forward(x.view(-1, 10))

    model: Any = settle(Viewing(nn.Linear(10, 6), nn.Tanh(), nn.Linear(6, 2)))
    with torch.no_grad():
        model[0].weight[1], model[0].weight[:, 2] = 0.0, 0.0
    result: Any = compact(model, rows(), tolerance=EXACT, timed=False)
    assert (type(result.module), result.module[0].weight.shape) == (Viewing, (5, 10))


def test_what_holds_dead_units_is_said() -> None:
    """A layer norm, and what is not followed."""
    lstm = nn.LSTM(5, 4, proj_size=3)
    model: Any = settle(nn.Sequential(mlp(nn.LayerNorm), nn.Linear(3, 5), lstm))
    with torch.no_grad():
        model[0][0].weight[2:4], model[1].weight[1] = 0.0, 0.0
    notes = compact(model, rows(), tolerance=EXACT, timed=False).notes
    assert notes == (
        "2 dead units of '0.0' stay: a layer norm takes their mean and variance",
        "1 dead unit of '1' stays: lstm reads them",
    )


def test_a_layer_that_is_used_twice() -> None:
    """A unit goes where every use agrees; a constant that two uses take differently stays."""
    shared = nn.Linear(6, 6)
    model: Any = settle(
        nn.Sequential(nn.Linear(10, 6), nn.ReLU(), shared, nn.Tanh(), shared, nn.Linear(6, 2))
    )
    with torch.no_grad():
        for weight in (model[0].weight, shared.weight):
            weight[2] = 0.0
    result: Any = compact(model, rows(), tolerance=EXACT, timed=False)
    assert result.module[2] is result.module[4]
    assert [layer.after for layer in result.layers] == [6, 6, 6, 2]
    with torch.no_grad():
        shared.weight[:, 2] = 0.0
    result: Any = compact(model, rows(), tolerance=EXACT, timed=False)
    assert [layer.after for layer in result.layers] == [5, 5, 5, 2]


class Branching(nn.Module):
    """A network whose code asks for a value."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(10, 8), nn.ReLU(), nn.Linear(8, 4))
        self.head = nn.Linear(4, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (rows, 2)."""
        hidden = self.body(x)
        return self.head(hidden if hidden.sum() > 0 else -hidden)


def test_a_network_that_cannot_be_traced_gets_smaller_parts() -> None:
    """It says which line cannot be followed, and takes out what is inside of the parts."""
    model: Any = settle(Branching())
    with torch.no_grad():
        model.body[0].weight[2:5] = 0.0
    result: Any = compact(model, rows(), tolerance=EXACT, timed=False)
    assert result.module.body[0].out_features == 5
    assert "Branching.forward" in result.notes[0]
    assert "data-dependent" in result.notes[0]


def test_a_dead_layer_is_refused_by_name() -> None:
    """A network that answers the same whatever it gets is not made smaller."""
    model: Any = settle(mlp())
    with torch.no_grad():
        model[3].weight[:] = 0.0
    with pytest.raises(CollapsedNetwork, match="every unit of '3' is dead"):
        compact(model, rows())


def test_bad_input_is_said() -> None:
    """No module, no rows, weights that are not there yet."""
    with pytest.raises(InputError, match=r"expected a torch\.nn\.Module, got int"):
        compact(3, rows())  # type: ignore[arg-type]
    with pytest.raises(InputError, match="example input"):
        compact(mlp(), "rows")
    with pytest.raises(InputError, match="lazy parameter"):
        compact(nn.Sequential(nn.LazyLinear(3)), torch.randn(2, 3))


def test_coupled_units_are_whole() -> None:
    """A residual channel with all that writes and reads it; a head with its three parts."""
    units = coupled_units(ResNet(), torch.randn(2, 3, 12, 12))
    first = next(unit for unit in units if ("stem.0.weight", 0, (0,)) in unit.members)
    assert {("blocks.1.conv2.weight", 0, (0,)), ("blocks.2.way_round.0.weight", 1, (0,))} < set(
        first.members
    )
    heads = coupled_units(ViT(), torch.randn(2, 1, 12, 12))
    assert any(
        ("attentions.0.qkv.weight", 0, (0, 1, 2, 3, 12, 13, 14, 15, 24, 25, 26, 27)) in unit.members
        for unit in heads
    )


def no_shifts(deciding: Any) -> dict[str, torch.Tensor]:
    """Forget what constants add to biases."""
    del deciding
    return {}


def no_demand(run: Any, entries: Any) -> torch.Tensor:
    """Let nobody need anything."""
    del run
    return torch.zeros(entries.flow.shape, dtype=torch.bool)


def always_foldable(padding: Any) -> int:
    """Forget that zeros lie beside a map."""
    del padding
    return 0


@pytest.mark.parametrize(
    ("place", "name", "fault"),
    [
        (deciding_module._Deciding, "_shifts", no_shifts),
        (Analysis, "demanded", no_demand),
        (weighted_module, "_count", always_foldable),
    ],
)
def test_what_is_taken_out_wrongly_is_refused(
    place: Any, name: str, fault: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seeded faults: constants forgotten, readers not asked, zeros beside maps."""
    layers = nn.Conv2d(1, 4, 3), nn.Sigmoid(), nn.Conv2d(4, 5, 3, padding=1), nn.Sigmoid()
    model: Any = settle(nn.Sequential(*layers, nn.Conv2d(5, 2, 3)))
    with torch.no_grad():
        model[0].weight[2], model[2].weight[3] = 0.0, 0.0
    x = pictures(1)()
    compact(model, x, timed=False)
    monkeypatch.setattr(place, name, fault)
    with pytest.raises(UnequalOutputs):
        compact(model, x, timed=False)
