"""`vedette run` on cameras that misbehave: one is killed and comes back, and nobody else notices."""

import json
import re
import signal
import subprocess
import sys
import time
import urllib.request

import pytest

from conftest import REPOSITORY, application, ffmpeg


@pytest.fixture
def cameras(tmp_path):
    clip = tmp_path / "clip.264"
    ffmpeg("-f", "lavfi", "-i", "testsrc=d=4:r=10:s=160x120", "-pix_fmt", "yuv420p", "-c:v", "libx264", "-bf", "0", "-g", "5", "-bsf:v", "h264_mp4toannexb", clip)
    server = subprocess.Popen(
        [sys.executable, REPOSITORY / "tests/rtsp_server/server.py", "--file", clip, "--mounts", "3", "--fps", "10"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )
    port = int(server.stdout.readline().split()[1])

    def command(line):
        server.stdin.write(line + "\n")
        server.stdin.flush()
        return json.loads(server.stdout.readline())

    command.urls = [f"rtsp://127.0.0.1:{port}/cam{i}" for i in range(3)]
    yield command
    server.stdin.close()
    server.wait(timeout=10)
    server.stdout.close()


def test_a_camera_dies_and_comes_back(binary, cameras, tmp_path):
    app = application(tmp_path, "  - {type: decode}\n  - {type: jsonl, path: out.jsonl, what: objects}\n")
    sources = [word for url in cameras.urls for word in ("--source", url)]
    process = subprocess.Popen([binary, "run", app, *sources, "--console", "0"], stderr=subprocess.PIPE, text=True, cwd=tmp_path)
    try:
        url = next(found.group(1) for line in process.stderr if (found := re.search(r"console on (http://\S+)/", line)))

        def streams():
            with urllib.request.urlopen(url + "/api/status", timeout=10) as answer:
                return {s["name"]: s for one in json.load(answer)["applications"] for s in one["streams"]}

        def wait_for(condition, seconds=60):
            deadline = time.monotonic() + seconds
            while not condition():
                assert time.monotonic() < deadline, streams()
                time.sleep(0.1)

        wait_for(lambda: len(streams()) == 3 and all(s["frames"] > 5 for s in streams().values()))
        cameras("kill cam1")
        wait_for(lambda: streams()["cam1"]["state"] in ("waiting", "connecting"))
        before = {name: s["frames"] for name, s in streams().items()}
        wait_for(lambda: all(streams()[name]["frames"] > before[name] + 10 for name in ("cam0", "cam2")))
        assert streams()["cam1"]["frames"] == before["cam1"]
        cameras("restart cam1")
        wait_for(lambda: streams()["cam1"]["frames"] > before["cam1"] + 5)
        assert streams()["cam1"]["reconnects"] > 0
        assert all(streams()[name]["reconnects"] == 0 for name in ("cam0", "cam2"))
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=15) == 0
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(timeout=10)
        process.stderr.close()
