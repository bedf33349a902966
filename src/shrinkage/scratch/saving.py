"""What of a layer is copied and saved: settings, parameters and running averages.

Who uses this: `Layer`, whenever it is copied or pickled. What `forward` keeps for `backward` is the
last batch; saved along, it would put training data into the file.
"""

from __future__ import annotations

from typing import Any


def remember_what_lasts(layer: Any) -> None:
    """Note what a layer holds after `start`: what is added later, or was None, is of a batch."""
    layer.lasts = {name: held is not None for name, held in vars(layer).items()}


def lasting(layer: Any) -> dict[str, Any]:
    """Return the attributes of a layer as they are after `start`, with what it has learnt.

    >>> from shrinkage.scratch import Affine, Network, Tanh
    >>> network = Network([Affine(1, 1), Tanh()])
    >>> _ = network([[2.0]])
    >>> "_y" in vars(network.layers[1]), "_y" in lasting(network.layers[1])
    (True, False)
    """
    held = vars(layer)
    if "lasts" not in held:  # not started yet
        return dict(held)
    lasts = {"lasts": True} | held["lasts"]
    saved = {name: held[name] if lasts[name] else None for name in held if name in lasts}
    return saved | {"gradients": {}}
