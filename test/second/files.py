"""Files while they arrive (sections "Chunks", "Digests" and, in short, "Landing" of sharing/PROTOCOL.md)."""

import hashlib
import os
import secrets
from pathlib import Path

from blake3 import blake3
from frames import CHUNK_SIZE, Breach, ChunkFrame


def digest_of(algorithm: str, data: bytes) -> bytes:
    """By the name of the welcome."""
    return blake3(data) if algorithm == "blake3" else hashlib.sha256(data).digest()


def whole_digest(algorithm: str, size: int, digests: list[bytes]) -> str:
    """The digest of a file as text, from those of its chunks ("Digests")."""
    if len(digests) == 1:
        return f"{algorithm}:{digests[0].hex()}"
    data = size.to_bytes(8, "big") + b"".join(digests) if digests else b""
    return f"{algorithm}:{digest_of(algorithm, data).hex()}"


class Damaged(Exception):
    """A chunk is not what its header says."""


class Arriving:
    """A file under a name of chance beside its place; nobody sees it under its own before it is whole."""

    def __init__(self, folder: Path, size: int, time: int, algorithm: str) -> None:
        self._file = folder / f".{secrets.token_hex(16)}.part"
        self._handle = os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
        self._time = time
        self._algorithm = algorithm
        self._digests: list[bytes | None] = [None] * -(-size // CHUNK_SIZE)
        self.size = size

    def put(self, header: ChunkFrame, data: bytes) -> None:
        """Keeps a chunk; raises Damaged, or Breach for one that was not wanted."""
        if header.chunk >= len(self._digests) or self._digests[header.chunk] is not None:
            raise Breach("a chunk that is not wanted")
        if header.length != min(CHUNK_SIZE, self.size - header.chunk * CHUNK_SIZE):
            raise Breach("a chunk of a wrong length")
        if digest_of(self._algorithm, data) != header.digest:
            raise Damaged(f"chunk {header.chunk}")
        os.pwrite(self._handle, data, header.chunk * CHUNK_SIZE)
        self._digests[header.chunk] = header.digest

    def digest(self) -> str:
        """Of the whole file; raises Breach if something is missing."""
        there = [digest for digest in self._digests if digest is not None]
        if len(there) < len(self._digests):
            raise Breach("an end before all was sent")
        return whole_digest(self._algorithm, self.size, there)

    def publish(self, target: Path) -> Path:
        """Syncs it and gives it the first free name that `target` leads to."""
        os.fsync(self._handle)
        os.utime(self._handle, ns=(self._time * 1000, self._time * 1000))
        for number in range(1, 10_000):
            name = target if number == 1 else target.with_name(f"{target.stem} ({number}){target.suffix}")
            try:
                os.link(self._file, name)
            except FileExistsError:
                continue
            self.drop()
            sync_folder(target.parent)
            return name
        raise FileExistsError(target)

    def drop(self) -> None:
        os.close(self._handle)
        self._file.unlink()


def sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    os.fsync(handle)
    os.close(handle)
