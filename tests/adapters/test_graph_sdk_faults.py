"""The official Graph SDK understands what the test server says beside plain reading: batches, deleted items, 429, 410."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from io import BytesIO
from typing import Any, TypeVar

import httpx
import pytest
from kiota_abstractions.base_request_configuration import RequestConfiguration
from kiota_authentication_azure.azure_identity_authentication_provider import AzureIdentityAuthenticationProvider
from msgraph import GraphRequestAdapter, GraphServiceClient
from msgraph.generated.models.o_data_errors.o_data_error import ODataError
from msgraph_core import GraphClientFactory
from msgraph_core.requests.batch_request_builder import BatchRequestBuilder
from msgraph_core.requests.batch_request_content import BatchRequestContent
from msgraph_core.requests.batch_request_item import BatchRequestItem
from msgraph_core.requests.batch_response_content import BatchResponseContent

from tests.adapters.graph_boxes import GraphBox, messages_in
from tests.adapters.test_graph_sdk import Credential
from tests.contracts.mail_source import letter
from tests.fakes.mail_source import Mail
from tests.servers.graph_server import TENANT, GraphServer

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # the SDK warns of its own classes
]
T = TypeVar("T")


class Official:
    """The official SDK with the middleware that it has by default, at one mailbox."""

    def __init__(self, box: GraphBox, http: httpx.AsyncClient, token: str) -> None:
        provider = AzureIdentityAuthenticationProvider(Credential(token), allowed_hosts=["127.0.0.1"])  # type: ignore[arg-type]
        self.adapter = GraphRequestAdapter(provider, GraphClientFactory.create_with_default_middleware(client=http))
        self.adapter.base_url = f"{box.server.url}/v1.0"
        self.user = GraphServiceClient(request_adapter=self.adapter).users.by_user_id(box.mailbox.address)

    def folder(self, name: str) -> Any:
        return self.user.mail_folders.by_mail_folder_id(name)


@asynccontextmanager
async def signed_in(box: GraphBox) -> AsyncIterator[Official]:
    trust = ssl.create_default_context(cafile=box.server.ca_file)
    form = {"grant_type": "client_credentials", "client_secret": "right"}
    line = httpx.AsyncHTTPTransport(verify=trust)  # its own: the SDK's middleware does not close what it wraps
    async with httpx.AsyncClient(transport=line) as http, aclosing(line):
        told = await http.post(f"{box.server.url}/{TENANT}/oauth2/v2.0/token", data=form)
        yield Official(box, http, told.json()["access_token"])


def officially(box: GraphBox, work: Callable[[Official], Awaitable[T]]) -> T:
    async def whole() -> T:
        async with signed_in(box) as official:
            return await work(official)

    return asyncio.run(whole())


@pytest.fixture
def box(graph: GraphServer) -> GraphBox:
    made = GraphBox(graph)
    made.fill([*(Mail("INBOX", letter(number)) for number in range(1, 6)), Mail("Sent", letter(6))])
    return made


def test_a_batch_gives_each_answer_under_its_own_id_and_an_error_beside_the_others(box: GraphBox) -> None:
    """Of bodies the SDK's batches read those in base64 only, as other types than JSON come."""
    (sent,) = (one for one in box.mailbox.messages.values() if one.raw == letter(6))
    paths = {"inbox": "mailFolders/inbox", "nowhere": "mailFolders/nowhere", "mime": f"messages/{sent.id}/$value"}

    async def work(official: Official) -> tuple[dict[str, int], BytesIO | None]:
        content = BatchRequestContent()
        for name, path in paths.items():
            request = BatchRequestItem(official.folder("inbox").to_get_request_information(), id=name)
            request.set_url(f"/users/{box.mailbox.address}/{path}")
            content.add_request(name, request)
        told = await BatchRequestBuilder(official.adapter).post(content)
        assert isinstance(told, BatchResponseContent)
        return told.get_response_status_codes(), told.get_response_stream_by_id("mime")

    codes, mime = officially(box, work)
    assert codes == {"inbox": 200, "nowhere": 404, "mime": 200}
    assert mime is not None
    assert mime.getvalue() == letter(6)
    assert box.server.count(r"^POST .*/\$batch$") == 1


def test_recoverable_items_are_listed_below_their_root_and_by_name_as_we_list_them(box: GraphBox) -> None:
    for number, name in enumerate(("Deletions", "Purges", "Versions"), 20):
        box.mailbox.add(f"Recoverable Items/{name}", letter(number))

    async def work(official: Official) -> dict[str, list[bytes]]:
        below = await official.folder("recoverableitemsroot").child_folders.get()
        found = {}
        for folder in below.value:
            page = await official.folder(folder.id).messages.get()
            found[folder.display_name] = [
                bytes(await official.user.messages.by_message_id(one.id).content.get()) for one in page.value
            ]
        by_name = await official.folder("recoverableitemspurges").get()
        assert by_name.display_name == "Purges"
        return found

    ours: dict[str, list[bytes]] = {}
    for item in messages_in(list(box.source().items({}))):
        above, _, name = item.occurrence.place.folder.rpartition("/")
        if above == "Recoverable Items":
            ours.setdefault(name, []).append(item.raw)
    assert {name: raws for name, raws in officially(box, work).items() if raws} == ours
    assert set(ours) == {"Deletions", "Purges", "Versions"}


def test_a_429_with_retry_after_is_waited_for_and_asked_again(box: GraphBox) -> None:
    box.server.fail(r"mailFolders/inbox$", times=1, status=429, code="TooManyRequests", headers={"Retry-After": "1"})
    found = officially(box, lambda official: official.folder("inbox").get())
    assert found.total_item_count == 5
    assert box.server.count(r"^GET .*mailFolders/inbox$") == 2


def test_a_token_that_expired_is_a_410_with_the_address_to_begin_anew(box: GraphBox) -> None:
    async def work(official: Official) -> tuple[int, str, int]:
        delta = official.folder("inbox").messages.delta
        asked: RequestConfiguration[Any] = RequestConfiguration()
        asked.headers.add("Prefer", "odata.maxpagesize=100")
        link = (await delta.get(asked)).odata_delta_link
        assert (await delta.with_url(link).get(asked)).value == []
        box.mailbox.generation += 1
        with pytest.raises(ODataError) as caught:
            await delta.with_url(link).get(asked)
        location = caught.value.response_headers["location"]
        again = await delta.with_url(location).get(asked)
        return caught.value.response_status_code, caught.value.error.code, len(again.value)

    assert officially(box, work) == (410, "SyncStateNotFound", 5)
