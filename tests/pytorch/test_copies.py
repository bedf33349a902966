"""Networks that keep functions of their own layers: a copy calls its own, not the original's."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.base import clone
from torch import nn

from shrinkage import L1, L2, ShrinkageClassifier, fit_path
from shrinkage.compaction import compact
from shrinkage.pytorch import audit
from shrinkage.pytorch.copies import deep_copy


class Closed(nn.Module):
    """As minGPT writes its blocks: layers in a dict, and a function that calls them."""

    def __init__(self) -> None:
        super().__init__()
        self.layers: Any = nn.ModuleDict({"hidden": nn.Linear(4, 8), "out": nn.Linear(8, 2)})
        layers = self.layers
        self.forwards = lambda x: layers["out"](torch.relu(layers["hidden"](x)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.forwards(x)


def _wrapped(call):
    @functools.wraps(call)
    def doubled(x):
        return 2 * call(x)

    return doubled


def _by_default() -> nn.Module:
    model: Any = nn.Sequential(nn.Linear(4, 2))
    model.forward = lambda x, layer=model[0]: layer(x)
    return model


def _by_keyword() -> nn.Module:
    model: Any = nn.Sequential(nn.Linear(4, 2))

    def forward(x, *, layers=tuple(model)):
        return layers[0](x)

    model.forward = forward
    return model


def _by_wrapper() -> nn.Module:
    model: Any = nn.Linear(4, 2)
    model.forward = _wrapped(model.forward)
    return model


def _by_partial() -> nn.Module:
    model: Any = nn.Linear(4, 2)
    model.forward = functools.partial(lambda weight, x: x @ weight.T, model.weight)
    return model


def _by_hook() -> nn.Module:
    model: Any = nn.Linear(4, 2)
    model.scale = nn.Parameter(torch.ones(2, 1))
    model.register_forward_hook(lambda *call: call[-1] * model.scale[:, 0])
    return model


@pytest.mark.parametrize(
    "make", [Closed, _by_default, _by_keyword, _by_wrapper, _by_partial, _by_hook]
)
def test_a_copy_calls_its_own_layers(make):
    torch.manual_seed(0)
    model = make()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    x = torch.randn(3, 4)
    expected = model(x)
    own = deep_copy(deep_copy(model))
    assert torch.equal(own(x), expected)
    with torch.no_grad():
        for parameter in own.parameters():
            parameter.zero_()
    assert not own(x).any()
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert torch.equal(model(x), expected)


def test_what_is_no_part_of_the_module_is_not_copied():
    teacher = nn.Linear(2, 2)
    model: Any = nn.Linear(2, 2)
    model.teach = lambda x: teacher(x) + model(x)
    model.plain = torch.relu
    own = deep_copy(model)
    held = dict(zip(own.teach.__code__.co_freevars, own.teach.__closure__, strict=True))
    assert held["teacher"].cell_contents is teacher
    assert held["model"].cell_contents is own
    assert own.plain is torch.relu


def test_the_audit_sees_layers_that_a_function_calls():
    torch.manual_seed(0)
    model = Closed()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, nesterov=True)

    def step(model, optimizer, batch, scale):
        optimizer.zero_grad()
        squares = sum(layer.weight.pow(2).sum() for layer in model.layers.values())
        (
            nn.functional.cross_entropy(model(batch[0]), batch[1]) + scale * 0.005 * squares
        ).backward()
        optimizer.step()

    report = audit(model, optimizer, step, (torch.randn(8, 4), torch.arange(8) % 2), 0.01 * L2())
    assert report.ok
    assert report.findings == ()
    assert all(parameter.grad is None for parameter in model.parameters())


@pytest.mark.parametrize("engine", ["vectorized", "sequential"])
def test_a_path_trains_layers_that_a_function_calls(engine):
    torch.manual_seed(0)
    model = Closed()
    x = np.random.default_rng(0).normal(size=(80, 4)).astype(np.float32)
    y = (x[:, 0] + x[:, 1] > 0).astype(int)
    settings = {"penalty": L1(), "strengths": (1e-4, 1.0), "folds": 2, "epochs": 30}
    result = fit_path(model, x, y, engine=engine, **settings)
    table: Any = result.table()
    assert table["cv_score_mean"][0] > 0.75
    assert table["nonzero"][1] < table["nonzero"][0]


def test_a_cloned_estimator_trains_layers_that_a_function_calls():
    torch.manual_seed(0)
    estimator: Any = ShrinkageClassifier(Closed(), strength=1e-4, epochs=30, random_state=0)
    x = np.random.default_rng(0).normal(size=(80, 4))
    y = (x[:, 0] + x[:, 1] > 0).astype(int)
    cloned: Any = clone(estimator)
    cloned.fit(x, y)
    np.testing.assert_array_equal(cloned.predict_proba(x), estimator.fit(x, y).predict_proba(x))
    assert cloned.score(x, y) > 0.8


def test_a_network_with_functions_of_its_layers_gets_smaller():
    torch.manual_seed(0)
    model = Closed().eval()
    with torch.no_grad():
        model.layers["hidden"].weight[3:] = 0
    x = torch.randn(6, 4)
    smaller: Any = compact(model, x, timed=False).module
    torch.testing.assert_close(smaller(x), model(x))
    assert smaller.layers["hidden"].weight.shape == (3, 4)
    assert model.layers["hidden"].weight.shape == (8, 4)


@pytest.mark.parametrize("frozen", [False, True])
def test_compact_takes_networks_with_hooks_on_gradients(frozen: bool) -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    with torch.no_grad():
        network[0].weight[:3], network[0].bias[:3] = 0.0, 0.0
    network[0].weight.register_hook(torch.neg)
    network[2].weight.register_post_accumulate_grad_hook(lambda _: None)
    network.requires_grad_(not frozen)
    X = torch.randn(20, 4)
    small = compact(network, X).module
    torch.testing.assert_close(small(X), network(X))
    assert small[0].weight.shape == (5, 4)


def scripted() -> Any:
    hidden = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Tanh())
    hidden[0].bias.requires_grad_(False)
    return torch.jit.script(hidden)


@pytest.mark.filterwarnings("ignore:.*torch.jit.script.*:DeprecationWarning")
@pytest.mark.parametrize("within", [True, False])
def test_the_parameters_of_a_scripted_copy_train_and_are_known(within: bool) -> None:
    model = nn.Sequential(scripted(), nn.Linear(8, 2)) if within else scripted()
    memo: dict[int, Any] = {}
    own = deep_copy(model, memo)
    for old, new in zip(model.parameters(), own.parameters(), strict=True):
        assert new.is_leaf
        assert new.requires_grad == old.requires_grad
        assert memo[id(old)] is new
        assert torch.equal(old, new)
        assert old.data_ptr() != new.data_ptr()
    assert all(memo[id(a)] is b for a, b in zip(model.buffers(), own.buffers(), strict=True))
    x = torch.randn(3, 4)
    assert torch.equal(own(x), model(x))


@pytest.mark.filterwarnings("ignore:.*torch.jit.script.*:DeprecationWarning")
@pytest.mark.parametrize("detached", [True, False])
def test_an_audit_of_a_scripted_network(detached: bool) -> None:
    model = nn.Sequential(scripted(), nn.Linear(8, 2))
    weights = [w for w in model.parameters() if w.ndim > 1]

    def step(model: nn.Module, optimizer: Any, batch: Any, scale: float) -> None:
        optimizer.zero_grad()
        loss = model(batch).pow(2).mean()
        for w in model.parameters():
            if w.ndim > 1:
                loss = loss + scale * 0.01 * (w.data if detached else w).square().sum() / 2
        loss.backward()
        optimizer.step()

    optimizer = torch.optim.SGD(weights, lr=0.1)
    report = audit(model, optimizer, step, torch.randn(8, 4), 0.01 * L2())
    assert report.ok != detached, report
