"""Objects as they were: what a training step may change is remembered, and set back in place.

Who uses this: `surroundings`, for what the caller's step refers to, and `twin`, for the copy.
Identities stay: a container gets back its elements, an object its attributes, a tensor its memory,
its values, its gradient and whether it trains. What cannot be set back, as a generator, is watched.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from shrinkage.pytorch.audits.reach import reached
from shrinkage.pytorch.audits.restoring import Restore, position_of, restores


class Snapshot:
    """Everything that can be reached from some objects, as it is now.

    Args:
        roots: the objects, by what they are called.
        sources: where the values of a tensor are held already, by its id; others are copied.
    """

    def __init__(
        self, roots: Mapping[str, Any], sources: Mapping[int, torch.Tensor] | None = None
    ) -> None:
        self._restores: list[tuple[str, Restore]] = []
        self._watched: list[tuple[str, Any, Any]] = []
        self._stuck: list[str] = []
        for place in reached(roots):
            source = None if sources is None else sources.get(id(place.thing))
            self._restores += [(place.path, give) for give in restores(place.thing, source)]
            position = position_of(place.thing)
            if position is not None:
                self._watched.append((place.path, place.thing, position))

    @torch.no_grad()
    def restore(self) -> None:
        """Set everything back that was changed, as far as that is possible."""
        self._stuck = []
        for path, restore in self._restores:
            try:
                restore()
            except Exception as error:  # whatever an object of others raises
                self._stuck.append(f"{path}, which cannot be set back ({type(error).__name__})")

    def stuck(self) -> str | None:
        """Return what is not as it was after `restore`, with the reason; None where all is."""
        for path, thing, position in self._watched:
            if position_of(thing) != position:
                return f"{path}, an iterator without a way back"
        return next(iter(self._stuck), None)
