"""Connecting to a broker."""

from __future__ import annotations

import threading
import time as clock
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Self

import grpc

from vedette import errors, frames
from vedette._connected import Connected, Settings, Transport
from vedette._proto import broker_pb2 as pb
from vedette.frames import Clock, Image8, to_ns
from vedette.publication import Publication
from vedette.subscription import Subscription


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
    clock: Clock
    subscribers: int
    stored_before: int
    """Frames with smaller numbers outlive a power cut; 0: the broker has no store."""
    store_trouble: str
    """Why nothing is stored at present; empty when all is well."""


def connect(
    address: str | Sequence[str],
    token: str | None = None,
    tls: tuple[str | Path, str | Path, str | Path] | None = None,
    timeout: float = 5.0,
    give_up: float = 30.0,
    transport: Transport = "auto",
) -> Client:
    """Connects to a broker.

    address: "HOST:PORT", or several: the broker first, then those that take over. token: "vdt_…", needed beyond
    loopback. tls: paths of (certificate, key, authority) as PEM. timeout: seconds that a call may take. give_up: seconds
    in which a lost broker, or its standby, must answer. transport: how frames move; "auto" takes the best that the
    broker has ("shared memory" on its host, else a "stream", else calls by "grpc"), a name only that one. Raises
    BrokerUnavailable (the transport cannot be had), PermissionDenied, InvalidRequest.
    """
    addresses = [address] if isinstance(address, str) else list(address)
    files = (Path(tls[0]), Path(tls[1]), Path(tls[2])) if tls else None
    return Client(addresses, Settings(token, files, timeout, transport), give_up)


class Client:
    """A connection to a broker; made by connect(). May be used from several threads, and as a context manager."""

    def __init__(self, addresses: list[str], settings: Settings, give_up: float):
        if not addresses:
            raise errors.InvalidRequest("an address is needed: HOST:PORT")
        self._addresses = addresses
        self._settings = settings
        self._give_up = give_up
        self._lock = threading.Lock()
        self._closed = False
        self._connected = self._connect(settings.timeout, "")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends every subscription and publication of this client. Frames and arrays stay as they are."""
        self._closed = True
        with self._lock:
            self._connected.close()

    @property
    def transport(self) -> str:
        """How frames move at present: "shared memory", "stream" or "grpc"."""
        return self._connected.transport

    def cameras(self, glob: str = "") -> list[Camera]:
        """The cameras that the token may see."""
        return [_camera(info) for info in self._call("ListCameras", pb.ListCamerasRequest(glob=glob)).cameras]

    def camera(self, name: str) -> Camera:
        """One camera. Raises CameraNotFound."""
        return _camera(self._call("GetCameraInfo", pb.GetCameraInfoRequest(camera=name)))

    def clock(self, samples: int = 5) -> Clock:
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
        return Clock(best is not None, offset / 1e9, trip / 1e9)

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
        image: Image8 | bytes | None = None,
        frames_a_second: float = 0.0,
        quality: int = 90,
        raw: bool = False,
    ) -> Publication:
        """Begins to publish a camera, and its first frame if one is given; see Publication.send()."""
        publication = Publication(self, camera, frames_a_second)
        if image is not None:
            try:
                publication.send(clock.time() if time is None else time, image, quality, raw)
            except BaseException:
                publication.abandon()
                raise
        return publication

    def _live(self) -> Connected:
        """The connection, or a new one if that was lost. Raises BrokerUnavailable."""
        if not self._connected.alive:
            self._reconnect(self._connected, self._settings.timeout)
        return self._connected

    def _reconnect(self, old: Connected, within: float) -> None:
        """A new connection, unless `old` is good or somebody else made a new one already."""
        with self._lock:
            if self._closed:
                raise errors.BrokerUnavailable("the client is closed")
            if old is not self._connected or old.alive:
                return
            old.close()
            self._connected = self._connect(within, old.session)

    def _connect(self, within: float, session: str) -> Connected:
        """Tries every broker again and again."""
        deadline = clock.monotonic() + within
        wait = 0.05
        while True:
            why = ""
            for address in list(self._addresses):
                if self._closed:
                    raise errors.BrokerUnavailable("the client is closed")
                try:
                    connected = Connected(address, self._settings, session)
                    self._addresses += [each for each in connected.standbys if each not in self._addresses]
                    return connected
                except grpc.RpcError as error:
                    if error.code() not in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
                        raise errors.of(error) from None
                    why = error.details() or str(error.code())
                except errors.BrokerUnavailable as error:
                    why = str(error)
            if clock.monotonic() + wait > deadline:
                raise errors.BrokerUnavailable(f"no broker answers at {', '.join(self._addresses)}: {why}") from None
            clock.sleep(wait)
            wait = min(wait * 2, 1.0)

    def _call(self, method: str, request: Any) -> Any:
        connected = self._connected
        try:
            return connected.call(method, request)
        except errors.BrokerUnavailable:
            pass
        except grpc.RpcError as error:
            if error.code() != grpc.StatusCode.UNAVAILABLE:
                raise errors.of(error) from None
        connected.lost = True
        self._reconnect(connected, self._settings.timeout)
        try:
            return self._connected.call(method, request)
        except grpc.RpcError as error:
            raise errors.of(error) from None


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
        info.stored_before,
        info.store_trouble,
    )
