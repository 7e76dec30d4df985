"""What an error of the archive means to Airflow: retry it, or fail at once. Imported inside tasks only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from airflow.sdk.exceptions import AirflowFailException

from capstone.domain.errors import CapstoneError


def told(error: CapstoneError) -> str:
    """Code, what happened, what to do: one line."""
    return f"{error.code}: {error.message.rstrip('.')}. {error.next_step}"


@contextmanager
def named_errors() -> Iterator[None]:
    """Let an error go up that a retry can mend; turn any other named error into AirflowFailException, which is not retried."""
    try:
        yield
    except CapstoneError as error:
        if error.retryable:
            raise
        raise AirflowFailException(told(error)) from error
