"""What is delivered to the journal goes to each registered account that it concerns, with its envelope."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capstone.domain.envelopes import Envelope, ReceivedAs, Recipient, read_envelope, write_envelope
from capstone.domain.fixity import digest_of
from capstone.domain.journal import EXCHANGE, envelope_of
from capstone.domain.journal_accounts import Addressees
from capstone.domain.journal_sorting import Delivered, Sorting, delivered_again, sorted_by_account
from capstone.domain.layout import NO_ACCOUNT
from capstone.domain.message import Companion, CompanionKind, ItemState, OfferedItem, OfferedMessage, Place, RefusedItem
from capstone.domain.officials import Designation
from capstone.domain.register_facts import AccountFact, AccountKind, AddressFact, RegisterFact
from tests.builders import a_designation, at, rules_for
from tests.journal_reports import lines_for, original, report

NOW = at("2026-03-04T12:00:00")
OFFICIALS = (a_designation(), a_designation(account="analyst"))


def sorting(*rows: Designation, facts: Iterable[RegisterFact] = (), unregistered: ItemState = ItemState.QUARANTINED) -> Sorting:
    rules = rules_for(*(rows or OFFICIALS), facts=facts)
    return Sorting("journal", rules, Addressees(rules.roster), unregistered)


def delivered(raw: bytes, *recipients: str, sender: str | None = None) -> Delivered:
    return Delivered(raw, sender, recipients or ("journal@archive.agency.example",), NOW)


def messages(items: Iterable[OfferedItem]) -> list[OfferedMessage]:
    return [item for item in items if isinstance(item, OfferedMessage)]


def test_a_report_gives_one_message_to_each_account_concerned() -> None:
    raw = report(lines_for("Bcc: analyst@agency.example", "To: x@other.example"), original())
    found = sorted_by_account(delivered(raw), sorting())
    assert list(found) == ["analyst", "director"]
    for account, items in found.items():
        (item,) = messages(items)
        assert (item.raw, item.companions) == (original(), (Companion(CompanionKind.ENVELOPE, "eml", raw),))
        assert item.occurrence.place == Place("journal", "", digest_of(raw))
        assert (item.occurrence.envelope, item.occurrence.received_at) == (digest_of(raw), NOW)
        assert item.occurrence.is_sent is (account == "director")


@pytest.mark.parametrize(
    "line",
    [
        "To: Analyst@Agency.Example",
        "Recipient: member@x.example, Expanded: analyst@agency.example",
        "Cc: elsewhere@x.example, Forwarded: analyst@agency.example",
        "On-Behalf-Of: analyst@agency.example",
    ],
)
def test_an_account_is_concerned_however_it_is_named(line: str) -> None:
    raw = report(lines_for(line, "To: x@x.example", sender="s@x.example"), original())
    ((account, items),) = sorted_by_account(delivered(raw), sorting()).items()
    assert (account, messages(items)[0].occurrence.is_sent) == ("analyst", False)


def test_each_of_two_originals_has_a_place_of_its_own() -> None:
    raw = report(lines_for("To: x@x.example"), original(body=b"locked"), original(body=b"clear"))
    (items,) = sorted_by_account(delivered(raw), sorting()).values()
    assert [item.occurrence.place.item_id for item in messages(items)] == [digest_of(raw), f"{digest_of(raw)}#2"]


def test_what_is_kept_beside_each_of_two_originals_is_of_that_record_only() -> None:
    raws = original(body=b"locked"), original(body=b"clear")
    raw = report(lines_for("To: x@x.example"), *raws)
    (items,) = sorted_by_account(delivered(raw), sorting()).values()
    (first,), (second,) = (item.companions for item in messages(items))
    assert (first.raw, first.suffix, second.suffix) == (raw, "eml", "json")
    assert f'"of":"{digest_of(raws[1])}"'.encode() in second.raw
    assert envelope_of(second.raw, "json") == envelope_of(raw, "eml")
    assert [item.occurrence.envelope for item in messages(items)] == [digest_of(raw), digest_of(second.raw)]


def test_a_report_without_its_original_is_itself_the_record() -> None:
    raw = report(lines_for("To: analyst@agency.example", sender="s@x.example"))
    found = sorted_by_account(delivered(raw), sorting())
    assert list(found) == ["analyst", "director"]  # its own header counts as well: the bytes are the same for everybody
    (item,) = messages(found["analyst"])
    (beside,) = item.companions
    assert (item.raw, beside.suffix) == (raw, "json")
    told = read_envelope(beside.raw)
    assert told is not None
    assert told.recipients == (Recipient("analyst@agency.example", ReceivedAs.TO),)


def test_a_report_whose_lines_say_nothing_goes_by_the_header() -> None:
    raw = report(["Sender: s@x.example"], original(From="Ben <analyst@agency.example>", To="x@x.example"), sender="s@x.example")
    ((account, items),) = sorted_by_account(delivered(raw), sorting()).items()
    assert (account, messages(items)[0].occurrence.is_sent) == ("analyst", True)


@pytest.mark.parametrize(
    "lines",
    [
        [
            "Sender: director@agency.example",
            "Message-ID: <m1@agency.example>",
            "Recipients:",
            "B <analyst@agency.example>, x@x.example",
        ],
        [*lines_for("To: x@x.example"), "Destinataire : analyst@agency.example"],
        lines_for("To: /o=Agency/ou=Staff/cn=Recipients/cn=analyst"),
        lines_for("To: IMCEAEX-_O=AGENCY_OU=STAFF_CN=ANALYST@agency.example"),
        lines_for("To: analyst@agency.example", sender="<>"),
        lines_for("To: analyst@agency.example", sender="/o=Agency/ou=Staff/cn=Recipients/cn=director"),
        lines_for("To: x@x.example; analyst@agency.example"),
        lines_for(),
    ],
)
def test_whom_a_report_names_in_no_usual_form_is_concerned_too(lines: list[str]) -> None:
    raw = report(lines, original(), charset="utf-8")
    found = sorted_by_account(delivered(raw), sorting())
    assert {account: messages(items)[0].raw for account, items in found.items()} == {
        "analyst": original(), "director": original(),
    }  # fmt: skip


def test_a_copy_by_postfix_keeps_the_envelope_of_the_wire_and_of_its_fields() -> None:
    raw = original(From="s@x.example", To="list@agency.example", X_Original_To="director@agency.example")
    (item,) = messages(sorted_by_account(delivered(raw, sender="bounce@x.example"), sorting())["director"])
    (beside,) = item.companions
    told = read_envelope(beside.raw)
    assert (item.raw, item.occurrence.envelope) == (raw, digest_of(beside.raw))
    assert told is not None
    assert (told.said_by, told.sender, told.message_id) == ("smtp", "bounce@x.example", "m1@agency.example")
    assert [one.address for one in told.recipients] == ["journal@archive.agency.example", "director@agency.example"]
    assert not item.occurrence.is_sent


@pytest.mark.parametrize("field", ["X-Gm-Original-To", "Delivered-To", "Envelope-To"])
def test_fields_of_other_servers_name_recipients_too(field: str) -> None:
    raw = original(From="s@x.example", To="list@agency.example", **{field.replace("-", "_"): "analyst@agency.example"})
    assert list(sorted_by_account(delivered(raw), sorting())) == ["analyst"]


def test_a_copy_without_them_goes_by_its_header() -> None:
    found = sorted_by_account(delivered(original()), sorting())
    assert {account: messages(items)[0].occurrence.is_sent for account, items in found.items()} == {
        "analyst": False,
        "director": True,
    }


@pytest.mark.parametrize(
    "to",
    [
        "Foo (left open, analyst@agency.example, x@x.example",
        '"Foo <x@x.example>, analyst@agency.example',
        "'analyst@agency.example'",
        "Ben <'analyst@agency.example'>",
        "analyst@agency.example.",
        ", ".join(
            [*(f"Member (of staff) {number} <member{number}@x.example>" for number in range(3000)), "analyst@agency.example"]
        ),
    ],
)
def test_a_broken_or_endless_list_of_addresses_hides_nobody(to: str) -> None:
    assert list(sorted_by_account(delivered(original(From="s@x.example", To=to)), sorting())) == ["analyst"]


@pytest.mark.parametrize("to", ['"analyst@agency.example" <x@x.example>', "analyst@agency.example via List <x@x.example>"])
def test_a_name_that_looks_like_an_address_is_a_name(to: str) -> None:
    assert list(sorted_by_account(delivered(original(To=to)), sorting())) == ["director"]


@pytest.mark.parametrize("odd", ["x" * 1_000_000 + "@", "@" * 1_000_000, "x@" * 500_000])
def test_odd_text_takes_no_longer_than_its_length(odd: str) -> None:
    raw = report([*lines_for("To: x@x.example"), odd], original(To=odd))
    begun = time.monotonic()
    sorted_by_account(delivered(raw), sorting())
    sorted_by_account(delivered(original(To=odd)), sorting())
    assert time.monotonic() - begun < 10


def test_sent_on_behalf_is_sent_by_the_sender() -> None:
    raw = original(Sender="analyst@agency.example", To="x@x.example")
    found = sorted_by_account(delivered(raw), sorting())
    assert {account: messages(items)[0].occurrence.is_sent for account, items in found.items()} == {
        "analyst": True,
        "director": False,
    }


def test_a_message_to_an_account_that_looks_like_a_report_is_a_copy() -> None:
    forged = report(lines_for("To: nobody@x.example", sender="s@x.example"), original(From="s@x.example", To="x@x.example"))
    (items,) = sorted_by_account(delivered(forged, "director@agency.example"), sorting()).values()
    assert [item.raw for item in messages(items)] == [forged]


@pytest.mark.parametrize("field", ["To", "Cc", "Resent-To", "Bcc"])
def test_what_its_header_addresses_to_an_account_that_the_report_does_not_know_is_a_copy(field: str) -> None:
    """As `always_bcc` hands on a stranger's mail: the wire names nobody but the journal."""
    invented = original(From="boss@x.example", To="analyst@agency.example")
    lines = lines_for("To: analyst@agency.example", sender="boss@x.example")
    forged = report(
        lines, invented, sender="stranger@x.example", mark=f"X-MS-Journal-Report:\r\n{field}: director@agency.example".encode()
    )
    found = sorted_by_account(delivered(forged, sender="stranger@x.example"), sorting())
    assert {account: [item.raw for item in messages(items)] for account, items in found.items()} == {"director": [forged]}


