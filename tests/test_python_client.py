"""The Python client (python/) against a real broker, over each way that frames can take."""

import collections
import gc
import io
import itertools
import os
import pathlib
import socket
import ssl
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest

from brokers import Brokers, free_port

REPOSITORY = pathlib.Path(__file__).resolve().parents[1]
CERTIFICATES = REPOSITORY / "tools" / "dev" / "certificates.sh"
sys.path.insert(0, str(REPOSITORY / "python"))
pytest.importorskip("grpc", reason="pip install grpcio protobuf numpy pillow")
np = pytest.importorskip("numpy")
Image = pytest.importorskip("PIL.Image")
import vedette
from vedette import _shared
from vedette._stream import Stream

TRANSPORTS = ["grpc", "stream", "shared memory"]
WIDTH, HEIGHT = 480, 360
RAW_BYTES = WIDTH * HEIGHT * 3


@pytest.fixture
def brokers(binary, tmp_path):
    started = Brokers(binary, tmp_path)
    yield started
    started.close()


class Standing:
    """What has to stand for seconds is begun before the first test, and looked at by the last ones: no time is waited
    for that other tests do not need anyway."""

    SILENT_FOR = 7.5  # a broker ends a stream that it hears nothing of for six seconds
    GONE_FOR = 6.5  # it takes its memory back five seconds after a client has gone

    def __init__(self, address):
        self.address = address
        self.silent = {}
        for way in ("stream", "shared memory"):
            client = vedette.connect(address, transport=way)
            publication = client.publish(way.replace(" ", "-"), 1.0, pixels(1), raw=True)
            items = client.subscribe(way.replace(" ", "-"), begin=0.5).frames()
            frames_of(items, 1)
            self.silent[way] = (client, publication, items)
        with vedette.connect(address, transport="shared memory") as reader:
            publish_raw(reader, "kept", 20)
            items = reader.subscribe("kept", begin=1.0).frames()
            self.kept = [frame.image()[10:, 5:] for frame in frames_of(items, 20)[::3]]
            items.close()
        del items, reader
        gc.collect()
        self.begun = time.monotonic()

    def left(self, seconds):
        return max(0.0, self.begun + seconds - time.monotonic())

    def close(self):
        for client, publication, _ in self.silent.values():
            publication.abandon()
            client.close()


@pytest.fixture(scope="module", autouse=True)
def standing(binary, tmp_path_factory):
    folder = tmp_path_factory.mktemp("standing")
    started = Brokers(binary, folder)
    try:
        stands = Standing(started.start("standing", socket=folder / "standing.sock"))
        yield stands
        stands.close()
    finally:
        started.close()


@pytest.fixture(params=TRANSPORTS)
def transport(request):
    return request.param


@pytest.fixture
def address(brokers, tmp_path):
    return brokers.start("one", socket=tmp_path / "one.sock")


@pytest.fixture
def broker(address, transport):
    with vedette.connect(address, transport=transport) as client:
        yield client


@pytest.fixture
def shared(address):
    with vedette.connect(address, transport="shared memory") as client:
        yield client


def gradient(number=0, width=320, height=240):
    image = np.zeros((height, width, 3), np.uint8)
    image[:, :, 0] = 200
    image[:, :, 1] = np.linspace(0, 255, width, dtype=np.uint8)
    image[:, :, 2] = number
    return image


def jpeg_of(image):
    out = io.BytesIO()
    Image.fromarray(image).save(out, "JPEG", quality=90)
    return out.getvalue()


def pixels(number):
    """A raw frame that says which one it is, in every byte."""
    return np.full((HEIGHT, WIDTH, 3), number % 251, np.uint8)


def publish_raw(client, camera, count, first=0, time_of_first=None):
    t0 = time.time() if time_of_first is None else time_of_first
    with client.publish(camera) as publication:
        for i in range(first, first + count):
            publication.send(t0 + i / 1000, pixels(i), raw=True)
    return t0


def frames_of(items, count):
    """The next frames among the items; a gap is a failure."""
    got = []
    while len(got) < count:
        item = next(items)
        assert not isinstance(item, vedette.Gap | vedette.End), item
        if isinstance(item, vedette.Frame):
            got.append(item)
    return got


def wait_for(condition, seconds=20.0):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return False


