"""What is found in frames that a knob made smaller is told in pixels of the camera's picture, as if they had not been."""

import json

import pytest

from conftest import ffmpeg

FRAMES = 20
SMALL = {"type": "decode", "max_width": 640, "max_height": 352}
ZONE = {"type": "roi", "watch": "detections", "zones": [{"name": "way", "units": "px", "points": [[0, 150], [767, 150], [767, 575], [0, 575]]}]}


@pytest.fixture(scope="module")
def clip(sample, tmp_path_factory):
    """Two seconds of the sample, 768×576."""
    path = tmp_path_factory.mktemp("knobs") / "clip.avi"
    ffmpeg("-i", sample, "-frames:v", str(FRAMES), "-c", "copy", path)
    return path


def run(vedette, folder, name, url, modules):
    app = folder / f"{name}.yaml"
    app.write_text(json.dumps({"application": name, "sources": [{"name": "yard", "url": str(url)}], "modules": modules}))
    done = vedette("run", app, "--fast", "--console", "off", timeout=300)
    assert done.returncode == 0, done.stderr


def found(vedette, folder, name, url):
    """Frames, their objects and what a zone of fixed pixels counted, of what an application sees of `url`."""
    modules = [
        {"type": "decode"},
        {"type": "detect", "classes": ["person"]},
        ZONE,
        {"type": "jsonl", "path": f"{name}.jsonl", "what": "both"},
        {"type": "mot", "inputs": ["roi"], "path": f"{name}.txt"},
    ]
    run(vedette, folder, name, url, modules)
    lines = [json.loads(line) for line in (folder / f"{name}.jsonl").read_text().splitlines()]
    frames = [line for line in lines if "objects" in line][:FRAMES]  # one more carries the events that close the zone
    return frames, [line for line in lines if "objects" not in line]


def overlap(a, b):
    across = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    down = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    common = max(0, across) * max(0, down)
    return common / (a[2] * a[3] + b[2] * b[3] - common)


def test_boxes_of_smaller_frames_lie_where_those_of_the_whole_ones_do(vedette, clip, tmp_path):
    whole, whole_events = found(vedette, tmp_path, "whole", clip)
    run(vedette, tmp_path, "keep", clip, [SMALL, {"type": "log", "folder": "logs", "quality": 90}])
    small, small_events = found(vedette, tmp_path, "small", f"log://{tmp_path}/logs/yard")
    assert [line["sequence"] for line in whole] == [line["sequence"] for line in small] == list(range(FRAMES))
    assert {(line["width"], line["height"]) for line in whole + small} == {(768, 576)}

    boxes = [(box["box"], [other["box"] for other in b["objects"]]) for a, b in zip(whole, small) for box in a["objects"]]
    assert len(boxes) >= 2 * FRAMES, "there is hardly anybody to be found"
    same = sum(any(overlap(box, other) >= 0.5 for other in others) for box, others in boxes)
    assert same >= 0.7 * len(boxes), f"{same} of {len(boxes)}"

    lefts = {name: [float(line.split(",")[2]) for line in (tmp_path / f"{name}.txt").read_text().splitlines()] for name in ("whole", "small")}
    assert max(lefts["whole"]) > 640, "somebody is right of where a small frame ends"
    assert abs(max(lefts["whole"]) - max(lefts["small"])) < 40
    assert {event["zone"] for event in whole_events} == {event["zone"] for event in small_events} == {"way"}
