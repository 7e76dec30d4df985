"""A bare bulk of documents that are there already: URL CA_FILE KEY_FILE DOCUMENTS LAYOUT THREADS.

DOCUMENTS is a file of JSON lines as `write_documents` makes it. LAYOUT says into which indices they go: `one` for all, or
`years` as the archive has them. Measured is the time of the bulk alone; documents are read and indices made before.
"""

from __future__ import annotations

import json
import sys
import time
from collections import deque
from pathlib import Path
from typing import Any
from uuid import uuid4

from elasticsearch import Elasticsearch
from elasticsearch.helpers import parallel_bulk, scan


def write_documents(client: Elasticsearch, name: str, file: Path) -> int:
    """Every document of the archive's index, with the mapping on the first line; how many there are."""
    described = client.indices.get(index=f"{name}-*").body
    mapping = next(iter(described.values()))["mappings"]
    rows = [(row["_index"].rpartition("-")[2], row["_id"], row["_source"]) for row in scan(client, index=name, size=500)]
    rows.sort(key=lambda row: row[1])  # by digest: years come mixed, as in mail that is captured
    with file.open("w") as out:
        for line in (mapping, *rows):
            out.write(json.dumps(line) + "\n")
    return len(rows)


def main() -> None:
    """Print how many seconds the bulk took."""
    url, ca_file, key_file, documents, layout, threads = sys.argv[1:]
    client = Elasticsearch(url, ca_certs=ca_file, api_key=Path(key_file).read_text(), connections_per_node=int(threads))
    name = f"bare-{uuid4().hex[:10]}"
    with Path(documents).open() as lines:
        mapping = json.loads(next(lines))
        actions = [_action(name, layout, *json.loads(line)) for line in lines]
    for index in {action["_index"] for action in actions}:
        client.indices.create(index=index, mappings=mapping, settings={"number_of_shards": 1, "number_of_replicas": 0})
    began = time.monotonic()
    deque(parallel_bulk(client, actions, thread_count=int(threads)), maxlen=0)
    took = time.monotonic() - began
    for index in {action["_index"] for action in actions}:
        client.indices.delete(index=index)
    print(json.dumps({"seconds": took, "documents": len(actions)}))


def _action(name: str, layout: str, year: str, record_id: str, source: dict[str, Any]) -> dict[str, Any]:
    return {"_index": f"{name}-{year}" if layout == "years" else name, "_id": record_id, "_source": source}


if __name__ == "__main__":
    main()
