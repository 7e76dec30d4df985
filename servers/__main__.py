"""Start servers for a session of work, print where they are, stop them on Ctrl-C.

    python -m servers FOLDER [NAME...]     versitygw postgres elasticsearch dovecot redis; all of them by default

What is printed are the variables that the tests read instead of starting servers of their own.
"""

from __future__ import annotations

import signal
import sys
from contextlib import ExitStack
from pathlib import Path

from servers.dovecot import Dovecot
from servers.elasticsearch import Elasticsearch
from servers.errors import ServerError
from servers.postgres import Postgres
from servers.processes import Server
from servers.redis import Redis
from servers.versitygw import Versitygw

KINDS: dict[str, type[Server]] = {one.name: one for one in (Versitygw, Postgres, Elasticsearch, Dovecot, Redis)}


def variables(server: Server) -> dict[str, str]:
    """What others need to know of a running server."""
    match server:
        case Versitygw():
            return {"CAPSTONE_TEST_S3_URL": server.endpoint_url, **server.environment()}
        case Postgres():
            return {"CAPSTONE_TEST_POSTGRES_URL": server.superuser_url}
        case Elasticsearch():
            where = {"CAPSTONE_TEST_ELASTICSEARCH_URL": server.url, "CAPSTONE_TEST_ELASTICSEARCH_CA_FILE": str(server.ca_file)}
            return where | {"CAPSTONE_TEST_ELASTICSEARCH_API_KEY": server.api_key("session")}
        case Redis():
            return {"CAPSTONE_TEST_REDIS_URL": server.url}
    return {}


def main(arguments: list[str]) -> int:
    """Entry point."""
    if not arguments or not set(arguments[1:]) <= KINDS.keys():
        print(__doc__, file=sys.stderr)
        return 2
    folder, names = Path(arguments[0]), arguments[1:] or list(KINDS)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with ExitStack() as stopping:
            for name in names:
                server = stopping.enter_context(KINDS[name].started(folder / name))
                print(f"# {name} on port {server.port}, log {server.log}", flush=True)
                for key, value in variables(server).items():
                    print(f"export {key}={value}", flush=True)
            print("# stop: Ctrl-C", flush=True)
            while True:
                signal.pause()
    except KeyboardInterrupt:
        return 0
    except ServerError as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
