"""Real `vedette broker` processes for tests."""

import pathlib
import socket
import subprocess
import time


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Brokers:
    """Starts brokers and ends them, all of them, at the end."""

    def __init__(self, binary: str, folder: pathlib.Path):
        self.binary, self.folder, self.running = binary, folder, {}

    def start(self, name: str, port: int | None = None, **settings) -> str:
        port = port or free_port()
        address = f"127.0.0.1:{port}"
        arguments = [self.binary, "broker", "--set", f"name={name}", "--set", f"listen={address}"]
        arguments += ["--set", "memory_mb=64", "--set", "segment_mb=8", "--set", "feed_mb=32"]
        for key, value in settings.items():
            arguments += ["--set", f"{key.replace('__', '.')}={value}"]
        with open(self.folder / f"{name}.log", "ab") as log:
            self.running[name] = subprocess.Popen(arguments, stderr=log, stdout=log, cwd=self.folder)
        self.wait_until_up(name, port)
        return address

    def wait_until_up(self, name: str, port: int) -> None:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            assert self.running[name].poll() is None, self.log(name)
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            time.sleep(0.05)
        raise AssertionError(f"{name} does not listen: {self.log(name)}")

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def kill(self, name: str) -> None:
        process = self.running.pop(name)
        process.kill()
        process.wait(10)

    def stop(self, name: str) -> int:
        process = self.running.pop(name)
        process.terminate()
        return process.wait(20)

    def close(self) -> None:
        for name in list(self.running):
            self.kill(name)
