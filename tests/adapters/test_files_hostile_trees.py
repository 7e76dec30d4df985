"""Hostile trees of files: links, fifos, closed doors, names that are no text, depth. What lies beside is read."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from capstone.domain.message import ItemState, OfferedMessage, RefusedItem
from connectors.mailboxes.files.source import FileSource, open_regular
from tests.adapters.mail_files import RAW, items, maildir_at, outcomes, put, refusal
from tests.contracts.mail_source import place_of


@contextmanager
def plain_user() -> Iterator[None]:
    """Permissions bind everyone but root: where the tests run as root, become somebody else for a moment."""
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user may enter; pytest's own are closed."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name)
        path.chmod(0o755)
        yield path
        for inner in path.rglob("*"):
            inner.chmod(0o755)


def test_links_sockets_and_fifos_are_counted_and_never_opened(tmp_path: Path) -> None:
    put(tmp_path / "real.eml", RAW)
    (tmp_path / "file.eml").symlink_to(tmp_path / "real.eml")
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "broken").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "fifo.eml")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket.eml"))
        assert outcomes(tmp_path) == {"message": 1, "excluded:symlink": 3, "excluded:not_a_file": 2}
        assert refusal(tmp_path / "fifo.eml").code == "not_a_file"


def test_a_maildir_part_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    put(tmp_path / "elsewhere" / "1", RAW)
    maildir_at(tmp_path / "box")
    (tmp_path / "box" / "cur").rmdir()
    (tmp_path / "box" / "cur").symlink_to(tmp_path / "elsewhere")
    assert outcomes(tmp_path / "box") == {"excluded:symlink": 1}


def test_a_file_that_becomes_a_fifo_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(OSError, match="regular"):
        open_regular(os.fsencode(tmp_path / "fifo"))


def test_a_file_that_vanishes_fails_and_the_rest_goes_on(tmp_path: Path) -> None:
    for name in ("1.eml", "2.eml", "3.eml"):
        put(tmp_path / name, RAW)
    offered = FileSource("disk", [tmp_path]).items({})
    next(offered)
    (tmp_path / "2.eml").unlink()
    gone, last = offered
    assert isinstance(gone, RefusedItem)
    assert (gone.state, gone.code, gone.place.item_id) == (ItemState.FAILED, "unreadable", f"{tmp_path}/2.eml")
    assert isinstance(last, OfferedMessage)


def test_what_may_not_be_read_fails_item_by_item(open_folder: Path) -> None:
    put(open_folder / "1.eml", RAW)
    put(open_folder / "2.eml", RAW).chmod(0)
    put(open_folder / "closed" / "3.eml", RAW)
    (open_folder / "closed").chmod(0)
    with plain_user():
        found = items(open_folder)
    failed = [item for item in found if isinstance(item, RefusedItem)]
    assert {(item.state, item.code) for item in failed} == {(ItemState.FAILED, "unreadable")}
    assert [item.place.item_id for item in failed] == [f"{open_folder}/2.eml", f"{open_folder}/closed"]
    assert len(found) == 3


def test_a_closed_part_of_a_maildir_fails_and_the_other_is_read(open_folder: Path) -> None:
    put(maildir_at(open_folder) / "new" / "1", RAW)
    (open_folder / "cur").chmod(0)
    with plain_user():
        assert outcomes(open_folder) == {"failed:unreadable": 1, "message": 1}


def test_names_that_are_no_text_are_told_apart(tmp_path: Path) -> None:
    root = os.fsencode(tmp_path)
    for name in (b"\xff.eml", b"\xfe.eml", b"\\xff.eml", b"new\nline.eml", b"a" * 240 + b".eml", "ü.eml".encode()):
        Path(os.fsdecode(root + b"/" + name)).write_bytes(RAW)
    Path(os.fsdecode(root + b"/\xff")).mkdir()
    Path(os.fsdecode(root + b"/\xff/1.eml")).write_bytes(RAW)
    places = [place_of(item) for item in items(tmp_path)]
    assert len({place.item_id for place in places}) == len(places) == 7
    assert all((place.item_id + place.folder).encode() for place in places)


def test_a_deep_tree_is_walked_and_what_lies_too_deep_for_the_system_fails(tmp_path: Path) -> None:
    here = Path.cwd()
    try:
        os.chdir(tmp_path)
        for _ in range(1200):
            Path("deep").mkdir()
            os.chdir("deep")
            Path("1.eml").write_bytes(RAW)
        found = outcomes(tmp_path)
    finally:
        os.chdir(here)
        remove_deep(tmp_path / "deep")
    assert set(found) == {"message", "failed:unreadable"}
    assert found["message"] > 700


def remove_deep(path: Path) -> None:
    """Cut the tree into short ones first; neither shutil nor pytest can remove a path longer than the system allows."""
    base = path.parent
    while path.exists():
        inner = path / Path(*["deep"] * 500)
        if inner.exists():
            inner.rename(base / "next")
        for folder in sorted(path.rglob("*"), key=lambda each: -len(each.parts)):
            folder.unlink() if folder.is_file() else folder.rmdir()
        path.rmdir()
        if (base / "next").exists():
            (base / "next").rename(path)