def test_agrees_on_a_transport(brokers, tmp_path):
    both = brokers.start("both", socket=tmp_path / "both.sock")
    no_socket = brokers.start("far")
    with vedette.connect(both) as client:
        assert client.transport == "shared memory"
    with vedette.connect(no_socket) as client:
        assert client.transport == "stream"
    for wanted in TRANSPORTS:
        with vedette.connect(both, transport=wanted) as client:
            assert client.transport == wanted
    with pytest.raises(vedette.BrokerUnavailable, match="offers no shared memory"):
        vedette.connect(no_socket, transport="shared memory", timeout=0.5)
    with pytest.raises(vedette.InvalidRequest, match="there are auto, grpc"):
        vedette.connect(both, transport="pigeon")
    (tmp_path / "both.sock").unlink()  # as in a container that does not see it: the stream will do
    with vedette.connect(both) as client:
        assert client.transport == "stream"


def test_pictures_come_back(broker):
    t0 = time.time() - 5  # the end is over
    with broker.publish("yard/1", frames_a_second=10) as publication:
        for i in range(5):
            publication.send(t0 + i / 10, gradient(i * 10))
    assert publication.finish() == 5
    got = list(broker.subscribe("yard/1", begin=t0 - 1, end=t0 + 10 / 10))
    assert len(got) == 5
    for i, (when, image) in enumerate(got):
        assert abs(when.timestamp() - (t0 + i / 10)) < 1e-5
        assert image.shape == (240, 320, 3) and image.dtype == np.uint8
        assert abs(image.astype(int) - gradient(i * 10).astype(int)).mean() < 4


def test_raw_frames_come_back_as_they_are(broker):
    gray = np.arange(320 * 240, dtype=np.uint32).astype(np.uint8).reshape(240, 320)
    color = np.random.default_rng(1).integers(0, 255, (480, 640, 3), np.uint8)
    sideways = color.transpose(1, 0, 2)  # not contiguous
    t0 = time.time()
    with broker.publish("raw") as publication:
        for i, image in enumerate((gray, color, sideways)):
            publication.send(t0 + i, image, raw=True)
    frames = frames_of(broker.subscribe("raw", begin=t0 - 1).frames(), 3)
    assert [frame.encoding for frame in frames] == ["gray", "bgr", "bgr"]
    for frame, image in zip(frames, (gray, color, sideways), strict=True):
        assert np.array_equal(frame.image(), image)
        assert frame.data.readonly and len(frame.data) == image.size
        with pytest.raises(ValueError, match="read-only"):
            frame.image()[0, 0] = 1
        assert np.shares_memory(frame.image(), np.frombuffer(frame.data, np.uint8)), "not copied"


def test_many_and_large_frames(broker):
    """More than the credit, the leases, and what a socket takes at once."""
    count = _shared.Arena.LEASES + 12
    noise = np.random.default_rng(1).integers(0, 255, (720, 1280, 3), np.uint8)
    received = []
    came = threading.Condition()

    def subscribe(subscription):
        for _, image in subscription:
            same = np.array_equal(image[1:], noise[1:])
            with came:
                received.append((same, int(image[0, 0, 0])))
                came.notify()
            if len(received) == count:
                return

    with broker.publish("large", 1000.0, noise, raw=True) as publication:
        reader = threading.Thread(target=subscribe, args=[broker.subscribe("large", begin=1.0)], daemon=True)
        reader.start()
        for i in range(1, count):
            noise[0] = i
            publication.send(1000.0 + i, noise, raw=True)
            with came:
                assert came.wait_for(lambda number=i: len(received) >= number - 2, 20), "the log keeps few of them"
    reader.join(30)
    assert [number for _, number in received][1:] == list(range(1, count))
    assert all(same for same, _ in received)
    assert publication.finish() == count


def test_tells_about_cameras(broker):
    assert broker.cameras() == []
    with broker.publish("yard/1", time.time(), gradient()) as publication:
        publication.send(time.time(), gradient())
    with broker.publish("gate", time.time(), gradient()):
        pass
    assert [camera.name for camera in broker.cameras()] == ["gate", "yard/1"]
    assert [camera.name for camera in broker.cameras("yard/*")] == ["yard/1"]
    camera = broker.camera("yard/1")
    assert (camera.width, camera.height, camera.frames, camera.live) == (320, 240, 2, False)
    assert abs(camera.newest - datetime.now(UTC)) < timedelta(minutes=1)
    assert broker.clock().round_trip < 5


