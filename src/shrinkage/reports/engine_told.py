"""Which engine trained, and why: a sentence.

Who uses this: the terminal and the report.
"""

from __future__ import annotations

WORDS = {
    "vectorized": "All strengths were trained at once",
    "sequential": "The strengths were trained one after the other",
}


def engine_text(name: str, reason: str) -> str:
    """Return the sentence; nothing where there was no choice.

    >>> engine_text("sequential", "as asked for")
    'The strengths were trained one after the other (engine sequential): as asked for.'
    """
    return f"{WORDS[name]} (engine {name}): {reason}." if reason and name in WORDS else ""
