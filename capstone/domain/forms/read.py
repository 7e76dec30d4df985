"""A form file read into a `Form`: which field of the printed form stands where, and nothing that the form does not say."""

from __future__ import annotations

import re
from collections.abc import Iterator

from capstone.domain.errors import BadForm
from capstone.domain.forms.cells import box_of, count_of, day_of, form_number_of, one_line, record_group_of
from capstone.domain.forms.cutoff import cutoff_of, is_bare_annual
from capstone.domain.forms.findings import finding, says_no_position, sum_findings, table_findings
from capstone.domain.forms.legacy import legacy_of
from capstone.domain.forms.rules import FormRules
from capstone.domain.forms.transfer import transfer_of
from capstone.domain.forms.tree import FormFile, Node
from capstone.domain.forms.values import Approval, Category, Cutoff, Finding, Form, LegacyScope, Place, Position, Scope, Transfer

CATEGORY_NUMBERS = tuple(str(number) for number in range(1, 11))

_ITEM_BOXES = {"010": "CheckBox4", "011": "CheckBox5", "012": "CheckBox6"}
_REVISION = re.compile(r"NA\s*Form\s*1005\s*\(\s*([0-9]{2}-[0-9]{2})\s*\)", re.IGNORECASE)
_TITLE, _COUNT = "TextField11", "NumericField2"


def read_form(file: FormFile, rules: FormRules) -> Form:
    """Read a form. Raises BadForm where the answers are not those of an NA-1005; whatever else is odd becomes a finding."""
    answers = file.answers
    tables = {number: answers.find(f"Cat{number}") for number in CATEGORY_NUMBERS}
    if answers.find("Table1", "TextField1") is None or not any(tables.values()):
        raise BadForm("The file holds a form, but not an NA-1005: its fields are others.")
    categories = tuple(_category(number, table) for number, table in tables.items() if table is not None)
    head = _Head(answers, _revision(file.template))
    if not (head.number_text or head.agency or any(category.positions for category in categories)):
        raise BadForm("The form is blank: nobody has filled it in, or the end of the file with the answers is missing.")
    comments = answers.value("AdditionalScope", "TextField7") or ""
    cutoff = cutoff_of(answers.value("CutoffInstructions", "Cutoff"), comments, rules.annual)
    transfer = transfer_of(answers.value("CutoffInstructions", "Transfer"), comments, rules.transfer_years)
    legacy = legacy_of(answers.value("LegacyScope", "TextField8"))
    findings = [
        *head.findings(rules),
        *_instruction_findings(cutoff, transfer, legacy, rules),
        *(finding("category_missing", f"category {number}") for number, table in tables.items() if table is None),
        *(one for category in categories for one in table_findings(category)),
        *sum_findings(categories, head.total, head.total_text),
        *_decision_findings(head),
    ]
    return head.form(categories, (cutoff, transfer, legacy), comments.strip(), tuple(findings), file.digest)


