"""Cutoff, transfer and legacy mail: free text in which one thing is said, several, or nothing."""

from __future__ import annotations

from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capstone.domain.forms.cells import count_of, day_of, form_number_of, one_line, record_group_of
from capstone.domain.forms.cutoff import cutoff_of, is_bare_annual
from capstone.domain.forms.legacy import legacy_of
from capstone.domain.forms.transfer import transfer_of
from capstone.domain.forms.values import Accounts, CountedFrom, CutoffChoice, LegacyScope, Place
from capstone.domain.forms.wording import LONGEST

CALENDAR, FISCAL, TENURE = CutoffChoice.CALENDAR, CutoffChoice.FISCAL, CutoffChoice.TENURE
ADMINISTRATION, OTHER = CutoffChoice.ADMINISTRATION, CutoffChoice.OTHER
OFFERED = (15, 20, 25, 30)
CUTOFF, AGE = CountedFrom.CUTOFF, CountedFrom.AGE

CUTOFFS = [
    ("Cutoff of email will be by employee tenure", TENURE),
    ("CUTOFF of email will be by employee tenure in a Capstone position. ", TENURE),
    ("Email of Capstone officials (item 010) will be cut off at the end of the employee\u2019s tenure.", TENURE),
    ("Cut off is at the end of the employees tenure.", TENURE),
    ("Cutoff after personnel departure", TENURE),
    ("Cut off when an individual is no longer serving as a Capstone official.", TENURE),
    ("Cutoff email by end of tenure/appointment", TENURE),
    (
        "Item 10 - Cut off at end of appointment\rItem 11 and 12 - Cut off at end of calendar year.  Delete when 10 years old.",
        TENURE,
    ),
    (
        "The cutoff for permanent will be when the associate leaves, then they will be sent to NARA annually when 15 years old.",
        TENURE,
    ),
    ("Cutoff of email will be annual, Calendar Year.", CALENDAR),
    ("Cut-off at end of the calendar year.", CALENDAR),
    ("PERMANENT.  CUTOFF of email will be by Calendar Year (CY).", CALENDAR),
    ("Cutoff of email will be annual by CY", CALENDAR),
    ("Email of Capstone officials (item 010) will be cut off annually (December 31).", CALENDAR),
    (
        "Capstone Officials: \rKept for \r15 years. Cut-off annually at the end of each calendar year. \r\r"
        "Non-Capstone Officials:  \rCut-off at the end of each fiscal year.  Delete when 7 years old.",
        CALENDAR,
    ),
    ("CUT OFF AT THE END OF THE FISCAL YEAR", FISCAL),
    ("Cutoff will be annually at the end of the FY.", FISCAL),
    ("Cutoff will be annual by fiscal year.\rCutoff for some will occur at the end of the fiscal year (September 30).", FISCAL),
    ("Cutoff of email will be at the end of each Presidential Administration", ADMINISTRATION),
    ("Cut off at the end of the administration.", ADMINISTRATION),
    ("Cut off in five-year blocks at the end of the calendar year.", OTHER),
    ("Cut off at the end of the calendar year (December 31) in which the tenure of the Capstone official ends.", OTHER),
    ("Permanent.  Cut off of email will be subject to the Inspector General's tenure.  ", OTHER),
    ("Other: when the commission is closed", OTHER),
    # what says nothing, or more than one thing, is not read
    ("See attached", None),
    ("Not applicable", None),
    ("Other", None),
    ("Cutoff will be by employee tenure or annual, whichever is sooner", None),
    ("Cutoff at the end of the calendar or fiscal year", None),
    ("Cutoff will be annual. Cutoff will be by employee tenure.", None),
    ("Cutoff by tenure. Cutoff by fiscal year.", None),
    ("Cutoff will not be by employee tenure", None),
    ("Cutoff annually, except the Director by tenure", None),
    ("Records of the National Archives and Records Administration", None),
    ("Non-Capstone Officials: cut off at the end of the fiscal year", None),
    ("Cut off temporary email at the end of the fiscal year", None),
]


@pytest.mark.parametrize(("text", "rule"), CUTOFFS)
def test_a_cutoff_is_read_only_where_the_text_says_one_thing(text: str, rule: CutoffChoice | None) -> None:
    cutoff = cutoff_of(text, "", CALENDAR)

    assert (cutoff.rule, cutoff.place, cutoff.text) == (rule, Place.FIELD, text.strip())
    assert not is_bare_annual(cutoff)


@pytest.mark.parametrize(
    "text",
    [
        "Cutoff of email will be annual.",
        "Cutoff annually",
        "Annual",
        "Cut off yearly",
        "Cut off annually upon sent or receipt date.",
    ],
)
def test_a_bare_annual_cutoff_is_what_the_configuration_says_it_is(text: str) -> None:
    assert [cutoff_of(text, "", choice).rule for choice in (CALENDAR, FISCAL, None)] == [CALENDAR, FISCAL, None]
    assert is_bare_annual(cutoff_of(text, "", FISCAL))
    assert not is_bare_annual(cutoff_of(text, "", None))


