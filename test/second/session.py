"""A client's session: hello, trust, pairing and lists (sections "Session", "Pairing", "Trust")."""

import hmac
import secrets
from collections.abc import Callable

import cpace
import ristretto
from channel import Channel, Item, Lost
from device import Device, Known
from frames import Breach
from messages import Message
from names import judge_path, read_code

MOST_ROWS = 100_000


class Refused(Exception):
    """The other side, or this one, says no: a code of the section "Refusals" and words."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Session:
    """Welcomed by a server; `digest` is the algorithm that both use."""

    def __init__(self, channel: Channel, welcome: Message) -> None:
        self.channel = channel
        self.digest: str = welcome["digest"]
        self.welcome = welcome
        self._id = 0

    def next_id(self) -> int:
        """Each is larger than any before."""
        self._id += 1
        return self._id

    def list(self, path: str) -> list[list[object]]:
        """All rows of a folder: name, kind, size, time in microseconds."""
        one, rows = self.next_id(), []
        self.channel.send({"t": "list", "id": one, "path": path})
        while True:
            page = expect(self.channel.next(), one, "entries")
            rows += page["rows"]
            if len(rows) > MOST_ROWS or (page["more"] and not page["rows"]):
                raise Breach("pages that do not end")
            if not page["more"]:
                return [row for row in rows if judge_path(row[0]) is None and "/" not in row[0]]

    def bye(self) -> None:
        """Ends the session and waits for the server's word."""
        self.channel.send({"t": "bye"})
        while self.channel.next() != {"t": "bye"}:
            pass


def expect(item: Item, one: int | None, *kinds: str) -> Message:
    """The message, if it is of these kinds and for this request; a refusal is raised, all else a breach."""
    if isinstance(item, dict):
        kind = item["t"]
        if kind == "denied" or (kind in ("error", "stop") and item.get("id", one) == one):
            raise Refused(item["code"], item["message"])
        if kind == "bye":
            raise Lost("the server stops")
        if kind in kinds and item.get("id", one) == one:
            return item
    raise Breach("something that nobody asked for")


def begin(
    channel: Channel,
    device: Device,
    known: Known,
    where: tuple[str, int],
    *,
    pin: str | None = None,
    code: str | None = None,
    digests: tuple[str, ...] = ("blake3", "sha256"),
    version: int = 1,
) -> Session:
    """Judges the server's key, says hello and pairs if there is a code for it."""
    stranger = judge_key(channel.server_id, device, known, where, pin)
    hello = {"t": "hello", "v": version, "features": [], "digests": list(digests), "purpose": "control"}
    channel.send(hello | {"name": "python"} | ({"pair": True} if code else {}))
    answer = expect(channel.next(), None, "welcome", "pair")
    if answer["t"] == "pair":
        if code is None:
            channel.send({"t": "bye"})
            raise Refused("not-known", "the server asks for a code")
        run_pairing(channel, device, code, secrets.randbelow)
        known.add_peer(channel.server_id, answer["name"])
        answer = expect(channel.next(), None, "welcome")
    elif stranger and answer["as"] != "open":
        raise Breach("a stranger that says it knows us")
    elif stranger:
        known.saw(*where, channel.server_id)
    if answer["digest"] not in digests:
        raise Breach("a digest that was not offered")
    return Session(channel, answer)


def judge_key(server: str, device: Device, known: Known, where: tuple[str, int], pin: str | None) -> bool:
    """Whether the server is a stranger; raises Refused when another key was expected ("Trust")."""
    if pin is not None and server != pin:
        raise Refused("another-key", f"expected {pin}, found {server}")
    if pin is not None or server == device.id or known.knows(server):
        return False
    seen = known.seen_at(*where)
    if seen is not None and server != seen:
        raise Refused("another-key", f"expected {seen}, found {server}")
    return True


def run_pairing(channel: Channel, device: Device, code: str, below: Callable[[int], int]) -> None:
    """The client's side of a run; raises Refused when the server does not know the code."""
    symbols = read_code(code)
    if symbols is None:
        raise Refused("wrong-code", "this cannot be a code")
    sid = channel.exporter()
    ci = cpace.channel_identity(device.id, channel.server_id)
    scalar = 1 + below(ristretto.ORDER - 1)
    own = cpace.share_of(scalar, cpace.generator(symbols.encode(), ci, sid))
    channel.send({"t": "share", "share": own.hex()})
    theirs = bytes.fromhex(expect(channel.next(), None, "share")["share"])
    if theirs == own:
        raise Breach("our own share")
    client, server = cpace.Party(own, device.id.encode()), cpace.Party(theirs, channel.server_id.encode())
    key = cpace.shared_key(scalar, theirs, sid, client, server)
    channel.send({"t": "proof", "proof": cpace.confirmation(key, sid, client).hex()})
    proof = bytes.fromhex(expect(channel.next(), None, "proof")["proof"])
    if not hmac.compare_digest(proof, cpace.confirmation(key, sid, server)):
        raise Refused("wrong-code", "the server does not know the code")
