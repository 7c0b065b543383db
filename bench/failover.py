#!/usr/bin/env python3
"""How long a fleet takes to get over a death, on loopback, against what docs/when-things-die.md promises.

  node        three nodes, the camera on one, what follows on the second: kill -9 of the second, the third takes over
  controller  kill -9 of the only controller while somebody asks it all the time, and a start anew 3 s later
  leader      two controllers on an etcd: kill -9 of the one that leads (left out where etcd-server is not installed)

Times are by one clock, of the machine that all of it runs on. The first frame is the first line in the sink's file behind the
moved module. A lease runs out `lease` seconds after the last report, of which a node that lives sends four in a lease and more.
"""

import argparse
import contextlib
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))
from fleet import DECODE, Etcd, Fleet, call, camera, free_port, sink, until  # noqa: E402  (the path goes first)

VEDETTE = os.environ.get("VEDETTE_BIN", str(ROOT / "build/release/vedette"))
LEASE = 2
MOTION = {"type": "motion", "gate": "none", "objects": True}
PROMISES = {  # row: (what, unit, the most it may be)
    "node.after_lease": ("node killed: first frame after the lease ran out", "s", 3.0),
    "node.after_kill": ("node killed: first frame after the kill", "s", None),
    "node.missing": ("node killed: frames missing", "", None),
    "node.unreported": ("node killed: missing frames that no gap reports", "", 0),
    "controller.missing": ("controller killed: frames lost", "", 0),
    "controller.serves": ("controller killed: it serves after its start", "s", None),
    "leader.takes_over": ("leader killed: the standby leads", "s", 2.0),
    "leader.missing": ("leader killed: frames lost", "", 0),
}


