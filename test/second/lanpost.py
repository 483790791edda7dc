#!/usr/bin/env python3
"""A second, small implementation of lanpost, written from the two PROTOCOL.md alone.

    lanpost.py scan [--udp-port 30000]
    lanpost.py list <host> <port> [path]
    lanpost.py get <host> <port> <path> <target>

It says one JSON object a line, and ends with the exit codes of the README. It shows that the documents
suffice, and where they do not; it is no program for daily use (the group's arithmetic takes no care of time).
"""

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from channel import Channel, Lost
from device import Known, open_device
from files import Damaged
from frames import Breach
from receiving import get
from scanning import scan
from session import Refused, Session, begin

_NOT_REACHED, _NOT_LET_IN, _FAILED, _DAMAGED = 3, 4, 5, 6


def main(words: list[str]) -> int:
    """The exit code."""
    options = _options().parse_args(words)
    failed = False
    try:
        for event in _events(options):
            print(json.dumps(event), flush=True)
            failed = failed or event["event"] == "failed"
    except Refused as error:
        return _fault(error.code, error, _FAILED if options.begun else _NOT_LET_IN)
    except Damaged as error:
        return _fault("damaged", error, _DAMAGED)
    except OSError as error:
        return _fault("write-failed", error, _FAILED)
    except Lost as error:
        return _fault("lost", error, _NOT_REACHED)
    except Breach as error:
        return _fault("protocol", error, _NOT_REACHED)
    return _FAILED if failed else 0


def _fault(code: str, error: Exception, exit_code: int) -> int:
    print(json.dumps({"event": "failed", "code": code, "message": str(error)}), flush=True)
    return exit_code


def _events(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    if options.verb == "scan":
        for row in scan(options.udp_port, options.timeout):
            yield {"event": "server", **asdict(row.reply), "addresses": row.addresses}
        return
    device, known = open_device(options.state), Known(options.state)
    where = (options.host, options.port)
    with Channel(device, *where) as channel:
        try:
            digests = tuple(options.digests.split(","))
            session = begin(
                channel, device, known, where,
                pin=options.id, code=options.code, digests=digests, version=options.hello_version,
            )  # fmt: skip
            told = {key: session.welcome[key] for key in ("as", "rights", "name", "digest")}
            yield {"event": "connected", "id": channel.server_id, **told}
            options.begun = True
            yield from _asked(options, session)
            session.bye()
        except Breach as error:
            channel.breach(error)
            raise


def _asked(options: argparse.Namespace, session: Session) -> Iterator[dict[str, Any]]:
    if options.verb == "get":
        yield from get(session, options.path, options.target)
        return
    for name, kind, size, time in session.list(options.path):
        yield {"event": "entry", "name": name, "kind": kind, "size": size, "time": time}


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="lanpost.py")
    parser.set_defaults(begun=False)
    verbs = parser.add_subparsers(dest="verb", required=True)
    scanning = verbs.add_parser("scan")
    scanning.add_argument("--udp-port", type=int, default=30000)
    scanning.add_argument("--timeout", type=float, default=3.0, help="seconds")
    for verb in (verbs.add_parser("list"), verbs.add_parser("get")):
        verb.add_argument("host")
        verb.add_argument("port", type=int)
        verb.add_argument("--state", type=Path, default=Path.home() / ".local/state/lanpost-second")
        verb.add_argument("--id", help="the only key that is taken")
        verb.add_argument("--code", help="for the first contact")
        verb.add_argument("--digests", default="blake3,sha256", help="what is offered, the best first")
        verb.add_argument("--hello-version", type=int, default=1)
        if verb.prog.endswith("list"):
            verb.add_argument("path", nargs="?", default="")
        else:
            verb.add_argument("path")
            verb.add_argument("target", type=Path)
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
