"""Settings: one file, overrides by variables, secrets from elsewhere, and a bad key fails at start."""

from __future__ import annotations

from pathlib import Path

import pytest

from capstone.bootstrap.places import index_name, store_name
from capstone.domain.errors import BadSettings, MissingSecret
from capstone.settings import absolute, home, read_settings, roles_file, schedules_folder, secret


@pytest.fixture
def settings_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "capstone.toml"
    file.write_text("")
    monkeypatch.setenv("CAPSTONE_CONFIG", str(file))
    monkeypatch.setenv("CAPSTONE_HOME", str(tmp_path / "home"))
    return file


def test_without_a_file_the_embedded_default_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CAPSTONE_CONFIG", raising=False)
    monkeypatch.setenv("CAPSTONE_HOME", str(tmp_path))
    settings = read_settings()
    assert settings.store.kind == "folder"
    assert settings.index.kind == "fts5"
    assert home() == tmp_path
    assert roles_file() == tmp_path / "roles.toml"
    assert (schedules_folder() / "grs-6.1.toml").is_file()


def test_a_variable_overrides_the_file(settings_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings_file.write_text('[agency]\nname = "Agency of Examples"\n[lock]\nminimum_days = 3\n')
    monkeypatch.setenv("CAPSTONE_LOCK__MINIMUM_DAYS", "7")
    settings = read_settings()
    assert (settings.agency.name, settings.lock.minimum_days) == ("Agency of Examples", 7)


def test_relative_paths_start_at_the_file(settings_file: Path) -> None:
    settings_file.write_text('[[sources]]\nname = "a"\nkind = "files"\naccount = "director"\npath = "mail/director"\n')
    assert absolute(read_settings().sources[0].path) == settings_file.parent / "mail" / "director"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('[agency]\nnmae = "x"\n', "agency.nmae: is no known key"),
        ("[agancy]\n", "agancy: is no known key"),
        ('[agency]\ntime_zone = "Mars/Olympus"\n', "no time zone"),
        ("[lock]\nminimum_days = 0\n", "lock.minimum_days"),
        ("[lock]\nminimum_days = 010\n", "no TOML"),
        ("[[sources]]\nname = 'a'\nkind = 'files'\naccount = 'Not An Id'\npath = 'x'\n", "no account id"),
        ("[[sources]]\nname = 'a'\nkind = 'telepathy'\naccount = 'a'\npath = 'x'\n", "kind"),
        ("[[sources]]\nname='a'\nkind='files'\naccount='a'\npath='x'\n[[sources]]\nname='a'\nkind='files'\naccount='b'\npath='y'\n",
         "Several sources have the name a"),
        ("not toml", "no TOML"),
        ('[store]\nkind = "s3"\n', "an s3 store needs `bucket`"),
        ('[store]\nbucket = "records"\n', 'belong to kind = "s3"'),
        ('[index]\nkind = "elasticsearch"\n', "needs `url`"),
        ('[index]\nkind = "elasticsearch"\nurl = "http://i.example:9200"\napi_key_env = "K"\n', "begins with https"),
        ('[index]\nkind = "elasticsearch"\nurl = "http://u:p@i.example:9200"\n', "begins with https"),
        ('[index]\nname = "Not_A_Name"\n', "index.name"),
        ('[lock]\nmode = "none"\n', "lock.mode"),
        ("[[sources]]\nname='a'\nkind='imap'\naccount='a'\nhost='h'\nuser='u'\n", "needs one of password_file"),
        ("[[sources]]\nname='a'\nkind='imap'\naccount='a'\nhost='h'\nuser='u'\npassword_env='P'\ntoken_env='T'\n", "one of"),
        ("[[sources]]\nname='a'\nkind='imap'\naccount='a'\nhost='h'\nuser='u'\npassword='secret'\n", "is no known key"),
    ],
)  # fmt: skip
def test_a_bad_file_is_named(settings_file: Path, text: str, named: str) -> None:
    settings_file.write_text(text)
    with pytest.raises(BadSettings, match=named):
        read_settings()


def test_a_key_goes_over_an_open_line_to_this_machine_only(settings_file: Path) -> None:
    for url in ("http://127.0.0.1:9200", "http://[::1]:9200", "https://i.example:9200"):
        settings_file.write_text(f'[index]\nkind = "elasticsearch"\nurl = "{url}"\napi_key_env = "K"\n')
        assert read_settings().index.url == url