def test_notices_and_smaller_frames(broker):
    t0 = datetime.now(UTC) - timedelta(seconds=60)
    with broker.publish("wide") as publication:
        publication.send(t0, gradient(0, 640, 480))
    items = broker.subscribe("wide", begin=t0, max_side=160).frames()
    assert isinstance(next(items), vedette.Started)
    frame = next(item for item in items if isinstance(item, vedette.Frame))
    assert (frame.width, frame.original_size) == (160, (640, 480))
    assert frame.image().shape[1] == 160


def test_gaps_are_told(broker):
    """A reader that sleeps gets the newest frame, and is told what it missed."""
    publication = broker.publish("fast")
    publication.send(time.time(), gradient())
    items = broker.subscribe("fast", max_behind=1).frames()
    assert isinstance(next(items), vedette.Started)
    noise = jpeg_of(np.random.default_rng(1).integers(0, 255, (720, 1280, 3), dtype=np.uint8))
    for _ in range(60):
        publication.send(time.time(), noise)
    publication.finish()
    kinds = []
    last = 0
    for item in items:
        kinds.append(type(item))
        if isinstance(item, vedette.Gap):
            assert item.reason == "behind"
            last = item.last
        if isinstance(item, vedette.Frame):
            assert item.sequence > last
            last = item.sequence
            if last >= 60:
                break
    assert vedette.Gap in kinds


@pytest.mark.parametrize("transport", ["stream", "shared memory"], indirect=True)
def test_who_is_slow_gets_fresh_frames(broker):
    """It takes one of ten frames: were eight sent ahead, it would see what is 80 frames old."""
    publication = broker.publish("slow")
    publication.send(time.time(), gradient())
    items = broker.subscribe("slow").frames()
    assert isinstance(next(items), vedette.Started)
    noise = jpeg_of(np.random.default_rng(1).integers(0, 255, (120, 160, 3), dtype=np.uint8))
    published, behind = 1, []
    for _ in range(25):
        for _ in range(10):
            publication.send(time.time(), noise)
            published += 1
        time.sleep(0.03)
        frame = next(item for item in items if isinstance(item, vedette.Frame))
        behind.append(published - frame.sequence)
    assert max(behind[15:]) <= 20, behind


def test_targets_and_feedback(broker):
    publication = broker.publish("yard", time.time(), gradient())
    subscription = broker.subscribe("yard", latency=0.5)
    items = subscription.frames()
    assert isinstance(next(items), vedette.Started)
    subscription.set_target(latency=0.3, accuracy=0.9)
    with pytest.raises(vedette.InvalidRequest, match="cannot be kept"):
        subscription.set_target(accuracy=2)
    for _ in range(20):
        publication.send(time.time(), gradient())
        frame = next(item for item in items if isinstance(item, vedette.Frame))
        subscription.feedback(frame, latency=0.01, compute=0.001)
    publication.finish()


def test_refusals(broker):
    with pytest.raises(vedette.BrokerUnavailable):
        vedette.connect("127.0.0.1:1", timeout=0.5)
    with pytest.raises(vedette.CameraNotFound, match="no camera 'x'"):
        broker.camera("x")
    with pytest.raises(vedette.CameraNotFound, match="no camera 'x'"):
        next(broker.subscribe("x").frames())
    with pytest.raises(vedette.InvalidRequest, match="uint8"):
        broker.publish("x", 1.0, np.zeros((4, 4), np.float32))
    with pytest.raises(vedette.InvalidRequest, match="name"):
        broker.publish("not a name!").finish()
    publication = broker.publish("late")
    publication.send(100.0, gradient())
    publication.send(99.0, gradient())
    with pytest.raises(vedette.InvalidRequest, match="time"):
        publication.finish()
    with pytest.raises(vedette.InvalidRequest, match="JPEG"), broker.publish("other") as other:
        other.send(100.0, b"this is no picture")
    if broker.transport != "grpc":  # known when it is opened
        with broker.publish("mine"), pytest.raises(vedette.BrokerError, match="publishes"):
            broker.publish("mine")


def test_goes_on_after_a_restart(brokers, tmp_path, transport):
    port = free_port()
    settings = {"port": port, "socket": tmp_path / "one.sock"}
    address = brokers.start("one", **settings)
    with vedette.connect(address, transport=transport, timeout=20) as client:
        publish_raw(client, "yard", 3)
        items = client.subscribe("yard", begin=1.0).frames()
        before = frames_of(items, 3)
        brokers.kill("one")
        brokers.start("one", **settings)
        publish_raw(vedette.connect(address), "yard", 10, 3)
        resumed, later = False, []
        for item in items:
            resumed = resumed or (isinstance(item, vedette.Started) and item.resumed)
            if isinstance(item, vedette.Frame):
                later.append(item)
                if item.image()[0, 0, 0] == 12:
                    break
        assert resumed and client.transport == transport
        assert [int(frame.image()[0, 0, 0]) for frame in before] == [0, 1, 2], "they outlive their broker"
        numbers = [int(frame.image()[0, 0, 0]) for frame in later]
        assert numbers == sorted(set(numbers)) and numbers[0] > 2


