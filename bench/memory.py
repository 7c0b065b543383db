#!/usr/bin/env python3
"""Peak resident memory of the demo on one core, against what was promised: 256 MiB with the default model, 512 with yolo11n at 640.

yolo11n is a model that a user brings; it is measured where its file is known ($VEDETTE_SHARED/models holds a stand-in).
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys

REPOSITORY = pathlib.Path(__file__).resolve().parents[1]


def peak_mib(binary, video, *options):
    command = ["taskset", "-c", "0", binary, "run", REPOSITORY / "apps/people.yaml", "--source", video, "--fast", "--console", "0", *options]
    process = subprocess.Popen([str(part) for part in command], stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"vedette ended with {process.returncode}: {command}")
    return usage.ru_maxrss / 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json")
    parser.add_argument("--binary", default=os.environ.get("VEDETTE_BIN", REPOSITORY / "build/release/vedette"))
    parser.add_argument("--video", default=os.environ.get("VEDETTE_SAMPLE", "/usr/share/doc/opencv-doc/examples/data/vtest.avi"))
    arguments = parser.parse_args()
    cases = [("nanodet-g-320", 256, [])]
    shared = pathlib.Path(os.environ.get("VEDETTE_SHARED", REPOSITORY.parent / "shared")) / "models/yolo11n_reconstructed_640.onnx"
    if shared.is_file():
        card = REPOSITORY / "build/yolo11n-bench.yaml"
        lines = (REPOSITORY / "models/yolo11n.yaml").read_text().splitlines()
        text = "\n".join(line for line in lines if not line.startswith(("file:", "sha256:")))
        text = text.replace("labels_file: ", f"labels_file: {REPOSITORY}/models/")
        card.write_text(f"{text}\nfile: {shared}\n")
        cases.append(("yolo11n at 640", 512, ["--set", f"detect.model={card}"]))
    else:
        print(f"yolo11n is not measured: no {shared}")
    results, kept = [], True
    print(f"{'model':<16} {'peak MiB':>9} {'promise':>8}")
    for name, promise, options in cases:
        peak = peak_mib(arguments.binary, arguments.video, *options)
        kept &= peak <= promise
        results.append({"model": name, "peak_mib": peak, "promise_mib": promise})
        print(f"{name:<16} {peak:>9.0f} {promise:>8}")
    if arguments.json:
        pathlib.Path(arguments.json).write_text(json.dumps({"bench": "memory", "results": results, "kept": kept}, indent=2) + "\n")
    sys.exit(0 if kept else 1)


main()
