"""Rules that propose a record as non-record or personal mail. They only ever propose: two people decide, nothing is destroyed.

Source: 36 CFR 1222.16(b), 1222.20(b); culling of Capstone accounts is expected (domain.md 1.2). A label alone is nothing
(REG-26), so every proposal stands on two signs at least, and no rule goes by a folder or a mark named "personal". In doubt it is
a record.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from capstone.domain.addresses import normal_form
from capstone.domain.culling_policy import CullingPolicy, HeaderSign
from capstone.domain.facts.address_lists import normal_addresses, read_addresses
from capstone.domain.facts.headers import Headers, read_headers
from capstone.domain.facts.identifiers import read_message_id, read_references, thread_key
from capstone.domain.facts.labels import list_id_of
from capstone.domain.facts.words import unwrapped
from capstone.domain.message import Occurrence
from capstone.domain.outcomes import CAPSTONE_ITEM, OTHERS_ITEM
from capstone.domain.records import Classification, RecordClass
from capstone.domain.register_facts import AddressFact, RegisterState
from capstone.domain.retention import NEVER_DESTROYED

SIGNS: dict[str, str] = {
    "junk_folder": "it lies in a junk folder and nowhere else",
    "from_outside": "nobody of the agency wrote it",
    "spam_header": "a filter marked it as spam",
    "thread_unanswered": "the account sent mail, and none of it in this thread",
    "list_header": "a mailing list sent it",
    "not_addressed_to_account": "none of the account's addresses is a recipient",
    "many_recipients": "it names more recipients than a working group has",
    "all_hands_address": "it went to an address of everybody",
    "sent_by_another_account": "another account of the agency sent it, and holds what it sent",
    "automatic_answer": "its header says that a program answered",
    "answers_a_message": "it answers a message",
    "empty_return_path": "nobody can answer it",
    "automatic_subject": "its subject begins as automatic answers do",
    "same_content_kept": "another record of the account has the same content and stays",
    "same_class": "that record is kept under the same schedule item",
    "permanent_010": "it is permanent under item 010",
    "temporary_011": "it is temporary under item 011",
}
"""Codes of what a rule saw and what they mean. Codes only: no content of a message stands in a proposal."""

_KEPT_AS = {(RecordClass.PERMANENT, CAPSTONE_ITEM): "permanent_010", (RecordClass.TEMPORARY, OTHERS_ITEM): "temporary_011"}
"""Rule 9 of domain.md 6.1 names these two. Each is a code of its own, so that what was said of one is not said of the other."""

_ID_LENGTH = 16
_FEWEST_SIGNS = 2
_WRITERS = ("from", "sender", "resent-from", "resent-sender")
_RECIPIENTS = ("to", "cc", "bcc", "resent-to", "resent-cc", "resent-bcc", "delivered-to", "x-original-to", "envelope-to")
_ANSWERED = frozenset({"\\answered", "answered", "$forwarded", "forwarded"})


@dataclass(frozen=True, slots=True)
class Proposal:
    """One rule's proposal about one record, with the signs it saw and the code of its class (both of SIGNS), and the version
    that saw them. The class is no sign to stand on."""

    record_id: str
    rule: str
    version: str
    confidence: int
    """In per cent."""
    signs: tuple[str, ...]
    keeps: str | None = None
    """Record id of the one that stays in place of a duplicate."""

    def __post_init__(self) -> None:
        """Raises ValueError where it would stand on one sign alone."""
        if len(set(self.signs).difference(_KEPT_AS.values())) < _FEWEST_SIGNS:
            raise ValueError("a proposal stands on two signs at least")

    @property
    def proposal_id(self) -> str:
        """Sixteen hex digits that follow from record, rule, signs (class and item too) and what is kept: seen again the same."""
        told = json.dumps([self.record_id, self.rule, sorted(self.signs), self.keeps])
        return hashlib.sha256(told.encode()).hexdigest()[:_ID_LENGTH]

    @property
    def account(self) -> str:
        """The account of the record."""
        return self.record_id.partition("/")[0]


@dataclass(frozen=True, slots=True)
class AccountView:
    """Who the account is: addresses it ever had (normal forms), and the domains in which the agency writes."""

    account: str
    own: frozenset[str]
    domains: frozenset[str]

    def is_internal(self, address: str) -> bool:
        """Whether the address lies in or below a domain of the agency."""
        return self.is_internal_name(address.rpartition("@")[2])

    def is_internal_name(self, name: str) -> bool:
        """Whether the name is or ends in a domain of the agency."""
        return any(name == domain or name.endswith("." + domain) for domain in self.domains)


def account_view(account: str, state: RegisterState, domains: Iterable[str] = ()) -> AccountView:
    """The account as the register has it. Whatever address it ever had is its own: so less is proposed."""
    held = [(row.account, address) for row in state.designations for address in row.addresses]
    held += [(fact.account, fact.address) for fact in state.facts if isinstance(fact, AddressFact)]
    own = frozenset(normal_form(address) for owner, address in held if owner == account)
    named = {normal_form(address).rpartition("@")[2] for _, address in held} | {normal_form(one) for one in domains}
    return AccountView(account, own, frozenset(named - {""}))


@dataclass(frozen=True, slots=True)
class Seen:
    """What the header of one message says that a rule goes by: marks and answers, no content."""

    is_read: bool = False
    message: int | None = None
    """`mark` of its Message-ID; the next are those of its thread and of all that it answers or refers to."""
    thread: int | None = None
    answers: tuple[int, ...] = ()
    has_writer: bool = False
    is_own: bool = False
    is_internal: bool = False
    """Whether any of its writers is of the agency."""
    is_addressed: bool = False
    """Whether an address of the account is a recipient."""
    is_internal_list: bool = False
    recipients: int = 0
    signs: frozenset[str] = frozenset()
    """The codes that follow from the header alone."""


@dataclass(slots=True)
class Conversations:
    """What the account's own mail answers, as marks of identifiers: eight bytes each, whatever stands in them."""

    answered: set[int] = field(default_factory=set)
    threads: set[int] = field(default_factory=set)
    sent: int = 0
    is_whole: bool = True
    """False where some of the sent mail could not be read: that a thread is unanswered is then no sign."""

    def take(self, sent: Seen) -> None:
        """Take in one message that the account sent."""
        self.is_whole = self.is_whole and sent.is_read
        self.sent += 1
        self.answered.update(sent.answers)
        self.threads.update(one for one in (sent.thread,) if one is not None)

    def has(self, seen: Seen) -> bool:
        """Whether the account answered the message or wrote in its thread."""
        return seen.message in self.answered or seen.thread in self.answered or seen.thread in self.threads


