"""The plugin of shrinkage for pytest: the fixture `assert_penalty_arrives`.

Who uses this: pytest, which loads it wherever shrinkage is installed. So it stands outside the
package and imports nothing of it until a test asks for the fixture.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest


@pytest.fixture
def assert_penalty_arrives() -> Iterator[Callable[..., Any]]:
    """Assert that a training step's penalty arrives: (model, optimizer, training_step, batch, …).

    It is shrinkage.pytorch.assert_penalty_arrives, which returns the report of the audit. An
    optimizer that the test builds is known by its line.
    """
    from shrinkage.pytorch import assert_penalty_arrives
    from shrinkage.pytorch.audits.constructions import constructions_noted

    with constructions_noted():
        yield assert_penalty_arrives
