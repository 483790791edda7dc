"""The receiver of a `get`: one file ("Transfer"); a folder goes on in batch.py ("Batches")."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from batch import Batch
from channel import Channel
from coming import events
from files import Arriving, Damaged
from frames import Breach
from messages import Message
from session import Refused, Session, expect


def get(session: Session, path: str, target: Path) -> Iterator[dict[str, Any]]:
    """Fetches a file or a folder; yields what arrived and what failed. Raises Refused, Damaged, Breach, Lost."""
    one = session.next_id()
    session.channel.send({"t": "get", "id": one, "path": path})
    offer = expect(session.channel.next(), one, "offer")
    if "batch" in offer:
        yield from Batch(session, one, target).receive(offer)
    else:
        yield receive_file(session, one, offer, target)


def receive_file(session: Session, one: int, offer: Message, target: Path) -> dict[str, Any]:
    """What the sender offers as its only row, without folders and without more pages."""
    if offer["more"] or len(offer["files"]) != 1 or len(offer["files"][0]) != 4:
        raise Breach("an offer that is no single file")
    _, size, time, _tag = offer["files"][0]
    arriving = Arriving(target.parent, size, time, session.digest)
    try:
        session.channel.send({"t": "want", "id": one, "files": [{"want": "all", "file": 0}], "more": False})
        _take_chunks(session.channel, one, arriving)
        digest = arriving.digest()
    except BaseException:
        arriving.drop()
        raise
    name = arriving.publish(target)
    receipt = {"t": "receipt", "id": one, "file": 0, "as": name.name, "size": size, "digest": digest}
    session.channel.send(receipt)
    return {"event": "received", "path": str(name), "size": size, "digest": digest}


def _take_chunks(channel: Channel, one: int, arriving: Arriving) -> None:
    damaged: Damaged | None = None
    for event in events(channel, one):
        if isinstance(event, tuple):
            header, data = event
            if damaged is not None:
                continue
            try:
                arriving.put(header, data)
            except Damaged as error:
                # The sender answers with `end` or `fail`; until then what comes is dropped ("Failing").
                damaged = error
                channel.send({"t": "fail", "id": one, "file": 0, "code": "damaged", "message": str(error)})
                continue
            channel.send({"t": "got", "id": one, "file": 0, "chunk": header.chunk})
        elif event["t"] == "offer":
            raise Breach("another offer")
        elif damaged is not None:
            raise damaged
        elif event["t"] == "fail":
            raise Refused(event["code"], event["message"])
        else:
            return
