"""A page with a slider: one figure at a time, of a strength, a degree, a rate.

Who uses this: experiments, where walking from setting to setting shows more than curves over it.
The page needs nothing else; without a script it shows all figures one below the other.
"""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from shrinkage.drawing.draw import draw_svg
from shrinkage.drawing.figures import Figure
from shrinkage.drawing.svg import page_svg
from shrinkage.reports.templating import template, tight


@dataclass(frozen=True, eq=False)
class Row:
    """Figures along one setting, in its order; `setting` names it, `values` are its values.

    `start` is the position that is seen first.
    """

    name: str
    setting: str
    values: tuple[str, ...]
    figures: tuple[Figure, ...]
    start: int = 0


@dataclass(frozen=True, eq=False)
class Slides:
    """A page: its title, a sentence, and rows of figures, one of which is seen at a time."""

    title: str
    sentence: str
    rows: tuple[Row, ...]


def render_slides(slides: Slides) -> str:
    """Return the page as text.

    Args:
        slides: at least one row of at least one figure.

    >>> from shrinkage.reports.example import example_result
    >>> from shrinkage.reports.figures.score import score_figure
    >>> figure = score_figure(example_result())
    >>> page = render_slides(Slides("A <walk>", "", (Row("L1", "strength", ("0.1",), (figure,)),)))
    >>> page.startswith("<!doctype html>"), "A &lt;walk&gt;" in page, page.count("<svg")
    (True, True, 1)
    """
    drawn = [
        [_drawn(figure, f"r{at}p{place}") for place, figure in enumerate(row.figures)]
        for at, row in enumerate(slides.rows)
    ]
    return template("slides.html").render(
        title=slides.title,
        sentence=slides.sentence,
        rows=slides.rows,
        drawn=drawn,
        data=[
            {"setting": row.setting, "values": row.values, "start": row.start}
            for row in slides.rows
        ],
    )


def _drawn(figure: Figure, key: str) -> Markup:
    # The drawing is our own and its text is escaped by matplotlib, so it may stand as markup.
    return Markup(page_svg(draw_svg(figure).svg, key=key, alt=tight(figure.alt)))
