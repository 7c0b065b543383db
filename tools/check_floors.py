#!/usr/bin/env python3
"""Holds the sources to the house: a file includes only from floors below its own folder's.

The floors are read from the listing in docs/architecture.md (`base/  what it is  floor 0`), so that page and check cannot drift
apart. Includes between folders of one floor, includes of a higher floor, folders that the page does not list (or that it lists and
nobody built), circles between headers and includes written in another form than "vedette/FOLDER/FILE.h" are faults.
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
LISTED = re.compile(r"^  (\w+)/ .*\bfloor (\d+)\b")
INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"')


def read_floors(page):
    """{folder: floor} of the house listing in a Markdown text."""
    return {match[1]: int(match[2]) for match in map(LISTED.match, page.splitlines()) if match}


def includes(text):
    """[(line number, path)] of the quoted includes of a source text."""
    matches = ((number, INCLUDE.match(line)) for number, line in enumerate(text.splitlines(), 1))
    return [(number, match[1]) for number, match in matches if match]


def check_includes(path, text, floors):
    """Faults of one file; `path` is relative to src/vedette."""
    folder = path.parts[0]
    faults = []
    for line, included in includes(text):
        place = f"src/vedette/{path}:{line}"
        parts = included.split("/")
        if parts[0] != "vedette" or len(parts) != 3:
            if not included.endswith(".pb.h"):
                faults.append(f'{place}: write "{included}" as "vedette/FOLDER/FILE.h"')
            continue
        other = parts[1]
        if other not in floors:
            faults.append(f"{place}: the folder '{other}' is not in docs/architecture.md")
        elif other != folder and floors[other] >= floors[folder]:
            relation = "its own floor" if floors[other] == floors[folder] else "a higher floor"
            faults.append(f"{place}: {folder} (floor {floors[folder]}) includes {other} of {relation} ({floors[other]})")
    return faults


def find_circle(graph):
    """A list of nodes that lead back to the first of them, or None."""
    done, path = set(), []

    def visit(node):
        if node in path:
            return path[path.index(node):] + [node]
        if node in done:
            return None
        path.append(node)
        for follower in graph.get(node, ()):
            if circle := visit(follower):
                return circle
        path.pop()
        done.add(node)
        return None

    for start in sorted(graph):
        if circle := visit(start):
            return circle
    return None


def check(root):
    floors = read_floors((root / "docs/architecture.md").read_text())
    if not floors:
        return ["docs/architecture.md: found no line such as '  base/  …  floor 0'"]
    source = root / "src/vedette"
    folders = {entry.name for entry in source.iterdir() if entry.is_dir()}
    faults = [f"src/vedette/{name}: docs/architecture.md does not list this folder" for name in sorted(folders - floors.keys())]
    faults += [f"docs/architecture.md: lists '{name}/', which does not exist" for name in sorted(floors.keys() - folders)]
    graph = {}
    for file in sorted([*source.rglob("*.h"), *source.rglob("*.cc")]):
        path = file.relative_to(source)
        if path.parts[0] not in floors:
            continue
        text = file.read_text()
        faults += check_includes(path, text, floors)
        if file.suffix == ".h":
            graph[f"vedette/{path}"] = [included for _, included in includes(text)]
    if circle := find_circle(graph):
        faults.append("headers include each other in a circle: " + " → ".join(circle))
    return faults


if __name__ == "__main__":
    found = check(ROOT)
    print(*found, sep="\n", end="\n" if found else "")
    sys.exit(1 if found else 0)
