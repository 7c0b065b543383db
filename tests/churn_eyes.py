"""What tests/churn.py looks with: files that witnesses write, processes, the controller's API."""

import http.client
import json
import os
import pathlib
import re
import subprocess
import threading
import time

from fleet import PATIENCE

ROOT = pathlib.Path(__file__).resolve().parents[1]
SHARED = pathlib.Path(os.environ.get("VEDETTE_SHARED", ROOT.parent / "shared"))
NODES = ("east", "west")
SEQUENCE = re.compile(rb'"type":"observation".*?"sequence":(\d+)')


def make_clip(sample, folder, fps) -> pathlib.Path:
    """Twenty seconds of the sample video, small, at so many frames a second."""
    clip = pathlib.Path(folder) / "street.mp4"
    subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-y", "-i", str(sample), "-vf", f"scale=320:240,setpts=N/({fps}*TB)", "-r", str(fps),
                    "-frames:v", str(20 * fps), "-c:v", "libx264", "-preset", "veryfast", "-g", "30", "-bf", "0", str(clip)], check=True)
    return clip


def model_card(folder):
    """A card of the small detector among the models for tests; None when it is not there."""
    model = SHARED / "models" / "fastestdet_352.onnx"
    if not model.exists():
        return None
    text = (ROOT / "models" / "fastestdet-352.yaml").read_text()
    text = re.sub(r"(?m)^file:.*$", f"file: {model.resolve()}", text).replace("labels_file: coco.txt", f"labels_file: {ROOT / 'models/coco.txt'}")
    path = pathlib.Path(folder) / "fastestdet-352.yaml"
    path.write_text(text)
    return str(path)


def account(paths):
    """How the sequence numbers of one writer follow each other: frames, lost, doubled (or late), gaps."""
    found = {"frames": 0, "lost": 0, "doubled": 0, "gaps": 0}
    highest = None
    for path in paths:
        with open(path, "rb") as file:
            for line in file:
                match = SEQUENCE.search(line)
                if not match or not line.endswith(b"\n"):
                    continue
                number = int(match.group(1))
                found["frames"] += 1
                if highest is not None and number <= highest:
                    found["doubled"] += 1
                elif highest is not None and number > highest + 1:
                    found["lost"] += number - highest - 1
                    found["gaps"] += 1
                highest = max(number, highest or 0)
    return found


def quantile(values, q):
    return sorted(values)[min(len(values) - 1, int(q * len(values)))] if values else None


def look_at(pid):
    """What a process holds: memory in KiB, threads, open files."""
    rollup = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    kib = {key: int(value) for key, value in re.findall(r"(?m)^(Rss|Anonymous):\s+(\d+) kB", rollup)}
    return {"rss": kib["Rss"], "anonymous": kib["Anonymous"], "threads": len(os.listdir(f"/proc/{pid}/task")), "fds": len(os.listdir(f"/proc/{pid}/fd"))}


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Api:
    """The controller's API over one connection that is kept."""

    def __init__(self, url):
        self.host = url.removeprefix("http://")
        self.connection = None

    def ask(self, method, path, body=None):
        text = body if body is None or isinstance(body, str) else json.dumps(body)
        for last in (False, True):  # a kept connection may have been closed between two calls
            fresh = self.connection is None
            if fresh:
                self.connection = http.client.HTTPConnection(self.host, timeout=PATIENCE)
            try:
                self.connection.request(method, path, text, {"Content-Type": "application/json", "X-Vedette": "1"})
                answer = self.connection.getresponse()
                return answer.status, json.loads(answer.read() or b"null")
            except (http.client.HTTPException, ConnectionError):
                self.close()
                if fresh or last:
                    raise

    def get(self, path):
        status, answer = self.ask("GET", path)
        assert status == 200, f"GET {path}: {status} {answer}"
        return answer

    def close(self):
        if self.connection:
            self.connection.close()
            self.connection = None


class Watch:
    """Looks into files until what was asked for has appeared in them, and how long witnesses' files stand still."""

    PERIOD = 0.02

    def __init__(self, folder, witnesses, note):
        self.folder, self.note, self.lock, self.ending = folder, note, threading.Lock(), threading.Event()
        self.pending, self.took, self.never = {}, [], []
        self.sizes = {name: [None, 0.0, 0.0] for name in witnesses}  # size, since when, longest pause
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def expect(self, name, file, marker, counted):
        """From now on `marker` is to appear in the file, on any node. An earlier wish of this application is forgotten."""
        with self.lock:
            self.pending[name] = {"marker": marker.encode(), "file": file, "asked": time.monotonic(), "counted": counted, "offsets": {}}

    def forget(self, name):
        with self.lock:
            return self.pending.pop(name, None)

    def waiting(self):
        with self.lock:
            return sorted(self.pending)

    def _seen(self, wish):
        for node in NODES:
            try:
                with open(self.folder / node / wish["file"], "rb") as file:
                    file.seek(wish["offsets"].get(node, 0))
                    text = file.read()
            except FileNotFoundError:
                continue
            if wish["marker"] in text:
                return True
            wish["offsets"][node] = wish["offsets"].get(node, 0) + text.rfind(b"\n") + 1
        return False

    def _run(self):
        while not self.ending.wait(self.PERIOD):
            with self.lock:
                wishes = list(self.pending.items())
            for name, wish in wishes:
                seen, now = self._seen(wish), time.monotonic()
                late = now - wish["asked"] > PATIENCE
                if seen or late:
                    with self.lock:
                        if self.pending.get(name) is wish:
                            del self.pending[name]
                            if late and not seen:
                                self.never.append(f"{name}: {wish['marker'].decode()} not within {PATIENCE} s")
                            elif wish["counted"]:
                                self.took.append(now - wish["asked"])
            for (file, node), state in self.sizes.items():
                try:
                    size = os.stat(self.folder / node / file).st_size
                except FileNotFoundError:
                    continue
                now = time.monotonic()
                if size != state[0]:
                    if state[0] is not None:
                        state[2] = max(state[2], now - state[1])
                        if now - state[1] > 0.5:
                            self.note(f"{file} stood still for {now - state[1]:.2f} s")
                    state[0], state[1] = size, now

    def close(self):
        self.ending.set()
        self.thread.join(10)
