"""One palette for PNG and page, light and dark: a colour has one meaning in every figure.

The three models that are compared, what is measured on which rows, the penalties, and the layers
each have their own. Layers are in an order, and so are their colours: dark is near the input.
The hues of the others are those of Okabe and Ito, for readers with any colour vision. Every light
colour is unique, because the page finds the colours of a drawing by their value and replaces them
by CSS variables (`svg.py`).

Source: Okabe and Ito, Color Universal Design, https://jfly.uni-koeln.de/color/
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Colour:
    """One meaning's colour on white paper and on a dark screen, as #rrggbb in lower case."""

    light: str
    dark: str


# Even steps of lightness in OKLCH, the hue from indigo to pink.
_LAYERS = (
    Colour("#41189c", "#e3ddff"),
    Colour("#5527a2", "#decfff"),
    Colour("#6933a7", "#dbc1ff"),
    Colour("#7d3fab", "#d8b2f5"),
    Colour("#914aae", "#d6a3e9"),
    Colour("#a456b1", "#d395db"),
    Colour("#b762b3", "#d285cb"),
    Colour("#c96fb5", "#d076ba"),
    Colour("#db7cb7", "#cd67a8"),
    Colour("#eb8ab9", "#ca5794"),
)
PALETTE = {
    "ink": Colour("#1f2430", "#e8eaf0"),
    "muted": Colour("#5b6270", "#a4abba"),
    "grid": Colour("#e3e6eb", "#333a48"),
    "paper": Colour("#ffffff", "#1b202b"),
    "best": Colour("#0072b2", "#5ab4ec"),
    "simple": Colour("#c65102", "#f58b4c"),
    "unregularized": Colour("#6b6f78", "#a9aebb"),
    "training": Colour("#009e73", "#3fd0a5"),
    "validation": Colour("#3d4657", "#c3cad8"),
    "gap": Colour("#e69e00", "#f0b429"),
    "warning": Colour("#b5338a", "#ec8ac9"),
    "penalty1": Colour("#8c510a", "#d9a066"),
    "penalty2": Colour("#b9936c", "#b58b62"),
    "penalty3": Colour("#4d2f0e", "#f0d9bd"),
    **{f"layer{number}": colour for number, colour in enumerate(_LAYERS, start=1)},
}


def layer_colours(count: int) -> tuple[str, ...]:
    """Return the names of the colours of that many layers, from the input on, well apart.

    >>> layer_colours(3)
    ('layer1', 'layer6', 'layer10')
    """
    apart = (len(_LAYERS) - 1) / max(count - 1, 1)
    return tuple(f"layer{1 + math.ceil(apart * place)}" for place in range(count))
