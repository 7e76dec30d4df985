"""Forty-two documents of an invented agency, from which the contract of the search index asks its questions.

A document is called by its number; numbers rise with the date, so the newest has the highest. 40 to 42 are undated.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from capstone.domain.query import IndexDocument
from capstone.domain.tokens import folded

PEOPLE = {
    "chen": ("Dr. María Chen", "maria.chen@agency.example"),
    "ito": ("伊藤 さくら", "sakura.ito@agency.example"),
    "okafor": ("Chidi Okafor", "chidi.okafor@agency.example"),
    "smith": ("Jane Smith", "Jane.Smith@Agency.example"),
    "smythe": ("J. Smythe", "jane.smith@agency.example.net"),
    "list": ("All Staff", "all-staff@lists.agency.example"),
    "lukasz": ("Łukasz Żółć", "l.zolc@partner.example"),
}
UNSEARCHABLE = {8: ("encrypted",), 14: ("attachment_text",), 21: ("cut_off", "attachment_text"), 33: ("headers_only",)}
ATTACHED = {14: "Budget-2019 (final).xlsx", 21: "scan_0001.pdf", 27: "Réponse.docx", 36: "minutes.txt"}


@dataclass(frozen=True, slots=True)
class Row:
    number: int
    account: str
    day: str
    people: str
    """from > to / cc / bcc"""
    subject: str
    body: str
    kind: str = "permanent 010"


_TEMPORARY, _UNSCHEDULED = "temporary 011", "unscheduled"
ROWS = (
    Row(1, "director", "2017-01-02", "chen>smith", "Welcome", "Welcome to the agency. The annual budget is due in March."),
    Row(2, "director", "2017-01-20", "smith>chen", "Re: Welcome", "Thank you. I will read the annual budget, and the plan."),
    Row(3, "director", "2017-06-30", "chen>okafor/smith", "Budget plan", "The budget plan for the year is attached elsewhere."),
    Row(4, "director", "2017-12-31", "okafor>chen", "Year's end", "Last day of the year; don't forget the e-mail policy."),
    Row(5, "director", "2018-01-01", "list>chen", "New year", "First day of the year. Email policy: email is a record."),
    Row(6, "director", "2018-02-14", "ito>chen", "東京出張", "東京タワーの予算について。ガイドを見る。"),
    Row(7, "director", "2018-02-15", "chen>ito", "Re: 東京出張", "京都 and 東京 in one trip. See the ｶﾞｲﾄﾞ."),
    Row(8, "director", "2018-05-05", "smith>chen", "Sealed", ""),
    Row(9, "director", "2018-07-01", "lukasz>chen", "Straße nach Łódź", "Die Straße führt nach Łódź. Naïve café, résumé."),
    Row(10, "director", "2018-07-02", "chen>lukasz", "Re: Strasse", "The strasse to Lodz. Naive cafe, resume."),
    Row(11, "deputy", "2018-08-01", "okafor>smith//chen", "Quiet copy", "A blind copy to the director."),
    Row(12, "deputy", "2018-08-02", "smith>okafor/chen", "Open copy", "A carbon copy to the director."),
    Row(13, "deputy", "2018-09-10", "smythe>okafor", "From outside", "Not the Jane Smith of the agency."),
    Row(14, "deputy", "2019-01-15", "okafor>smith", "Budget 2019", "The workbook is attached."),
    Row(15, "deputy", "2019-01-16", "smith>okafor", "Re: Budget 2019", "Budget, budgets, budgetary and budgie."),
    Row(16, "deputy", "2019-02-01", "okafor>smith", "Plan", "Plan the budget before the plan budgets you."),
    Row(17, "deputy", "2019-02-28", "okafor>smith", "Contract 42-B/7", "Contract no. 42-B/7, clause 3.1, costs $1,000.50."),
    Row(18, "deputy", "2019-03-01", "okafor>smith", "Phone", "Call 202-555-0100 or jane.smith@agency.example."),
    Row(19, "deputy", "2019-03-02", "okafor>list", "FW: AND OR NOT", "Use AND, OR and NOT in upper case to search."),
    Row(
        20,
        "deputy",
        "2019-03-03",
        "okafor>smith",
        "Long words",
        "x" * 119 + "yz " + "counterrevolutionary antidisestablishmentarianism",
    ),
    Row(21, "counsel", "2019-04-01", "chen>okafor", "Scanned order", "See the scan of the order.", _TEMPORARY),
    Row(22, "counsel", "2019-04-02", "chen>okafor", "Legal hold", "Hold all records about Project Bluebird.", _TEMPORARY),
    Row(23, "counsel", "2019-04-03", "okafor>chen", "Re: Legal hold", "Project Bluebird is held. Bluebird!", _TEMPORARY),
    Row(24, "counsel", "2019-04-04", "smith>okafor", "Project Blue", "Blue bird and project are apart here.", _TEMPORARY),
    Row(25, "counsel", "2019-05-01", "smith>okafor", "Статья", "Ёлка и ель: ещё раз статья.", _TEMPORARY),
    Row(26, "counsel", "2019-05-02", "okafor>smith", "Ελληνικά", "ΣΊΣΥΦΟΣ και Σίσυφος.", _TEMPORARY),
    Row(27, "counsel", "2019-05-03", "okafor>smith", "Réponse", "La réponse est jointe : déjà vu, cœur, ﬁn.", _TEMPORARY),
    Row(28, "counsel", "2019-05-04", "okafor>smith", "Numbers", "H₂O, 10², ½, № 5, Ⅳ and ٣٤.", _TEMPORARY),
    Row(29, "counsel", "2019-05-05", "okafor>smith", "हिन्दी", "हिन्दी में लिखा गया बजट", _TEMPORARY),
    Row(30, "counsel", "2019-05-06", "okafor>smith", "서울", "서울 예산 회의", _TEMPORARY),
    Row(31, "field-office", "2020-02-28", "chen>list", "Leap", "The day before the leap day.", _UNSCHEDULED),
    Row(32, "field-office", "2020-02-29", "chen>list", "Leap day", "The leap day itself.", _UNSCHEDULED),
    Row(33, "field-office", "2020-03-01", "chen>list", "After leap", "The day after the leap day.", _UNSCHEDULED),
    Row(34, "field-office", "2020-03-01", "chen>list", "Same instant", "Sent in the same instant as another.", _UNSCHEDULED),
    Row(35, "field-office", "2020-04-01", "chen>okafor", "", "No subject here, nothing more.", _UNSCHEDULED),
    Row(36, "field-office", "2020-05-01", "chen>okafor", "Minutes", "Minutes of the meeting are attached.", _UNSCHEDULED),
    Row(
        37,
        "field-office",
        "2020-06-01",
        "chen>okafor",
        "\x1b[31mRed\x07 \u202ealert",
        "Line one\x1b[2J\r\nline two.",
        _UNSCHEDULED,
    ),
    Row(38, "director", "2021-01-01", "chen>smith", "Holiday", "Office closed. No budget today."),
    Row(39, "director", "2021-06-30", "chen>smith", "Handover", "Handover of all plans and of the annual report."),
    Row(40, "director", "", "chen>smith", "No date", "An undated note on the budget.", _UNSCHEDULED),
    Row(41, "deputy", "", "okafor>chen", "No date either", "Another undated note.", _UNSCHEDULED),
    Row(42, "counsel", "", "smith>chen", "Bad date", "A third undated note about Bluebird.", _UNSCHEDULED),
)


def agency_documents() -> list[IndexDocument]:
    """All of them, by number."""
    return [document_of_row(row) for row in ROWS]


def record_id_of(number: int) -> str:
    """The record id of a document."""
    return document_of_row(ROWS[number - 1]).record_id


def document_of_row(row: Row) -> IndexDocument:
    from_, _, others = row.people.partition(">")
    to, cc, bcc = (*others.split("/"), "", "")[:3]
    record_class, _, item = row.kind.partition(" ")
    # 33 and 34 share one instant; the others of one day do not exist.
    at = datetime.fromisoformat(row.day).replace(tzinfo=UTC) + timedelta(hours=12) if row.day else None
    return IndexDocument(
        record_id=f"{row.account}/{row.number:064d}",
        account=row.account,
        digest=f"{row.number:064d}",
        message_date=at,
        day=at.date() if at else None,
        record_class=record_class,
        schedule_item=item or None,
        subject=folded(row.subject),
        body=folded(row.body),
        from_=_words(from_),
        to=_words(to),
        cc=_words(cc),
        bcc=_words(bcc),
        attachment=folded(ATTACHED.get(row.number, "")),
        addresses=tuple(
            (field, PEOPLE[name][1].lower()) for field, name in (("from", from_), ("to", to), ("cc", cc), ("bcc", bcc)) if name
        ),
        has_attachment=row.number in ATTACHED,
        shown_from=PEOPLE[from_][0],
        shown_to=PEOPLE[to][0],
        shown_subject=row.subject,
        shown_text=row.body,
        unsearchable=UNSEARCHABLE.get(row.number, ()),
    )


def _words(name: str) -> str:
    return folded(" ".join(PEOPLE[name])) if name else ""
