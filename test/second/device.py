"""This device's key with its certificate, and what it has learned of others ("Channel" and "Trust")."""

import hashlib
import json
import os
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

from names import base32


@dataclass(frozen=True)
class Device:
    """A key and a certificate, in one PEM file, and the id that the key has."""

    file: Path
    id: str


def open_device(state: Path) -> Device:
    """Reads `identity.pem` of the state folder, or makes it with the `openssl` command."""
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = state / "identity.pem"
    if not file.exists():
        _make(file)
    pem = file.read_text()
    certificate = pem[pem.index("-----BEGIN CERTIFICATE-----") :]
    return Device(file, id_of(ssl.PEM_cert_to_DER_cert(certificate)))


def id_of(certificate: bytes) -> str:
    """The id that a certificate (DER) stands for ("Channel")."""
    return base32(hashlib.sha256(public_key(certificate)).digest())


def public_key(certificate: bytes) -> bytes:
    """SubjectPublicKeyInfo of a certificate, DER (RFC 5280, section 4.1), with its header."""
    fields = _parts(_parts(certificate, 0)[0][1])[0][1]
    parts = _parts(fields)
    # The version is there, as [0], in all certificates since version 2.
    return parts[6 if parts[0][0] == 0xA0 else 5][2]


def _parts(data: bytes, at: int = 0) -> list[tuple[int, bytes, bytes]]:
    """The elements that stand in `data` one after the other: tag, content, and the whole."""
    found = []
    while at < len(data):
        size, start = data[at + 1], at + 2
        if size >= 128:
            start += size - 128
            size = int.from_bytes(data[at + 2 : start], "big")
        found.append((data[at], data[start : start + size], data[at : start + size]))
        at = start + size
    return found


def _make(file: Path) -> None:
    words = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    words += ["-keyout", "-", "-out", "-", "-subj", "/CN=lanpost", "-days", "36500"]
    made = subprocess.run(words, check=True, capture_output=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        out.write(made.stdout)


class Known:
    """Peers by id, and which open server was seen at which host and port ("Trust")."""

    def __init__(self, state: Path) -> None:
        self._file = state / "known.json"
        read = json.loads(self._file.read_text()) if self._file.exists() else {}
        self._peers: dict[str, str] = read.get("peers", {})
        self._seen: dict[str, str] = read.get("seen", {})

    def knows(self, device: str) -> bool:
        return device in self._peers

    def seen_at(self, host: str, port: int) -> str | None:
        return self._seen.get(f"{host} {port}")

    def add_peer(self, device: str, name: str) -> None:
        self._peers[device] = name
        self._store()

    def saw(self, host: str, port: int, device: str) -> None:
        self._seen[f"{host} {port}"] = device
        self._store()

    def _store(self) -> None:
        new = self._file.with_suffix(".new")
        new.write_text(json.dumps({"peers": self._peers, "seen": self._seen}))
        new.replace(self._file)
