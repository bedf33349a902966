"""Operations that carry entries to other places, and carry flows and units in the same way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shrinkage.compaction.entries import words

if TYPE_CHECKING:
    from shrinkage.compaction.analysis import Analysis
    from shrinkage.compaction.calls import Call

MOVES = words(
    "view reshape _unsafe_view view_as reshape_as permute transpose t mT numpy_T "
    "flatten unflatten squeeze unsqueeze cat concat concatenate stack hstack vstack dstack "
    "column_stack split split_with_sizes chunk unbind tensor_split select slice narrow movedim "
    "moveaxis ravel swapaxes swapdims repeat repeat_interleave tile flip fliplr flipud roll "
    "pixel_shuffle pixel_unshuffle channel_shuffle alias detach getitem"
)
"""Their names in `torch.ops.aten`."""

STAYS = words("alias detach")
"""Those that leave entries where they are; what is known of them is not cut off either."""


def moved(run: Analysis, call: Call) -> Any:
    """Carry flows and units as the values were carried."""
    if call.name in STAYS:
        x = run.entries(call.tensors[0])
        return x.flow, x.units
    if call.name in ("slice", "narrow"):
        _keep_length(run, call)
    return call.carried("flow"), call.carried("units")


def _keep_length(run: Analysis, call: Call) -> None:
    """Join what lies along an axis of a table of which a part is read.

    How much of a parameter or buffer is read (positions, a mask) follows the length of the
    example, and others are longer: what is not read here is not dead.
    """
    x, dim = call.positional(2)
    x, dim = run.entries(x), dim or 0
    if x.value.shape != call.value.shape and not run.of_inputs(call.node.args[0]):
        run.units.join_along(x.units, [dim])
