"""What the peer tests share: the program under test and the shared data.

VEDETTE_BIN names the built program; VEDETTE_SHARED the folder with data/ and models/ (default: ../shared beside the repository).
"""

import json
import os
import pathlib
import subprocess

import numpy as np
import pytest

# Aliases that numpy dropped and that older releases of the peers still use.
for name, value in {"float": float, "int": int, "bool": bool, "asfarray": lambda a: np.asarray(a, dtype=float)}.items():
    if name not in np.__dict__:
        setattr(np, name, value)

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]


def shared_folder() -> pathlib.Path:
    return pathlib.Path(os.environ.get("VEDETTE_SHARED", REPOSITORY.parent / "shared"))


@pytest.fixture(scope="session")
def shared() -> pathlib.Path:
    folder = shared_folder()
    if not (folder / "data").is_dir():
        pytest.skip(f"the shared data is not in {folder}; set VEDETTE_SHARED")
    return folder


@pytest.fixture(scope="session")
def vedette():
    binary = os.environ.get("VEDETTE_BIN")
    if not binary:
        pytest.fail("set VEDETTE_BIN to the built vedette program")

    def run(*arguments) -> str:
        done = subprocess.run([binary, *map(str, arguments)], capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def evaluate(*arguments) -> dict:
        return json.loads(run("eval", *arguments, "-o", "json"))

    run.evaluate = evaluate
    return run