def test_a_publication_finds_the_broker_again(brokers, tmp_path, transport):
    port = free_port()
    settings = {"port": port, "socket": tmp_path / "one.sock"}
    with vedette.connect(brokers.start("one", **settings), transport=transport, timeout=20) as client:
        publication = client.publish("yard", 1.0, pixels(1), raw=True)
        brokers.kill("one")
        with pytest.raises(vedette.BrokerUnavailable):
            for i in range(1000):
                publication.send(2.0 + i, pixels(1), raw=True)
                time.sleep(0.01)
        brokers.start("one", **settings)
        publication.send(5000.0, pixels(2), raw=True)
        assert publication.finish() == 1
        assert client.camera("yard").frames == 1


def test_a_broker_that_is_killed_while_somebody_waits(brokers, tmp_path, transport):
    address = brokers.start("one", socket=tmp_path / "one.sock")
    client = vedette.connect(address, transport=transport, timeout=3, give_up=1)
    publication = client.publish("yard", 1.0, pixels(1), raw=True)
    items = client.subscribe("yard", begin=0.5).frames()
    frames_of(items, 1)
    told = []

    def wait():
        try:
            next(items)
        except vedette.BrokerError as error:
            told.append(repr(error))

    waiting = threading.Thread(target=wait, daemon=True)
    waiting.start()
    time.sleep(0.3)
    brokers.kill("one")
    waiting.join(20)
    assert told and "no broker answers" in told[0], told
    with pytest.raises(vedette.BrokerUnavailable):
        publication.finish()
    client.close()


def test_cancel_and_close_end_whoever_waits(broker):
    publication = broker.publish("yard", 1.0, pixels(1), raw=True)
    subscriptions = [broker.subscribe("yard") for _ in range(3)]
    ended = []

    def read(subscription):
        try:
            for _ in subscription:
                pass
            ended.append("cancelled")
        except vedette.BrokerUnavailable:
            ended.append("closed")

    threads = [threading.Thread(target=read, args=[each], daemon=True) for each in subscriptions]
    for thread in threads:
        thread.start()
    assert wait_for(lambda: broker.camera("yard").subscribers == 3)
    subscriptions[0].cancel()
    threads[0].join(5)
    assert ended == ["cancelled"]
    assert wait_for(lambda: broker.camera("yard").subscribers == 2)
    publication.abandon()
    broker.close()
    for thread in threads:
        thread.join(5)
    assert ended == ["cancelled", "closed", "closed"]
    for call in (broker.cameras, lambda: broker.publish("yard"), lambda: next(broker.subscribe("yard").frames())):
        with pytest.raises(vedette.BrokerUnavailable, match="closed"):
            call()


def test_several_readers_on_one_connection(broker):
    """Each gets all frames of its camera, whoever of them reads the socket."""
    cameras = [f"yard/{i}" for i in range(4)]
    publications = [broker.publish(camera, 1.0, pixels(0), raw=True) for camera in cameras]
    assert wait_for(lambda: len(broker.cameras()) == len(cameras)), "a call tells of no beginning"
    got = {camera: [] for camera in cameras}

    def read(camera):
        for _, image in broker.subscribe(camera, begin=0.5, max_behind=1000):
            got[camera].append(int(image[-1, -1, 0]))
            if len(got[camera]) == 40:
                return

    threads = [threading.Thread(target=read, args=[camera], daemon=True) for camera in cameras]
    for thread in threads:
        thread.start()
    for i in range(1, 40):
        for publication in publications:
            publication.send(1.0 + i, pixels(i), raw=True)
    for thread in threads:
        thread.join(30)
    assert all(numbers == list(range(40)) for numbers in got.values())


def test_shared_frames_are_not_copied(shared):
    publish_raw(shared, "yard", 2)
    first, second = frames_of(shared.subscribe("yard", begin=1.0).frames(), 2)
    maps = pathlib.Path("/proc/self/maps").read_text().splitlines()
    ranges = [line.split()[0].split("-") for line in maps if "vedette-frame-log" in line]
    for frame in (first, second):
        at = frame.image().ctypes.data
        assert any(int(start, 16) <= at < int(end, 16) for start, end in ranges), "it lies in the log's memory"


