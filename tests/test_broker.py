"""`vedette broker` from outside: starting, refusing bad settings, ending, camera and server and standby together."""

import pathlib
import subprocess
import sys
import threading
import time

import pytest
from brokers import Brokers, free_port

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "python"))
pytest.importorskip("grpc", reason="pip install grpcio protobuf numpy pillow")
np = pytest.importorskip("numpy")
pytest.importorskip("PIL")
import vedette


@pytest.fixture
def brokers(binary, tmp_path):
    started = Brokers(binary, tmp_path)
    yield started
    started.close()


def picture(number: int, width=320, height=240):
    return np.full((height, width, 3), (number * 7) % 256, np.uint8)


def wait_for(condition, seconds=20.0):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return False


def test_ends_gracefully(brokers):
    brokers.start("one")
    assert brokers.stop("one") == 0
    assert "ends" in brokers.log("one")


def test_forty_cameras_where_few_files_may_be_open(binary, tmp_path):
    """A camera's log is a memory file a segment, and its publisher shares memory, too: 1,024 files are soon open."""
    wrapper = tmp_path / "few-files"
    wrapper.write_text(f'#!/bin/sh\nulimit -Sn 100\nexec {binary} "$@"\n')
    wrapper.chmod(0o755)
    brokers = Brokers(str(wrapper), tmp_path)
    try:
        address = brokers.start("one", socket=str(tmp_path / "one.sock"), memory_mb="4", segment_mb="1", feed_mb="4")
        with vedette.connect(address) as client:
            cameras = [client.publish(f"yard/{number}") for number in range(40)]
            for time_of in range(12):  # 3 MB: three segments each
                for camera in cameras:
                    camera.send(1_700_000_000 + time_of, picture(time_of, 360, 240), raw=True)
            for camera in cameras:
                assert camera.finish() == 12
            assert all(camera.frames == 12 for camera in client.cameras())
        open_files = len(list(pathlib.Path(f"/proc/{brokers.running['one'].pid}/fd").iterdir()))
        assert open_files > 100
    finally:
        brokers.close()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"listen": "0.0.0.0:7499"}, "needs TLS and tokens"),
        ({"role": "camera"}, "needs servers"),
        ({"role": "both"}, "role"),
        ({"memory_mb": "8", "segment_mb": "8"}, "two segments"),
        ({"access": "missing.yaml"}, "missing.yaml"),
        ({"listne": "x"}, "listen"),
    ],
)
def test_refuses_bad_settings(binary, settings, said):
    arguments = [part for key, value in settings.items() for part in ("--set", f"{key}={value}")]
    done = subprocess.run([binary, "broker", *arguments], check=False, capture_output=True, text=True, timeout=20)
    assert done.returncode != 0
    assert said in done.stderr
    assert "terminate" not in done.stderr


def test_frames_move_from_camera_to_server_only_while_somebody_subscribes(brokers):
    server = brokers.start("server")
    edge = brokers.start("edge", role="camera", servers=f"[{server}]")
    camera, application = vedette.connect(edge), vedette.connect(server)
    publication = camera.publish("yard", time.time(), picture(0))
    assert wait_for(lambda: [c.name for c in application.cameras()] == ["yard"])
    assert camera.camera("yard").subscribers == 0
    subscriptions = [application.subscribe("yard") for _ in range(3)]
    got = [[] for _ in subscriptions]

    def read(subscription, into):
        for item in subscription:
            into.append(item)
            if len(into) == 3:
                return

    threads = [threading.Thread(target=read, args=pair, daemon=True) for pair in zip(subscriptions, got, strict=True)]
    for thread in threads:
        thread.start()
    assert wait_for(lambda: camera.camera("yard").subscribers == 1)
    for i in range(1, 60):
        publication.send(time.time(), picture(i))
        time.sleep(0.03)
        if all(len(into) >= 3 for into in got):
            break
    assert camera.camera("yard").subscribers == 1, "one transfer serves all"
    for thread in threads:
        thread.join(20)
    assert all(len(into) == 3 for into in got)
    for subscription in subscriptions:
        subscription.cancel()
    assert wait_for(lambda: camera.camera("yard").subscribers == 0)
    assert application.camera("yard").clock.known or application.camera("yard").broker == "edge"


def test_a_standby_takes_over(brokers):
    first, second = free_port(), free_port()
    server = brokers.start("server", first, standbys=f"[127.0.0.1:{second}]")
    standby = brokers.start("standby", second, primary=server)
    edge = brokers.start("edge", role="camera", servers=f"[{server}, {standby}]")
    camera, application = vedette.connect(edge), vedette.connect(server)
    publication = camera.publish("yard", time.time(), picture(0))
    assert wait_for(lambda: len(application.cameras()) == 1)
    stop = threading.Event()

    def publish():
        number = 1
        while not stop.is_set():
            publication.send(time.time(), picture(number))
            number += 1
            time.sleep(0.05)

    publisher = threading.Thread(target=publish, daemon=True)
    publisher.start()
    sequences, resumed, killed = [], False, False
    for item in application.subscribe("yard").frames():
        if isinstance(item, vedette.Frame):
            sequences.append(item.sequence)
            if len(sequences) == 5:
                brokers.kill("server")
                killed = True
            if len(sequences) >= 10:
                break
        if isinstance(item, vedette.Started) and item.resumed:
            resumed = True
    stop.set()
    publisher.join(5)
    assert killed and resumed
    assert sequences == sorted(set(sequences)), "at most once, in order"


def test_an_end_before_the_beginning_and_other_bad_requests(brokers):
    broker = vedette.connect(brokers.start("one"))
    with broker.publish("gate", time.time(), picture(0)):
        pass
    for arguments, said in [
        ({"begin": 20.0, "end": 10.0}, "before the beginning"),
        ({"latency": -1}, "cannot be kept"),
        ({"accuracy": 2}, "cannot be kept"),
        ({"latency": 0.05, "compute": 0.06}, "cannot be kept"),
    ]:
        with pytest.raises(vedette.InvalidRequest, match=said):
            next(iter(broker.subscribe("gate", **arguments)))
    with pytest.raises(vedette.CameraNotFound, match="did you mean 'gate'"):
        next(iter(broker.subscribe("gaet")))


def test_time_going_backwards_and_no_jpeg(brokers):
    broker = vedette.connect(brokers.start("one"))
    publication = broker.publish("gate")
    publication.send(100.0, picture(0))
    publication.send(99.0, picture(1))
    with pytest.raises(vedette.InvalidRequest, match="time"):
        publication.finish()
    with pytest.raises(vedette.InvalidRequest, match="JPEG"), broker.publish("other") as other:
        other.send(100.0, b"this is no picture")
