#!/usr/bin/env python3
"""Prints 'passed failed skipped' of a JUnit XML file."""

import sys
import xml.etree.ElementTree as ElementTree


def count(text):
    passed = failed = skipped = 0
    for case in ElementTree.fromstring(text).iter("testcase"):
        outcomes = {child.tag for child in case}
        if outcomes & {"failure", "error"}:
            failed += 1
        elif "skipped" in outcomes:
            skipped += 1
        else:
            passed += 1
    return passed, failed, skipped


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as file:
        print(*count(file.read()))
