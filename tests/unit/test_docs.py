"""The documents say what the program does: commands, options, errors, settings, codes and links are compared with the code."""

from __future__ import annotations

import pkgutil
import re
import shlex
import tomllib
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import typer

from capstone.cli import app
from capstone.domain import errors
from capstone.domain.access import AGENCY_ROLES, OFFICE_ROLES, read_people
from capstone.domain.classification import FLAGS, REASONS
from capstone.domain.folders import FOLDER_LEFT_OUT, POLICIES
from capstone.domain.journal_sorting import NOBODY_REGISTERED
from capstone.domain.message import ItemState
from capstone.domain.officials_csv import OPTIONAL, REQUIRED, read_officials
from capstone.domain.problems import CODES
from capstone.settings import EwsSource, FilesSource, GraphSource, ImapSource, Settings, read_settings
from connectors.mailboxes.ews.items import CALENDAR_CLASSES, LEFT_OUT

ROOT = Path(__file__).parents[2]
README, RUNBOOK, STORE = ROOT / "README.md", ROOT / "docs/runbook.md", ROOT / "docs/store-format.md"
SETTINGS, ROLES = ROOT / "config/settings.example.toml", ROOT / "config/roles.example.toml"
ADRS = sorted((ROOT / "docs/adr").glob("[0-9]*.md"))
DOCUMENTS = sorted({README, ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "config").rglob("*.md")})
SOURCES = [
    path
    for folder in ("capstone", "connectors", "indexing", "dags", "scripts", "tests")
    for path in (ROOT / folder).rglob("*.py")
]

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"\[[^\]]+\]\(([^)\s]+)\)")


def blocks(document: Path, language: str) -> list[str]:
    return [text for kind, text in _FENCE.findall(document.read_text()) if kind == language]


def prose(document: Path) -> str:
    return _FENCE.sub("", document.read_text())


