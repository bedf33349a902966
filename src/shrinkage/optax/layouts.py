"""What `layout=` takes: functions that say where the input and output units of an array lie.

Who uses this: people whose arrays nothing tells about (see `describe`): plain dicts, convolutions
and attention in the state of a Flax module, of which names are all that is left.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from shrinkage.optax.parameters import Layout, describe
from shrinkage.parameters import ParameterInfo


def in_out(info: ParameterInfo) -> ParameterInfo:
    """Return the info of an array whose last two axes are (in, out), as in Flax: `layout=in_out`.

    >>> in_out(ParameterInfo("w", (3, 2))).input_axis
    0
    """
    return _with_axes(info, len(info.shape) - 2, len(info.shape) - 1)


def out_in(info: ParameterInfo) -> ParameterInfo:
    """Return the info of an array whose first two axes are (out, in): `layout=out_in`.

    >>> out_in(ParameterInfo("w", (3, 2))).input_axis
    1
    """
    return _with_axes(info, 1, 0)


def layout_of(module: Any) -> Layout:
    """Return the layout that the classes of a module's layers tell: `layout=layout_of(model)`.

    Args:
        module: the Flax NNX or Equinox module whose parameters the optimizer gets: a state of
            Flax has lost the classes of its layers.

    Returns:
        A function that returns what the module tells of a parameter of that name and shape, and
        every other info as it is.

    Raises:
        InputError: as `describe` does.

    >>> from flax import nnx
    >>> model = nnx.Sequential(nnx.Conv(3, 5, (2, 2), rngs=nnx.Rngs(0)))
    >>> for layout in (None, layout_of(model)):
    ...     print(describe(nnx.state(model, nnx.Param), layout)[1][0].input_axis)
    None
    2
    """
    known = {info.name: info for info, _ in describe(module)}

    def layout(info: ParameterInfo) -> ParameterInfo:
        layout_of_it = known.get(info.name, info)
        return layout_of_it if layout_of_it.shape == info.shape else info

    return layout


def _with_axes(info: ParameterInfo, input_axis: int, output_axis: int) -> ParameterInfo:
    if info.role != "weight" or len(info.shape) < 2:
        return info
    return replace(info, input_axis=input_axis, output_axis=output_axis)
