#!/usr/bin/env python3
"""Fifty cameras that misbehave for ten minutes: `vedette run` must not leak, hang or lose a frame uncounted.

    bench/rtsp_soak.py [--minutes 10] [--sources 50] [--seed 1] [--json soak.json] [--app FILE.yaml] [--binary PROGRAM]

Serves small H.264 streams with tests/rtsp_server/server.py. Half of the streams are stalled, hung, killed and restarted at random
(by the seed); the others are left alone. Each second it samples the program's resident memory and its /api/status. It checks

    memory     median of the last quarter at most 3 % above that of the second quarter (the first is warm-up)
    progress   every healthy stream delivers at least 90 % of what the server sent it, and never pauses for 10 s
    recovery   every troubled stream delivers again within 40 s of its last restart
    account    for each stream, sent by the server = delivered + dropped, but for what was in flight when a connection was cut
               (at most 10 frames for each play, plus 1 %); healthy streams have no reconnects
    exit       with status 0 within 5 s of SIGTERM

Prints a table and writes JSON; exits 1 on any breach, 2 when it could not run.
"""
import argparse
import json
import os
import pathlib
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
APP = """# Written by bench/rtsp_soak.py: decodes, looks for motion, shows.
application: soak
modules:
  - {type: decode}
  - {type: motion}
  - {type: console}
"""
TROUBLES = ("stall", "hang", "kill")
PAUSE_LIMIT_S, RECOVERY_LIMIT_S, EXIT_LIMIT_S, LEAK_LIMIT = 10, 40, 5, 1.03


