"""One message of a stream (src/vedette/link/wire.h): 16 bytes of prefix, a protobuf head, a body of raw bytes."""

from __future__ import annotations

import struct

MAJOR = 1
MAX_HEAD_BYTES = 1 << 20
MAX_GREETING_BYTES = 4096
MAX_BODY_BYTES = 100_000_000 + 65_536

HELLO = 1
WELCOME = 2
REFUSAL = 3
PING = 5
PONG = 6
HEAD = 9  # a StreamHead without bytes
BYTES = 15  # a StreamHead with a frame, and its bytes as the body

_MAGIC = b"VLNK"
_PREFIX = struct.Struct("<4sBBHII")
PREFIX_BYTES = _PREFIX.size


class ProtocolError(Exception):
    """The other side breaks the protocol."""


def pack(kind: int, head: bytes, body_bytes: int = 0) -> bytes:
    """A message up to its body."""
    return _PREFIX.pack(_MAGIC, MAJOR, kind, 0, len(head), body_bytes) + head


def parse(data: bytearray, at: int, greeted: bool) -> tuple[int, int, int]:
    """Kind, bytes of the head and of the body of the message whose prefix begins at `at`. Raises ProtocolError."""
    magic, major, kind, _, head_bytes, body_bytes = _PREFIX.unpack_from(data, at)
    if magic != _MAGIC:
        raise ProtocolError("it does not speak the link protocol (wrong magic)")
    if major != MAJOR:
        raise ProtocolError(f"it speaks version {major} of the link protocol, and this client {MAJOR}")
    if head_bytes > (MAX_HEAD_BYTES if greeted else MAX_GREETING_BYTES):
        raise ProtocolError(f"a head of {head_bytes} bytes")
    if body_bytes > (MAX_BODY_BYTES if greeted and kind == BYTES else 0):
        raise ProtocolError(f"a body of {body_bytes} bytes")
    return kind, head_bytes, body_bytes
