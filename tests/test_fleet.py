"""A fleet from its command line: one node by itself, three nodes and a controller, what is shared, changed, drained and kept."""

import json
import pathlib
import signal
import subprocess

import pytest

from fleet import DECODE, call, camera, sink, until

MOTION = {"type": "motion", "gate": "none", "objects": True}


def test_one_node_by_itself(fleet, camera_clip):
    node = fleet.node("solo", embedded=True)
    fleet.nodes_ready("solo")
    dry = fleet.apply("people", [DECODE, sink()], arguments=["--dry-run"], sources=[camera(camera_clip)])
    assert "people: is new" in dry.stdout and "applied" not in dry.stdout
    assert fleet.get("apps") == []
    assert fleet.cli("diff", "-f", fleet.folder / "people.yaml", status=1).stdout.startswith("people: is new")
    done = fleet.apply("people", [DECODE, sink()], sources=[camera(camera_clip)])
    assert "people: applied, version 1" in done.stdout
    fleet.running("people")
    fleet.grows("out.jsonl")
    assert "nothing changes" in fleet.cli("diff", "-f", fleet.folder / "people.yaml").stdout
    assert "nothing changes" in fleet.cli("apply", "-f", fleet.folder / "people.yaml").stdout
    assert fleet.app("people")["version"] == 1
    for what in ("nodes", "apps", "replicas", "streams", "links"):
        fleet.cli("get", what)
        fleet.cli("get", what, "-o", "wide")
    assert fleet.get("streams")[0]["name"] == "yard"
    assert call(node.url + "/health/ready") == (200, {"ready": True, "reasons": []})
    fleet.cli("stop", "people")
    until(lambda: fleet.app("people")["state"] == "stopped" and fleet.get("replicas") == [], what="stopped")
    fleet.cli("start", "people")
    fleet.grows("out.jsonl")
    assert "removed" in fleet.cli("delete", "app", "people").stdout
    assert fleet.get("apps") == []
    until(lambda: fleet.get("replicas") == [], what="its modules have gone")
    assert node.terminate() == 0


def test_a_restart_keeps_what_was_wanted(fleet, camera_clip):
    node = fleet.node("solo", embedded=True)
    fleet.apply("people", [DECODE, sink()], sources=[camera(camera_clip)])
    fleet.running("people")
    before = fleet.app("people")
    assert node.terminate() == 0, node.text()
    again = fleet.node("solo", embedded=True)
    fleet.running("people")
    after = fleet.app("people")
    assert (after["version"], after["created"]) == (before["version"], before["created"])
    again.kill()
    fleet.node("solo", embedded=True)
    fleet.running("people")
    assert fleet.app("people")["version"] == before["version"]


def test_what_two_have_in_common_runs_once_and_changes_disturb_nobody(fleet, camera_clip):
    fleet.node("solo", embedded=True)
    fleet.apply("steady", [DECODE, MOTION, sink("steady.jsonl")], sources=[camera(camera_clip)])
    fleet.running("steady")
    done = fleet.apply("other", [DECODE, MOTION, sink("other.jsonl")], sources=[camera(camera_clip)])
    assert "shared with steady" in done.stdout
    fleet.running("other")
    motion = [r for r in fleet.get("replicas") if r["type"] == "motion"]
    assert len(motion) == 1 and {u["application"] for u in motion[0]["users"]} == {"steady", "other"}
    assert fleet.app("other")["shared_with"] == ["steady"]
    # Settings of the other one, several times: it gets a module of its own, and the first loses nothing.
    for area in ("0.002", "0.003"):
        changed = fleet.cli("set", "other", "motion", f"min_area={area}")
        assert "motion.min_area: " in changed.stdout and area in changed.stdout
        fleet.grows("other.jsonl", by=3)
    fleet.apply("other", [DECODE, MOTION, {"type": "track"}, sink("other.jsonl")], sources=[camera(camera_clip)])
    fleet.grows("other.jsonl", by=3)
    fleet.cli("delete", "app", "other")
    fleet.grows("steady.jsonl")
    sequences = fleet.sequences("steady.jsonl")
    assert sequences == list(range(sequences[0], sequences[0] + len(sequences))), "a frame of the other application was lost or came twice"
    assert fleet.app("steady")["gaps"] == 0


def test_a_change_that_fails_leaves_the_old_one_running(fleet, camera_clip, tmp_path):
    fleet.node("solo", embedded=True)
    fleet.apply("people", [DECODE, sink()], sources=[camera(camera_clip)])
    fleet.running("people")
    # It reads well, but no node can start it: the file cannot be written.
    (tmp_path / "blocked").write_text("")
    fleet.apply("people", [DECODE, sink(str(tmp_path / "blocked" / "out.jsonl"))], sources=[camera(camera_clip)], status=None)
    until(lambda: "blocked" in fleet.log(), what="the log says why")
    fleet.grows("out.jsonl")


@pytest.fixture
def three(fleet):
    fleet.controller(lease_seconds=1)
    for name in ("box-1", "box-2", "box-3"):
        fleet.node(name)
    fleet.nodes_ready("box-1", "box-2", "box-3")
    return fleet


