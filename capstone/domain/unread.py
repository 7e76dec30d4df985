"""What is said of a message whose reading ended or hung the process that read it: digest and size, nothing else."""

from __future__ import annotations

from capstone.domain.fixity import digest_of
from capstone.domain.message import CaptureFacts, MessageFacts, Problem

_PROBLEM = Problem("reader_ended")


def unread_facts(raw: bytes) -> CaptureFacts:
    """Facts for capture: the record is kept and, without a date, unscheduled. Its content key is its digest."""
    return CaptureFacts(len(raw), None, None, (), (), None, digest_of(raw), (_PROBLEM,))


def unread_message(raw: bytes) -> MessageFacts:
    """Facts for people and the index."""
    return MessageFacts(content_key=digest_of(raw), parser="headers", problems=(_PROBLEM,))
