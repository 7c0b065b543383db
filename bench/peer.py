#!/usr/bin/env python3
"""Vedette beside a Python stack: the same video, model and kind of tracker, on the same cores, turn and turn about.

    peer.py --json FILE        (./dev bench peer makes the stack's throw-away environment first)

Frames a second are over the run of the video, without start-up; memory is the peak resident set of the process. Both trackers'
results are scored against the same truth where it is there, so that neither is fast by doing less.
"""

import argparse
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile

REPOSITORY = pathlib.Path(__file__).resolve().parents[1]


def run(command, cores):
    """Its output, and its peak resident memory in MiB."""
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(["taskset", "-c", ",".join(map(str, range(cores))), *map(str, command)], stdout=output, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read().decode()
    if process.returncode != 0:
        sys.exit(f"{command[0]} failed:\n{text}")
    return text, usage.ru_maxrss / 1024


def vedette(binary, video, out, cores):
    text, memory = run([binary, "run", REPOSITORY / "apps/people.yaml", "--source", video, "--fast", "--console", "off", "--sink", f"mot:{out}"], cores)
    frames, seconds = re.search(r"(\d+) frames of 1 stream in ([\d.]+) s", text).groups()
    return int(frames) / float(seconds), memory


def python_stack(python, video, model, out, cores):
    text, memory = run([python, REPOSITORY / "bench/_peer_stack.py", video, model, out, cores], cores)
    frames, seconds = text.split()[-2:]
    return int(frames) / float(seconds), memory


def score(binary, out):
    truth = pathlib.Path(os.environ.get("VEDETTE_SHARED", REPOSITORY.parent / "shared")) / "data/mot15/PETS09-S2L1/gt.txt"
    if not truth.is_file():
        return {}
    done = subprocess.run([binary, "eval", "tracking", "--truth", truth, "--result", out, "-o", "json"], capture_output=True, text=True, check=True)
    return {key: json.loads(done.stdout)[key] for key in ("mota", "idf1")}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--binary", default=os.environ.get("VEDETTE_BIN", REPOSITORY / "build/release/vedette"))
    parser.add_argument("--python", default=REPOSITORY / "build/venv-bench/bin/python")
    parser.add_argument("--video", default=os.environ.get("VEDETTE_SAMPLE", "/usr/share/doc/opencv-doc/examples/data/vtest.avi"))
    arguments = parser.parse_args()
    models = json.loads(subprocess.run([arguments.binary, "models", "list", "-o", "json"], capture_output=True, text=True, check=True).stdout)
    model = next(row["file"] for row in models if row["name"] == "nanodet-g-320")

    report = {"bench": "peer", "results": []}
    print(f"{'cores':>5} {'vedette fps':>12} {'python fps':>11} {'ratio':>6} {'vedette MiB':>12} {'python MiB':>11} {'ratio':>6}   tracking (vedette / python)")
    with tempfile.TemporaryDirectory() as folder:
        for cores in (1, 2):
            if cores > (os.cpu_count() or 1):
                continue
            rounds = []
            for _ in range(arguments.rounds):
                rounds.append((vedette(arguments.binary, arguments.video, f"{folder}/ours.txt", cores), python_stack(arguments.python, arguments.video, model, f"{folder}/theirs.txt", cores)))
            ours, theirs = (score(arguments.binary, f"{folder}/{name}.txt") for name in ("ours", "theirs"))
            row = {
                "cores": cores,
                "vedette_fps": statistics.median(a[0] for a, _ in rounds), "python_fps": statistics.median(b[0] for _, b in rounds),
                "fps_ratio": statistics.median(a[0] / b[0] for a, b in rounds),
                "vedette_mib": max(a[1] for a, _ in rounds), "python_mib": min(b[1] for _, b in rounds),
                "vedette_tracking": ours, "python_tracking": theirs,
            }
            row["memory_ratio"] = row["vedette_mib"] / row["python_mib"]
            report["results"].append(row)
            print(f"{cores:>5} {row['vedette_fps']:>12.1f} {row['python_fps']:>11.1f} {row['fps_ratio']:>6.2f} {row['vedette_mib']:>12.0f} {row['python_mib']:>11.0f} {row['memory_ratio']:>6.2f}   {ours} / {theirs}")
    if arguments.json:
        pathlib.Path(arguments.json).write_text(json.dumps(report, indent=2) + "\n")


main()
