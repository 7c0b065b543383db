#!/usr/bin/env python3
"""Checks what no compiler sees: dead files, big files, and text that ties the repository to one machine or registry.

A .cc file must lie where the build looks for sources (src/vedette/FOLDER, bench, fuzz, or beside a CMakeLists.txt in tests), a
header must be included by some file, no file may exceed 2 MB, and no text may name a package registry's host or an absolute path
of a developer's machine.
"""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
LARGEST_BYTES = 2_000_000
# Written in parts so that this file passes its own check.
HOSTS = [("pypi", "org"), ("files.pythonhosted", "org"), ("registry.npmjs", "org"), ("deb.debian", "org"), ("crates", "io"),
         ("proxy.golang", "org"), ("repo1.maven", "org"), ("security.debian", "org"), ("snapshot.debian", "org")]
HOST = re.compile("|".join(rf"\b{re.escape(name)}\.{end}\b" for name, end in HOSTS))
MACHINE = re.compile(r"(?<![\w.$}])/(?:" + "|".join(["work", "root", "home"]) + r")/[\w.]")
# A plain `new` has no owner; within the same expression a smart pointer may take it (constructors that make_… cannot reach).
NEW = re.compile(r"^(?!.*(?:_ptr<[^;]*[({]|reset\()new ).*(?<![\w\"])new\s+[A-Z_a-z:]+\s*[({\[;<]")
COMMENT = re.compile(r"//.*|\"(?:[^\"\\]|\\.)*\"")
# What npm writes by itself: where each package came from.
WRITTEN_BY_TOOLS = {"package-lock.json"}


def tracked_files(root):
    """Files of the repository: tracked, or new and not ignored."""
    listed = subprocess.run(["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                            check=True, stdout=subprocess.PIPE).stdout.decode()
    return [pathlib.Path(name) for name in sorted(set(listed.split("\0"))) if name and (root / name).is_file()]


def check_text(path, text):
    """Faults of one text file, by line."""
    faults = []
    for number, line in enumerate(text.splitlines(), 1):
        if match := HOST.search(line):
            faults.append(f"{path}:{number}: names a registry's host, {match[0]}")
        if match := MACHINE.search(line):
            faults.append(f"{path}:{number}: names a folder of one machine, {match[0]}…")
        if path.suffix in (".cc", ".h") and NEW.search(COMMENT.sub("", line)):
            faults.append(f"{path}:{number}: a plain new; let std::make_unique or std::make_shared own it")
    return faults


def check_dead(sources, own_build=frozenset()):
    """Faults over all C++ files; `sources` is {path: text}, `own_build` the folders that hold a CMakeLists.txt."""
    included = {name for text in sources.values() for name in re.findall(r'#\s*include\s*[<"]([^">]+)[">]', text)}
    faults = []
    for path in sources:
        parts = path.parts
        built = (parts[:2] == ("src", "vedette") and len(parts) == 4) or (parts[0] in ("bench", "fuzz") and len(parts) == 2)
        built = built or (parts[0] == "tests" and path.parent in own_build)
        if not built:
            faults.append(f"{path}: lies where the build does not look")
        if path.suffix == ".h" and "/".join(parts[1:]) not in included and path.name not in included:
            faults.append(f"{path}: nothing includes this header")
    return faults


def check(root):
    faults = []
    sources = {}
    files = tracked_files(root)
    for path in files:
        data = (root / path).read_bytes()
        if len(data) > LARGEST_BYTES:
            faults.append(f"{path}: {len(data):,} bytes; the repository takes files of at most {LARGEST_BYTES:,}")
        if b"\0" in data[:8000]:
            continue
        text = data.decode(errors="replace")
        if path.suffix in (".cc", ".h"):
            sources[path] = text
        if path.name not in WRITTEN_BY_TOOLS:
            faults += check_text(path, text)
    return faults + check_dead(sources, {path.parent for path in files if path.name == "CMakeLists.txt"})


if __name__ == "__main__":
    found = check(ROOT)
    print(*found, sep="\n", end="\n" if found else "")
    sys.exit(1 if found else 0)
