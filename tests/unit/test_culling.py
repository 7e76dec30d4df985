"""Rules that propose culling: what each needs to see, and the look-alikes that stay records."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from capstone.domain.culling import (
    SIGNS,
    AccountView,
    Candidate,
    Conversations,
    Proposal,
    Seen,
    Twin,
    account_view,
    kept_as,
    mark,
    proposals_for,
    see,
    unseen,
)
from capstone.domain.culling_policy import CullingPolicy, read_policy
from capstone.domain.errors import BadSettings
from capstone.domain.message import Occurrence
from capstone.domain.records import Classification, RecordClass
from capstone.domain.register_facts import AccountFact, AccountKind, AddressFact, RegisterState
from tests.builders import a_classification, a_designation, an_occurrence, at

FILE = Path(__file__).parents[2] / "config" / "culling.toml"
TEXT = FILE.read_text("utf-8")
POLICY = read_policy(TEXT.replace("addresses = []", 'addresses = ["Everybody@Agency.example"]'), "culling.toml")
VIEW = AccountView("director", frozenset({"director@agency.example"}), frozenset({"agency.example"}))
PERMANENT = a_classification(RecordClass.PERMANENT, item="010")


def mail(**fields: str) -> bytes:
    """A message from outside to the account; `fields` by name, "" leaves one out."""
    told = {
        "From": "Pat <pat@shop.example>",
        "To": "director@agency.example",
        "Subject": "Offer",
        "Message-ID": "<m1@shop.example>",
    }
    told |= {name.replace("_", "-"): value for name, value in fields.items()}
    return "\r\n".join([*(f"{name}: {value}" for name, value in told.items() if value), "", "Text.", ""]).encode()


def seen(**fields: str) -> Seen:
    return see(VIEW, POLICY, mail(**fields))


def proposed(
    raw: bytes,
    *folders: str | Occurrence,
    talks: Conversations | None = None,
    twin: Twin | None = None,
    own: Classification = PERMANENT,
    view: AccountView = VIEW,
    policy: CullingPolicy = POLICY,
) -> dict[str, tuple[str, ...]]:
    """Rule and signs of what is proposed about the message, found in these folders; without the code of its class."""
    places = tuple(one if isinstance(one, Occurrence) else an_occurrence(one) for one in folders or ("Inbox",))
    candidate = Candidate("director/aa", own, places, see(view, policy, raw), twin)
    found = proposals_for(candidate, view, talks or Conversations(), policy)
    return {one.rule: tuple(sign for sign in one.signs if sign != kept_as(own)) for one in found}


def talked(**sent: str) -> Conversations:
    """The account sent one message with these fields."""
    talks = Conversations()
    talks.take(seen(From="director@agency.example", To="x@else.example", **({"Message-ID": "<own@agency.example>"} | sent)))
    return talks


# --- spam ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("folder", ["Junk", "INBOX/Junk E-Mail", "SPAM", "Spam/2020"])
def test_spam_is_what_lies_in_a_junk_folder_and_a_filter_marked(folder: str) -> None:
    assert proposed(mail(X_Spam_Flag="YES"), folder) == {"spam": ("junk_folder", "from_outside", "spam_header")}


def test_spam_is_what_lies_in_a_junk_folder_and_nobody_answered_where_that_can_be_told() -> None:
    assert proposed(mail(), "Junk", talks=talked()) == {"spam": ("junk_folder", "from_outside", "thread_unanswered")}
    both = proposed(mail(X_Spam_Status="Yes, score=9"), "Junk", talks=talked())
    assert both["spam"] == ("junk_folder", "from_outside", "spam_header", "thread_unanswered")


def test_a_junk_folder_alone_is_a_label_and_not_enough() -> None:
    assert proposed(mail(), "Junk") == {}
    damaged = talked()
    damaged.take(unseen(b""))
    assert proposed(mail(), "Junk", talks=damaged) == {}
    assert proposed(mail(**{"Message-ID": ""}), "Junk", talks=talked()) == {}


@pytest.mark.parametrize(
    ("raw", "folders"),
    [
        (mail(X_Spam_Flag="YES"), ("Inbox",)),
        (mail(X_Spam_Flag="YES"), ("Junk", "Cases")),
        (mail(X_Spam_Flag="NO"), ("Junk",)),
        (mail(X_Spam_Flag="YES", From="lee@agency.example"), ("Junk",)),
        (mail(X_Spam_Flag="YES", From="lee@field.agency.example"), ("Junk",)),
        (mail(X_Spam_Flag="YES", Sender="lee@agency.example"), ("Junk",)),
        (mail(X_Spam_Flag="YES", From=""), ("Junk",)),
        (mail(X_Spam_Flag="YES"), ("Junk claims",)),
    ],
    ids=["not_in_junk", "elsewhere_too", "filter_says_no", "internal", "internal_below", "sent_for", "no_writer", "other_name"],
)
def test_what_only_looks_like_spam_stays_a_record(raw: bytes, folders: tuple[str, ...]) -> None:
    assert proposed(raw, *folders) == {}


# --- list mail -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fields",
    [{"List_Id": "Dev <dev.project.example>"}, {"Precedence": "List"}, {"Precedence": "bulk"}, {"X_Mailing_List": "anything"}],
)
def test_list_mail_is_what_a_list_sent_and_was_not_addressed_to_the_account(fields: dict[str, str]) -> None:
    assert proposed(mail(To="dev@project.example", **fields)) == {"list_mail": ("list_header", "not_addressed_to_account")}


@pytest.mark.parametrize(
    "fields",
    [
        {"To": "dev@project.example"},
        {"To": "dev@project.example, Director@Agency.example"},
        {"To": "dev@project.example", "Cc": "director@agency.example"},
        {"To": "dev@project.example", "Delivered_To": "director@agency.example"},
        {"To": "dev@project.example", "From": "lee@agency.example"},
        {"To": "team@agency.example", "List_Id": "<team.agency.example>"},
        {"To": "dev@project.example", "Precedence": "first-class", "List_Id": ""},
    ],
    ids=["no_list", "addressed", "copied", "delivered_to", "internal_writer", "own_list", "other_precedence"],
)
def test_what_only_looks_like_list_mail_stays_a_record(fields: dict[str, str]) -> None:
    told = fields if fields == {"To": "dev@project.example"} else {"List_Id": "<dev.project.example>", **fields}
    assert proposed(mail(**told)) == {}


def test_where_no_address_of_the_account_is_known_no_list_mail_is_proposed() -> None:
    nameless = AccountView("director", frozenset(), frozenset())
    assert proposed(mail(To="dev@project.example", List_Id="<dev.project.example>"), view=nameless) == {}


# --- agency-wide blasts ----------------------------------------------------------------------------


def many(number: int) -> str:
    return ", ".join(f"p{one}@agency.example" for one in range(number))


def test_a_blast_is_what_another_account_of_the_agency_sent_to_everybody() -> None:
    least = POLICY.least_recipients
    assert proposed(mail(From="hr@agency.example", To=many(least))) == {
        "agency_blast": ("many_recipients", "sent_by_another_account")
    }
    named = proposed(mail(From="hr@agency.example", To="everybody@agency.example"))
    assert named == {"agency_blast": ("all_hands_address", "sent_by_another_account")}


@pytest.mark.parametrize(
    "fields",
    [
        {"From": "hr@agency.example", "To": many(POLICY.least_recipients - 1)},
        {"From": "hr@agency.example", "To": ", ".join(["x@agency.example"] * POLICY.least_recipients)},
        {"From": "pat@shop.example", "To": many(POLICY.least_recipients)},
        {"From": "director@agency.example", "To": many(POLICY.least_recipients)},
    ],
    ids=["one_too_few", "one_address_often", "from_outside", "sent_by_the_account"],
)
def test_what_only_looks_like_a_blast_stays_a_record(fields: dict[str, str]) -> None:
    assert proposed(mail(**fields)) == {}


# --- out of office ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "sign"),
    [
        ({"In_Reply_To": "<q@agency.example>"}, "answers_a_message"),
        ({"Return_Path": "<>"}, "empty_return_path"),
        ({"Subject": "Automatic reply: Budget"}, "automatic_subject"),
    ],
)
@pytest.mark.parametrize(
    "head", [{"Auto_Submitted": "auto-replied (vacation)"}, {"X_Autoreply": "yes"}, {"Precedence": "auto_reply"}]
)
def test_out_of_office_is_what_a_program_answered(fields: dict[str, str], sign: str, head: dict[str, str]) -> None:
    assert proposed(mail(**head, **fields)) == {"out_of_office": ("automatic_answer", sign)}


@pytest.mark.parametrize(
    "fields",
    [
        {"Auto_Submitted": "auto-replied"},
        {"Auto_Submitted": "auto-generated", "Return_Path": "<>"},
        {"Subject": "Out of office: who decides for me", "In_Reply_To": "<q@agency.example>"},
        {"X_Auto_Response_Suppress": "All", "Return_Path": "<>"},
        {"Auto_Submitted": "no", "In_Reply_To": "<q@agency.example>"},
    ],
    ids=["one_sign", "a_notice", "a_person", "suppressed", "said_no"],
)
def test_what_only_looks_like_an_automatic_answer_stays_a_record(fields: dict[str, str]) -> None:
    assert proposed(mail(**fields)) == {}


# --- duplicates ------------------------------------------------------------------------------------


def test_a_convenience_duplicate_names_the_record_that_stays() -> None:
    twin = Twin("director/bb", PERMANENT)
    candidate = Candidate("director/aa", PERMANENT, (an_occurrence(),), seen(), twin)
    (one,) = proposals_for(candidate, VIEW, Conversations(), POLICY)
    assert (one.rule, one.keeps) == ("convenience_duplicate", "director/bb")
    assert one.signs == ("same_content_kept", "same_class", "permanent_010")
    assert (one.account, one.version, one.confidence) == ("director", POLICY.version, POLICY.confidence["convenience_duplicate"])


def test_the_earliest_copy_and_one_that_is_kept_otherwise_are_no_duplicates() -> None:
    assert proposed(mail(), twin=Twin("director/aa", PERMANENT)) == {}
    assert proposed(mail(), twin=Twin("director/bb", a_classification(RecordClass.TEMPORARY, item="011"))) == {}
    assert proposed(mail(), twin=Twin("director/bb", a_classification(RecordClass.PERMANENT, item="020"))) == {}


# --- never -----------------------------------------------------------------------------------------


LIST = {"To": "dev@project.example", "List_Id": "<dev.project.example>"}


@pytest.mark.parametrize(
    "place",
    [
        an_occurrence("Sent", is_sent=True),
        an_occurrence("Inbox", flags=("\\Seen", "\\Answered")),
        an_occurrence("Inbox", flags=("$Forwarded",)),
    ],
)
def test_mail_that_the_account_sent_answered_or_forwarded_is_never_proposed(place: Occurrence) -> None:
    assert proposed(mail(**LIST), "Inbox", place, twin=Twin("director/bb", PERMANENT)) == {}


@pytest.mark.parametrize("field", ["From", "Sender", "Resent_From"])
def test_mail_that_names_the_account_as_its_writer_is_never_proposed(field: str) -> None:
    assert proposed(mail(**{**LIST, field: "DIRECTOR@agency.example"})) == {}


def test_mail_that_the_account_answered_by_its_identifiers_is_never_proposed() -> None:
    assert "list_mail" in proposed(mail(**LIST), talks=talked())
    assert proposed(mail(**LIST), talks=talked(In_Reply_To="<m1@shop.example>")) == {}
    assert proposed(mail(**LIST), talks=talked(References="<m0@shop.example> <m1@shop.example>")) == {}
    assert proposed(mail(References="<m0@shop.example>", **LIST), talks=talked(References="<m0@shop.example>")) == {}
    later = mail(References="<own@agency.example>", **LIST)
    assert proposed(later, talks=talked()) == {}


@pytest.mark.parametrize("fields", [{"Sensitivity": "Personal"}, {"Subject": "personal: birthday"}])
def test_a_label_personal_is_nothing(fields: dict[str, str]) -> None:
    assert proposed(mail(**fields), "Personal/Private", talks=talked()) == {}


def test_a_message_whose_header_cannot_be_read_is_never_proposed() -> None:
    twin = Twin("director/bb", PERMANENT)
    assert proposed(b"\x00\xff no header at all", "Junk", talks=talked(), twin=twin) == {}
    candidate = Candidate("director/aa", PERMANENT, (), unseen(b""), twin)
    assert proposals_for(candidate, VIEW, Conversations(), POLICY) == []
    nowhere = Candidate("director/aa", PERMANENT, (), seen(X_Spam_Flag="YES"))
    assert proposals_for(nowhere, VIEW, talked(), POLICY) == []


@pytest.mark.parametrize(
    "own",
    [
        a_classification(),
        a_classification(RecordClass.UNSCHEDULED, item="010"),
        a_classification(RecordClass.TEMPORARY, item="012"),
        a_classification(RecordClass.TEMPORARY, item="010"),
        a_classification(RecordClass.PERMANENT, item="011"),
        a_classification(RecordClass.PERMANENT, item="death-reviews", reason="longer_series"),
        a_classification(RecordClass.PERMANENT),
        a_classification(RecordClass.TEMPORARY, item="011", flags=("never_destroyed",)),
        a_classification(RecordClass.PERMANENT, item="010", flags=("dates_disagree", "never_destroyed")),
    ],
)
def test_a_record_that_is_kept_as_anything_but_010_or_011_is_never_proposed(own: Classification) -> None:
    assert proposed(mail(**LIST), "Junk", own=own, talks=talked(), twin=Twin("director/bb", own)) == {}


def test_what_is_proposed_of_a_temporary_record_is_another_proposal_than_of_the_same_one_as_permanent() -> None:
    temporary = a_classification(RecordClass.TEMPORARY, item="011")
    both = [Candidate("director/aa", own, (an_occurrence(),), seen(**LIST)) for own in (PERMANENT, temporary)]
    (one,), (other,) = (proposals_for(candidate, VIEW, Conversations(), POLICY) for candidate in both)
    assert (one.signs[-1], other.signs[-1]) == ("permanent_010", "temporary_011")
    assert one.proposal_id != other.proposal_id


def test_no_proposal_stands_on_one_sign_and_a_class_is_none() -> None:
    for signs in (("junk_folder", "junk_folder"), ("junk_folder", "permanent_010")):
        with pytest.raises(ValueError, match="two signs"):
            Proposal("director/aa", "spam", "v", 50, signs)


def test_a_proposal_holds_codes_only_and_has_the_same_id_whatever_the_version() -> None:
    one = Proposal("director/aa", "spam", "1", 50, ("junk_folder", "spam_header"))
    other = Proposal("director/aa", "spam", "2", 90, ("spam_header", "junk_folder"))
    assert one.proposal_id == other.proposal_id != Proposal("director/ab", "spam", "1", 50, one.signs).proposal_id
    assert set(one.signs) <= set(SIGNS)


def test_identifiers_of_any_kind_have_a_mark_of_eight_bytes() -> None:
    assert mark("a") == mark("a") != mark("\udcff") < 1 << 64


# --- the account -----------------------------------------------------------------------------------


def test_every_address_that_the_account_ever_had_is_its_own() -> None:
    rows = (a_designation(), a_designation(account="chief", addresses=("Chief@field.example",)))
    starts = at("2001-01-01").date()
    facts = (
        AddressFact("old@agency.example", "director", starts, starts),
        AddressFact("chief2@field.example", "chief", starts),
        AccountFact("director", AccountKind.PRIMARY),
    )
    view = account_view("director", RegisterState(rows, facts), ["Local"])
    assert view.own == {"director@agency.example", "old@agency.example"}
    assert view.domains == {"agency.example", "field.example", "local"}
    assert view.is_internal("x@host.local")
    assert not view.is_internal("x@notlocal")


# --- the policy ------------------------------------------------------------------------------------


def test_a_rule_that_the_file_gives_no_confidence_is_not_applied() -> None:
    policy = read_policy(TEXT.replace("list_mail = 80\n", ""), "culling.toml")
    assert proposed(mail(**LIST), policy=policy) == {}
    assert policy.version == "culling 1, culling.toml 1"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("version =", "version", "culling.toml"),
        ('version = "1"', "version = 1", "version is missing"),
        ("[list_mail]", "[mail_list]", "must have the tables"),
        ("[spam]\n", "[spam]\nmore = 1\n", r"\[spam\] must have headers, junk_folders"),
        ("spam = 75", "scam = 75", "no rule 'scam'"),
        ("spam = 75", "spam = 101", "per cent"),
        ("spam = 75", "spam = 0.75", "per cent"),
        ("addresses = []", 'addresses = ""', "list of texts"),
        ("addresses = []", 'addresses = [" "]', "list of texts"),
        ('"X-Mailing-List:"', '"X-Mailing-List"', "Name: value"),
        ('"X-Mailing-List:"', '": x"', "Name: value"),
        ("least_recipients = 200", "least_recipients = 0", "whole number"),
        ("least_recipients = 200", "least_recipients = true", "whole number"),
    ],
)
def test_a_policy_that_cannot_be_used_says_what_is_wrong(old: str, new: str, said: str) -> None:
    assert old in TEXT
    with pytest.raises(BadSettings, match=said):
        read_policy(TEXT.replace(old, new, 1), "culling.toml")


def test_nothing_depends_on_anything_but_what_is_given() -> None:
    made: list[Any] = [proposals_for(Candidate("director/aa", PERMANENT, (an_occurrence("Junk"),), seen(X_Spam_Flag="YES")),
                       VIEW, Conversations(), POLICY) for _ in range(2)]  # fmt: skip
    assert made[0] == made[1] != []
