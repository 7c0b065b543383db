"""kill -9 of brokers at random moments: what they had sealed is there again, what is torn is named, and a standby takes over.

A segment counts as acknowledged from the moment that its file has its name (the broker gives it after fsync), as anybody
who looks into the folder sees it. VEDETTE_CRASH_ROUNDS=50 for the long run (docs/framelog.md has its figures).
"""

import io
import os
import pathlib
import random
import re
import subprocess
import sys
import threading
import time

import pytest
from brokers import Brokers, free_port

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "python"))
pytest.importorskip("grpc", reason="pip install grpcio protobuf numpy pillow")
np = pytest.importorskip("numpy")
Image = pytest.importorskip("PIL.Image")
import vedette

ROUNDS = int(os.environ.get("VEDETTE_CRASH_ROUNDS", "0"))
BEGIN = 1_700_000_000.0
STEP = 0.001


@pytest.fixture
def brokers(binary, tmp_path):
    started = Brokers(binary, tmp_path)
    yield started
    started.close()


def jpeg_without_comment() -> bytes:
    noise = np.random.default_rng(1).integers(0, 256, (160, 200, 3), np.uint8)
    out = io.BytesIO()
    Image.fromarray(noise).save(out, "JPEG", quality=90)
    return out.getvalue()


JPEG = jpeg_without_comment()  # about 40 KB


def picture(number: int) -> bytes:
    """A JPEG that says its number, in a comment behind its first marker."""
    text = f"frame {number}".encode()
    return JPEG[:2] + b"\xff\xfe" + (len(text) + 2).to_bytes(2, "big") + text + JPEG[2:]


class Publisher:
    """Publishes one camera in a thread until it is stopped or the broker is gone; frame N has the time BEGIN + N STEP."""

    def __init__(self, address: str, camera: str, first: int, pause: float = 0.0):
        self.client, self.next = vedette.connect(address), first
        self.camera, self.pause = camera, pause
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        try:
            publication = self.client.publish(self.camera)
            while not self.stopping.is_set():
                publication.send(BEGIN + self.next * STEP, picture(self.next))
                self.next += 1
                if self.pause:
                    time.sleep(self.pause)
        except vedette.BrokerError:
            pass  # it was killed

    def close(self):
        self.stopping.set()
        self.thread.join(20)
        self.client.close()


def sealed(folder: pathlib.Path) -> set[range]:
    """The sequence numbers of every segment whose file has its name."""
    found = (re.fullmatch(r"(\d{20})-(\d{20})\.seg", path.name) for path in folder.glob("*.seg"))
    return {range(int(match[1]), int(match[2]) + 1) for match in found if match}


def stored_bytes(folder: pathlib.Path) -> int:
    def size(path):
        try:
            return path.stat().st_size
        except FileNotFoundError:  # removed meanwhile, by its age or size
            return 0

    return sum(size(path) for path in folder.glob("*.seg"))


def verify(binary: str, folder: pathlib.Path) -> subprocess.CompletedProcess:
    return subprocess.run([binary, "log", "verify", str(folder)], check=False, capture_output=True, text=True, timeout=60)


def history(address: str, camera: str, until: float) -> dict[int, tuple[float, bytes]]:
    """Everything that the broker keeps of a camera: time and bytes by sequence number."""
    kept = {}
    with vedette.connect(address) as client:
        for item in client.subscribe(camera, begin=BEGIN - 1, end=until).frames():
            if isinstance(item, vedette.Frame):
                assert item.sequence not in kept, "at most once"
                kept[item.sequence] = (item.time.timestamp(), bytes(item.data))
    return kept


def check_history(kept: dict[int, tuple[float, bytes]]) -> None:
    assert list(kept) == sorted(kept)
    for when, data in kept.values():
        number = round((when - BEGIN) / STEP)
        assert data == picture(number), f"frame {number} is not what was published"


