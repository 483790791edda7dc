#!/usr/bin/env python3
"""What this implementation makes of the vectors: `vectors.py <folder of vectors>` prints one JSON object.

Its keys are the files, its values a list with one outcome for each vector in them, in their order.
"""

import json
import sys
from collections.abc import Callable
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

import cpace
import ristretto
from datagrams import PROBE, Reply, decode_reply, encode_reply, is_probe
from device import id_of
from files import digest_of, whole_digest
from frames import CHUNK_SIZE, Breach, FrameDecoder, encode_frame
from messages import decode_message, encode_message
from names import base32, clean_name, judge_path, read_code

Vector = dict[str, Any]


def main(folder: Path) -> None:
    results = {
        name: [outcome(vector) for vector in _vectors(folder / f"{name}.json")]
        for name, outcome in _OUTCOMES.items()
    }
    print(json.dumps(results))


def _vectors(file: Path) -> list[Vector]:
    """A list, or one alone."""
    read = json.loads(file.read_text("utf-8"))
    return read if isinstance(read, list) else [read]


def _bytes(vector: Vector) -> bytes:
    return bytes.fromhex(vector["hex"]) if "hex" in vector else vector["text"].encode()


def _probe(vector: Vector) -> Any:
    return {"outcome": "probe" if is_probe(_bytes(vector)) else "malformed", "sent": PROBE.decode()}


def _reply(vector: Vector) -> Any:
    """In the words of replies.json, and what this side would send for it."""
    reply = decode_reply(_bytes(vector))
    if reply is None:
        return {"outcome": {"kind": "malformed"}}
    if reply.id is None:
        return {"outcome": {"kind": "legacy", "name": reply.name}}
    told = {key: getattr(reply, key) for key in ("id", "run", "name", "port", "code")}
    outcome = {"kind": "announcement", "announcement": told, "newer": reply.newer}
    return {"outcome": outcome, "sent": encode_reply(Reply(**told)).decode()}


def _frame(vector: Vector) -> Any:
    """The frames, once cut into single bytes, and the bytes that they are encoded to."""
    data = bytes.fromhex(vector["hex"])
    try:
        decoder = FrameDecoder()
        frames = [frame for at in range(len(data)) for frame in decoder.push(data[at : at + 1])]
    except Breach:
        return {"breach": True}
    plain = [{"t": _kind(frame), **_hex(asdict(frame))} for frame in frames]
    return {"frames": plain, "hex": b"".join(map(encode_frame, frames)).hex()}


def _kind(frame: object) -> str:
    assert is_dataclass(frame)
    return type(frame).__name__.removesuffix("Frame").lower()


def _hex(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value.hex() if isinstance(value, bytes) else value for key, value in values.items()}


def _message(vector: Vector) -> Any:
    """What it means, after a way through bytes and back for a known kind."""
    try:
        message = decode_message(vector["text"].encode())
    except Breach:
        return "breach"
    return message if message["t"] == "unknown" else decode_message(encode_message(message))


def _device(vector: Vector) -> Any:
    if "certificate" in vector:
        return id_of(bytes.fromhex(vector["certificate"]))
    return base32(bytes.fromhex(vector["sha256"]))


def _digest(vector: Vector) -> Any:
    algorithm, size = vector["algorithm"], vector["size"]
    data = bytes(at % 251 for at in range(size))
    chunks = [digest_of(algorithm, data[at : at + CHUNK_SIZE]) for at in range(0, size, CHUNK_SIZE)]
    return whole_digest(algorithm, size, chunks)


def _pairing(vector: Vector) -> Any:
    """All that both sides send, from the code, the ids, the exporter and the scalars."""
    prs, sid = vector["code"].encode(), bytes.fromhex(vector["exporter"])
    ci = cpace.channel_identity(vector["client"], vector["server"])
    base = cpace.generator(prs, ci, sid)
    ya, yb = (int.from_bytes(bytes.fromhex(vector[key]), "little") for key in ("ya", "yb"))
    client = cpace.Party(cpace.share_of(ya, base), vector["client"].encode())
    server = cpace.Party(cpace.share_of(yb, base), vector["server"].encode())
    key = cpace.shared_key(ya, server.share, sid, client, server)
    sent = {"CI": ci, "generator": ristretto.encode(base), "Ya": client.share, "Yb": server.share, "ISK": key}
    sent |= {"Ta": cpace.confirmation(key, sid, client), "Tb": cpace.confirmation(key, sid, server)}
    return _hex(sent)


def _cpace(vector: Vector) -> Any:
    """The draft's own values."""
    given = {key: bytes.fromhex(value) for key, value in vector.items() if key != "source"}
    base = cpace.generator(given["PRS"], given["CI"], given["sid"])
    ya, yb = (int.from_bytes(given[f"y{side}_little_endian"], "little") for side in "ab")
    client = cpace.Party(cpace.share_of(ya, base), given["ADa"])
    server = cpace.Party(cpace.share_of(yb, base), given["ADb"])
    keys = {cpace.shared_key(y, other.share, given["sid"], client, server) for y, other in ((ya, server), (yb, client))}
    sent = {"g": ristretto.encode(base), "Ya": client.share, "Yb": server.share, "ISK_ir": keys.pop()}
    assert not keys
    return _hex(sent)


_OUTCOMES: dict[str, Callable[[Vector], Any]] = {
    "discovery/probes": _probe,
    "discovery/replies": _reply,
    "discovery/names": lambda vector: clean_name(vector["text"]),
    "sharing/frames": _frame,
    "sharing/messages": _message,
    "sharing/ids": _device,
    "sharing/codes": lambda vector: read_code(vector["typed"]),
    "sharing/paths": lambda vector: judge_path(vector["path"]),
    "sharing/digests": _digest,
    "sharing/pairing": _pairing,
    "sharing/cpace": _cpace,
}

if __name__ == "__main__":
    main(Path(sys.argv[1]))
