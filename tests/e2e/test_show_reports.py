"""`capstone show` tells a person which message a receipt or report is about."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.conftest import CommandLine
from tests.unit.facts.messages import message, multipart

RECEIPT = multipart(
    "Content-Type: text/plain\n\nYour message was read.",
    "Content-Type: message/disposition-notification\n\nOriginal-Message-ID: <original@agency.example>",
    kind="report", From="director@agency.example",
)  # fmt: skip


def test_show_names_the_message_that_a_receipt_is_about(tmp_path: Path) -> None:
    archive = CommandLine(tmp_path / "home", here=True).prepare()
    (tmp_path / "mail").mkdir()
    (tmp_path / "mail" / "read.eml").write_bytes(RECEIPT)
    (tmp_path / "mail" / "plain.eml").write_bytes(message(From="director@agency.example", Message_ID="<original@agency.example>"))
    archive.run("import", tmp_path / "mail", "--account", "director")
    records = [hit["record_id"] for hit in archive.json("search", "*")["hits"]]
    told = {archive.json("show", one)["facts"]["of_message"]: archive.run("show", one).stdout.decode() for one in records}
    assert set(told) == {None, "original@agency.example"}
    assert "Report on" not in told[None]
    (line,) = [line for line in told["original@agency.example"].splitlines() if "Report on" in line]
    assert "original@agency.example" in line