class _Head:
    """Everything but the tables and the instructions, read once."""

    def __init__(self, answers: Node, revision: str | None) -> None:
        self.revision = revision
        self.number_text = one_line(answers.value("Table1", "TextField1"))
        self.number = form_number_of(self.number_text)
        self.received_text = one_line(answers.value("Table1", "DateField4"))
        self.total_text = one_line(answers.value("Table1", "NumericField1"))
        self.total = count_of(self.total_text)
        self.agency = one_line(answers.value("Table2", "TextField4"))
        self.record_group_text = one_line(answers.value("Table2", "TextField5"))
        self.record_group = record_group_of(self.record_group_text)
        self.supersedes = _yes_or_no(answers, "CheckBox1", "CheckBox2")
        self.previous_text = one_line(answers.value("TextField6"))
        self.items = _items(answers)
        self.is_agency_wide = _yes_or_no(answers, "CheckBox7", "CheckBox8")
        # The form's two boxes stand in the order NO, YES: CheckBox9 is the YES.
        self.classified = _yes_or_no(answers, "CheckBox9", "CheckBox10")
        self.agency_approvals = _agency_approvals(answers)
        self.decision = _decision(answers)
        self.denial_reason = (answers.value("Table8", "TextField20") or "").strip()

    def form(
        self,
        categories: tuple[Category, ...],
        instructions: tuple[Cutoff, Transfer, LegacyScope],
        comments: str,
        findings: tuple[Finding, ...],
        digest: str,
    ) -> Form:
        """The form, with what was read elsewhere."""
        cutoff, transfer, legacy = instructions
        return Form(
            number=self.number,
            number_text=self.number_text,
            revision=self.revision,
            agency=self.agency,
            record_group=self.record_group,
            received=day_of(self.received_text),
            received_text=self.received_text,
            total_accounts=self.total,
            supersedes=self.supersedes,
            previous_number=form_number_of(self.previous_text) if self.supersedes else None,
            previous_text=self.previous_text,
            items=self.items,
            scope=None if self.is_agency_wide is None else Scope.AGENCY_WIDE if self.is_agency_wide else Scope.COMPONENT,
            scope_comments=comments,
            cutoff=cutoff,
            transfer=transfer,
            legacy=legacy,
            has_classified_accounts=self.classified,
            categories=categories,
            agency_approvals=self.agency_approvals,
            decision=self.decision,
            denial_reason=self.denial_reason,
            findings=findings,
            digest=digest,
        )

    def findings(self, rules: FormRules) -> Iterator[Finding]:
        """What is odd about these fields."""
        if self.number is None:
            code = "number_malformed" if self.number_text else "number_missing"
            yield finding(code, "number", stated=self.number_text or None)
        if self.revision not in rules.revisions:
            yield finding("revision_unknown", "form", stated=self.revision)
        elif self.revision != rules.revisions[-1]:
            yield finding("revision_older", "form", stated=self.revision)
        if self.record_group is None:
            yield finding("record_group_missing", "record group", stated=self.record_group_text or None)
        elif self.number and self.record_group not in self.number.split("-"):
            yield finding("record_group_differs", "record group", stated=self.record_group_text)
        if self.received_text and day_of(self.received_text) is None:
            yield finding("date_not_read", "received date", stated=self.received_text)
        yield from self._box_findings()

    def _box_findings(self) -> Iterator[Finding]:
        names_another = form_number_of(self.previous_text)
        if (
            self.supersedes is None
            or self.supersedes != bool(names_another)
            or (self.supersedes and names_another == self.number)
        ):
            yield finding("supersedes_unclear", "supersedes", stated=self.previous_text or None)
        if not self.items:
            yield finding("items_missing", "items")
        if self.is_agency_wide is None:
            yield finding("scope_unclear", "scope")
        if self.classified is None:
            yield finding("classified_unclear", "classified accounts")


def _category(number: str, table: Node) -> Category:
    """A table in its own order. The file puts the total after the first row; the rows' order among themselves is the form's."""
    positions, reasons = [], []
    for row, node in enumerate(filter(_is_row, table.walk()), start=1):
        title, count_text = one_line(node.value(_TITLE)), one_line(node.value(_COUNT))
        accounts = count_of(count_text)
        if not title and not accounts and (accounts == 0 or not count_text):
            continue  # a row added and never filled
        if says_no_position(title) and (accounts == 0 or not count_text):
            reasons.append(title)
        else:
            positions.append(Position(number, row, title, accounts, count_text))
    stated = one_line(table.value(f"Cat{number}Total"))
    return Category(number, tuple(positions), " ".join(reasons), count_of(stated), stated)


def _is_row(node: Node) -> bool:
    """Whether title and count stand directly in it: the form nests another table, of buttons, in every row."""
    return any(child.name in {_TITLE, _COUNT} for child in node.children)


