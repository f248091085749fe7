"""Modules of tests are imported in every process of a test run, for each selection of tests."""

from __future__ import annotations

import pytest

from .conftest import LOADED


def test_no_module_of_tests_loads_a_framework_when_it_is_imported(
    pytestconfig: pytest.Config,
) -> None:
    """It takes seconds in each process, also where no selected test needs it: import it in tests or
    fixtures.
    """
    assert pytestconfig.stash[LOADED] == frozenset()
