"""What other programs see of a fleet: the gRPC service from a client compiled out of control.proto, traces as a collector gets them."""

import collections
import http.server
import importlib
import json
import pathlib
import re
import subprocess
import sys
import threading

import grpc
import pytest

from fleet import DECODE, camera, sink, until

FLEET = pathlib.Path(__file__).resolve().parents[1] / "src" / "vedette" / "fleet"
MOTION = {"type": "motion", "gate": "none", "objects": True}


@pytest.fixture(scope="session")
def proto(tmp_path_factory):
    """The messages and the service, as protoc makes them of the repository's file."""
    folder = tmp_path_factory.mktemp("proto")
    command = [sys.executable, "-m", "grpc_tools.protoc", f"-I{FLEET}", f"--python_out={folder}", f"--grpc_python_out={folder}", "control.proto"]
    subprocess.run(command, check=True, timeout=60)
    sys.path.insert(0, str(folder))
    try:
        yield importlib.import_module("control_pb2"), importlib.import_module("control_pb2_grpc")
    finally:
        sys.path.remove(str(folder))


class Client:
    """Calls of the service with one token: client.ListNodes(), client.Apply(yaml=...)."""

    def __init__(self, proto, process, token=None):
        self.messages, services = proto
        address = until(lambda: re.search(r"gRPC on (\S+?),", process.text()), what="gRPC is up").group(1)
        self.channel = grpc.insecure_channel(address)
        self.stub = services.ControlStub(self.channel)
        self.metadata = [("authorization", f"Bearer {token}")] if token else []

    REQUESTS = {"Apply": "ApplyRequest", "Update": "UpdateRequest", "WatchLog": "WatchLogRequest"}
    BY_NAME = ("Delete", "Start", "Stop", "GetApplication", "Drain", "Undrain")

    def __getattr__(self, call):
        request = self.REQUESTS.get(call, "ByName" if call in self.BY_NAME else "Nothing")
        return lambda **fields: getattr(self.stub, call)(getattr(self.messages, request)(**fields), metadata=self.metadata, timeout=30)


def refused(code, call, *words, **fields):
    """The call fails with this status and one line that has these words."""
    with pytest.raises(grpc.RpcError) as failure:
        call(**fields)
    error = failure.value
    assert error.code() == code, error
    assert error.details() and "\n" not in error.details(), error.details()
    for word in words:
        assert word in error.details(), error.details()


@pytest.fixture
def clients(fleet, proto):
    """A controller with tokens, a node, and a client for each role."""
    fleet.cli("token", "key", "tokens.key")
    key = str(fleet.folder / "tokens.key")

    def token(role):
        return fleet.cli("token", "create", "--key", key, "--name", role, "--role", role, "--expires", "1h").stdout.strip()

    control = fleet.controller(grpc="127.0.0.1:0", tokens={"key": key})
    for name in ("box-1", "box-2"):
        path = fleet.folder / f"{name}.token"
        path.write_text(token("node"))
        fleet.node(name, token_file=str(path))
    made = {role: Client(proto, control, token(role)) for role in ("viewer", "operator", "admin")}
    made["nobody"] = Client(proto, control)
    made["forger"] = Client(proto, control, token("admin")[:-6] + "AAAAAA")
    until(lambda: {n.name for n in made["viewer"].ListNodes().nodes if n.state == "ready"} == {"box-1", "box-2"}, what="nodes ready")
    yield made
    for client in made.values():
        client.channel.close()


