"""What can go wrong with a server on this machine. Each message is one sentence for the person who reads it."""

from __future__ import annotations


class ServerError(Exception):
    """A server could not be started, or did not stop."""


class ProgramMissing(ServerError):
    """A program is not on this machine and cannot be fetched. Says which, and how it comes."""
