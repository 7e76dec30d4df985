"""Which rights an application lacks, in plain sentences for whom to ask."""

from __future__ import annotations

from collections.abc import Sequence

from capstone.domain.message import SourceNote
from connectors.mailboxes.graph.connection import GraphSession, part
from connectors.mailboxes.graph.errors import READ_NEXT, GraphError

_NOBODY = "AAkAnone"
"""An id that no message has: asked for, it tells whether messages may be read without reading one."""


def right_for(what: str, error: GraphError) -> str:
    """What is not permitted and what to ask an administrator for."""
    return f"The application may not {what} of this mailbox ({error.told}). {READ_NEXT}"


def missing_rights(session: GraphSession, user: str, gaps: Sequence[SourceNote]) -> tuple[str, ...]:
    """What was refused of all that a capture asks for."""
    found = []
    if (refused := _refused_content(session, user)) is not None:
        found.append(right_for("read the content of messages (Mail.ReadBasic.All is not enough)", refused))
    if (refused := _refused_translation(session, user)) is not None:
        found.append(
            f"The application may not translate ids ({refused.told}), so what Exchange Web Services captured is read once more "
            "and, where the server gives other bytes, kept twice. "
            "Grant it the permission User.Read.All (application, with administrator's consent)."
        )
    if any(gap.code == "archive_mailbox_not_offered" for gap in gaps):
        found.append(
            "Whether there is an in-place archive was not told, or it was not shown. Grant the application the permissions "
            "User.Read.All and Mail.Read (application, with administrator's consent); the interface is a beta that not every "
            "tenant answers."
        )
    return tuple(found)


def _refused_content(session: GraphSession, user: str) -> GraphError | None:
    try:
        session.content(f"/users/{user}/messages/{part(_NOBODY)}/$value")
    except GraphError as exc:
        return exc if exc.status == 403 else None
    return None


def _refused_translation(session: GraphSession, user: str) -> GraphError | None:
    try:
        session.translated(user, [_NOBODY])
    except GraphError as exc:
        return exc if exc.status == 403 else None
    return None
