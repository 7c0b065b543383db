"""Nonsense for a fleet: each gets one clear line and the right exit status (sysexits.h), and what runs goes on."""

import json
import pathlib
import socket
import subprocess

import pytest

from fleet import DECODE, Process, call, camera, sink, until

USAGE, DATA, NO_INPUT, UNAVAILABLE, IO, NO_PERMISSION, CONFIG = 64, 65, 66, 69, 74, 77, 78
CERTIFICATES = pathlib.Path(__file__).resolve().parents[1] / "tools" / "dev" / "certificates.sh"


def says(done, status, *words):
    assert done.returncode == status, done.stdout + done.stderr
    lines = [line for line in done.stderr.splitlines() if all(word.lower() in line.lower() for word in words)]
    assert lines, f"no line holds {words}:\n{done.stderr}"
    assert "terminate called" not in done.stderr


@pytest.fixture
def solo(fleet):
    fleet.solo = fleet.node("solo", embedded=True)
    fleet.nodes_ready("solo")
    return fleet


def write(fleet, text, name="wrong.yaml"):
    (fleet.folder / name).write_text(text)
    return name


def test_faults_of_an_application_all_at_once(solo):
    file = write(solo, "application: people\nmodules:\n  - type: decode\n  - type: detekt\n  - {type: jsonl, path: a, flushms: 3}\n")
    done = solo.cli("apply", "-f", file, status=None)
    says(done, CONFIG, "wrong.yaml:4", "detekt", "detect")
    says(done, CONFIG, "wrong.yaml:5", "flushms", "flush_ms")
    assert solo.get("apps") == []


@pytest.mark.parametrize("text, word", [("application: [", "wrong.yaml:"), ("just words", "application"), ("", "nothing"), ("application: a\napplication: b\n", "wrong.yaml:2"), ("a: &x [*x]\n", "wrong.yaml"), ("\x00\x01\x02", "wrong.yaml")])
def test_nonsense_instead_of_yaml(solo, text, word):
    says(solo.cli("apply", "-f", write(solo, text), status=None), CONFIG, word)


def test_missing_file(solo):
    says(solo.cli("apply", "-f", "none.yaml", status=None), NO_INPUT, "none.yaml")


def test_one_wrong_of_two_changes_nothing(solo, camera_clip):
    good = solo.write("good", [DECODE, sink()], sources=[camera(camera_clip)])
    bad = solo.write("bad", [{"type": "nothing"}])
    says(solo.cli("apply", "-f", good, "-f", bad, status=None), CONFIG, "nothing")
    assert solo.get("apps") == []


def test_an_objective_that_cannot_be_kept(solo, camera_clip):
    asked = {"objective": {"min_fps": 1000}, "sources": [camera(camera_clip)]}
    done = solo.apply("greedy", [DECODE, sink()], status=None, **asked)
    says(done, CONFIG, "greedy", "cannot keep", "the best is")
    assert solo.get("apps") == []
    assert solo.cli("diff", "-f", "greedy.yaml", status=1)
    solo.apply("greedy", [DECODE, sink()], arguments=["--force"], **asked)
    solo.running("greedy")
    until(lambda: solo.app("greedy")["met"] is False, what="it is said not to be kept")


def test_names_that_are_not_there(solo, camera_clip):
    solo.apply("people", [DECODE, sink()], sources=[camera(camera_clip)])
    says(solo.cli("get", "apps", "poeple", status=None), NO_INPUT, "poeple", "people")
    says(solo.cli("delete", "app", "poeple", status=None), NO_INPUT, "poeple", "people")
    says(solo.cli("set", "people", "decod", "max_width=320", status=None), NO_INPUT, "decod", "decode")
    says(solo.cli("set", "people", "decode", "max_witdh=320", status=None), CONFIG, "max_witdh", "max_width")
    says(solo.cli("drain", "sole", status=None), NO_INPUT, "sole", "solo")
    says(solo.cli("get", "nods", status=None), USAGE, "nods", "nodes")
    says(solo.cli("delete", "node", "solo", status=None), USAGE, "solo", "alive")