def test_what_a_killed_broker_had_sealed_is_there_again(binary, brokers, tmp_path):
    rounds = ROUNDS or 6
    chance = random.Random(3)
    folder, port = tmp_path / "frames", free_port()
    yard = folder / "yard"
    settings = {"store": folder, "segment_mb": 1, "memory_mb": 8}
    address = brokers.start("one", port, **settings)
    published, promised, torn_in_all, looked_at = 0, set(), 0, 0
    for turn in range(rounds):
        publisher = Publisher(address, "yard", published)
        if turn % 5 == 4:
            time.sleep(chance.uniform(0, 0.1))
        else:
            wanted, deadline = published + chance.randrange(1, 150), time.monotonic() + 10
            while publisher.next < wanted and time.monotonic() < deadline:
                time.sleep(0.001)
            time.sleep(chance.uniform(0, 0.02))
        promised |= {number for segment in sealed(yard) for number in segment}
        brokers.kill("one")
        publisher.close()
        published = publisher.next + 1
        torn = None
        if turn % 3 == 2 and sealed(yard):  # a disk that lied
            torn = max(yard.glob("*.seg"))
            lost = set(range(int(torn.name[:20]), int(torn.name[21:41]) + 1))
            os.truncate(torn, chance.randrange(torn.stat().st_size))
            promised -= lost
            done = verify(binary, folder)
            assert done.returncode == 65, done.stderr
            assert done.stderr.count(torn.name) == 1 and "1 of" in done.stderr, done.stderr
            torn_in_all += 1
        before = len(brokers.log("one"))
        address = brokers.start("one", port, **settings)
        # The log of a camera is read when somebody publishes it.
        with vedette.connect(address).publish("yard", BEGIN + published * STEP, picture(published)):
            pass
        published += 1
        said = brokers.log("one")[before:]
        assert said.count("is not served") == said.count("its writing was interrupted") + (torn is not None), said
        if torn:
            assert [torn.name in line and "moved aside" in line for line in said.splitlines()].count(True) == 1, said
        kept = history(address, "yard", BEGIN + published * STEP)
        assert promised <= set(kept), f"round {turn}: {sorted(promised - set(kept))[:5]} are missing"
        check_history(kept)
        looked_at += len(kept)
        done = verify(binary, folder)
        assert done.returncode == 0, done.stdout + done.stderr
        if turn % 10 == 9:  # the history that each round reads stays short
            brokers.stop("one")
            for path in [*yard.glob("*.seg"), *yard.glob("*.bad")]:
                path.unlink()
            promised = set()
            address = brokers.start("one", port, **settings)
    print(f"{rounds} kills, {torn_in_all} torn files named, {looked_at} frames read again and right")


class Reader:
    """Subscribes in a thread; keeps the publisher's numbers, what is wrong with frames and how often it was resumed."""

    def __init__(self, addresses: list[str], camera: str):
        self.client = vedette.connect(addresses)
        self.subscription = self.client.subscribe(camera, max_behind=1000)
        self.numbers, self.faults, self.resumed, self.ended = [], [], 0, ""
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        try:
            for item in self.subscription.frames():
                if isinstance(item, vedette.Started) and item.resumed:
                    self.resumed += 1
                if isinstance(item, vedette.End):
                    self.ended = f"{item.reason}: {item.line}"
                if not isinstance(item, vedette.Frame):
                    continue
                number = round((item.time.timestamp() - BEGIN) / STEP)
                if bytes(item.data) != picture(number):
                    self.faults.append(f"frame {number} is not what was published")
                if self.numbers and number <= self.numbers[-1]:
                    self.faults.append(f"{number} after {self.numbers[-1]}")
                self.numbers.append(number)
        except vedette.BrokerError as error:
            self.ended = str(error)

    def more(self, frames: int, seconds: float = 20.0) -> bool:
        wanted, deadline = len(self.numbers) + frames, time.monotonic() + seconds
        while len(self.numbers) < wanted and time.monotonic() < deadline and not self.ended:
            time.sleep(0.01)
        return len(self.numbers) >= wanted

    def close(self):
        self.subscription.cancel()
        self.thread.join(10)
        self.client.close()


