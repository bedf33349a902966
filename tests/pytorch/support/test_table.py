"""The table in the documentation is the one that the registry gives."""

from __future__ import annotations

from docs.support_table import PAGE, page
from tests.pytorch.support.registry import CELLS
from tests.pytorch.support.rows import ROWS


def test_the_page_is_up_to_date():
    assert PAGE.read_text(encoding="utf-8") == page()


def test_the_four_core_optimizers_pass_everywhere_but_where_nothing_can():
    core = ("SGD", "Adam", "AdamW", "RMSprop")
    refused = {
        (cell.loop, cell.update)
        for cell in CELLS
        if cell.row.kind.__name__ in core
        and cell.refusal is not None
        and not cell.row.maximize
        and cell.error is not TypeError
    }
    assert refused == {("closure", "gradient")}
    assert {row.kind.__name__ for row in ROWS} >= set(core)
