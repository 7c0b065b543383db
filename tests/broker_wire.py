"""A client of the broker's interface that knows only broker.proto: stubs made from it, calls as anybody could make them."""

import functools
import importlib
import io
import pathlib
import queue
import random
import socket
import sys
import tempfile
import threading
import time

import grpc
import numpy as np
import pytest
from PIL import Image

REPOSITORY = pathlib.Path(__file__).resolve().parents[1]
MAX_MESSAGE_BYTES = 128 << 20
PATIENCE = 30.0  # seconds for what must happen; only a failing test waits so long


@functools.cache
def stubs():
    """(messages, services) of broker.proto."""
    protoc = pytest.importorskip("grpc_tools.protoc", reason="pip install grpcio-tools")
    folder = tempfile.mkdtemp(prefix="vedette-stubs-")
    source = REPOSITORY / "src" / "vedette" / "broker"
    # In a package of their own, for the Python client's may be in this process, too; only the calls keep their names.
    package = "vedette.broker.v1"
    text = (source / "broker.proto").read_text()
    pathlib.Path(folder, "wire.proto").write_text(text.replace(f"package {package};", "package vedette.wire;"))
    made = protoc.main(["protoc", f"-I{folder}", f"--python_out={folder}", f"--grpc_python_out={folder}", "wire.proto"])
    assert made == 0
    services = pathlib.Path(folder, "wire_pb2_grpc.py")
    services.write_text(services.read_text().replace("/vedette.wire.", f"/{package}."))
    sys.path.insert(0, folder)
    try:
        return importlib.import_module("wire_pb2"), importlib.import_module("wire_pb2_grpc")
    finally:
        sys.path.remove(folder)


def jpeg(number: int = 0, width=64, height=48, quality=85, noise=False) -> bytes:
    if noise:
        pixels = np.random.default_rng(number).integers(0, 256, (height, width, 3), np.uint8)
    else:
        pixels = np.full((height, width, 3), (number * 7) % 256, np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=quality)
    return out.getvalue()


def until(condition, seconds=PATIENCE, what="it did not happen"):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.02)
    raise AssertionError(what)


class Wire:
    """One channel to a broker."""

    def __init__(self, address: str, token: str = "", tls=None):
        self.pb, services = stubs()
        options = [("grpc.max_receive_message_length", MAX_MESSAGE_BYTES), ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
                   ("grpc.use_local_subchannel_pool", 1)]
        if tls:
            parts = [pathlib.Path(path).read_bytes() if path else None for path in tls]  # authority, key, certificate
            self.channel = grpc.secure_channel(address, grpc.ssl_channel_credentials(*parts), options)
        else:
            self.channel = grpc.insecure_channel(address, options)
        self.stub = services.BrokerStub(self.channel)
        self.metadata = [("authorization", f"Bearer {token}")] if token else []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.channel.close()

    def call(self, method, request):
        return getattr(self.stub, method)(request, timeout=10, metadata=self.metadata)

    def connect(self):
        return self.call("Connect", self.pb.ConnectRequest(version=1, client="test", transports=[self.pb.GRPC]))

    def cameras(self, glob=""):
        return [c.camera for c in self.call("ListCameras", self.pb.ListCamerasRequest(glob=glob)).cameras]

    def camera(self, name):
        return self.call("GetCameraInfo", self.pb.GetCameraInfoRequest(camera=name))

    def frame(self, data: bytes, at: float | None = None):
        at_ns = time.time_ns() if at is None else round(at * 1e9)
        return self.pb.PublishRequest(frame=self.pb.Frame(capture_ns=at_ns, encoding=self.pb.JPEG, data=data))

    def publish(self, camera, frames):
        """Publishes these (bytes, seconds) and waits for the summary."""
        opened = self.pb.PublishRequest(open=self.pb.PublishOpen(camera=camera))
        messages = [opened, *(self.frame(data, at) for data, at in frames)]
        return self.stub.Publish(iter(messages), timeout=60, metadata=self.metadata)

    def live(self, camera, every=0.02, picture=jpeg):
        return Live(self, camera, every, picture)

    def subscribe(self, camera, **fields):
        latency, accuracy = fields.pop("latency_ms", 0), fields.pop("accuracy", 0)
        request = self.pb.SubscribeRequest(
            camera=camera, target=self.pb.Target(latency_ms=latency, accuracy=accuracy), **fields
        )
        return Events(self.stub.Subscribe(request, metadata=self.metadata))

    def set_target(self, events, latency_ms=0.0, accuracy=0.0):
        target = self.pb.Target(latency_ms=latency_ms, accuracy=accuracy)
        self.call("SetTarget", self.pb.SetTargetRequest(subscription=events.id, target=target))

    def feedback(self, events, frame, latency: float, compute=0.0):
        seen = self.pb.Seen(sequence=frame.sequence, bytes=len(frame.data), latency_ns=int(latency * 1e9),
                            compute_ns=int(compute * 1e9))
        self.call("Feedback", self.pb.FeedbackRequest(subscription=events.id, seen=[seen]))


