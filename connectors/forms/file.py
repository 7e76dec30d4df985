"""A PDF given as form NA-1005, opened in a process of its own under limits of memory and time, and handed on as a tree."""

from __future__ import annotations

import hashlib
import multiprocessing
import re
import resource
from multiprocessing.connection import Connection

from capstone.domain.errors import BadForm
from capstone.domain.forms.tree import FormFile, Node
from connectors.forms.packets import Fields, Packets, read_packets
from connectors.forms.xml import tree_of

MAX_PDF_BYTES = 64 * 1024 * 1024
"""Real forms have 2 MB; some carry scanned charts of the organisation."""
_MEMORY_BYTES = 2 * 1024 * 1024 * 1024
_LIMIT_S = 60.0
_FIELD_PART = re.compile(r"(?P<name>[^\[\]]+)(?:\[(?P<index>[0-9]+)\])?")
_XFA_DATA, _XFA_TEMPLATE = "datasets", "template"


class PdfForms:
    """Opens form files. Every failure is a BadForm: a broken or hostile file ends a child process, never this one."""

    def __init__(self, limit_s: float = _LIMIT_S, memory_bytes: int = _MEMORY_BYTES) -> None:
        """`limit_s` and `memory_bytes`: how long, and in how much memory, a file may be read."""
        self._limit_s, self._memory_bytes = limit_s, memory_bytes

    def open(self, data: bytes) -> FormFile:
        """The answers in the file, with the printed form around them. Raises BadForm."""
        if len(data) > MAX_PDF_BYTES:
            raise BadForm(f"The file is larger than {MAX_PDF_BYTES // 1024 // 1024} MiB.")
        packets, fields = self._apart(data)
        return put_together(packets, fields, hashlib.sha256(data).hexdigest())

    def _apart(self, data: bytes) -> tuple[Packets, Fields]:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe(duplex=False)
        child = context.Process(
            target=_read_in_child, args=(theirs, data, int(self._limit_s) + 1, self._memory_bytes), daemon=True
        )
        child.start()
        theirs.close()
        try:
            answer = ours.recv() if ours.poll(self._limit_s) else None
        except EOFError:
            answer = None
        finally:
            child.kill()
            child.join()
            ours.close()
        if answer is None:
            raise BadForm("The PDF takes more time or memory to read than any form.")
        if isinstance(answer, BadForm):
            raise answer
        packets, fields = answer
        return packets, fields


def _read_in_child(answers: Connection, data: bytes, cpu_s: int, memory_bytes: int) -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s))
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        answers.send(read_packets(data))
    except BadForm as exc:
        answers.send(BadForm(exc.message, exc.next_step))
    except MemoryError:
        answers.send(BadForm("The PDF takes more time or memory to read than any form."))


def put_together(packets: Packets, fields: Fields, digest: str) -> FormFile:
    """The tree of what was found in a PDF. Raises BadForm."""
    if fields:
        return FormFile(_tree_of_fields(fields), None, digest)
    if "xdp" in packets:
        whole = tree_of(packets["xdp"], "data")
        answers, template = whole.find(_XFA_DATA), whole.find(_XFA_TEMPLATE)
    else:
        answers = tree_of(packets[_XFA_DATA], "data") if _XFA_DATA in packets else None
        template = tree_of(packets[_XFA_TEMPLATE], "pages") if _XFA_TEMPLATE in packets else None
    if answers is None:
        raise BadForm("The PDF holds an empty form: nobody has filled it in.")
    return FormFile(answers, template, digest)


def _tree_of_fields(fields: Fields) -> Node:
    """Plain fields as the same tree: `form1[0].Cat1[0].Row1[2].TextField11[0]` names its place from the top."""
    root = _Branch("")
    for name, value in fields:
        branch = root
        for part in name.split("."):
            branch = branch.child(part)
        branch.text = value
    return root.node()


class _Branch:
    """A node while it grows."""

    def __init__(self, name: str) -> None:
        self.name, self.text = name, ""
        self._children: dict[str, _Branch] = {}

    def child(self, part: str) -> _Branch:
        """The branch of that name and index, made at its first mention."""
        if part not in self._children:
            found = _FIELD_PART.fullmatch(part)
            self._children[part] = _Branch(found["name"] if found else part)
        return self._children[part]

    def node(self) -> Node:
        """The branch as it stands. Field names are short: the depth is bounded by the length of a name."""
        return Node(self.name, self.text, tuple(branch.node() for branch in self._children.values()))
