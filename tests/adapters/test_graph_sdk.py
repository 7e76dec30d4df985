"""The Graph test server is read without error by the official Graph SDK, which sees what our source sees."""

from __future__ import annotations

import asyncio
import ssl
from typing import Any

import httpx
import pytest
from azure.core.credentials import AccessToken
from kiota_abstractions.base_request_configuration import RequestConfiguration
from kiota_authentication_azure.azure_identity_authentication_provider import AzureIdentityAuthenticationProvider
from msgraph import GraphRequestAdapter, GraphServiceClient
from msgraph.generated.models.exchange_id_format import ExchangeIdFormat
from msgraph.generated.users.item.translate_exchange_ids.translate_exchange_ids_post_request_body import (
    TranslateExchangeIdsPostRequestBody,
)

from tests.adapters.graph_boxes import GraphBox, messages_in
from tests.contracts.mail_source import letter
from tests.fakes.mail_source import Mail
from tests.servers.graph_server import TENANT, GraphServer


class Credential:
    """A token asked for once, as azure-identity would give it."""

    def __init__(self, token: str) -> None:
        self._token = AccessToken(token, 4102444800)

    def get_token(self, *_scopes: str, **_more: Any) -> AccessToken:
        return self._token


class Official:
    """What the official SDK sees of one mailbox."""

    def __init__(self, box: GraphBox, http: httpx.AsyncClient, token: str) -> None:
        provider = AzureIdentityAuthenticationProvider(Credential(token), allowed_hosts=["127.0.0.1"])  # type: ignore[arg-type]
        adapter = GraphRequestAdapter(provider, http)
        adapter.base_url = f"{box.server.url}/v1.0"
        self._user = GraphServiceClient(request_adapter=adapter).users.by_user_id(box.mailbox.address)

    async def folders(self) -> dict[str, Any]:
        """Every folder by path, counts told by the server."""
        from msgraph.generated.users.item.mail_folders.mail_folders_request_builder import MailFoldersRequestBuilder

        query = MailFoldersRequestBuilder.MailFoldersRequestBuilderGetQueryParameters(include_hidden_folders="true")
        page = await self._user.mail_folders.get(RequestConfiguration(query_parameters=query))
        found, level = {}, [("", one) for one in await self._all(page, self._user.mail_folders)]
        while level:
            above, folder = level.pop()
            found[f"{above}{folder.display_name}"] = folder
            below = self._user.mail_folders.by_mail_folder_id(folder.id).child_folders
            level += [(f"{above}{folder.display_name}/", one) for one in await self._all(await below.get(), below)]
        return found

    async def messages(self, folder_id: str) -> list[Any]:
        """Every message of the folder, by delta."""
        delta = self._user.mail_folders.by_mail_folder_id(folder_id).messages.delta
        asked: RequestConfiguration[Any] = RequestConfiguration()
        asked.headers.add("Prefer", 'IdType="ImmutableId"')
        page = await delta.get(asked)
        found = list(page.value)
        while page.odata_next_link:
            page = await delta.with_url(page.odata_next_link).get(asked)
            found += page.value
        assert page.odata_delta_link
        return found

    async def mime(self, message_id: str) -> bytes:
        return bytes(await self._user.messages.by_message_id(message_id).content.get())

    async def ews_ids(self, ids: list[str]) -> list[Any]:
        asked = TranslateExchangeIdsPostRequestBody(
            input_ids=ids, source_id_type=ExchangeIdFormat.RestImmutableEntryId, target_id_type=ExchangeIdFormat.EwsId
        )
        told = await self._user.translate_exchange_ids.post(asked)
        return list(told.value) if told else []

    async def _all(self, page: Any, builder: Any) -> list[Any]:
        found = list(page.value)
        while page.odata_next_link:
            page = await builder.with_url(page.odata_next_link).get()
            found += page.value
        return found


async def seen_officially(box: GraphBox) -> tuple[dict[str, int], dict[tuple[str, str], bytes], list[str]]:
    trust = ssl.create_default_context(cafile=box.server.ca_file)
    form = {"grant_type": "client_credentials", "client_secret": "right"}
    async with httpx.AsyncClient(verify=trust) as http:
        told = await http.post(f"{box.server.url}/{TENANT}/oauth2/v2.0/token", data=form)
        official = Official(box, http, told.json()["access_token"])
        folders = await official.folders()
        counts, raw, ews = {}, {}, []
        for path, folder in folders.items():
            messages = await official.messages(folder.id)
            counts[path] = folder.total_item_count
            assert len(messages) == folder.total_item_count
            for message in messages:
                raw[path, message.id] = await official.mime(message.id)
            if messages:
                ews += [one.target_id for one in await official.ews_ids([one.id for one in messages])]
        return counts, raw, ews


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # the SDK warns of its own classes
def test_the_official_sdk_reads_the_server_and_sees_what_we_see(graph: GraphServer) -> None:
    box = GraphBox(graph)
    mails = [Mail(path, letter(number)) for number, path in enumerate(("INBOX", "Sent", "Projects/Alpha", "Projects/Beta"), 1)]
    box.fill([*mails, *(Mail("INBOX", letter(number)) for number in range(10, 45)), Mail("INBOX/Wide 3/Deep", letter(50))])
    for number in range(12):
        box.mailbox.folder(f"INBOX/Wide {number}")
    box.mailbox.folder("Hidden", is_hidden=True)
    box.mailbox.add("Hidden", letter(55), {"@odata.type": "#microsoft.graph.eventMessageRequest"})
    counts, raw, ews = asyncio.run(seen_officially(box))
    source = box.source()
    ours = {
        (item.occurrence.place.folder, item.occurrence.place.item_id): item.raw for item in messages_in(list(source.items({})))
    }
    assert raw == ours
    assert counts == {folder.path: folder.messages for folder in source.check().folders}
    assert len(ours) == 41
    assert sorted(ews) == sorted(message.ews_id for message in box.mailbox.messages.values())