def test_server_and_standby_are_killed_in_turns_and_subscribers_go_on(brokers):
    rounds = ROUNDS or 4
    chance = random.Random(4)
    ports = {"server": free_port(), "standby": free_port()}
    addresses = {name: f"127.0.0.1:{port}" for name, port in ports.items()}
    settings = {
        "server": {"standbys": f"[{addresses['standby']}]"},
        "standby": {"primary": addresses["server"]},
    }
    for name, port in ports.items():
        brokers.start(name, port, **settings[name])
    edge = brokers.start("edge", role="camera", servers=f"[{', '.join(addresses.values())}]")
    publisher = Publisher(edge, "yard", 0, pause=0.02)
    assert wait_for_camera(addresses["server"]) and wait_for_camera(addresses["standby"])
    reader = Reader([addresses["server"]], "yard")
    at, takeovers = "server", 0
    assert reader.more(3), reader.ended
    for turn in range(rounds):
        time.sleep(chance.uniform(0, 0.3))
        killed = chance.choice(["server", "standby"]) if turn > 0 else "server"
        resumed = reader.resumed
        brokers.kill(killed)
        assert reader.more(5), f"round {turn}, {killed} killed: {reader.ended or 'no frames came'}"
        if killed == at:
            assert reader.resumed > resumed
            at = "standby" if at == "server" else "server"
            takeovers += 1
        else:
            assert reader.resumed == resumed, "the other one's end is nothing to the subscriber"
        brokers.start(killed, ports[killed], **settings[killed])
        assert wait_for_camera(addresses[killed]), f"round {turn}: {killed} does not know the camera again"
    assert reader.faults == []
    publisher.close()
    reader.close()
    print(f"{rounds} kills, {takeovers} of the broker in use, {len(reader.numbers)} frames, none twice or out of order")


def wait_for_camera(address: str, seconds: float = 20.0) -> bool:
    deadline = time.monotonic() + seconds
    with vedette.connect(address) as client:
        while time.monotonic() < deadline:
            if [camera.name for camera in client.cameras()] == ["yard"]:
                return True
            time.sleep(0.05)
    return False


def test_a_killed_camera_broker_comes_back_with_its_frames(binary, brokers, tmp_path):
    rounds = ROUNDS or 3
    chance = random.Random(5)
    folder, port = tmp_path / "frames", free_port()
    server = brokers.start("server", lease_seconds=60)  # a slow machine must not look like a dead broker
    keep, segment = 64 << 20, 1 << 20  # so that 500 rounds read no more each than three do
    settings = {"role": "camera", "servers": f"[{server}]", "store": folder, "segment_mb": 1, "memory_mb": 8}
    settings["keep_gb"] = keep / (1 << 30)
    edge = brokers.start("edge", port, **settings)
    published = 0
    publisher = Publisher(edge, "yard", published, pause=0.005)
    assert wait_for_camera(server)
    reader = Reader([server], "yard")
    assert reader.more(3), reader.ended
    for turn in range(rounds):
        time.sleep(chance.uniform(0, 0.6))
        promised = {number for numbers in sealed(folder / "yard") for number in numbers}
        brokers.kill("edge")
        had = stored_bytes(folder / "yard")
        publisher.close()
        published = publisher.next + 1
        time.sleep(chance.uniform(0, 0.2))
        brokers.start("edge", port, **settings)
        publisher = Publisher(edge, "yard", published, pause=0.005)
        assert reader.more(5, 30), f"round {turn}: {reader.ended or 'no frames came'}"
        assert stored_bytes(folder / "yard") >= min(had, keep) - 2 * segment, f"round {turn}: more than was to be removed"
        kept = history(edge, "yard", BEGIN + published * STEP)
        missing = {number for number in promised if number >= min(kept)} - set(kept)
        assert not missing, f"round {turn}: {sorted(missing)[:5]} are missing"
        check_history(kept)
    assert reader.faults == []
    publisher.close()
    reader.close()
    assert verify(binary, folder).returncode == 0
    assert stored_bytes(folder / "yard") <= keep + 2 * segment
    print(f"{rounds} kills, {len(reader.numbers)} frames at the server")
