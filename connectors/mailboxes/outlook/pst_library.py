"""libpff by ctypes: the library inside the `pypff` extension, of which the extension itself shows only a part.

It has no embedded messages, no properties' names. C code over hostile bytes: use it in a process of its own only.
"""

from __future__ import annotations

import ctypes
import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes import byref, c_char, c_char_p, c_int, c_size_t, c_ssize_t, c_uint8, c_uint32, c_uint64, c_void_p
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

_READ_ONLY = 1
_NAMED_FROM, _ATTACHED_DATA = 0x8000, 0x3701
_RESULT_SIZES = {"attachment_data_read_buffer": c_ssize_t}
_ROOM_BYTES = 4096
_ROOM = (c_char * _ROOM_BYTES)()
"""For values that fit: they are copied out of it at once."""
_NUMBER, _KIND, _SIZE = c_uint32(), c_uint32(), c_size_t()
_NUMBER_AT, _KIND_AT, _SIZE_AT = byref(_NUMBER), byref(_KIND), byref(_SIZE)
"""What the library tells of one entry; taken out at once, too."""
DATA, ITEM = ord("d"), ord("i")
"""Types of attachments."""


class PstUnreadable(Exception):
    """libpff says that it cannot read this."""


@cache
def _library() -> ctypes.CDLL:
    found = importlib.util.find_spec("pypff")
    if found is None or found.origin is None:
        raise PstUnreadable("libpff is not installed")
    return ctypes.CDLL(found.origin)


@cache
def _function(name: str) -> Any:
    function = getattr(_library(), f"libpff_{name}")
    function.restype = _RESULT_SIZES.get(name, c_int)
    return function


def _call(name: str, *arguments: Any) -> int:
    """What the function answers: 1 for done, 0 for nothing there. Raises PstUnreadable."""
    # Without a place for its error the library writes none: why it failed is of no use here, and costs a call each time.
    answer: int = _function(name)(*arguments, None)
    if answer < 0:
        raise PstUnreadable(name)
    return answer


class _EntryCalls(NamedTuple):
    """What is called for each property, looked up once."""

    get: Any
    free: Any
    number: Any
    kind: Any
    size: Any
    data: Any


@cache
def _entry_calls() -> _EntryCalls:
    told = (f"record_entry_get_{what}" for what in ("entry_type", "value_type", "data_size", "data"))
    return _EntryCalls(*map(_function, ("record_set_get_entry_by_index", "record_entry_free", *told)))


class _Scope:
    """The things that the library handed out, the latest last: it wants them back in the opposite order."""

    def __init__(self) -> None:
        self._owned: list[tuple[str, c_void_p]] = []

    def add(self, free: str, pointer: c_void_p) -> None:
        self._owned.append((free, pointer))

    def size(self) -> int:
        return len(self._owned)

    def shrink(self, size: int) -> None:
        while len(self._owned) > size:
            free, pointer = self._owned.pop()
            _function(free)(byref(pointer), None)


class _Owned:
    """A thing of the library; gone with the scope that it was taken in."""

    free = ""

    def __init__(self, pointer: c_void_p, scope: _Scope) -> None:
        self.pointer = pointer
        self._scope = scope
        if self.free:
            scope.add(self.free, pointer)

    def _number(self, name: str, kind: Any = c_int) -> int:
        value = kind()
        _call(name, self.pointer, byref(value))
        return int(value.value)

    def _pointer(self, name: str, *arguments: Any) -> c_void_p | None:
        found = c_void_p()
        return found if _call(name, self.pointer, *arguments, byref(found)) and found else None

    def _text(self, name: str) -> str:
        size = self._number(f"{name}_size", c_size_t)
        if not size:
            return ""
        room = (c_uint8 * size)()
        _call(name, self.pointer, room, c_size_t(size))
        return bytes(room).partition(b"\0")[0].decode("utf-8", "replace")


class Entry(NamedTuple):
    """A property. `data` is None where the bytes cannot be read; `number` is None where nothing of it can."""

    number: int | None
    kind: int = 0
    data: bytes | None = None
    name: str = ""
    """"<guid>/<name>" or "<guid>/0x<number>" of a named property."""


class _Name(_Owned):
    """It is the file's own: freed by itself it would be freed twice."""

    def text(self) -> str:
        guid = (c_uint8 * 16)()
        _call("name_to_id_map_entry_get_guid", self.pointer, guid, c_size_t(16))
        if self._number("name_to_id_map_entry_get_type", c_uint8) == ord("s"):
            name = self._text("name_to_id_map_entry_get_utf8_string")
        else:
            name = f"0x{self._number('name_to_id_map_entry_get_number', c_uint32):04x}"
        return f"{UUID(bytes_le=bytes(guid))}/{name}"


