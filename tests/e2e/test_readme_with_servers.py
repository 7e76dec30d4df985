"""Every line of the README's section "With your own servers", run as it stands; only the servers' addresses are ours."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from servers.dovecot import Dovecot
from servers.elasticsearch import ElasticsearchAccess
from servers.postgres import PostgresAccess
from servers.versitygw import Versitygw
from tests.e2e.conftest import OFFICIALS
from tests.services import running

pytestmark = [pytest.mark.service, pytest.mark.slow]

README = (Path(__file__).parents[2] / "README.md").read_text()
SECTION = README.partition("## With your own servers")[2].partition("\n## ")[0]
LETTER = (
    b"From: Ann <ann@agency.example>\r\nDate: Mon, 6 Jan 2025 10:00:00 -0500\r\nSubject: Budget\r\n\r\nThe budget is ready.\r\n"
)


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", SECTION, re.DOTALL)


def test_every_line_of_the_section_works(
    postgres: PostgresAccess, elasticsearch: ElasticsearchAccess, dovecot: Dovecot, server_folder: Path, tmp_path: Path
) -> None:
    (dovecot.mail_folder("director") / "new" / "1").write_bytes(LETTER)
    (tmp_path / "officials.csv").write_text(OFFICIALS)
    with running(Versitygw(server_folder / "versitygw", tls=True)) as s3:
        postgres.drop_database("capstone")
        admin = urlsplit(postgres.superuser_url)
        ours = {
            "https://objects.agency.example:9000": s3.endpoint_url,
            "/etc/ssl/agency-ca.pem": str(s3.ca_file),
            "db.agency.example:5432": admin.netloc.rpartition("@")[2],
            "https://search.agency.example:9200": elasticsearch.url,
            "/etc/ssl/search-ca.pem": str(elasticsearch.ca_file),
            '"mail.agency.example"': '"127.0.0.1"',
            "port = 993": f"port = {dovecot.tls_port}",
            "/etc/ssl/mail-ca.pem": str(dovecot.ca_file),
        }
        first, second = blocks("console")
        (settings,) = blocks("toml")
        lines = [f"{line.removeprefix('$ ')}\n" for line in first.splitlines()]
        lines += [f"cat > etc/capstone.toml <<'END'\n{settings}END\n"]
        lines += [f"{line.removeprefix('$ ')}\n" for line in second.splitlines()]
        script = "".join(lines)
        for theirs, own in ours.items():
            assert theirs in script
            script = script.replace(theirs, own)
        done = subprocess.run(
            ["bash", "-euxc", script],
            cwd=tmp_path,
            env={
                "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
                "HOME": str(tmp_path),
                "ADMIN_URL": postgres.superuser_url,
                "INDEX_API_KEY": elasticsearch.api_key("readme"),
                "MAIL_PASSWORD": dovecot.password,
                "AWS_ACCESS_KEY_ID": s3.access_key,
                "AWS_SECRET_ACCESS_KEY": s3.secret_key,
            },
            capture_output=True,
            timeout=300,
        )
    told = done.stdout.decode()
    assert done.returncode == 0, f"{told}\n{done.stderr.decode()}"
    assert "1 found, 1 shown" in told
    assert "Checked 1 records" in told
