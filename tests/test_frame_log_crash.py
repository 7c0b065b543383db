"""Frames on disks that are full, read-only, killed in the middle of a write, or hold something else.

VEDETTE_CRASH_ROUNDS=50 for the long run of kills (docs/framelog.md has its figures).
"""

import json
import os
import pathlib
import random
import re
import signal
import subprocess
import sys
import time
import urllib.request

import pytest
from brokers import Brokers, free_port
from conftest import ffmpeg
from test_frame_log import record, write_app

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "python"))

ROUNDS = int(os.environ.get("VEDETTE_CRASH_ROUNDS", "3"))
DATA, NO_INPUT, NO_PERMISSION = 65, 66, 77  # exit statuses, see base/error.h


@pytest.fixture(scope="session")
def clip(tmp_path_factory):
    """Four seconds of a moving test picture at 15 frames a second."""
    path = tmp_path_factory.mktemp("crash") / "clip.mp4"
    ffmpeg("-f", "lavfi", "-i", "testsrc=size=320x240:rate=15:duration=4", "-c:v", "mpeg4", "-q:v", "4", path)
    return path


@pytest.fixture
def small_disk(tmp_path):
    """A folder on a disk of 26 MB of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=26m", "vedette-test", str(folder)], check=False, capture_output=True, text=True
    )
    if mounted.returncode != 0:
        pytest.skip(f"a small disk cannot be mounted here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def remount(folder: pathlib.Path, how: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{how}", str(folder)], check=True)


def sealed(folder: pathlib.Path) -> set[int]:
    """The sequence numbers of all segments whose files have their names."""
    found = (re.fullmatch(r"(\d{20})-(\d{20})\.seg", path.name) for path in folder.glob("*.seg"))
    return {number for match in found if match for number in range(int(match[1]), int(match[2]) + 1)}


def stored(vedette, folder: pathlib.Path) -> list[int]:
    done = vedette("log", "replay", folder, "--speed", "0", "-o", "json")
    assert done.returncode == 0, done.stderr
    return [json.loads(line)["sequence"] for line in done.stdout.splitlines()]


def wait_for(condition, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return False


def test_an_application_killed_at_random_moments_keeps_what_was_sealed(binary, vedette, clip, tmp_path):
    # Memory for what a slow disk is behind: a frame that leaves it unwritten would be missing, killed or not.
    settings = {"folder": "logs", "flush_s": 1, "segment_mb": 1, "memory_mb": 512, "keep_gb": 0.1}
    app = write_app(tmp_path, "keep", {"url": str(clip), "loop": True}, [{"type": "log", **settings}])
    folder = tmp_path / "logs" / "yard"
    chance = random.Random(6)
    promised: set[int] = set()
    for turn in range(ROUNDS):
        process = subprocess.Popen(
            [binary, "run", str(app), "--fast", "--console", "off"], cwd=tmp_path, stderr=subprocess.DEVNULL
        )
        newest = max(promised, default=-1)
        if turn % 4 != 3:
            assert wait_for(lambda known=newest: max(sealed(folder), default=-1) > known, 30), "nothing was stored"
        time.sleep(chance.uniform(0, 0.3))
        promised |= sealed(folder)
        process.kill()
        process.wait(10)
        done = vedette("log", "verify", tmp_path / "logs")
        assert done.returncode == 0, done.stderr
        kept = stored(vedette, folder)
        assert kept == list(range(kept[0], kept[-1] + 1)), "a frame is missing"
        promised = {number for number in promised if number >= kept[0]}  # not what was removed by its size
        assert promised <= set(kept), f"round {turn}: {sorted(promised - set(kept))[:5]} are missing"
    assert kept[0] == 0 or sum(path.stat().st_size for path in folder.glob("*.seg")) > 0.09 * 2**30
    print(f"{ROUNDS} kills, {kept[-1] + 1} frames, none missing")


def test_on_a_full_disk_live_goes_on_and_storing_again_when_there_is_room(binary, vedette, clip, small_disk, tmp_path):
    client = pytest.importorskip("vedette", reason="pip install grpcio protobuf numpy pillow")
    from test_broker_crash import BEGIN, STEP, Publisher, Reader, check_history, history

    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(24_500_000))
    settings = {"folder": str(small_disk / "logs"), "flush_s": 1, "segment_mb": 1, "memory_mb": 4, "quality": 95}
    modules = [{"type": "log", **settings}, {"type": "jsonl", "path": "seen.jsonl", "what": "objects"}]
    app = write_app(tmp_path, "keep", {"url": str(clip), "loop": True}, modules)
    port = free_port()
    said = tmp_path / "run.log"
    with said.open("wb") as log:
        run = subprocess.Popen([binary, "run", str(app), "--console", str(port)], cwd=tmp_path, stderr=log, stdout=log)
    brokers = Brokers(binary, tmp_path)
    try:
        address = brokers.start("one", store=small_disk / "frames", segment_mb=1, memory_mb=8)
        publisher = Publisher(address, "gate", 0, pause=0.04)
        with client.connect(address) as looking:
            assert wait_for(looking.cameras, 10)
        reader = Reader([address], "gate")

        def lines(text):
            return [said.read_text().count(text), brokers.log("one").count(text)]

        def about():
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/logs", timeout=5) as answer:
                return json.load(answer)["logs"][0]

        stopped = "live goes on, nothing is stored"
        assert wait_for(lambda: lines(stopped) == [1, 1], 30), said.read_text() + brokers.log("one")
        held = {camera: sealed(small_disk / camera) for camera in ("logs/yard", "frames/gate")}
        assert all(held.values())
        seen = (tmp_path / "seen.jsonl").stat().st_size
        assert reader.more(20), reader.ended
        assert wait_for(lambda: (tmp_path / "seen.jsonl").stat().st_size > seen, 10), "live stopped"
        assert "No space left" in about()["trouble"], about()
        time.sleep(2)  # several flushes later
        assert lines(stopped) == [1, 1], "it is said once"
        ballast.unlink()
        again = "frames are stored again"
        assert wait_for(lambda: lines(again) == [1, 1], 30), said.read_text() + brokers.log("one")
        assert about()["trouble"] is None
        publisher.close()
        for camera, numbers in held.items():
            assert numbers <= sealed(small_disk / camera), f"of {camera} something is lost that was stored"
        kept = history(address, "gate", BEGIN + publisher.next * STEP)
        assert held["frames/gate"] <= set(kept)
        check_history(kept)
        assert reader.faults == []
        reader.close()
        assert brokers.stop("one") == 0
    finally:
        brokers.close()
        run.send_signal(signal.SIGTERM)
        assert run.wait(20) == 0
    for folder in ("logs", "frames"):
        done = vedette("log", "verify", small_disk / folder)
        assert done.returncode == 0, done.stderr


def crc32c(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def one_line(done: subprocess.CompletedProcess, status: int, *parts: str) -> None:
    """One line of error (and one a file), no trace."""
    assert done.returncode == status, done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert all(part in done.stderr for part in parts), done.stderr
    assert last.startswith("vedette: "), done.stderr
    assert "terminate" not in done.stderr


@pytest.fixture
def keys(tmp_path):
    made = {}
    for name, digits in (("right", "11"), ("wrong", "22")):
        made[name] = tmp_path / f"{name}.key"
        made[name].write_text(digits * 32 + "\n")
        made[name].chmod(0o600)
    return made


def test_with_a_wrong_key_or_none_it_says_which_key_is_needed(vedette, clip, tmp_path, keys):
    record(vedette, tmp_path, clip, key_file=str(keys["right"]))
    for arguments in ((), ("--key", keys["wrong"])):
        for command in ("verify", "export"):
            out = (tmp_path / "out.mp4",) if command == "export" else ()
            done = vedette("log", command, tmp_path / "logs", *arguments, *out)
            one_line(done, NO_PERMISSION, "opens what is stored of 'yard'", "--key FILE")
            assert done.stderr.count("which is not among those given") == 1, done.stderr
            assert not (tmp_path / "out.mp4").exists()
    assert "which is not among those given" in vedette("log", "list", tmp_path / "logs").stderr
    assert vedette("log", "verify", tmp_path / "logs", "--key", keys["right"]).returncode == 0
    one_line(vedette("log", "verify", tmp_path / "logs", "--key", tmp_path / "gone"), NO_INPUT, "gone")
    keys["right"].chmod(0o644)
    one_line(vedette("log", "verify", tmp_path / "logs", "--key", keys["right"]), NO_PERMISSION, "right.key")


def test_files_of_another_version_are_named(vedette, clip, tmp_path):
    record(vedette, tmp_path, clip)
    file = next((tmp_path / "logs" / "yard").glob("*.seg"))
    data = bytearray(file.read_bytes())
    data[8:12] = (2).to_bytes(4, "little")
    data[252:256] = crc32c(bytes(data[:252])).to_bytes(4, "little")
    file.write_bytes(data)
    done = vedette("log", "verify", tmp_path / "logs")
    one_line(done, DATA, "it is of version 2; this program reads version 1", file.name)
    assert "version 2" in vedette("log", "list", tmp_path / "logs").stderr


def test_folders_that_are_none(vedette, clip, tmp_path):
    file = tmp_path / "file"
    file.write_text("not a folder")
    (tmp_path / "empty").mkdir()
    for command in ("list", "verify", "reseal"):
        one_line(vedette("log", command, file), NO_INPUT, "Not a directory")
        one_line(vedette("log", command, tmp_path / "gone"), NO_INPUT, "gone")
    one_line(vedette("log", "tail", tmp_path / "empty"), NO_INPUT, "holds no frame log")
    app = write_app(tmp_path, "keep", {"url": str(clip)}, [{"type": "log", "folder": str(file)}])
    one_line(vedette("run", app, "--fast", "--console", "off"), NO_INPUT, "Not a directory")


def test_a_read_only_disk_is_read_and_refused_as_a_place_to_write(vedette, clip, small_disk, tmp_path):
    disk = small_disk
    app = write_app(tmp_path, "keep", {"url": str(clip)}, [{"type": "log", "folder": str(disk / "logs")}])
    assert vedette("run", app, "--fast", "--console", "off").returncode == 0
    remount(disk, "ro")
    try:
        assert vedette("log", "verify", disk / "logs").returncode == 0
        assert len(stored(vedette, disk / "logs")) == 60
        key = tmp_path / "new.key"
        assert vedette("log", "key", key).returncode == 0
        done = vedette("log", "reseal", disk / "logs", "--key", key)
        one_line(done, NO_PERMISSION, "Read-only file system")
        one_line(vedette("log", "key", disk / "key"), NO_PERMISSION, "Read-only file system")
        other = write_app(tmp_path, "other", {"url": str(clip)}, [{"type": "log", "folder": str(disk / "new")}])
        done = vedette("run", other, "--fast", "--console", "off")
        one_line(done, NO_PERMISSION, "Read-only file system")
    finally:
        remount(disk, "rw")
