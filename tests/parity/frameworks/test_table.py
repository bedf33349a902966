"""The tables in the documentation are those that the registry gives."""

from __future__ import annotations

from docs.parity_table import PAGE, page


def test_the_page_is_up_to_date() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text == page()
    assert text.count("✓") > 40
