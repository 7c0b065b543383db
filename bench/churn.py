#!/usr/bin/env python3
"""Applications that come, change and go at random for ten minutes: nobody else may notice, and nothing may be left behind.

    bench/churn.py [--minutes 10] [--applications 200] [--seed 1] [--rate 4] [--fps 15] [--json churn.json] [--binary PROGRAM]

tests/churn.py tells what runs: a controller, two nodes, three cameras, six witnesses, and up to --applications others of four
tenants, which are added, changed, stopped and removed through the controller's API. It checks

    frames     the sequence numbers in the witnesses' files follow each other: none lost, none doubled, and no witness falls behind
    changes    every call is answered as expected, and every change is seen in what its application writes
    leaks      whenever all but the witnesses has gone, each process has the threads and open files that it had at first; its
               resident memory grows by at most 24 MiB from the second such moment to the last: what malloc keeps of its arenas
               (two: MALLOC_ARENA_MAX) wanders by some MiB with the order in which things were freed, while a leak of 10 KiB a
               change would be 30 MiB and more
    exit       with status 0 on SIGTERM
    logs       nothing of a sanitizer or an assertion

The time of a change is from the request to the first line that shows it, of applications that write every frame: planning, the
node's change, the next frame with an object, and at most 20 ms of looking. Prints a table and writes JSON; exits 1 on any breach.
"""

import argparse
import json
import os
import pathlib
import shutil
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from churn import Churn  # noqa: E402

SAMPLE = "/usr/share/doc/opencv-doc/examples/data/vtest.avi"
MOST_GROWTH_KIB = 24 * 1024
BEHIND = 0.97  # of the frames that the cameras gave


def breaches(found, fps):
    """What does not hold, each in a line."""
    wrong = list(found["faults"])
    for name, row in found["witnesses"].items():
        if row["lost"] or row["doubled"]:
            wrong.append(f"{name}: {row['lost']} frames lost, {row['doubled']} doubled")
        if row["fps"] < BEHIND * fps:
            wrong.append(f"{name}: {row['fps']:.2f} frames a second of {fps}")
    first, *rest = found["processes"]
    for number, measured in enumerate(rest, 1):
        for process, now in measured.items():
            for key in ("threads", "fds"):
                if now[key] != first[process][key]:
                    wrong.append(f"{process}: {now[key]} {key} instead of {first[process][key]} after round {number}")
    for process, last in rest[-1].items():
        growth = last["rss"] - rest[0][process]["rss"]
        if growth > MOST_GROWTH_KIB:
            wrong.append(f"{process}: resident memory has grown by {growth / 1024:.1f} MiB since the first round")
    if found["used"] < found["applications"]:
        wrong.append(f"only {found['used']} of {found['applications']} applications were used: too short for that many")
    return wrong


def seconds(value):
    return "-" if value is None else f"{value:.3f}"


def show(found):
    print(f"\nchanges       {found['changes']} in {found['seconds']:.0f} s, {found['changes_per_second']:.2f} a second while there are any: "
          + ", ".join(f"{count} {what}" for what, count in found["counts"].items()))
    print(f"applications  {found['used']} names used, at most {found['at_once']} at once, besides {len(found['witnesses'])} witnesses")
    for what, key in (("answered", "answer_s"), ("seen in what it writes", "effect_s"), ("still after removal", "still_s")):
        print(f"{what:24} p50 {seconds(found[key]['p50'])} s   p95 {seconds(found[key]['p95'])} s")
    print(f"\n{'witness':14}{'frames':>8}{'fps':>8}{'lost':>6}{'doubled':>9}{'gaps':>6}{'reported':>10}{'longest pause':>16}")
    for name, row in found["witnesses"].items():
        print(f"{name:14}{row['frames']:8}{row['fps']:8.2f}{row['lost']:6}{row['doubled']:9}{row['gaps']:6}{row['reported']:10}"
              f"{row['longest_pause_s']:14.2f} s")
    own = found["churned_themselves"]
    print(f"the changed ones themselves, of {own.get('frames', 0)} frames and {own.get('changes', 0)} changes: "
          f"{own.get('lost', 0)} lost, {own.get('doubled', 0)} doubled; {found['dropped_on_leaving']} of their modules were cut off when they left")
    print(f"\n{'process':12}{'cores':>7}{'MiB: before':>13}{'round 1':>9}{'last':>8}{'threads':>9}{'last':>6}{'files':>7}{'last':>6}{'exit':>6}{'after':>8}")
    before, last = found["processes"][0], found["processes"][-1]
    for name, first in before.items():
        end = found["exits"][name]
        print(f"{name:12}{found['cores'][name]:7.2f}{first['rss'] / 1024:13.1f}{found['processes'][1][name]['rss'] / 1024:9.1f}"
              f"{last[name]['rss'] / 1024:8.1f}{first['threads']:9}{last[name]['threads']:6}{first['fds']:7}{last[name]['fds']:6}"
              f"{end['status']!s:>6}{end['seconds']:6.1f} s")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json")
    parser.add_argument("--binary", default=os.environ.get("VEDETTE_BIN", str(ROOT / "build/release/vedette")))
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--applications", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=float, default=4, help="most changes a second")
    parser.add_argument("--fps", type=int, default=15, help="of each camera")
    parser.add_argument("--pictures", action="store_true", help="some applications look at pictures behind links that carried none before")
    parser.add_argument("--rounds", type=int, default=0, help="after each of which all is removed; 0: one in two minutes, two at least")
    parser.add_argument("--keep", help="a folder for logs and files; default: one that goes, unless something is wrong")
    arguments = parser.parse_args()
    folder = pathlib.Path(arguments.keep or tempfile.mkdtemp(prefix="vedette-churn-"))
    folder.mkdir(parents=True, exist_ok=True)
    print(f"{arguments.applications} applications, {arguments.minutes:g} min; resident memory, threads and open files without them:", flush=True)
    churn = Churn(arguments.binary, folder, os.environ.get("VEDETTE_SAMPLE", SAMPLE), arguments.applications, arguments.seed,
                  arguments.rate, arguments.fps, arguments.pictures, say=lambda text: print(text, flush=True))
    try:
        churn.start()
        found = churn.run(arguments.minutes * 60, arguments.rounds or max(2, round(arguments.minutes / 2)))
    finally:
        churn.close()
    show(found)
    found["breaches"] = breaches(found, arguments.fps)
    if arguments.json:
        pathlib.Path(arguments.json).write_text(json.dumps(found, indent=1))
    for line in found["breaches"]:
        print(f"BREACH  {line}")
    if found["breaches"]:
        print(f"logs and files are in {folder}")
        sys.exit(1)
    if not arguments.keep:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
