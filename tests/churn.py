"""Applications that come, change and go at random on a running fleet, and witnesses that must not notice.

A controller and two nodes, `east` and `west`, and three looped cameras: yard and hall on east, gate on west. Six witnesses stay
all the time, local and across nodes, and write every frame. Around them up to N applications of several tenants are added, changed
and removed through the controller's API; most of them use the witnesses' decoders, detectors and trackers. In between everything
but the witnesses is removed, and each process is looked at: memory, threads, open files.

tests/test_churn.py runs it for seconds, bench/churn.py for minutes.
"""

import collections
import json
import os
import pathlib
import random
import subprocess
import time

from churn_eyes import NODES, ROOT, Api, Watch, account, cpu_seconds, look_at, make_clip, model_card, quantile
from fleet import PATIENCE, Fleet, until

CAMERAS = {"yard": "east", "hall": "east", "gate": "west"}
TENANTS = ("front-desk", "parking", "safety", "lab")
MOTION = {"type": "motion", "gate": "none", "objects": True}
EVERYWHERE = [[0, 0], [1, 0], [1, 1], [0, 1]]


class Churn:
    def __init__(self, binary, folder, sample, applications=200, seed=1, rate=8.0, fps=15, pictures=False, say=print):
        os.environ.setdefault("TSAN_OPTIONS", f"suppressions={ROOT / 'tools/sanitizers/tsan.supp'} second_deadlock_stack=1")
        os.environ.setdefault("MALLOC_ARENA_MAX", "2")  # else what a process keeps depends on which thread freed it
        self.folder, self.random, self.rate, self.fps, self.say = pathlib.Path(folder), random.Random(seed), rate, fps, say
        self.pictures = pictures  # some look at pictures behind links that carried none before
        self.clip, card = make_clip(sample, folder, fps), model_card(folder)
        self.finder = {"type": "detect", "model": card, "classes": ["person"], "score": 0.2} if card else MOTION
        self.names = [f"app-{number:03}" for number in range(applications)]
        self.fleet = Fleet(binary, self.folder)
        self.api = self.watch = None
        self.journal = (self.folder / "journal.txt").open("w")
        self.running, self.stopped = {}, set()  # name → what it is now
        self.files = collections.defaultdict(dict)  # of churned applications: file → what is known of it
        self.counts, self.used, self.faults, self.removals = collections.Counter(), set(), [], []
        self.answer_seconds, self.marks, self.churned_seconds = [], 0, 0.0
        self.own = collections.Counter()
        self.peak, self.measured, self.ends = 0, [], {}

    # ── the stage ────────────────────────────────────────────────────────────────────────────────────────────────────

    def start(self):
        self.fleet.controller("control", lease_seconds=20)  # machines that build beside it are slow
        for node in NODES:
            self.fleet.node(node)
        self.api = Api(self.fleet.url)
        until(lambda: {n["name"] for n in self.api.get("/api/fleet/nodes")["nodes"] if n["state"] == "ready"} >= set(NODES), what="nodes ready")
        self.witnesses = {}
        for name, (camera, tail, sink) in {
            "yard-here": ("yard", [{"type": "track", "algorithm": "sort", "node": "east"}], "east"),
            "yard-there": ("yard", [{"type": "track", "algorithm": "sort", "node": "east"}], "west"),
            "hall-here": ("hall", None, "east"),
            "hall-there": ("hall", [{"type": "track", "algorithm": "iou", "node": "west"}], "west"),
            "gate-here": ("gate", [{"type": "track", "algorithm": "iou", "node": "west"}], "west"),
            "gate-there": ("gate", [], "east"),
        }.items():
            modules = self.head(camera) + tail if tail is not None else self.head(camera)[:1]
            self.put(name, {"application": name, "tenant": TENANTS[0], "sources": [self.camera(camera)],
                            "modules": [*modules, self.sink(f"{name}.jsonl", sink)]})
            self.witnesses[name] = sink
        until(lambda: all(a["delivered"] > 0 for a in self.api.get("/api/fleet/apps")["applications"]), what="witnesses running")
        self.watch = Watch(self.folder, [(f"{name}.jsonl", node) for name, node in self.witnesses.items()], self.note)
        self.steady = {r["key"] for r in self.api.get("/api/fleet/replicas")["replicas"]}
        self.began = time.monotonic()
        self.at_first = self.written_so_far()

    def written_so_far(self):
        return {name: account([self.folder / node / f"{name}.jsonl"])["frames"] for name, node in self.witnesses.items()}

    def note(self, text):
        """A line in journal.txt, for who looks into what went wrong."""
        self.journal.write(f"{time.strftime('%H:%M:%S')}.{int(time.time() * 1000) % 1000:03} {text}\n")

    def camera(self, name):
        return {"name": name, "url": str(self.clip), "loop": True, "node": CAMERAS[name]}

    def head(self, camera):
        """What all applications of a camera have in common, where the camera is."""
        find = self.finder if camera == "yard" else MOTION
        return [{"type": "decode", "node": CAMERAS[camera]}, {**find, "node": CAMERAS[camera]}]

    @staticmethod
    def sink(file, node=None):
        return {"type": "jsonl", "name": "jsonl", "path": file, "what": "objects", "append": True, "flush_ms": 0, **({"node": node} if node else {})}

    def put(self, name, application, expect=200):
        return self.change("PUT", f"/api/fleet/apps/{name}", application, expect)

    def change(self, method, path, body=None, expect=200):
        began = time.monotonic()
        status, answer = self.api.ask(method, path, body)
        self.answer_seconds.append(time.monotonic() - began)
        self.note(f"{method} {path} {status} after {time.monotonic() - began:.2f} s {json.dumps(body)}")
        if status != expect:
            self.faults.append(f"{method} {path}: {status} instead of {expect}: {json.dumps(answer)[:500]}")
        return answer

    # ── the churn ────────────────────────────────────────────────────────────────────────────────────────────────────

    def mark(self):
        """A name for a zone that nothing had before: objects carry it once the change is there."""
        self.marks += 1
        return f"v{self.marks}"

    def zones(self, mark):
        return [{"name": mark, "points": EVERYWHERE}]

    def invent(self, name):
        """An application at random; its `roi` marks objects with `mark`."""
        pick = self.random.choice
        own_way = self.random.random() < 0.2
        # Of few and small pictures a second a tracker still confirms something: without objects nothing carries the mark.
        rate = pick([5, 7]) if self.random.random() < 0.25 else None
        return {"camera": pick(list(CAMERAS)), "mark": self.mark(),
                "area": pick([0.0005, 0.001] if rate else [0.0005, 0.001, 0.002, 0.004]) if own_way else None, "rate": rate, "filter": self.random.random() < 0.2,
                "mask": self.pictures and self.random.random() < 0.1,
                "track": pick([None, "sort", "iou", "centroid"]), "node": pick([None, *NODES]), "share": self.random.random() > 0.05}

    def written(self, name, now):
        place = {"node": now["node"]} if now["node"] else {}
        head = self.head(now["camera"])
        if now["area"]:
            head[1] = {**MOTION, "min_area": now["area"], **place}
        tail = []
        if now["rate"]:
            tail.append({"type": "rate", "fps": now["rate"], **place})
        if now["filter"]:
            tail.append({"type": "filter", "min_width": 1, **place})
        if now["mask"]:
            tail.append({"type": "mask", "zones": [{"points": [[0, 0], [0.1, 0], [0.1, 0.1], [0, 0.1]]}], **place})
        if now["track"]:
            # Of the witnesses' kind and place, if it can be: then they share it.
            here = CAMERAS[now["camera"]] if now["track"] == "sort" else "west"
            tail.append({"type": "track", "algorithm": now["track"], "node": here})
        tail.append({"type": "roi", "watch": "detections", "mark": True, "zones": self.zones(now["mark"]), **place})
        return {"application": name, "tenant": TENANTS[self.names.index(name) % len(TENANTS)], "share": now["share"],
                "objective": {"priority": 10}, "sources": [self.camera(now["camera"])],
                "modules": [*head, *tail, self.sink(now["file"], now["node"])]}

    def expect(self, name, now):
        self.watch.expect(name, now["file"], f'"zone":"{now["mark"]}"', counted=not now["rate"] and name not in self.stopped)
        if now["rate"]:
            self.files[now["file"]]["thinned"] = True
        self.files[now["file"]]["changes"] = self.files[now["file"]].get("changes", 0) + 1

    def add(self):
        name = self.random.choice([n for n in self.names if n not in self.running and n not in self.used]
                                  or [n for n in self.names if n not in self.running])
        now = self.invent(name)
        now["file"] = f"{name}-{self.marks}.jsonl"
        self.expect(name, now)
        self.put(name, self.written(name, now))
        self.running[name] = now
        self.used.add(name)
        self.peak = max(self.peak, len(self.running))
        self.counts["add"] += 1

    def pick_moving(self):
        return self.random.choice(sorted(set(self.running) - self.stopped) or sorted(self.running))

    def set(self):
        """New settings of a module, while it runs."""
        name = self.pick_moving()
        now = self.running[name]
        now["mark"] = self.mark()
        if name not in self.stopped:
            self.expect(name, now)
        self.change("PATCH", f"/api/fleet/apps/{name}/modules/roi", {"zones": self.zones(now["mark"])})
        self.counts["settings"] += 1

    def rebuild(self):
        """Other modules, another way, another place."""
        name = self.pick_moving()
        now = {**self.invent(name), "file": self.running[name]["file"]}
        if now["camera"] != self.running[name]["camera"]:
            self.files[now["file"]]["thinned"] = True  # its numbers are another stream's from here on
        if name not in self.stopped:
            self.expect(name, now)
        self.running[name] = now
        self.put(name, self.written(name, now))
        self.counts["modules"] += 1

    def pause(self):
        """Stops one that runs, or starts one that was stopped."""
        if self.stopped and self.random.random() < 0.6:
            name = self.random.choice(sorted(self.stopped))
            self.stopped.discard(name)
            self.change("POST", f"/api/fleet/apps/{name}/start")
        else:
            name = self.pick_moving()
            self.watch.forget(name)
            self.files[self.running[name]["file"]]["thinned"] = True
            self.stopped.add(name)
            self.change("POST", f"/api/fleet/apps/{name}/stop")
        self.counts["stop/start"] += 1

    def remove(self, name=None):
        name = name or self.random.choice(sorted(self.running))
        self.watch.forget(name)
        self.change("DELETE", f"/api/fleet/apps/{name}")
        if name not in self.stopped:
            self.removals.append((self.running[name]["file"], time.time()))
        self.stopped.discard(name)
        del self.running[name]
        self.counts["remove"] += 1

    def nonsense(self):
        """What must be refused, and change nothing."""
        name = self.random.choice(sorted(self.running))
        self.random.choice([
            lambda: self.put(name, {**self.written(name, self.running[name]), "modules": [{"type": "decoed"}]}, expect=400),
            lambda: self.change("PATCH", f"/api/fleet/apps/{name}/modules/roi", {"zonse": []}, expect=400),
            lambda: self.change("PATCH", f"/api/fleet/apps/{name}/modules/nobody", {"fps": 1}, expect=404),
            lambda: self.change("DELETE", "/api/fleet/apps/nobody", expect=404),
        ])()
        self.counts["refused, as expected"] += 1

    def churn(self, seconds):
        """Changes at random: the number of applications wanders between few and all."""
        began = time.monotonic()
        target, until_when, due = len(self.names), began + seconds * 0.4, began
        while time.monotonic() < began + seconds:
            if time.monotonic() > until_when:
                target, until_when = self.random.randint(len(self.names) // 4, len(self.names)), time.monotonic() + seconds * 0.15
            dice, short = self.random.random(), len(self.running) < target
            if not self.running or (short and dice < 0.6 and len(self.running) < len(self.names)):
                self.add()
            elif dice < (0.75 if short else 0.25):
                self.set()
            elif dice < (0.88 if short else 0.5):
                self.rebuild()
            elif dice < (0.92 if short else 0.56):
                self.pause()
            elif dice < (0.94 if short else 0.6):
                self.nonsense()
            else:
                self.remove()
            due = max(due + 1 / self.rate, time.monotonic() - 1)
            time.sleep(max(0.0, due - time.monotonic()))
        self.settle()
        for name in sorted(self.running, key=lambda _: self.random.random()):
            self.remove(name)
        self.churned_seconds += time.monotonic() - began

    def settle(self):
        """Every change that was asked for has come to be."""
        try:
            until(lambda: not self.watch.waiting(), seconds=PATIENCE + 10, what="the last changes have taken effect")
        except AssertionError as error:
            self.faults.append(f"{error}: {self.watch.waiting()}")

    # ── what is left ─────────────────────────────────────────────────────────────────────────────────────────────────

    def quiet(self):
        """All but the witnesses has gone, on the nodes too, and connections that nobody uses are closed."""
        def gone():
            apps = {a["name"] for a in self.api.get("/api/fleet/apps")["applications"]}
            replicas = {r["key"] for r in self.api.get("/api/fleet/replicas")["replicas"]}
            left = sorted(apps ^ set(self.witnesses)) + sorted(replicas ^ self.steady)
            assert not left, left
            return True
        try:
            until(gone, what="all but the witnesses has gone")
        except AssertionError:
            for process in self.fleet.processes:
                self.say(f"{process.name}:\n  " + "\n  ".join(process.log[-30:]))
            raise
        self.api.close()
        time.sleep(1)

    def measure(self):
        """Once threads and files are what they were; the first time, once they stay as they are."""
        def held(found):
            return {(p, key): found[p][key] for p in found for key in ("threads", "fds")}
        deadline, first = time.monotonic() + 20, held(self.measured[0]) if self.measured else None
        since, last = time.monotonic(), None
        while time.monotonic() < deadline:
            found = {p.name: look_at(p.pid) for p in self.fleet.processes}
            if held(found) != last:
                since, last = time.monotonic(), held(found)
            if held(found) == first or (first is None and time.monotonic() > since + 5):
                break
            time.sleep(0.25)
        self.measured.append(found)
        self.say("  " + "   ".join(f"{p}: {f['rss'] / 1024:.1f} MiB, {f['threads']} threads, {f['fds']} fds" for p, f in found.items()))

    def tidy(self):
        """What the churned ones lost themselves, and how soon the removed ones were still; then their files go."""
        stills = []
        for file, when in self.removals:
            written = [path.stat().st_mtime for node in NODES if (path := self.folder / node / file).exists()]
            if written:
                stills.append(max(0.0, max(written) - when))
        self.removals.clear()
        for file, known in self.files.items():
            paths = [path for node in NODES if (path := self.folder / node / file).exists()]
            if not known.get("thinned") and len(paths) == 1:
                self.own.update(account(paths))
                self.own["changes"] += known.get("changes", 1) - 1
            for path in paths:
                path.unlink()
        self.files.clear()
        return stills

    def run(self, seconds, cycles):
        """Churns for so long, with looks at the processes in between. start() first."""
        stills, cpu = [], {p.name: -cpu_seconds(p.pid) for p in self.fleet.processes}
        time.sleep(min(5, seconds / 10))
        self.quiet()
        self.measure()
        for _ in range(cycles):
            self.churn(seconds / cycles)
            self.quiet()
            self.measure()
            stills += self.tidy()
        elapsed, at_last = time.monotonic() - self.began, self.written_so_far()
        for process in self.fleet.processes:
            cpu[process.name] = (cpu[process.name] + cpu_seconds(process.pid)) / elapsed
        told = {a["name"]: a for a in self.api.get("/api/fleet/apps")["applications"]}
        self.watch.close()
        self.api.close()
        self.end()
        from_logs, rows = self.from_logs(), {}
        for name, node in self.witnesses.items():
            found = account([self.folder / node / f"{name}.jsonl"])
            reported = told[name]["gaps"] + sum(told[name]["dropped"].values())
            rows[name] = {**found, "reported": reported, "silent": max(0, found["lost"] - reported), "fps": (at_last[name] - self.at_first[name]) / elapsed,
                          "longest_pause_s": self.watch.sizes[(f"{name}.jsonl", node)][2]}
        changes = sum(self.counts[kind] for kind in ("add", "settings", "modules", "stop/start", "remove"))
        return {
            "seconds": elapsed, "applications": len(self.names), "used": len(self.used), "at_once": self.peak, "counts": {kind: n for kind, n in self.counts.items() if kind != "dropped on leaving"},
            "changes": changes, "changes_per_second": changes / self.churned_seconds,
            "answer_s": {"p50": quantile(self.answer_seconds, 0.5), "p95": quantile(self.answer_seconds, 0.95), "max": max(self.answer_seconds)},
            "effect_s": {"measured": len(self.watch.took), "p50": quantile(self.watch.took, 0.5), "p95": quantile(self.watch.took, 0.95),
                         "max": max(self.watch.took, default=None)},
            "still_s": {"measured": len(stills), "p50": quantile(stills, 0.5), "p95": quantile(stills, 0.95)},
            "witnesses": rows, "churned_themselves": dict(self.own), "processes": self.measured, "cores": cpu, "exits": self.ends,
            "faults": self.faults + self.watch.never + from_logs, "dropped_on_leaving": self.counts["dropped on leaving"],
        }

    def end(self):
        """Every process ends by SIGTERM, with status 0."""
        for process in reversed(self.fleet.processes):
            began = time.monotonic()
            try:
                status = process.terminate()
            except subprocess.TimeoutExpired:
                status = None
            self.ends[process.name] = {"status": status, "seconds": time.monotonic() - began}
            if status != 0:
                self.faults.append(f"{process.name} ended with {status} on SIGTERM: {process.log[-5:]}")

    def from_logs(self):
        found = []
        for process in self.fleet.processes:
            (self.folder / f"{process.name}.log").write_text(process.text() + "\n")
            for line in process.log:
                if "ThreadSanitizer" in line or "Sanitizer:" in line or "assertion" in line.lower():
                    found.append(f"{process.name}: {line}")
                self.counts["dropped on leaving"] += "not everything came out" in line  # of what was removed, after 5 s: its own loss
        return found[:50]

    def close(self):
        if self.watch:
            self.watch.close()
        self.fleet.close()
        self.journal.close()