@dataclass(frozen=True, slots=True)
class Twin:
    """The earliest record of the account that has the same content."""

    record_id: str
    classification: Classification


@dataclass(frozen=True, slots=True)
class Candidate:
    """All that the rules know of a record."""

    record_id: str
    classification: Classification
    occurrences: tuple[Occurrence, ...]
    seen: Seen
    twin: Twin | None = None


def mark(text: str) -> int:
    """A number that stands for an identifier."""
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")


def see(view: AccountView, policy: CullingPolicy, raw: bytes) -> Seen:
    """What the header says. Never raises for what the bytes hold."""
    headers = read_headers(raw)
    writers = _addresses(headers, _WRITERS)
    recipients = _addresses(headers, _RECIPIENTS)
    message_id = read_message_id(headers.first("message-id") or "")[0]
    references = read_references(" ".join(headers.all("references")))
    in_reply_to = read_references(" ".join(headers.all("in-reply-to")))
    subject = unwrapped(headers.first("subject") or "", _ignored)
    list_id = list_id_of(headers) or ""
    return Seen(
        is_read=True,
        message=None if message_id is None else mark(message_id),
        thread=mark(thread_key(references, in_reply_to, message_id, subject))
        if message_id or references or in_reply_to
        else None,
        answers=tuple(sorted({mark(one) for one in (*references, *in_reply_to)})),
        has_writer=bool(writers),
        is_own=not view.own.isdisjoint(writers),
        is_internal=any(map(view.is_internal, writers)),
        is_addressed=not view.own.isdisjoint(recipients),
        is_internal_list=view.is_internal_name(list_id),
        recipients=len(recipients),
        signs=frozenset(_header_signs(policy, headers, recipients, bool(list_id), bool(in_reply_to), subject)),
    )


def unseen(_: bytes) -> Seen:
    """What is known of a message that ended its reader: nothing, so that nothing is proposed."""
    return Seen()


def is_sent_by_account(occurrences: Iterable[Occurrence]) -> bool:
    """Whether the account itself sent the record, by where it was found."""
    return any(one.is_sent for one in occurrences)


def kept_as(classification: Classification) -> str | None:
    """The code of a class whose records may be culled; None for every other: unscheduled, another item or series, a floor."""
    if NEVER_DESTROYED in classification.flags or classification.item is None:
        return None
    return _KEPT_AS.get((classification.record_class, classification.item))


