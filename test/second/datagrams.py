"""Probe and reply to and from bytes (sections "Probe" and "Reply" of discovery/PROTOCOL.md)."""

import json
import re
from dataclasses import dataclass

from names import clean_name, is_id, strip_end, strip_space

PROBE = b"SERVICE DISCOVERY"
LONGEST_REPLY = 512
_WORDS = "'s File Sharing Service"


@dataclass(frozen=True)
class Reply:
    """What a server says of itself. Of a legacy one only name and port are known."""

    name: str
    port: int
    id: str | None = None
    run: str | None = None
    code: bool | None = None
    newer: bool = False


def is_probe(data: bytes) -> bool:
    """Whether a responder may answer this ("Probe")."""
    if not data.startswith(PROBE):
        return False
    rest = data[len(PROBE) :]
    if rest in (b"", b"\r", b"\n", b"\r\n"):
        return True
    return rest[:1] == b" " and len(rest) <= 401 and _WORDS.encode() not in rest


def encode_reply(reply: Reply) -> bytes:
    """The two lines, each ended by LF ("Reply")."""
    name = clean_name(reply.name) or "unnamed"
    body = {"svc": "lanpost", "v": 1, "id": reply.id, "run": reply.run, "name": name}
    body |= {"port": reply.port, "code": reply.code}
    line = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return f"{name}{_WORDS}\n{line}\n".encode()


def decode_reply(data: bytes) -> Reply | None:
    """The reply, or None where it is malformed; the order is that of the document."""
    if len(data) > LONGEST_REPLY:
        return None
    try:
        first, _, rest = data.decode().partition("\n")
    except UnicodeDecodeError:
        return None
    line = strip_end(first)
    if not line.endswith(_WORDS) or len(line) == len(_WORDS) or re.search("[\r\u2028\u2029]", line):
        return None
    if strip_space(rest) == "":
        name = clean_name(line[: -len(_WORDS)])
        return Reply(name, 30001) if name else None
    return _announced(rest)


def _announced(text: str) -> Reply | None:
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(body, dict) or body.get("svc") != "lanpost":
        return None
    version, port, code = whole(body.get("v"), 1, 99), whole(body.get("port"), 1, 65535), body.get("code")
    texts = [body.get(key) for key in ("id", "run", "name")]
    if version is None or port is None or not isinstance(code, bool):
        return None
    if not all(isinstance(text, str) for text in texts):
        return None
    device, run, name = texts[0], texts[1], clean_name(texts[2])
    if not is_id(device) or not re.fullmatch("[A-Za-z0-9_-]{8}", run) or not name:
        return None
    return Reply(name, port, device, run, code, version > 1)


def whole(value: object, least: int, most: int) -> int | None:
    """A number of JSON without a fraction, or None; `true` is no number, `1.0` is 1."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if value != value or value in (float("inf"), float("-inf")) or value != int(value):
        return None
    return int(value) if least <= value <= most else None
