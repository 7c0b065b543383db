"""Publish to subscribe on one machine, raw frames, over each way that frames can take: milliseconds.

    python python/bench/latency.py HOST:PORT [FRAMES] [PIXELS]

Publisher and subscriber are processes of their own. Read: the frame is at the subscriber; used: each of its bytes was
summed up, which is when a copy that was not made pays off or does not. Times leave out making the frame.
"""

import multiprocessing
import statistics
import sys
import time

import numpy as np

import vedette

WIDTH = 500


def publish(address: str, transport: str, camera: str, frames: int, height: int) -> None:
    image = np.random.default_rng(1).integers(0, 255, (height, WIDTH), np.uint8)
    with vedette.connect(address, transport=transport) as client, client.publish(camera) as publication:
        publication.send(time.time(), image, raw=True)
        while client.camera(camera).subscribers == 0:
            time.sleep(0.01)
        for _ in range(frames):
            time.sleep(0.02)
            publication.send(time.time_ns() / 1e9, image, raw=True)


def measure(address: str, transport: str, frames: int, height: int) -> tuple[list[float], list[float]]:
    camera = f"latency/{transport.replace(' ', '-')}-{time.time_ns()}"
    publisher = multiprocessing.Process(target=publish, args=(address, transport, camera, frames, height))
    publisher.start()
    read, used = [], []
    with vedette.connect(address, transport=transport) as client:
        while camera not in (each.name for each in client.cameras()):
            time.sleep(0.01)
        for item in client.subscribe(camera).frames():
            if isinstance(item, vedette.Frame):
                image = item.image()
                read.append((time.time_ns() - item.time_ns) / 1e6)
                image.sum()
                used.append((time.time_ns() - item.time_ns) / 1e6)
                if len(read) == frames:
                    break
    publisher.join()
    return read, used


def main() -> None:
    address = sys.argv[1]
    frames, pixels = (int(each) for each in [*sys.argv[2:], "200", "500000"][:2])
    for transport in ("grpc", "stream", "shared memory"):
        read, used = (sorted(each) for each in measure(address, transport, frames, pixels // WIDTH))
        print(
            f"{transport:14} {pixels / 1000:.0f} KB  read: median {statistics.median(read):6.3f}"
            f" p99 {read[int(len(read) * 0.99)]:6.3f}   used: median {statistics.median(used):6.3f}"
        )


if __name__ == "__main__":
    main()