def _items(answers: Node) -> tuple[str, ...]:
    """The items ticked; the box for all of them ticks each."""
    if box_of(answers.value("CheckBox3")):
        return tuple(_ITEM_BOXES)
    return tuple(item for item, box in _ITEM_BOXES.items() if box_of(answers.value(box)))


def _yes_or_no(answers: Node, yes: str, no: str) -> bool | None:
    """What two boxes say together; None where neither or both are ticked."""
    is_yes, is_no = box_of(answers.value(yes)), box_of(answers.value(no))
    return None if bool(is_yes) == bool(is_no) else bool(is_yes)


def _agency_approvals(answers: Node) -> tuple[Approval, ...]:
    lines = (
        ("Agency Records Officer", "Row1", "TextField12", "DateField1"),
        ("Senior Agency Official", "Row2", "TextField13", "DateField2"),
    )
    return tuple(
        Approval(
            role=role,
            name=one_line(answers.value("Table6", row, name)),
            approved=box_of(answers.value("Table6", row, "CheckBox11")),
            day=day_of(answers.value("Table6", row, day)),
            day_text=one_line(answers.value("Table6", row, day)),
        )
        for role, row, name, day in lines
    )


def _decision(answers: Node) -> Approval:
    """The line below the agency's: its first box is the approval, its second the denial, both of one name."""
    line = answers.find("Table9", "Row1")
    boxes = [box_of(box.text) for box in line.named("CheckBox12")] if line else []
    day = line.value("DateField5") if line else None
    return Approval(
        role="Chief Records Officer for the U.S. Government",
        name=one_line(line.value("TextField16")) if line else "",
        approved=boxes[0] if boxes else None,
        denied=boxes[1] if len(boxes) > 1 else None,
        day=day_of(day),
        day_text=one_line(day),
    )


def _decision_findings(head: _Head) -> Iterator[Finding]:
    for approval in head.agency_approvals:
        if not approval.approved:
            yield finding("agency_approval_missing", approval.role)
        if approval.day_text and approval.day is None:
            yield finding("date_not_read", approval.role, stated=approval.day_text)
    decision = head.decision
    is_decided = bool(decision.approved or decision.denied)
    if (decision.approved and decision.denied) or (is_decided and decision.day is None):
        yield finding("decision_unclear", decision.role, stated=decision.day_text or None)
    elif decision.denied:
        yield finding("denied", decision.role, stated=head.denial_reason or None)
    elif not is_decided:
        yield finding("not_decided", decision.role, stated=decision.day_text or None)


def _instruction_findings(cutoff: Cutoff, transfer: Transfer, legacy: LegacyScope, rules: FormRules) -> Iterator[Finding]:
    if cutoff.rule is None:
        yield finding("cutoff_not_read", "cutoff", stated=cutoff.text or None)
    elif is_bare_annual(cutoff):
        yield finding("cutoff_annual", "cutoff", stated=cutoff.text)
    if cutoff.place is Place.COMMENTS:
        yield finding("cutoff_in_comments", "cutoff", stated=cutoff.text)
    if transfer.years is None:
        yield finding(_why_no_years(transfer, rules), "transfer", stated=transfer.text or None)
    if transfer.place is Place.COMMENTS:
        yield finding("transfer_in_comments", "transfer", stated=transfer.text)
    if legacy.text and legacy.exists is None:
        yield finding("legacy_not_read", "legacy email", stated=legacy.text)


def _why_no_years(transfer: Transfer, rules: FormRules) -> str:
    years = {period.years for period in transfer.periods}
    if years - set(rules.transfer_years):
        return "transfer_not_offered"
    return "transfer_differs" if years else "transfer_not_read"


def _revision(template: Node | None) -> str | None:
    """The printing, as the foot of the page has it. Tooltips still carry that of the first printing and do not count."""
    for draw in template.named("draw") if template else ():
        value = draw.find("value")
        texts = [value.text, *(node.text for node in value.walk())] if value else []
        if found := _REVISION.search(" ".join(texts)):
            return found[1]
    return None