def test_three_nodes(three, camera_clip):
    for number in (1, 2, 3):
        three.apply(f"app-{number}", [DECODE, {**MOTION, "min_area": 0.001 * number}, sink(f"app-{number}.jsonl")], sources=[camera(camera_clip, f"cam-{number}", node=f"box-{number}")])
    three.running("app-1", "app-2", "app-3")
    nodes = {stream["name"]: stream["node"] for stream in three.get("streams")}
    assert nodes == {f"cam-{number}": f"box-{number}" for number in (1, 2, 3)}
    assert "box-2" in three.cli("get", "nodes").stdout
    traces = until(lambda: json.loads(three.cli("traces", "app-1", "-o", "json").stdout)["traces"], what="traces")
    assert {"source", "execute"} <= {span["kind"] for span in traces[0]["spans"]}
    assert "=" in three.cli("traces", "app-1").stdout


def test_modules_apart_from_their_camera(three, camera_clip):
    three.apply("split", [DECODE, {**MOTION, "node": "box-2"}, sink("split.jsonl", node="box-3")], sources=[camera(camera_clip, node="box-1")])
    three.running("split")
    three.grows("split.jsonl", by=20)
    assert three.writers("split.jsonl") == {"box-3"}
    links = {(link["from"], link["to"]) for link in three.get("links") if link["sent"] > 0}
    assert ("box-2", "box-3") in links and any(pair[0] == "box-1" for pair in links)
    sequences = three.sequences("split.jsonl")
    assert sequences == sorted(set(sequences)), "no duplicate, in order"


def test_drain_moves_work_away(three, camera_clip):
    three.apply("people", [DECODE, sink()], sources=[camera(camera_clip)])
    three.running("people")
    at = three.app("people")["nodes"]
    for name in at:
        assert "drained" in three.cli("drain", name, "--wait", 60, timeout=120).stdout
    until(lambda: three.app("people")["nodes"] and not set(at) & set(three.app("people")["nodes"]), what="it runs elsewhere")
    three.grows("out.jsonl", nodes=three.app("people")["nodes"])
    assert {n["name"] for n in three.get("nodes") if n["state"] == "drained"} == set(at)
    for name in at:
        three.cli("undrain", name)
    three.nodes_ready(*at)


def test_sigterm_drains(three, camera_clip):
    three.apply("people", [DECODE, sink()], sources=[camera(camera_clip)])
    three.running("people")
    at = three.app("people")["nodes"][0]
    node = next(p for p in three.processes if p.name == at)
    assert node.terminate() == 0, node.text()
    until(lambda: three.app("people")["nodes"] and at not in three.app("people")["nodes"], what="it runs elsewhere")
    three.running("people")
    three.grows("out.jsonl", nodes=three.app("people")["nodes"])


def test_export_and_apply_again(three, camera_clip):
    for name in ("one", "two"):
        three.apply(name, [DECODE, MOTION, sink(f"{name}.jsonl")], sources=[camera(camera_clip)], objective={"min_fps": 1})
    three.cli("set", "one", "motion", "min_area=0.01")
    three.cli("export", "-o", "all.yaml")
    text = (three.folder / "all.yaml").read_text()
    assert "0.01" in text
    three.cli("diff", "-f", "all.yaml", status=0)
    three.cli("delete", "app", "one", "two")
    assert three.cli("apply", "-f", "all.yaml").stdout.count("applied") == 2
    assert three.cli("export").stdout == text
    three.running("one", "two")


def test_watching(three, camera_clip, binary):
    command = [binary, "get", "apps", "-w", "-o", "json", "--controller", three.url]
    watch = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    logs = subprocess.Popen([binary, "logs", "--follow", "-n", "0", "--controller", three.url], stdout=subprocess.PIPE, text=True)
    try:
        assert json.loads(watch.stdout.readline()) == {"applications": []}
        three.apply("people", [DECODE, sink()], sources=[camera(camera_clip)])
        while not json.loads(watch.stdout.readline())["applications"]:
            pass
        assert any("people" in logs.stdout.readline() for _ in range(20))
        for process in (watch, logs):
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=20) == 0
    finally:
        for process in (watch, logs):
            process.kill()
            process.wait(timeout=10)
            process.stdout.close()


def test_the_interface_is_described(three):
    status, document = call(three.url + "/api/openapi.json")
    assert status == 200
    assert {"/api/fleet/apps/{name}", "/api/fleet/nodes", "/api/fleet/watch"} <= set(document["paths"])


def test_the_three_sharing_applications(fleet, sample, vedette):
    """track-sort and roi, as they are in apps/, share source, decoder and detector."""
    if not any("nanodet-g-320" in line and "ready" in line for line in vedette("models", "list").stdout.splitlines()):
        pytest.skip("no model nanodet-g-320: see vedette models pull")
    fleet.node("solo", embedded=True)
    apps = pathlib.Path(__file__).resolve().parents[1] / "apps"
    for name in ("track-sort", "roi"):
        path = fleet.folder / f"{name}.yaml"
        path.write_text((apps / f"{name}.yaml").read_text() + f"\nsources:\n  - {{name: vtest, url: {sample}, loop: true, max_fps: 2}}\n")
        fleet.cli("apply", "-f", path)
    fleet.running("track-sort", "roi")
    detectors = [r for r in fleet.get("replicas") if r["type"] == "detect"]
    assert len(detectors) == 1 and {u["application"] for u in detectors[0]["users"]} == {"track-sort", "roi"}
