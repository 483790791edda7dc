"""What comes for one transfer, chunks put together again (section "Frames" of sharing/PROTOCOL.md)."""

from collections.abc import Iterator

from channel import Channel
from frames import Breach, ChunkFrame, DataFrame
from messages import Message
from session import expect

Event = Message | tuple[ChunkFrame, bytes]


def events(channel: Channel, one: int) -> Iterator[Event]:
    """Messages, and chunks with all their bytes; messages may stand between those ("Frames")."""
    header, data = None, bytearray()
    while True:
        item = channel.next()
        if isinstance(item, ChunkFrame):
            if item.id != one:
                raise Breach("a chunk for another transfer")
            header, data = item, bytearray()
        elif isinstance(item, DataFrame) and header is not None:
            data += item.bytes
            if len(data) == header.length:
                yield header, bytes(data)
        else:
            yield expect(item, one, "offer", "end", "fail")
