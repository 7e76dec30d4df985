"""The three rungs: the fast parser, the standard library's, headers only. No rung may raise, none may run away."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from capstone.domain.facts.compat_parts import fill_compat
from capstone.domain.facts.fast_parts import fill_fast
from capstone.domain.facts.headers import Headers, read_headers
from capstone.domain.facts.parts import MESSAGE_TYPES, Part, new_part, part_of
from capstone.domain.facts.transfer import transfer_decoded

SMALL = 1 << 20
"""Below this size no shape of a message is costly."""
_LINE_COST, _PART_COST = 64, 1_000
"""Bytes the standard library needs for a line beside its text; bytes the fast parser needs for a part."""
_ALWAYS_ALLOWED, _SIZES_ALLOWED = 64 << 20, 4
"""The memory that reading the parts may take: so many bytes, or so many sizes of the message, whichever is more."""
_MAX_CHECKED = 20
_LEFT_UNREAD = frozenset({"nested_too_deep", "parts_cut_off", "not_parsed", "too_costly_to_read"})


class Doubtful(Exception):
    """The fast parser's tree may lack a text: it stands only where the standard library finds fewer parts."""


class TooCostly(Exception):
    """Reading the parts would take too much memory."""


@dataclass(slots=True)
class Reading:
    """What the rungs found."""

    headers: Headers
    root: Part
    parser: str
    problems: list[tuple[str, str]] = field(default_factory=list)
    """(code, part number or how much)."""
    parts: list[Part] = field(default_factory=list)
    """The root and all parts below it in reading order."""
    unread: bytes = b""
    """The whole body, where parts of it stayed unread."""


def read_parts(raw: bytes) -> Reading:
    """Header and parts of a message. Never raises for what it holds."""
    headers = read_headers(raw)
    root = part_of(headers, "", "text/plain")
    reading = Reading(headers, root, "fast", [(code, "") for code in headers.problems])
    if root.content_type.startswith("multipart/") or root.content_type in MESSAGE_TYPES:
        _climb(reading, raw)
        _note_truncated(reading, raw)
    else:
        _take_leaf(reading, _body(raw, headers))
    reading.parts = reading.root.walked()
    if any(code in _LEFT_UNREAD for code, _ in reading.problems):
        reading.unread = raw[headers.body_start :]
    return reading


def _take_leaf(reading: Reading, body: bytes) -> None:
    root = reading.root
    root.number, root.is_root = "1", True
    root.content, problem = transfer_decoded(body, root.encoding)
    if problem:
        reading.problems.append((problem, "1"))


def _climb(reading: Reading, raw: bytes) -> None:
    failure = _failure(reading, raw, _fast)
    if failure is None:
        return
    found, noted = reading.root, list(reading.problems)
    reading.root, reading.parser = part_of(reading.headers, "", "text/plain"), "compat32"
    second_failure = _failure(reading, raw, _compat)
    if isinstance(failure, Doubtful) and (second_failure or len(reading.root.walked()) < len(found.walked())):
        reading.root, reading.parser, reading.problems = found, "fast", noted
    elif second_failure is not None:
        _take_header_only(reading, raw, second_failure)


def _failure(reading: Reading, raw: bytes, rung: Callable[[bytes, Reading], None]) -> BaseException | None:
    """Why the rung could not read the parts; None where it could."""
    noted = len(reading.problems)
    try:
        rung(raw, reading)
    # Whatever a parser does with hostile bytes, the next rung is tried.
    except Exception as exc:  # noqa: BLE001
        failure: BaseException = exc
    except BaseException as exc:
        if type(exc).__name__ != "PanicException":  # a native parser's bug; no class to import, and no Exception
            raise
        failure = exc
    else:
        return None
    del reading.problems[noted:]
    return failure


def _fast(raw: bytes, reading: Reading) -> None:
    if len(raw) > SMALL and _fast_cost(raw) > max(_ALWAYS_ALLOWED, _SIZES_ALLOWED * len(raw)):
        raise TooCostly
    if not fill_fast(reading.root, _regular(raw, reading.headers), reading.problems):
        raise Doubtful


def _compat(raw: bytes, reading: Reading) -> None:
    if len(raw) > SMALL and _compat_cost(raw) > max(_ALWAYS_ALLOWED, _SIZES_ALLOWED * len(raw)):
        raise TooCostly
    fill_compat(reading.root, _regular(raw, reading.headers), reading.problems)


def _fast_cost(raw: bytes) -> int:
    """It copies a message inside at every level, and keeps some memory for every part."""
    inside = raw.lower().count(b"message/")
    return len(raw) * (1 + inside) + raw.count(b"\n--") * _PART_COST


def _compat_cost(raw: bytes) -> int:
    """It keeps every line as an object while it reads."""
    return 2 * len(raw) + (raw.count(b"\n") + raw.count(b"\r")) * _LINE_COST


def _regular(raw: bytes, headers: Headers) -> bytes:
    """The bytes to parse: a message whose header is irregular gets a plain one, so that all rungs agree on what follows."""
    if headers.is_regular:
        return raw
    lines = [
        f"{name}: {value}\n"
        for name in ("Content-Type", "Content-Transfer-Encoding")
        if (value := headers.first(name.lower())) is not None
    ]
    return "".join(lines).encode("utf-8", "replace") + b"\n" + _body(raw, headers)


def _body(raw: bytes, headers: Headers) -> bytes:
    """What follows the header; lines that end in CR alone get the line end that every parser knows."""
    body = raw[headers.body_start :]
    return body.replace(b"\r", b"\n") if headers.has_bare_cr else body


def _take_header_only(reading: Reading, raw: bytes, failure: BaseException) -> None:
    reading.parser = "headers"
    code = "not_parsed"
    if isinstance(failure, TooCostly | MemoryError):
        code = "too_costly_to_read"
    elif isinstance(failure, RecursionError):
        code = "nested_too_deep"
    reading.problems.append((code, f"{len(raw) - reading.headers.body_start} bytes unread"))
    reading.root = new_part("1", None, None, None, "application/octet-stream")


def _note_truncated(reading: Reading, raw: bytes) -> None:
    """Look for the closing boundaries of the outer multiparts; those of messages inside may be encoded."""
    waiting = [reading.root]
    for _ in range(_MAX_CHECKED):
        if not waiting:
            return
        part = waiting.pop()
        boundary = part.params.get("boundary")
        if part.children and part.message is None and boundary:
            if raw.rfind(f"--{boundary}--".encode()) < 0:  # as a rule it is near the end
                reading.problems.append(("truncated_multipart", part.number))
            waiting.extend(child for child in part.children if child.content_type.startswith("multipart/"))
