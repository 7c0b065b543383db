"""What happens when something dies: nodes, the controller, a disk; docs/when-things-die.md promises it."""

import os
import signal
import subprocess

import pytest

from fleet import DECODE, camera, sink, until

MOTION = {"type": "motion", "gate": "none", "objects": True}


@pytest.fixture
def three(fleet):
    fleet.control = fleet.controller(lease_seconds=1)
    fleet.nodes = {name: fleet.node(name) for name in ("box-1", "box-2", "box-3")}
    fleet.nodes_ready(*fleet.nodes)
    return fleet


def restart_controller(fleet):
    port = fleet.control.url.rsplit(":", 1)[1]
    fleet.control = fleet.controller(lease_seconds=1, listen=f"127.0.0.1:{port}")


def test_kill_of_a_node_moves_its_modules(three, camera_clip):
    three.apply("people", [DECODE, MOTION, sink()], sources=[camera(camera_clip)])
    three.running("people")
    dead = three.app("people")["nodes"][0]
    three.nodes[dead].kill()
    until(lambda: three.get("nodes", dead)[0]["state"] == "lost", what="the node counts as lost")
    until(lambda: three.app("people")["nodes"] and dead not in three.app("people")["nodes"], what="placed elsewhere")
    three.grows("out.jsonl", by=10, nodes=three.app("people")["nodes"])
    assert dead in three.log() and "lost" in three.log()
    three.cli("delete", "node", dead)
    assert dead not in {n["name"] for n in three.get("nodes")}


def test_kill_in_the_middle_of_a_pipeline_is_no_silent_gap(three, camera_clip):
    """The camera and the sink live on; the module between them dies with its node and starts again elsewhere."""
    three.cli("drain", "box-3")
    three.apply("split", [DECODE, MOTION, sink("split.jsonl", node="box-2")], sources=[camera(camera_clip, node="box-1")])
    three.running("split")
    until(lambda: len(three.sequences("split.jsonl")) > 20, what="some frames")
    three.cli("undrain", "box-3")
    three.nodes["box-1"].kill()
    until(lambda: three.get("nodes", "box-1")[0]["state"] == "lost", what="the node counts as lost")
    until(lambda: three.app("split")["state"] in ("waiting", "degraded", "failed"), what="the application says that its camera has gone")
    assert "box-1" in three.app("split")["why"] or three.app("split")["why"]
    three.nodes["box-1"] = three.node("box-1")
    before = len(three.sequences("split.jsonl"))
    until(lambda: len(three.sequences("split.jsonl")) > before + 10, what="the camera is back")


def test_kill_of_the_controller_is_not_noticed(three, camera_clip):
    three.apply("people", [DECODE, MOTION, sink()], sources=[camera(camera_clip)])
    three.running("people")
    before = three.app("people")
    three.control.kill()
    three.grows("out.jsonl", by=30)  # three leases and more
    done = three.cli("get", "nodes", status=69)
    assert "cannot reach controller" in done.stderr
    restart_controller(three)
    three.nodes_ready(*three.nodes)
    three.running("people")
    after = three.app("people")
    assert (after["version"], after["nodes"]) == (before["version"], before["nodes"])
    three.grows("out.jsonl")
    sequences = three.sequences("out.jsonl")
    assert sequences == list(range(sequences[0], sequences[0] + len(sequences))), "a frame was lost or came twice"


def test_a_node_restarts_without_its_controller(three, camera_clip):
    three.apply("people", [DECODE, sink()], sources=[camera(camera_clip, node="box-2")])
    three.running("people")
    three.control.kill()
    three.nodes["box-2"].kill()
    three.nodes["box-2"] = three.node("box-2")
    three.grows("out.jsonl", by=10)
    assert "from memory" in three.nodes["box-2"].text()
    restart_controller(three)
    three.running("people")


def test_second_signal_ends_at_once(fleet, camera_clip):
    node = fleet.node("solo", embedded=True, drain_seconds=600, move_seconds=600)
    fleet.apply("people", [DECODE, sink()], sources=[camera(camera_clip)])
    fleet.running("people")
    node.process.send_signal(signal.SIGTERM)
    until(lambda: "draining" in node.text() or node.process.poll() is not None)
    if node.process.poll() is None:
        node.process.send_signal(signal.SIGTERM)
    node.process.wait(timeout=20)


def mounted(folder, size):
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"no tmpfs can be mounted here: {done.stderr.strip()}")


def test_a_full_disk_is_said_and_nothing_is_lost(fleet, camera_clip, tmp_path):
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small tmpfs")
    small = tmp_path / "small"
    mounted(small, "2m")
    try:
        fleet.node("solo", embedded=True, state=str(small / "state"))
        fleet.apply("people", [DECODE, sink()], sources=[camera(camera_clip)])
        fleet.running("people")
        with open(small / "filler", "wb", buffering=0) as filler:
            for piece in (4096, 512, 1):
                try:
                    while True:
                        filler.write(b"x" * piece)
                except OSError:
                    pass

        def refused():
            done = fleet.apply("more", [DECODE, {"type": "track", "name": "t" * 60}, sink("more.jsonl")], sources=[camera(camera_clip)], status=None)
            return done if done.returncode != 0 else fleet.cli("delete", "app", "more", status=None) and None

        done = until(refused, what="an apply that cannot be stored")
        assert any(word in done.stderr.lower() for word in ("disk", "full", "space")), done.stderr
        fleet.grows("out.jsonl")
        (small / "filler").unlink()
        fleet.apply("more", [DECODE, sink("more.jsonl")], sources=[camera(camera_clip)])
        fleet.running("people", "more")
    finally:
        fleet.close()
        subprocess.run(["umount", "-l", str(small)], check=False, capture_output=True)
