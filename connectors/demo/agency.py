"""Writes the mailboxes of an invented agency, its officials and its settings into a folder."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from capstone.domain.errors import OutputExists
from connectors.demo.conversations import INBOX, Delivery, deliveries
from connectors.demo.mailboxes import Item, empty_folders, lay_out
from connectors.demo.oddities import Oddity, oddities
from connectors.demo.people import Account, Agency, Post, load_agency

SEARCHES = (
    ('"site visit" AND backlog AND has:attachment AND account:director', "Trip reports of site visits"),
    ('from:ruth.abelson@agency.example AND "phase-in" AND account:ruth-abelson', "What counsel advised on rulemaking"),
    ("account:director AND after:2021-01-21 AND before:2021-04-12", "Mail of the Director's account while nobody held it"),
)
"""(query, what it looks for): searches that have answers in every demo archive."""

COLUMNS = (
    *("official", "office", "position", "category", "account", "addresses", "from", "until", "acting"),
    *("form", "approved", "record_group", "cutoff", "transfer_years"),
)
_SUMMARY = "demo.json"


@dataclass(frozen=True, slots=True)
class DemoMailbox:
    """What was written for one account. `items` counts everything a source will offer, broken things included."""

    account: str
    kind: str
    path: str
    items: int


@dataclass(frozen=True, slots=True)
class DemoSummary:
    """What a demo folder holds. Paths are relative to it; `explain` is the record id of a message worth a `why`."""

    seed: int
    officials: str
    settings: str
    mailboxes: tuple[DemoMailbox, ...]
    searches: tuple[tuple[str, str], ...]
    explain: str

    def as_counts(self) -> dict[str, object]:
        """Plain values for --json."""
        return asdict(self) | {"items": sum(mailbox.items for mailbox in self.mailboxes)}


def generate(target: Path, seed: int = 1) -> DemoSummary:
    """Write officials.csv, capstone.toml, demo.json and mail/ below `target`.

    The same seed writes the same bytes, whatever the day; files that are there already are left untouched.
    Raises OutputExists when `target` holds a demo of another seed.
    """
    if (target / _SUMMARY).is_file() and load_summary(target).seed != seed:
        raise OutputExists(f"the folder holds a demo with another seed than {seed}")
    agency = load_agency()
    mail = list(deliveries(agency, seed))
    mailboxes = []
    for account in agency.accounts:
        items = _items(account, mail, oddities())
        files = lay_out(account.kind, account.id, items)
        for folder in empty_folders(account.kind, files):
            (target / "mail" / account.id / folder).mkdir(parents=True, exist_ok=True)
        for name, raw in files.items():
            _write(target / "mail" / account.id / name, raw)
        mailboxes.append(DemoMailbox(account.id, account.kind, _path(account), len(items)))
    summary = DemoSummary(seed, "officials.csv", "capstone.toml", tuple(mailboxes), SEARCHES, _worth_a_why(agency, mail))
    _write(target / summary.officials, officials_csv(agency).encode())
    _write(target / summary.settings, settings_toml(agency, summary.mailboxes).encode())
    _write(target / _SUMMARY, (json.dumps(asdict(summary), indent=2) + "\n").encode())
    return summary


def load_summary(target: Path) -> DemoSummary:
    """What `generate` wrote there. Raises FileNotFoundError, KeyError or ValueError where it did not."""
    data = json.loads((target / _SUMMARY).read_text(encoding="utf-8"))
    data["mailboxes"] = tuple(DemoMailbox(**row) for row in data["mailboxes"])
    data["searches"] = tuple((query, meaning) for query, meaning in data["searches"])
    return DemoSummary(**data)


def officials_csv(agency: Agency) -> str:
    """The register of the invented agency, one row per designation."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(_row(agency, post) for post in agency.posts)
    return stream.getvalue()


def settings_toml(agency: Agency, mailboxes: Sequence[DemoMailbox]) -> str:
    """Settings that name one source per account; paths are relative to the settings file."""
    head = ["# Written by 'capstone demo generate': an invented agency, one source per account.", "[agency]"]
    head += [f'{key} = "{getattr(agency, key)}"' for key in ("name", "time_zone", "record_group")]
    for box in mailboxes:
        head += [
            "",
            "[[sources]]",
            f'name = "{box.account}-export"',
            'kind = "files"',
            f'account = "{box.account}"',
            f'path = "{box.path}"',
        ]
    return "\n".join([*head, ""])


def _row(agency: Agency, post: Post) -> list[str]:
    form = agency.forms[post.form]
    return [
        post.official,
        post.office,
        post.position,
        post.category,
        post.account,
        " ".join(post.addresses),
        post.starts.isoformat(),
        post.ends.isoformat() if post.ends else "",
        "yes" if post.acting else "no",
        form.number,
        form.approved.isoformat() if form.approved else "",
        agency.record_group,
        form.cutoff,
        str(form.transfer_years),
    ]


def _items(account: Account, mail: Sequence[Delivery], strange: Sequence[Oddity]) -> list[Item]:
    """Everything in one mailbox, in the order in which it was filed."""
    items = [Item(d.folder, d.sent_at, d.raw) for d in mail if d.account == account.id]
    # The Director's office files a second copy of every rulemaking message: one record, two places.
    filed = (d for d in mail if d.account == account.id == "director" and d.topic == "rulemaking" and d.folder == INBOX)
    items += [Item("Projects/Rulemaking", d.sent_at, d.raw) for d in filed]
    items += [Item(o.folder, o.filed_at, o.raw, _file_name(o)) for o in strange if o.account == account.id]
    return sorted(items, key=lambda item: (item.filed_at, item.folder, item.name, item.raw))


def _file_name(oddity: Oddity) -> str:
    if oddity.is_message:
        return ""
    return oddity.name if "." in oddity.name else f"{oddity.name}.eml"


def _path(account: Account) -> str:
    return f"mail/{account.id}/{account.id}.mbox" if account.kind == "single-mbox" else f"mail/{account.id}"


def _worth_a_why(agency: Agency, mail: Sequence[Delivery]) -> str:
    """A message that the deputy sent while acting as Director: two roles cover its date."""
    acting: Mapping[str, bool] = {post.account: True for post in agency.posts if post.acting}
    chosen = min((d for d in mail if d.topic == "acting" and d.account in acting), key=lambda d: d.sent_at)
    return f"{chosen.account}/{hashlib.sha256(chosen.raw).hexdigest()}"


def _write(path: Path, raw: bytes) -> None:
    """Write the file unless it holds these bytes: a source may look at a file's time."""
    if path.is_file() and path.read_bytes() == raw:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(raw)
