"""Connecting to a broker, subscribing and publishing."""

from __future__ import annotations

import io
import queue
import threading
import time as clock
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Self

import grpc
import numpy as np
from PIL import Image

from vedette import errors, frames
from vedette._proto import broker_pb2 as pb
from vedette._proto.broker_pb2_grpc import BrokerStub
from vedette.frames import End, Frame, Notice, Started, to_ns

VERSION = 1
MAX_MESSAGE_BYTES = 100_000_000 + 65_536


@dataclass(frozen=True)
class Camera:
    """What a broker knows of a camera."""

    name: str
    live: bool
    width: int
    height: int
    frames_a_second: float
    oldest: datetime | None
    newest: datetime | None
    frames: int
    broker: str
    clock: frames.Clock
    subscribers: int


def connect(
    address: str | Sequence[str],
    token: str | None = None,
    tls: tuple[str | Path, str | Path, str | Path] | None = None,
    timeout: float = 5.0,
    give_up: float = 30.0,
) -> Client:
    """Connects to a broker.

    address: "HOST:PORT", or several: the broker first, then those that take over. token: "vdt_…", needed beyond
    loopback. tls: paths of (certificate, key, authority) as PEM. timeout: seconds that a call may take. give_up: seconds
    in which a lost broker, or its standby, must answer. Raises BrokerUnavailable, PermissionDenied, InvalidRequest.
    """
    return Client([address] if isinstance(address, str) else list(address), token, tls, timeout, give_up)


