"""BLAKE3, 32 bytes, of what lies in memory.

One Python integer holds a word of every part of 1024 bytes at once, 64 bits apart, so that all parts
go through the compression function side by side. It is the algorithm of the specification
(https://github.com/BLAKE3-team/BLAKE3-specs), sections 2.1 to 2.5, and needs no machine code.
"""

from array import array

_IV = (0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19)
_ORDER = (2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8)
_LINES = (
    (0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15),
    (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14),
)  # fmt: skip
_START, _END, _PARENT, _ROOT = 1, 2, 4, 8
_PART = 1024

Words = list[int]


def blake3(data: bytes) -> bytes:
    """The digest of `data`, which may be empty."""
    whole = max(0, len(data) - 1) // _PART
    last = data[whole * _PART :]
    if whole == 0:
        return _join(_last_part(last, 0, _ROOT))
    level = _whole_parts(data[: whole * _PART], whole) + [_join(_last_part(last, whole, 0))]
    while len(level) > 2:
        left, right = level[0 : len(level) - 1 : 2], level[1::2]
        rest = level[len(level) - 1 :] if len(level) % 2 else []
        level = _parents(left, right, 0) + rest
    return _parents(level[:1], level[1:], _ROOT)[0]


def _whole_parts(data: bytes, lanes: int) -> list[bytes]:
    """The chaining value of each part, none of them the root."""
    ones = _spread([1] * lanes)
    words = array("I", data)
    state = [value * ones for value in _IV]
    counters = _spread(range(lanes))
    for block in range(16):
        message = [_spread(words[block * 16 + at :: 256]) for at in range(16)]
        flags = (_START if block == 0 else 0) | (_END if block == 15 else 0)
        state = _compress(state, message, counters, 64, flags, ones)
    return _chaining_values(state, lanes)


def _last_part(data: bytes, counter: int, flags: int) -> Words:
    state = list(_IV)
    blocks = [data[at : at + 64] for at in range(0, len(data), 64)] or [b""]
    for at, block in enumerate(blocks):
        message = list(array("I", block.ljust(64, b"\0")))
        more = (_START if at == 0 else 0) | (_END | flags if at == len(blocks) - 1 else 0)
        state = _compress(state, message, counter, len(block), more, 1)
    return state


def _parents(left: list[bytes], right: list[bytes], flags: int) -> list[bytes]:
    lanes = len(left)
    ones = _spread([1] * lanes)
    words = array("I", b"".join(a + b for a, b in zip(left, right, strict=True)))
    message = [_spread(words[at::16]) for at in range(16)]
    state = _compress([value * ones for value in _IV], message, 0, 64, _PARENT | flags, ones)
    return _chaining_values(state, lanes)


def _compress(chaining: Words, message: Words, counter: int, length: int, flags: int, ones: int) -> Words:
    """Section 2.2, for all lanes; `ones` is 1 in each lane. Of the output only the first half is made."""
    mask = 0xFFFFFFFF * ones
    v = [*chaining, *(value * ones for value in _IV[:4]), counter, 0, length * ones, flags * ones]
    for _ in range(7):
        for at, (a, b, c, d) in enumerate(_LINES):
            v[a] = (v[a] + v[b] + message[2 * at]) & mask
            x = v[d] ^ v[a]
            v[d] = (x >> 16 | x << 16) & mask
            v[c] = (v[c] + v[d]) & mask
            x = v[b] ^ v[c]
            v[b] = (x >> 12 | x << 20) & mask
            v[a] = (v[a] + v[b] + message[2 * at + 1]) & mask
            x = v[d] ^ v[a]
            v[d] = (x >> 8 | x << 24) & mask
            v[c] = (v[c] + v[d]) & mask
            x = v[b] ^ v[c]
            v[b] = (x >> 7 | x << 25) & mask
        message = [message[at] for at in _ORDER]
    return [v[at] ^ v[at + 8] for at in range(8)]


def _spread(words: "array[int] | range | list[int]") -> int:
    return int.from_bytes(array("Q", words).tobytes(), "little")


def _chaining_values(state: Words, lanes: int) -> list[bytes]:
    columns = [array("Q", word.to_bytes(8 * lanes, "little")) for word in state]
    return [_join([column[lane] for column in columns]) for lane in range(lanes)]


def _join(words: Words) -> bytes:
    return b"".join(word.to_bytes(4, "little") for word in words)
