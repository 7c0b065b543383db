"""Nonsense from outside: each gets one clear line and the right exit status (sysexits.h), and the other streams go on."""

import json
import os
import pathlib
import shutil
import subprocess

import pytest

from conftest import application, ffmpeg

USAGE, DATA, NO_INPUT, UNAVAILABLE, IO, NO_PERMISSION, CONFIG = 64, 65, 66, 69, 74, 77, 78
PLAIN = "  - {type: decode}\n  - {type: jsonl, path: out.jsonl, what: objects}\n"


def run(vedette, tmp_path, source, modules=PLAIN, **options):
    return vedette("run", application(tmp_path, modules), "--source", source, "--fast", "--console", "off", **options)


def says(done, status, *words):
    assert done.returncode == status, done.stderr
    lines = [line for line in done.stderr.splitlines() if all(word.lower() in line.lower() for word in words)]
    assert lines, f"no line holds {words}:\n{done.stderr}"
    assert "terminate called" not in done.stderr


def test_missing_video(vedette, tmp_path):
    says(run(vedette, tmp_path, "no-such.mp4"), NO_INPUT, "no-such.mp4")


def test_folder_without_pictures(vedette, tmp_path):
    (tmp_path / "empty").mkdir()
    says(run(vedette, tmp_path, "empty"), NO_INPUT, "empty", "picture")


def test_not_a_video(vedette, tmp_path):
    (tmp_path / "noise.mp4").write_bytes(bytes(range(256)) * 100)
    says(run(vedette, tmp_path, "noise.mp4"), DATA, "noise.mp4")


def test_empty_file(vedette, tmp_path):
    (tmp_path / "empty.mp4").touch()
    says(run(vedette, tmp_path, "empty.mp4"), DATA, "empty.mp4")


def test_sound_without_pictures(vedette, tmp_path):
    ffmpeg("-f", "lavfi", "-i", "sine=duration=1", tmp_path / "sound.wav")
    says(run(vedette, tmp_path, "sound.wav"), DATA, "sound.wav", "video")


def test_unknown_codec(vedette, short_clip, tmp_path):
    # The codec's four letters stand in both of the AVI's stream headers; these are nobody's.
    data = bytearray(short_clip.read_bytes())
    for at in (data.index(b"vids") + 4, data.index(b"strf") + 8 + 16):
        data[at:at + 4] = b"ZqX9"
    (tmp_path / "codec.avi").write_bytes(data)
    says(run(vedette, tmp_path, "codec.avi"), DATA, "'codec'", "no decoder", "ZqX9")


