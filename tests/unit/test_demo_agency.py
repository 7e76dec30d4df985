from __future__ import annotations

import csv
import hashlib
import io
import tomllib
from collections.abc import Iterator
from datetime import date
from email import message_from_bytes
from email.message import Message
from pathlib import Path

import pytest

from capstone.domain.errors import OutputExists
from connectors.demo.agency import COLUMNS, SEARCHES, DemoSummary, generate, load_summary, officials_csv
from connectors.demo.conversations import Delivery, deliveries
from connectors.demo.people import Agency, load_agency


@pytest.fixture(scope="module")
def agency() -> Agency:
    return load_agency()


@pytest.fixture(scope="module")
def mail(agency: Agency) -> list[Delivery]:
    return list(deliveries(agency, seed=1))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("demo")
    generate(target)
    return target


def content(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def parsed(mail: list[Delivery]) -> Iterator[tuple[Delivery, Message]]:
    return ((delivery, message_from_bytes(delivery.raw)) for delivery in mail)


def test_a_seed_gives_the_same_bytes_everywhere(folder: Path, tmp_path: Path) -> None:
    generate(tmp_path)
    assert content(tmp_path) == content(folder)


def test_another_seed_gives_other_mail(agency: Agency, mail: list[Delivery]) -> None:
    other = {d.raw for d in deliveries(agency, seed=2)}
    assert other.isdisjoint(d.raw for d in mail)


def test_generating_again_leaves_every_file_untouched(tmp_path: Path) -> None:
    generate(tmp_path)
    times = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    generate(tmp_path)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()} == times


def test_a_lost_file_comes_back(tmp_path: Path) -> None:
    generate(tmp_path)
    before = content(tmp_path)
    next((tmp_path / "mail" / "joy-bell").rglob("*.eml")).unlink()
    generate(tmp_path)
    assert content(tmp_path) == before


def test_a_folder_with_another_seed_is_refused(folder: Path) -> None:
    before = content(folder)
    with pytest.raises(OutputExists):
        generate(folder, seed=2)
    assert content(folder) == before


def test_the_summary_can_be_read_back(folder: Path) -> None:
    summary = load_summary(folder)
    assert summary == generate(folder)
    assert isinstance(summary, DemoSummary)
    assert summary.searches == SEARCHES
    assert summary.as_counts()["items"] == sum(mailbox.items for mailbox in summary.mailboxes)


def test_there_are_several_hundred_items_in_nine_accounts(folder: Path) -> None:
    summary = load_summary(folder)
    assert len(summary.mailboxes) == 9
    assert 400 <= sum(mailbox.items for mailbox in summary.mailboxes) <= 700
    assert {mailbox.kind for mailbox in summary.mailboxes} == {"maildir", "mbox", "single-mbox", "eml"}


def test_the_settings_name_one_source_for_each_account(folder: Path) -> None:
    settings = tomllib.loads((folder / "capstone.toml").read_text())
    summary = load_summary(folder)
    assert [source["account"] for source in settings["sources"]] == [mailbox.account for mailbox in summary.mailboxes]
    assert all((folder / source["path"]).exists() for source in settings["sources"])
    assert settings["agency"]["name"] == "Agency for Example Affairs"


def test_the_register_has_a_row_for_each_designation(agency: Agency) -> None:
    rows = list(csv.DictReader(io.StringIO(officials_csv(agency))))
    assert tuple(rows[0]) == COLUMNS
    assert len(rows) == len(agency.posts)
    assert {row["category"] for row in rows} >= {"1", "none", "support"}
    assert {row["cutoff"] for row in rows} == {"tenure", "calendar"}
    assert [row["account"] for row in rows if not row["approved"]] == ["amara-nkosi"]
    assert [row["official"] for row in rows if row["acting"] == "yes"] == ["Dana Whitfield"]


