"""Every answer that the test servers make names the published page that it follows."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).parent
FILES = sorted([*HERE.glob("ews_*.py"), *HERE.glob("graph_server*.py")])
MAKERS = re.compile(r"Answer|error|success|response|fault|envelope|busy_message|\w+_xml")
PAGE = re.compile(
    r"/(?:graph|entra|exchange)/[a-z][\w./?=-]{4,}|web-service-reference/[a-z-]{6,}|exchange-web-services/[a-z-]{6,}|\[MS-[A-Z]+\]"
)


def makers_in(text: str) -> Iterator[tuple[str, str]]:
    """Functions in which an answer, or an element of one, is made: name and source, comments with it. Not what they define."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef) and (_is_element(node) or any(_makes(one) for one in ast.walk(node))):
            yield node.name, ast.get_source_segment(text, node) or ""


def _makes(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call):
        return False
    called = node.func
    if isinstance(called, ast.Attribute):
        return isinstance(called.value, ast.Name) and called.value.id == "answers"
    return isinstance(called, ast.Name) and MAKERS.fullmatch(called.id) is not None


def _is_element(node: ast.FunctionDef) -> bool:
    return MAKERS.fullmatch(node.name) is not None


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_what_makes_an_answer_names_its_page(file: Path) -> None:
    assert [name for name, source in makers_in(file.read_text()) if not PAGE.search(source)] == []


def test_an_answer_without_a_page_would_be_told() -> None:
    bare = 'def _told(self):\n    """A folder."""\n    return Answer(200, {})\n'
    assert [name for name, source in makers_in(bare) if not PAGE.search(source)] == ["_told"]
    named = bare.replace("A folder.", "/graph/api/mailfolder-get.")
    assert [name for name, source in makers_in(named) if PAGE.search(source)] == ["_told"]
    assert sum(1 for file in FILES for _ in makers_in(file.read_text())) > 30