def test_a_report_under_an_address_that_the_way_put_there_reaches_whom_it_names_and_whose_address_that_is() -> None:
    """A relay that rewrites senders' addresses does so outside and not in what is attached."""
    inner = original(From="ada@corp.local", To="x@x.example")
    raw = report(lines_for("Bcc: analyst@agency.example", sender="ada@corp.local"), inner, sender="director@agency.example")
    found = sorted_by_account(delivered(raw, sender="director@agency.example"), sorting())
    assert {account: [item.raw for item in messages(items)] for account, items in found.items()} == {
        "analyst": [inner],
        "director": [raw],
    }


def test_where_reports_return_to_is_nobody_that_a_report_concerns() -> None:
    inner = original(From="s@x.example", To="x@x.example")
    mark = b"X-MS-Journal-Report:\r\nReturn-Path: <director@agency.example>"
    raw = report(lines_for("Bcc: analyst@agency.example", sender="s@x.example"), inner, sender="s@x.example", mark=mark)
    found = sorted_by_account(delivered(raw), sorting())
    assert {account: [item.raw for item in messages(items)] for account, items in found.items()} == {"analyst": [inner]}


def test_where_only_copies_come_nothing_is_a_report() -> None:
    invented = original(From="boss@x.example", To="director@agency.example, analyst@agency.example")
    lines = lines_for("To: analyst@agency.example", sender="boss@x.example")
    forged = report(lines, invented, sender="s@x.example", mark=b"X-MS-Journal-Report:\r\nCc: director@agency.example")
    found = sorted_by_account(delivered(forged), replace(sorting(), reads_reports=False))
    assert {account: [item.raw for item in messages(items)] for account, items in found.items()} == {"director": [forged]}


