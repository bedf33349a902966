"""Smaller networks with equal outputs, beside Torch-Pruning and torch-weighttracker.

Claim: of one and the same trained network with dead coupled units, `compact` makes a network whose
outputs are equal (1e-5), and no larger than what the two peers make of it.

    python benchmarks/compaction.py [--rows N] [--epochs N] [--small]

The networks are trained on MNIST with Adam and a group lasso on coupled units (incoming and
outgoing wires and norms of a unit together), then refitted with the zeros held; beside them stands
the accuracy of the same network trained for as long without the group lasso. A peer that is not
installed is told (`pip install torch-pruning==1.6.1 torch-weighttracker==0.4.0`). A run that is
stopped goes on where it was: every network is a piece of its own.
"""

from __future__ import annotations

import argparse
import copy
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from compaction_networks import Attention, CoupledShrink, ResNet18, ViT, lenet5, mlp
from recording import Pieces, mnist_folder, write_result
from torch import nn
from torch.nn import functional

from shrinkage.compaction import compact, coupled_units
from shrinkage.compaction.proof import difference, file_bytes, medians, multiply_adds
from shrinkage.compaction.sparse_files import save_sparse
from shrinkage.compaction.sparse_layers import sparse_where_faster
from shrinkage.datasets import load_pictures

NETWORKS: dict[str, tuple[Callable[[], nn.Module], float]] = {
    "LeNet-300-100": (mlp, 0.7),
    "LeNet-5": (lenet5, 0.6),
    "ResNet-18, quarter": (ResNet18, 0.4),
    "ViT, small": (ViT, 0.4),
}
"""A network, and the share of each kind of its coupled units that is shrunk."""
STRENGTHS = (0.01, 100.0)
EQUAL = 1e-5
TEST = 2000
BATCH = 100


@dataclass(frozen=True)
class Data:
    """Pictures (rows, 1, 28, 28) and classes, to train and to test with."""

    x: torch.Tensor
    y: torch.Tensor
    test_x: torch.Tensor
    test_y: torch.Tensor


def pictures(rows: int) -> Data:
    """Return so many training rows of MNIST, standardized, and 2,000 test rows."""
    x, y, test_x, test_y = load_pictures(rows=rows).scaled()
    mean, scale = x.mean(), x.std()

    def maps(own: Any) -> torch.Tensor:
        return torch.from_numpy((own - mean) / scale).view(-1, 1, 28, 28)

    labels = torch.from_numpy(y), torch.from_numpy(test_y[:TEST])
    return Data(maps(x), labels[0], maps(test_x[:TEST]), labels[1])