def proposals_for(candidate: Candidate, view: AccountView, talks: Conversations, policy: CullingPolicy) -> list[Proposal]:
    """What the rules propose about the record; mostly nothing.

    Never about mail that the account itself sent, answered, forwarded, or in whose thread it wrote, nor where nobody is named as
    the writer, nor about a record that is kept as anything but 010 or 011 (`kept_as`).
    """
    seen, kept = candidate.seen, kept_as(candidate.classification)
    if kept is None or not seen.has_writer or seen.is_own or is_sent_by_account(candidate.occurrences):
        return []
    if talks.has(seen) or any(flag.casefold() in _ANSWERED for one in candidate.occurrences for flag in one.flags):
        return []
    found = {
        "spam": _spam(candidate, talks, policy),
        "list_mail": _list_mail(seen, view),
        "agency_blast": _agency_blast(seen),
        "out_of_office": _out_of_office(seen),
        "convenience_duplicate": _duplicate(candidate),
    }
    return [
        Proposal(
            candidate.record_id, rule, policy.version, policy.confidence[rule], (*signs, kept),
            candidate.twin.record_id if candidate.twin and rule == "convenience_duplicate" else None,
        )
        for rule, signs in found.items()
        if signs and rule in policy.confidence
    ]  # fmt: skip


def _spam(candidate: Candidate, talks: Conversations, policy: CullingPolicy) -> tuple[str, ...]:
    """A junk folder is a label: a filter's header, or a thread known to be unanswered, must say the same."""
    seen = candidate.seen
    if seen.is_internal or not _is_all_junk(candidate.occurrences, policy.junk_folders):
        return ()
    more = [sign for sign in ("spam_header",) if sign in seen.signs]
    if talks.sent and talks.is_whole and seen.thread is not None:
        more.append("thread_unanswered")
    return ("junk_folder", "from_outside", *more) if more else ()


def _is_all_junk(occurrences: Sequence[Occurrence], junk: frozenset[str]) -> bool:
    """Whether every place is a junk folder: what was moved out of one, or lies elsewhere too, was found to be of use."""
    return bool(occurrences) and all(
        any(name.strip().casefold() in junk for name in one.place.folder.split("/")) for one in occurrences
    )


def _list_mail(seen: Seen, view: AccountView) -> tuple[str, ...]:
    """A list outside the agency. Where no address of the account is known, nobody can say that it was not addressed."""
    if "list_header" not in seen.signs or seen.is_addressed or not view.own or seen.is_internal or seen.is_internal_list:
        return ()
    return ("list_header", "not_addressed_to_account")


def _agency_blast(seen: Seen) -> tuple[str, ...]:
    """Mail to everybody from within the agency: the sender's account holds the record of it."""
    sizes = sorted(seen.signs & {"many_recipients", "all_hands_address"})
    return (*sizes, "sent_by_another_account") if sizes and seen.is_internal else ()


def _out_of_office(seen: Seen) -> tuple[str, ...]:
    """An answer of a program to a message. A notice that a program sent of its own accord may well be a record."""
    beside = sorted(seen.signs & {"answers_a_message", "empty_return_path", "automatic_subject"})
    return ("automatic_answer", *beside) if beside and "automatic_answer" in seen.signs else ()


def _duplicate(candidate: Candidate) -> tuple[str, ...]:
    """Another copy of what stays. One that is kept longer, or differently, is no mere convenience."""
    twin, own = candidate.twin, candidate.classification
    if twin is None or twin.record_id == candidate.record_id:
        return ()
    other = twin.classification
    return ("same_content_kept", "same_class") if (own.record_class, own.item) == (other.record_class, other.item) else ()


def _header_signs(
    policy: CullingPolicy, headers: Headers, recipients: Sequence[str], has_list_id: bool, is_answer: bool, subject: str
) -> Iterator[str]:
    signs: Mapping[str, bool] = {
        "spam_header": _has(headers, policy.spam_headers),
        "list_header": has_list_id or _has(headers, policy.list_headers),
        "many_recipients": len(recipients) >= policy.least_recipients,
        "all_hands_address": not policy.all_hands.isdisjoint(recipients),
        "automatic_answer": _has(headers, policy.auto_headers),
        "answers_a_message": is_answer,
        "empty_return_path": headers.first("return-path") == "<>",
        "automatic_subject": subject.strip().casefold().startswith(policy.auto_subjects),
    }
    return (sign for sign, is_there in signs.items() if is_there)


def _has(headers: Headers, signs: Iterable[HeaderSign]) -> bool:
    return any(value.casefold().startswith(sign.begins) for sign in signs for value in headers.all(sign.name))


def _addresses(headers: Headers, names: Iterable[str]) -> tuple[str, ...]:
    found = [address for name in names for address in read_addresses(headers.all(name), _ignored)]
    return normal_addresses(found)


def _ignored(_: str) -> None:
    """Broken words are noted at capture."""