def test_a_fork_that_tells_of_some_recipients_only_is_a_report() -> None:
    raw = report(lines_for("Bcc: analyst@agency.example"), original(To="director@agency.example", From="s@x.example"))
    found = sorted_by_account(delivered(raw), sorting())
    assert [item.companions[0].raw for items in found.values() for item in messages(items)] == [raw, raw]


@pytest.mark.parametrize(("state", "kept"), [(ItemState.QUARANTINED, True), (ItemState.EXCLUDED, False)])
@pytest.mark.parametrize(
    "raw",
    [
        report(lines_for("To: b@x.example", sender="a@x.example"), original(From="", To=""), sender="a@x.example"),
        original(From="", To=""),
        b"",
    ],
)
def test_what_names_nobody_registered_is_refused_as_the_setting_says(raw: bytes, state: ItemState, kept: bool) -> None:
    found = sorted_by_account(delivered(raw), sorting(unregistered=state))
    mail, *beside = found.pop(NO_ACCOUNT)
    assert mail == RefusedItem(
        Place("journal", "", digest_of(raw)), state, "no_registered_account", "it names no registered account",
        raw if kept else None,
    )  # fmt: skip
    assert (found, len(beside)) == ({}, 1 if kept else 0)


def test_the_envelope_of_quarantined_mail_lies_beside_it() -> None:
    raw = original(From="", To="")
    came = delivered(raw, "a@x.example", "b@x.example", sender="s@x.example")
    _, beside = sorted_by_account(came, sorting())[NO_ACCOUNT]
    assert isinstance(beside, RefusedItem)
    assert (beside.place.item_id, beside.state) == (f"{digest_of(raw)}.envelope", ItemState.QUARANTINED)
    assert "x.example" not in beside.reason
    assert beside.raw is not None
    later = at("2027-01-01T00:00:00")
    assert delivered_again(raw, [beside.raw, b"damaged"], later) == [came]
    assert delivered_again(raw, [b"damaged"], later) == [Delivered(raw, None, (), later)]


