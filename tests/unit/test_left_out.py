"""The policy of a source that chooses which folders it leaves out, and the settings that say so."""

from __future__ import annotations

from pathlib import Path

import pytest

from capstone.domain.errors import BadSettings
from capstone.domain.folders import POLICIES, LeftOut, MarkedFolders, excluded_by
from capstone.settings import read_settings

IMAP = "[[sources]]\nname='a'\nkind='imap'\naccount='a'\nhost='h'\nuser='u'\npassword_env='P'\n"
FILES = "[[sources]]\nname='a'\nkind='files'\naccount='a'\npath='x'\n"


@pytest.mark.parametrize("folder", ["Drafts/2020", "Outbox", "RSS", "Sync Issues", "Inbox", "Sent"])
def test_without_a_choice_it_is_the_default_policy(folder: str) -> None:
    assert LeftOut().excluded_by(folder) == excluded_by(folder)


def test_only_the_policies_that_are_chosen_leave_out() -> None:
    left_out = LeftOut(frozenset(POLICIES) - {"folder_drafts"})
    assert left_out.excluded_by("Drafts") is None
    assert left_out.excluded_by("Drafts/Outbox") == "folder_outbox"


@pytest.mark.parametrize(
    ("folder", "policy"),
    [("News", "folder_left_out"), ("News/2020/May", "folder_left_out"), ("Newsletters", None), ("A/News", None), ("news", None),
     ("News/Drafts", "folder_drafts")],
)  # fmt: skip
def test_a_path_leaves_out_its_folder_with_all_below_and_no_other(folder: str, policy: str | None) -> None:
    assert LeftOut(paths=("News",)).excluded_by(folder) == policy


def test_what_a_server_says_of_folders_is_judged_by_the_same_choice() -> None:
    marked = MarkedFolders({"Angefangen": ["\\Drafts"]})
    assert marked.excluded_by("Angefangen") == "folder_drafts"
    assert marked.excluded_by("Angefangen", left_out=LeftOut(frozenset())) is None
    assert marked.excluded_by("Angefangen/Alt", "Angefangen", LeftOut(paths=("Angefangen/Alt",))) == "folder_left_out"


# --- settings --------------------------------------------------------------------------------------


@pytest.fixture
def settings_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "capstone.toml"
    monkeypatch.setenv("CAPSTONE_CONFIG", str(file))
    return file


@pytest.mark.parametrize("source", [IMAP, FILES])
def test_a_source_leaves_out_by_default_what_the_built_in_policies_name(settings_file: Path, source: str) -> None:
    settings_file.write_text(source)
    assert read_settings().sources[0].left_out == LeftOut()
    settings_file.write_text(f"{source}leave_out=['folder_rss']\nleave_out_folders=['News']\n")
    assert read_settings().sources[0].left_out == LeftOut(frozenset({"folder_rss"}), ("News",))


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("leave_out=['Drafts']", f"'Drafts' is no policy; known are {', '.join(POLICIES)}"),
        ("leave_out=['folder_junk']", "'folder_junk' is no policy"),
        ("leave_out_folders=['']", "is no path of a folder"),
        ("leave_out_folders=['News/']", "'News/' is no path of a folder"),
        (
            "leave_out_folders=['News']\nfolders=['Inbox','News/2020']",
            "folders names 'News/2020', and leave_out_folders leaves it",
        ),
    ],
)
def test_a_choice_that_cannot_be_meant_is_named(settings_file: Path, line: str, named: str) -> None:
    settings_file.write_text(f"{IMAP}{line}\n")
    with pytest.raises(BadSettings, match=named):
        read_settings()
