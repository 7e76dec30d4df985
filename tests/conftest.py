"""Fixtures that every test may use."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.corpus import corpus_root


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The folder of the mail corpus."""
    return corpus_root()