@pytest.mark.parametrize("told", [{}, {"received_at": "yesterday"}, {"received_at": "2026-03-04T12:00:00"}])
def test_an_envelope_without_a_time_is_one_of_now(told: dict[str, str]) -> None:
    wire = write_envelope(Envelope("smtp", recipients=(Recipient("a@x.example"),), properties=told), "0")
    assert delivered_again(b"x", [wire], NOW) == [Delivered(b"x", None, ("a@x.example",), NOW)]


def test_an_address_that_changed_hands_leads_to_who_held_it_then() -> None:
    older = a_designation(starts="2010-01-01", ends="2015-12-31", addresses=("head@agency.example",))
    newer = a_designation(account="analyst", starts="2016-01-01", ends="2020-12-31", addresses=("head@agency.example",))
    people = Addressees(rules_for(older, newer).roster)
    assert people.accounts_of(["head@agency.example"], [date(2015, 3, 4)]) == {"director"}
    assert people.accounts_of(["head@agency.example"], [date(2015, 3, 4), date(2018, 3, 4)]) == {"director", "analyst"}
    assert people.accounts_of(["head@agency.example"], [date(2026, 3, 4)]) == {"director", "analyst"}


def test_an_address_that_one_account_ever_had_leads_there_on_any_day() -> None:
    gone = a_designation(ends="2015-12-31")
    assert Addressees(rules_for(gone).roster).accounts_of([" Director@agency.example"], [NOW.date()]) == {"director"}


def test_an_account_without_a_role_is_found_by_its_address() -> None:
    facts = [
        AccountFact("press", AccountKind.SHARED),
        AddressFact("press@agency.example", "press", date(2020, 1, 1)),
        AddressFact("director@agency.example", "press", date(2020, 1, 1)),
    ]
    people = Addressees(rules_for(*OFFICIALS, facts=facts).roster)
    assert people.accounts_of(["press@agency.example"], [NOW.date()]) == {"press"}
    assert people.accounts_of(["director@agency.example"], [NOW.date()]) == {"press", "director"}


def test_tagged_addresses_are_other_addresses() -> None:
    assert Addressees(rules_for(*OFFICIALS).roster).accounts_of(["director+x@agency.example"], [NOW.date()]) == frozenset()


@given(st.binary(max_size=200), st.lists(st.text(max_size=20), max_size=3), st.none() | st.text(max_size=20))
def test_sorting_never_raises_and_loses_nothing(raw: bytes, recipients: list[str], sender: str | None) -> None:
    found = sorted_by_account(Delivered(raw, sender, tuple(recipients), NOW), sorting())
    assert sum(map(len, found.values())) >= 1


@pytest.mark.corpus
@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("splunk_logging.email.rfc822", "jwdavison@company.com"),
        ("phish_me.email.rfc822", "valvphish@integraldefense.com"),
        ("phish_me.email.rfc822", "cware@company.com"),
    ],
)
def test_real_reports_go_to_whom_they_concern(corpus: Path, name: str, address: str) -> None:
    row = a_designation(addresses=(address,))
    raw = (corpus / "exchange-journal" / name).read_bytes()
    (item,) = messages(sorted_by_account(delivered(raw, "journal@x.example"), sorting(row))["director"])
    (beside,) = item.companions
    told = envelope_of(beside.raw, beside.suffix)
    assert told is not None
    assert (told, told.said_by, raw.count(item.raw)) == (envelope_of(raw, "eml"), EXCHANGE, 1)
    assert item.raw != raw
