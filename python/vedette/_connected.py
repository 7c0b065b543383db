"""What a client is connected by: the calls, and the stream or shared memory that the two agreed on."""

from __future__ import annotations

import logging
import ssl
import sys
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import grpc

from vedette import _wire, errors
from vedette._proto import broker_pb2 as pb
from vedette._proto.broker_pb2_grpc import BrokerStub
from vedette._stream import Stream

VERSION = 1
Transport = Literal["auto", "grpc", "stream", "shared memory"]
_LOG = logging.getLogger("vedette")
_OFFERED: dict[str, list[pb.Transport]] = {
    "auto": [pb.GRPC, pb.STREAM, pb.SHARED_MEMORY],
    "grpc": [pb.GRPC],
    "stream": [pb.GRPC, pb.STREAM],
    "shared memory": [pb.GRPC, pb.SHARED_MEMORY],
}


@dataclass(frozen=True)
class Settings:
    """What stays the same whichever broker a client is connected to."""

    token: str | None
    tls: tuple[Path, Path, Path] | None  # certificate, key, authority
    timeout: float
    transport: Transport

    @property
    def metadata(self) -> list[tuple[str, str]]:
        return [("authorization", f"Bearer {self.token}")] if self.token else []


class Connected:
    """A connection to one broker; replaced as a whole when that was lost."""

    def __init__(self, address: str, settings: Settings, resume_session: str):
        """Raises grpc.RpcError, BrokerUnavailable, PermissionDenied, InvalidRequest."""
        if settings.transport not in _OFFERED:
            raise errors.InvalidRequest(f"transport {settings.transport!r}; there are {', '.join(_OFFERED)}")
        self.lost = False
        self.stream: Stream | None = None
        self.transport: str = "grpc"
        self._settings = settings
        self.channel = _channel(address, settings)
        self.stub: Any = BrokerStub(self.channel)
        weakref.finalize(self, self.channel.close)  # when the program ends, too, while gRPC's threads can end
        try:
            request = pb.ConnectRequest(
                version=VERSION,
                client="python",
                transports=_offered(settings.transport),
                host=_host(),
                resume_session=resume_session,
            )
            answer = self.call("Connect", request)
            self.session: str = answer.session
            self.standbys: Sequence[str] = answer.standbys
            if settings.transport != "grpc":
                self._open_stream(address, [answer.stream_address, answer.fallback_address])
        except BaseException:
            self.close()
            raise

    def call(self, method: str, request: Any) -> Any:
        """Raises grpc.RpcError; BrokerUnavailable when it was closed."""
        try:
            return getattr(self.stub, method)(request, timeout=self._settings.timeout, metadata=self._settings.metadata)
        except ValueError:  # so gRPC says that the channel is closed
            raise errors.BrokerUnavailable("the connection is closed") from None

    @property
    def alive(self) -> bool:
        return not self.lost and (self.stream is None or self.stream.lost is None)

    def close(self) -> None:
        self.lost = True
        if self.stream:
            self.stream.close()
        self.channel.close()

    def _open_stream(self, address: str, to: list[str]) -> None:
        wanted = self._settings.transport
        why = f"the broker at {address} offers no {wanted}"
        for stream_address in filter(None, to):
            if stream_address.startswith("tcp://:"):  # its host is the one that we reached it by
                stream_address = f"tcp://{address.rpartition(':')[0]}{stream_address.removeprefix('tcp://')}"
            try:
                self.stream = Stream.connect(
                    stream_address, self.session, _tls_context(self._settings), self._settings.timeout
                )
                self.transport = "shared memory" if self.stream.shares_memory else "stream"
                return
            except errors.BrokerError as error:
                why = str(error)
                if wanted == "auto":
                    _LOG.warning("%s", error)  # calls go where streams do not
        if wanted != "auto":
            raise errors.BrokerUnavailable(why)


def _channel(address: str, settings: Settings) -> grpc.Channel:
    options = [
        # At most 256 KB on their way to a subscription that does not read: probing would allow megabytes.
        ("grpc.http2.bdp_probe", 0),
        ("grpc.http2.lookahead_bytes", 256 << 10),
        ("grpc.max_receive_message_length", _wire.MAX_BODY_BYTES),
        ("grpc.max_send_message_length", _wire.MAX_BODY_BYTES),
        ("grpc.keepalive_time_ms", 5000),
        ("grpc.keepalive_timeout_ms", 5000),
        ("grpc.use_local_subchannel_pool", 1),
    ]
    if settings.tls is None:
        return grpc.insecure_channel(address, options)
    certificate, key, authority = (path.read_bytes() for path in settings.tls)
    return grpc.secure_channel(address, grpc.ssl_channel_credentials(authority, key, certificate), options)


def _tls_context(settings: Settings) -> ssl.SSLContext | None:
    if settings.tls is None:
        return None
    certificate, key, authority = settings.tls
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key)
        context.load_verify_locations(authority)
    except (OSError, ssl.SSLError) as error:
        raise errors.BrokerUnavailable(f"the TLS files cannot be used: {error}") from None
    return context


def _offered(transport: Transport) -> list[pb.Transport]:
    return [each for each in _OFFERED[transport] if each != pb.SHARED_MEMORY or sys.platform == "linux"]


def _host() -> str:
    """Of this start of this machine: who shows the same one can share memory."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""