def watched(condition, seconds=30.0, pause=0.005):
    """When the condition first holds, by the monotonic clock."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError, ValueError, KeyError, IndexError):
            if condition():
                return time.monotonic()
        time.sleep(pause)
    raise TimeoutError(f"not within {seconds} s")


@contextlib.contextmanager
def load(urls, per_second=20):
    """Somebody who asks all the time."""
    stop = threading.Event()

    def ask():
        while not stop.wait(1 / per_second):
            for url in urls:
                with contextlib.suppress(OSError, ValueError):
                    call(url + "/api/fleet/apps")

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        yield
    finally:
        stop.set()
        asking.join(60)


def start_nodes(fleet, controllers=None):
    nodes = {name: fleet.node(name, controllers=controllers) for name in ("box-1", "box-2", "box-3")}
    fleet.nodes_ready(*nodes)
    return nodes


def node_round(fleet, clip):
    fleet.controller(lease_seconds=LEASE)
    nodes = start_nodes(fleet)
    fleet.label("box-2", kind="middle")
    modules = [{**DECODE, "node": "box-1"}, {**MOTION, "labels": {"kind": "middle"}}, sink(node="box-1")]
    fleet.apply("people", modules, sources=[camera(clip, node="box-1")])
    fleet.running("people")
    fleet.grows("out.jsonl", by=30)
    fleet.label("box-3", kind="middle")
    time.sleep(2)  # now that it has a choice it may move by itself
    at = next(r["node"] for r in fleet.get("replicas") if r["type"] == "motion")
    before = fleet.missing("out.jsonl")
    file = fleet.folder / "box-1" / "out.jsonl"
    seen = call(f"{fleet.url}/api/fleet/nodes")[1]["nodes"]
    left = next(n["lease_left"] for n in seen if n["name"] == at)
    killed = time.monotonic()
    nodes[at].process.kill()
    time.sleep(0.3)  # what the dead one sent has been written
    size = file.stat().st_size
    first = watched(lambda: file.stat().st_size > size)
    fleet.grows("out.jsonl", by=20)
    missing = fleet.missing("out.jsonl")
    time.sleep(1)
    return {"node.after_kill": first - killed, "node.after_lease": first - killed - left, "node.missing": missing - before,
            "node.unreported": abs(missing - fleet.app("people")["gaps"])}


def controller_round(fleet, clip):
    control = fleet.controller(lease_seconds=LEASE, listen=f"127.0.0.1:{free_port()}")
    start_nodes(fleet)
    modules = [DECODE, {**MOTION, "node": "box-2"}, sink(node="box-3")]
    fleet.apply("people", modules, sources=[camera(clip, node="box-1")])
    fleet.running("people")
    with load([fleet.url]):
        fleet.grows("out.jsonl", by=20)
        control.kill()
        time.sleep(3)
        began = time.monotonic()
        fleet.controller(lease_seconds=LEASE, listen=control.url.removeprefix("http://").replace("localhost", "127.0.0.1"))
        serves = watched(lambda: call(f"{fleet.url}/api/fleet/apps/people")[1]["state"] == "running")
        fleet.grows("out.jsonl", by=30)
    return {"controller.missing": fleet.missing("out.jsonl") + fleet.app("people")["gaps"], "controller.serves": serves - began}


def leader_round(fleet, clip):
    etcd = Etcd(fleet.folder / "etcd")
    try:
        control = {}
        for name in ("one", "two"):
            control[name] = fleet.controller(name, store=f"etcd:{etcd.url}", lease_seconds=LEASE, listen=f"127.0.0.1:{free_port()}")
            until(lambda: call(f"{control['one'].url}/api/fleet")[1]["controller"]["leader"])
        urls = [c.url for c in control.values()]
        fleet.url = urls[0]
        start_nodes(fleet, urls)
        modules = [DECODE, {**MOTION, "node": "box-2"}, sink(node="box-3")]
        fleet.apply("people", modules, sources=[camera(clip, node="box-1")])
        fleet.running("people")
        fleet.url = urls[1]
        with load(urls):
            fleet.grows("out.jsonl", by=20, nodes=["box-3"])
            killed = time.monotonic()
            control["one"].process.kill()
            leads = watched(lambda: call(f"{fleet.url}/api/fleet")[1]["controller"]["leader"])
            fleet.grows("out.jsonl", by=30)
            until(lambda: fleet.app("people")["state"] == "running")
        return {"leader.takes_over": leads - killed, "leader.missing": fleet.missing("out.jsonl") + fleet.app("people")["gaps"]}
    finally:
        etcd.close()


def make_clip(folder):
    sample = os.environ.get("VEDETTE_SAMPLE", "/usr/share/doc/opencv-doc/examples/data/vtest.avi")
    clip = folder / "street.mp4"
    subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-y", "-i", sample, "-vf", "scale=320:-2,fps=10", "-c:v", "libx264", "-preset", "veryfast",
                    "-g", "10", "-bf", "0", str(clip)], check=True)
    return clip


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", choices=("node", "controller", "leader"))
    options = parser.parse_args()
    kinds = {"node": node_round, "controller": controller_round, "leader": leader_round}
    if options.only:
        kinds = {options.only: kinds[options.only]}
    if "leader" in kinds and not pathlib.Path(Etcd.PROGRAM).exists():
        print("etcd is not installed (package etcd-server): the leader's rounds are left out")
        del kinds["leader"]
    figures = {}
    load_before = os.getloadavg()
    with tempfile.TemporaryDirectory(prefix="vedette-failover-") as folder:
        clip = make_clip(pathlib.Path(folder))
        for kind, play in kinds.items():
            for number in range(options.rounds):
                fleet = Fleet(VEDETTE, pathlib.Path(folder) / f"{kind}-{number}")
                fleet.folder.mkdir()
                try:
                    result = play(fleet, clip)
                finally:
                    fleet.close()
                for name, value in result.items():
                    figures.setdefault(name, []).append(value)
    broken = []
    print(f"{'':54} {'median':>8} {'most':>8}   promise   ({options.rounds} rounds, lease {LEASE} s, load {load_before[0]:.1f} at the start)")
    for name, (what, unit, most) in PROMISES.items():
        if name not in figures:
            continue
        values = figures[name]
        median, highest = statistics.median(values), max(values)
        kept = most is None or highest <= most
        if not kept:
            broken.append(name)
        form = ".2f" if unit == "s" else "g"
        promise = "-" if most is None else f"≤ {most:g} {unit}".rstrip() + ("" if kept else "  BROKEN")
        print(f"{what:54} {median:8{form}} {highest:8{form}}   {promise}")
    if options.json:
        options.json.write_text(json.dumps({"rounds": options.rounds, "lease_seconds": LEASE, "load": load_before, "figures": figures, "broken": broken}, indent=1) + "\n")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
