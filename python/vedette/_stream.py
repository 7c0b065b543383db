"""The client's end of a stream to a broker (src/vedette/broker/stream_server.h has the messages).

Whoever waits for something reads the socket itself, for everybody: a frame wakes no second thread on its way. Only when
nobody has waited for a second, a thread of the stream's own looks after it, so that the broker's pings are answered while
the application computes.
"""

from __future__ import annotations

import contextlib
import os
import ssl
import threading
import time as clock
import weakref
from collections import deque
from typing import TYPE_CHECKING

from google.protobuf.message import DecodeError

from vedette import _wire, errors, frames
from vedette._link import SILENCE, Link, Message
from vedette._proto import broker_pb2 as pb
from vedette._proto import observation_pb2 as pings
from vedette.frames import Frame

if TYPE_CHECKING:
    from vedette._shared import Arena, Segment

VERSION = 1
FIRST_CREDIT = 8  # frames of a subscription that a broker sends before it is told of more
ARENA_BYTES = 256 << 20  # of addresses; memory is what frames on their way take
TICK = 1.0
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

    def __init__(self, link: Link, timeout: float):
        self.lock = threading.RLock()
        self.channels: dict[int, Channel] = {}
        self._link = link
        self._link.on_lost = weakref.WeakMethod(self._end)
        self._timeout = timeout
        self._refused: str | None = None
        self._last_number = 0

        # Of whose turn it is to read.
        self._reading = False
        self._waiting: deque[Channel] = deque()

        # Shared memory.
        self._segments: dict[int, Segment] = {}
        self._current: Segment | None = None
        self._gone: deque[tuple[Segment, int]] = deque()
        self._sharing = threading.Lock()
        self._arena: Arena | None = None
        self._no_arena = not self.shares_memory

        self._stop = threading.Event()
        self._keeper = threading.Thread(target=_keep, args=(weakref.ref(self), self._stop), daemon=True)

    @property
    def lost(self) -> str | None:
        """Why it is of no use any more."""
        return self._link.lost

    @property
    def shares_memory(self) -> bool:
        return self._link.shares_memory

    @classmethod
    def connect(cls, address: str, session: str, tls: ssl.SSLContext | None, timeout: float) -> Stream:
        """Connects to "tcp://HOST:PORT" or "unix:/path" and greets. Raises BrokerUnavailable, PermissionDenied."""
        deadline = clock.monotonic() + timeout
        try:
            stream = cls(Link.open(address, tls, timeout), timeout)
        except (OSError, ValueError) as error:
            raise errors.BrokerUnavailable(f"no stream to the broker at {address}: {error}") from None
        hello = pb.StreamHead(hello=pb.Hello(version=VERSION, session=session))
        stream._link.post(_wire.HELLO, hello)
        while not stream._link.greeted and not stream.lost and clock.monotonic() < deadline:
            stream._read(deadline - clock.monotonic())
        if not stream._link.greeted or stream.lost:
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
        self._link.fail("closed")
        if self._keeper.is_alive() and threading.current_thread() is not self._keeper:
            self._keeper.join(2 * TICK)
        self._link.close()

    def __del__(self) -> None:
        with contextlib.suppress(Exception):
            self._link.abandon()
            self._end()  # which it cannot call any more

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
        if not self._link.wait(timeout):
            if self._link.silent:
                self._link.fail(f"nothing heard for {SILENCE:.0f} s")
            return False
        if self.lost:
            return False
        try:
            for message in self._link.read():
                self._take_message(message)
            return True
        except (OSError, ValueError, _wire.ProtocolError, DecodeError) as error:
            self._link.fail(str(error) or type(error).__name__)
            return False
        except BaseException:  # what was read is in nobody's hands any more
            self._link.fail("interrupted")
            raise

    def _take_message(self, message: Message) -> None:
        kind = message.kind
        if kind == _wire.PING:
            now = clock.monotonic_ns()
            ping = pings.Ping.FromString(message.head)
            self._link.post(_wire.PONG, pings.Pong(ping_sent_ns=ping.sent_ns, ping_received_ns=now, sent_ns=now))
        elif kind == _wire.WELCOME:
            self._link.greeted = True
        elif kind == _wire.REFUSAL:
            self._refused = pb.StreamHead.FromString(message.head).fault.line
            self._link.fail(self._refused)
        elif kind in (_wire.HEAD, _wire.BYTES):
            head = pb.StreamHead.FromString(message.head)
            is_frame = head.WhichOneof("message") == "frame"
            if message.body is not None:
                if not is_frame:
                    raise _wire.ProtocolError("bytes without a frame")
                self._deliver(head.id, frames.frame_of(head.frame, message.body.data))
            elif is_frame:
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
                if not self._link.files:
                    raise _wire.ProtocolError("a segment without its file")
                self._segments[shared.segment] = Segment(shared.segment, self._link.files.popleft(), shared.map_bytes)
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
        self._link.post(_wire.HEAD, head)

    def send(self, head: pb.StreamHead, data: memoryview) -> None:
        """Sends a frame; when this returns, the bytes are not needed any more. Raises BrokerUnavailable."""
        if not self._no_arena and self._send_shared(head, data):
            return
        self._link.send(head, data)
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
                self._link.post(_wire.HEAD, offer, self._arena.files)
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

    # The end.

    def _end(self) -> None:
        """Of a link that is lost."""
        with self.lock:
            while self._gone:
                segment, key = self._gone.popleft()
                segment.forget(key)
            for segment in self._segments.values():
                with contextlib.suppress(OSError):  # they stay for the five seconds that the broker gives
                    segment.keep()
            self._segments.clear()
            self._current = None
            while self._link.files:
                os.close(self._link.files.popleft())
            self._stop.set()
            for channel in self._waiting:
                channel.ready.notify_all()


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
