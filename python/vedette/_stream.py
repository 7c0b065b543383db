"""The client's end of a stream to a broker (src/vedette/broker/stream_server.h has the messages).

Whoever waits for something reads the socket itself, for everybody: a frame wakes no second thread on its way. Only when
nobody has waited for a second, a thread of the stream's own looks after it, so that the broker's pings are answered while
the application computes.
"""

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
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from google.protobuf.message import DecodeError, Message

from vedette import _wire, errors, frames
from vedette._proto import broker_pb2 as pb
from vedette._proto import observation_pb2 as link
from vedette.frames import Frame

if TYPE_CHECKING:
    from vedette._shared import Arena, Segment

VERSION = 1
FIRST_CREDIT = 8  # frames of a subscription that a broker sends before it is told of more
ARENA_BYTES = 256 << 20  # of addresses; memory is what frames on their way take
SILENCE = 6.0  # seconds; brokers ping every two
TICK = 1.0
STAGING_BYTES = 16 << 10
BUFFER_BYTES = 4 << 20
MOST_FILES = 3
ROOM_WAIT = 50e-6


class Channel:
    """What comes for one subscription or publication."""

    def __init__(self, stream: Stream, number: int):
        self._stream = stream
        self._number = number
        self.inbox: deque[Frame | pb.StreamHead] = deque()  # bounded by credit, and by the notices a broker keeps
        self.fault: tuple[int, str] | None = None
        self.cancelled = False
        self.ready = threading.Condition(stream.lock)

    def post(self, head: pb.StreamHead) -> None:
        head.id = self._number
        self._stream.post(head)

    def send(self, frame: pb.Frame, data: memoryview) -> None:
        """Publishes a frame. Raises BrokerUnavailable, and what the broker refused an earlier frame with."""
        self._stream.drain()
        self.check()
        self._stream.send(pb.StreamHead(id=self._number, frame=frame), data)

    def check(self) -> None:
        """Raises what the broker said, if it refused this."""
        if self.fault:
            raise errors.of_code(*self.fault)

    def take(self, timeout: float | None = None) -> Frame | pb.StreamHead | None:
        """The next one; None when it is cancelled, or none comes in time. Raises what the broker refused, and
        BrokerUnavailable when it is lost."""
        return self._stream.take(self, timeout)

    def cancel(self) -> None:
        """Ends take(), from any thread, and whatever comes."""
        self.cancelled = True
        self.close()
        self._stream.wake(self)

    def close(self) -> None:
        """Nothing more is wanted. Takes no lock: the collector may call it at any point."""
        self._stream.channels.pop(self._number, None)
        self.inbox.clear()