def test_all_that_grpc_offers(fleet, clients, camera_clip):
    admin, operator, viewer = clients["admin"], clients["operator"], clients["viewer"]
    assert viewer.GetFleet().controller.leader and viewer.GetFleet().nodes == 2
    path = fleet.write("people", [DECODE, MOTION, sink()], sources=[camera(camera_clip)])
    dry = operator.Apply(yaml=path.read_text(), dry_run=True)
    assert dry.dry_run and dry.changes and not viewer.ListApplications().applications
    done = operator.Apply(yaml=path.read_text(), origin="people.yaml")
    assert (done.application, done.version) == ("people", 1) and {c.kind for c in done.changes} >= {"application"}
    until(lambda: viewer.GetApplication(name="people").delivered > 5, what="frames come out")
    application = viewer.GetApplication(name="people")
    assert application.state == "running" and "motion" in application.yaml
    assert [m.name for m in application.graph.modules] == ["decode", "motion", "jsonl"]
    assert {r.type for r in viewer.ListReplicas().replicas} == {"decode", "motion", "jsonl"}
    assert [s.name for s in viewer.ListStreams().streams] == ["yard"]
    assert len(viewer.ListLinks().links) >= 0 and "people" in operator.Export().yaml

    changed = operator.Update(application="people", module="motion", settings_json='{"min_area": 0.005}')
    assert changed.version == 2 and [(c.name, c.to) for c in changed.changes] == [("motion.min_area", "0.005")], changed
    until(lambda: "0.005" in viewer.GetApplication(name="people").yaml)
    fleet.grows("out.jsonl")
    metrics = until(lambda: (lambda m: m if m.applications[0].latency.count else None)(viewer.Metrics()), what="latencies")
    assert metrics.applications[0].latency.p95 > 0 and {r.type for r in metrics.replicas} >= {"motion"}

    at = viewer.GetApplication(name="people").nodes[0]
    admin.Drain(name=at)
    until(lambda: [n.state for n in viewer.ListNodes().nodes if n.name == at] == ["drained"], what=f"{at} is drained")
    until(lambda: at not in viewer.GetApplication(name="people").nodes and viewer.GetApplication(name="people").delivered > 0, what="it runs elsewhere")
    admin.Undrain(name=at)
    until(lambda: [n.state for n in viewer.ListNodes().nodes if n.name == at] == ["ready"], what=f"{at} is back")

    operator.Stop(name="people")
    until(lambda: viewer.GetApplication(name="people").state == "stopped" and not viewer.ListReplicas().replicas, what="stopped")
    operator.Start(name="people")
    until(lambda: viewer.GetApplication(name="people").state == "running", what="started")
    lines = viewer.WatchLog(application="people", last=1000)
    assert "version 1 by operator" in next(lines).text
    lines.cancel()
    operator.Delete(name="people")
    until(lambda: not viewer.ListApplications().applications and not viewer.ListReplicas().replicas, what="deleted")


def test_whom_grpc_refuses(fleet, clients, camera_clip):
    path = fleet.write("people", [DECODE, sink()], sources=[camera(camera_clip)])
    yaml = path.read_text()
    refused(grpc.StatusCode.UNAUTHENTICATED, clients["nobody"].ListNodes, "token")
    refused(grpc.StatusCode.UNAUTHENTICATED, clients["forger"].ListNodes, "token")
    refused(grpc.StatusCode.UNAUTHENTICATED, lambda **k: list(clients["forger"].WatchLog(**k)), "token", last=1)
    refused(grpc.StatusCode.PERMISSION_DENIED, clients["viewer"].Apply, "operator", "viewer", yaml=yaml)
    refused(grpc.StatusCode.PERMISSION_DENIED, clients["operator"].Drain, "admin", "operator", name="box-1")
    assert not clients["viewer"].ListApplications().applications


@pytest.mark.parametrize("text,words", [
    ("", ["application"]), ("no: [closed", []), ("application: bad\nmodules: [{type: detetc}]", ["detetc", "detect"]),
    ("application: bad\nmodules: [{type: decode}, {type: motion, min_aera: 1}]", ["min_aera", "min_area"]), ("- a\n- list\n", []),
    ("application: " + "x" * 300_000, []),
], ids=["empty", "no_yaml", "module", "setting", "list", "long"])
def test_an_application_that_is_wrong(one_client, text, words):
    refused(grpc.StatusCode.INVALID_ARGUMENT, one_client.Apply, *words, yaml=text, origin="bad.yaml")
    assert not one_client.ListApplications().applications


def test_names_and_settings_that_are_wrong(one_client, fleet, camera_clip):
    path = fleet.write("people", [DECODE, sink()], sources=[camera(camera_clip)])
    one_client.Apply(yaml=path.read_text())
    for call in (one_client.Delete, one_client.Start, one_client.Stop, one_client.GetApplication):
        refused(grpc.StatusCode.NOT_FOUND, call, "poeple", "people", name="poeple")
    refused(grpc.StatusCode.NOT_FOUND, one_client.Drain, "sole", "solo", name="sole")
    refused(grpc.StatusCode.NOT_FOUND, one_client.Update, "decod", "decode", application="people", module="decod", settings_json='{"max_width": 320}')
    refused(grpc.StatusCode.INVALID_ARGUMENT, one_client.Update, application="people", module="decode", settings_json="{nonsense")
    refused(grpc.StatusCode.INVALID_ARGUMENT, one_client.Update, "max_witdh", application="people", module="decode", settings_json='{"max_witdh": 1}')
    greedy = fleet.write("greedy", [DECODE, sink()], objective={"min_fps": 1000}, sources=[camera(camera_clip)])
    refused(grpc.StatusCode.FAILED_PRECONDITION, one_client.Apply, "cannot keep", "the best is", yaml=greedy.read_text())


