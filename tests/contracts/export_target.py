"""What every place that exports are written to promises."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from capstone.domain.errors import OutputExists
from capstone.ports import ExportTarget


class ExportTargetContract:
    """A subclass gives `target` and `written(target)`, what lies there as {name: bytes}."""

    written: Callable[[ExportTarget], dict[str, bytes]]

    def test_files_are_what_was_appended(self, target: ExportTarget) -> None:
        target.begin()
        target.create("director/one.eml", b"one\x00\r")
        target.append("director.mbox", b"first ")
        target.append("director.mbox", b"second")
        target.finish()
        assert self.written(target) == {"director/one.eml": b"one\x00\r", "director.mbox": b"first second"}

    def test_an_export_of_nothing_is_an_empty_place(self, target: ExportTarget) -> None:
        target.begin()
        target.finish()
        assert self.written(target) == {}

    def test_a_name_is_created_once_and_what_stands_there_is_not_changed(self, target: ExportTarget) -> None:
        target.begin()
        target.create("director/one.eml", b"one")
        with pytest.raises(OutputExists):
            target.create("director/one.eml", b"other")
        target.append("director.mbox", b"first")
        with pytest.raises(OutputExists):
            target.create("director.mbox", b"other")
        assert self.written(target) == {"director/one.eml": b"one", "director.mbox": b"first"}

    def test_a_place_that_holds_anything_is_refused(self, target: ExportTarget) -> None:
        target.begin()
        target.append("old", b"x")
        with pytest.raises(OutputExists):
            target.begin()
