"""The mail corpus as an acceptance test sees it: a register for its sets, and what each file must become.

Nothing here comes from the project: files are judged, cut and digested with the standard library alone, so that the project's
own reading is compared with another one.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from pathlib import Path

from connectors.mailboxes.outlook import msg_child, pst_child

SETS = {
    "enron": "enron-edrm",
    "spamassassin": "spamassassin",
    "apache": "apache-lists",
    "sisimai": "sisimai-dsn",
    "mime4j": "mime4j",
    "mail-gem": "mail-gem",
    "cpython": "cpython-email",
    "tika": "tika",
    "msgreader": "msgreader",
    "mimekit": "mimekit",
    "james": "james",
    "journal": "exchange-journal",
}
"""Account to the folder of the corpus whose mail it holds."""

NO_MAIL = ("graph-message", "ews-samples", "state-foia", "isemail", "java-libpst")
"""Sets in which no file is mail, and no item of a PST."""

ENRON_ROLE_ENDED = "2001-12-31"
"""The last day of the Capstone role that the register below gives to the holder of the account `enron`."""

_FORM = "GRS 6.1-0999-2020-0001,2020-01-01,calendar,15"
_UNAPPROVED = "GRS 6.1-0999-2099-0002,,calendar,15"

OFFICIALS = f"""\
official,office,position,category,account,addresses,from,until,acting,form,approved,cutoff,transfer_years
Ada Brook,Head Office,Director,1,enron,director@agency.example,1990-01-01,2001-06-30,no,{_FORM}
Ada Brook,Head Office,Deputy,2,enron,director@agency.example,2001-07-01,{ENRON_ROLE_ENDED},yes,{_FORM}
Ada Brook,Head Office,Adviser,none,enron,director@agency.example,2002-01-01,,no,{_FORM}
Ben Ode,Mail Room,Clerk,support,spamassassin,clerk@agency.example,1990-01-01,,no,{_FORM}
Cy Dahl,Field Office,Chief,3,apache,chief@agency.example,1990-01-01,,no,{_UNAPPROVED}
Dee Ek,Field Office,Deputy Chief,4,sisimai,deputy@agency.example,2008-01-01,2012-12-31,no,{_FORM}
Eli Fox,Field Office,Analyst,none,mime4j,analyst@agency.example,1990-01-01,,no,{_FORM}
Flo Gad,Law,Counsel,5,mail-gem,counsel@agency.example,1990-01-01,,no,{_FORM}
Gus Hay,Law,Counsel,5,cpython,counsel2@agency.example,1990-01-01,,no,{_FORM}
Ina Jup,Law,Counsel,5,tika,counsel3@agency.example,1990-01-01,,no,{_FORM}
Kim Loe,Press,Speaker,6,msgreader,speaker@agency.example,1990-01-01,,no,{_FORM}
Max Nil,Press,Speaker,6,mimekit,speaker3@agency.example,1990-01-01,,no,{_FORM}
Nan Oak,Budget,Controller,7,james,controller@agency.example,1990-01-01,,no,{_FORM}
Ole Pip,Budget,Controller,7,journal,controller2@agency.example,1990-01-01,,no,{_FORM}
"""

_PST = b"!BDN"
_OUTLOOK = (b"\xd0\xcf\x11\xe0", _PST)
_CALENDARS = (b"BEGIN:VCALENDAR", b"BEGIN:VCARD")
_HEADER_LINE = re.compile(rb"[A-Za-z][A-Za-z0-9-]*[ \t]*:")
_TIME = re.compile(rb"\d{1,2}:\d\d")
_LINES = re.compile(rb"[^\n]*\n|[^\n]+\Z")


@dataclass(slots=True)
class Expected:
    """What the files below a folder must become."""

    messages: list[str] = field(default_factory=list)
    """SHA-256 of every message, doubled ones included."""
    quarantined: int = 0
    excluded: int = 0
    mailboxes: dict[Path, list[bytes]] = field(default_factory=dict)
    """The MBOX files and their records."""

    @property
    def counts(self) -> dict[str, int]:
        """The figures of a first run."""
        distinct = len(set(self.messages))
        return {
            "offered": len(self.messages) + self.quarantined + self.excluded,
            "archived": distinct,
            "already_held": len(self.messages) - distinct,
            "quarantined": self.quarantined,
            "excluded": self.excluded,
            "failed": 0,
        }


def expected_of(folder: Path) -> Expected:
    """Judge every file below the folder."""
    found = Expected()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            _judge(path, path.read_bytes(), found)
    return found


def _judge(path: Path, raw: bytes, found: Expected) -> None:
    start = raw.removeprefix(b"\xef\xbb\xbf").lstrip(b"\r\n")
    is_whole = path.suffix.lower() == ".eml"
    if not raw:
        found.quarantined += 1
    elif not is_whole and raw.startswith(_OUTLOOK):
        made = generated_of(path, raw)
        found.messages += [hashlib.sha256(one).hexdigest() for one in made if one]
        found.excluded += made.count(None)
    elif not is_whole and start.startswith(b"From "):
        found.mailboxes[path] = records_of(start)
        found.messages += [hashlib.sha256(record).hexdigest() for record in found.mailboxes[path]]
    elif is_whole or (_HEADER_LINE.match(start) and not start.startswith(_CALENDARS)):
        found.messages.append(hashlib.sha256(raw).hexdigest())
    else:
        found.excluded += 1


def generated_of(path: Path, raw: bytes) -> list[bytes | None]:
    """The messages that are generated from the items of a PST or MSG, None for an item that is no mail and for a document.

    By the readers themselves, without their processes: that they are right is shown by `tests/golden/test_outlook_files.py`.
    """
    if not raw.startswith(_PST):
        ((_, blobs),) = msg_child.begin()({"path": str(path)}, [])
        return [blobs[0] if blobs else None]
    answers = pst_child.begin()
    list(answers({"do": "open", "path": str(path)}, []))
    ids = [one for told, _ in answers({"do": "list", "passed_over": []}, []) for one in told.get("ids", ())]
    return [blobs[0] if blobs else None for _, blobs in answers({"do": "read", "ids": ids}, [])]


def records_of(mailbox: bytes) -> list[bytes]:
    """The records of an MBOX: the lines after a `From ` line that follows an empty line and tells a time, less one empty line."""
    records: list[list[bytes]] = []
    is_after_empty = True
    for line in _LINES.findall(mailbox):
        if line.startswith(b"From ") and is_after_empty and (not records or _TIME.search(line)):
            records.append([])
            is_after_empty = True
            continue
        records[-1].append(line)
        is_after_empty = line in (b"\n", b"\r\n")
    return [b"".join(lines[:-1] if lines and lines[-1] in (b"\n", b"\r\n") else lines) for lines in records]
