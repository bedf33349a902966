"""The plugin of shrinkage for pytest: the fixture `assert_penalty_arrives`.

Who uses this: pytest, which loads it wherever shrinkage is installed. So it stands outside the
package and imports nothing of it until a test asks for the fixture.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest


@pytest.fixture(scope="session")
def assert_penalty_arrives() -> Callable[..., Any]:
    """Assert that a training step's penalty arrives: (model, optimizer, training_step, batch, …).

    It is shrinkage.pytorch.assert_penalty_arrives, which returns the report of the audit.
    """
    from shrinkage.pytorch import assert_penalty_arrives

    return assert_penalty_arrives
