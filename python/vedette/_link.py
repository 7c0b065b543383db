"""Messages over one socket (src/vedette/link/wire.h), in both directions; what they mean is not known here."""

from __future__ import annotations

import array
import contextlib
import os
import select
import socket
import ssl
import threading
import time as clock
import weakref
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from google.protobuf.message import Message as Head

from vedette import _wire, errors

SILENCE = 6.0  # seconds; brokers ping every two
STAGING_BYTES = 16 << 10
BUFFER_BYTES = 4 << 20
MOST_FILES = 3


class Message(NamedTuple):
    kind: int
    head: bytes
    body: npt.NDArray[np.uint8] | None  # read-only; of BYTES alone


class Link:
    """One thread at a time may read, which its owner sees to; any number write."""

    def __init__(self, connection: socket.socket, tls: bool, timeout: float):
        self.lost: str | None = None  # why, in one line
        self.greeted = False  # longer messages may come
        self.shares_memory = connection.family == socket.AF_UNIX
        self.files: deque[int] = deque()  # that came along with messages
        self.on_lost: weakref.WeakMethod[Callable[[], None]] | None = None  # called once
        self._socket = connection
        self._tls = threading.Lock() if tls else None  # of the two directions of TLS one at a time may work
        self._timeout = timeout
        self._ending = threading.Lock()

        # Of whoever reads.
        self._readable = select.poll()
        self._readable.register(connection, select.POLLIN)
        self._staging = bytearray(STAGING_BYTES)
        self._staged = 0
        self._head = b""
        self._body: npt.NDArray[np.uint8] | None = None
        self._filled = 0
        self._heard = clock.monotonic()

        # Of whoever writes.
        self._writing = threading.Lock()
        self._writable = select.poll()
        self._writable.register(connection, select.POLLOUT)
        self._messages: deque[tuple[bytes, Sequence[int]]] = deque()  # short ones, with files that go along

    @classmethod
    def open(cls, address: str, tls: ssl.SSLContext | None, timeout: float) -> Link:
        """Connects to "tcp://HOST:PORT", with TLS if a context is given, or "unix:/path". Raises OSError, ValueError."""
        secure = tls if address.startswith("tcp://") else None
        return cls(_open(address, secure, timeout), secure is not None, timeout)

    # Reading.

    def wait(self, timeout: float) -> bool:
        """Whether something is there to be read, in time."""
        return self._pending() > 0 or bool(self._readable.poll(max(0.0, timeout) * 1000))

    @property
    def silent(self) -> bool:
        """Nothing has come for so long that nobody is there."""
        return clock.monotonic() - self._heard > SILENCE

    def read(self) -> Iterator[Message]:
        """Reads once, and gives the messages that are whole now. Raises OSError, ValueError, ProtocolError."""
        count = self._receive()
        if count == 0:
            raise ConnectionError("closed by the broker")
        if count > 0:
            self._heard = clock.monotonic()
            yield from self._advance(count)

    def _pending(self) -> int:
        """Bytes that TLS has decrypted already."""
        if self._tls is None or not isinstance(self._socket, ssl.SSLSocket):
            return 0
        with self._tls:
            return self._socket.pending()

    def _receive(self) -> int:
        """Bytes into the body under way and the staging behind it; 0 at the end, -1 for none."""
        staging = memoryview(self._staging)[self._staged :]
        into = [staging] if self._body is None else [self._body.data[self._filled :], staging]
        try:
            if self._tls:
                with self._tls:
                    return self._socket.recv_into(into[0])
            if not self.shares_memory:
                return self._socket.recvmsg_into(into)[0]
            space = socket.CMSG_SPACE(MOST_FILES * 4)
            count, ancillary, _, _ = self._socket.recvmsg_into(into, space, socket.MSG_CMSG_CLOEXEC)
        except (BlockingIOError, InterruptedError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return -1
        for level, kind, data in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                self.files.extend(array.array("i", data[: len(data) // 4 * 4]))
        return count

    def _advance(self, count: int) -> Iterator[Message]:
        if self._body is not None:
            here = min(count, self._body.size - self._filled)
            self._filled += here
            count -= here
            if self._filled < self._body.size:
                return
            yield self._whole()
        self._staged += count
        at = 0
        while self._staged - at >= _wire.PREFIX_BYTES:
            kind, head_bytes, body_bytes = _wire.parse(self._staging, at, self.greeted)
            end = at + _wire.PREFIX_BYTES + head_bytes
            if end > self._staged:
                if end - at > len(self._staging):
                    self._staging += bytes(end - at - len(self._staging))
                break
            head = bytes(self._staging[at + _wire.PREFIX_BYTES : end])
            at = end
            if kind != _wire.BYTES:
                yield Message(kind, head, None)
                continue
            self._head = head
            self._body = np.empty(body_bytes, np.uint8)
            self._filled = min(body_bytes, self._staged - at)
            self._body[: self._filled] = np.frombuffer(self._staging, np.uint8, self._filled, at)
            at += self._filled
            if self._filled < body_bytes:
                break
            yield self._whole()
        if at > 0:
            rest = self._staging[at : self._staged]
            self._staging[: len(rest)] = rest
            self._staged = len(rest)

    def _whole(self) -> Message:
        assert self._body is not None
        body, self._body = self._body, None
        body.flags.writeable = False
        return Message(_wire.BYTES, self._head, body)

    # Writing.

    def post(self, kind: int, head: Head, files: Sequence[int] = ()) -> None:
        """Sends a message without a body, or leaves it to who is sending now. Waits for no lock. The files are closed
        when they have gone."""
        self._messages.append((_wire.pack(kind, head.SerializeToString()), files))
        self._flush()

    def send(self, head: Head, data: memoryview) -> None:
        """Sends a message with a body; when this returns, the bytes are not needed any more. Raises BrokerUnavailable
        when its turn does not come; look at `lost` for the rest."""
        message = _wire.pack(_wire.BYTES, head.SerializeToString(), data.nbytes)
        if not self._writing.acquire(timeout=self._timeout):
            raise errors.BrokerUnavailable("the broker takes no frames")
        try:
            self._write_messages()
            self._write([memoryview(message), data])
        finally:
            self._writing.release()
            self._flush()

    def _flush(self) -> None:
        while self._messages and self._writing.acquire(blocking=False):
            try:
                self._write_messages()
            finally:
                self._writing.release()

    def _write_messages(self) -> None:
        while self._messages:
            message, files = self._messages.popleft()
            try:
                if not self.lost:
                    self._write([memoryview(message)], files)
            finally:
                for file in files:
                    os.close(file)

    def _write(self, parts: list[memoryview], files: Sequence[int] = ()) -> None:
        """All of it, on the thread that has the writers' lock. What goes wrong ends the link."""
        ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", files))] if files else []
        deadline = clock.monotonic() + self._timeout
        try:
            while parts and not self.lost:
                try:
                    if self._tls:
                        with self._tls:
                            count = self._socket.send(parts[0])
                    else:
                        count = self._socket.sendmsg(parts, ancillary)
                except (BlockingIOError, InterruptedError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
                    if clock.monotonic() > deadline:
                        return self.fail("it takes nothing")
                    self._writable.poll(100)
                    continue
                ancillary = []
                deadline = clock.monotonic() + self._timeout
                while parts and count >= len(parts[0]):
                    count -= len(parts.pop(0))
                if parts:
                    parts[0] = parts[0][count:]
        except OSError as error:
            self.fail(str(error))
        except BaseException:  # half a message has left
            self.fail("interrupted")
            raise

    # The end.

    def fail(self, why: str) -> None:
        """Nothing goes either way any more; its owner is told, once."""
        with self._ending:
            if self.lost:
                return
            self.lost = why
        with contextlib.suppress(OSError):
            # Past TLS, whose farewell would wait for the turn of others.
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
        told = self.on_lost and self.on_lost()
        if told:
            told()
        self._flush()  # closes the files of what is not sent any more

    def close(self) -> None:
        """After fail()."""
        with self._writing, contextlib.suppress(OSError):
            self._socket.close()

    def abandon(self) -> None:
        """Of an owner that is gone: no other thread is here."""
        self.fail("closed")
        self._socket.close()


def _open(address: str, tls: ssl.SSLContext | None, timeout: float) -> socket.socket:
    """A connection that does not block. Raises OSError, ValueError."""
    if address.startswith("unix:"):
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(timeout)
        try:
            connection.connect(address.removeprefix("unix:"))
        except BaseException:
            connection.close()
            raise
    else:
        host, _, port = address.removeprefix("tcp://").rpartition(":")
        host = host.strip("[]")
        connection = socket.create_connection((host, int(port)), timeout)
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
            if tls:
                connection = tls.wrap_socket(connection, server_hostname=host)
        except BaseException:
            connection.close()
            raise
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER_BYTES)
    connection.setblocking(False)
    return connection