def test_the_director_position_is_vacant_between_two_holders(agency: Agency) -> None:
    terms = sorted((post.starts, post.ends) for post in agency.posts if post.account == "director")
    assert terms[0][1] is not None
    assert terms[0][1] < terms[1][0]
    assert agency.holder("director", date(2021, 3, 1)) != agency.holder("director", date(2021, 5, 1))
    assert agency.holder("director", date(2021, 3, 1)).account == "deputy-director"  # type: ignore[union-attr]


def test_mail_still_reaches_the_vacant_position(mail: list[Delivery]) -> None:
    vacant = [d for d in mail if d.account == "director" and date(2021, 1, 21) <= d.sent_at.date() <= date(2021, 4, 11)]
    assert vacant
    assert {d.folder for d in vacant} == {"Inbox"}


def test_nobody_gets_or_sends_mail_while_the_account_is_closed(agency: Agency, mail: list[Delivery]) -> None:
    assert all(agency.account_by_id(d.account).is_open(d.sent_at.date()) for d in mail)
    assert max(d.sent_at.date() for d in mail if d.account == "henrik-dahl") <= date(2025, 1, 17)


def test_an_assistant_sends_on_behalf_of_the_director(mail: list[Delivery]) -> None:
    sent = [m for d, m in parsed(mail) if d.account == "lucia-moreno" and d.folder == "Sent" and m["Sender"]]
    assert sent
    assert all("director@agency.example" in m["From"] and "lucia.moreno@agency.example" in m["Sender"] for m in sent)


def test_the_same_message_lies_in_the_mailbox_of_each_official(mail: list[Delivery]) -> None:
    places: dict[bytes, set[str]] = {}
    for delivery in mail:
        places.setdefault(delivery.raw, set()).add(delivery.account)
    assert sum(len(accounts) > 2 for accounts in places.values()) > 50


def test_a_blind_copy_shows_only_in_the_senders_own_copy(mail: list[Delivery]) -> None:
    with_bcc = [d for d, m in parsed(mail) if m["Bcc"]]
    assert with_bcc
    assert {(d.account, d.folder) for d in with_bcc} == {("priya-raman", "Sent")}


def test_replies_name_the_message_that_they_answer(mail: list[Delivery]) -> None:
    ids = {m["Message-ID"] for _, m in parsed(mail)}
    replies = [m for _, m in parsed(mail) if m["References"]]
    assert len(replies) > 100
    assert all(reference in ids for m in replies for reference in m["References"].split())


def test_every_message_is_dated_within_the_years_of_the_demo(mail: list[Delivery]) -> None:
    assert {d.sent_at.year for d in mail} == set(range(2019, 2026))
    assert all(8 <= d.sent_at.hour < 18 and d.sent_at.weekday() < 5 for d in mail)


@pytest.mark.parametrize(
    "media_type",
    [
        "application/pdf",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "image/png",
        "text/html",
        "text/calendar",
        "message/rfc822",
        "multipart/signed",
        "application/pkcs7-mime",
    ],
)
def test_the_demo_holds_every_kind_of_part(mail: list[Delivery], media_type: str) -> None:
    assert any(part.get_content_type() == media_type for _, m in parsed(mail) for part in m.walk())


def test_list_mail_markings_junk_and_drafts_are_there(mail: list[Delivery]) -> None:
    assert any(m["List-Id"] for _, m in parsed(mail))
    assert any(b"FOR OFFICIAL USE ONLY" in d.raw for d in mail)
    assert {d.folder for d in mail} == {"Inbox", "Sent", "Junk", "Drafts"}


def test_the_generator_writes_no_defects_into_ordinary_mail(mail: list[Delivery]) -> None:
    assert [d.topic for d, m in parsed(mail) for part in m.walk() if part.defects] == []


def test_the_record_to_explain_was_sent_by_the_acting_director(folder: Path) -> None:
    account, digest = load_summary(folder).explain.split("/")
    paths = [p for p in (folder / "mail" / account).rglob("*") if p.is_file()]
    raw = next(p.read_bytes() for p in paths if hashlib.sha256(p.read_bytes()).hexdigest() == digest)
    assert b"Director (acting)" in raw
