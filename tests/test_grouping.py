"""Tests that share what there is once must not run beside each other."""

import os

import pytest


@pytest.mark.skipif("PYTEST_XDIST_WORKER" not in os.environ, reason="tests run in one process")
def test_the_tests_of_a_file_keep_to_one_process(request: pytest.FixtureRequest) -> None:
    assert request.node.nodeid.endswith(f"@{__file__}")
