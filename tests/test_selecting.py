"""`--fast` runs the first case of each test, leaves out the slow ones, and says so."""

from __future__ import annotations

import pytest

TESTS = """
import pytest

@pytest.mark.parametrize("number", range(3))
def test_cases(number): ...

@pytest.mark.slow
def test_slow(): ...

class TestClass:
    @pytest.mark.parametrize("number", [pytest.param(0, marks=pytest.mark.slow), 1])
    def test_cases(self, number): ...
"""
pytest_plugins = ["pytester"]


ALL, FAST = {"passed": 6}, {"passed": 2, "deselected": 4}


@pytest.mark.parametrize(("options", "outcomes"), [(("--fast",), FAST), ((), ALL)])
def test_first_cases_run(pytester: pytest.Pytester, options, outcomes) -> None:
    names = "pytest_addoption, pytest_collection_modifyitems"
    pytester.makeini("[pytest]\nmarkers = slow: slow")
    pytester.makeconftest(f"from tests.conftest import {names}")
    pytester.makepyfile(TESTS)
    pytester.runpytest_inprocess(*options).assert_outcomes(**outcomes)