def test_truncated_video_gives_what_is_there(vedette, sample, tmp_path):
    data = sample.read_bytes()
    (tmp_path / "cut.avi").write_bytes(data[: len(data) // 3])
    done = run(vedette, tmp_path, "cut.avi")
    assert done.returncode == 0, done.stderr
    assert 100 < len((tmp_path / "out.jsonl").read_text().splitlines()) < 500


def test_stream_that_changes_size(vedette, tmp_path):
    for name, size in (("a", "320x240"), ("b", "640x360")):
        ffmpeg("-f", "lavfi", "-i", f"testsrc=duration=1:rate=10:size={size}", "-c:v", "libx264", "-bsf:v", "h264_mp4toannexb", tmp_path / f"{name}.h264")
    (tmp_path / "both.h264").write_bytes((tmp_path / "a.h264").read_bytes() + (tmp_path / "b.h264").read_bytes())
    modules = "  - {type: decode}\n  - {type: motion}\n  - {type: detect}\n  - {type: track}\n  - {type: video, path: out.mp4}\n  - {type: jsonl, path: out.jsonl, what: objects}\n"
    done = run(vedette, tmp_path, "both.h264", modules)
    assert done.returncode == 0, done.stderr
    assert len((tmp_path / "out.jsonl").read_text().splitlines()) == 20


def test_oversized_picture_is_dropped_and_counted(vedette, tmp_path):
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    ffmpeg("-f", "lavfi", "-i", "color=size=20000x16:duration=0.1:rate=10", "-frames:v", "1", pictures / "1.png")
    ffmpeg("-f", "lavfi", "-i", "testsrc=size=64x48:duration=0.1:rate=10", "-frames:v", "1", pictures / "2.png")
    (pictures / "3.jpg").write_bytes(b"\xff\xd8\xff\xe0 not a picture")
    done = run(vedette, tmp_path, "pictures")
    assert done.returncode == 0, done.stderr
    assert len((tmp_path / "out.jsonl").read_text().splitlines()) == 1


@pytest.mark.parametrize(
    "modules, words",
    [
        ("  - {type: detct}\n", ("test.yaml:3", "detct", "did you mean 'detect'")),
        ("  - {type: decode}\n  - {type: detect, scroe: 0.5}\n", ("test.yaml:4", "scroe", "score")),
        ("  - {type: decode}\n  - {type: detect, model: nanodet-g-32}\n", ("test.yaml:4", "nanodet-g-320")),
        ("  - {type: decode}\n  - {type: detect, classes: [persn]}\n", ("test.yaml:4", "persn", "person")),
        ("  - {type: decode}\n  - {type: decode}\n", ("test.yaml:4", "two modules", "decode")),
        ("  - {type: decode, name: a, inputs: [b]}\n  - {type: decode, name: b, inputs: [a]}\n", ("circle", "a, b")),
        ("  - {type: decode, inputs: [nowhere]}\n", ("test.yaml:3", "nowhere")),
        ("  - {type: decode}\n  - {type: track}\n", ("test.yaml:4", "track", "objects", "detect")),
        ("  - {type: decode}\n  - {type: detect, score: high}\n", ("test.yaml:4", "number", "high")),
        ("  - {type: decode}\n  - {type: detect, score: 7}\n", ("test.yaml:4", "score", "1")),
        ("  - {type: decode, type: detect}\n", ("test.yaml:3", "type", "twice")),
        ("  - {type: decode\n", ("test.yaml", "YAML")),
    ],
)
def test_application_with_a_mistake(vedette, tmp_path, modules, words):
    says(vedette("validate", application(tmp_path, modules)), CONFIG, *words)


def test_all_mistakes_at_once(vedette, tmp_path):
    done = vedette("validate", application(tmp_path, "  - {type: decode, widht: 3}\n  - {type: detct}\n  - {type: jsonl}\n"))
    assert done.returncode == CONFIG
    for word in ("widht", "detct", "path"):
        assert word in done.stderr


def test_missing_application(vedette):
    says(vedette("validate", "no-such.yaml"), NO_INPUT, "no-such.yaml")


def test_unknown_option_and_command(vedette):
    says(vedette("run", "people.yaml", "--frobnicate"), USAGE, "frobnicate")
    says(vedette("frobnicate"), USAGE, "frobnicate")


@pytest.mark.parametrize("argument", ["nonsense", "detect=1", "nobody.score=1", ".score=1"])
def test_wrong_set(vedette, people, sample, argument):
    says(vedette("run", people, "--source", sample, "--set", argument, "--console", "off"), USAGE, "--set")


@pytest.mark.parametrize("argument", ["mott:out.txt", "mot"])
def test_wrong_sink(vedette, people, sample, argument):
    says(vedette("run", people, "--source", sample, "--sink", argument, "--console", "off"), USAGE, "--sink", "mot")


def card(tmp_path, model: pathlib.Path, **changes) -> pathlib.Path:
    """A card for the default model's file, with changes."""
    lines = [line for line in (pathlib.Path(__file__).resolve().parents[1] / "models/nanodet-g-320.yaml").read_text().splitlines()]
    text = "\n".join(line for line in lines if not line.startswith(("file:", "sha256:", "labels_file:")))
    text += f"\nfile: {model}\n" + "".join(f"{key}: {value}\n" for key, value in changes.items())
    path = tmp_path / "card.yaml"
    path.write_text(text)
    return path


def detect_with(vedette, tmp_path, short_clip, model_card):
    return run(vedette, tmp_path, short_clip, f"  - {{type: decode}}\n  - {{type: detect, model: {model_card}}}\n  - {{type: jsonl, path: out.jsonl}}\n")


def test_wrong_model_file(vedette, tmp_path, short_clip):
    (tmp_path / "model.onnx").write_bytes(os.urandom(4096))
    says(detect_with(vedette, tmp_path, short_clip, card(tmp_path, tmp_path / "model.onnx")), DATA, "model.onnx")


def test_wrong_model_hash(vedette, tmp_path, short_clip):
    (tmp_path / "model.onnx").write_bytes(b"anything")
    says(detect_with(vedette, tmp_path, short_clip, card(tmp_path, tmp_path / "model.onnx", sha256="0" * 64)), DATA, "model.onnx", "sha")


def test_missing_model_file(vedette, tmp_path, short_clip):
    says(detect_with(vedette, tmp_path, short_clip, card(tmp_path, tmp_path / "gone.onnx")), NO_INPUT, "gone.onnx")


def test_model_that_does_not_fit_its_card(vedette, tmp_path, short_clip):
    done = vedette("models", "list", "-o", "json")
    assert done.returncode == 0
    entry = next(row for row in json.loads(done.stdout) if row["name"] == "nanodet-g-320")
    if entry["state"] != "ready":
        pytest.skip("the default model is not there: vedette models pull nanodet-g-320")
    wrong = card(tmp_path, entry["file"])
    wrong.write_text(wrong.read_text().replace("width: 320", "width: 416").replace("height: 320", "height: 416"))
    says(detect_with(vedette, tmp_path, short_clip, wrong), DATA, "320", "416")


def test_card_with_a_typo(vedette, tmp_path):
    path = card(tmp_path, tmp_path / "x.onnx")
    path.write_text(path.read_text().replace("licence:", "licnece:"))
    says(vedette("models", "check", path), CONFIG, "licnece", "licence")


def test_full_disk_under_a_sink(vedette, tmp_path, short_clip):
    done = run(vedette, tmp_path, short_clip, "  - {type: decode}\n  - {type: jsonl, path: /dev/full, what: objects}\n  - {type: jsonl, name: other, path: out.jsonl, what: objects}\n")
    says(done, IO, "/dev/full", "space")
    assert len((tmp_path / "out.jsonl").read_text().splitlines()) == 30


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to mount a small disk")
def test_full_disk_under_a_video(vedette, tmp_path, sample):
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", disk], capture_output=True).returncode != 0:
        pytest.skip("mounting is not allowed here")
    try:
        done = run(vedette, tmp_path, sample, f"  - {{type: decode}}\n  - {{type: video, path: {disk}/out.mp4}}\n  - {{type: jsonl, path: out.jsonl, what: objects}}\n")
        says(done, IO, "out.mp4", "space")
        assert len((tmp_path / "out.jsonl").read_text().splitlines()) == 795
    finally:
        subprocess.run(["umount", disk], check=True)


def test_no_rights(vedette, tmp_path, short_clip):
    says(run(vedette, tmp_path, short_clip, "  - {type: decode}\n  - {type: detect}\n  - {type: mot, path: /proc/vedette.txt}\n"), NO_INPUT, "/proc/vedette.txt")
    locked = tmp_path / "locked.mp4"
    shutil.copy(short_clip, locked)
    locked.chmod(0)
    if os.geteuid() == 0:
        return  # root reads everything
    says(run(vedette, tmp_path, locked), NO_PERMISSION, "locked.mp4")


def test_missing_folder_of_a_sink(vedette, tmp_path, short_clip):
    says(run(vedette, tmp_path, short_clip, "  - {type: decode}\n  - {type: jsonl, path: nowhere/out.jsonl}\n"), NO_INPUT, "nowhere/out.jsonl")


def test_two_streams_into_one_file(vedette, tmp_path, short_clip):
    app = application(tmp_path, "  - {type: decode}\n  - {type: video, path: out.mp4}\n")
    done = vedette("run", app, "--source", short_clip, "--source", short_clip, "--fast", "--console", "off")
    says(done, USAGE, "out.mp4", "{stream}")


def test_other_streams_go_on(vedette, tmp_path, short_clip):
    app = application(tmp_path, PLAIN)
    done = vedette("run", app, "--source", "gone.mp4", "--source", short_clip, "--fast", "--console", "off")
    says(done, NO_INPUT, "gone.mp4")
    assert len((tmp_path / "out.jsonl").read_text().splitlines()) == 30


@pytest.mark.parametrize("url", ["gopher://example.invalid/x", "/dev/video77"])
def test_unknown_source(vedette, tmp_path, url):
    done = run(vedette, tmp_path, url)
    assert done.returncode in (USAGE, NO_INPUT)
    assert url in done.stderr
