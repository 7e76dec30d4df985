"""Messages of a PST that no folder names any more are found by the tree of nodes, and what the tree says is bounded."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import pytest

from capstone.domain.fixity import digest_of
from capstone.domain.message import OfferedItem, OfferedMessage, RefusedItem, SourceNote
from connectors.mailboxes.files.source import FileSource
from connectors.mailboxes.outlook.pst_nodes import NodeTree
from tests.adapters.pst_damage import checksum, node_at, with_checksum_of_page, without
from tests.corpus import corpus_root

MAILBOX, OTHERS = "tika/microsoft/testPST.pst", ("tika/microsoft/testPST_variousBodyTypes.pst", "java-libpst/dist-list.pst")
NODES = (2097188, 2097220, 2097252, 2097284, 2097316, 2097348, 2097380)
ROOT, ROOTS_FOLDERS, CONTENTS = 0x122, 0x12D, 0x802E
"""The root folder, its table of folders, and the table of messages of the one that has them."""


def read(path: Path) -> tuple[list[OfferedItem], SourceNote]:
    source = FileSource("disk", [path])
    items = list(source.items({}))
    (note,) = source.notes()
    return items, note


def raws(items: list[OfferedItem]) -> list[bytes]:
    return [item.raw for item in items if isinstance(item, OfferedMessage)]


@pytest.fixture
def whole() -> bytes:
    return (corpus_root() / MAILBOX).read_bytes()


@pytest.fixture
def mailbox(tmp_path: Path) -> Path:
    return tmp_path / "mail.pst"


@pytest.mark.parametrize("lost", [CONTENTS, ROOTS_FOLDERS, ROOT])
def test_messages_of_a_folder_with_a_damaged_table_are_found_by_their_nodes(mailbox: Path, whole: bytes, lost: int) -> None:
    before, _ = read(corpus_root() / MAILBOX)
    mailbox.write_bytes(without(whole, lost))
    items, note = read(mailbox)
    assert raws(items) == raws(before)
    digest = digest_of(mailbox.read_bytes())
    for item, node in zip(items, NODES, strict=True):
        assert isinstance(item, OfferedMessage)
        assert item.occurrence.identity == f"pst:{digest}:{node}"
        assert (item.occurrence.place.folder, item.occurrence.place.item_id) == ("mail.pst/(orphaned)", f"{mailbox}#{node}")
    assert note.counts["orphaned"] == note.counts["emitted"] == 7
    assert "7 that no folder names" in note.reason
    assert note.counts["expected"] == 7 + note.counts["unrecovered"]


def test_what_is_found_is_not_counted_as_lost_in_its_folder_besides(mailbox: Path, whole: bytes) -> None:
    mailbox.write_bytes(without(whole, CONTENTS))
    _, note = read(mailbox)
    assert (note.counts["expected"], note.counts["unrecovered"], note.is_gap) == (7, 0, False)


@pytest.mark.parametrize("name", [MAILBOX, *OTHERS])
def test_nothing_is_found_twice_where_folders_name_everything(name: str) -> None:
    items, note = read(corpus_root() / name)
    assert "orphaned" not in note.counts
    assert "no folder names" not in note.reason
    assert note.counts["expected"] == len(items)


def test_a_node_without_its_bytes_is_an_item_that_cannot_be_read(mailbox: Path, whole: bytes) -> None:
    at = node_at(whole, NODES[2])
    raw = bytearray(without(whole, CONTENTS))
    raw[at + 8 : at + 16] = b"\x77" * 8
    mailbox.write_bytes(with_checksum_of_page(bytes(raw), at))
    items, note = read(mailbox)
    assert [item.code for item in items if isinstance(item, RefusedItem)] == ["pst_item_unreadable"]
    assert (note.counts["emitted"], note.counts["unrecovered"]) == (6, 1)


def test_what_a_damaged_page_of_the_tree_names_is_asked_for_and_offered_only_if_it_is_there(mailbox: Path, whole: bytes) -> None:
    at = node_at(whole, NODES[2])
    raw = bytearray(without(whole, CONTENTS))
    raw[at + 8 : at + 16] = b"\x77" * 8
    mailbox.write_bytes(raw)
    items, note = read(mailbox)
    assert len(raws(items)) == len(items) == 6
    assert note.is_gap
    assert "its list of nodes is damaged" in note.reason


def test_a_damaged_page_of_the_tree_counts_as_one_item(mailbox: Path, whole: bytes) -> None:
    at = node_at(whole, NODES[0]) + 28  # four bytes that say nothing
    mailbox.write_bytes(whole[:at] + b"odd!" + whole[at + 4 :])
    items, note = read(mailbox)
    assert len(raws(items)) == 7
    assert (note.counts["expected"], note.counts["unrecovered"], note.is_gap) == (8, 1, True)


# --- the tree by itself --------------------------------------------------------------------------

FORMS = {
    "ansi": (15, 512, "<II8x", "<II", 496, 500, 508),
    "unicode": (23, 512, "<QQ8x", "<QQ", 488, 496, 500),
    "large": (36, 4096, "<QQ8x", "<QQ", 4056, 4072, 4076),
}
"""Version, bytes of a page, and what a test needs to write one."""
MESSAGE, ASSOCIATED, FOLDER = 0x200024, 0x200028, 0x8022


class Pages:
    """Builds a file whose tree of nodes has two leaves."""

    def __init__(self, form: str) -> None:
        self.version, self.size, _, _, self.counts_at, self.trailer_at, self.checksum_at = FORMS[form]
        self.is_wide = form != "ansi"
        self.header = bytearray(4096)
        self.header[:4], self.header[10] = b"!BDN", self.version
        self.pages: list[bytes] = []

    def leaf(self, *nodes: int) -> int:
        form = "<Q16xI4x" if self.is_wide else "<I8xI"
        return self._page([struct.pack(form, node, FOLDER) for node in nodes], 0)

    def branch(self, *pages: int, level: int = 1) -> int:
        return self._page([struct.pack("<QQQ" if self.is_wide else "<III", 0, 0, at) for at in pages], level)

    def _page(self, entries: list[bytes], level: int) -> int:
        page = bytearray(self.size)
        page[: sum(map(len, entries))] = b"".join(entries)
        size = len(entries[0])
        counts = struct.pack("<HHBB" if self.size > 512 else "<BBBB", len(entries), 99, size, level)
        page[self.counts_at : self.counts_at + len(counts)] = counts
        page[self.trailer_at : self.trailer_at + 2] = b"\x81\x81"
        page[self.checksum_at : self.checksum_at + 4] = checksum(bytes(page[: self.trailer_at])).to_bytes(4, "little")
        self.pages.append(bytes(page))
        return 4096 + (len(self.pages) - 1) * self.size

    def written(self, path: Path, root: int) -> NodeTree:
        at = 224 if self.is_wide else 188
        self.header[at : at + 4] = root.to_bytes(4, "little")
        path.write_bytes(bytes(self.header) + b"".join(self.pages))
        return NodeTree(os.fsencode(path))


def found(tree: NodeTree) -> list[int]:
    return [node.identifier for page in tree.pages() for node in page]


@pytest.mark.parametrize("form", FORMS)
def test_messages_and_nothing_else_are_named_in_the_order_of_the_tree(tmp_path: Path, form: str) -> None:
    pages = Pages(form)
    tree = pages.written(tmp_path / "p", pages.branch(pages.leaf(FOLDER, MESSAGE, ASSOCIATED), pages.leaf(MESSAGE + 32)))
    told = [node for page in tree.pages() for node in page]
    assert [(node.identifier, node.parent, node.is_sure) for node in told] == [
        (MESSAGE, FOLDER, True),
        (MESSAGE + 32, FOLDER, True),
    ]
    assert tree.is_whole


@pytest.mark.parametrize("form", FORMS)
def test_a_page_that_is_not_what_its_checksum_says_is_not_sure(tmp_path: Path, form: str) -> None:
    pages = Pages(form)
    root = pages.leaf(MESSAGE)
    pages.pages[0] = pages.pages[0][:40] + b"\1" + pages.pages[0][41:]
    tree = pages.written(tmp_path / "p", root)
    assert [node.is_sure for page in tree.pages() for node in page] == [False]
    assert not tree.is_whole


@pytest.mark.parametrize("form", FORMS)
def test_a_tree_that_leads_nowhere_or_back_to_itself_ends(tmp_path: Path, form: str) -> None:
    pages = Pages(form)
    leaf = pages.leaf(MESSAGE)
    for broken in (1, 513, 0, 1 << 31, leaf):
        tree = pages.written(tmp_path / "p", pages.branch(leaf, broken))
        assert found(tree) == [MESSAGE]
        assert not tree.is_whole
    tree = pages.written(tmp_path / "p", pages.branch(leaf, level=2))
    assert found(tree) == []
    assert not tree.is_whole


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("at", "value"), [(0, 255), (2, 1), (3, 255)])
def test_counts_that_do_not_fit_the_page_are_not_followed(tmp_path: Path, form: str, at: int, value: int) -> None:
    """Too many entries, entries smaller than any, more levels than there can be."""
    pages = Pages(form)
    root = pages.leaf(MESSAGE)
    where = pages.counts_at + (at if form != "large" or not at else at + 2)
    pages.pages[0] = pages.pages[0][:where] + bytes([value]) + pages.pages[0][where + 1 :]
    tree = pages.written(tmp_path / "p", root)
    assert found(tree) == []
    assert not tree.is_whole


def test_what_is_no_file_of_this_kind_has_no_messages(tmp_path: Path) -> None:
    (tmp_path / "p").write_bytes(b"!BDN")
    for path in (tmp_path / "p", tmp_path / "gone"):
        tree = NodeTree(os.fsencode(path))
        assert found(tree) == []
        assert not tree.is_whole