def test_what_is_looked_at_becomes_our_own():
    """A broker writes over a segment some seconds after its client has gone; arrays keep their address and bytes."""
    size, at, length = 1 << 20, 70_000, 300_000
    theirs, file = _shared._sealed_memory("log", size)
    theirs[:] = np.arange(size, dtype=np.uint32).astype(np.uint8)
    before = theirs.copy()
    gone = collections.deque()
    segment = _shared.Segment(1, os.dup(file), size)
    whole = [np.frombuffer(segment.view(at + i * 100_000, length, gone), np.uint8) for i in range(2)]
    small = np.frombuffer(segment.view(size - 10, 10, gone), np.uint8)
    dropped = np.frombuffer(segment.view(600_000, 10, gone), np.uint8)
    part, address = whole[0][5:], whole[0].ctypes.data
    del dropped
    assert len(gone) == 1 and not segment.forget(gone.pop()[1])
    segment.keep()
    theirs[:] = 255
    assert whole[0].ctypes.data == address
    for i in range(2):
        assert np.array_equal(whole[i], before[at + i * 100_000 :][:length])
    assert np.array_equal(small, before[-10:]) and np.array_equal(part, before[at + 5 :][: length - 5])
    del whole, small
    gc.collect()
    assert len(gone) == 2, "a part keeps the whole"
    del segment
    gone.clear()
    assert np.array_equal(part, before[at + 5 :][: length - 5])
    os.close(file)


def test_memory_that_may_shrink_is_refused():
    file = os.memfd_create("log")
    os.ftruncate(file, 4096)
    with pytest.raises(_shared.ProtocolError, match="shrink"):
        _shared.Segment(1, file, 4096)


def test_an_arena_lends_as_long_as_it_has_room():
    arena = _shared.Arena(1 << 20)
    frame = memoryview(bytes(200_000))
    lent = [arena.lend(frame) for _ in range(6)]
    assert [place is None for place in lent] == [False] * 5 + [True]
    assert len({lease for lease, _ in lent[:5]}) == 5
    offsets = sorted(offset for _, offset in lent[:5])
    assert all(b - a >= 200_064 for a, b in itertools.pairwise(offsets)) and offsets[-1] + 200_064 <= 1 << 20
    lease, offset = lent[2]
    arena._states[lease - 1] = 0  # as the broker does
    assert arena.lend(frame) == (lease, offset)
    assert not arena.fits(600_000)
    for file in arena.files:
        os.close(file)


def test_who_holds_many_segments_gets_copies(brokers, address, shared):
    """Segments of 8 MB: a broker lends six of them, then copies; what is held stays as it is."""
    in_segment = (8 << 20) // RAW_BYTES
    t0 = publish_raw(shared, "yard", 1)
    items = shared.subscribe("yard", begin=t0 - 1, max_behind=1000).frames()
    held = frames_of(items, 1)
    for segment in range(20):  # the log has eight
        publish_raw(shared, "yard", in_segment, 1 + segment * in_segment, t0)
        held += frames_of(items, in_segment)[: 1 if segment > 7 else None]

    def lent(frame):
        segments = shared._connected.stream._segments.values()
        return any(np.shares_memory(frame.image(), np.frombuffer(each._memory, np.uint8)) for each in segments)

    copies = [frame for frame in held if not lent(frame)]
    assert in_segment <= len(copies) <= len(held) - 5 * in_segment
    for frame in held:
        assert (frame.image() == frame.image()[0, 0, 0]).all()
    numbers = [int(frame.image()[0, 0, 0]) for frame in held]
    assert numbers[: 8 * in_segment] == [i % 251 for i in range(8 * in_segment)], "nothing has been written over"
    del held, copies, frame
    lending = []
    for later in (100, 200):
        publish_raw(shared, "yard", in_segment, 0, t0 + later)
        lending += [lent(frame) for frame in frames_of(items, in_segment)]
    assert lending[-1], "segments were given back"


def test_a_program_may_just_end(address, transport):
    """Without closing anything, and without a word."""
    program = f"""
import vedette
client = vedette.connect({address!r}, transport={transport!r})
publication = client.publish("yard", 1.0, b"\\xff\\xd8")
items = client.subscribe("gate").frames()
"""
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-c", program],
        check=False,
        capture_output=True,
        text=True,
        timeout=30,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY / "python")},
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    folder = tmp_path_factory.mktemp("certificates")
    for name in ("good", "other"):
        subprocess.run(["bash", str(CERTIFICATES), str(folder / name), "broker", "client"], check=True, timeout=60)
    return folder