class Set(_Owned):
    """The properties of an item, or of a row of a table."""

    free = "record_set_free"

    def entries(self, names: dict[int, str], *, is_data: bool = False) -> Iterator[Entry]:
        """All of them but the bytes of an attachment; with `is_data` these alone. `names` remembers names by numbers: these
        are the same in all of a file."""
        calls, entry, pointer = _entry_calls(), c_void_p(), self.pointer
        at = byref(entry)
        for index in range(self._number("record_set_get_number_of_entries")):
            entry.value = None
            if calls.get(pointer, index, at, None) != 1 or not entry:
                yield Entry(None)
                continue
            try:
                found = self._entry(calls, entry, names, is_data=is_data)
            finally:
                calls.free(at, None)
            if found is not None:
                yield found

    def _entry(self, calls: _EntryCalls, entry: c_void_p, names: dict[int, str], *, is_data: bool) -> Entry | None:
        """There are a hundred to a message: each call counts."""
        if calls.number(entry, _NUMBER_AT, None) != 1:
            return Entry(None)
        number = _NUMBER.value
        if (number == _ATTACHED_DATA) != is_data:
            return None
        if calls.kind(entry, _KIND_AT, None) != 1:
            return Entry(None)
        kind, name = _KIND.value, ""
        if number >= _NAMED_FROM:
            if number not in names:
                names[number] = self._name(entry)
            name = names[number]
        if calls.size(entry, _SIZE_AT, None) != 1:
            return Entry(number, kind, None, name)
        size = _SIZE.value
        if not size:
            return Entry(number, kind, b"", name)
        room = _ROOM if size <= _ROOM_BYTES else (c_char * size)()
        is_read = calls.data(entry, room, _SIZE, None) == 1
        return Entry(number, kind, ctypes.string_at(room, size) if is_read else None, name)

    def _name(self, entry: c_void_p) -> str:
        found = c_void_p()
        try:
            there = _call("record_entry_get_name_to_id_map_entry", entry, byref(found))
            return _Name(found, self._scope).text() if there and found else ""
        except PstUnreadable:
            return ""


class Item(_Owned):
    """A folder, a message, a table of recipients, an attachment. Asked for what it is not, it raises PstUnreadable."""

    free = "item_free"

    @property
    def identifier(self) -> int:
        return self._number("item_get_identifier", c_uint32)

    def sets(self) -> Iterator[Set]:
        """The sets of properties: one of an item, one for each row of a table."""
        for index in range(self._number("item_get_number_of_record_sets")):
            found = self._pointer("item_get_record_set_by_index", c_int(index))
            if found:
                yield Set(found, self._scope)

    def folder_name(self) -> str:
        return self._text("folder_get_utf8_name")

    def count(self, what: str) -> int:
        """How many "sub_folders" or "sub_messages" a folder has, or "attachments" a message."""
        return self._number(f"{_owner(what)}_get_number_of_{what}")

    def part(self, what: str, index: int) -> Item:
        """One of them."""
        found = self._pointer(f"{_owner(what)}_get_{what.removesuffix('s')}", c_int(index))
        if not found:
            raise PstUnreadable(what)
        return Item(found, self._scope)

    def recipients(self) -> Item | None:
        found = self._pointer("message_get_recipients")
        return Item(found, self._scope) if found else None

    def attachment_type(self) -> int | None:
        """None where the file does not say what it is, or says what the library does not know."""
        try:
            return self._number("attachment_get_type")
        except PstUnreadable:
            return None

    def attached_item(self) -> Item | None:
        found = self._pointer("attachment_get_item")
        return Item(found, self._scope) if found else None

    def attached_data(self) -> bytes | None:
        """The bytes of an attachment; None where there are none."""
        size = c_uint64()
        if not _call("attachment_get_data_size", self.pointer, byref(size)):
            return None
        room = ctypes.create_string_buffer(size.value or 1)
        done = 0
        while done < size.value:
            at = ctypes.cast(ctypes.addressof(room) + done, c_void_p)
            read = _call("attachment_data_read_buffer", self.pointer, at, c_size_t(size.value - done))
            if not read:
                raise PstUnreadable("attachment_data_read_buffer")
            done += read
        return room.raw[: size.value]


class PstFile(_Owned):
    """An open PST or OST. Raises PstUnreadable where it cannot be opened."""

    def __init__(self, path: bytes) -> None:
        super().__init__(c_void_p(), _Scope())
        _call("file_initialize", byref(self.pointer))
        _call("file_open", self.pointer, c_char_p(path), c_int(_READ_ONLY))

    def close(self) -> None:
        """Give back all that was taken from it, and itself."""
        self._scope.shrink(0)
        _function("file_free")(byref(self.pointer), None)

    @contextmanager
    def scope(self) -> Iterator[None]:
        """What is taken from the file inside the block ends with it."""
        size = self._scope.size()
        try:
            yield
        finally:
            self._scope.shrink(size)

    @property
    def codepage(self) -> int:
        return self._number("file_get_ascii_codepage")

    def root_folder(self) -> Item | None:
        found = self._pointer("file_get_root_folder")
        return Item(found, self._scope) if found else None

    def message_store(self) -> Item | None:
        found = self._pointer("file_get_message_store")
        return Item(found, self._scope) if found else None

    def item(self, identifier: int) -> Item:
        """The item with this node id."""
        found = self._pointer("file_get_item_by_identifier", c_uint32(identifier))
        if not found:
            raise PstUnreadable("item")
        return Item(found, self._scope)


def _owner(what: str) -> str:
    return "message" if what == "attachments" else "folder"
