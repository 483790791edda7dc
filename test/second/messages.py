"""Control messages to and from bytes (section "Messages" of sharing/PROTOCOL.md)."""

import json
import re
from collections.abc import Callable
from typing import Any

from datagrams import whole
from frames import Breach

Message = dict[str, Any]
Check = Callable[[Any], Any]

_UINT32 = 2**32 - 1
_SIZE = 2**53 - 1
_MISSING = object()


def encode_message(message: Message) -> bytes:
    """One JSON object, UTF-8."""
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()


def decode_message(body: bytes) -> Message:
    """The message with its known keys; an unknown kind as `unknown`. Raises Breach for anything else."""
    try:
        read = json.loads(body.decode(), parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise Breach("a message that is no JSON") from error
    kind = text(1, 32)(read["t"] if isinstance(read, dict) and "t" in read else None)
    if kind not in _SHAPES:
        unknown = {"t": "unknown", "kind": kind}
        one = whole(read.get("id"), 0, _UINT32)
        return unknown if one is None else unknown | {"id": one}
    return {"t": kind, **shape(**_SHAPES[kind])(read)}


def _no_number(name: str) -> None:
    raise ValueError(name)


def _refuse(what: str) -> Any:
    raise Breach(f"a message with a wrong {what}")


def integer(least: int, most: int) -> Check:
    def check(value: Any) -> int:
        number = whole(value, least, most)
        return _refuse("number") if number is None else number

    return check


def text(least: int, most: int) -> Check:
    """Text of so many characters, counted in code points."""

    def check(value: Any) -> str:
        return value if isinstance(value, str) and least <= len(value) <= most else _refuse("text")

    return check


def pattern(expression: str) -> Check:
    def check(value: Any) -> str:
        return value if isinstance(value, str) and re.fullmatch(expression, value) else _refuse("text")

    return check


def one_of(*values: object) -> Check:
    def check(value: Any) -> Any:
        return value if any(value is v or (value == v and isinstance(v, str)) for v in values) else _refuse("word")

    return check


def many(check_one: Check, most: int) -> Check:
    def check(value: Any) -> list[Any]:
        return [check_one(one) for one in value] if isinstance(value, list) and len(value) <= most else _refuse("list")

    return check


def some(check_many: Check) -> Check:
    """One at least."""
    return lambda value: check_many(value) or _refuse("list")


def row(*checks: Check) -> Check:
    def check(value: Any) -> list[Any]:
        if not isinstance(value, list) or len(value) != len(checks):
            return _refuse("row")
        return [check_one(one) for check_one, one in zip(checks, value, strict=True)]

    return check


def either(by_length: dict[int, Check]) -> Check:
    """Rows that are told apart by their length."""

    def check(value: Any) -> Any:
        return by_length[len(value)](value) if isinstance(value, list) and len(value) in by_length else _refuse("row")

    return check


def shape(**checks: Check) -> Check:
    """An object; a key whose name here ends with `_` need not be there. Unknown keys are left out."""

    def check(value: Any) -> Message:
        if not isinstance(value, dict):
            return _refuse("object")
        result: Message = {}
        for key, check_one in checks.items():
            name = key.rstrip("_")
            found = value.get(name, _MISSING)
            if found is not _MISSING:
                result[name] = check_one(found)
            elif not key.endswith("_"):
                _refuse(name)
        return result

    return check


def _want(value: Any) -> Message:
    kinds: dict[Any, dict[str, Check]] = {
        "all": {},
        "ranges": {"ranges": RANGES},
        "digests": {},
        "nothing": {"reason": one_of("identical", "skipped", "staged"), "as": NAME, "digest_": DIGEST},
        "refused": TROUBLE,
    }
    kind = value.get("want") if isinstance(value, dict) else None
    if not isinstance(kind, str) or kind not in kinds:
        return _refuse("want")
    return shape(want=one_of(kind), file=NUMBER, **kinds[kind])(value)


NUMBER = integer(0, _UINT32)
SIZE = integer(0, _SIZE)
TIME = integer(-_SIZE, _SIZE)
CODE = text(1, 32)
NAME = text(1, 256)
PATH = text(0, 4096)
FEATURES = many(CODE, 32)
RIGHTS = many(one_of("read", "write", "replace"), 3)
TOKEN = pattern("[0-9a-f]{32}")
TAG = pattern("[0-9a-f]{32}")
DIGEST = pattern("(blake3|sha256):[0-9a-f]{64}")
YES = one_of(True)
BOOLEAN = one_of(True, False)
VERSION = integer(1, 1000)
RANGES = many(row(NUMBER, NUMBER), 1000)
FACTS = shape(size_=SIZE, free_=SIZE, limit_=SIZE)
TROUBLE: dict[str, Check] = {"code": CODE, "message": text(0, 512), "facts_": FACTS}
ENTRY = row(NAME, one_of("file", "folder"), SIZE, TIME)
SMALL = row(PATH, SIZE, TIME)
NOT_OFFERED = row(PATH, text(1, 32), text(0, 512))
OFFERED = {
    2: row(PATH, TIME),
    3: lambda value: (NOT_OFFERED if isinstance(value[1], str) else SMALL)(value),
    4: row(PATH, SIZE, TIME, TAG),
}
POLICY = one_of("number", "overwrite", "update", "skip")
LEFT = shape(links=NUMBER, hidden=NUMBER)
ID = text(52, 52)
ANY_NAME = text(0, 256)
CLIENT = shape(
    id=ID, name=ANY_NAME, address=text(0, 64), rights=RIGHTS, since=TIME,
    **{"as": one_of("owner", "peer", "open")},
)  # fmt: skip
TRANSFER = shape(
    id=ID, name=ANY_NAME, direction=one_of("in", "out"), path=PATH, bytes=SIZE, size=SIZE, rate=SIZE,
    files_=shape(done=NUMBER, of=NUMBER, counted=BOOLEAN),
)  # fmt: skip
FIGURES = shape(
    uptime=SIZE, clients=NUMBER, transfers=NUMBER, filesIn=SIZE, filesOut=SIZE, bytesIn=SIZE, bytesOut=SIZE,
    refused=SIZE, paired=SIZE, maxClients=NUMBER, maxFileSize=SIZE, quota=SIZE, keepFree=SIZE, free_=SIZE,
)  # fmt: skip

_SHAPES: dict[str, dict[str, Check]] = {
    "hello": {
        "v": VERSION, "features": FEATURES, "digests": some(many(CODE, 8)), "purpose": one_of("control", "lane"),
        "name": NAME, "pair_": BOOLEAN, "token_": TOKEN,
    },
    "welcome": {
        "v": VERSION, "features": FEATURES, "digest": one_of("blake3", "sha256"),
        "as": one_of("owner", "peer", "open"), "rights": RIGHTS, "name": NAME,
    },
    "denied": TROUBLE,
    "pair": {"name": NAME},
    "share": {"share": pattern("[0-9a-f]{64}")},
    "proof": {"proof": pattern("[0-9a-f]{128}")},
    "new-code": {"id": NUMBER, "uses": integer(1, 100)},
    "shutdown": {"id": NUMBER},
    "code": {"id": NUMBER, "code": CODE, "expires": SIZE, "voids": integer(0, 100)},
    "status": {"id": NUMBER},
    "state": {
        "id": NUMBER, "clients": many(CLIENT, 500), "transfers": many(TRANSFER, 500), "more": BOOLEAN,
        "figures_": FIGURES,
    },
    "list": {"id": NUMBER, "path": PATH},
    "entries": {"id": NUMBER, "rows": many(ENTRY, 500), "more": BOOLEAN},
    "get": {"id": NUMBER, "path": PATH, "glob_": YES, "further_": many(PATH, 499)},
    "offer": {
        "id": NUMBER, "files": many(either(OFFERED), 500), "more": BOOLEAN, "as_": NAME, "policy_": POLICY,
        "batch_": YES, "left_": LEFT,
    },
    "want": {"id": NUMBER, "files": many(_want, 500), "all_": RANGES, "judged_": NUMBER, "more": BOOLEAN},
    "got": {"id": NUMBER, "file": NUMBER, "chunk": NUMBER, "also_": many(NUMBER, 7)},
    "end": {"id": NUMBER, "file": NUMBER},
    "receipt": {"id": NUMBER, "file": NUMBER, "as": NAME, "size": SIZE, "digest": DIGEST},
    "fail": {"id": NUMBER, "file": NUMBER, **TROUBLE},
    "receipts": {"id": NUMBER, "stored": RANGES, "named": many(row(NUMBER, NAME), 500)},
    "placed": {"id": NUMBER, "file": NUMBER, "as": NAME},
    "lane": {"id": NUMBER, "token_": TOKEN},
    "ready": {},
    "finished": {"id": NUMBER},
    "stop": {"id": NUMBER, **TROUBLE},
    "error": {"id_": NUMBER, **TROUBLE},
    "ping": {"n": NUMBER},
    "pong": {"n": NUMBER},
    "bye": {},
}  # fmt: skip
