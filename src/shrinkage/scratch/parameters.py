"""Arrays by name, of a network and of a layer that has none yet.

Who uses this: `Network.parameters` and `Layer`. In a plain dictionary
`parameters["0.weight"] = zeros` would replace an entry of it, and leave the network as it was.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any

import numpy as np

from shrinkage.errors import InputError, near_names


class Parameters(MutableMapping[str, np.ndarray]):
    """Name → array of a network; what is assigned to a name is written into its array.

    >>> w = np.zeros((1, 2))
    >>> parameters = Parameters({"0.weight": w})
    >>> parameters["0.weight"] = [[3.0, 4.0]]
    >>> w
    array([[3., 4.]])
    """

    def __init__(self, arrays: Mapping[str, np.ndarray]) -> None:
        self._arrays = dict(arrays)

    def __getitem__(self, name: str) -> np.ndarray:
        return self._arrays[name]

    def __setitem__(self, name: str, value: Any) -> None:
        if name not in self._arrays:
            hint = near_names(str(name), self._arrays) or f"the names are {', '.join(self)}"
            raise InputError(f"expected the name of a parameter, got {name!r}: {hint}")
        array = self._arrays[name]
        if np.shape(value) != array.shape:
            raise InputError(
                f"expected an array of shape {array.shape} for {name}, got {np.shape(value)}: "
                "take it from a network of the same layers"
            )
        array[...] = value

    def __delitem__(self, name: str) -> None:
        raise InputError(
            f"expected {name} to stay, got a deletion: build a Network of other layers instead"
        )

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)

    def __repr__(self) -> str:
        return f"Parameters({self._arrays!r})"


class Unstarted(dict[str, np.ndarray]):
    """The parameters of a layer before `start`: asked for one, it says what is missing."""

    def __missing__(self, name: str) -> np.ndarray:
        raise InputError(
            f"expected a layer with a parameter {name!r}, got one that has not been started: put "
            "it into a Network, which starts it"
        )
