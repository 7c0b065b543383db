#!/usr/bin/env python3
"""Applications on a fleet of small machines: the scenarios of paper 001 §5 (Figures 4-9, Table 4).

  A          every application its own process with its own modules, on one machine
  B          the same applications on one node, which shares what they have in common
  C          two machines; detection stays by the camera, what follows runs on the other
  VideoPipe  the same two machines, every module a process of its own and without threads, one frame under way (bench/videopipe.cc)
  2 … 5      as many machines with a camera each, two applications a camera, one fleet

A machine is a network namespace and eight slow cores: every thread may take --core of a core of this computer, and all threads of
the machine together eight times that (the kernel's CPU bandwidth control, a cgroup a thread; cgroup v1 is what it was run on). So a frame takes as long as on the paper's
devices (VideoPipe: a quarter of a second), threads that run side by side help as they do there, and five machines fit on two cores.
The video is the sample, played at 15 frames a second. Between machines lie --rate-mbps and --delay-ms (bench/channel.cc), and
everything runs over mutual TLS, for ours and the baseline alike. Latencies are from a frame's arrival to the end of the last sink; lag
is how far the application fell behind the camera. Needs root (namespaces, cgroups).
"""

import argparse
import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
VEDETTE = os.environ.get("VEDETTE_BIN", str(ROOT / "build/release/vedette"))
VIDEOPIPE = ROOT / "build/release/bench/tool_videopipe"
CHANNEL = ROOT / "build/release/bench/tool_channel"
SHARED = pathlib.Path(os.environ.get("VEDETTE_SHARED", ROOT.parent / "shared"))
FPS = 15
NET = "10.77.0"

DETECT = {"model": "nanodet-g-320", "classes": ["person"]}
ROI = {"watch": "detections", "zones": [{"name": "square", "classes": ["person"],
                                         "points": [[0.3, 0.3], [0.9, 0.3], [0.9, 0.8], [0.3, 0.8]]}]}


CORES = 8
# Our modules use several cores, detection within a frame and re-identification for its crops; VideoPipe's modules have no threads
# (paper 001 §5).
THREADS = {"threads": 4}


class Machine:
    """Processes that share CORES slow cores: each of their threads gets a cgroup of its own, with `core` of a core of this computer."""

    PERIOD_US = 10_000

    def __init__(self, name, core):
        self.name, self.core, self.pids, self.known = name, core, set(), set()
        self.v1 = pathlib.Path("/sys/fs/cgroup/cpu")
        base = self.v1 if self.v1.is_dir() else pathlib.Path("/sys/fs/cgroup")
        if not self.v1.is_dir():
            (base / "cgroup.subtree_control").write_text("+cpu")
        self.folder = base / f"vedette-bench-{name}"
        self.folder.mkdir(exist_ok=True)
        self.limit(self.folder, CORES * core)
        self.boot = self.group("boot")

    def limit(self, folder, share):
        # The least quota is a millisecond: the shorter the period, the smoother the core.
        period = max(self.PERIOD_US if share > 0.5 else 0, int(1000 / share))
        quota = max(1000, round(period * share))
        if self.v1.is_dir():
            (folder / "cpu.cfs_period_us").write_text(str(period))
            (folder / "cpu.cfs_quota_us").write_text(str(quota))
        else:
            (folder / "cpu.max").write_text(f"{quota} {period}")

    def group(self, name):
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        if not self.v1.is_dir():
            (folder / "cgroup.type").write_text("threaded")
            (self.folder / "cgroup.subtree_control").write_text("+cpu")
        self.limit(folder, self.core)
        return folder

    def tasks(self, folder):
        return folder / ("tasks" if self.v1.is_dir() else "cgroup.threads")

    def take(self, pid):
        """A process, in the child before it becomes its program; its threads get their cores in spread()."""
        (self.boot / ("cgroup.procs" if self.v1.is_dir() else "cgroup.threads")).write_text(str(pid))

    def spread(self):
        living = set()
        for pid in self.pids:
            with contextlib.suppress(OSError):
                living |= {int(task.name) for task in pathlib.Path(f"/proc/{pid}/task").iterdir()}
        for task in living - self.known:
            with contextlib.suppress(OSError):
                self.tasks(self.group(f"t{task}")).write_text(str(task))
        for task in self.known - living:
            with contextlib.suppress(OSError):
                (self.folder / f"t{task}").rmdir()
        self.known = living

    def close(self):
        self.pids = set()
        for _ in range(50):
            with contextlib.suppress(OSError):
                for folder in self.folder.iterdir():
                    if folder.is_dir():
                        folder.rmdir()
                self.folder.rmdir()
                return
            time.sleep(0.1)


