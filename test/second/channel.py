"""A connection that speaks frames over TLS 1.3 (sections "Channel", "Frames", "Heartbeat")."""

import hashlib
import hmac
import os
import socket
import ssl
import time
from collections.abc import Iterator
from types import TracebackType

from device import Device, id_of
from frames import Breach, ChunkFrame, DataFrame, DigestsFrame, Frame, FrameDecoder, MessageFrame, encode_frame
from messages import Message, decode_message, encode_message

ALPN = "lanpost/1"
_EXPORTER = b"EXPORTER-lanpost-pair-v1"
_PING_AFTER, _DEAD_AFTER, _SILENT_AFTER = 15, 35, 60  # seconds

Item = Message | ChunkFrame | DataFrame | DigestsFrame


class Lost(Exception):
    """The connection is gone, or was never there."""


class Channel:
    """To one server. The caller looks at `server_id` before it says anything."""

    def __init__(self, device: Device, host: str, port: int) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        # Nobody's signature is looked at, but the key must be there and is judged by its id.
        context.verify_mode = ssl.CERT_NONE
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.set_alpn_protocols([ALPN])
        context.load_cert_chain(device.file)
        # The ssl module has no exporter; the secret that it is made of can be had from the key log, here in memory.
        self._secrets = os.memfd_create("secrets")
        context.keylog_filename = f"/proc/self/fd/{self._secrets}"
        try:
            plain = socket.create_connection((host, port), timeout=10)
            self._tls = context.wrap_socket(plain)
        except OSError as error:
            raise Lost(f"not reached: {error}") from error
        if self._tls.selected_alpn_protocol() != ALPN or self._tls.session_reused:
            raise Lost("the other side speaks something else")
        certificate = self._tls.getpeercert(binary_form=True)
        if not certificate:
            raise Lost("the other side shows no key")
        self.server_id = id_of(certificate)
        self._items = self._read()

    def __enter__(self) -> "Channel":
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._tls.close()
        os.close(self._secrets)

    def exporter(self) -> bytes:
        """32 bytes of the TLS exporter ("Pairing"; RFC 8446, sections 7.1 and 7.5)."""
        cipher = self._tls.cipher()
        algorithm = "sha384" if cipher and cipher[0].endswith("SHA384") else "sha256"
        lines = os.pread(self._secrets, 65_536, 0).decode().splitlines()
        secret = next(line.split()[2] for line in lines if line.startswith("EXPORTER_SECRET "))
        empty = hashlib.new(algorithm).digest()
        derived = _expand(algorithm, bytes.fromhex(secret), _EXPORTER, empty, len(empty))
        return _expand(algorithm, derived, b"exporter", empty, 32)

    def send(self, message: Message) -> None:
        self._send(MessageFrame(encode_message(message)))

    def next(self) -> Item:
        """The next message or frame; pings are answered, unknown kinds passed over. Raises Lost or Breach."""
        asked = time.monotonic()
        for item in self._items:
            if time.monotonic() - asked > _SILENT_AFTER:
                raise Lost("answers pings, and says nothing else")
            if isinstance(item, dict) and item["t"] == "ping":
                self.send({"t": "pong", "n": item["n"]})
            elif not isinstance(item, dict) or item["t"] not in ("pong", "unknown"):
                return item
        raise Lost("the connection was closed")

    def breach(self, error: Breach) -> None:
        """Says why the connection is closed, if that still goes."""
        try:
            self.send({"t": "error", "code": "protocol", "message": str(error)})
        except Lost:
            pass

    def _send(self, frame: Frame) -> None:
        try:
            self._tls.sendall(encode_frame(frame))
        except OSError as error:
            raise Lost(f"lost: {error}") from error

    def _read(self) -> Iterator[Item]:
        decoder = FrameDecoder()
        heard, ping = time.monotonic(), 0
        while True:
            self._tls.settimeout(_PING_AFTER)
            try:
                data = self._tls.recv(65_536)
            except TimeoutError as error:
                if time.monotonic() - heard > _DEAD_AFTER:
                    raise Lost("nothing was heard any more") from error
                ping += 1
                self.send({"t": "ping", "n": ping})
                continue
            except OSError as error:
                raise Lost(f"lost: {error}") from error
            if not data:
                return
            heard = time.monotonic()
            for frame in decoder.push(data):
                yield decode_message(frame.body) if isinstance(frame, MessageFrame) else frame


def _expand(algorithm: str, secret: bytes, label: bytes, context: bytes, length: int) -> bytes:
    """HKDF-Expand-Label (RFC 8446, section 7.1), for lengths of one hash at most."""
    name = b"tls13 " + label
    info = length.to_bytes(2, "big") + bytes([len(name)]) + name + bytes([len(context)]) + context
    return hmac.digest(secret, info + b"\x01", algorithm)[:length]