@pytest.mark.parametrize("field", [None, "", " \r "])
def test_without_a_field_the_scope_comments_are_asked(field: str | None) -> None:
    comments = "One agency, two offices. Cutoff of email will be by employee tenure. Kept well."

    cutoff = cutoff_of(field, comments, CALENDAR)

    assert (cutoff.rule, cutoff.place, cutoff.text) == (TENURE, Place.COMMENTS, "Cutoff of email will be by employee tenure.")


def test_comments_of_temporary_mail_do_not_count_but_are_shown() -> None:
    comments = "The cutoff for 7 year will be the sent date.\rThe cutoff for permanent will be when the associate departs."

    cutoff = cutoff_of(None, comments, CALENDAR)

    assert (cutoff.rule, cutoff.text) == (TENURE, comments.replace("\r", " "))


def test_a_label_holds_until_the_end_of_its_line() -> None:
    text = "Item 011 - disposed of by rule. Cut off at the end of the fiscal year.\rItem 010 - cut off at the end of tenure."

    assert cutoff_of(text, "", CALENDAR).rule is TENURE


def test_comments_that_say_nothing_of_cutoff_leave_it_unread() -> None:
    cutoff = cutoff_of(None, "Annual reports are kept by tenure of the employee.", CALENDAR)

    assert (cutoff.rule, cutoff.text, cutoff.place) == (None, "", None)


TRANSFERS = [
    ("Transfer when 15 years old.", 15, {AGE}),
    ("TRANSFER to NARA 15 years after CUTOFF.  ", 15, {CUTOFF}),
    ("Transfer to the National Archives 25 years after cut off.", 25, {CUTOFF}),
    ("Transfer 15 years after annual cut -off", 15, {CUTOFF}),
    ("Emails will be transfered to NARA when 20 years old", 20, {AGE}),
    ("Transfer of records will be 15 years after employees tenure.", 15, {None}),
    ("Transfer to the National Archives fifteen years after the end of tenure.", 15, {None}),
    ("Thirty (30) years after cutoff", 30, {CUTOFF}),
    ("25 years", 25, {None}),
    ("When 15 years of age", 15, {AGE}),
    ("Transfer when 15 years old.  Transfer for 010 will occur 15 years after cutoff.", 15, {AGE, CUTOFF}),
    (
        "Archived for 10 years, then held for another 15 years, a total of 25 years. At 25 years, they will be transferred.",
        25,
        {None},
    ),
    ("Transfer 15 years after cut off.  Delete all other versions.", 15, {CUTOFF}),
    ("Transfer when 15 years old  (If the agency is closed, all permanent email will be transferred before)", 15, {AGE}),
    (
        "Item 10 - Transfer in a 5 year block, 15 years after cutoff (members serve 5 year terms; a 15 year transfer).",
        15,
        {CUTOFF, None},
    ),
]


@pytest.mark.parametrize(("text", "years", "counted"), TRANSFERS)
def test_one_period_for_all_mail_is_read(text: str, years: int, counted: set[CountedFrom | None]) -> None:
    transfer = transfer_of(text, "", OFFERED)

    assert transfer.years == years
    assert {period.counted_from for period in transfer.periods} == counted
    assert {transfer.years_for(kind) for kind in Accounts} == {years}
    assert (transfer.place, transfer.text) == (Place.FIELD, text.strip())


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("Transfer to NARA 15-25 years after cutoff, or after declassification review, whichever is later.", set()),
        ("Transfer between 15 and 25 years after cutoff", set()),
        ("Item 10 - Transfer 10 years after cutoff  (5 year appointments; equaling 15 year transfer)", {10, 15}),
        ("Transfer when 12 years old", {12}),
        ("Transfer 15 years after cutoff (except for one account). Transfer that account 25 years after cutoff.", {15, 25}),
        ("Transfer when 15 years old unless agreed otherwise", {15}),
        ("Mail will not be transferred after 15 years", set()),
        ("Transfer when ready", set()),
        ("Classified accounts: transfer 25 years after cutoff", {25}),
        ("See attached", set()),
    ],
)
def test_a_range_an_exception_or_two_numbers_is_no_choice(text: str, named: set[int]) -> None:
    transfer = transfer_of(text, "", OFFERED)

    assert transfer.years is None
    assert {period.years for period in transfer.periods} == named
    assert transfer.text == text


@pytest.mark.parametrize(
    "text",
    [
        "Unclassified accounts: Transfer to NARA 15 years after cutoff.  Classified Accounts: Transfer 25 years after cut off",
        "For Classified accounts, transfer 25 years after cutoff.  For Unclassified accounts, transfer 15 years after cutoff.",
        " transfer when 15 years old.    Classified Account Transfer:  transfer when 25 years old.",
    ],
)
def test_classified_accounts_may_have_a_period_of_their_own(text: str) -> None:
    transfer = transfer_of(text, "", OFFERED)

    assert transfer.years is None
    assert (transfer.years_for(Accounts.UNCLASSIFIED), transfer.years_for(Accounts.CLASSIFIED)) == (15, 25)