def test_no_controller(fleet):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    says(fleet.cli("get", "nodes", "--controller", f"http://127.0.0.1:{port}", status=None), UNAVAILABLE, "cannot reach controller", str(port))
    says(fleet.cli("get", "nodes", "--controller", "nonsense", status=None), USAGE, "nonsense")


def test_a_node_is_no_controller(solo):
    solo.node("guest")
    guest = solo.processes[-1]
    says(solo.cli("get", "nodes", "--controller", guest.url, status=None), UNAVAILABLE, "guest", "does not control", solo.solo.url)


def test_two_nodes_of_one_name(solo, camera_clip):
    solo.node("twin")
    solo.nodes_ready("solo", "twin")
    second = Process(solo.binary, "node", "twin", {"listen": "127.0.0.1:0", "name": "twin", "state": str(solo.folder / "second"), "controllers": [solo.url]}, solo.folder / "other")
    solo.processes.append(second)
    second.wait_up()
    until(lambda: "refuses this node" in second.text() and "twin" in second.text(), what="the second is refused by name")
    assert [n["state"] for n in solo.get("nodes", "twin")] == ["ready"]


def test_a_node_of_another_protocol(solo):
    status, answer = call(f"{solo.url}/api/fleet/nodes/future/report", "POST", {"node": "future", "epoch": "1", "version": "9.9.9", "protocol": 99})
    assert status == 409, answer
    message = answer["error"]["message"]
    assert "future" in message and "99" in message and "1" in message
    assert "future" not in {n["name"] for n in solo.get("nodes") if n["state"] == "ready"}


@pytest.mark.parametrize("body", [[], {"node": "other", "epoch": "1", "protocol": 1}, {"node": "x", "epoch": "1", "protocol": 1, "cores": "many"}, {"node": "x", "epoch": "1", "protocol": 1, "cores": -1e308}])
def test_hostile_reports(solo, body):
    status, answer = call(f"{solo.url}/api/fleet/nodes/x/report", "POST", body)
    assert status in (400, 409), answer
    assert "\n" not in answer["error"]["message"]
    assert [n["name"] for n in solo.get("nodes")] == ["solo"]


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    folder = tmp_path_factory.mktemp("certificates")
    subprocess.run(["bash", CERTIFICATES, folder / "good", "controller", "node-1", "ann"], check=True, capture_output=True)
    subprocess.run(["bash", CERTIFICATES, folder / "other", "controller", "node-1"], check=True, capture_output=True)
    return folder


def tls(folder, name):
    return {"certificate": str(folder / f"{name}.pem"), "key": str(folder / f"{name}-key.pem"), "authority": str(folder / "authority.pem")}


def token(fleet, role, expires="1h"):
    made = fleet.cli("token", "create", "--key", fleet.folder / "tokens.key", "--name", role, "--role", role, "--expires", expires)
    path = fleet.folder / f"{role}-{expires}.token"
    path.write_text(made.stdout)
    return path


@pytest.fixture
def guarded(fleet, certificates):
    """A controller that takes TLS and tokens."""
    fleet.cli("token", "key", "tokens.key")
    fleet.certificates = certificates
    fleet.controller(tls=tls(certificates / "good", "controller"), tokens={"key": str(fleet.folder / "tokens.key"), "clock_skew_seconds": 0})
    port = fleet.url.rsplit(":", 1)[1]
    fleet.url = f"https://localhost:{port}"
    return fleet


def as_user(fleet, token_file, authority="good"):
    return ["--token-file", token_file, "--authority", fleet.certificates / authority / "authority.pem"]


