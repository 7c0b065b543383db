"""What a subscription hands out."""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

import numpy as np
import numpy.typing as npt
from PIL import Image

from vedette._proto import broker_pb2 as pb

Image8 = npt.NDArray[np.uint8]  # (height, width, 3) with blue first, or (height, width) for grey
NANOSECONDS = 1_000_000_000


def to_ns(time: datetime | float) -> int:
    """Nanoseconds since 1970 of a datetime (without a zone: local time) or of seconds since 1970."""
    if isinstance(time, datetime):
        whole = time.replace(microsecond=0)
        return round(whole.timestamp()) * NANOSECONDS + time.microsecond * 1000
    return round(time * NANOSECONDS)


def to_time(ns: int) -> datetime:
    """The same in UTC, to the microsecond."""
    seconds, rest = divmod(ns, NANOSECONDS)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest // 1000)


@dataclass(frozen=True)
class Frame:
    """One frame. `width` and `height` are of the picture as sent, `original_size` (width, height) of the captured one."""

    sequence: int
    time: datetime  # of capture, by the camera's clock, UTC, to the microsecond
    sent: datetime  # by the broker's clock
    encoding: str  # "jpeg", "bgr", "gray", "i420", "h264", "h265"
    width: int
    height: int
    original_size: tuple[int, int]
    knob: int  # id of the knob setting that made it; 0: untouched
    time_ns: int  # of capture, exact: nanoseconds since 1970
    data: memoryview  # read-only, valid for as long as it is held; bytes(data) is a copy

    def image(self) -> Image8:
        """Pixels as uint8: (height, width, 3) with blue first, or (height, width) for grey. Pixels that came as such are
        not copied: the array is read-only, and over shared memory it lies in the broker's log, which keeps that part of
        it for as long as the array lives (so copy what stays for long). Raises ValueError for video."""
        if self.encoding == "jpeg":
            picture = Image.open(io.BytesIO(self.data))
            if picture.mode == "L":
                return np.asarray(picture, np.uint8)
            pixels: Image8 = np.asarray(picture.convert("RGB"), np.uint8)
            return pixels[:, :, ::-1]
        pixels = np.frombuffer(self.data, np.uint8)
        if self.encoding == "bgr":
            return pixels.reshape(self.height, self.width, 3)
        if self.encoding == "gray":
            return pixels.reshape(self.height, self.width)
        if self.encoding == "i420":
            return _bgr_of_i420(pixels, self.width, self.height)
        raise ValueError(f"frames as {self.encoding} need a video decoder: take .data")


def _bgr_of_i420(pixels: Image8, width: int, height: int) -> Image8:
    """Full-range BT.601 (ITU-T T.871)."""
    half_w, half_h = (width + 1) // 2, (height + 1) // 2
    y = pixels[: width * height].reshape(height, width).astype(np.float32)
    chroma = pixels[width * height :].reshape(2, half_h, half_w).astype(np.float32) - 128
    u, v = (plane.repeat(2, 0).repeat(2, 1)[:height, :width] for plane in chroma)
    bgr: npt.NDArray[np.float32] = np.stack([y + 1.772 * u, y - 0.344136 * u - 0.714136 * v, y + 1.402 * v], axis=2)
    return np.clip(np.rint(bgr), 0, 255).astype(np.uint8)


@dataclass(frozen=True)
class Notice:
    """What is told between frames."""


@dataclass(frozen=True)
class Clock(Notice):
    """How far the camera's clock is ahead of the broker's, in seconds; wrong by at most half of `round_trip`."""

    known: bool
    offset: float
    round_trip: float


@dataclass(frozen=True)
class Started(Notice):
    """The subscription runs. `resumed`: at another broker, or again."""

    subscription: str
    clock: Clock
    resumed: bool = False


@dataclass(frozen=True)
class Gap(Notice):
    """Frames `first` … `last` will not come. `reason`: "behind", "overwritten", "skipped", "lost". `first` is 0 when nobody
    knows which: the numbers of frames began anew."""

    first: int
    last: int
    reason: str


@dataclass(frozen=True)
class Infeasible(Notice):
    """The bounds cannot be kept together (or, `over`, can again). What would be feasible: `latency` (seconds) at the wanted
    accuracy, `accuracy` at the wanted latency."""

    over: bool
    latency: float
    accuracy: float
    line: str


@dataclass(frozen=True)
class Setting(Notice):
    """The knobs changed."""

    knob: int
    text: str
    expected_accuracy: float


@dataclass(frozen=True)
class End(Notice):
    """No more frames. `reason`: "reached", "unsubscribed", "camera gone", "broker ends", "token ended"."""

    reason: str
    line: str


class _Enum(Protocol):
    def Name(self, number: int) -> str: ...
    def values(self) -> Iterable[int]: ...


def _word(enum: _Enum, number: int) -> str:
    return enum.Name(number).lower().replace("_", " ") if number in enum.values() else "unknown"


def clock_of(clock: pb.ClockOffset) -> Clock:
    return Clock(clock.known, clock.offset_ns / NANOSECONDS, clock.round_trip_ns / NANOSECONDS)


_ENCODINGS = {number: _word(pb.Encoding, number) for number in pb.Encoding.values()}


def frame_of(frame: pb.Frame, data: memoryview) -> Frame:
    original = (frame.original_width or frame.width, frame.original_height or frame.height)
    return Frame(
        frame.sequence,
        to_time(frame.capture_ns),
        to_time(frame.sent_ns),
        _ENCODINGS.get(frame.encoding, "unknown"),
        frame.width,
        frame.height,
        original,
        frame.knob,
        frame.capture_ns,
        data,
    )


def of(event: pb.Event) -> Frame | Notice | None:
    """A frame or notice of an event; None for a kind that this version does not know."""
    kind = event.WhichOneof("event")
    if kind == "frame":
        return frame_of(event.frame, memoryview(event.frame.data))
    if kind == "started":
        return Started(event.started.subscription, clock_of(event.started.clock))
    if kind == "gap":
        return Gap(event.gap.first, event.gap.last, _word(pb.Gap.Reason, event.gap.reason))
    if kind == "infeasible":
        feasible = event.infeasible.feasible
        return Infeasible(event.infeasible.over, feasible.latency_ms / 1e3, feasible.accuracy, event.infeasible.line)
    if kind == "setting":
        return Setting(event.setting.knob, event.setting.setting, event.setting.expected_accuracy)
    if kind == "clock":
        return clock_of(event.clock)
    if kind == "end":
        return End(_word(pb.End.Reason, event.end.reason), event.end.line)
    return None
