"""Frames of a camera, as they come."""

from __future__ import annotations

import time as clock
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import grpc

from vedette import errors, frames
from vedette._connected import Connected
from vedette._proto import broker_pb2 as pb
from vedette._stream import FIRST_CREDIT, Channel, Stream
from vedette.frames import End, Frame, Gap, Image8, Notice, Started

if TYPE_CHECKING:
    from vedette.client import Client

LONG = 0.02  # seconds that a quick application does not spend on a frame


class Subscription:
    """Frames of one camera. Iterating gives (time, image); frames() gives everything that is told, too."""

    def __init__(self, client: Client, request: pb.SubscribeRequest):
        self._client = client
        self._request = request
        self._call: grpc.Call | None = None
        self._channel: Channel | None = None
        self._ended = False
        self._id = ""

    def __iter__(self) -> Iterator[tuple[datetime, Image8]]:
        for item in self.frames():
            if isinstance(item, Frame):
                yield item.time, item.image()
            del item

    def frames(self) -> Iterator[Frame | Notice]:
        """Frames and notices in their order, until the end. When the broker is lost it goes on at the one that takes
        over: Started(resumed=True), then a Gap where frames are missing. Raises BrokerUnavailable when none answers."""
        resumed = False
        deadline = 0.0
        while not self._ended:
            try:
                connected = self._client._live() if not resumed else self._client._connected
                for item in self._events(connected):
                    if isinstance(item, Started):
                        self._id = item.subscription
                        item = replace(item, resumed=resumed)
                        deadline = 0.0
                    elif isinstance(item, Frame):
                        self._request.after_sequence = item.sequence
                        self._request.after_ns = item.time_ns
                    elif isinstance(item, Gap) and item.first == 0:
                        self._request.after_epoch = self._epoch()
                    elif isinstance(item, End):
                        if item.reason == "broker ends" and len(self._client._addresses) > 1:
                            connected.lost = True
                            break
                        self._ended = True
                    yield item
                    if self._ended:
                        return
                    del item  # what the application has let go of is not held here
            except (errors.BrokerUnavailable, errors.CameraNotFound) as error:
                if self._ended:
                    return
                passes = resumed or isinstance(error, errors.BrokerUnavailable)
                if not passes or self._client._closed:
                    self._ended = True
                    raise
            except errors.BrokerError:
                self._ended = True
                raise
            if self._ended:
                return
            resumed = True
            deadline = deadline or clock.monotonic() + self._client._give_up
            if clock.monotonic() > deadline:
                self._ended = True
                raise errors.BrokerUnavailable("no broker has the camera any more")
            clock.sleep(0.1)
            self._client._reconnect(connected, deadline - clock.monotonic())
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
        request = pb.FeedbackRequest(subscription=self._id, seen=[seen])
        channel = self._channel
        if channel:
            channel.post(pb.StreamHead(feedback=request))
        else:
            self._client._call("Feedback", request)

    def cancel(self) -> None:
        """Ends it, from any thread."""
        self._ended = True
        if self._call:
            self._call.cancel()
        channel = self._channel
        if channel:
            channel.post(pb.StreamHead(unsubscribe=pb.Nothing()))
            channel.cancel()

    def _epoch(self) -> int:
        """Of the numbers that frames have now."""
        request = pb.GetCameraInfoRequest(camera=self._request.camera)
        try:
            return int(self._client._call("GetCameraInfo", request).epoch)
        except errors.BrokerError:
            return 0

    def _events(self, connected: Connected) -> Iterator[Frame | Notice]:
        self._request.session = connected.session
        return self._by_stream(connected.stream) if connected.stream else self._by_calls(connected)

    def _by_stream(self, stream: Stream) -> Iterator[Frame | Notice]:
        channel = self._channel = stream.channel()
        taken, told, window = 0, FIRST_CREDIT, FIRST_CREDIT
        try:
            channel.post(pb.StreamHead(subscribe=self._request))
            while not self._ended and (item := channel.take()) is not None:
                if isinstance(item, Frame):
                    taken += 1
                    if taken + window >= told + max(1, window // 2):
                        told = taken + window
                        channel.post(pb.StreamHead(credit=told))
                    began = clock.monotonic()
                    yield item
                    del item  # a frame that the application has let go of is not held for it
                    # Whoever takes its time gets the newest then, not one of many that have waited for it.
                    window = 1 if clock.monotonic() - began > LONG else min(2 * window, FIRST_CREDIT)
                elif item.WhichOneof("message") == "event":
                    yield from self._notice(item.event)
        finally:
            self._channel = None
            channel.post(pb.StreamHead(unsubscribe=pb.Nothing()))
            channel.close()

    def _by_calls(self, connected: Connected) -> Iterator[Frame | Notice]:
        try:
            call: Any = connected.stub.Subscribe(self._request, metadata=self._client._settings.metadata)
        except ValueError:  # so gRPC says that the channel is closed
            raise errors.BrokerUnavailable("the connection is closed") from None
        self._call = call
        try:
            for event in call:
                yield from self._notice(event)
        except grpc.RpcError as error:
            if error.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED):
                connected.lost = True
            raise errors.of(error) from None
        finally:
            call.cancel()

    def _notice(self, event: pb.Event) -> Iterator[Frame | Notice]:
        if event.WhichOneof("event") == "started":
            self._request.after_epoch = event.started.camera.epoch
        item = frames.of(event)
        if item is not None:
            yield item