class Events:
    """A running Subscribe call, read by a thread of its own; hold() stops the reading."""

    def __init__(self, call):
        self.call, self.id, self.started = call, "", None
        self._items: queue.Queue = queue.Queue()
        self._go = threading.Event()
        self._go.set()
        self.error: grpc.RpcError | None = None
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        try:
            for event in self.call:
                self._items.put(event)
                self._go.wait()
        except grpc.RpcError as error:
            self.error = error
        self._items.put(None)

    def hold(self, held=True):
        self._go.clear() if held else self._go.set()

    def next(self, seconds=PATIENCE):
        """The next event, None behind the last one; AssertionError when none comes."""
        try:
            event = self._items.get(timeout=seconds)
        except queue.Empty:
            raise AssertionError("nothing came") from None
        if event is None:
            self._items.put(None)
            return None
        if event.HasField("started"):
            self.id, self.started = event.started.subscription, event.started
        return event

    def wait(self, kind: str, seconds=PATIENCE):
        """The next event of this kind; those before it are passed over."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            event = self.next(max(0.01, deadline - time.monotonic()))
            assert event is not None, f"it ended before {kind}: {self.error}"
            if event.WhichOneof("event") == kind:
                return getattr(event, kind)
        raise AssertionError(f"no {kind} came")

    def frames(self, count: int):
        return [self.wait("frame") for _ in range(count)]

    def all(self):
        """Everything up to the end."""
        return list(iter(self.next, None))

    def cancel(self):
        self._go.set()
        self.call.cancel()


class Live:
    """A camera that is published frame by frame until the block ends; `sent` are (time, bytes) as they went."""

    def __init__(self, wire: Wire, camera: str, every: float, picture):
        self._stop = threading.Event()
        self._pause = threading.Event()
        self.sent = 0
        self._wire, self._every, self._picture = wire, every, picture
        opened = wire.pb.PublishRequest(open=wire.pb.PublishOpen(camera=camera))
        self.call = wire.stub.Publish.future(self._messages(opened), metadata=wire.metadata)
        self.camera = camera

    def _messages(self, opened):
        yield opened
        while not self._stop.is_set():
            if not self._pause.is_set():
                yield self._wire.frame(self._picture(self.sent))
                self.sent += 1
            self._stop.wait(self._every)

    def pause(self, paused=True):
        self._pause.set() if paused else self._pause.clear()

    def __enter__(self):
        until(lambda: self.call.done() or self.camera in self._wire.cameras(), what="the camera is not there")
        return self

    def __exit__(self, *_):
        self._stop.set()
        try:
            self.call.result(10)
        except (grpc.RpcError, grpc.FutureTimeoutError):
            self.call.cancel()


class Relay:
    """Carries TCP connections from 127.0.0.2:PORT to 127.0.0.1:PORT and counts what comes back."""

    def __init__(self, *ports: int):
        self.back_bytes = 0
        self._stop = threading.Event()
        self._sockets = []
        for port in ports:
            listener = socket.create_server(("127.0.0.2", port))
            self._sockets.append(listener)
            threading.Thread(target=self._accept, args=(listener, port), daemon=True).start()

    def _accept(self, listener, port):
        while not self._stop.is_set():
            try:
                near, _ = listener.accept()
                far = socket.create_connection(("127.0.0.1", port))
            except OSError:
                return
            self._sockets += [near, far]
            threading.Thread(target=self._carry, args=(near, far, False), daemon=True).start()
            threading.Thread(target=self._carry, args=(far, near, True), daemon=True).start()

    def _carry(self, source, sink, back):
        try:
            while data := source.recv(1 << 16):
                if back:
                    self.back_bytes += len(data)
                sink.sendall(data)
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        self._stop.set()
        for each in self._sockets:
            each.close()


def unused_ports(count: int):
    """Ports that are free on both loopback addresses that Relay needs."""
    found = []
    while len(found) < count:
        port = random.randrange(20000, 32000)
        try:
            for host in ("127.0.0.1", "127.0.0.2"):
                with socket.create_server((host, port)):
                    pass
        except OSError:
            continue
        found.append(port)
    return found


def refusal(call):
    """(code, line) of the error that this raises."""
    with pytest.raises(grpc.RpcError) as caught:
        call()
    assert "\n" not in caught.value.details()
    return caught.value.code(), caught.value.details()


def refused(events):
    """The same of a subscription."""
    assert events.next() is None
    assert "\n" not in events.error.details()
    return events.error.code(), events.error.details()