class Cameras:
    def __init__(self, folder, args):
        clip = os.path.join(folder, "clip.264")
        subprocess.run(
            ["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", f"testsrc=d=10:r={args.fps}:s={args.size}", "-pix_fmt", "yuv420p",
             "-c:v", "libx264", "-bf", "0", "-g", str(int(args.fps)), "-bsf:v", "h264_mp4toannexb", clip], check=True)
        self.process = subprocess.Popen(
            [sys.executable, ROOT / "tests/rtsp_server/server.py", "--file", clip, "--mounts", str(args.sources), "--fps", str(args.fps)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline().split()[1])

    def command(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.wait(5)


def rss_mb(pid):
    with open(f"/proc/{pid}/statm") as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def status(port):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/status", timeout=2) as answer:
            body = json.load(answer)
    except (OSError, ValueError):
        return None
    return {s["name"]: s for application in body["applications"] for s in application["streams"]}


def dropped(stream):
    d = stream.get("dropped", 0)
    return sum(d.values()) if isinstance(d, dict) else d


class Trouble:
    """When which stream misbehaves: a schedule by the seed alone."""

    def __init__(self, names, seed):
        self.random = random.Random(seed)
        self.names = names
        self.next_at = {n: self.random.uniform(5, 20) for n in names}
        self.bad = {n: False for n in names}
        self.restarted_at = {}
        self.commands = 0

    def due(self, now, last_call):
        for name in self.names:
            if now < self.next_at[name] or (last_call and not self.bad[name]):
                continue
            self.commands += 1
            if self.bad[name]:
                self.bad[name] = False
                self.restarted_at[name] = now
                self.next_at[name] = now + self.random.uniform(10, 40)
                yield f"restart {name}"
            else:
                self.bad[name] = True
                self.next_at[name] = now + self.random.uniform(2, 25)
                yield f"{self.random.choice(TROUBLES)} {name}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default=os.environ.get("VEDETTE_BIN", ROOT / "build/release/vedette"))
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--sources", type=int, default=50)
    parser.add_argument("--fps", type=float, default=5)
    parser.add_argument("--size", default="160x120")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--app", help="application to run instead of a decode-only one")
    parser.add_argument("--console", type=int, default=18080, help="port of the console")
    parser.add_argument("--json")
    args = parser.parse_args()

    breaches, samples, frames_at, pauses = [], [], {}, {}
    with tempfile.TemporaryDirectory() as folder:
        app = args.app or os.path.join(folder, "soak.yaml")
        if not args.app:
            pathlib.Path(app).write_text(APP)
        cameras = Cameras(folder, args)
        names = [f"cam{i}" for i in range(args.sources)]
        troubled = names[1::2]
        trouble = Trouble(troubled, args.seed)
        sources = [word for n in names for word in ("--source", f"rtsp://127.0.0.1:{cameras.port}/{n}")]
        log = open(os.path.join(folder, "log"), "w+")
        program = subprocess.Popen([args.binary, "run", app, *sources, "--console", str(args.console)], stdout=log, stderr=log)
        start, seconds = time.monotonic(), args.minutes * 60
        latest, quiet = {}, 45  # the last seconds are free of new trouble, so that all can come back
        try:
            while (now := time.monotonic() - start) < seconds:
                if program.poll() is not None:
                    log.seek(0)
                    print(log.read()[-2000:], file=sys.stderr)
                    print(f"the program ended by itself with {program.returncode}", file=sys.stderr)
                    return 2
                for line in trouble.due(now, last_call=now > seconds - quiet):
                    cameras.command(line)
                samples.append(rss_mb(program.pid))
                latest = status(args.console) or latest
                for key, stream in latest.items():
                    if stream["frames"] != frames_at.get(key, (None, 0))[0]:
                        frames_at[key] = (stream["frames"], now)
                    elif now > 20:
                        pauses[key] = max(pauses.get(key, 0), now - frames_at[key][1])
                time.sleep(max(0, len(samples) - (time.monotonic() - start)))
            for name in troubled:
                cameras.command(f"stall {name}")
            for name in names:
                cameras.command(f"stall {name}")
            time.sleep(2)  # what is on the way arrives
            latest, sent = status(args.console) or latest, cameras.command("stats")
            asked = time.monotonic()
            program.send_signal(signal.SIGTERM)
            try:
                code = program.wait(30)
            except subprocess.TimeoutExpired:
                code = None
            exit_s = time.monotonic() - asked
        finally:
            if program.poll() is None:
                program.kill()
                program.wait()
            cameras.close()
            log.close()

    if len(latest) != args.sources:
        print(f"/api/status told of {len(latest)} streams instead of {args.sources}", file=sys.stderr)
        return 2
    # The program names streams itself: they come in the order of the command line.
    by_camera = {n: latest[n] for n in names} if set(names) <= set(latest) else dict(zip(names, latest.values()))
    key_of = {n: n if n in latest else list(latest)[i] for i, n in enumerate(names)}
    for name, stream in by_camera.items():
        served, got = sent[name]["sent"], stream["frames"] + dropped(stream)
        allowed = 10 * max(1, sent[name]["plays"]) + served * 0.01
        if abs(served - got) > allowed:
            breaches.append(f"{name}: sent {served}, accounted for {got} (at most {allowed:.0f} apart)")
        if name in troubled:
            silent = seconds - frames_at.get(key_of[name], (0, 0))[1]
            if silent > RECOVERY_LIMIT_S:
                breaches.append(f"{name}: did not come back, silent for {silent:.0f} s")
        else:
            if stream["reconnects"]:
                breaches.append(f"{name}: healthy, yet {stream['reconnects']} reconnects")
            if stream["frames"] < 0.9 * served:
                breaches.append(f"{name}: healthy, yet {stream['frames']} of {served} frames")
            if pauses.get(key_of[name], 0) > PAUSE_LIMIT_S:
                breaches.append(f"{name}: healthy, yet paused for {pauses[key_of[name]]:.0f} s")
    quarter = len(samples) // 4
    second, last = statistics.median(samples[quarter : 2 * quarter]), statistics.median(samples[-quarter:])
    if last > second * LEAK_LIMIT:
        breaches.append(f"memory grew from {second:.1f} to {last:.1f} MB")
    if code != 0 or exit_s > EXIT_LIMIT_S:
        breaches.append(f"exit status {code} after {exit_s:.1f} s")

    total = lambda values: sum(values)
    result = {
        "sources": args.sources, "troubled": len(troubled), "minutes": args.minutes, "seed": args.seed,
        "commands": trouble.commands, "memory_second_quarter_mb": round(second, 1), "memory_last_quarter_mb": round(last, 1),
        "memory_peak_mb": round(max(samples), 1), "frames_sent": total(s["sent"] for s in sent.values()),
        "frames_delivered": total(s["frames"] for s in latest.values()), "frames_dropped": total(map(dropped, latest.values())),
        "reconnects": total(s["reconnects"] for s in latest.values()), "exit_seconds": round(exit_s, 2), "breaches": breaches,
    }
    for key, value in result.items():
        if key != "breaches":
            print(f"{key.replace('_', ' '):28} {value:>12}")
    for breach in breaches:
        print("BREACH", breach)
    if args.json:
        pathlib.Path(args.json).write_text(json.dumps(result, indent=2) + "\n")
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main())
