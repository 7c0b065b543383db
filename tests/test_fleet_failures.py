"""What happens when something dies: nodes, the controller, a disk; docs/when-things-die.md promises it."""

import json
import os
import pathlib
import signal
import subprocess
import threading
import time

import pytest

from fleet import DECODE, Etcd, call, camera, free_port, sink, until

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


@pytest.mark.parametrize("to", ["box-3", "box-4"], ids=["to_the_sink", "to_a_third"])
def test_the_gap_of_a_moved_module_is_reported(fleet, camera_clip, to):
    """Camera and sink live on while the module between them dies: what the sink misses is what the application reports, to the frame."""
    fleet.controller(lease_seconds=1)
    nodes = {name: fleet.node(name) for name in ("box-1", "box-2", "box-3", "box-4")}
    fleet.nodes_ready(*nodes)
    fleet.label("box-2", kind="middle")
    modules = [{**DECODE, "node": "box-1"}, {**MOTION, "labels": {"kind": "middle"}}, sink("split.jsonl", node="box-3")]
    fleet.apply("split", modules, sources=[camera(camera_clip, node="box-1")])
    fleet.running("split")
    fleet.grows("split.jsonl", by=20)
    assert (fleet.app("split")["gaps"], fleet.missing("split.jsonl")) == (0, 0)
    nodes["box-2"].kill()
    fleet.label(to, kind="middle")  # only now: while it had a choice it could move by itself
    runs_on(fleet, to)
    fleet.grows("split.jsonl", by=10)
    gap_is_reported(fleet)
    assert fleet.missing("split.jsonl") > 0, "nothing is missing, so this test shows nothing"
    assert "lost on the way between nodes" in fleet.log(application="split")
    # It moves back while all live: what has gone stays counted, and is not counted again.
    fleet.node("box-2")
    fleet.nodes_ready("box-2")
    fleet.label(to, kind="end")
    runs_on(fleet, "box-2")
    fleet.grows("split.jsonl", by=10)
    gap_is_reported(fleet)


def runs_on(fleet, node):
    until(lambda: [r["node"] for r in fleet.get("replicas") if r["type"] == "motion"] == [node], what=f"the module runs on {node}")


def gap_is_reported(fleet):
    until(lambda: fleet.app("split")["gaps"] == fleet.missing("split.jsonl"), 10, what=f"missing are {fleet.missing('split.jsonl')}")


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


@pytest.mark.parametrize("first,second", [(signal.SIGTERM, signal.SIGTERM), (signal.SIGTERM, signal.SIGINT)], ids=["term", "int"])
def test_a_second_signal_ends_at_once(fleet, camera_clip, first, second):
    node = fleet.node("solo", embedded=True, drain_seconds=600, move_seconds=600)
    fleet.apply("people", [DECODE, sink()], sources=[camera(camera_clip)])
    fleet.running("people")
    node.process.send_signal(first)
    until(lambda: "draining; once more to stop at once" in node.text())
    assert node.process.poll() is None, "it waits for the controller to move things away"
    node.process.send_signal(second)
    assert node.process.wait(timeout=1) == -second  # ended by that signal, as a shell's 128 + number says
    assert "has ended" not in node.text()


@pytest.fixture
def etcd(tmp_path):
    if not pathlib.Path(Etcd.PROGRAM).exists():
        pytest.skip("etcd is not installed (package etcd-server)")
    started = Etcd(tmp_path / "etcd")
    yield started
    started.close()


@pytest.fixture
def two(fleet, etcd):
    """Two controllers on one etcd, of which one leads, and two nodes that know both."""
    fleet.store = f"etcd:{etcd.url}"
    fleet.control = {"one": fleet.controller("one", store=fleet.store, listen=f"127.0.0.1:{free_port()}")}  # a port that others can be told
    assert until(lambda: leader(fleet, "one"), what="one leads") == "one"
    fleet.control["two"] = fleet.controller("two", store=fleet.store, listen=f"127.0.0.1:{free_port()}")
    fleet.url = fleet.control["one"].url
    for name in ("box-1", "box-2"):
        fleet.node(name, controllers=[c.url for c in fleet.control.values()])
    fleet.nodes_ready("box-1", "box-2")
    return fleet


def leader(fleet, asked):
    """The leader's name, as one of the controllers says."""
    told = call(f"{fleet.control[asked].url}/api/fleet")[1]["controller"]
    return asked if told["leader"] else told["leader_name"]


def test_who_stands_by_says_who_leads(two, camera_clip):
    standby = two.control["two"].url
    assert until(lambda: leader(two, "two"), what="two knows the leader") == "one"
    status, answer = call(f"{standby}/api/fleet/apps")
    message = answer["error"]["message"]
    port = two.control["one"].url.rsplit(":", 1)[1]
    assert status == 503 and "two stands by" in message and port in json.dumps(answer["error"]) and "\n" not in message, answer
    two.url = standby
    refused = two.cli("get", "apps", status=69)
    assert port in refused.stderr and len(refused.stderr.strip().splitlines()) == 1
    two.url = f"{standby},{two.control['one'].url}"  # who knows both is served
    two.apply("people", [DECODE, sink()], sources=[camera(camera_clip)])
    two.running("people")
    assert call(f"{standby}/health/ready")[0] == 200


def test_kill_of_the_leader_hands_over_and_nobody_notices(two, camera_clip):
    two.apply("people", [DECODE, MOTION, sink()], sources=[camera(camera_clip)])
    two.running("people")
    before = two.app("people")
    stop = threading.Event()

    def load():  # people and scripts that ask all the while
        while not stop.is_set():
            for controller in two.control.values():
                try:
                    call(f"{controller.url}/api/fleet/apps/people")
                except OSError:
                    pass
            stop.wait(0.05)

    asking = threading.Thread(target=load)
    asking.start()
    try:
        two.control["one"].kill()
        killed = time.monotonic()
        two.url = two.control["two"].url
        until(lambda: call(f"{two.url}/api/fleet")[1]["controller"]["leader"], what="two leads")
        took = time.monotonic() - killed
        assert took < 5, took  # 2 s are promised, by a machine that has nothing else to do: bench/failover.py
        two.nodes_ready("box-1", "box-2")
        two.apply("more", [DECODE, sink("more.jsonl")], sources=[camera(camera_clip)])
        two.running("people", "more")
    finally:
        stop.set()
        asking.join(30)
    after = two.app("people")
    assert (after["version"], after["nodes"], after["created"]) == (before["version"], before["nodes"], before["created"])
    two.grows("out.jsonl", by=10)
    assert two.missing("out.jsonl") == 0 and two.app("people")["gaps"] == 0
    assert len(two.writers("out.jsonl")) == 1
    assert "controller two leads" in two.log()
    two.cli("delete", "app", "more")
    # The one that was killed comes back and stands by.
    two.control["one"] = two.controller("one", store=two.store)
    assert until(lambda: leader(two, "one"), what="one stands by") == "two"


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
