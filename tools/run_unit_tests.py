#!/usr/bin/env python3
"""Runs every unit-test program of a build folder, a few at a time, and counts what passed, failed and was skipped.

A program that crashes or hangs counts as one failure more than it had written down. Output is shown only of programs that failed.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

ROOT = pathlib.Path(__file__).resolve().parent.parent
SUPPRESSIONS = ROOT / "tools" / "sanitizers"


def environment():
    env = dict(os.environ)
    env.setdefault(
        "TSAN_OPTIONS",
        f"suppressions={SUPPRESSIONS / 'tsan.supp'} halt_on_error=1 second_deadlock_stack=1"
        " ignore_noninstrumented_modules=1",
    )
    env.setdefault("LSAN_OPTIONS", f"suppressions={SUPPRESSIONS / 'lsan.supp'} print_suppressions=0")
    env.setdefault("ASAN_OPTIONS", "detect_stack_use_after_return=1 strict_string_checks=1")
    env.setdefault("UBSAN_OPTIONS", "print_stacktrace=1")
    return env


def run(program, deadline_seconds):
    """Returns (passed, failed, skipped, output) of one test program."""
    with tempfile.TemporaryDirectory() as folder:
        report = pathlib.Path(folder) / "report.json"
        command = [str(program), f"--gtest_output=json:{report}", "--gtest_brief=1"]
        try:
            done = subprocess.run(command, cwd=ROOT, env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True, errors="replace", timeout=deadline_seconds)
            status, output = done.returncode, done.stdout
        except subprocess.TimeoutExpired as late:
            status = -1
            output = (late.stdout or b"").decode(errors="replace") + f"\nno end after {deadline_seconds} s: stopped\n"
        passed, failed, skipped = count(json.loads(report.read_text())) if report.exists() else (0, 0, 0)
    if status != 0 and failed == 0:
        failed = 1
        output += f"\n{program.name} ended with status {status}\n"
    return passed, failed, skipped, output


def count(report):
    passed = failed = skipped = 0
    for suite in report["testsuites"]:
        for test in suite["testsuite"]:
            if test.get("failures"):
                failed += 1
            elif test.get("result") == "SKIPPED":
                skipped += 1
            elif test.get("status") == "RUN":
                passed += 1
    return passed, failed, skipped


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--counts", type=pathlib.Path, required=True, help="where 'passed failed skipped' is written")
    parser.add_argument("--deadline", type=float, default=300, help="seconds for one program")
    options = parser.parse_args()

    programs = sorted(p for p in options.build.glob("*_test") if os.access(p, os.X_OK) and p.is_file())
    totals = [0, 0, 0]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for program, (*counts, output) in zip(programs, pool.map(lambda p: run(p.resolve(), options.deadline), programs)):
            print(f"    {program.name:24} {counts[0]:5} passed {counts[1]:3} failed {counts[2]:3} skipped", flush=True)
            if counts[1]:
                print(output, flush=True)
            elif counts[2]:
                for line in dict.fromkeys(line for line in output.splitlines() if "skip" in line.lower()):
                    print(f"        {line}")
            totals = [a + b for a, b in zip(totals, counts)]
    options.counts.parent.mkdir(parents=True, exist_ok=True)
    options.counts.write_text(" ".join(map(str, totals)) + "\n")
    return 1 if totals[1] or not programs else 0


if __name__ == "__main__":
    sys.exit(main())
