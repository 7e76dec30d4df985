"""Records become index documents."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capstone.domain.documents import SHOWN_LINE_CHARS, document_of
from capstone.domain.message import Address, Attachment, MessageFacts, NestedMessage
from capstone.domain.records import Classification, RecordClass, RecordEntry

DIGEST = "ab" * 32
AT = datetime(2024, 1, 1, 3, 30, tzinfo=UTC)
EASTERN = ZoneInfo("America/New_York")
CHEN, OKAFOR = Address("María Chen", "Maria.Chen@agency.example"), Address("", "chidi.okafor@agency.example")
ENTRY = RecordEntry(
    account="director",
    digest=DIGEST,
    version_id="v1",
    size_bytes=100,
    captured_at=AT,
    run_id="run",
    content_key="key",
    classification=Classification(RecordClass.PERMANENT, reason="official", rule_version="1", item="010", message_date=AT),
)
PDF = Attachment("2", "Budget 2024.pdf", "application/pdf", "application/pdf", 10, DIGEST, is_inline=False, is_encrypted=False)
LOGO = replace(PDF, name="logo.png", declared_type="image/png", detected_type="image/png", is_inline=True)


def test_identity_class_and_date_come_from_the_record() -> None:
    document = document_of(ENTRY, MessageFacts(date=None), UTC)
    assert (document.record_id, document.account, document.digest) == (f"director/{DIGEST}", "director", DIGEST)
    assert (document.record_class, document.schedule_item, document.message_date) == ("permanent", "010", AT)


def test_the_day_is_that_of_the_agency() -> None:
    assert document_of(ENTRY, MessageFacts(), EASTERN).day == date(2023, 12, 31)
    assert document_of(ENTRY, MessageFacts(), UTC).day == date(2024, 1, 1)


def test_an_undated_record_has_no_day() -> None:
    undated = replace(ENTRY, classification=replace(ENTRY.classification, message_date=None))
    document = document_of(undated, MessageFacts(date=AT), UTC)
    assert (document.message_date, document.day) == (None, None)


@pytest.mark.parametrize("at", [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)])
def test_the_ends_of_the_calendar_have_a_day(at: datetime) -> None:
    for hours in (-14, 14):
        entry = replace(ENTRY, classification=replace(ENTRY.classification, message_date=at))
        assert document_of(entry, MessageFacts(), timezone(timedelta(hours=hours))).day is not None


def test_words_are_folded_and_what_is_shown_is_as_written() -> None:
    facts = MessageFacts(from_=(CHEN,), to=(OKAFOR, CHEN), subject="Año\n Nuevo\x1b[1m", body_text="Déjà vu.\nAgain")
    document = document_of(ENTRY, facts, UTC)
    assert (document.subject, document.body) == ("ano nuevo 1m", "deja vu again")
    assert document.from_ == "maria chen maria chen agency example"
    assert document.to == "chidi okafor agency example maria chen maria chen agency example"
    assert document.shown_from == "María Chen <Maria.Chen@agency.example>"
    assert document.shown_to == "chidi.okafor@agency.example, María Chen <Maria.Chen@agency.example>"
    assert (document.shown_subject, document.shown_text) == ("Año Nuevo [1m", "Déjà vu.\nAgain")


@pytest.mark.parametrize(
    ("part", "field"),
    [
        ("from_", "from"),
        ("sender", "from"),
        ("reply_to", "from"),
        ("on_behalf_of", "from"),
        ("resent_from", "from"),
        ("to", "to"),
        ("resent_to", "to"),
        ("cc", "cc"),
        ("resent_cc", "cc"),
        ("bcc", "bcc"),
    ],
)
def test_people_are_found_by_the_field_that_names_their_part(part: str, field: str) -> None:
    document = document_of(ENTRY, MessageFacts(**{part: (CHEN, CHEN)}), UTC)
    texts = {"from": document.from_, "to": document.to, "cc": document.cc, "bcc": document.bcc}
    assert texts == {name: "maria chen maria chen agency example" if name == field else "" for name in texts}
    assert document.addresses == ((field, "maria.chen@agency.example"),)


def test_a_name_without_an_address_is_searched_but_is_no_whole_address() -> None:
    document = document_of(ENTRY, MessageFacts(to=(Address("undisclosed recipients", ""),)), UTC)
    assert (document.to, document.addresses, document.shown_to) == ("undisclosed recipients", (), "undisclosed recipients")


def test_attachments_are_found_by_name_and_counted_as_not_searched() -> None:
    document = document_of(ENTRY, MessageFacts(attachments=(PDF,)), UTC)
    assert (document.attachment, document.has_attachment, document.unsearchable) == (
        "budget 2024 pdf",
        True,
        ("attachment_text",),
    )


def test_an_image_in_the_text_is_no_attachment() -> None:
    document = document_of(ENTRY, MessageFacts(attachments=(LOGO,)), UTC)
    assert (document.attachment, document.has_attachment, document.unsearchable) == ("logo png", False, ())
    assert document_of(ENTRY, MessageFacts(attachments=(replace(LOGO, is_inline=False),)), UTC).has_attachment
    assert document_of(ENTRY, MessageFacts(attachments=(replace(PDF, is_inline=True, detected_type=None),)), UTC).has_attachment


def test_an_empty_attachment_hides_no_text() -> None:
    document = document_of(ENTRY, MessageFacts(attachments=(replace(PDF, size_bytes=0),)), UTC)
    assert (document.has_attachment, document.unsearchable) == (True, ())


def test_a_message_inside_is_found_by_its_subject_writer_and_text() -> None:
    inner = NestedMessage("2", None, "Inner Subject", (OKAFOR,), None, "Forwarded words.")
    document = document_of(ENTRY, MessageFacts(body_text="See below.", nested=(inner,)), UTC)
    assert document.body == "see below inner subject chidi okafor agency example forwarded words"
    assert (document.has_attachment, document.unsearchable) == (True, ())


def test_of_messages_inside_no_more_text_is_found_than_of_the_message() -> None:
    inner = NestedMessage("2", None, "", (), None, "0123456")
    document = document_of(ENTRY, MessageFacts(nested=(inner, inner, inner)), UTC, 9)
    assert (document.body, document.unsearchable) == ("0123456 01", ("cut_off",))


@pytest.mark.parametrize(
    ("facts", "codes"),
    [
        (MessageFacts(), ()),
        (MessageFacts(security=("smime-signed", "pgp-signed")), ()),
        (MessageFacts(security=("smime-encrypted",)), ("encrypted",)),
        (MessageFacts(security=("pgp-encrypted",)), ("encrypted",)),
        (MessageFacts(attachments=(replace(PDF, is_encrypted=True),)), ("encrypted", "attachment_text")),
        (MessageFacts(parser="headers"), ("headers_only",)),
        (MessageFacts(parser="compat32"), ()),
        (MessageFacts(body_text="0123456789"), ()),
        (MessageFacts(body_text="0123456789x"), ("cut_off",)),
        (MessageFacts(subject="0123456789x"), ("cut_off",)),
    ],
)
def test_what_could_not_be_searched_is_said(facts: MessageFacts, codes: tuple[str, ...]) -> None:
    assert document_of(ENTRY, facts, UTC, text_limit=10).unsearchable == codes


def test_text_beyond_the_limit_is_neither_searched_nor_kept() -> None:
    document = document_of(ENTRY, MessageFacts(body_text="kept lost"), UTC, text_limit=4)
    assert (document.body, document.shown_text) == ("kept", "kept")


def test_a_thousand_recipients_are_searched_but_not_shown() -> None:
    people = tuple(Address(f"Person {number}", f"p{number}@agency.example") for number in range(1000))
    document = document_of(ENTRY, MessageFacts(to=people), UTC)
    assert "person 999" in document.to
    assert len(document.addresses) == 1000
    assert len(document.shown_to) <= SHOWN_LINE_CHARS


@given(st.text(st.characters()), st.text(st.characters()), st.text(st.characters()))
def test_nothing_a_message_holds_stops_its_indexing(name: str, address: str, text: str) -> None:
    person = Address(name, address)
    facts = MessageFacts(from_=(person,), to=(person,), subject=text, body_text=text, attachments=(replace(PDF, name=name),))
    document = document_of(ENTRY, facts, UTC)
    " ".join((document.subject, document.body, document.from_, document.attachment, document.shown_from)).encode()
