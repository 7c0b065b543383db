"""The Python client (python/) against a real broker."""

import pathlib
import sys
import time
from datetime import UTC, datetime, timedelta

import pytest
from brokers import Brokers

REPOSITORY = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY / "python"))
pytest.importorskip("grpc", reason="pip install grpcio protobuf numpy pillow")
np = pytest.importorskip("numpy")
pytest.importorskip("PIL")
import vedette


@pytest.fixture
def brokers(binary, tmp_path):
    started = Brokers(binary, tmp_path)
    yield started
    started.close()


@pytest.fixture
def broker(brokers):
    with vedette.connect(brokers.start("one")) as client:
        yield client


def gradient(number=0, width=320, height=240):
    image = np.zeros((height, width, 3), np.uint8)
    image[:, :, 0] = 200
    image[:, :, 1] = np.linspace(0, 255, width, dtype=np.uint8)
    image[:, :, 2] = number
    return image


def test_pictures_come_back(broker):
    t0 = time.time()
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
    noise = np.random.default_rng(1).integers(0, 255, (720, 1280, 3), dtype=np.uint8)
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


def test_refusals(brokers):
    with pytest.raises(vedette.BrokerUnavailable):
        vedette.connect("127.0.0.1:1", timeout=0.5)
    with vedette.connect(brokers.start("one")) as client:
        with pytest.raises(vedette.CameraNotFound, match="no camera 'x'"):
            client.camera("x")
        with pytest.raises(vedette.InvalidRequest, match="uint8"):
            client.publish("x", 1.0, np.zeros((4, 4), np.float32))
        with pytest.raises(vedette.InvalidRequest, match="name"):
            client.publish("not a name!").finish()