def module(type_, settings=None, **more):
    return {"type": type_, **(settings or {}), **more}


class Bench:
    def __init__(self, arguments, folder):
        self.seconds, self.core, self.folder = arguments.seconds, arguments.core, pathlib.Path(folder)
        self.rate_mbps, self.delay_ms = arguments.rate_mbps, arguments.delay_ms
        self.spaces = []
        self.channel = None

    # ── the stage ────────────────────────────────────────────────────────────────────────────────────────────────────

    def prepare(self, sample):
        self.clip = self.folder / "street.mp4"
        subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-y", "-i", sample, "-vf", f"setpts=N/({FPS}*TB)", "-r", str(FPS),
                        "-c:v", "libx264", "-preset", "veryfast", "-crf", "20", "-g", "30", "-bf", "0", str(self.clip)], check=True)
        self.cards = {name: self.model_card(name, file) for name, file in (("osnet-x0-25", "osnet_x0_25_msmt17.onnx"),
                                                                           ("fastestdet-352", "fastestdet_352.onnx"))}
        self.make_gallery(sample)
        self.tls = self.folder / "tls"
        names = [f"node-{i}={NET}.{10 + i},127.0.0.1" for i in range(1, 6)] + [f"controller={NET}.9,127.0.0.1", f"videopipe={NET}.11,{NET}.12"]
        subprocess.run([str(ROOT / "tools/dev/certificates.sh"), str(self.tls), *names], check=True, stdout=subprocess.DEVNULL)
        for name in ("token", "key"):
            (self.folder / name).write_text("bench-" + os.urandom(24).hex() + "\n")
            (self.folder / name).chmod(0o600)
        subprocess.run([VEDETTE, "token", "key", str(self.folder / "fleet.key")], check=True, stdout=subprocess.DEVNULL)
        for role in ("node", "admin"):
            made = subprocess.run([VEDETTE, "token", "create", "--role", role, "--name", role, "--expires", "1d", "--key",
                                   str(self.folder / "fleet.key")], check=True, capture_output=True, text=True).stdout.strip()
            path = self.folder / f"{role}.token"
            path.write_text(made + "\n")
            path.chmod(0o600)
            if role == "admin":
                self.admin = made

    def model_card(self, name, file):
        """A card whose file lies among the models for tests, which nothing installs."""
        if not (SHARED / "models" / file).exists():
            sys.exit(f"bench/fleet.py needs {file} in {SHARED / 'models'} (or $VEDETTE_SHARED)")
        lines = (ROOT / "models" / f"{name}.yaml").read_text().splitlines()
        path = self.folder / f"{name}.yaml"
        labels = {"labels_file: coco.txt": f"labels_file: {ROOT / 'models/coco.txt'}"}
        path.write_text("\n".join(f"file: {SHARED.resolve() / 'models' / file}" if line.startswith("file:") else labels.get(line, line)
                                  for line in lines) + "\n")
        return str(path)

    def make_gallery(self, sample):
        """Ten people of the sample's first frames, cut out where the detector sees them."""
        self.gallery = self.folder / "people"
        self.gallery.mkdir(exist_ok=True)
        lines = self.folder / "boxes.jsonl"
        app = self.folder / "boxes.yaml"
        app.write_text(json.dumps({"application": "boxes", "modules": [module("decode"), module("detect", DETECT),
                                                                       module("jsonl", {"path": str(lines), "what": "objects"})]}))
        frames = self.folder / "first.avi"
        subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-y", "-i", sample, "-frames:v", "40", "-c:v", "mjpeg", "-q:v", "2",
                        str(frames)], check=True)
        subprocess.run([VEDETTE, "run", str(app), "--source", str(frames), "--fast", "--console", "off"], check=True,
                       stderr=subprocess.DEVNULL)
        rows = [json.loads(line) for line in lines.read_text().splitlines()]
        found = 0
        for index, row in enumerate(rows):
            if index % 13 or found >= 10:
                continue
            for seen in row.get("objects", [])[:4]:
                x, y, w, h = (int(v) for v in (seen["box"] if isinstance(seen["box"], list) else
                                               [seen["box"][k] for k in ("x", "y", "w", "h")]))
                if h < 60 or found >= 10:
                    continue
                found += 1
                subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-y", "-i", str(frames), "-vf",
                                f"select=eq(n\\,{index}),crop={w}:{h}:{max(x, 0)}:{max(y, 0)}", "-frames:v", "1", "-q:v", "2",
                                str(self.gallery / f"person-{found}.jpg")], check=True)
        assert found >= 4, "the detector found nobody to make a gallery of"

    def build_network(self, machines):
        hosts = {"controller": 9} | {f"node-{i}": 10 + i for i in range(1, machines + 1)}
        for name in hosts:
            self.run("ip", "netns", "add", f"vb-{name}")
            self.spaces.append(f"vb-{name}")
        self.channel = subprocess.Popen([str(CHANNEL), "--rate-mbps", str(self.rate_mbps), "--delay-ms", str(self.delay_ms),
                                         *(f"vb-{name}={NET}.{host}" for name, host in hosts.items())], stdout=subprocess.PIPE, text=True)
        if self.channel.stdout.readline().strip() != "ready":
            sys.exit("bench/fleet.py: no network between the namespaces (see above)")
        for name, host in hosts.items():
            space = f"vb-{name}"
            self.run("ip", "-n", space, "addr", "add", f"{NET}.{host}/24", "dev", "eth0")
            self.run("ip", "-n", space, "link", "set", "eth0", "mtu", "9000", "up")
            self.run("ip", "-n", space, "link", "set", "lo", "up")

    def tear_down(self):
        if self.channel:
            self.channel.terminate()
            self.channel.wait()
        for space in self.spaces:
            subprocess.run(["ip", "netns", "del", space], stderr=subprocess.DEVNULL)
        self.spaces = []

    @staticmethod
    def run(*line):
        subprocess.run(line, check=True)

    # ── processes ────────────────────────────────────────────────────────────────────────────────────────────────────

    @contextlib.contextmanager
    def processes(self):
        """Starts processes with start(…), each on its machine; ends them all by pid."""
        started, machines, over = [], {}, threading.Event()

        def start(line, space=None, machine=None, log="out"):
            prefix = ["ip", "netns", "exec", f"vb-{space}"] if space else []
            out = open(self.folder / f"{log}.log", "w")  # noqa: SIM115: the process owns it
            if machine and machine not in machines:
                machines[machine] = Machine(machine, self.core)
            take = machines[machine].take if machine else lambda pid: None
            process = subprocess.Popen([*prefix, *line], stdout=subprocess.PIPE, stderr=out, text=True,
                                       env={**os.environ, "VEDETTE_BENCH_TLS": str(self.tls)},
                                       preexec_fn=lambda: take(os.getpid()))  # noqa: PLW1509: nothing is locked here
            if machine:
                machines[machine].pids.add(process.pid)
            started.append(process)
            return process

        def spread():
            while not over.wait(0.05):
                for machine in list(machines.values()):
                    machine.spread()

        spreader = threading.Thread(target=spread)
        spreader.start()
        try:
            yield start
        finally:
            for process in started:
                if process.poll() is None:
                    process.send_signal(signal.SIGTERM)
            for process in started:
                try:
                    process.wait(30)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
            over.set()
            spreader.join()
            for machine in machines.values():
                machine.close()

    def tls_of(self, name):
        return {"certificate": str(self.tls / f"{name}.pem"), "key": str(self.tls / f"{name}-key.pem"),
                "authority": str(self.tls / "authority.pem")}

    def write(self, name, config):
        path = self.folder / f"{name}.yaml"
        path.write_text(json.dumps(config, indent=1))
        return str(path)

    def call(self, port, method, path, body=None, space=None):
        """One call of the fleet's interface; from within a namespace by a small process."""
        if space is None:
            request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", method=method, data=body and body.encode())
            request.add_header("X-Vedette", "1")
            with urllib.request.urlopen(request, timeout=20) as answer:
                return json.load(answer)
        line = ["ip", "netns", "exec", f"vb-{space}", "curl", "-sS", "--max-time", "20", "-X", method, "--cacert",
                str(self.tls / "authority.pem"), "--cert", str(self.tls / "controller.pem"), "--key", str(self.tls / "controller-key.pem"),
                "-H", f"Authorization: Bearer {self.admin}", "-H", "X-Vedette: 1"]
        if body is not None:
            line += ["--data-binary", "@-", "-H", "Content-Type: application/yaml"]
        out = subprocess.run([*line, f"https://{NET}.9:{port}{path}"], input=body, capture_output=True, text=True, check=True)
        answer = json.loads(out.stdout)
        if "error" in answer:
            raise RuntimeError(f"{method} {path}: {answer['error']}")
        return answer

    @staticmethod
    def wait_for(what, condition, limit=60):
        end = time.monotonic() + limit
        while time.monotonic() < end:
            with contextlib.suppress(OSError, ValueError, KeyError, StopIteration, subprocess.CalledProcessError):
                if condition():
                    return
            time.sleep(0.2)
        raise RuntimeError(f"waited {limit} s in vain for {what}")

    # ── applications ─────────────────────────────────────────────────────────────────────────────────────────────────

    def application(self, kind, node=None, later=None, camera="street", detect=None):
        """tracking, roi or reid on a camera; `node` hosts source, decoder and detector, `later` what follows."""
        place = {"node": node} if node else {}
        after = {"node": later} if later else {}
        reid = {"gallery": str(self.gallery), "model": self.cards["osnet-x0-25"]}
        own = {"tracking": [module("track", {"algorithm": "sort"}, **after)],
               "roi": [module("roi", ROI, **after)],
               "reid": [module("reid", {**reid, "instances": 4, "every": 1}, **after)],
               "tracked-reid": [module("track", {"algorithm": "sort"}, **after), module("reid", reid, **after)]}[kind]
        name = kind if camera == "street" else f"{kind}-{camera}"
        log = self.folder / f"{name}-{time.monotonic_ns()}.jsonl"
        return {"application": name,
                "sources": [{"name": camera, "url": str(self.clip), "loop": True, **place}],
                "modules": [module("decode", **place), module("detect", detect or {**DETECT, **THREADS}, **place), *own,
                            module("jsonl", {"path": str(log), "what": "objects"}, **after)]}

    def cpu_seconds(self, processes):
        total = 0.0
        for process in processes:
            fields = pathlib.Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
            total += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        return total

    def measure(self, ask, applications, processes):
        """Waits for `applications` to run, then watches them for the given time."""
        def running():
            listed = {a["name"]: a for a in ask("GET", "/api/fleet/apps")["applications"]}
            return all(listed[name]["delivered"] > 2 * FPS for name in applications)
        self.wait_for("frames at every sink", running, 90)
        time.sleep(3)
        look = lambda: {a["name"]: a for a in ask("GET", "/api/fleet/apps")["applications"]}  # noqa: E731
        before, cpu, began = look(), [self.cpu_seconds([p]) for p in processes], time.monotonic()
        series = {name: [] for name in applications}
        while time.monotonic() < began + self.seconds:
            time.sleep(1)
            now, elapsed = look(), time.monotonic() - began
            for name in applications:
                late = elapsed - (now[name]["delivered"] - before[name]["delivered"]) / FPS
                series[name].append({"t": elapsed, "lag_s": max(0.0, late), **{k: now[name]["latency"][k] * 1e3 for k in ("p50", "p95", "p99")}})
        after, elapsed = look(), time.monotonic() - began
        rows = {}
        for name in applications:
            frames = after[name]["delivered"] - before[name]["delivered"]
            settled = series[name][len(series[name]) // 3:]  # the quantiles are of the last seconds: these know of none before
            middle = lambda key: sorted(at[key] for at in settled)[len(settled) // 2]  # noqa: E731, B023: called here
            rows[name] = {"fps": frames / elapsed, "lag_s": max(0.0, elapsed - frames / FPS), "p50_ms": middle("p50"),
                          "p95_ms": middle("p95"), "p99_ms": middle("p99"), "gaps": after[name]["gaps"], "series": series[name]}
        each = [(self.cpu_seconds([process]) - was) / elapsed for process, was in zip(processes, cpu, strict=True)]
        return {"applications": rows, "cores": sum(each), "cores_each": each}

    # ── cases ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def local_node(self, start, name, port):
        config = self.write(name, {"name": name, "listen": f"127.0.0.1:{port}", "threads": CORES, "state": str(self.folder / f"state-{name}-{time.monotonic_ns()}")})
        process = start([VEDETTE, "node", "--config", config], machine="one", log=name)
        self.wait_for(f"node {name}", lambda: self.call(port, "GET", "/api/fleet"))
        return process

    def case_b(self, kinds):
        with self.processes() as start:
            node = self.local_node(start, "node-b", 18080)
            for kind in kinds:
                app = self.application(kind)
                self.call(18080, "PUT", f"/api/fleet/apps/{kind}", json.dumps(app))
            return self.measure(lambda m, p: self.call(18080, m, p), kinds, [node])

    def case_a(self, kinds):
        with self.processes() as start:
            nodes = {}
            for i, kind in enumerate(kinds):
                port = 18090 + i
                nodes[kind] = (self.local_node(start, f"node-a{i}", port), port)
                self.call(port, "PUT", f"/api/fleet/apps/{kind}", json.dumps(self.application(kind)))

            def ask(method, path):
                merged = []
                for _, port in nodes.values():
                    merged += self.call(port, method, path)["applications"]
                return {"applications": merged}
            return self.measure(ask, kinds, [process for process, _ in nodes.values()])

    def fleet(self, start, machines):
        config = self.write("controller", {"name": "controller", "listen": f"{NET}.9:18080", "url": f"https://{NET}.9:18080",
                                           "tls": self.tls_of("controller"), "tokens": {"key": str(self.folder / "fleet.key")},
                                           "store": str(self.folder / f"controller-{time.monotonic_ns()}.db")})
        start([VEDETTE, "controller", "--config", config], space="controller", log="controller")
        self.wait_for("controller", lambda: self.call(18080, "GET", "/api/fleet", space="controller"))
        nodes = []
        for i in range(1, machines + 1):
            name = f"node-{i}"
            config = self.write(name, {"name": name, "threads": CORES, "listen": f"{NET}.{10 + i}:18081", "tls": self.tls_of(name),
                                       "tokens": {"key": str(self.folder / "fleet.key")},
                                       "controllers": [f"https://{NET}.9:18080"], "token_file": str(self.folder / "node.token"),
                                       "state": str(self.folder / f"state-{name}-{time.monotonic_ns()}"),
                                       "link": {"listen": [f"tcp://{NET}.{10 + i}:18082"], "token_file": str(self.folder / "token")}})
            nodes.append(start([VEDETTE, "node", "--config", config], space=name, machine=name, log=name))
        self.wait_for("nodes", lambda: sum(n["state"] == "ready" for n in self.call(
            18080, "GET", "/api/fleet/nodes", space="controller")["nodes"]) == machines)
        return nodes

    def case_c(self, kinds):
        with self.processes() as start:
            nodes = self.fleet(start, 2)
            for kind in kinds:
                app = self.application(kind, "node-1", "node-2")
                self.call(18080, "PUT", f"/api/fleet/apps/{kind}?force=1", json.dumps(app), space="controller")
            result = self.measure(lambda m, p: self.call(18080, m, p, space="controller"), kinds, nodes)
            result["hop_ms"] = self.hop()
            return result

    def hop(self):
        """What the hop from node-1 to node-2 takes on average, in milliseconds, by part."""
        parts = {}
        for part, machine in (("serialise", 1), ("wait", 1), ("transfer", 2), ("receive", 2)):
            out = subprocess.run(["ip", "netns", "exec", "vb-controller", "curl", "-sS", "--max-time", "20", "--cacert",
                                  str(self.tls / "authority.pem"), "--cert", str(self.tls / "controller.pem"), "--key",
                                  str(self.tls / "controller-key.pem"), "-H", f"Authorization: Bearer {self.admin}",
                                  f"https://{NET}.{10 + machine}:18081/metrics"], capture_output=True, text=True, check=True).stdout
            total = {key: sum(float(line.rsplit(" ", 1)[1]) for line in out.splitlines()
                              if line.startswith(f"vedette_link_{part}_seconds_{key}")) for key in ("sum", "count")}
            parts[part] = total["sum"] / max(total["count"], 1) * 1e3
        return parts

    def videopipe(self, kinds):
        last = {"tracking": ("track", {"algorithm": "sort"}), "roi": ("roi", ROI),
                "reid": ("reid", {"gallery": str(self.gallery), "model": self.cards["osnet-x0-25"], "every": 1})}
        at = lambda machine, port: f"tcp://{NET}.{10 + machine}:{port}"  # noqa: E731
        source = {"url": str(self.clip), "loop": True}
        with self.processes() as start:
            leaves = {}
            for i, kind in enumerate(kinds):
                type_, settings = last[kind]
                leaves[kind] = start([str(VIDEOPIPE), "--name", kind, "--type", type_, "--settings", json.dumps(settings), "--listen",
                                      at(2, 19010 + i), "--before", "detect", "--source", f"decode={at(1, 19001)}"],
                                     space="node-2", machine="node-2", log=f"vp-{kind}")
            nexts = [f"--next={kind}={at(2, 19010 + i)}" for i, kind in enumerate(kinds)]
            detect = start([str(VIDEOPIPE), "--name", "detect", "--type", "detect", "--settings", json.dumps(DETECT), "--listen",
                            at(1, 19002), "--before", "decode", *nexts], space="node-1", machine="node-1", log="vp-detect")
            time.sleep(2)
            first = start([str(VIDEOPIPE), "--name", "decode", "--type", "decode", "--listen", at(1, 19001), "--url", json.dumps(source),
                           "--next", f"detect={at(1, 19002)}", "--source", ",".join(kinds)], space="node-1", machine="node-1", log="vp-decode")
            time.sleep(self.seconds + 3)
            rows, hops = {}, {}
            for process in [first, detect, *leaves.values()]:
                process.send_signal(signal.SIGTERM)
            for kind, process in {"decode": first, "detect": detect, **leaves}.items():
                out = json.loads(process.communicate(timeout=30)[0].strip().splitlines()[-1])
                hops[kind] = out["hop_ms"]
                if kind in leaves:
                    rows[kind] = {"fps": out["frames"] / max(out["seconds"], 1e-9), "p50_ms": out["p50_ms"], "p95_ms": out["p95_ms"],
                                  "gaps": out["gaps"], "series": [{"t": at, "p50": ms} for at, ms in out["series"]]}
            return {"applications": rows, "hop_ms": hops}

    def scaling(self, machines):
        """As many cameras as machines; of each camera's applications, what follows detection runs on the next machine."""
        small = {"model": self.cards["fastestdet-352"], "classes": ["person"], **THREADS}
        names = []
        with self.processes() as start:
            nodes = self.fleet(start, machines)
            for i in range(1, machines + 1):
                for kind in ("tracking", "tracked-reid"):
                    app = self.application(kind, f"node-{i}", f"node-{i % machines + 1}", f"cam-{i}", small)
                    names.append(app["application"])
                    self.call(18080, "PUT", f"/api/fleet/apps/{app['application']}?force=1", json.dumps(app), space="controller")
            return self.measure(lambda m, p: self.call(18080, m, p, space="controller"), names, nodes)


def show(name, result):
    for application, row in result["applications"].items():
        lag = f"{row['lag_s']:6.1f}" if "lag_s" in row else "     -"
        print(f"  {name:24} {application:14} {row['fps']:6.2f} fps   p50 {row['p50_ms']:8.1f}   p95 {row['p95_ms']:8.1f} ms   lag {lag} s")
    if "cores" in result:
        print(f"  {name:24} {'all':14} {result['cores']:6.2f} cores ({', '.join(f'{c:.2f}' for c in result['cores_each'])})")
    sys.stdout.flush()


def worst(result, key, pick=max):
    return pick(row[key] for row in result["applications"].values())


def ratios(results):
    """What the issue asks, each figure with its limit."""
    found = {}
    alone = {kind: results[f"B {kind}"] for kind in ("tracking", "roi", "reid") if f"B {kind}" in results}
    three = results.get("B tracking+roi+reid")
    if len(alone) == 3 and three:
        most = max(alone, key=lambda kind: alone[kind]["cores"])
        base = min(a["cores"] for a in alone.values())
        # Own modules of the others: what they cost alone beyond the cheapest application's shared part.
        own = sum(max(0.0, alone[k]["cores"] - base) for k in alone if k != most)
        found["three sharing / (dearest + the others' own)"] = (three["cores"] / (alone[most]["cores"] + own), "<= 1.15")
        for kind in alone:
            found[f"p95 of three / p95 of one, {kind}"] = (
                three["applications"][kind]["p95_ms"] / alone[kind]["applications"][kind]["p95_ms"], "<= 1.10")
        found["fps of three, case B"] = (worst(three, "fps", min), "15")
    a = results.get("A tracking+roi+reid")
    if a:
        found["fps of three, case A (its lag)"] = (worst(a, "fps", min), "< 15")
    for kinds in ("tracking+reid", "tracking+roi+reid"):
        ours, base = results.get(f"C {kinds}"), results.get(f"VideoPipe {kinds}")
        if ours and base:
            found[f"throughput C / VideoPipe, {kinds}"] = (worst(ours, "fps", min) / worst(base, "fps", min), ">= 4")
            found[f"latency C / VideoPipe, {kinds}"] = (worst(ours, "p50_ms") / worst(base, "p50_ms"), "<= 0.6")
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json")
    parser.add_argument("--seconds", type=float, default=30, help="of each case")
    parser.add_argument("--only", default="", help="cases whose name contains this")
    parser.add_argument("--core", type=float, default=0.15, help="of a core of this computer, that a core of a machine is")
    parser.add_argument("--rate-mbps", type=float, default=1000)
    parser.add_argument("--delay-ms", type=float, default=0.5, help="one way")
    arguments = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("bench/fleet.py needs root: it makes network namespaces")
    with tempfile.TemporaryDirectory(prefix="vedette-fleet-") as folder:
        bench = Bench(arguments, folder)
        bench.prepare(os.environ["VEDETTE_SAMPLE"])
        print("case                       application      frames/s   latency                          behind the camera")
        singles, pair, triple = (["tracking"], ["roi"], ["reid"]), ["tracking", "reid"], ["tracking", "roi", "reid"]
        cases = [(f"B {k[0]}", bench.case_b, k) for k in singles]
        cases += [(f"{letter} {'+'.join(k)}", case, k) for k in (pair, triple)
                  for letter, case in (("A", bench.case_a), ("B", bench.case_b), ("C", bench.case_c), ("VideoPipe", bench.videopipe))]
        cases += [(f"{n} machines", bench.scaling, n) for n in (2, 3, 4, 5)]
        results = {}

        def write():
            if arguments.json:
                pathlib.Path(arguments.json).write_text(json.dumps({"results": results, "ratios": ratios(results)}, indent=1))

        try:
            bench.build_network(5)
            for name, case, argument in cases:
                if arguments.only in name:
                    try:
                        results[name] = case(argument)
                        show(name, results[name])
                        write()  # an interrupted run keeps what it has
                    except RuntimeError as error:
                        print(f"  {name}: {error}")
                        for log in sorted(pathlib.Path(folder).glob("*.log")):
                            print(f"    {log.name}: …{log.read_text()[-400:]}")
        finally:
            bench.tear_down()
        found = ratios(results)
        print()
        for what, (value, limit) in found.items():
            print(f"  {what:52} {value:7.3f}   ({limit})")


if __name__ == "__main__":
    main()
