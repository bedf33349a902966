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

from shrinkage import L1, GroupLasso, biases, embeddings, norms
from shrinkage.errors import InputError
from shrinkage.optax import describe, in_out, out_in, proximal, table

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


def test_nnx_layouts_by_name():
    class Many(nnx.Module):
        def __init__(self, rngs: nnx.Rngs) -> None:
            self.embed = nnx.Embed(7, 4, rngs=rngs)
            self.conv = nnx.Conv(3, 5, (2, 2), rngs=rngs)
            self.attention = nnx.MultiHeadAttention(2, 4, decode=False, rngs=rngs)
            self.norm = nnx.BatchNorm(4, rngs=rngs)

    state = nnx.state(Many(nnx.Rngs(0)), nnx.Param)
    found = {
        info.name: (info.role, info.input_axis, info.output_axis) for info, _ in describe(state)
    }
    assert found == {
        "attention.key.bias": ("bias", None, None),
        "attention.key.kernel": ("weight", 0, None),
        "attention.out.bias": ("bias", None, None),
        "attention.out.kernel": ("weight", None, 2),
        "attention.query.bias": ("bias", None, None),
        "attention.query.kernel": ("weight", 0, None),
        "attention.value.bias": ("bias", None, None),
        "attention.value.kernel": ("weight", 0, None),
        "conv.bias": ("bias", None, None),
        "conv.kernel": ("weight", 2, 3),
        "embed.embedding": ("embedding", 0, 1),
        "norm.bias": ("bias", None, None),
        "norm.scale": ("norm", None, None),
    }


def test_linen_parameters_are_those_of_nnx():
    params = linen.Dense(3).init(jax.random.key(0), X)
    found = {info.name: info.input_axis for info, _ in describe(params)}
    assert found == {"params.bias": None, "params.kernel": 0}


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
    found = {
        info.name: (info.role, info.input_axis, info.output_axis)
        for info, _ in describe(arrays)
        if info.role != "bias"
    }
    linear = ("weight", 1, 0)
    assert found == {
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
    (found,) = describe(params, lambda info: replace(info, role="embedding"))
    assert found[0].role == "embedding"
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
