"""Fixtures of several adapters: a ledger on a real PostgreSQL, an Exchange server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.adapters.ews_boxes import watched
from tests.adapters.ledger_on_postgres import Database, empty_ledger, new_database
from tests.servers.ews_server import EwsState


@pytest.fixture(scope="module")
def template(postgres: Any) -> Iterator[Database]:
    """An empty ledger, to be copied."""
    with empty_ledger(postgres) as database:
        yield database


@pytest.fixture
def database(postgres: Any, template: Database) -> Iterator[Database]:
    """An empty ledger of this test alone."""
    with new_database(postgres, template.roles, template.name) as copied:
        yield copied


@pytest.fixture
def exchange() -> Iterator[EwsState]:
    """Of this test alone."""
    with watched() as state:
        yield state
