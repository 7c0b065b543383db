#!/usr/bin/env python3
"""Runs clang-tidy over every source that a build folder compiles, several at a time, and remembers which were clean.

A file's key is the hash of the checks, of clang-tidy's version, of its compiler flags and of its own text with that of every
project header it reaches: an unchanged tree costs no run, in any clone (keys hold no path). Only clean files are remembered.
"""

import argparse
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

ROOT = pathlib.Path(__file__).resolve().parent.parent
INCLUDE = re.compile(r'^\s*#\s*include\s*"(vedette/[^"]+)"', re.MULTILINE)
CLANG_TIDY = ROOT / "build/venv-tools/bin/clang-tidy"


def reached(path, seen):
    """`path` and the project headers it includes, directly or not, into `seen`."""
    if path in seen or not path.is_file():
        return
    text = seen[path] = path.read_text()
    for included in INCLUDE.findall(text):
        reached(ROOT / "src" / included, seen)


def key(entry, common):
    """The key of one compile command."""
    flags = [word for word in entry["command"].split() if word.startswith(("-std", "-D", "-f", "-W"))]
    digest = hashlib.sha256(common)
    digest.update(" ".join(flags).replace(str(ROOT), "").encode())
    seen = {}
    reached(pathlib.Path(entry["file"]), seen)
    for path in sorted(seen):
        digest.update(str(path.relative_to(ROOT)).encode() + b"\0" + seen[path].encode() + b"\0")
    return digest.hexdigest()


def entries(build):
    """One compile command for each source of ours."""
    found = {}
    for entry in json.loads((build / "compile_commands.json").read_text()):
        file = pathlib.Path(entry["file"])
        if file.is_relative_to(ROOT) and not file.is_relative_to(ROOT / "build"):
            found.setdefault(entry["file"], entry)
    return [found[file] for file in sorted(found)]


def run(entry, build):
    command = [str(CLANG_TIDY), "-p", str(build), "--quiet", "--extra-arg=-Wno-unknown-warning-option", entry["file"]]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    clean = done.returncode == 0 and "warning:" not in done.stdout
    return clean, done.stdout if not clean and done.stdout else ("" if clean else done.stderr)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--cache", type=pathlib.Path,
                        default=pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "vedette-tidy")
    parser.add_argument("only", nargs="*", help="parts of paths; only files that hold one of them are looked at")
    options = parser.parse_args()

    version = subprocess.run([str(CLANG_TIDY), "--version"], check=True, stdout=subprocess.PIPE).stdout
    common = version + (ROOT / ".clang-tidy").read_bytes()
    options.cache.mkdir(parents=True, exist_ok=True)
    todo = []
    for entry in entries(options.build.resolve()):
        if options.only and not any(part in entry["file"] for part in options.only):
            continue
        mark = options.cache / key(entry, common)
        if not mark.exists():
            todo.append((entry, mark))
    print(f"    {len(todo)} files changed since they were last found clean", flush=True)
    dirty = 0
    with ThreadPoolExecutor(int(os.environ.get("VEDETTE_JOBS", os.cpu_count()))) as pool:
        results = pool.map(lambda item: run(item[0], options.build.resolve()), todo)
        for (entry, mark), (clean, output) in zip(todo, results):
            if clean:
                mark.touch()
            else:
                dirty += 1
                print(output, flush=True)
    return 1 if dirty else 0


if __name__ == "__main__":
    sys.exit(main())
