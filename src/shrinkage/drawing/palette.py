"""One palette for PNG and page, light and dark, told apart by readers with any colour vision.

The hues are those of Okabe and Ito. Every light colour is unique, because the page finds the
colours of a drawing by their value and replaces them by CSS variables (`svg.py`).

Source: Okabe and Ito, Color Universal Design, https://jfly.uni-koeln.de/color/
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Colour:
    """One role's colour on white paper and on a dark screen, as #rrggbb in lower case."""

    light: str
    dark: str


PALETTE = {
    "ink": Colour("#1f2430", "#e8eaf0"),
    "muted": Colour("#5b6270", "#a4abba"),
    "grid": Colour("#e3e6eb", "#333a48"),
    "paper": Colour("#ffffff", "#1b202b"),
    "best": Colour("#0072b2", "#5ab4ec"),
    "simple": Colour("#c65102", "#f58b4c"),
    "unregularized": Colour("#6b6f78", "#a9aebb"),
    "path": Colour("#3d4657", "#c3cad8"),
    "warning": Colour("#b5338a", "#ec8ac9"),
    "training": Colour("#009e73", "#3fd0a5"),
    "validation": Colour("#0071b1", "#59b3eb"),
    "gap": Colour("#e69e00", "#f0b429"),
    "layer1": Colour("#0073b3", "#5bb5ed"),
    "layer2": Colour("#d55e00", "#f58c4d"),
    "layer3": Colour("#009d72", "#3ecfa4"),
    "layer4": Colour("#cc79a7", "#e6a3c8"),
    "layer5": Colour("#b88600", "#e8b93c"),
    "layer6": Colour("#56b4e9", "#8fd3fa"),
}
