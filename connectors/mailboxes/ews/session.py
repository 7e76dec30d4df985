"""Asks an Exchange server for one thing at a time and waits as long as it says, within bounds. No operation here writes."""

from __future__ import annotations

from typing import Any

import tenacity
from exchangelib import errors as ews
from exchangelib.account import Identity
from exchangelib.services.common import EWSService
from exchangelib.util import CONNECTION_ERRORS, MNS, TNS

from connectors.mailboxes.ahead import Stopped
from connectors.mailboxes.ews.answers import parts_of, root_of
from connectors.mailboxes.ews.errors import BUSY, PASSING, STUMBLES
from connectors.mailboxes.ews.large import Decoder, read_large
from connectors.mailboxes.ews.line import Line
from connectors.mailboxes.ews.sign_in import Tokens

_PIECE_BYTES = 256 * 1024
BUSY_ATTEMPTS, LOST_ATTEMPTS = 20, 3
LOST_PAUSE_S, _FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.2, 1.0, 60.0


class Operation(EWSService):  # type: ignore[misc]
    """An operation whose answer is taken as XML: one element, error or None for each thing asked for."""

    ERRORS_TO_CATCH_IN_RESPONSE = ews.ResponseMessageError

    def __init__(self, line: Line, mailbox: str, *, impersonates: bool) -> None:
        """`mailbox` is whose items are read."""
        self._mailbox, self._impersonates = mailbox, impersonates
        super().__init__(protocol=line)

    @property
    def _account_to_impersonate(self) -> Identity | None:
        return Identity(primary_smtp_address=self._mailbox) if self._impersonates else None

    def _extra_headers(self) -> dict[str, str]:
        return {"X-AnchorMailbox": self._mailbox}

    def once(self, payload: Any) -> list[Any]:
        """Ask once. Raises what concerns the request as a whole."""
        try:
            return list(self._response_generator(payload))
        except STUMBLES as exc:
            raise ews.MalformedResponseError(type(exc).__name__) from None

    def _get_soap_parts(self, response: Any) -> tuple[Any, Any]:
        """As exchangelib's, which goes over an answer byte by byte (too slow for mail) and takes half of one."""
        return parts_of(root_of(response.content))

    def _get_elements_in_response(self, response: Any) -> Any:
        for message in response:
            found = self._get_element_container(message=message, name=self.element_container_name)
            if isinstance(found, (*BUSY, *PASSING)):
                raise found
            if isinstance(found, bool):
                yield None  # Neither a success nor an error.
            else:
                yield from [found] if isinstance(found, Exception) else self._found_in(found)

    def _found_in(self, container: Any) -> list[Any]:
        return list(container)[:1] or [None]

    @staticmethod
    def _get_exception(code: Any, text: Any, msg_xml: Any = None, rule_errors: Any = None) -> Any:
        """As exchangelib's, with the back-off that it looks for in faults only."""
        error = EWSService._get_exception(code, text or "", msg_xml, rule_errors)
        if isinstance(error, ews.ErrorServerBusy) and msg_xml is not None:
            told = [one.text for one in msg_xml.iter(f"{{{TNS}}}Value") if one.get("Name") == "BackOffMilliseconds"]
            error.back_off = int(told[0]) / 1000 if told and _is_number(told[0]) else None
        return error


class GetFolder(Operation):
    """https://learn.microsoft.com/exchange/client-developer/web-service-reference/getfolder-operation"""

    SERVICE_NAME, element_container_name = "GetFolder", f"{{{MNS}}}Folders"


class FindFolder(Operation):
    """https://learn.microsoft.com/exchange/client-developer/web-service-reference/findfolder-operation"""

    SERVICE_NAME, element_container_name = "FindFolder", f"{{{MNS}}}RootFolder"

    def _found_in(self, container: Any) -> list[Any]:
        return [container]


class SyncFolderItems(Operation):
    """https://learn.microsoft.com/exchange/client-developer/web-service-reference/syncfolderitems-operation"""

    SERVICE_NAME, element_container_name = "SyncFolderItems", None

    def _found_in(self, container: Any) -> list[Any]:
        return [container]


class GetItem(Operation):
    """https://learn.microsoft.com/exchange/client-developer/web-service-reference/getitem-operation"""

    SERVICE_NAME, element_container_name = "GetItem", f"{{{MNS}}}Items"


