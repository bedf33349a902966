"""Flax NNX and Equinox modules train, get exact zeros, and their layouts are known."""

from __future__ import annotations

from dataclasses import replace

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen, nnx

from shrinkage import L1, L2, GroupLasso, biases, embeddings, everything, norms
from shrinkage.errors import InputError
from shrinkage.optax import (
    describe,
    in_out,
    layout_of,
    out_in,
    penalty_loss,
    proximal,
    table,
)

pytestmark = pytest.mark.slow  # compiling and importing, four seconds a test or more

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(64, 6)).astype(np.float32)
Y = (X[:, :1] - X[:, 1:2]).astype(np.float32)


class Flax(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.first = nnx.Linear(6, 8, rngs=rngs)
        self.norm = nnx.LayerNorm(8, rngs=rngs)
        self.last = nnx.Linear(8, 1, rngs=rngs)

    def __call__(self, x):
        return self.last(jnp.tanh(self.norm(self.first(x))))


def test_nnx_trains_and_whole_inputs_vanish():
    model = Flax(nnx.Rngs(0))
    terms = (0.1 * GroupLasso(per="input")).on("first.*")
    optimizer = nnx.Optimizer(model, proximal(optax.adam(0.02), terms, 0.02), wrt=nnx.Param)

    @nnx.jit
    def step(model, optimizer):
        value, gradients = nnx.value_and_grad(lambda m: 0.5 * jnp.square(m(X) - Y).mean())(model)
        optimizer.update(model, gradients)
        return value

    first = float(step(model, optimizer))
    for _ in range(199):
        last = float(step(model, optimizer))
    kernel = np.asarray(model.first.kernel[...])
    assert kernel.shape == (6, 8)
    gone = (kernel == 0).all(axis=1)
    assert list(gone) == [False, False, True, True, True, True]
    assert np.count_nonzero(kernel[~gone] == 0) == 0
    assert last < first / 2


class Many(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.attention = nnx.MultiHeadAttention(2, 4, decode=False, rngs=rngs)
        self.conv = nnx.Conv(3, 5, (2, 2), rngs=rngs)
        self.embed = nnx.Embed(7, 4, rngs=rngs)
        self.grouped = nnx.Conv(4, 6, (2,), feature_group_count=2, rngs=rngs)
        self.heads = nnx.LinearGeneral(5, (4, 2), rngs=rngs)
        self.linear = nnx.Linear(4, 3, rngs=rngs)
        self.norm = nnx.BatchNorm(4, rngs=rngs)
        self.product = nnx.Einsum("nta,hab->nthb", (8, 2, 4), (8, 4), rngs=rngs)
        self.stack = stacked(nnx.Linear(4, 3, rngs=rngs))
        self.transposed = nnx.ConvTranspose(3, 5, (2,), transpose_kernel=True, rngs=rngs)


def stacked(layer: nnx.Linear) -> nnx.Linear:
    """Return what nnx.vmap makes of a layer: the same class, an axis more on each array."""
    layer.kernel = nnx.Param(jnp.stack([layer.kernel[...]] * 3))
    return layer


# Name → (role, input axis, output axis) with the classes at hand; without them only names are left.
BY_CLASS = {
    "attention.key.kernel": ("weight", 0, None),
    "attention.out.kernel": ("weight", None, 2),
    "attention.query.kernel": ("weight", 0, None),
    "attention.value.kernel": ("weight", 0, None),
    "conv.kernel": ("weight", 2, 3),
    "embed.embedding": ("embedding", 0, 1),
    "grouped.kernel": ("weight", None, 2),
    "heads.kernel": ("weight", 0, None),
    "linear.kernel": ("weight", 0, 1),
    "norm.scale": ("norm", None, None),
    "product.kernel": ("weight", None, None),
    "stack.kernel": ("weight", None, None),
    "transposed.kernel": ("weight", 2, 1),
}
BY_NAME = {
    name: (role, *(axes if name in ("linear.kernel", "embed.embedding") else (None, None)))
    for name, (role, *axes) in BY_CLASS.items()
}


def places(tree, layout=None):
    return {
        info.name: (info.role, info.input_axis, info.output_axis)
        for info, _ in describe(tree, layout)
        if info.role != "bias"
    }


@pytest.mark.slow
def test_nnx_layouts_by_class_and_by_name():
    model = Many(nnx.Rngs(0))
    state = nnx.state(model, nnx.Param)
    assert places(model) == BY_CLASS
    assert places(state) == BY_NAME
    assert places(state, layout_of(model)) == BY_CLASS


def test_what_a_flax_module_counts_besides_its_parameters():
    model = nnx.Sequential(nnx.Linear(4, 3, rngs=nnx.Rngs(0)), nnx.BatchNorm(3, rngs=nnx.Rngs(1)))
    terms = (1.0 * L2()).on(everything())
    state = nnx.state(model, nnx.Param)
    assert float(penalty_loss(model, terms)) == float(penalty_loss(state, terms))
    expected = 0.5 * sum(float(jnp.square(leaf).sum()) for leaf in jax.tree.leaves(state))
    np.testing.assert_allclose(float(penalty_loss(model, terms)), expected, rtol=1e-6)


class Scanned(linen.Module):
    @linen.compact
    def __call__(self, x):
        layer = linen.scan(Scan, variable_axes={"params": 0}, split_rngs={"params": True}, length=3)
        return layer()(x, None)[0]


class Scan(linen.Module):
    @linen.compact
    def __call__(self, x, _):
        return linen.Dense(6, use_bias=False)(x), None


LINEN = {
    "scan": (Scanned(), (1, 6)),
    "heads": (linen.DenseGeneral((4, 2)), (1, 5)),
    "conv-named-query": (linen.Sequential([linen.Conv(7, (3,), name="query")]), (1, 9, 5)),
    "conv-named-out": (linen.Sequential([linen.Conv(7, (3,), name="out")]), (1, 9, 5)),
    "conv": (linen.Conv(7, (3, 3)), (1, 9, 9, 5)),
}


@pytest.mark.parametrize("name", LINEN)
def test_kernels_whose_axes_no_name_tells_are_refused_for_groups_alone(name):
    module, shape = LINEN[name]
    params = module.init(jax.random.key(0), jnp.ones(shape))["params"]
    assert "L1()" in str(table(params, 0.1 * L1()))
    for per in ("input", "output"):
        with pytest.raises(InputError, match=r"got one without.*by layout=in_out, out_in, layout"):
            table(params, 0.1 * GroupLasso(per=per))
    table(params, 0.1 * GroupLasso(per="input"), layout=in_out)


@pytest.mark.slow
def test_an_equinox_layer_that_was_stacked_is_grouped_as_one_says():
    key = jax.random.key(0)
    make = eqx.filter_vmap(lambda key: eqx.nn.Linear(6, 5, use_bias=False, key=key))
    layers = eqx.filter(make(jax.random.split(key, 3)), eqx.is_inexact_array)
    with pytest.raises(InputError, match=r"weight \(3, 5, 6\).*layout="):
        table(layers, 0.1 * GroupLasso(per="input"))
    optimizer = proximal(optax.sgd(1.0), 0.1 * GroupLasso(axes=(0, 2)), 1.0)
    gradients = jax.tree.map(jnp.zeros_like, layers)
    updates, _ = optimizer.update(gradients, optimizer.init(layers), layers)
    moved = eqx.apply_updates(layers, updates).weight
    for one, start in zip(moved, layers.weight, strict=True):
        np.testing.assert_allclose(one, GroupLasso(axes=(1,)).prox(start, 0.1), atol=1e-6)


@pytest.mark.slow
def test_stacked_layers_of_equinox_have_no_axes():
    def layers(key):
        return {
            "conv": eqx.nn.Conv1d(4, 3, 2, key=key),
            "embed": eqx.nn.Embedding(7, 4, key=key),
            "recurrent": eqx.nn.GRUCell(3, 4, key=key),
        }

    model = eqx.filter_vmap(layers)(jax.random.split(jax.random.key(0), 3))
    assert {place[1:] for place in places(model).values()} == {(None, None)}


def test_linen_parameters_are_those_of_nnx():
    params = linen.Dense(3).init(jax.random.key(0), X)
    described = {info.name: info.input_axis for info, _ in describe(params)}
    assert described == {"params.bias": None, "params.kernel": 0}


def test_equinox_trains_and_whole_inputs_vanish():
    model = eqx.nn.MLP(6, 1, 8, 1, activation=jnp.tanh, key=jax.random.key(0))
    terms = (0.1 * GroupLasso(per="input")).on("layers.0.*")
    optimizer = proximal(optax.adam(0.02), terms, 0.02)
    state = optimizer.init(eqx.filter(model, eqx.is_inexact_array))

    @eqx.filter_jit
    def step(model, state):
        loss = eqx.filter_grad(lambda m: 0.5 * jnp.square(jax.vmap(m)(X) - Y).mean())
        updates, state = optimizer.update(
            loss(model), state, eqx.filter(model, eqx.is_inexact_array)
        )
        return eqx.apply_updates(model, updates), state

    for _ in range(200):
        model, state = step(model, state)
    weight = np.asarray(model.layers[0].weight)
    assert weight.shape == (8, 6)
    gone = (weight == 0).all(axis=0)
    assert list(gone) == [False, False, True, True, True, True]
    assert np.count_nonzero(weight[:, ~gone] == 0) == 0


@pytest.mark.slow
def test_equinox_layouts_by_class():
    key = jax.random.key(0)
    model = {
        "attention": eqx.nn.MultiheadAttention(2, 4, key=key),
        "conv": eqx.nn.Conv2d(4, 6, 2, key=key),
        "embed": eqx.nn.Embedding(7, 4, key=key),
        "grouped": eqx.nn.Conv2d(4, 6, 2, groups=2, key=key),
        "linear": eqx.nn.Linear(3, 2, key=key),
        "norm": eqx.nn.LayerNorm((4, 4)),
        "recurrent": eqx.nn.GRUCell(3, 4, key=key),
    }
    arrays = eqx.filter(model, eqx.is_inexact_array)
    described = {
        info.name: (info.role, info.input_axis, info.output_axis)
        for info, _ in describe(arrays)
        if info.role != "bias"
    }
    linear = ("weight", 1, 0)
    assert described == {
        **{f"attention.{word}_proj.weight": linear for word in ("query", "key", "value", "output")},
        "conv.weight": linear,
        "embed.weight": ("embedding", 0, 1),
        "grouped.weight": ("weight", None, 0),
        "linear.weight": linear,
        "norm.weight": ("norm", None, None),
        "recurrent.weight_hh": linear,
        "recurrent.weight_ih": linear,
    }


def test_a_plain_dict_says_its_layout_or_groups_are_refused():
    params = {"w": jnp.ones((3, 2)), "b": jnp.ones(2), "steps": jnp.arange(3)}
    terms = 0.1 * GroupLasso(per="input")
    with pytest.raises(InputError, match=r"w \(3, 2\): expected a parameter with an input axis"):
        table(params, terms)
    for layout, axis in ((in_out, 0), (out_in, 1)):
        ours = proximal(optax.sgd(1.0), terms, 1.0, layout=layout)
        start = {**params, "w": jnp.ones((3, 2)).at[0, 0].set(0.001)}
        start.pop("steps")
        gradients = jax.tree.map(jnp.zeros_like, start)
        moved = start["w"] + ours.update(gradients, ours.init(start), start)[0]["w"]
        length = np.linalg.norm(np.asarray(start["w"]), axis=1 - axis, keepdims=True)
        size = start["w"].shape[1 - axis]
        expected = np.asarray(start["w"]) * (1 - 0.1 * np.sqrt(size) / length)
        np.testing.assert_allclose(moved, expected, rtol=1e-6)
        assert [info.name for info, _ in describe(params, layout)] == ["b", "w"]


def test_a_layout_of_ones_own_and_one_that_is_none():
    params = {"w": jnp.ones((3, 2))}
    (described,) = describe(params, lambda info: replace(info, role="embedding"))
    assert described[0].role == "embedding"
    with pytest.raises(InputError, match="expected layout to return the ParameterInfo of w"):
        describe(params, lambda _: None)  # type: ignore[arg-type,return-value]


def test_the_table_names_who_is_penalised_and_roles_reach_further():
    state = nnx.state(Flax(nnx.Rngs(0)), nnx.Param)
    shown = str(table(state, 0.1 * L1()))
    assert "first.kernel  6x8    weight  0.1 * L1()  proximal" in shown
    assert "norm.scale    8      norm    -" in shown
    terms = (0.1 * L1()).on(biases() | norms())
    rows = {row.parameter: row.term for row in table(state, terms).rows}
    assert rows["norm.scale"] == rows["first.bias"] == "0.1 * L1()"
    assert rows["first.kernel"] == ""
    with pytest.raises(ValueError, match="embeddings"):
        table(state, (0.1 * L1()).on(embeddings()))