def files_of(folder):
    return tuple(str(folder / name) for name in ("client.pem", "client-key.pem", "authority.pem"))


@pytest.fixture
def guarded(brokers, certificates):
    names = {"certificate": "broker.pem", "key": "broker-key.pem", "authority": "authority.pem"}
    return brokers.start("one", **{f"tls__{key}": certificates / "good" / name for key, name in names.items()})


@pytest.mark.parametrize("way", ["grpc", "stream"])
def test_over_tls(guarded, certificates, way):
    noise = np.random.default_rng(1).integers(0, 255, (1080, 1920, 3), np.uint8)
    with vedette.connect(guarded, tls=files_of(certificates / "good"), transport=way) as client:
        assert client.transport == way
        t0 = time.time()
        with client.publish("yard") as publication:
            for i in range(5):
                publication.send(t0 + i, noise, raw=True)
        for frame in frames_of(client.subscribe("yard", begin=t0 - 1).frames(), 5):
            assert np.array_equal(frame.image(), noise)


def test_a_wrong_certificate(guarded, certificates):
    for way in ("auto", "grpc", "stream"):
        with pytest.raises(vedette.BrokerUnavailable):
            vedette.connect(guarded, tls=files_of(certificates / "other"), transport=way, timeout=0.3)
        with pytest.raises(vedette.BrokerUnavailable):
            vedette.connect(guarded, transport=way, timeout=0.3)
    with vedette.connect(guarded, tls=files_of(certificates / "good")) as client:
        session = client._connected.session
        stream = "tcp://{}:{}".format(*client._connected.stream._link._socket.getpeername())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    certificate, key, _ = files_of(certificates / "other")
    context.load_cert_chain(certificate, key)
    context.load_verify_locations(certificates / "other" / "authority.pem")
    with pytest.raises(vedette.BrokerUnavailable, match="CERTIFICATE_VERIFY_FAILED"):
        Stream.connect(stream, session, context, 5.0)
    context.load_verify_locations(certificates / "good" / "authority.pem")
    with pytest.raises(vedette.BrokerUnavailable, match="no stream"):  # the broker does not know ours
        Stream.connect(stream, session, context, 5.0)
    with pytest.raises(vedette.BrokerUnavailable, match="no stream"):
        Stream.connect(stream, session, None, 5.0)


def test_a_stream_without_a_session_is_refused(address, tmp_path):
    with pytest.raises(vedette.PermissionDenied, match="session"):
        Stream.connect(f"unix:{tmp_path}/one.sock", "made up", None, 5.0)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"",
        b"VLNK\x02\x02\0\0\0\0\0\0\0\0\0\0",
        b"VLNK\x01\x02\0\0\xff\xff\xff\xff\0\0\0\0",
    ],
)
def test_something_else_at_the_streams_address(answer):
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            connection, _ = server.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(answer)

        threading.Thread(target=serve, daemon=True).start()
        with pytest.raises(vedette.BrokerUnavailable, match="no stream to the broker"):
            Stream.connect(f"tcp://127.0.0.1:{server.getsockname()[1]}", "session", None, 5.0)


@pytest.mark.parametrize("way", ["stream", "shared memory"])
def test_pings_are_answered_while_the_application_computes(standing, way):
    """It has done so since the first test, and has not looked at its broker."""
    _, publication, items = standing.silent[way]
    while standing.left(Standing.SILENT_FOR):
        sum(range(10_000))
    publication.send(2.0, pixels(2), raw=True)
    item = next(items)
    assert isinstance(item, vedette.Frame), "not lost and started again"
    assert item.image()[0, 0, 0] == 2


def test_arrays_outlive_subscription_and_connection(standing):
    """The broker writes over its memory again and again, some seconds after the client has gone."""
    time.sleep(standing.left(Standing.GONE_FOR))
    with (
        vedette.connect(standing.address, transport="shared memory") as writer,
        writer.publish("kept") as publication,
    ):
        t0 = time.time() + 10
        for i in range(300):  # the log holds 64 MB
            publication.send(t0 + i, np.full((HEIGHT, WIDTH, 3), 255, np.uint8), raw=True)
    for i, image in enumerate(standing.kept):
        assert (image == i * 3).all()
