"""Wires a mailbox in Microsoft 365 to its adapter."""

from __future__ import annotations

from capstone import settings as config
from capstone.ports import CheckableSource, HeldItems
from capstone.settings import absolute
from connectors.mailboxes.graph.source import CLOUDS, GraphLogin, GraphServer, GraphSource


def open_graph(source: config.GraphSource, held: HeldItems) -> CheckableSource:
    """The source as a port; nothing is read yet. Raises MissingSecret."""
    graph, authority = CLOUDS[source.cloud]
    server = GraphServer(
        url=str(source.url).rstrip("/") if source.url else graph,
        authority=str(source.authority).rstrip("/") if source.authority else authority,
        resource=graph,
        ca_file=absolute(source.ca_file) if source.ca_file else None,
        connect_timeout_s=source.connect_timeout_s,
        timeout_s=source.timeout_s,
        requests=source.requests,
    )
    secret = config.secret(f"sources.{source.name}", "client_secret", source.client_secret_file, source.client_secret_env)
    certificate = absolute(source.certificate_file) if source.certificate_file else None
    login = GraphLogin(source.tenant, source.client_id, secret, certificate)
    return GraphSource(
        source.name, server, login, source.mailbox, source.folders, held,
        archive=source.archive, recoverable=source.recoverable, left_out=source.left_out,
    )  # fmt: skip
