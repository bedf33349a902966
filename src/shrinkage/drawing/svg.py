"""Make a drawing fit to live inside the page: colours as CSS variables, ids of its own, no URL.

Only tags are changed, never the text between them, so nothing that came from data can pass for
markup: matplotlib has escaped it, and `<` in text never reaches these patterns.
"""

from __future__ import annotations

import re
from html import escape

from shrinkage.drawing.palette import PALETTE

_TAG = re.compile(r"<[^<>]+>")
_VARIABLES = {colour.light: f"var(--c-{name})" for name, colour in PALETTE.items()}
_FONT = re.compile(r"font: (?:bold |700 )?([\d.]+)px [^;\"]*")


def page_svg(svg: str, *, key: str, alt: str) -> str:
    """Return the SVG element for the page.

    Args:
        svg: the file's text as matplotlib wrote it.
        key: a prefix that keeps the ids of several drawings apart.
        alt: the description for readers who cannot see the picture.

    Returns:
        Markup that may stand inside HTML.

    >>> page_svg('<?xml version="1.0"?><svg width="9pt"><text>a &lt; b</text></svg>',
    ...          key="k", alt='"x"')
    '<svg role="img" aria-label="&quot;x&quot;"><text>a &lt; b</text></svg>'
    """
    svg = svg[svg.index("<svg") :].strip()
    svg = re.sub(r"<!--.*?-->", "", svg, flags=re.DOTALL)
    body = _TAG.sub(lambda tag: _tag(tag.group(), key), svg)
    body = re.sub(r"\n\s*", "\n", body)
    label = escape(alt, quote=True)
    return re.sub(r"^<svg", f'<svg role="img" aria-label="{label}"', body, count=1)


def _tag(tag: str, key: str) -> str:
    if tag.startswith("<svg"):
        tag = re.sub(r'\s(?:xmlns(?::\w+)?|width|height|version)="[^"]*"', "", tag)
    tag = re.sub(r"#[0-9a-f]{6}\b", lambda hit: _VARIABLES.get(hit.group(), hit.group()), tag)
    tag = _FONT.sub(r"font-size: \1px", tag)
    tag = re.sub(r'\bid="', f'id="{key}-', tag)
    return re.sub(r'(url\(|href=")#', rf"\1#{key}-", tag)