@pytest.fixture
def one_client(fleet, proto):
    """A node with a controller inside that also speaks gRPC."""
    client = Client(proto, fleet.node("solo", embedded=True, grpc="127.0.0.1:0"))
    yield client
    client.channel.close()


class Collector:
    """An OpenTelemetry collector: takes what is posted to /v1/traces."""

    def __init__(self):
        self.requests = []
        collector = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                collector.requests.append((self.path, self.headers, body))
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.thread.join(10)
        self.server.server_close()

    def spans(self):
        """(resource's attributes, span) of all requests."""
        for _, _, body in list(self.requests):
            for resource in json.loads(body)["resourceSpans"]:
                of = attributes(resource["resource"])
                for scope in resource["scopeSpans"]:
                    for span in scope["spans"]:
                        yield of, span


def attributes(of):
    return {a["key"]: next(iter(a["value"].values())) for a in of["attributes"]}


@pytest.fixture
def collector():
    started = Collector()
    yield started
    started.close()


def test_traces_of_frames_that_cross_nodes(fleet, camera_clip, collector):
    fleet.controller(otlp={"endpoint": collector.url, "token": "secret"})
    for name in ("box-1", "box-2"):
        fleet.node(name)
    fleet.nodes_ready("box-1", "box-2")
    fleet.apply("split", [DECODE, {**MOTION, "node": "box-2"}, sink("split.jsonl", node="box-2")], sources=[camera(camera_clip, node="box-1")])
    fleet.running("split")

    def whole():
        """Traces that have come altogether: from the source on one node to the sink on the other."""
        traces = collections.defaultdict(list)
        for of, span in collector.spans():
            traces[span["traceId"]].append((of, span))
        return [t for t in traces.values() if {"yard", "jsonl"} <= {part for _, s in t for part in s["name"].split()} and len({of["vedette.node"] for of, _ in t}) == 2]

    traces = until(lambda: (lambda found: found if len(found) >= 5 else None)(whole()), what=f"five traces: {len(collector.requests)} requests")
    path, headers, _ = collector.requests[0]
    assert path == "/v1/traces" and headers["Content-Type"].startswith("application/json") and headers["Authorization"] == "Bearer secret"
    for trace in traces[1:-1]:
        check(trace)


def check(trace):
    spans = {span["spanId"]: span for _, span in trace}
    assert len(spans) == len(trace), "a span id twice"
    assert all(re.fullmatch("[0-9a-f]{32}", s["traceId"]) and re.fullmatch("[0-9a-f]{16}", s["spanId"]) for s in spans.values())
    roots = [s for s in spans.values() if "parentSpanId" not in s]
    assert len(roots) == 1, [s["name"] for s in roots]
    root = roots[0]
    for of, span in trace:
        assert of["service.name"] == "vedette" and of["service.instance.id"] == of["vedette.node"] and of["service.version"]
        own = attributes(span)
        assert own["vedette.stream"] == "yard" and own["vedette.sequence"] == attributes(root)["vedette.sequence"]
        start, end = int(span["startTimeUnixNano"]), int(span["endTimeUnixNano"])
        assert int(root["startTimeUnixNano"]) <= start + 1_000_000 and start <= end
        if span is not root:
            assert span["parentSpanId"] in spans, f"{span['name']} has a parent that never came"
            assert int(spans[span["parentSpanId"]]["startTimeUnixNano"]) <= start + 1_000_000, f"{span['name']} begins before its parent"
    on = collections.defaultdict(set)
    for of, span in trace:
        on[of["vedette.node"]].add(attributes(span)["vedette.kind"])
    assert "source" in on["box-1"] and "execute" in on["box-2"] and "receive" in on["box-2"], dict(on)
    assert on["box-1"] & {"send", "serialise"}, dict(on)


def test_a_collector_that_is_away_costs_nobody_anything(fleet, camera_clip, collector):
    collector.close()
    node = fleet.node("solo", embedded=True, controller={"otlp": {"endpoint": collector.url}})
    fleet.apply("people", [DECODE, sink()], sources=[camera(camera_clip)])
    fleet.running("people")
    until(lambda: "traces are dropped" in node.text(), what="the log says so")
    fleet.grows("out.jsonl")
    assert fleet.missing("out.jsonl") == 0