def rows_below(document: Path, heading: str) -> list[list[str]]:
    """The cells of every table row between a heading and the next one."""
    below = re.split(rf"^#+ {re.escape(heading)}$", document.read_text(), flags=re.MULTILINE)[1]
    section = re.split(r"^#", below, flags=re.MULTILINE)[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def codes_in(rows: list[list[str]], column: int = 0) -> list[str]:
    return [code for row in rows for code in _INLINE.findall(row[column])]


# --- commands --------------------------------------------------------------------------------------


def console_lines() -> Iterator[str]:
    for document in DOCUMENTS:
        for block in blocks(document, "console"):
            yield from (line.removeprefix("$ ") for line in block.splitlines() if line.startswith("$ "))


def commands_named() -> Iterator[list[str]]:
    """The arguments of every `capstone` command in a block of commands or between back quotes."""
    inline = [text for document in DOCUMENTS for text in _INLINE.findall(prose(document)) if text.startswith("capstone ")]
    for line in (*console_lines(), *inline):
        for part in re.split(r"&&|\|", line):
            words = shlex.split(part.partition(" > ")[0], comments=True)
            while words and re.fullmatch(r"[A-Z_]+=\S*", words[0]):
                words.pop(0)
            if words and words[0] == "capstone":
                yield words[1:]


def leaves(command: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """(name, command) of every command that does something."""
    for part, inner in command.commands.items():
        whole = f"{name} {part}".strip()
        if hasattr(inner, "commands"):
            yield from leaves(inner, whole)
        else:
            yield whole, inner


def options_of(command: Any) -> set[str]:
    return {option for parameter in command.params for option in parameter.opts if option.startswith("--")} - {"--help"}


COMMANDS = dict(leaves(typer.main.get_command(app)))


def test_every_command_in_the_documents_is_one_that_the_program_takes() -> None:
    found = [words for words in commands_named() if words != ["--help"]]
    assert len(found) > 40
    for words in found:
        name = " ".join(words[:2]) if " ".join(words[:2]) in COMMANDS else words[0]
        rest = words[len(name.split()) :]
        assert name in COMMANDS, words
        if rest == ["--help"]:
            continue
        unknown = {word for word in rest if word.startswith("--")} - options_of(COMMANDS[name])
        assert not unknown, words
        if rest:
            COMMANDS[name].make_context(name, rest)


def test_the_readme_lists_every_command_with_every_option() -> None:
    rows = rows_below(README, "Commands")
    listed = {codes_in([row])[0].removeprefix("capstone "): row for row in rows if "`capstone" in row[0]}
    told = {next(name for name in COMMANDS if f"{key} ".startswith(f"{name} ")): row for key, row in listed.items()}
    assert set(told) == set(COMMANDS)
    for name, command in COMMANDS.items():
        assert set(codes_in([told[name]], 2)) == options_of(command) - {"--json"}, name


def test_every_make_target_in_the_documents_exists() -> None:
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {name for line in console_lines() for name in re.findall(r"^make (\w+)", line)}
    named |= {name for document in DOCUMENTS for name in re.findall(r"`make (\w+)`", document.read_text())}
    assert {"demo", "test", "check"} <= named
    assert named <= targets


def test_every_variable_in_the_documents_is_one_that_the_program_reads() -> None:
    code = "".join(path.read_text() for path in SOURCES if path != Path(__file__))
    texts = [path.read_text() for path in (*DOCUMENTS, SETTINGS, ROLES)]
    named = {name for text in texts for name in re.findall(r"CAPSTONE_[A-Z_]*[A-Z]", text)}
    sections = {f"CAPSTONE_{section.upper()}__{key.upper()}" for section, key in keys_of_the_model()}
    assert {name for name in named if name not in code} <= sections


# --- errors and codes ------------------------------------------------------------------------------


def error_classes() -> Mapping[str, type[errors.CapstoneError]]:
    known = (value for value in vars(errors).values() if isinstance(value, type))
    return {value.code: value for value in known if issubclass(value, errors.CapstoneError)}


def test_the_runbook_has_every_named_error_with_its_name_and_whether_a_retry_helps() -> None:
    rows = {codes_in([row])[0]: row for row in rows_below(RUNBOOK, "Named errors") if codes_in([row])}
    usage = rows.pop("E010")
    assert usage[1] == "(usage)"
    assert '"E010"' in (ROOT / "capstone/__main__.py").read_text()
    told = {code: (row[1], row[4]) for code, row in rows.items()}
    assert told == {code: (one.__name__, "yes" if one.retryable else "no") for code, one in error_classes().items()}


def test_every_error_code_in_the_documents_exists() -> None:
    named = {code for document in DOCUMENTS for code in re.findall(r"\bE\d{3}\b", document.read_text())}
    assert named <= {*error_classes(), "E010"}


def test_the_store_format_describes_every_problem_as_the_program_does() -> None:
    assert {codes_in([row])[0]: row[1] for row in rows_below(STORE, "Problem codes") if codes_in([row])} == CODES


def test_the_runbook_explains_every_reason_and_flag_of_a_class() -> None:
    rows = rows_below(RUNBOOK, "What each class means")
    assert [code for code in codes_in(rows) if code in {*REASONS, *FLAGS}] == [*REASONS, *FLAGS]


def test_the_runbook_explains_every_code_of_an_item_that_is_not_archived() -> None:
    rows = [row for row in rows_below(RUNBOOK, "Items that are not in the archive") if row[0] in set(ItemState)]
    told = {NOBODY_REGISTERED, "not_held"}
    for name in ("files/source", "imap/reading", "ews/reading", "graph/reading", "archives/reading", "outlook/pst"):
        reasons = re.search(r"_REASONS = \{(.*?)\n\}", (ROOT / f"connectors/mailboxes/{name}.py").read_text(), re.DOTALL)
        assert reasons is not None
        told |= set(re.findall(r'^    "(\w+)":', reasons[1], re.MULTILINE))
    folders = {*POLICIES, FOLDER_LEFT_OUT}
    classes = {*CALENDAR_CLASSES.values(), *LEFT_OUT.values()}
    assert set(codes_in(rows, 1)) == told | folders | classes


# --- register, settings, roles ---------------------------------------------------------------------


def test_the_runbook_explains_every_column_of_the_officials_file() -> None:
    rows = rows_below(RUNBOOK, "The register: officials.csv, column by column")
    assert codes_in(rows) == [*REQUIRED, *OPTIONAL]


@pytest.mark.parametrize("document", [README, RUNBOOK])
def test_the_officials_shown_can_be_imported(document: Path) -> None:
    lines = document.read_text().splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("official,office,"))
    end = next(number for number, line in enumerate(lines) if number > start and line.startswith(("```", "$ ")))
    assert read_officials("\n".join(lines[start:end]).encode()).rows == end - start - 1


def keys_of_the_model() -> set[tuple[str, str]]:
    sections = {name: field.annotation for name, field in Settings.model_fields.items() if name != "sources"}
    return {(section, key) for section, model in sections.items() for key in model.model_fields}  # type: ignore[union-attr]


def uncommented() -> str:
    """The example with every setting in use."""
    return re.sub(r"^#(?=[\[a-z])", "", SETTINGS.read_text(), flags=re.MULTILINE)


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "capstone.toml"
    monkeypatch.setenv("CAPSTONE_CONFIG", str(file))
    return file


def test_the_example_as_it_stands_holds_the_defaults(example: Path) -> None:
    example.write_text(SETTINGS.read_text())
    assert read_settings() == Settings.model_construct(**{n: f.default for n, f in Settings.model_fields.items()})


def test_the_example_has_every_setting_and_no_other() -> None:
    told = tomllib.loads(uncommented())
    sources = {source["kind"]: set(source) for source in told.pop("sources")}
    assert {(section, key) for section, table in told.items() for key in table} == keys_of_the_model()
    models = {"files": FilesSource, "imap": ImapSource, "ews": EwsSource, "graph": GraphSource}
    assert sources == {kind: set(model.model_fields) for kind, model in models.items()}


def test_every_setting_of_the_example_is_accepted_with_the_kind_that_it_belongs_to(example: Path) -> None:
    """Of settings of which one must be chosen the first is."""
    text = uncommented().replace('kind = "folder"', 'kind = "s3"').replace('kind = "fts5"', 'kind = "elasticsearch"')
    before, table, sources = text.partition("[[sources]]")
    others = r"^(?:password_env|token_file|token_env|client_secret_env|certificate_file) = .*$"
    example.write_text(before + table + re.sub(others, "", sources, flags=re.MULTILINE))
    assert [source.kind for source in read_settings().sources] == ["files", "imap", "ews", "graph"]


def test_every_setting_of_the_example_has_a_comment_before_it() -> None:
    lines = SETTINGS.read_text().splitlines()
    bare = [line for before, line in pairwise(lines) if "=" in line and is_setting(line) and before[:2] != "# "]
    assert not bare


def is_setting(line: str) -> bool:
    return re.match(r"#?[a-z_]+ = ", line) is not None


def test_every_setting_that_the_documents_show_is_accepted(example: Path) -> None:
    shown = [block for document in DOCUMENTS for block in blocks(document, "toml")]
    assert shown
    for block in shown:
        example.write_text(block)
        assert read_settings().sources


def test_the_example_of_roles_is_accepted_and_names_every_role() -> None:
    assert read_people(tomllib.loads(ROLES.read_text()), ROLES.name)
    assert {role for role in (*AGENCY_ROLES, *OFFICE_ROLES) if role not in ROLES.read_text()} == set()


# --- links and decisions ---------------------------------------------------------------------------


def anchors_of(document: Path) -> set[str]:
    """The anchors of a document's headings, as code hosts make them."""
    headings = re.findall(r"^#+ (.+)$", prose(document), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(document: Path) -> None:
    for link in _LINK.findall(prose(document)):
        if link.startswith("https://"):
            continue
        file, _, anchor = link.partition("#")
        target = (document.parent / file).resolve() if file else document
        assert target.exists(), link
        assert not anchor or anchor in anchors_of(target), link


def test_every_file_and_module_named_exists() -> None:
    for document in DOCUMENTS:
        for name in _INLINE.findall(prose(document)):
            if re.fullmatch(r"(?:capstone|connectors|indexing|dags|tests|docs|scripts|benchmarks)(?:/[\w.-]+)+/?", name):
                assert (ROOT / name).exists(), f"{document.name}: {name}"
            if re.fullmatch(r"(?:capstone|connectors|indexing)(?:\.[a-z_0-9]+)+", name) and not name.endswith(".toml"):
                assert pkgutil.resolve_name(name) is not None


def test_every_decision_is_numbered_listed_and_has_its_parts() -> None:
    assert [int(path.name[:4]) for path in ADRS] == list(range(1, len(ADRS) + 1))
    listed = rows_below(ROOT / "docs/adr/README.md", "Decision records")[1:]
    told = {link: row[1] for row in listed for link in _LINK.findall(row[0])}
    for path in ADRS:
        text = path.read_text()
        assert text.startswith(f"# {path.name[:4]} ")
        status = re.search(r"^Status: (.+)$", text, re.MULTILINE)
        assert status is not None
        assert told.pop(path.name) == status[1]
        assert {"Context", "Decision", "Consequences"} <= set(re.findall(r"^## (.+)$", text, re.MULTILINE)), path.name
        assert len(text.splitlines()) <= 60
    assert not told