def test_certificates_and_tokens(guarded):
    admin, viewer = token(guarded, "admin"), token(guarded, "viewer")
    guarded.cli("get", "nodes", *as_user(guarded, admin))
    says(guarded.cli("get", "nodes", *as_user(guarded, admin, "other"), status=None), NO_PERMISSION, "certificate")
    says(guarded.cli("get", "nodes", "--authority", guarded.certificates / "good" / "authority.pem", status=None), NO_PERMISSION, "token")
    says(guarded.cli("drain", "box-1", *as_user(guarded, viewer), status=None), NO_PERMISSION, "admin")
    plain = guarded.url.replace("https", "http")
    says(guarded.cli("get", "nodes", "--controller", plain, status=None), USAGE, plain)
    (guarded.folder / "forged.token").write_text(viewer.read_text().strip()[:-4] + "AAAA\n")
    says(guarded.cli("get", "nodes", *as_user(guarded, guarded.folder / "forged.token"), status=None), NO_PERMISSION, "token")


def test_an_expired_token(guarded):
    short = token(guarded, "viewer", "1s")
    done = until(lambda: (lambda d: d if d.returncode else None)(guarded.cli("get", "nodes", *as_user(guarded, short), status=None)), what="the token expires")
    says(done, NO_PERMISSION, "token", "expired")


def test_a_node_with_a_wrong_certificate_is_told(guarded):
    node_token = token(guarded, "node")
    wrong = guarded.node("node-1", tls=tls(guarded.certificates / "other", "node-1"), token_file=str(node_token))
    until(lambda: "certificate" in wrong.text(), what="its log says why")
    wrong.terminate()
    right = guarded.node("node-1", tls=tls(guarded.certificates / "good", "node-1"), token_file=str(node_token))
    until(lambda: "controller control reached" in right.text(), what="the right one joins")
    viewer = token(guarded, "viewer")
    listed = json.loads(guarded.cli("get", "nodes", "-o", "json", *as_user(guarded, viewer)).stdout)["nodes"]
    assert [n["name"] for n in listed] == ["node-1"]
    assert until(lambda: right.terminate() == 0)


def start(fleet, kind, config):
    (fleet.folder / "x.yaml").write_text(json.dumps(config))
    return fleet.cli(kind, "--config", "x.yaml", status=None)


def test_settings_that_are_wrong(fleet):
    says(start(fleet, "node", {"listn": "127.0.0.1:0"}), CONFIG, "x.yaml:1", "listn", "listen")
    says(start(fleet, "node", {"listen": "nonsense"}), CONFIG, "nonsense", "HOST:PORT")
    says(start(fleet, "node", {"listen": "0.0.0.0:0", "state": "s"}), USAGE, "TLS")
    says(start(fleet, "node", {"name": "a b"}), CONFIG, "a b")
    says(start(fleet, "node", {"controllers": ["http://10.1.2.3:1"]}), CONFIG, "https://")
    says(start(fleet, "node", {"controllers": ["https://a:1"], "controller": {"lease_seconds": 1}}), CONFIG, "controller")
    says(start(fleet, "controller", {"lease_seconds": 0}), CONFIG, "lease_seconds")
    says(fleet.cli("controller", "--config", "none.yaml", status=None), NO_INPUT, "none.yaml")
    (fleet.folder / "file").write_text("")
    assert start(fleet, "node", {"listen": "127.0.0.1:0", "state": "file/below"}).returncode != 0


@pytest.mark.parametrize("kind", ["node", "controller"])
def test_the_examples_are_read(fleet, kind):
    # All of it is right but what is put in here.
    example = pathlib.Path(__file__).resolve().parents[1] / "apps" / "fleet" / f"{kind}.yaml"
    says(fleet.cli(kind, "--config", example, "--set", "listen=nonsense", status=None), CONFIG, "listen: 'nonsense' is no address")


def test_a_taken_port_and_a_taken_store(solo):
    port = solo.url.rsplit(":", 1)[1]
    says(start(solo, "controller", {"listen": f"127.0.0.1:{port}"}), UNAVAILABLE, port, "listen")
    says(start(solo, "controller", {"listen": "127.0.0.1:0", "store": str(solo.folder / "solo" / "state" / "controller.db")}), UNAVAILABLE, "controller.db")


def test_a_store_that_is_none(fleet):
    (fleet.folder / "c.db").write_bytes(b"this is no database" * 100)
    says(start(fleet, "controller", {"listen": "127.0.0.1:0", "store": "c.db"}), DATA, "c.db")