class Client:
    """A connection to a broker; made by connect(). May be used from several threads, and as a context manager."""

    def __init__(self, addresses: list[str], token, tls, timeout: float, give_up: float):
        if not addresses:
            raise errors.InvalidRequest("an address is needed: HOST:PORT")
        self._addresses = addresses
        self._metadata = [("authorization", f"Bearer {token}")] if token else []
        self._credentials = None
        if tls:
            certificate, key, authority = (Path(path).read_bytes() for path in tls)
            self._credentials = grpc.ssl_channel_credentials(authority, key, certificate)
        self._timeout = timeout
        self._give_up = give_up
        self._session = ""
        self._lock = threading.Lock()
        self._generation = 0
        self._channel: grpc.Channel | None = None
        self._stub: BrokerStub | None = None
        self._reconnect(0, timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def close(self) -> None:
        """Ends every subscription and publication of this client."""
        with self._lock:
            if self._channel:
                self._channel.close()

    def cameras(self, glob: str = "") -> list[Camera]:
        """The cameras that the token may see."""
        return [_camera(info) for info in self._call("ListCameras", pb.ListCamerasRequest(glob=glob)).cameras]

    def camera(self, name: str) -> Camera:
        """One camera. Raises CameraNotFound."""
        return _camera(self._call("GetCameraInfo", pb.GetCameraInfoRequest(camera=name)))

    def clock(self, samples: int = 5) -> frames.Clock:
        """How far the broker's clock is ahead of this machine's: of several exchanges the one with the least round trip."""
        best: tuple[int, int] | None = None
        for _ in range(samples):
            sent = clock.time_ns()
            answer = self._call("SampleClock", pb.ClockSample(sent_ns=sent))
            received = clock.time_ns()
            trip = (received - sent) - (answer.answered_ns - answer.received_ns)
            offset = ((answer.received_ns - sent) + (answer.answered_ns - received)) // 2
            if best is None or trip < best[0]:
                best = (trip, offset)
        trip, offset = best or (0, 0)
        return frames.Clock(best is not None, offset / 1e9, trip / 1e9)

    def subscribe(
        self,
        camera: str,
        begin: datetime | float | None = None,
        end: datetime | float | None = None,
        latency: float | None = None,
        accuracy: float | None = None,
        max_side: int = 0,
        max_behind: int = 0,
        compute: float = 0.0,
    ) -> Subscription:
        """Frames of a camera, as an iterator of (time, image).

        begin, end: datetime, or seconds since 1970; without begin from now, without end for ever. latency: seconds at
        most from capture to here, for 95 of 100 frames. accuracy: least share (0 … 1) of the F1 that untouched frames
        would give. max_side: pixels of the longer side at most. max_behind: frames that this side may lag before it
        gets the newest. compute: seconds that the application takes for an untouched frame. What is wrong with a
        request is raised here or by the first next(): CameraNotFound, PermissionDenied, InvalidRequest.
        """
        request = pb.SubscribeRequest(
            camera=camera,
            target=pb.Target(latency_ms=(latency or 0) * 1e3, accuracy=accuracy or 0),
            max_side_px=max_side,
            max_behind=max_behind,
            compute_ms=compute * 1e3,
        )
        if begin is not None:
            request.begin_ns = to_ns(begin)
        if end is not None:
            request.end_ns = to_ns(end)
        return Subscription(self, request)

    def publish(
        self,
        camera: str,
        time: datetime | float | None = None,
        image: np.ndarray | bytes | None = None,
        frames_a_second: float = 0.0,
        quality: int = 90,
    ) -> Publication:
        """Begins to publish a camera, and its first frame if one is given; see Publication.send()."""
        publication = Publication(self, camera, frames_a_second)
        if image is not None:
            publication.send(clock.time() if time is None else time, image, quality)
        return publication

    def _reconnect(self, generation: int, within: float) -> None:
        """A new connection, unless somebody else made one since `generation`."""
        with self._lock:
            if generation != self._generation:
                return
            deadline = clock.monotonic() + within
            wait = 0.05
            while True:
                fault: grpc.RpcError | None = None
                for address in list(self._addresses):
                    try:
                        return self._connect(address)
                    except grpc.RpcError as error:
                        if error.code() not in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
                            raise errors.of(error) from None
                        fault = error
                if clock.monotonic() + wait > deadline:
                    assert fault is not None
                    addresses = ", ".join(self._addresses)
                    raise errors.BrokerUnavailable(f"no broker answers at {addresses}: {fault.details()}") from None
                clock.sleep(wait)
                wait = min(wait * 2, 1.0)

    def _connect(self, address: str) -> None:
        options = [
            ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
            ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
            ("grpc.keepalive_time_ms", 5000),
            ("grpc.keepalive_timeout_ms", 5000),
            ("grpc.use_local_subchannel_pool", 1),
        ]
        if self._credentials:
            channel = grpc.secure_channel(address, self._credentials, options)
        else:
            channel = grpc.insecure_channel(address, options)
        stub = BrokerStub(channel)
        request = pb.ConnectRequest(
            version=VERSION, client="python", transports=[pb.GRPC], resume_session=self._session
        )
        try:
            answer = stub.Connect(request, timeout=self._timeout, metadata=self._metadata)
        except grpc.RpcError:
            channel.close()
            raise
        if self._channel:
            self._channel.close()
        self._channel, self._stub, self._session = channel, stub, answer.session
        self._addresses += [standby for standby in answer.standbys if standby not in self._addresses]
        self._generation += 1

    def _call(self, method: str, request):
        generation = self._generation
        for last in (False, True):
            try:
                return getattr(self._stub, method)(request, timeout=self._timeout, metadata=self._metadata)
            except grpc.RpcError as error:
                if last or error.code() != grpc.StatusCode.UNAVAILABLE:
                    raise errors.of(error) from None
                self._reconnect(generation, self._timeout)


class Subscription:
    """Frames of one camera. Iterating gives (time, image); frames() gives everything that is told, too."""

    def __init__(self, client: Client, request: pb.SubscribeRequest):
        self._client = client
        self._request = request
        self._call: grpc.Call | None = None
        self._ended = False
        self._id = ""

    def __iter__(self) -> Iterator[tuple[datetime, np.ndarray]]:
        for item in self.frames():
            if isinstance(item, Frame):
                yield item.time, item.image()

    def frames(self) -> Iterator[Frame | Notice]:
        """Frames and notices in their order, until the end. When the broker is lost it goes on at the one that takes
        over: Started(resumed=True), then a Gap where frames are missing. Raises BrokerUnavailable when none answers."""
        resumed = False
        deadline = 0.0
        while not self._ended:
            generation = self._client._generation
            try:
                for item in self._events():
                    if isinstance(item, Started):
                        self._id = item.subscription
                        item = replace(item, resumed=resumed)
                        deadline = 0.0
                    if isinstance(item, Frame):
                        self._request.after_sequence = item.sequence
                    if isinstance(item, End):
                        if item.reason == "broker ends" and len(self._client._addresses) > 1:
                            break
                        self._ended = True
                    yield item
                    if self._ended:
                        return
            except grpc.RpcError as error:
                if self._ended:
                    return
                passes = [grpc.StatusCode.UNAVAILABLE] + ([grpc.StatusCode.NOT_FOUND] if resumed else [])
                if error.code() not in passes:
                    self._ended = True
                    raise errors.of(error) from None
            resumed = True
            deadline = deadline or clock.monotonic() + self._client._give_up
            if clock.monotonic() > deadline:
                raise errors.BrokerUnavailable("no broker has the camera any more")
            clock.sleep(0.1)
            self._client._reconnect(generation, deadline - clock.monotonic())
            if not self._request.HasField("end_ns") and self._request.after_sequence:
                self._request.ClearField("begin_ns")

    def set_target(self, latency: float | None = None, accuracy: float | None = None) -> None:
        """Other bounds from now on. Raises InvalidRequest; CameraNotFound before the first frame or after the end."""
        target = pb.Target(latency_ms=(latency or 0) * 1e3, accuracy=accuracy or 0)
        self._client._call("SetTarget", pb.SetTargetRequest(subscription=self._id, target=target))
        self._request.target.CopyFrom(target)

    def feedback(self, frame: Frame, latency: float, compute: float = 0.0) -> None:
        """Tells how long a frame took to come (seconds), and to be worked on: chooses the quality of the next ones."""
        seen = pb.Seen(
            sequence=frame.sequence, bytes=len(frame.data), latency_ns=int(latency * 1e9), compute_ns=int(compute * 1e9)
        )
        self._client._call("Feedback", pb.FeedbackRequest(subscription=self._id, seen=[seen]))

    def cancel(self) -> None:
        """Ends it, from any thread."""
        self._ended = True
        if self._call:
            self._call.cancel()

    def _events(self) -> Iterator[Frame | Notice]:
        assert self._client._stub is not None
        self._call = self._client._stub.Subscribe(self._request, metadata=self._client._metadata)
        try:
            for event in self._call:
                item = frames.of(event)
                if item is not None:
                    yield item
        finally:
            self._call.cancel()


class Publication:
    """The right to publish one camera. A context manager: leaving it waits until the broker has taken everything."""

    _END = None

    def __init__(self, client: Client, camera: str, frames_a_second: float):
        assert client._stub is not None
        self._timeout = client._timeout
        # Bounded: a broker that takes no frames holds send() up.
        self._queue: queue.Queue[pb.PublishRequest | None] = queue.Queue(4)
        self._queue.put(pb.PublishRequest(open=pb.PublishOpen(camera=camera, frames_a_second=frames_a_second)))
        self._call = client._stub.Publish.future(iter(self._queue.get, self._END), metadata=client._metadata)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind, *_) -> None:
        if kind is None:
            self.finish()
        else:
            self._call.cancel()

    def send(self, time: datetime | float, image: np.ndarray | bytes, quality: int = 90) -> None:
        """Publishes a frame: JPEG bytes, or pixels as uint8 (blue first, or grey), which become a JPEG of `quality`. Times
        must grow. Raises what the broker refused an earlier frame with, BrokerUnavailable when it takes none."""
        data = image if isinstance(image, bytes) else _jpeg(image, quality)
        self._put(pb.PublishRequest(frame=pb.Frame(capture_ns=to_ns(time), encoding=pb.JPEG, data=data)))

    def finish(self) -> int:
        """Waits until the broker has taken everything; how many frames it took. Raises what it refused."""
        if not self._call.done():
            self._put(self._END)
        try:
            return self._call.result(self._timeout).frames
        except grpc.FutureTimeoutError:
            self._call.cancel()
            raise errors.BrokerUnavailable("the broker does not answer") from None
        except grpc.RpcError as error:
            raise errors.of(error) from None

    def _put(self, message: pb.PublishRequest | None) -> None:
        deadline = clock.monotonic() + self._timeout
        while True:
            if self._call.done():
                error = self._call.exception()
                raise errors.of(error) if isinstance(error, grpc.RpcError) else errors.BrokerError("it has ended")
            try:
                return self._queue.put(message, timeout=0.1)
            except queue.Full:
                if clock.monotonic() > deadline:
                    raise errors.BrokerUnavailable("the broker takes no frames") from None


def _jpeg(image: np.ndarray, quality: int) -> bytes:
    if image.dtype != np.uint8 or image.ndim not in (2, 3) or (image.ndim == 3 and image.shape[2] != 3):
        raise errors.InvalidRequest("an image is uint8 with the shape (height, width, 3), blue first, or (height, width)")
    pixels = image if image.ndim == 2 else np.ascontiguousarray(image[:, :, ::-1])
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=quality)
    return out.getvalue()


def _camera(info: pb.CameraInfo) -> Camera:
    return Camera(
        info.camera,
        info.live,
        info.width,
        info.height,
        info.frames_a_second,
        frames.to_time(info.oldest_ns) if info.oldest_ns else None,
        frames.to_time(info.newest_ns) if info.newest_ns else None,
        info.frames,
        info.broker,
        frames.clock_of(info.clock),
        info.subscribers,
    )
