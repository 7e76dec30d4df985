"""Who asks: a person of roles.toml; whatever is wrong with the file or with the caller's name has a name of its own."""

from __future__ import annotations

import pwd
from pathlib import Path

import pytest

from capstone.bootstrap.people import make_roles, named_person
from capstone.domain.errors import BadSettings, NotAllowed


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("CAPSTONE_CONFIG", raising=False)
    monkeypatch.setenv("CAPSTONE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("LOGNAME", "ann")
    return tmp_path / "home"


def test_who_makes_the_archive_is_its_records_officer(home: Path) -> None:
    assert make_roles()
    assert not make_roles()
    assert named_person(None) == named_person("ann")
    assert named_person("ann").roles == {"records_officer"}


def test_a_number_without_a_name_is_nobody(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(_uid: int) -> object:
        raise KeyError("getpwuid(): uid not found")

    monkeypatch.setattr(pwd, "getpwuid", nobody)
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(NotAllowed, match="no name"):
        make_roles()
    assert not home.exists()
    with pytest.raises(NotAllowed, match="no name"):
        named_person(None)


def test_a_roles_file_that_cannot_be_read_lets_nobody_in(home: Path) -> None:
    with pytest.raises(NotAllowed, match="There is no"):
        named_person("ann")
    (home / "roles.toml").mkdir(parents=True)
    with pytest.raises(NotAllowed, match="cannot be read"):
        named_person("ann")


def test_a_roles_file_that_cannot_be_written_is_a_matter_of_settings(home: Path) -> None:
    home.write_text("a file")
    with pytest.raises(BadSettings, match="cannot be written"):
        make_roles()
