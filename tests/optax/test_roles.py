"""Roles by name and shape, as Haiku, Flax and Equinox models of other people call their arrays."""

from __future__ import annotations

import jax.numpy as jnp
import pytest

from shrinkage import GroupLasso
from shrinkage.errors import InputError
from shrinkage.optax import describe, in_out, table

HAIKU = {
    "net/~/embed": {"embeddings": (9, 4)},
    "net/~/linear": {"w": (4, 8), "b": (8,)},
    "net/~/conv2_d": {"w": (3, 3, 8, 2), "b": (2,)},
    "net/~/conv2_d_1": {"w": (1, 1, 1, 2)},
    "net/~/batch_norm": {"scale": (1, 1, 1, 2), "offset": (1, 1, 1, 2)},
    "net/~/layer_norm": {"scale": (8,), "offset": (8,)},
}
FLAX = {
    "cls": (1, 1, 8),
    "pos_embedding": (1, 17, 8),
    "mask_token": (1, 1, 8),
    "embedding": {"kernel": (4, 4, 3, 8), "bias": (8,)},
    "wte": {"embedding": (9, 8)},
    "query": {"kernel": (8, 2, 4), "bias": (2, 4)},
    "last": {"kernel": (8, 1)},
}
ROLES = {
    "net/~/embed.embeddings": "embedding",
    "net/~/linear.w": "weight",
    "net/~/linear.b": "bias",
    "net/~/conv2_d.w": "weight",
    "net/~/conv2_d.b": "bias",
    "net/~/conv2_d_1.w": "weight",
    "net/~/batch_norm.scale": "norm",
    "net/~/batch_norm.offset": "bias",
    "net/~/layer_norm.scale": "norm",
    "net/~/layer_norm.offset": "bias",
    "cls": "other",
    "pos_embedding": "embedding",
    "mask_token": "other",
    "embedding.kernel": "weight",
    "embedding.bias": "bias",
    "wte.embedding": "embedding",
    "query.kernel": "weight",
    "query.bias": "bias",
    "last.kernel": "weight",
}


def _arrays(tree):
    return {k: _arrays(v) if isinstance(v, dict) else jnp.ones(v) for k, v in tree.items()}


@pytest.mark.parametrize("tree", [HAIKU, FLAX], ids=["haiku", "flax"])
def test_roles(tree):
    described = describe(_arrays(tree))
    assert {info.name: info.role for info, _ in described} == {
        info.name: ROLES[info.name] for info, _ in described
    }


def test_the_layout_of_haiku_is_told():
    params = _arrays({"linear": HAIKU["net/~/linear"], "conv": HAIKU["net/~/conv2_d"]})
    groups = 0.1 * GroupLasso(per="input")
    with pytest.raises(InputError, match="layout=in_out"):
        table(params, groups)
    axes = {info.name: info.input_axis for info, _ in describe(params, in_out)}
    assert axes == {"linear.w": 0, "linear.b": None, "conv.w": 2, "conv.b": None}
    assert len(table(params, groups, layout=in_out).parts["linear.w"]) == 1
