"""Texts that machines and people exchange: ids, codes, names of servers, paths of files."""

import re
import unicodedata

_SYMBOLS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

# Section "Names" of discovery/PROTOCOL.md, step 1.
_SPACE = "\t\n\v\f\r\ufeff \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_SPACES = re.compile(f"[{_SPACE}]+")
_AROUND = re.compile(f"^[{_SPACE}]+|[{_SPACE}]+$")

# Default_Ignorable_Code_Point (Unicode, DerivedCoreProperties.txt), which unicodedata does not know.
_IGNORABLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_UNSEEN = {"Cc", "Cf", "Cs", "Co"}
_PROBE = "SERVICE DISCOVERY"


def strip_space(text: str) -> str:
    """Without white space at either end; of Python's own, `strip` means more characters."""
    return _AROUND.sub("", text)


def strip_end(line: str) -> str:
    """Without what may follow the words of a reply's first line: white space and zero bytes."""
    return re.sub(f"[{_SPACE}\0]+$", "", line)


def clean_name(name: str) -> str:
    """A server's name as it may be shown; empty if nothing is left (discovery, "Names")."""
    text = _SPACES.sub(" ", name)
    text = "".join(c for c in text if unicodedata.category(c) not in _UNSEEN and c != "\u2800")
    text = unicodedata.normalize("NFC", _IGNORABLE.sub("", text))
    text = strip_space(_SPACES.sub(" ", text))
    while text.startswith(_PROBE):
        text = strip_space(text[len(_PROBE) :])
    text = text[:64]
    while len(text.encode()) > 128:
        text = text[:-1]
    return strip_space(text)


def base32(data: bytes) -> str:
    """Crockford base32, most significant bits first, zero-padded (sharing, "Channel")."""
    symbols = -(-len(data) * 8 // 5)
    number = int.from_bytes(data, "big") << (symbols * 5 - len(data) * 8)
    return "".join(_SYMBOLS[number >> 5 * at & 31] for at in reversed(range(symbols)))


def is_id(text: str) -> bool:
    """Whether this is the text of an id: 52 symbols, upper case (discovery, "Reply")."""
    return re.fullmatch(f"[{_SYMBOLS}]{{52}}", text) is not None


def read_code(typed: str) -> str | None:
    """The 8 symbols that a person meant, or None (sharing, "Pairing")."""
    text = re.sub(f"[-{_SPACE}]", "", typed).upper()
    text = text.replace("O", "0").replace("I", "1").replace("L", "1")
    return text if re.fullmatch(f"[{_SYMBOLS}]{{8}}", text) else None


def judge_path(path: str) -> str | None:
    """The code of a refusal, or None for a path that may be used (sharing, "Names")."""
    names = path.split("/") if path else []
    if len(names) > 32:
        return "name-refused"
    codes = [_judge_name(name) for name in names]
    return next((code for code in codes if code is not None), None)


def _judge_name(name: str) -> str | None:
    try:
        size = len(name.encode())
    except UnicodeEncodeError:
        return "name-refused"
    refused = re.search("[\x00-\x1f/\\\\\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]", name)
    if name == "" or name.startswith(".") or refused:
        return "name-refused"
    return "name-too-long" if size > 240 else None
