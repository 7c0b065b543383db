"""Frames kept by the `log` sink: they come back as a source, from the disk and from the process that writes them."""

import json
import signal
import subprocess
import time

import pytest

from conftest import ffmpeg


@pytest.fixture(scope="session")
def clip(sample, tmp_path_factory):
    """Four seconds of the sample at 15 frames a second, 320 pixels wide."""
    path = tmp_path_factory.mktemp("log") / "clip.mp4"
    ffmpeg("-i", sample, "-t", "6", "-vf", "setpts=N/(15*TB),scale=320:-2", "-r", "15", "-frames:v", "60", path)
    return path


def write_app(folder, name, source, modules):
    path = folder / f"{name}.yaml"
    path.write_text(json.dumps({"application": name, "sources": [{"name": "yard", **source}], "modules": [{"type": "decode"}, *modules]}))
    return path


def record(vedette, folder, clip, **settings):
    app = write_app(folder, "keep", {"url": str(clip)}, [{"type": "log", "folder": "logs", **settings}])
    done = vedette("run", app, "--fast", "--console", "off")
    assert done.returncode == 0, done.stderr


def lines_of(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def replay(vedette, folder, url):
    """What an application sees of a log: the observations it writes, and what it printed."""
    app = write_app(folder, "again", {"url": url}, [{"type": "jsonl", "path": "out.jsonl", "what": "objects"}])
    done = vedette("run", app, "--fast", "--console", "off")
    out = folder / "out.jsonl"
    return (lines_of(out) if out.exists() else []), done


def test_what_was_logged_comes_back_whole_and_in_order(vedette, clip, tmp_path):
    record(vedette, tmp_path, clip)
    seen, done = replay(vedette, tmp_path, f"log://{tmp_path}/logs/yard")
    assert done.returncode == 0, done.stderr
    assert [line["sequence"] for line in seen] == list(range(60))
    times = [line["capture_time"] for line in seen]
    assert times == sorted(set(times))


def test_a_second_run_goes_on_behind_the_first(vedette, clip, tmp_path):
    record(vedette, tmp_path, clip)
    record(vedette, tmp_path, clip)
    seen, done = replay(vedette, tmp_path, f"log://{tmp_path}/logs/yard")
    assert done.returncode == 0, done.stderr
    assert len(seen) == 120
    times = [line["capture_time"] for line in seen]
    assert times == sorted(set(times))


def test_a_part_of_it_by_time(vedette, clip, tmp_path):
    record(vedette, tmp_path, clip)
    whole, _ = replay(vedette, tmp_path, f"log://{tmp_path}/logs/yard")
    begin, end = whole[15]["capture_time"], whole[45]["capture_time"]
    (tmp_path / "out.jsonl").unlink()
    part, done = replay(vedette, tmp_path, f"log://{tmp_path}/logs/yard?from={begin}&to={end}")
    assert done.returncode == 0, done.stderr
    assert [line["capture_time"] for line in part] == [line["capture_time"] for line in whole[15:45]]


def test_sealed_with_a_key_it_opens_with_that_key_alone(vedette, clip, tmp_path):
    keys = {}
    for name in ("right", "wrong"):
        keys[name] = tmp_path / f"{name}.key"
        keys[name].write_text({"right": "11", "wrong": "22"}[name] * 32 + "\n")
        keys[name].chmod(0o600)
    record(vedette, tmp_path, clip, key_file=str(keys["right"]))
    files = [path for path in (tmp_path / "logs" / "yard").iterdir() if path.is_file()]
    assert files and not any(b"\xff\xd8\xff" in path.read_bytes() for path in files), "a JPEG lies there in the clear"
    seen, done = replay(vedette, tmp_path, f"log://{tmp_path}/logs/yard?key={keys['right']}")
    assert len(seen) == 60, done.stderr
    (tmp_path / "out.jsonl").unlink()
    for url in (f"log://{tmp_path}/logs/yard?key={keys['wrong']}", f"log://{tmp_path}/logs/yard"):
        seen, done = replay(vedette, tmp_path, url)
        assert seen == []
        assert "key" in done.stderr


def test_killed_in_the_middle_it_serves_what_reached_the_disk(binary, vedette, clip, tmp_path):
    app = write_app(tmp_path, "keep", {"url": str(clip), "loop": True}, [{"type": "log", "folder": "logs", "flush_s": 1}])
    process = subprocess.Popen([binary, "run", str(app), "--console", "off"], cwd=tmp_path, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not list((tmp_path / "logs").glob("yard/*.seg*")) and time.monotonic() < deadline:
        time.sleep(0.1)
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    seen, done = replay(vedette, tmp_path, f"log://{tmp_path}/logs/yard")
    assert done.returncode == 0, done.stderr
    assert len(seen) > 0
    assert [line["sequence"] for line in seen] == list(range(len(seen)))


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("log:///nowhere/yard", "there is no log '/nowhere/yard'"),
        ("log://local/yard", "camera 'yard' is not logged in this process"),
        ("log://local/yard?from=yesterday", "'yesterday' is no time"),
        ("log://local/yard?form=now", "unknown setting 'form'"),
        ("log://local/yard?from=-1m&to=-2m", "lies before"),
    ],
)
def test_bad_urls_are_refused_in_one_line(vedette, tmp_path, url, said):
    _, done = replay(vedette, tmp_path, url)
    assert done.returncode != 0
    assert said in done.stderr, done.stderr
