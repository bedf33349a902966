"""Doctests in docstrings become code blocks of the reference; without this they read as quotations.

Who uses this: mkdocstrings, through `extensions` in mkdocs.yml.
"""

from __future__ import annotations

from typing import Any

import griffe

PROMPT = ">>> "


def fenced(text: str) -> str:
    """Return a docstring with a fence around every run of lines from a prompt to a blank line."""
    lines: list[str] = []
    inside = False
    for line in [*text.splitlines(), ""]:
        if not inside and line.startswith(PROMPT):
            lines.append("```pycon")
            inside = True
        elif inside and not line.strip():
            lines.append("```")
            inside = False
        lines.append(line)
    return "\n".join(lines).rstrip()


class Doctests(griffe.Extension):
    """Fences the doctests of every docstring that is read."""

    def on_instance(self, *, obj: griffe.Object, **_: Any) -> None:
        """Change the docstring of an object that was just read."""
        if obj.docstring is not None:
            obj.docstring.value = fenced(obj.docstring.value)
