#!/usr/bin/env python3
"""Prints 'passed failed skipped' from the closing lines of node's test runner or of Playwright's."""

import re
import sys

ANSI = re.compile(r"\x1b\[[0-9;]*m")
NODE = re.compile(r"^(?:#|ℹ) (pass|fail|cancelled|skipped|todo) (\d+)$", re.MULTILINE)
PLAYWRIGHT = re.compile(r"^\s+(\d+) (passed|failed|flaky|skipped|did not run|interrupted)\b", re.MULTILINE)


def count(text):
    text = ANSI.sub("", text)
    total = {"passed": 0, "failed": 0, "skipped": 0}
    words = {"pass": "passed", "fail": "failed", "cancelled": "failed", "skipped": "skipped", "todo": "skipped",
             "passed": "passed", "flaky": "failed", "failed": "failed", "interrupted": "failed", "did not run": "failed"}
    for word, number in NODE.findall(text):
        total[words[word]] += int(number)
    for number, word in PLAYWRIGHT.findall(text):
        total[words[word]] += int(number)
    return total["passed"], total["failed"], total["skipped"]


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8", errors="replace") as file:
        counts = count(file.read())
    if not any(counts):
        sys.exit("no closing line of a test runner found")
    print(*counts)
