"""CPace over ristretto255 and SHA-512 (draft-irtf-cfrg-cpace-21, CPACE-RISTR255-SHA512).

What lanpost puts into it stands in the section "Pairing" of sharing/PROTOCOL.md.
"""

import hashlib
import hmac
from dataclasses import dataclass

import ristretto
from frames import Breach

_DSI = b"CPaceRistretto255"
_BLOCK = 128  # bytes that SHA-512 takes at once


@dataclass(frozen=True)
class Party:
    """What one side sends: its share and its associated data."""

    share: bytes
    data: bytes


def lv_cat(*parts: bytes) -> bytes:
    """Each part after its length in LEB128."""
    return b"".join(_leb128(len(part)) + part for part in parts)


def channel_identity(client: str, server: str) -> bytes:
    """CI: both ids by their roles."""
    return lv_cat(b"lanpost/1 pairing", b"client", client.encode(), b"server", server.encode())


def generator(prs: bytes, ci: bytes, sid: bytes) -> ristretto.Point:
    """The element that password, identities and session lead to."""
    zeros = max(0, _BLOCK - 1 - len(lv_cat(prs)) - len(lv_cat(_DSI)))
    return ristretto.from_hash(hashlib.sha512(lv_cat(_DSI, prs, bytes(zeros), ci, sid)).digest())


def share_of(scalar: int, base: ristretto.Point) -> bytes:
    """Ya or Yb."""
    return ristretto.encode(ristretto.multiply(scalar, base))


def shared_key(scalar: int, theirs: bytes, sid: bytes, client: Party, server: Party) -> bytes:
    """ISK of the initiator and responder; raises Breach for a share that is none."""
    element = ristretto.decode(theirs)
    if element is None:
        raise Breach("a share that is no canonical element")
    k = ristretto.encode(ristretto.multiply(scalar, element))
    if k == bytes(32):
        raise Breach("a share that is the neutral element")
    transcript = lv_cat(client.share, client.data) + lv_cat(server.share, server.data)
    return hashlib.sha512(lv_cat(_DSI + b"_ISK", sid, k) + transcript).digest()


def confirmation(isk: bytes, sid: bytes, party: Party) -> bytes:
    """Ta of the client, Tb of the server."""
    key = hashlib.sha512(b"CPaceMac" + sid + isk).digest()
    return hmac.digest(key, lv_cat(party.share, party.data), "sha512")


def _leb128(number: int) -> bytes:
    result = bytearray()
    while number >= 128:
        result.append(number & 127 | 128)
        number >>= 7
    return bytes([*result, number])
