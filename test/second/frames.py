"""Frames to and from bytes (section "Frames" of sharing/PROTOCOL.md)."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

CHUNK_SIZE = 1_048_576
DIGEST_SIZE = 32


class Breach(Exception):
    """The other side left the protocol."""


@dataclass(frozen=True)
class MessageFrame:
    body: bytes


@dataclass(frozen=True)
class ChunkFrame:
    """Announces one chunk, whose bytes follow as data."""

    id: int
    file: int
    chunk: int
    length: int
    digest: bytes


@dataclass(frozen=True)
class DataFrame:
    bytes: bytes


@dataclass(frozen=True)
class DigestsFrame:
    id: int
    file: int
    first: int
    digests: bytes


Frame = MessageFrame | ChunkFrame | DataFrame | DigestsFrame


def encode_frame(frame: Frame) -> bytes:
    """One frame with its header."""
    match frame:
        case MessageFrame(body):
            kind = 1
        case ChunkFrame(one, file, chunk, length, digest):
            kind, body = 2, struct.pack(">IIII", one, file, chunk, length) + digest
        case DataFrame(body):
            kind = 3
        case DigestsFrame(one, file, first, digests):
            kind, body = 4, struct.pack(">III", one, file, first) + digests
    _judge_header(kind, len(body))
    return struct.pack(">I", kind << 24 | len(body)) + body


class FrameDecoder:
    """Takes bytes as they come and gives the frames that are whole; raises Breach."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._open = 0  # bytes of the announced chunk that are still to come

    @property
    def at_boundary(self) -> bool:
        """Whether nothing of a frame or of a chunk is still to come."""
        return not self._bytes and self._open == 0

    def push(self, data: bytes) -> Iterator[Frame]:
        self._bytes += data
        while len(self._bytes) >= 4:
            header = int.from_bytes(self._bytes[:4], "big")
            kind, length = header >> 24, header & 0xFFFFFF
            _judge_header(kind, length)
            if len(self._bytes) < 4 + length:
                return
            body = bytes(self._bytes[4 : 4 + length])
            del self._bytes[: 4 + length]
            yield self._frame(kind, body)

    def _frame(self, kind: int, body: bytes) -> Frame:
        if kind == 1:
            return MessageFrame(body)
        if kind == 2:
            frame = ChunkFrame(*struct.unpack(">IIII", body[:16]), body[16:])
            if self._open > 0:
                raise Breach("a chunk in the middle of another")
            if not 1 <= frame.length <= CHUNK_SIZE:
                raise Breach("a chunk of a length that there is not")
            self._open = frame.length
            return frame
        if kind == 3:
            if len(body) > self._open:
                raise Breach("more data than announced")
            self._open -= len(body)
            return DataFrame(body)
        return DigestsFrame(*struct.unpack(">III", body[:12]), body[12:])


def _judge_header(kind: int, length: int) -> None:
    """ "Any other kind or length is a breach, judged on the four header bytes"."""
    legal = (
        (kind == 1 and 2 <= length <= 65_536)
        or (kind == 2 and length == 48)
        or (kind == 3 and 1 <= length <= CHUNK_SIZE)
        or (kind == 4 and length % 32 == 12 and 1 <= length // 32 <= 1024)
    )
    if not legal:
        raise Breach(f"a frame of kind {kind} and length {length}")
