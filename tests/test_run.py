"""`vedette run` on real video: what it finds, where it writes, that it does so again, how it starts and ends."""

import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import time
import urllib.request

import pytest

from conftest import application, ffmpeg


def truth() -> pathlib.Path:
    shared = pathlib.Path(os.environ.get("VEDETTE_SHARED", pathlib.Path(__file__).resolve().parents[2] / "shared"))
    path = shared / "data/mot15/PETS09-S2L1/gt.txt"
    if not path.is_file():
        pytest.skip(f"no ground truth at {path}; set VEDETTE_SHARED")
    return path


@pytest.fixture(scope="session")
def whole_run(binary, sample, people, tmp_path_factory):
    """One run of the default application over the whole sample, which several tests look at."""
    folder = tmp_path_factory.mktemp("whole")
    command = [binary, "run", people, "--source", sample, "--fast", "--console", "off"]
    for sink in ("mot:out.txt", "jsonl:events.jsonl", "video:out.mp4"):
        command += ["--sink", sink]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder


def evaluate(vedette, kind, result, *more) -> dict:
    done = vedette("eval", kind, "--truth", truth(), "--result", result, *more, "-o", "json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_tracking_reaches_the_promise(vedette, whole_run):
    figures = evaluate(vedette, "tracking", whole_run / "out.txt")
    assert figures["mota"] >= 0.78
    assert figures["idf1"] >= 0.61


def test_detection_reaches_the_promise(vedette, sample, tmp_path):
    # The default model at its default settings, without a tracker.
    app = application(tmp_path, "  - {type: decode}\n  - {type: detect, classes: [person]}\n  - {type: mot, path: det.txt}\n")
    assert vedette("run", app, "--source", sample, "--fast", "--console", "off", timeout=600).returncode == 0
    assert evaluate(vedette, "detection", tmp_path / "det.txt")["f1"] >= 0.88


def test_two_runs_give_the_same_bytes(vedette, short_clip, people, tmp_path):
    for name in ("a", "b"):
        done = vedette("run", people, "--source", short_clip, "--fast", "--console", "off", "--sink", f"mot:{name}.txt", "--sink", f"jsonl:{name}.jsonl")
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "a.txt").stat().st_size > 1000
    assert (tmp_path / "a.txt").read_bytes() == (tmp_path / "b.txt").read_bytes()
    assert (tmp_path / "a.jsonl").read_bytes() == (tmp_path / "b.jsonl").read_bytes()


@pytest.mark.parametrize("hostile", [["--threads", "1"], ["--threads", "8"], ["--threads", "2", "--set", "track.queue.size=1", "--set", "detect.queue.size=1"]])
def test_threads_and_queues_change_nothing(vedette, short_clip, people, tmp_path, hostile):
    for name, options in (("plain", []), ("hostile", hostile)):
        done = vedette("run", people, "--source", short_clip, "--fast", "--console", "off", "--sink", f"mot:{name}.txt", *options)
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "plain.txt").read_bytes() == (tmp_path / "hostile.txt").read_bytes()


def test_events_are_json_lines(whole_run):
    lines = [json.loads(line) for line in (whole_run / "events.jsonl").read_text().splitlines()]
    assert len(lines) > 100
    kinds = {line["event"] for line in lines if line["type"] == "event"}
    assert {"enter", "leave", "count", "cross"} <= kinds, kinds
    frames = [line["sequence"] for line in lines if line["type"] == "observation"]
    assert sorted(set(frames)) == list(range(795))


def test_video_plays_and_has_every_frame(whole_run):
    probe = subprocess.run(
        ["ffprobe", "-v", "error", "-count_frames", "-select_streams", "v:0", "-show_entries", "stream=nb_read_frames,width,height", "-of", "json", whole_run / "out.mp4"],
        capture_output=True, text=True, check=True, timeout=120,
    )
    stream = json.loads(probe.stdout)["streams"][0]
    assert (stream["width"], stream["height"], int(stream["nb_read_frames"])) == (768, 576, 795)


def test_many_sources_in_one_application(vedette, short_clip, tmp_path, people):
    done = vedette("run", people, "--source", short_clip, "--source", short_clip, "--source", short_clip, "--fast", "--console", "off", "--sink", "mot:{stream}.txt")
    assert done.returncode == 0, done.stderr
    written = sorted(tmp_path.glob("*.txt"))
    assert len(written) == 3
    # Ids are counted per stream, so the same video gives the same tracks whatever runs beside it.
    assert len({path.read_bytes() for path in written}) == 1