def train(model: nn.Module, data: Data, epochs: int, share: float) -> CoupledShrink:
    """Train with the shrink of coupled units after each step of Adam, then refit what is left.

    The strength grows from step to step; of each kind of units a share is shrunk, none with 0.
    """
    shrink = CoupledShrink(model, coupled_units(model, data.x[:2]), share)
    rate, generator = 1e-3, torch.Generator().manual_seed(0)
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)
    strength, last = STRENGTHS
    growth = (last / strength) ** (1 / (epochs * -(-len(data.x) // BATCH)))
    for epoch in range(2 * epochs):
        held = {name: own != 0 for name, own in model.named_parameters()} if epoch >= epochs else {}
        for rows in torch.randperm(len(data.x), generator=generator).split(BATCH):
            optimizer.zero_grad()
            functional.cross_entropy(model(data.x[rows]), data.y[rows]).backward()
            optimizer.step()
            if epoch < epochs:
                shrink.step(rate * strength)
                strength *= growth
            for name, own in model.named_parameters():
                if held:
                    own.data.mul_(held[name])
    model.eval()
    return shrink


def accuracy(model: nn.Module, data: Data) -> float:
    """Return the share of test rows that are right."""
    with torch.no_grad():
        return float((model(data.test_x).argmax(1) == data.test_y).double().mean())


def torch_pruning(model: nn.Module, x: torch.Tensor) -> nn.Module:
    """Return what Torch-Pruning makes: every coupled channel whose weights are all 0 goes.

    Its groups know no heads without a pruner of its own that ranks them, so those stay.
    """
    import torch_pruning as tp  # type: ignore[import-not-found]

    model = copy.deepcopy(model)
    for own in model.parameters():
        own.requires_grad_(True)
    graph = tp.DependencyGraph().build_dependency(model, x[:2], verbose=False)
    size = tp.importance.GroupMagnitudeImportance(p=1, group_reduction="sum", normalizer=None)
    last = [own for own in model.modules() if isinstance(own, nn.Linear)][-1]
    heads = [own.qkv for own in model.modules() if isinstance(own, Attention)]
    for group in list(graph.get_all_groups(ignored_layers=[last, *heads])):
        root, prune = group[0].dep.target.module, group[0].dep.handler
        dead = (size(group) == 0).nonzero().flatten().tolist()
        if dead:
            smaller = graph.get_pruning_group(root, prune, dead)
            if graph.check_pruning_group(smaller):
                smaller.prune()
    return model.eval()


def weighttracker(model: nn.Module, x: torch.Tensor) -> nn.Module:
    """Return what torch-weighttracker makes by `prune_zero_units`."""
    from torch_weighttracker import WeightTracker  # type: ignore[import-not-found]

    model = copy.deepcopy(model)
    for own in model.parameters():
        own.requires_grad_(True)
    attentions = [own for own in model.modules() if isinstance(own, Attention)]

    def tell_heads(tracker: Any) -> None:
        del tracker
        for own in attentions:
            own.num_heads = own.qkv.out_features // (3 * own.head_dim)

    options: dict[str, Any] = {}
    if attentions:
        heads = {own.qkv: own.num_heads for own in attentions}
        options = {"num_heads": heads, "prune_num_heads": True, "post_prune_hooks": (tell_heads,)}
    WeightTracker(model, example_inputs=x[:2], **options).prune_zero_units()
    return model.eval()


PEERS = {"Torch-Pruning": torch_pruning, "torch-weighttracker": weighttracker}


def measured(model: nn.Module, smaller: nn.Module, data: Data) -> dict[str, Any]:
    """Return how far a smaller network is from the network, its sizes and its times."""
    one = (data.test_x[:1],)
    many = (data.test_x[:256],)
    before, after = medians((model, smaller), (one, one))
    before_many, after_many = medians((model, smaller), (many, many))
    return {
        "difference": difference(model, smaller, (data.test_x[:500],)),
        "accuracy": accuracy(smaller, data),
        "parameters": sum(own.numel() for own in smaller.parameters()),
        "multiply_adds": multiply_adds(smaller, many),
        "bytes": file_bytes(smaller),
        "times_faster_one": before / after,
        "times_faster_256": before_many / after_many,
    }


def row(name: str, found: dict[str, Any]) -> str:
    """Return one line of the table."""
    if "raises" in found:
        return f"  {name:22} {found['raises']}"
    if "difference" not in found:
        return f"  {name:22} accuracy {found['accuracy']:.4f}"
    return (
        f"  {name:22} difference {found['difference']:8.1e}  accuracy {found['accuracy']:.4f}  "
        f"{found['parameters']:>9,} parameters  {found['multiply_adds']:>11,} multiply-adds  "
        f"{found['bytes']:>9,} bytes  {found['times_faster_one']:5.2f} × one row  "
        f"{found['times_faster_256']:5.2f} × 256 rows"
    )


def compare(name: str, data: Data, epochs: int) -> dict[str, Any]:
    """Train one network, make it smaller by each, and print the table."""
    make, share = NETWORKS[name]
    torch.manual_seed(0)
    dense = make()
    train(dense, data, epochs, 0.0)
    torch.manual_seed(0)
    model = make()
    begin = time.perf_counter()
    shrink = train(model, data, epochs, share)
    print(f"{name}: trained in {time.perf_counter() - begin:.0f} s", flush=True)
    dead = int((shrink.norms() == 0).sum())
    found: dict[str, Any] = {
        "trained dense": {"accuracy": accuracy(dense, data)},
        "the network": measured(model, model, data),
    }
    begin = time.perf_counter()
    ours = compact(model, data.test_x[:256])
    found["shrinkage"] = measured(model, ours.module.eval(), data)
    found["shrinkage"]["seconds"] = time.perf_counter() - begin
    for peer, make_smaller in PEERS.items():
        try:
            found[peer] = measured(model, make_smaller(model, data.x), data)
        except ImportError:
            found[peer] = {"raises": "not installed"}
        except Exception as error:
            found[peer] = {"raises": f"raises {type(error).__name__}: {str(error)[:90]}"}
    print(f"{name}: {dead} of {len(shrink.norms())} coupled units are 0")
    for peer, figures in found.items():
        print(row(peer, figures), flush=True)
    others = [
        own for key, own in found.items() if key in PEERS and own.get("difference", 1) <= EQUAL
    ]
    found["equal"] = found["shrinkage"]["difference"] <= EQUAL
    found["not_larger"] = all(found["shrinkage"]["bytes"] <= own["bytes"] for own in others)
    return {**found, "dead_units": dead, "units": len(shrink.norms()), "notes": list(ours.notes)}


def unstructured(data: Data) -> dict[str, Any]:
    """Single zeros, 95 % of LeNet-300-100: the file, and whether sparse products are faster."""
    torch.manual_seed(0)
    model = mlp()
    with torch.no_grad():
        for own in model.parameters():
            if own.ndim > 1:
                own[torch.rand_like(own) < 0.95] = 0.0
    with tempfile.TemporaryDirectory() as folder:
        file = save_sparse(model, Path(folder) / "sparse.safetensors")
    run = sparse_where_faster(model, data.test_x[:256])
    print(f"single zeros: {file.bytes:,} bytes of {file.dense_bytes:,}; {run.told}")
    return {"bytes": file.bytes, "dense_bytes": file.dense_bytes, "told": run.told}


def main() -> None:
    """Run all networks and write the result."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=12_000)
    parser.add_argument("--epochs", type=int, default=4, help="and as many of the refit")
    parser.add_argument("--small", action="store_true", help="500 rows, not written")
    arguments = parser.parse_args()
    if mnist_folder() is None:
        return
    warnings.simplefilter("ignore")
    small = arguments.small
    data = pictures(500 if small else arguments.rows)
    pieces = Pieces(f"compaction-{arguments.rows}-{arguments.epochs}", keep=not small)
    results = {
        name: pieces.get(name, lambda name=name: compare(name, data, arguments.epochs))
        for name in NETWORKS
    }
    goals = {
        "outputs equal": all(own["equal"] for own in results.values()),
        "not larger than an equal peer": all(own["not_larger"] for own in results.values()),
    }
    for goal, met in goals.items():
        print(f"{goal}: {'met' if met else 'not met'}")
    zeros = pieces.get("single zeros", lambda: unstructured(data))
    if not small:
        figures = {"networks": results, "single_zeros": zeros, "goals": goals}
        write_result("compaction", figures)


if __name__ == "__main__":
    main()