class Stream:
    """A connection to a broker. Thread-safe."""

    def __init__(self, connection: socket.socket, tls: bool, timeout: float):
        self.lock = threading.RLock()
        self.channels: dict[int, Channel] = {}
        self.lost: str | None = None
        self.shares_memory = connection.family == socket.AF_UNIX
        self._socket = connection
        self._tls = threading.Lock() if tls else None  # of the two directions of TLS one at a time may work
        self._timeout = timeout
        self._greeted = False
        self._refused: str | None = None
        self._last_number = 0

        # Of whose turn it is to read.
        self._reading = False
        self._waiting: deque[Channel] = deque()
        self._readable = select.poll()
        self._readable.register(connection, select.POLLIN)
        self._staging = bytearray(STAGING_BYTES)
        self._staged = 0
        self._head = pb.StreamHead()
        self._body: npt.NDArray[np.uint8] | None = None
        self._filled = 0
        self._heard = clock.monotonic()

        # Of whoever writes.
        self._writing = threading.Lock()
        self._writable = select.poll()
        self._writable.register(connection, select.POLLOUT)
        self._messages: deque[tuple[bytes, Sequence[int]]] = deque()  # short ones, with files that go along

        # Shared memory.
        self._files: deque[int] = deque()
        self._segments: dict[int, Segment] = {}
        self._current: Segment | None = None
        self._gone: deque[tuple[Segment, int]] = deque()
        self._sharing = threading.Lock()
        self._arena: Arena | None = None
        self._no_arena = not self.shares_memory

        self._stop = threading.Event()
        self._keeper = threading.Thread(target=_keep, args=(weakref.ref(self), self._stop), daemon=True)

    @classmethod
    def connect(cls, address: str, session: str, tls: ssl.SSLContext | None, timeout: float) -> Stream:
        """Connects to "tcp://HOST:PORT" or "unix:/path" and greets. Raises BrokerUnavailable, PermissionDenied."""
        deadline = clock.monotonic() + timeout
        secure = tls if address.startswith("tcp://") else None
        try:
            stream = cls(_open(address, secure, timeout), secure is not None, timeout)
        except (OSError, ValueError) as error:
            raise errors.BrokerUnavailable(f"no stream to the broker at {address}: {error}") from None
        hello = pb.StreamHead(hello=pb.Hello(version=VERSION, session=session))
        stream._post(_wire.HELLO, hello)
        while not stream._greeted and not stream.lost and clock.monotonic() < deadline:
            stream._read(deadline - clock.monotonic())
        if not stream._greeted or stream.lost:
            kind = errors.BrokerUnavailable if stream._refused is None else errors.PermissionDenied
            why = stream.lost or "no answer in time"
            stream.close()
            raise kind(f"no stream to the broker at {address}: {why}")
        stream._keeper.start()
        return stream

    def channel(self) -> Channel:
        with self.lock:
            self._last_number += 1
            channel = Channel(self, self._last_number)
            self.channels[self._last_number] = channel
        return channel

    def close(self) -> None:
        """Ends it; who waits is told. Arrays in shared memory stay as they are."""
        self._fail("closed")
        if self._keeper.is_alive() and threading.current_thread() is not self._keeper:
            self._keeper.join(2 * TICK)
        with self._writing, contextlib.suppress(OSError):
            self._socket.close()

    def __del__(self) -> None:
        with contextlib.suppress(Exception):
            self._fail("closed")
            self._socket.close()

    # Reading.

    def take(self, channel: Channel, timeout: float | None) -> Frame | pb.StreamHead | None:
        deadline = None if timeout is None else clock.monotonic() + timeout
        while True:
            self._settle()
            with self.lock:
                while True:
                    if channel.inbox:
                        return channel.inbox.popleft()
                    channel.check()
                    if channel.cancelled:
                        return None
                    if self.lost:
                        raise errors.BrokerUnavailable(f"the broker is lost: {self.lost}")
                    left = TICK if deadline is None else min(TICK, deadline - clock.monotonic())
                    if left <= 0:
                        return None
                    if not self._reading:
                        break
                    self._waiting.append(channel)
                    channel.ready.wait(left)
                    self._waiting.remove(channel)
                self._reading = True
            try:
                # A tick at most, so that somebody else's end of waiting is seen.
                until = clock.monotonic() + left
                while not (channel.inbox or channel.fault or channel.cancelled or self.lost) and left > 0:
                    self._read(left)
                    left = until - clock.monotonic()
            finally:
                self._end_turn()

    def drain(self) -> None:
        """Takes what has come, without waiting."""
        with self.lock:
            if self._reading or self.lost:
                return
            self._reading = True
        try:
            for _ in range(64):
                if not self._read(0):
                    break
        finally:
            self._end_turn()

    def wake(self, channel: Channel) -> None:
        with self.lock:
            channel.ready.notify_all()

    def _end_turn(self) -> None:
        with self.lock:
            self._reading = False
            if self._waiting:
                self._waiting[0].ready.notify_all()

    def _read(self, timeout: float) -> bool:
        """Reads once, on the thread whose turn it is; false when nothing came in time."""
        if not self._pending() and not self._readable.poll(max(0.0, timeout) * 1000):
            if clock.monotonic() - self._heard > SILENCE:
                self._fail(f"nothing heard for {SILENCE:.0f} s")
            return False
        if self.lost:
            return False
        try:
            count = self._receive()
            if count == 0:
                self._fail("closed by the broker")
                return False
            if count > 0:
                self._heard = clock.monotonic()
                self._advance(count)
            return True
        except (OSError, ValueError, _wire.ProtocolError, DecodeError) as error:
            self._fail(str(error) or type(error).__name__)
            return False
        except BaseException:  # what was read is in nobody's hands any more
            self._fail("interrupted")
            raise

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
                self._files.extend(array.array("i", data[: len(data) // 4 * 4]))
        return count

    def _advance(self, count: int) -> None:
        if self._body is not None:
            here = min(count, self._body.size - self._filled)
            self._filled += here
            count -= here
            if self._filled < self._body.size:
                return
            self._end_body()
        self._staged += count
        at = 0
        while self._staged - at >= _wire.PREFIX_BYTES:
            kind, head_bytes, body_bytes = _wire.parse(self._staging, at, self._greeted)
            end = at + _wire.PREFIX_BYTES + head_bytes
            if end > self._staged:
                if end - at > len(self._staging):
                    self._staging += bytes(end - at - len(self._staging))
                break
            head = bytes(self._staging[at + _wire.PREFIX_BYTES : end])
            at = end
            if kind != _wire.BYTES:
                self._take_message(kind, head)
                continue
            self._head = pb.StreamHead.FromString(head)
            self._body = np.empty(body_bytes, np.uint8)
            self._filled = min(body_bytes, self._staged - at)
            self._body[: self._filled] = np.frombuffer(self._staging, np.uint8, self._filled, at)
            at += self._filled
            if self._filled < body_bytes:
                break
            self._end_body()
        if at > 0:
            rest = self._staging[at : self._staged]
            self._staging[: len(rest)] = rest
            self._staged = len(rest)

    def _end_body(self) -> None:
        assert self._body is not None
        body, self._body = self._body, None
        if self._head.WhichOneof("message") != "frame":
            raise _wire.ProtocolError("bytes without a frame")
        body.flags.writeable = False
        self._deliver(self._head.id, frames.frame_of(self._head.frame, body.data))

    def _take_message(self, kind: int, data: bytes) -> None:
        if kind == _wire.PING:
            now = clock.monotonic_ns()
            ping = link.Ping.FromString(data)
            self._post(_wire.PONG, link.Pong(ping_sent_ns=ping.sent_ns, ping_received_ns=now, sent_ns=now))
        elif kind == _wire.WELCOME:
            self._greeted = True
        elif kind == _wire.REFUSAL:
            self._refused = pb.StreamHead.FromString(data).fault.line
            self._fail(self._refused)
        elif kind == _wire.HEAD:
            head = pb.StreamHead.FromString(data)
            if head.WhichOneof("message") == "frame":
                self._take_shared(head)
            else:
                self._deliver(head.id, head)
        elif kind != _wire.PONG:
            raise _wire.ProtocolError(f"a message of the unknown type {kind}")

    def _deliver(self, number: int, item: Frame | pb.StreamHead) -> None:
        channel = self.channels.get(number)
        if channel is None:
            return
        with self.lock:
            if isinstance(item, pb.StreamHead) and item.WhichOneof("message") == "fault":
                channel.fault = (item.fault.code, item.fault.line)
            else:
                channel.inbox.append(item)
            channel.ready.notify_all()

    # Frames that stay where they are.

    def _take_shared(self, head: pb.StreamHead) -> None:
        from vedette._shared import Segment

        shared = head.frame.shared
        self._settle()
        release: pb.StreamHead | None = None
        with self.lock:
            if self.lost:
                return
            if shared.map_bytes:
                if not self._files:
                    raise _wire.ProtocolError("a segment without its file")
                self._segments[shared.segment] = Segment(shared.segment, self._files.popleft(), shared.map_bytes)
            segment = self._segments.get(shared.segment)
            if segment is None or shared.offset + shared.bytes > segment.size:
                raise _wire.ProtocolError("a frame outside of the memory that was passed")
            segment.received += 1
            data = segment.view(shared.offset, shared.bytes, self._gone) if head.id in self.channels else None
            before, self._current = self._current, segment
            if before is not None and before is not segment and not before.used:
                release = _release_of(before)
        if release:
            self.post(release)
        if data is not None:
            self._deliver(head.id, frames.frame_of(head.frame, data))

    def _settle(self) -> None:
        """Releases the segments that nobody looks at any more, but the one that frames come in."""
        while self._gone:
            release: pb.StreamHead | None = None
            with self.lock:
                if not self._gone:
                    return
                segment, key = self._gone.popleft()
                if segment.forget(key) and segment is not self._current:
                    release = _release_of(segment)
            if release:  # without the lock: a full socket may take its time
                self.post(release)

    # Writing.

    def post(self, head: pb.StreamHead) -> None:
        """Sends a message, or leaves it to who is sending now. Waits for no lock."""
        self._post(_wire.HEAD, head)

    def _post(self, kind: int, head: Message, files: Sequence[int] = ()) -> None:
        self._messages.append((_wire.pack(kind, head.SerializeToString()), files))
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

    def send(self, head: pb.StreamHead, data: memoryview) -> None:
        """Sends a frame; when this returns, the bytes are not needed any more. Raises BrokerUnavailable."""
        if not self._no_arena and self._send_shared(head, data):
            return
        message = _wire.pack(_wire.BYTES, head.SerializeToString(), data.nbytes)
        if not self._writing.acquire(timeout=self._timeout):
            raise errors.BrokerUnavailable("the broker takes no frames")
        try:
            self._write_messages()
            self._write([memoryview(message), data])
        finally:
            self._writing.release()
            self._flush()
        self._check()

    def _send_shared(self, head: pb.StreamHead, data: memoryview) -> bool:
        """Sends a frame through memory that the broker maps; false when there is none for it."""
        with self._sharing:
            if self._arena is None:
                from vedette._shared import Arena

                try:
                    self._arena = Arena(ARENA_BYTES)
                except OSError:  # the system has no more: through the socket
                    self._no_arena = True
                    return False
                offer = pb.StreamHead(offer=pb.OfferMemory(bytes=self._arena.size, leases=Arena.LEASES))
                self._post(_wire.HEAD, offer, self._arena.files)
            if not self._arena.fits(data.nbytes):
                return False
            deadline = clock.monotonic() + self._timeout
            while (place := self._arena.lend(data)) is None:
                self._check()
                if clock.monotonic() > deadline:
                    raise errors.BrokerUnavailable("the broker takes no frames")
                clock.sleep(ROOM_WAIT)
            lease, offset = place
            head.frame.shared.CopyFrom(pb.SharedBytes(segment=lease, offset=offset, bytes=data.nbytes))
            self.post(head)
            self._check()
            return True

    def _check(self) -> None:
        if self.lost:
            raise errors.BrokerUnavailable(f"the broker is lost: {self.lost}")

    def _write(self, parts: list[memoryview], files: Sequence[int] = ()) -> None:
        """All of it, on the thread that has the writers' lock. What goes wrong ends the stream."""
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
                        return self._fail("it takes nothing")
                    self._writable.poll(100)
                    continue
                ancillary = []
                deadline = clock.monotonic() + self._timeout
                while parts and count >= len(parts[0]):
                    count -= len(parts.pop(0))
                if parts:
                    parts[0] = parts[0][count:]
        except OSError as error:
            self._fail(str(error))
        except BaseException:  # half a message has left
            self._fail("interrupted")
            raise

    # The end.

    def _fail(self, why: str) -> None:
        with self.lock:
            if self.lost:
                return
            self.lost = why
            while self._gone:
                segment, key = self._gone.popleft()
                segment.forget(key)
            for segment in self._segments.values():
                with contextlib.suppress(OSError):  # they stay for the five seconds that the broker gives
                    segment.keep()
            self._segments.clear()
            self._current = None
            for file in self._files:
                os.close(file)
            self._files.clear()
            with contextlib.suppress(OSError):
                # Past TLS, whose farewell would wait for the turn of others.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
            self._stop.set()
            for channel in self._waiting:
                channel.ready.notify_all()
        self._flush()  # closes the files of what is not sent any more


def _release_of(segment: Segment) -> pb.StreamHead:
    return pb.StreamHead(release=pb.ReleaseSegment(segment=segment.number, frames=segment.received))


def _keep(stream: weakref.ref[Stream], stop: threading.Event) -> None:
    """Looks after a stream that nobody reads; ends with it."""
    while not stop.wait(TICK):
        it = stream()
        if it is None:
            return
        it._settle()
        it.drain()
        del it


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
