"""Operations that carry entries to other places, and carry flows and units in the same way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shrinkage.compaction.entries import words

if TYPE_CHECKING:
    from shrinkage.compaction.analysis import Analysis, Call

MOVES = words(
    "view reshape _unsafe_view view_as reshape_as permute transpose t flatten unflatten squeeze "
    "unsqueeze expand cat concat concatenate stack split split_with_sizes chunk unbind select "
    "slice narrow movedim swapaxes swapdims repeat repeat_interleave tile flip "
    "roll pixel_shuffle pixel_unshuffle channel_shuffle alias detach getitem"
)
"""Their names in `torch.ops.aten`."""

STAYS = words("alias detach")
"""Those that leave entries where they are; what is known of them is not cut off either."""


def moved(run: Analysis, call: Call) -> Any:
    """Carry flows and units as the values were carried."""
    if call.name in STAYS:
        x = run.entries(call.tensors[0])
        return x.flow, x.units
    return call.carried("flow"), call.carried("units")