def test_what_is_wrong_with_the_settings_and_where_things_lie_is_told_without_passwords(settings_file: Path) -> None:
    settings_file.write_text('[ledger]\nurl = "postgresql://u:tr0ub4dor@h/d"\nurl_fiel = "x"\n[store]\nkind = "tr0ub4dor"\n')
    with pytest.raises(BadSettings) as caught:
        read_settings()
    assert "tr0ub4dor" not in f"{caught.value} {caught.value.__cause__}"
    settings_file.write_text(
        '[index]\nkind = "elasticsearch"\nurl = "https://u:tr0ub4dor@i.example:9200"\n'
        '[store]\nkind = "s3"\nbucket = "b"\nendpoint_url = "https://u:tr0ub4dor@s.example:9000"\n'
    )
    assert index_name(read_settings()) == "https://i.example:9200/capstone"
    assert store_name(read_settings()) == "https://s.example:9000/b"


def test_bytes_that_are_no_text_are_named(settings_file: Path) -> None:
    settings_file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadSettings):
        read_settings()


def test_a_variable_of_an_unknown_section_or_key_is_an_error(settings_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAPSTONE_STROE__KIND", "folder")
    with pytest.raises(BadSettings, match="CAPSTONE_STROE__KIND"):
        read_settings()
    monkeypatch.delenv("CAPSTONE_STROE__KIND")
    monkeypatch.setenv("CAPSTONE_STORE__KNID", "folder")
    with pytest.raises(BadSettings, match="knid"):
        read_settings()


@pytest.mark.parametrize("name", ["CAPSTONE_INDEX", "CAPSTONE_JOURNAL__ALLOWED_PEERS"])
def test_a_variable_that_is_no_json_where_it_must_be_is_named(
    settings_file: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "elasticsearch")
    with pytest.raises(BadSettings, match=name.split("_")[1].lower()):
        read_settings()


def test_a_settings_file_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAPSTONE_CONFIG", str(tmp_path / "none.toml"))
    with pytest.raises(BadSettings, match=r"none\.toml"):
        read_settings()


def test_schedules_and_roles_beside_the_file_come_first(settings_file: Path) -> None:
    (settings_file.parent / "schedules").mkdir()
    (settings_file.parent / "roles.toml").write_text("")
    assert schedules_folder() == settings_file.parent / "schedules"
    assert roles_file() == settings_file.parent / "roles.toml"


def test_with_a_settings_file_nobody_gives_themselves_roles_in_their_own_home(
    settings_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert roles_file() == tmp_path / "home" / "roles.toml"
    (settings_file.parent / "roles.toml").symlink_to(tmp_path / "nowhere")
    assert roles_file() == settings_file.parent / "roles.toml", "what cannot be read lets nobody in"
    (settings_file.parent / "roles.toml").unlink()
    monkeypatch.delenv("CAPSTONE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".capstone").mkdir()
    (tmp_path / ".capstone" / "roles.toml").write_text('[people]\nann = ["records_officer"]\n')
    assert roles_file() == settings_file.parent / "roles.toml"


def test_a_secret_comes_from_a_file_or_a_variable(settings_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (settings_file.parent / "password").write_text("tr0ub4dor\n")
    monkeypatch.setenv("LEDGER_URL", "sqlite:///x")
    assert secret("sources", "password", Path("password"), None) == "tr0ub4dor"
    assert secret("ledger", "url", None, "LEDGER_URL") == "sqlite:///x"
    assert secret("ledger", "url", None, None) is None


def test_a_missing_secret_is_named_and_never_shown(settings_file: Path) -> None:
    with pytest.raises(MissingSecret, match="password_file"):
        secret("sources", "password", Path("nowhere"), None)
    (settings_file.parent / "key").write_bytes(b"tr0ub4dor\xff")
    with pytest.raises(MissingSecret, match="is no text") as caught:
        secret("sources", "password", Path("key"), None)
    assert caught.value.__cause__ is None
    with pytest.raises(MissingSecret, match="NOT_THERE"):
        secret("ledger", "url", None, "NOT_THERE")
