"""What the whole-program tests share: the built program, the sample video, a place to write.

VEDETTE_BIN names the program, VEDETTE_SAMPLE the sample video (default: where Debian's opencv-doc puts it).
"""

import os
import pathlib
import subprocess

import pytest

from fleet import Fleet

REPOSITORY = pathlib.Path(__file__).resolve().parents[1]
SAMPLE = "/usr/share/doc/opencv-doc/examples/data/vtest.avi"


@pytest.fixture(scope="session")
def binary() -> str:
    path = os.environ.get("VEDETTE_BIN")
    if not path:
        pytest.fail("set VEDETTE_BIN to the built vedette program")
    return path


@pytest.fixture(scope="session")
def sample() -> pathlib.Path:
    path = pathlib.Path(os.environ.get("VEDETTE_SAMPLE", SAMPLE))
    if not path.is_file():
        pytest.skip(f"no sample video at {path}: install opencv-doc or set VEDETTE_SAMPLE")
    return path


@pytest.fixture
def vedette(binary, tmp_path):
    """Runs the program in an empty folder and gives what it printed and its exit status; fails on a hang or a crash."""

    def run(*arguments, timeout=120, cwd=tmp_path, env=None) -> subprocess.CompletedProcess:
        done = subprocess.run(
            [binary, *map(str, arguments)],
            capture_output=True, text=True, timeout=timeout, cwd=cwd, env={**os.environ, **(env or {})},
        )
        assert done.returncode >= 0, f"ended by signal {-done.returncode}: {done.stderr}"
        return done

    return run


@pytest.fixture(scope="session")
def people() -> pathlib.Path:
    return REPOSITORY / "apps" / "people.yaml"


@pytest.fixture(scope="session")
def short_clip(sample, tmp_path_factory) -> pathlib.Path:
    """The first three seconds of the sample, as they are."""
    clip = tmp_path_factory.mktemp("clips") / "short.avi"
    ffmpeg("-i", sample, "-t", "3", "-c", "copy", clip)
    return clip


def ffmpeg(*arguments):
    subprocess.run(["ffmpeg", "-v", "error", "-y", *map(str, arguments)], check=True, timeout=120)


def application(folder: pathlib.Path, modules: str, name="test", sources="") -> pathlib.Path:
    """Writes an application of these modules (YAML list text) and returns its path."""
    path = folder / f"{name}.yaml"
    path.write_text(f"application: {name}\n{sources}modules:\n{modules}")
    return path


@pytest.fixture(scope="session")
def camera_clip(tmp_path_factory) -> pathlib.Path:
    """A minute of a moving test picture, small and cheap: ten frames a second."""
    clip = tmp_path_factory.mktemp("camera") / "camera.mp4"
    ffmpeg("-f", "lavfi", "-i", "testsrc=size=320x240:rate=10:duration=60", "-c:v", "mpeg4", "-q:v", "5", "-g", "10", clip)
    return clip


@pytest.fixture
def fleet(binary, tmp_path):
    started = Fleet(binary, tmp_path)
    yield started
    started.close()
