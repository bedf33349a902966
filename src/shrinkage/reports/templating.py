"""The templates of the pages: what goes in is escaped, what is missing is an error.

Who uses this: the report page and pages of slides.
"""

from __future__ import annotations

import re

import jinja2

from shrinkage.drawing.palette import PALETTE


def template(name: str) -> jinja2.Template:
    """Return a template of this package, with the palette in it.

    >>> template("slides.html").name
    'slides.html'
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("shrinkage.reports", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["tight"] = tight
    environment.globals["palette"] = PALETTE
    return environment.get_template(name)


def tight(text: str) -> str:
    """Return text in which a number and its % or ± never part at the end of a line.

    >>> tight("71 % of them") == "71\\u00a0% of them"
    True
    """
    return re.sub(r"(?<=\d) (?=%)", "\u00a0", text)
