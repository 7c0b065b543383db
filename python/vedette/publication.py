"""Publishing a camera."""

from __future__ import annotations

import contextlib
import io
import queue
import time as clock
import weakref
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self

import grpc
import numpy as np
from PIL import Image

from vedette import errors
from vedette._connected import Connected
from vedette._proto import broker_pb2 as pb
from vedette._stream import Channel, Stream
from vedette.frames import Image8, to_ns

if TYPE_CHECKING:
    from vedette.client import Client


class Publication:
    """The right to publish one camera. A context manager: leaving it waits until the broker has taken everything."""

    def __init__(self, client: Client, camera: str, frames_a_second: float):
        self._client = client
        self._open = pb.PublishOpen(camera=camera, frames_a_second=frames_a_second)
        self._way: _Way | None = self._opened()
        self._frames: int | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is None:
            self.finish()
        else:
            self.abandon()

    def send(self, time: datetime | float, image: Image8 | bytes, quality: int = 90, raw: bool = False) -> None:
        """Publishes a frame: JPEG bytes, or pixels as uint8 (blue first, or grey), which become a JPEG of `quality`, or
        stay what they are if `raw`. Times must grow. Raises what the broker refused an earlier frame with, and
        BrokerUnavailable when it takes none; when it was lost, the next send() looks for it, or for its standby."""
        frame = pb.Frame(capture_ns=to_ns(time), encoding=pb.JPEG)
        if isinstance(image, bytes):
            data = memoryview(image)
        elif raw:
            pixels = _checked(image)
            frame.encoding = pb.GRAY if pixels.ndim == 2 else pb.BGR
            frame.height, frame.width = pixels.shape[:2]
            data = np.ascontiguousarray(pixels).reshape(-1).data
        else:
            data = memoryview(_jpeg(_checked(image), quality))
        if self._way is None:
            self._way = self._opened()
        try:
            self._way.send(frame, data)
        except errors.BrokerUnavailable:
            self.abandon()
            raise

    def finish(self) -> int:
        """Waits until the broker has taken everything; how many frames it took. Raises what it refused."""
        if self._frames is None:
            if self._way is None:
                raise errors.BrokerUnavailable("the broker was lost")
            self._frames = self._way.finish()
        return self._frames

    def abandon(self) -> None:
        """Ends it without waiting for anything."""
        way, self._way = self._way, None
        if way:
            way.abandon()

    def _opened(self) -> _Way:
        connected = self._client._live()
        if connected.stream:
            return _ByStream(connected.stream, self._open, self._client._settings.timeout)
        return _ByCalls(connected, self._open, self._client._settings.timeout, self._client._settings.metadata)


class _Way(Protocol):
    def send(self, frame: pb.Frame, data: memoryview) -> None: ...
    def finish(self) -> int: ...
    def abandon(self) -> None: ...


class _ByStream:
    """Over a stream, or shared memory."""

    def __init__(self, stream: Stream, opening: pb.PublishOpen, timeout: float):
        self._timeout = timeout
        self._channel: Channel = stream.channel()
        self._channel.post(pb.StreamHead(open=opening))
        self._wait_for("opened")

    def send(self, frame: pb.Frame, data: memoryview) -> None:
        frame.sent_ns = clock.time_ns()
        self._channel.send(frame, data)

    def finish(self) -> int:
        self._channel.check()
        self._channel.post(pb.StreamHead(close=pb.Nothing()))
        closed = self._wait_for("closed").closed.frames
        self._channel.close()
        return closed

    def abandon(self) -> None:
        self._channel.post(pb.StreamHead(close=pb.Nothing()))
        self._channel.close()

    def _wait_for(self, kind: str) -> pb.StreamHead:
        deadline = clock.monotonic() + self._timeout
        while True:
            item = self._channel.take(max(0.0, deadline - clock.monotonic()))
            self._channel.check()  # a refusal comes before the answer to what follows
            if item is None:
                raise errors.BrokerUnavailable("the broker does not answer")
            if isinstance(item, pb.StreamHead) and item.WhichOneof("message") == kind:
                return item

    def __del__(self) -> None:
        with contextlib.suppress(Exception):
            self.abandon()


class _ByCalls:
    """By a call of gRPC."""

    def __init__(self, connected: Connected, opening: pb.PublishOpen, timeout: float, metadata: list[tuple[str, str]]):
        self._connected = connected
        self._timeout = timeout
        # Bounded: a broker that takes no frames holds send() up.
        self._queue: queue.Queue[pb.PublishRequest | None] = queue.Queue(4)
        self._queue.put(pb.PublishRequest(open=opening))
        try:
            self._call = connected.stub.Publish.future(iter(self._queue.get, None), metadata=metadata)
        except ValueError:  # so gRPC says that the channel is closed
            raise errors.BrokerUnavailable("the connection is closed") from None
        # Also when the program ends: gRPC's threads must not be in a call then.
        weakref.finalize(self, _abandon, self._call, self._queue)

    def send(self, frame: pb.Frame, data: memoryview) -> None:
        frame.sent_ns = clock.time_ns()
        frame.data = bytes(data)
        self._put(pb.PublishRequest(frame=frame))

    def finish(self) -> int:
        if not self._call.done():
            self._put(None)
        try:
            frames: int = self._call.result(self._timeout).frames
            return frames
        except grpc.FutureTimeoutError:
            self._call.cancel()
            raise errors.BrokerUnavailable("the broker does not answer") from None
        except grpc.RpcError as error:
            raise self._what_of(error) from None

    def abandon(self) -> None:
        _abandon(self._call, self._queue)

    def _put(self, message: pb.PublishRequest | None) -> None:
        deadline = clock.monotonic() + self._timeout
        while True:
            if self._call.done():
                error = self._call.exception()
                raise self._what_of(error) if isinstance(error, grpc.RpcError) else errors.BrokerError("it has ended")
            try:
                return self._queue.put(message, timeout=0.1)
            except queue.Full:
                if clock.monotonic() > deadline:
                    raise errors.BrokerUnavailable("the broker takes no frames") from None

    def _what_of(self, error: grpc.RpcError) -> errors.BrokerError:
        if error.code() == grpc.StatusCode.UNAVAILABLE:
            self._connected.lost = True
        return errors.of(error)


def _abandon(call: Any, requests: queue.Queue[pb.PublishRequest | None]) -> None:
    call.cancel()
    with contextlib.suppress(queue.Full):
        requests.put_nowait(None)  # ends the thread that reads them


def _checked(image: Image8) -> Image8:
    if image.dtype != np.uint8 or image.ndim not in (2, 3) or (image.ndim == 3 and image.shape[2] != 3):
        raise errors.InvalidRequest(
            "an image is uint8 with the shape (height, width, 3), blue first, or (height, width)"
        )
    return image


def _jpeg(image: Image8, quality: int) -> bytes:
    pixels = image if image.ndim == 2 else np.ascontiguousarray(image[:, :, ::-1])
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=quality)
    return out.getvalue()