def test_a_folder_of_pictures(vedette, short_clip, people, tmp_path):
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    ffmpeg("-i", short_clip, "-frames:v", "12", "-q:v", "2", pictures / "%d.jpg")
    done = vedette("run", people, "--source", pictures, "--fast", "--console", "off", "--sink", "mot:out.txt")
    assert done.returncode == 0, done.stderr
    frames = {int(line.split(",")[0]) for line in (tmp_path / "out.txt").read_text().splitlines()}
    assert frames and frames <= set(range(1, 13)) and max(frames) == 12


def test_real_time_pacing(vedette, short_clip, tmp_path):
    app = application(tmp_path, "  - {type: decode}\n  - {type: jsonl, path: out.jsonl}\n")
    began = time.monotonic()
    assert vedette("run", app, "--source", short_clip, "--realtime", "--console", "off").returncode == 0
    assert time.monotonic() - began > 2.5  # three seconds of video; only a lower bound, for slow machines


@pytest.fixture
def running(binary, tmp_path):
    """Starts the program with a console on a free port, waits until it is ready, and ends it."""
    started = []

    def start(*arguments):
        process = subprocess.Popen([binary, "run", *map(str, arguments), "--console", "0"], stderr=subprocess.PIPE, text=True, cwd=tmp_path)
        started.append(process)
        for line in process.stderr:
            found = re.search(r"console on (http://\S+)", line)
            if found:
                return process, found.group(1).rstrip("/")
        pytest.fail(f"the program ended with {process.wait()} before its console was up")

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.wait(timeout=10)
        process.stderr.close()


def get(url):
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.status, answer.read()


def wait_for(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return
        time.sleep(0.1)
    pytest.fail("timed out")


def test_console_shows_the_run_and_a_signal_ends_it(running, sample, people):
    process, url = running(people, "--source", sample, "--loop")
    def applications():
        return json.loads(get(url + "/api/status")[1])["applications"]

    wait_for(lambda: any(stream["frames"] > 10 for one in applications() for stream in one["streams"]))
    application_status = applications()[0]
    assert application_status["name"] == "people"
    assert {"decode", "detect", "track"} <= {module["name"] for module in application_status["modules"]}
    assert get(url + "/health/ready")[0] == 200
    assert b"vedette_" in get(url + "/metrics")[1]
    assert get(url + "/live/vtest.jpg")[1][:2] == b"\xff\xd8"
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=15) == 0


def test_a_taken_port_is_said(binary, short_clip, people, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run([binary, "run", people, "--source", short_clip, "--console", str(port)], capture_output=True, text=True, timeout=60, cwd=tmp_path)
    assert done.returncode == 69
    assert str(port) in done.stderr and "--console" in done.stderr


def test_killed_in_mid_flight_leaves_a_playable_video(binary, sample, people, tmp_path):
    app = application(tmp_path, "  - {type: decode}\n  - {type: video, path: out.mp4, fragment_seconds: 0.5}\n")
    process = subprocess.Popen([binary, "run", app, "--source", sample, "--loop", "--fast", "--console", "off"], cwd=tmp_path, stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: (tmp_path / "out.mp4").exists() and (tmp_path / "out.mp4").stat().st_size > 300_000)
    finally:
        process.kill()
        process.wait(timeout=10)
    probe = subprocess.run(["ffprobe", "-v", "error", "-count_frames", "-show_entries", "stream=nb_read_frames", "-of", "csv=p=0", tmp_path / "out.mp4"], capture_output=True, text=True, timeout=60)
    assert int(probe.stdout.strip().strip(",")) > 10


def test_two_applications_in_one_process(vedette, short_clip, tmp_path):
    for name in ("one", "two"):
        application(tmp_path, f"  - {{type: decode}}\n  - {{type: detect}}\n  - {{type: mot, path: {name}.txt}}\n", name=name)
    done = vedette("run", "one.yaml", "two.yaml", "--source", short_clip, "--fast", "--console", "off")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "one.txt").read_bytes() == (tmp_path / "two.txt").read_bytes() != b""
