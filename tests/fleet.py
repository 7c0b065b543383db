"""Nodes and controllers on loopback for the whole-program tests: started, waited for by polling with deadlines, ended by process id."""

import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request

# Machines that build beside their tests are slow: deadlines say when something is broken, not how fast it is.
PATIENCE = float(os.environ.get("FLEET_PATIENCE", 60))


def until(condition, seconds=PATIENCE, what=""):
    """Polls until the condition gives something true, which is returned; what it threw last is told when it never does."""
    deadline = time.monotonic() + seconds
    last = None
    while True:
        try:
            value = condition()
            if value:
                return value
            last = value
        except (AssertionError, OSError, KeyError, IndexError, ValueError) as error:
            last = error
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what or condition}; last: {last!r}")
        time.sleep(0.1)


class Process:
    """A node or controller that runs: its URL, its log, its end."""

    def __init__(self, binary, kind, name, config, folder, overrides=()):
        self.name, self.folder, self.log = name, folder, []
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{kind}.yaml"
        path.write_text(json.dumps(config))  # JSON is YAML
        command = [binary, kind, "--config", str(path), *overrides]
        self.process = subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stderr:
            self.log.append(line.rstrip("\n"))

    @property
    def pid(self):
        return self.process.pid

    def text(self):
        return "\n".join(self.log)

    def wait_up(self):
        def up():
            for line in list(self.log):
                found = re.search(r"is up: console .*?on (https?://[^/\s]+)", line)
                if found:
                    return found.group(1)
            if self.process.poll() is not None:
                self.reader.join(5)
                raise RuntimeError(f"{self.name} ended with {self.process.returncode}: {self.text()}")
            return None

        self.url = until(up, what=f"{self.name} is up: {self.log[-5:]}")
        return self

    def kill(self):
        self._end(signal.SIGKILL)

    def terminate(self, seconds=PATIENCE) -> int:
        self._end(signal.SIGTERM, seconds)
        return self.process.returncode

    def _end(self, number, seconds=PATIENCE):
        if self.process.poll() is None:
            self.process.send_signal(number)
        self.process.wait(timeout=seconds)
        self.reader.join(5)

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(timeout=10)
        self.reader.join(5)
        self.process.stderr.close()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


class Etcd:
    """An etcd (package etcd-server) of one member on loopback, which gives a leader up as fast as it can."""

    PROGRAM = "/usr/bin/etcd"

    def __init__(self, folder: pathlib.Path):
        self.url, peer = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
        folder.mkdir(parents=True)
        options = {
            "data-dir": folder / "data", "heartbeat-interval": 50, "election-timeout": 500, "listen-client-urls": self.url,
            "advertise-client-urls": self.url, "listen-peer-urls": peer, "initial-advertise-peer-urls": peer, "initial-cluster": f"default={peer}",
        }
        command = [self.PROGRAM, *(str(part) for key, value in options.items() for part in (f"--{key}", value))]
        with open(folder / "log", "wb") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        until(lambda: call(f"{self.url}/health")[0] == 200, what="etcd answers")

    def close(self):
        self.process.kill()
        self.process.wait(timeout=10)


