"""Draw the picture of docs/introductions/what-is-l2.md from the page's own code.

Who uses this: whoever changes the data or the fit of that page. The page's first block is run, and
what it defines is drawn, so that picture and page cannot disagree. It has no words beside λ: the
three languages of the page share it.
"""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from shrinkage.drawing.palette import PALETTE

FOLDER = Path(__file__).parent
PAGE = FOLDER / "what-is-l2.md"
PICTURE = FOLDER.parent / "images" / "introduction-polynomial.png"
DEGREE, STRENGTHS = 10, (0, 0.001, 1)
INK, MUTED, GRID = (PALETTE[role].light for role in ("ink", "muted", "grid"))


def page_names() -> Mapping[str, Any]:
    """Run the page's first block and return the names that it defines."""
    block = re.search(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.M | re.S)
    if block is None:
        raise ValueError(f"expected a Python block in {PAGE.name}, got none: restore it")
    names: dict[str, Any] = {"__name__": "page"}
    with contextlib.redirect_stdout(io.StringIO()):
        exec(block[1], names)
    return names


def draw_panel(axes: Axes, names: Mapping[str, Any], strength: float) -> None:
    """Draw the points, the curve that they come from, and the fit at a strength."""
    x, y, new = names["x"], names["y"], names["new"]
    axes.plot(new, np.sin(3 * new), color=MUTED, lw=1.2, ls="--")
    fitted = names["curve"](new, names["fit"](x, y, DEGREE, strength))
    axes.plot(new, fitted, color=PALETTE["validation"].light, lw=2)
    axes.plot(x, y, "o", color=PALETTE["training"].light, ms=5)
    axes.set_title(f"λ = {strength:g}", loc="left", color=INK, fontsize=11)
    axes.set_ylim(-1.9, 1.9)
    axes.grid(color=GRID)
    axes.tick_params(colors=MUTED)
    axes.spines[["top", "right"]].set_visible(False)


def main() -> None:
    """Write the picture, on white so that it can be read on a dark page too."""
    names = page_names()
    figure = Figure(figsize=(9.2, 3.0), layout="constrained", facecolor="white")
    for axes, strength in zip(figure.subplots(1, 3, sharey=True), STRENGTHS, strict=True):
        draw_panel(axes, names, strength)
    FigureCanvasAgg(figure)
    figure.savefig(PICTURE, format="png", dpi=130, metadata={"Software": None})


if __name__ == "__main__":
    main()
