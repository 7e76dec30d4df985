"""Fixtures that every test may use."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.corpus import corpus_root

pytest.register_assert_rewrite("tests.contracts")
pytest_plugins = ["tests.services"]

# A busy machine is no fault of the program.
settings.register_profile("archive", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("archive")


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The folder of the mail corpus."""
    return corpus_root()