class Fleet:
    """Everything that one test starts, below one folder: each node in a folder of its own, where its modules write."""

    def __init__(self, binary, folder: pathlib.Path):
        self.binary, self.folder, self.processes = binary, folder, []
        self.url = None

    def controller(self, name="control", overrides=(), **settings) -> Process:
        config = {"listen": "127.0.0.1:0", "name": name, "store": str(self.folder / f"{name}.db"), **settings}
        return self._start("controller", name, config, overrides, leads=True)

    def node(self, name, controllers=None, overrides=(), **settings) -> Process:
        """With the controller that runs; embedded=True: with one inside."""
        embedded = settings.pop("embedded", False)
        config = {"listen": "127.0.0.1:0", "name": name, "state": str(self.folder / name / "state"), "traces_per_second": 5, **settings}
        if not embedded:
            config["controllers"] = controllers or [self.url]
        return self._start("node", name, config, overrides, leads=embedded)

    def _start(self, kind, name, config, overrides, leads):
        process = Process(self.binary, kind, name, config, self.folder / name, overrides)
        self.processes.append(process)
        process.wait_up()
        if leads:
            self.url = process.url
        return process

    def close(self):
        for process in reversed(self.processes):
            process.close()

    # The command line, as a user has it.
    def cli(self, *arguments, status=0, env=None, timeout=PATIENCE) -> subprocess.CompletedProcess:
        command = [self.binary, *map(str, arguments)]
        clean = {key: value for key, value in os.environ.items() if not key.startswith("VEDETTE_") or key == "VEDETTE_SHARED"}
        clean["XDG_CONFIG_HOME"] = str(self.folder)
        if self.url:
            clean["VEDETTE_CONTROLLER"] = self.url
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, cwd=self.folder, env={**clean, **(env or {})})
        assert done.returncode >= 0, f"ended by signal {-done.returncode}: {done.stderr}"
        if status is not None:
            assert done.returncode == status, f"{command} gave {done.returncode}:\n{done.stdout}\n{done.stderr}"
        return done

    def get(self, what, name=None):
        done = self.cli("get", what, *([name] if name else []), "-o", "json")
        return json.loads(done.stdout)[{"apps": "applications"}.get(what, what)]

    def label(self, node, **labels):
        status, answer = call(f"{self.url}/api/fleet/nodes/{node}/labels", "PUT", labels)
        assert status == 200, answer

    def app(self, name):
        return self.get("apps", name)[0]

    def apply(self, name, modules, status=0, arguments=(), **more) -> subprocess.CompletedProcess:
        return self.cli("apply", "-f", self.write(name, modules, **more), *arguments, status=status)

    def write(self, name, modules, **more) -> pathlib.Path:
        path = self.folder / f"{name}.yaml"
        path.write_text(json.dumps({"application": name, **more, "modules": modules}, indent=1))
        return path

    def nodes_ready(self, *names):
        until(lambda: {n["name"] for n in self.get("nodes") if n["state"] == "ready"} >= set(names), what=f"{names} ready")

    def running(self, *names):
        """The applications run: frames come out of them."""
        until(lambda: all(self.app(n)["state"] in ("running", "degraded") and self.app(n)["delivered"] > 0 for n in names), what=f"{names} running")

    def log(self, **arguments):
        options = [part for key, value in arguments.items() for part in (f"--{key}", value)]
        return self.cli("logs", "-n", 1000, *options).stdout

    # What modules wrote.
    def lines(self, file, nodes=None):
        """The whole lines of a JSON-lines file, of each node that has one, in the order of the nodes' names."""
        found = []
        for path in sorted(self.folder.glob(f"*/{file}")):
            if nodes is None or path.parent.name in nodes:
                text = path.read_text()
                found += [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]
        return found

    def sequences(self, file, nodes=None):
        return [line["sequence"] for line in self.lines(file, nodes) if line["type"] == "observation"]

    def missing(self, file, nodes=None):
        """How many sequence numbers lack between the first and the last; each came once and in order."""
        numbers = self.sequences(file, nodes)
        assert numbers == sorted(set(numbers)), "a frame came twice or out of order"
        return numbers[-1] - numbers[0] + 1 - len(numbers)

    def writers(self, file):
        return {path.parent.name for path in self.folder.glob(f"*/{file}")}

    def grows(self, file, by=5, nodes=None):
        before = len(self.lines(file, nodes))
        until(lambda: len(self.lines(file, nodes)) >= before + by, what=f"{file} grows beyond {before} lines")


def call(url, method="GET", body=None, token=None):
    """One HTTP call: status and JSON answer."""
    headers = {"Content-Type": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    data = json.dumps(body).encode() if body is not None else (b"" if method != "GET" else None)
    request = urllib.request.Request(url, method=method, data=data, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read() or b"null")


DECODE = {"type": "decode"}


def sink(file="out.jsonl", **settings):
    return {"type": "jsonl", "name": settings.pop("name", "jsonl"), "path": file, "what": "objects", "append": True, "flush_ms": 0, **settings}


def camera(clip, name="yard", **more):
    return {"name": name, "url": str(clip), "loop": True, "pacing": "realtime", **more}
