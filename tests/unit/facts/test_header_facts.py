"""Who, when, which: addresses, dates, identifiers, labels."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from time import process_time

import pytest

from capstone.domain.facts import capture_facts, read_facts
from capstone.domain.facts.address_lists import MAX_ODD_LENGTH, normal_addresses, read_addresses
from capstone.domain.facts.dates import read_date, read_trace_date
from capstone.domain.facts.identifiers import MAX_REFERENCES, base_subject, read_message_id, read_references
from capstone.domain.message import Address
from tests.unit.facts.messages import message

_EST = timezone(timedelta(hours=-5))


@pytest.mark.parametrize(
    ("value", "mailboxes"),
    [
        ("ann@agency.example", [("", "ann@agency.example")]),
        ("Ann Archer <ann@agency.example>", [("Ann Archer", "ann@agency.example")]),
        (
            '"Archer, Ann" <ann@agency.example>, bob@agency.example',
            [("Archer, Ann", "ann@agency.example"), ("", "bob@agency.example")],
        ),
        (r'"Ann \"A\"" <ann@agency.example>', [('Ann "A"', "ann@agency.example")]),
        ("ann@agency.example (Ann Archer)", [("Ann Archer", "ann@agency.example")]),
        ("Ann Archer", [("Ann Archer", "")]),
        ("<MAILER-DAEMON>", [("", "MAILER-DAEMON")]),
        ("<>", [("", "")]),
        ("Ann </O=AGENCY/OU=NA/CN=ANN>", [("Ann", "/O=AGENCY/OU=NA/CN=ANN")]),
        ("a@agency.example; b@agency.example;", [("", "a@agency.example"), ("", "b@agency.example")]),
        ("team: a@agency.example, b@agency.example;", [("", "a@agency.example"), ("", "b@agency.example")]),
        ("undisclosed-recipients:;", []),
        ('"odd one"@agency.example', [("", '"odd one"@agency.example')]),
        ("=?utf-8?q?Archer,_Ann?= <ann@agency.example>", [("Archer, Ann", "ann@agency.example")]),
        ("=?utf-8?b?w4k=?= <e@agency.example>", [("É", "e@agency.example")]),
        ("", []),
        (" , ", []),
    ],
)
def test_mailboxes_are_read_in_every_usual_form(value: str, mailboxes: list[tuple[str, str]]) -> None:
    assert read_addresses([value], [].append) == tuple(Address(name, address) for name, address in mailboxes)


def test_a_long_list_in_usual_form_is_read_to_its_end() -> None:
    value = ", ".join(f"p{number}@agency.example" for number in range(20_000))
    assert len(read_addresses([value], [].append)) == 20_000


def test_an_odd_long_list_is_cut_and_that_is_noted() -> None:
    noted: list[str] = []
    value = "a b@agency.example (c (d)), " * (MAX_ODD_LENGTH // 20)
    assert read_addresses([value], noted.append)
    assert noted == ["address_list_cut_off"]


def test_comments_nested_without_end_give_no_mailbox() -> None:
    assert read_addresses(["(" * 50_000], [].append) == ()


def test_normal_forms_come_once_and_in_order() -> None:
    assert normal_addresses([Address("", "B@x.example"), Address("n", ""), Address("", "b@X.example")]) == ("b@x.example",)


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        ("Mon, 1 Jan 2024 10:00:00 -0500", datetime(2024, 1, 1, 10, tzinfo=_EST)),
        ("1 Jan 2024 10:00:00 -0500 (EST)", datetime(2024, 1, 1, 10, tzinfo=_EST)),
        ("Mon, 1 Jan 2024 10:00:00 EST", datetime(2024, 1, 1, 10, tzinfo=_EST)),
        ("Mon, 1 Jan 2024 10:00:00 XYZ", datetime(2024, 1, 1, 10, tzinfo=UTC)),
        ("Mon, 1 Jan 2024 10:00:60 +0000", datetime(2024, 1, 1, 10, 0, 59, tzinfo=UTC)),
        ("Mon, 01 Jan 2024 10:00", datetime(2024, 1, 1, 10, tzinfo=UTC)),
        ("Mon Jan  1 10:00:00 2024", datetime(2024, 1, 1, 10, tzinfo=UTC)),
        ("1 Jan 99 10:00:00 GMT", datetime(1999, 1, 1, 10, tzinfo=UTC)),
    ],
)
def test_dates_are_read_in_every_usual_form(value: str, moment: datetime) -> None:
    assert read_date(value) == (moment, None)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "yesterday",
        "Mon, 32 Jan 2024 10:00:00 +0000",
        "Mon, 1 Foo 2024 10:00:00 +0000",
        "Mon, 1 Jan 2024 25:00",
        "1 1 1 1 1 1",
    ],
)
def test_a_date_that_is_none_is_malformed(value: str) -> None:
    assert read_date(value) == (None, "malformed_date")


def test_a_clock_that_was_never_set_is_implausible() -> None:
    assert read_date("Mon, 31 Dec 1979 16:00:00 -0800") == (None, "date_implausible")


def test_the_trace_date_is_that_of_the_topmost_received() -> None:
    received = "from a.example by b.example; Tue, 2 Jan 2024 10:00:00 +0000"
    facts = read_facts(b"Received: " + received.encode() + b"\nReceived: x; Mon, 1 Jan 2024 09:00:00 +0000\n" + message())
    assert facts.trace_date == datetime(2024, 1, 2, 10, tzinfo=UTC)
    assert read_trace_date("from a.example") is None


def test_identifiers_lose_brackets_and_keep_the_rest() -> None:
    assert read_message_id("<a@b.example>") == ("a@b.example", None)
    assert read_message_id("x <a @b.example> y") == ("a@b.example", "malformed_message_id")
    assert read_message_id("") == (None, "malformed_message_id")
    assert read_references("<a@b>\t<c@d>") == ("a@b", "c@d")
    assert read_references("nothing") == ()
    assert len(read_references("<a@b>" * 2_000)) == MAX_REFERENCES


def test_the_thread_is_that_of_the_first_reference_known() -> None:
    assert read_facts(message(References="<r@x> <s@x>", In_Reply_To="<s@x>")).thread_key == "r@x"
    assert read_facts(message(In_Reply_To="<s@x>")).thread_key == "s@x"
    assert read_facts(message()).thread_key == "a@agency.example"
    replies = {read_facts(message(Message_ID=None, Subject=subject)).thread_key for subject in ("Budget", "RE: Fwd: budget")}
    assert len(replies) == 1
    assert base_subject("Re: [list] AW: Plan (fwd)") == "plan"


def test_mail_sent_for_another_names_whom_it_was_sent_for() -> None:
    facts = read_facts(message(Sender="Assistant <ass@agency.example>"))
    assert facts.on_behalf_of == facts.from_
    assert read_facts(message(Sender="ANN@agency.example")).on_behalf_of == ()


def test_all_address_fields_are_read() -> None:
    fields = {"Reply_To": "reply_to", "Cc": "cc", "Bcc": "bcc", "Resent_From": "resent_from", "Resent_To": "resent_to"}
    facts = read_facts(message(**{name: f"{name.lower()}@agency.example" for name in fields}, Resent_Cc="x@agency.example"))
    for name, attribute in fields.items():
        assert getattr(facts, attribute)[0].address == f"{name.lower()}@agency.example"
    assert facts.resent_cc[0].address == "x@agency.example"


def test_recipients_that_are_hidden_are_no_problem() -> None:
    assert capture_facts(message(To="undisclosed-recipients:;")).problems == ()


@pytest.mark.parametrize(
    ("fields", "attribute", "value"),
    [
        ({"List_Id": "Records <Records.agency.example>"}, "list_id", "records.agency.example"),
        ({"List_Id": "records.agency.example"}, "list_id", "records.agency.example"),
        ({"List_Id": "<>"}, "list_id", None),
        ({"Auto_Submitted": "Auto-Replied; x=y"}, "auto_submitted", "auto-replied"),
        ({"Importance": "High"}, "importance", "high"),
        ({"X_Priority": "1 (Highest)"}, "importance", "high"),
        ({"Priority": "non-urgent"}, "importance", "low"),
        ({"Importance": "?"}, "importance", None),
        ({"Sensitivity": "Company-Confidential"}, "sensitivity", "company-confidential"),
    ],
)
def test_labels_are_read(fields: dict[str, str], attribute: str, value: str | None) -> None:
    assert getattr(read_facts(message(**fields)), attribute) == value


@pytest.mark.parametrize("value", ["a <" + " " * 50_000 + "b", "a" + " " * 50_000 + "(b", '"a"' + " \t" * 50_000 + "b <"])
def test_an_address_field_of_blanks_takes_linear_time(value: str) -> None:
    began = process_time()
    read_addresses([value], lambda _: None)
    assert process_time() - began < 5


def test_very_many_address_fields_take_linear_time() -> None:
    raw = b"To: bob@agency.example\n" * 100_000 + message()
    began = process_time()
    assert len(read_facts(raw).to) == 100_001
    assert process_time() - began < 10


@pytest.mark.parametrize(
    ("value", "instant"),
    [
        ("Mon, 3 Jan 100 12:00:00 -0500", "2000-01-03T12:00:00-05:00"),
        ("Tue, 29 Feb 100 12:00:00 +0000", "2000-02-29T12:00:00+00:00"),
        ("3 Feb 2004 23:30:00 -05:00", "2004-02-03T23:30:00-05:00"),
        ("Tue, 3 Feb 2004 23:30:00 GMT-0500", "2004-02-03T23:30:00-05:00"),
        ("Tue Feb 03 2004 23:30:00 GMT-0500 (EST)", "2004-02-03T23:30:00-05:00"),
        ("Tue, 3 Feb 2004 23:30:00 UTC+2", "2004-02-03T23:30:00+02:00"),
        ("Tue, 3 Feb 2004 23:30:00 -05", "2004-02-03T23:30:00-05:00"),
        ("Tue, 3 Feb 2004 23:30:00-0500", "2004-02-03T23:30:00-05:00"),
        ("Tue, 03 Feb 2004 23:30:00 (EST) -0500", "2004-02-03T23:30:00-05:00"),
        ("Tue, 3 Feb 2004 11:30:00 PM -0500", "2004-02-03T23:30:00-05:00"),
        ("Tue, 3 Feb 2004 12:30 a.m. EST", "2004-02-03T00:30:00-05:00"),
        ("Tue, 3 Feb 2004 12:30:00 pm", "2004-02-03T12:30:00+00:00"),
        ("Tue, 3 Feb 2004 23:30:00 PM -0500", "2004-02-03T23:30:00-05:00"),
        ("2004-02-03T23:30:00-05:00", "2004-02-03T23:30:00-05:00"),
        ("2004-02-03 23:30:00 -0500", "2004-02-03T23:30:00-05:00"),
        ("2004-02-03 23:30", "2004-02-03T23:30:00+00:00"),
    ],
)
def test_odd_forms_of_zone_hour_and_year_move_no_message_to_another_day(value: str, instant: str) -> None:
    date, problem = read_date(value)
    assert (date and date.isoformat(), problem) == (instant, None)


@pytest.mark.parametrize("value", ["2004-02-03", "2004-13-03 10:00", "29 Feb 101 10:00:00 +0000", "3 Feb 2004 23:30:00 GMT+99"])
def test_what_is_no_moment_is_malformed(value: str) -> None:
    assert read_date(value) == (None, "malformed_date")


@pytest.mark.parametrize(
    ("value", "addresses"),
    [
        ('Ann" <ann@agency.example>, bob@agency.example', {"ann@agency.example", "bob@agency.example"}),
        ("ann@agency.example bob@agency.example", {"ann@agency.example", "bob@agency.example"}),
        ("Ann (was old@agency.example (x)) <ann@agency.example>", {"ann@agency.example"}),
        ("(" * 5_000 + " ann@agency.example", {"ann@agency.example"}),
        ("list: @agency.example, ann@;", {"@agency.example"}),
    ],
)
def test_no_address_is_lost_in_a_broken_list(value: str, addresses: set[str]) -> None:
    assert {mailbox.address for mailbox in read_addresses([value], lambda _: None)} >= addresses


def test_an_address_in_a_name_is_no_other_mailbox() -> None:
    [mailbox] = read_addresses(["Ann (was old@agency.example (x)) <ann@agency.example>"], lambda _: None)
    assert (mailbox.name, mailbox.address) == ("Ann (was old@agency.example x)", "ann@agency.example")