class GetLargeItem(GetItem):
    """The same for one item, read while it comes in: gives the element without its bytes, and these."""

    def __init__(self, line: Line, mailbox: str, *, impersonates: bool) -> None:
        """As Operation."""
        super().__init__(line, mailbox, impersonates=impersonates)
        self.streaming = True
        self._content = Decoder()

    def once(self, payload: Any) -> list[Any]:
        """As Operation; a line that breaks meanwhile is told as exchangelib tells it."""
        try:
            return super().once(payload)
        except CONNECTION_ERRORS as exc:
            raise ews.ErrorTimeoutExpired(type(exc).__name__) from None
        finally:
            self.stop_streaming()

    def _get_soap_parts(self, response: Any) -> tuple[Any, Any]:
        root, self._content = read_large(response.iter_content(_PIECE_BYTES))
        return parts_of(root)

    def _found_in(self, container: Any) -> list[Any]:
        return [(one, self._content.raw()) for one in list(container)[:1]] or [None]


class ExpandDL(Operation):
    """https://learn.microsoft.com/exchange/client-developer/web-service-reference/expanddl-operation"""

    SERVICE_NAME, element_container_name = "ExpandDL", f"{{{MNS}}}DLExpansion"

    def _found_in(self, container: Any) -> list[Any]:
        return [container]


class EwsSession:
    """One user's way into one mailbox, one request at a time."""

    def __init__(
        self, line: Line, mailbox: str, *, impersonates: bool, patience_s: float = 300, lost_pause_s: float = LOST_PAUSE_S
    ) -> None:
        """`patience_s` is how long one request may take, the waits that the server asks for included; `lost_pause_s` is the
        first wait after a line that was lost."""
        self.line, self.mailbox, self.impersonates = line, mailbox, impersonates
        self._patience_s, self._lost_pause_s = patience_s, lost_pause_s
        self._tokens = line.auth if isinstance(line.auth, Tokens) else None

    def ask(self, operation: type[Operation], payload: Any) -> list[Any]:
        """What the server answers: an element, an error or None for each thing asked for.

        Raises exchangelib's errors that concern the whole request, when patience is at its end.
        """
        is_late = tenacity.stop_before_delay(self._patience_s)
        asking = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type((*BUSY, *PASSING)),
            wait=self._pause,
            stop=lambda state: is_late(state) or _is_enough(state),
            sleep=self._sleep,
            reraise=True,
        )
        return list(asking(self._once, operation, payload))

    def one(self, operation: type[Operation], payload: Any) -> Any:
        """The one element that is asked for. Raises the error that stands in its place."""
        found = self.ask(operation, payload)
        if len(found) != 1 or found[0] is None:
            raise ews.MalformedResponseError("another number of answers than of questions")
        if isinstance(found[0], Exception):
            raise found[0]
        return found[0]

    def abort(self) -> None:
        """End what another thread waits for."""
        self.line.abort()

    def close(self) -> None:
        """End the line."""
        self.line.close()

    def _once(self, operation: type[Operation], payload: Any) -> list[Any]:
        if self.line.is_aborted.is_set():
            raise Stopped
        try:
            return operation(self.line, self.mailbox, impersonates=self.impersonates).once(payload)
        except ews.UnauthorizedError:
            if self._tokens is None:
                raise
        self._tokens.renew()
        return operation(self.line, self.mailbox, impersonates=self.impersonates).once(payload)

    def _pause(self, state: tenacity.RetryCallState) -> float:
        """As long as the server says, else longer each time; a line that was lost is tried anew sooner than a busy server."""
        error = state.outcome.exception() if state.outcome else None
        asked: float | None = getattr(error, "back_off", None)
        first = _FIRST_PAUSE_S if isinstance(error, BUSY) else self._lost_pause_s
        return asked if asked is not None else min(first * 2 ** (state.attempt_number - 1), _LONGEST_PAUSE_S)

    def _sleep(self, seconds: float) -> None:
        if self.line.is_aborted.wait(seconds):
            raise Stopped


def _is_enough(state: tenacity.RetryCallState) -> bool:
    error = state.outcome.exception() if state.outcome else None
    return state.attempt_number >= (BUSY_ATTEMPTS if isinstance(error, BUSY) else LOST_ATTEMPTS)


def _is_number(text: str | None) -> bool:
    return text is not None and text.isascii() and text.isdigit()
