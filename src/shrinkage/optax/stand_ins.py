"""Small arrays in a tree like the model's, for an optimizer to be tried on.

Who uses this: `probing` and `schedules`. An optimizer may treat parameters by their place in the
tree, by their number of axes or by their sizes. Stand-ins keep place and axes, so that trying costs
no more for large weights; where the optimizer does other operations on arrays of the real sizes,
the stand-ins have those.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.extend.core import Literal

from shrinkage.optax.parameters import named_leaves

COUNT = 4  # numbers along the first axis of a small one


class StandIns:
    """Trees of arrays in the place of the named parameters, and of nothing in that of others.

    Args:
        params: the tree of parameters.
        names: those that get an array.
        small: whether the arrays are small, or of the real sizes.

    >>> tree = {"kernel": jnp.ones((300, 200)), "bias": jnp.ones(200)}
    >>> StandIns(tree, ["kernel"]).tree((1, 2, 3, 4))["kernel"].shape
    (4, 1)
    """

    def __init__(self, params: Any, names: Iterable[str], *, small: bool = True) -> None:
        self._params, self._names = params, frozenset(names)
        self._shape = _small if small else _real

    def tree(self, values: Any) -> Any:
        """Return the tree with up to four values repeated along every array."""
        return self._tree(
            lambda shape, dtype: jnp.asarray(np.resize(np.asarray(values, dtype), shape))
        )

    def outlines(self) -> Any:
        """Return the tree of shapes and dtypes."""
        return self._tree(jax.ShapeDtypeStruct)

    def _tree(self, make: Callable[[tuple[int, ...], Any], Any]) -> Any:
        leaves = [
            make(self._shape(leaf), jnp.promote_types(leaf.dtype, jnp.float32))
            if name in self._names
            else optax.MaskedNode()
            for name, leaf in named_leaves(self._params).items()
        ]
        return jax.tree.unflatten(jax.tree.structure(self._params), leaves)


def stand_ins_for(inner: Any, params: Any, names: Iterable[str]) -> StandIns:
    """Return small stand-ins, or real ones where the optimizer tells those from small ones.

    Args:
        inner: the optimizer.
        params: the tree of parameters.
        names: those that get an array.

    Returns:
        The `StandIns`.
    """
    small, real = (StandIns(params, names, small=small) for small in (True, False))
    return small if _operations(inner, small) == _operations(inner, real) else real


def _operations(inner: Any, stand_ins: StandIns) -> list[Any]:
    """Return the operations of an update with their constants, in order; shapes left out."""
    tree = stand_ins.outlines()
    state = jax.eval_shape(inner.init, tree)
    equations = jax.make_jaxpr(inner.update)(tree, state, tree).eqns
    return [(equation.primitive.name, *map(_constant, equation.invars)) for equation in equations]


def _small(leaf: Any) -> tuple[int, ...]:
    return (COUNT, *(1,) * (leaf.ndim - 1)) if leaf.ndim else ()


def _real(leaf: Any) -> tuple[int, ...]:
    return tuple(leaf.shape)


def _constant(operand: Any) -> str:
    return str(operand.val) if isinstance(operand, Literal) else ""