def test_two_periods_for_no_kind_in_particular_leave_both_kinds_open() -> None:
    transfer = transfer_of("Transfer 15 years after cutoff. Transfer 25 years after cutoff.", "", OFFERED)

    assert {transfer.years_for(kind) for kind in Accounts} == {None}


@pytest.mark.parametrize(
    ("text", "block"),
    [
        ("Transfer 15 years after cutoff in 5 year blocks", 5), ("Transfer when 15 years old, in five-year blocks", 5),
        ("Transfer to NARA when 15 years old, in one-year blocks", 1), ("Transfer when 15 years old", None),
        ("Transfer in 5-year blocks or 10-year blocks when 15 years old", None),
    ],
)  # fmt: skip
def test_blocks(text: str, block: int | None) -> None:
    transfer = transfer_of(text, "", OFFERED)

    assert (transfer.block_years, transfer.years) == (block, 15)


@pytest.mark.parametrize(
    ("text", "waits"),
    [
        ("Transfer 15 years after cutoff or after declassification review (when applicable), whichever is later.", True),
        ("Transfer 15 years after cutoff or after declassifications, investigation, litigation review, whichever is later", True),
        ("Transfer 25 years after cutoff or after automatic declassification review", True),
        ("Transfer 15 years after cutoff or after review for declassification", True),
        ("Transfer 15 years after cutoff of classified email", False),
    ],
)
def test_declassification_review(text: str, waits: bool) -> None:
    assert transfer_of(text, "", OFFERED).after_declassification_review is waits


def test_transfer_is_read_from_the_comments_where_there_is_no_field() -> None:
    comments = "Three offices. Email is kept 7 years. Emails will be sent to NARA annually when 15 years old."

    transfer = transfer_of(None, comments, OFFERED)

    assert (transfer.years, transfer.place) == (15, Place.COMMENTS)
    assert transfer.text == "Emails will be sent to NARA annually when 15 years old."
    assert transfer_of(None, "Email is kept 7 years.", OFFERED).text == ""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("No legacy email exists for this agency, as print-and-file was enforced", (False, None, False)),
        ("None", (False, None, False)),
        ("Agency will be including legacy email dating back to approximately 2010.", (True, 2010, True)),
        ("Agency will be including legacy email, dating back to January 1, 2001.", (True, 2001, False)),
        ("Legacy mail dating back to the year 1998", (True, 1998, False)),
        ("Mail prior to 2007 is not suitable.", (None, None, False)),
        ("Dating back to 2010, and dating back to 2012 for others", (None, None, False)),
        ("However, mail dating back to 2017 will be included", (None, None, False)),
        ("", (None, None, False)),
        (None, (None, None, False)),
    ],
)
def test_legacy_mail(text: str | None, expected: tuple[bool | None, int | None, bool]) -> None:
    assert legacy_of(text) == LegacyScope((text or "").strip(), *expected)


_words = st.lists(
    st.sampled_from(
        ["Cutoff", "transfer", "Item 010", "item 11", "annual", "fiscal", "year", "tenure", "15", "25", "years", "after", "old",
         ".", "\r", "Non-Capstone:", "not", "classified", "block", "5-year", "(", ":", ";", "administration", "calendar"]
    ),
    max_size=25,
).map(" ".join)  # fmt: skip


@given(st.one_of(st.text(), _words))
def test_no_text_makes_reading_fail_and_the_text_is_kept(text: str) -> None:
    cutoff, transfer = cutoff_of(text, text, CALENDAR), transfer_of(text, text, OFFERED)

    assert transfer.years is None or str(transfer.years) in text or transfer.years in OFFERED
    if text.strip():
        assert cutoff.text == transfer.text == text.strip()


@pytest.mark.parametrize(
    "piece", ["the a-", "item 010 and ", "declassif", "and then ", " ", "\r", "cut off 15 years ", "(", "12,", "dating back to "]
)
def test_an_endless_text_is_kept_and_not_read(piece: str) -> None:
    text = f"x{piece * 1_000_000}x"

    cutoff, transfer, legacy = cutoff_of(text, "", CALENDAR), transfer_of(text, "", OFFERED), legacy_of(text)

    assert (cutoff.rule, transfer.years, legacy.exists, cutoff.text) == (None, None, None, text)
    assert (cutoff_of(None, text, CALENDAR).rule, transfer_of(None, text, OFFERED).years) == (None, None)
    assert [count_of(text), day_of(text), form_number_of(text), record_group_of(text)] == [None] * 4
    assert one_line(text).startswith("x")


@pytest.mark.parametrize(
    "piece", ["the a-", "item 010 and ", "declassif ", "and then ", " ", "\r", "cutoff 15 years ", "a's tenure ", "non-"]
)
def test_the_longest_text_that_is_read_takes_no_time(piece: str) -> None:
    text = (piece * LONGEST)[:LONGEST]
    begun = process_time()

    cutoff_of(text, text, CALENDAR), transfer_of(text, text, OFFERED), legacy_of(text)

    assert process_time() - begun < 5
