"""The environment that Airflow gets on one machine."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

from scripts.airflow_local import ROOT, environment, free_port


def test_settings_of_another_airflow_are_left_out(tmp_path: Path) -> None:
    inherited = {
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "postgresql://elsewhere/airflow",
        "AIRFLOW_HOME": "/elsewhere",
        "LANG": "C",
    }
    given = environment(tmp_path, inherited=inherited)
    assert "elsewhere" not in " ".join(given.values())
    assert given["AIRFLOW_HOME"] == str(tmp_path / "airflow")
    assert given["LANG"] == "C"


def test_airflow_sees_only_the_dags_of_the_project_and_listens_on_loopback(tmp_path: Path) -> None:
    given = environment(tmp_path, port=4321, inherited={})
    assert given["AIRFLOW__CORE__DAGS_FOLDER"] == str(ROOT / "dags")
    assert given["AIRFLOW__CORE__LOAD_EXAMPLES"] == "False"
    assert given["AIRFLOW__API__HOST"] == "127.0.0.1"
    assert all(":4321" in given[key] for key in ("AIRFLOW__API__BASE_URL", "AIRFLOW__CORE__EXECUTION_API_SERVER_URL"))


def test_the_programs_of_this_environment_are_found_first(tmp_path: Path) -> None:
    assert environment(tmp_path, inherited={"PATH": "/usr/bin"})["PATH"].split(":") == [
        str(Path(sys.executable).parent),
        "/usr/bin",
    ]


def test_a_port_that_is_taken_is_not_chosen() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert free_port(port) != port
    assert free_port(port) == port
