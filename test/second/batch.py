"""The receiver of a folder, with all that is in it (section "Batches" of sharing/PROTOCOL.md)."""

import os
import secrets
import shutil
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from coming import events
from files import Arriving, Damaged, sync_folder
from frames import CHUNK_SIZE, Breach, ChunkFrame
from messages import Message
from names import judge_path
from session import Refused, Session

_LARGE_AT_ONCE = 2
_RECEIPT_AFTER = 1_048_576  # bytes of small files; the sender allows 8 MiB

Report = dict[str, Any]


class Batch:
    """One top folder, which grows beside its place and appears whole."""

    def __init__(self, session: Session, one: int, target: Path) -> None:
        self._session, self._one, self._target = session, one, target
        self._stage = target.with_name(f".{secrets.token_hex(16)}.tree")
        self._folders: dict[str, int] = {}  # path to time, in the order of the rows
        self._rows: list[list[Any]] = []
        self._small: deque[int] = deque()  # wanted and not come
        self._large: dict[int, Arriving] = {}
        self._large_later: deque[int] = deque()
        self._stored: list[int] = []
        self._bytes = 0
        self._ended = False

    def receive(self, offer: Message) -> Iterator[Report]:
        """Takes all of it and puts it in place; yields a report for each file and the folder."""
        try:
            yield from self._receive(offer)
        except BaseException:
            for arriving in self._large.values():
                arriving.drop()
            shutil.rmtree(self._stage, ignore_errors=True)
            raise

    def _receive(self, offer: Message) -> Iterator[Report]:
        yield from self._judge(offer)
        coming = events(self._session.channel, self._one)
        while not self._over():
            event = next(coming)
            if isinstance(event, tuple):
                yield from self._chunk(*event)
            elif event["t"] == "offer":
                yield from self._judge(event)
            elif event["t"] == "end":
                yield from self._end(event["file"])
            else:
                yield from self._fail(event)
        yield self._place()
        self._say("finished")

    def _over(self) -> bool:
        return self._ended and not (self._small or self._large or self._large_later)

    def _judge(self, offer: Message) -> Iterator[Report]:
        """Looks at a page of rows and says what is wanted of it ("Judging")."""
        if self._ended or "batch" not in offer:
            raise Breach("an offer after the last")
        self._ended = not offer["more"]
        small: list[int] = []
        for row in offer["files"]:
            self._row(len(self._rows), row, small)
            self._rows.append(row)
        wanted = [at for at in small if self._rows[at][1] > 0]
        self._small.extend(wanted)
        self._want(ranges(wanted), judged=True)
        for at in set(small).difference(wanted):
            yield self._store_small(at, b"")
        self._receipts()
        if "left" in offer:
            yield {"event": "left", **offer["left"]}

    def _row(self, at: int, row: list[Any], small: list[int]) -> None:
        path: str = row[0]
        if isinstance(row[1], str):
            raise Refused(row[1], row[2])
        parent, _, name = path.rpartition("/")
        if judge_path(path) is not None or name == "":
            raise Breach("a name that there is not")
        if parent not in self._folders and not (at == 0 and parent == ""):
            raise Breach("a row outside of its folder")
        if at == 0 and len(row) != 2:
            raise Breach("no folder at the top")
        if len(row) == 2:
            self._place_of(path).mkdir()
            self._folders[path] = row[1]
        elif len(row) == 3 and row[1] <= CHUNK_SIZE:
            small.append(at)
        elif len(row) == 4 and row[1] > CHUNK_SIZE:
            self._large_later.append(at)
        else:
            raise Breach("a row of a wrong size")

    def _place_of(self, path: str) -> Path:
        """Where it grows: the name at the top, which is the sender's, is not ours."""
        return self._stage.joinpath(*path.split("/")[1:])

    def _want(self, wanted: list[list[int]], *, judged: bool) -> None:
        files = []
        while self._large_later and len(self._large) < _LARGE_AT_ONCE:
            at = self._large_later.popleft()
            path, size, time, _tag = self._rows[at]
            self._large[at] = Arriving(self._place_of(path).parent, size, time, self._session.digest)
            files.append({"want": "all", "file": at})
        if judged or files:
            self._say("want", files=files, all=wanted, judged=len(self._rows), more=False)

    def _chunk(self, header: ChunkFrame, data: bytes) -> Iterator[Report]:
        arriving = self._large.get(header.file)
        if arriving is not None:
            arriving.put(header, data)
            self._say("got", file=header.file, chunk=header.chunk)
            return
        if not self._small or self._small[0] != header.file:
            raise Breach("a small file out of turn")
        at = self._small.popleft()
        yield self._store_small(at, data, header)
        self._receipts()

    def _store_small(self, at: int, data: bytes, header: ChunkFrame | None = None) -> Report:
        path, size, time = self._rows[at]
        place = self._place_of(path)
        arriving = Arriving(place.parent, size, time, self._session.digest)
        try:
            if header is not None:
                arriving.put(header, data)
        except Damaged as error:
            arriving.drop()
            self._say("fail", file=at, code="damaged", message=str(error))
            return {"event": "failed", "path": path, "code": "damaged"}
        digest = arriving.digest()
        arriving.publish(place)
        self._stored.append(at)
        self._bytes += size
        return {"event": "received", "path": path, "size": size, "digest": digest}

    def _receipts(self) -> None:
        """Not for each file: at the latest when nothing more is to come for now ("Small files")."""
        if self._stored and (not self._small or self._bytes >= _RECEIPT_AFTER):
            self._say("receipts", stored=ranges(self._stored), named=[])
            self._stored, self._bytes = [], 0

    def _end(self, at: int) -> Iterator[Report]:
        arriving = self._large.pop(at, None)
        if arriving is None:
            raise Breach("an end of nothing")
        path, size = self._rows[at][:2]
        digest = arriving.digest()
        name = arriving.publish(self._place_of(path)).name
        self._say("receipt", file=at, **{"as": name, "size": size, "digest": digest})
        yield {"event": "received", "path": path, "size": size, "digest": digest}
        self._want([], judged=False)

    def _fail(self, message: Message) -> Iterator[Report]:
        at = message["file"]
        if at >= len(self._rows):
            raise Breach("a fail of nothing")
        if at in self._large:
            self._large.pop(at).drop()
            self._want([], judged=False)
        elif at in self._small:
            self._small.remove(at)
            self._receipts()
        elif len(self._rows[at]) != 2:
            return
        yield {"event": "failed", "path": self._rows[at][0], "code": message["code"]}

    def _place(self) -> Report:
        for path, time in reversed(self._folders.items()):
            folder = self._place_of(path)
            sync_folder(folder)
            os.utime(folder, ns=(time * 1000, time * 1000))
        if self._target.exists():
            raise Refused("no-right", f"{self._target} is there already")
        self._stage.rename(self._target)
        sync_folder(self._target.parent)
        self._say("placed", file=0, **{"as": self._target.name})
        return {"event": "folder", "path": str(self._target)}

    def _say(self, kind: str, **keys: Any) -> None:
        self._session.channel.send({"t": kind, "id": self._one, **keys})


def ranges(numbers: list[int]) -> list[list[int]]:
    """Ascending numbers as ranges of [from, to)."""
    found: list[list[int]] = []
    for number in sorted(numbers):
        if found and found[-1][1] == number:
            found[-1][1] += 1
        else:
            found.append([number, number + 1])
    return found
