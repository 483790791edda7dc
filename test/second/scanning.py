"""A scan by broadcast and by IPv6 multicast (section "Scanner" of discovery/PROTOCOL.md).

Left out are the sweep, known servers and mDNS: they add ways, and change none of these.
"""

import ipaddress
import json
import selectors
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from datagrams import PROBE, Reply, decode_reply

GROUP = "ff12::7530"
_ROUNDS = (0.0, 0.12, 0.4, 0.9)  # seconds
_IPV6_BEHIND = 0.025
_LAST_ROUND_ANSWERED, _QUIET = 1.13, 0.5
_MOST_ROWS, _MOST_ADDRESSES = 1024, 8


@dataclass
class Row:
    """One server with the addresses that it replied from; a zone is part of a link-local one."""

    reply: Reply
    addresses: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Voice:
    """A socket and what it asks in each round."""

    socket: socket.socket
    destinations: tuple[tuple[str, int] | tuple[str, int, int, int], ...]


def scan(port: int, timeout: float) -> list[Row]:
    """All servers that reply within `timeout` seconds; it ends earlier when nothing new comes."""
    rows: dict[object, Row] = {}
    voices = list(_voices(port))
    selector = selectors.DefaultSelector()
    for voice in voices:
        selector.register(voice.socket, selectors.EVENT_READ)
    begun = time.monotonic()
    plan = sorted(
        (at + (_IPV6_BEHIND if voice.socket.family == socket.AF_INET6 else 0), n)
        for at in _ROUNDS
        for n, voice in enumerate(voices)
    )
    newest = 0.0
    while (now := time.monotonic() - begun) < timeout:
        if rows and now > max(_LAST_ROUND_ANSWERED, newest + _QUIET):
            break
        while plan and plan[0][0] <= now:
            _ask(voices[plan.pop(0)[1]])
        wake = min([timeout - now, *(at - now for at, _ in plan[:1])])
        for key, _ in selector.select(max(0.001, min(wake, 0.05))):
            data, source = key.fileobj.recvfrom(2048)  # type: ignore[union-attr]
            if _merge(rows, data, source):
                newest = time.monotonic() - begun
    for voice in voices:
        voice.socket.close()
    return list(rows.values())


def _merge(rows: dict[object, Row], data: bytes, source: tuple[Any, ...]) -> bool:
    """Whether something new was said ("Merging", its first and its legacy rule)."""
    reply = decode_reply(data)
    if reply is None:
        return False
    address: str = source[0]
    if address.startswith("fe80:") and source[3] > 0:
        address = f"{address}%{socket.if_indextoname(source[3])}"
    key = (reply.name, address) if reply.id is None else (reply.id, reply.run, reply.name, reply.port, reply.code)
    row = rows.get(key)
    if row is None:
        if len(rows) >= _MOST_ROWS:
            return False
        row = rows[key] = Row(reply)
    if address in row.addresses or len(row.addresses) >= _MOST_ADDRESSES:
        return False
    row.addresses.append(address)
    return True


def _ask(voice: Voice) -> None:
    for destination in voice.destinations:
        try:
            voice.socket.sendto(PROBE, destination)
        except OSError:
            continue  # "a failure of one address stops no other"


def _voices(port: int) -> Iterator[Voice]:
    shown = subprocess.run(["ip", "-j", "address"], check=True, capture_output=True).stdout
    for link in json.loads(shown):
        if "UP" not in link["flags"]:
            continue
        spoken = False
        for info in link["addr_info"]:
            if info["family"] == "inet":
                yield from _ipv4(info["local"], info["prefixlen"], port)
            elif info["scope"] == "link" and not spoken:
                spoken = True
                yield from _ipv6(info["local"], link["ifindex"], port)


def _ipv4(local: str, prefix: int, port: int) -> Iterator[Voice]:
    if local.startswith("127."):
        targets = ["127.0.0.1", "127.255.255.255"] if local == "127.0.0.1" else []
    else:
        directed = [str(ipaddress.ip_interface(f"{local}/{prefix}").network.broadcast_address)]
        targets = [*(directed if 1 <= prefix <= 30 else []), "255.255.255.255"]
    if targets:
        one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        yield from _bound(one, (local, 0), tuple((target, port) for target in targets))


def _ipv6(local: str, zone: int, port: int) -> Iterator[Voice]:
    one = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    yield from _bound(one, (local, 0, 0, zone), ((GROUP, port, 0, zone),))


def _bound(one: socket.socket, local: tuple[object, ...], destinations: tuple[object, ...]) -> Iterator[Voice]:
    try:
        one.bind(local)
    except OSError:
        one.close()
        return
    yield Voice(one, destinations)  # type: ignore[arg-type]
