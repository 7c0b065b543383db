"""Who may what at a broker with mutual TLS, tokens and access.yaml, by calls that anybody could make."""

import json
import pathlib
import subprocess
import time

import grpc
import pytest
from broker_wire import Wire, jpeg, refusal, refused, until
from brokers import Brokers

Code = grpc.StatusCode
CERTIFICATES = pathlib.Path(__file__).resolve().parents[1] / "tools" / "dev" / "certificates.sh"
ACCESS = """
rules:
  - { token: "north-*", cameras: ["yard/*"] }
  - { token: "guard", cameras: ["yard/*"], history: false }
  - { token: "wall", cameras: ["yard/*"], max_side_px: 160 }
  - { token: "archive", cameras: ["yard/*"], live: false }
  - { token: "recorder", cameras: ["yard/*"], publish: true }
"""


@pytest.fixture
def brokers(binary, tmp_path):
    started = Brokers(binary, tmp_path)
    yield started
    started.close()


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    folder = tmp_path_factory.mktemp("certificates")
    subprocess.run([CERTIFICATES, folder, "server", "client"], check=True, capture_output=True, timeout=60)
    subprocess.run([CERTIFICATES, folder / "other", "stranger"], check=True, capture_output=True, timeout=60)
    subprocess.run([CERTIFICATES, "--days", "-3", folder, "old"], check=True, capture_output=True, timeout=60)
    return folder


class Secured:
    """A broker that wants tokens, and makes them."""

    def __init__(self, brokers, binary, folder, **settings):
        self.binary, self.key, self.revoked = binary, folder / "tokens.key", folder / "revoked"
        self.run("token", "key", self.key)
        self.revoked.write_text("")
        (folder / "access.yaml").write_text(ACCESS)
        self.address = brokers.start(
            "one", tokens__key=self.key, tokens__revoked=self.revoked, tokens__clock_skew_seconds=0,
            access=folder / "access.yaml", **settings,
        )  # fmt: skip

    def run(self, *arguments):
        done = subprocess.run([self.binary, *map(str, arguments)], check=True, capture_output=True, text=True, timeout=30)
        return done.stdout.strip()

    def token(self, name, role="viewer", expires="1h"):
        return self.run("token", "create", "--key", self.key, "--name", name, "--role", role, "--expires", expires)

    def revoke(self, token):
        self.revoked.write_text(json.loads(self.run("token", "show", token))["id"] + "\n")

    def wire(self, name, role="viewer", **more):
        return Wire(self.address, self.token(name, role, **more))


@pytest.fixture
def secured(brokers, binary, tmp_path):
    return Secured(brokers, binary, tmp_path)


def test_mutual_tls(brokers, certificates):
    server = {kind: certificates / name for kind, name in
              [("tls__certificate", "server.pem"), ("tls__key", "server-key.pem"), ("tls__authority", "authority.pem")]}
    address = brokers.start("one", **server)
    authority = certificates / "authority.pem"
    with Wire(address, tls=(authority, certificates / "client-key.pem", certificates / "client.pem")) as wire:
        assert wire.connect().version == 1
        assert wire.publish("gate", [(jpeg(), 1000)]).frames == 1
        for shown in [
            (authority, None, None),
            (authority, certificates / "other" / "stranger-key.pem", certificates / "other" / "stranger.pem"),
            (authority, certificates / "old-key.pem", certificates / "old.pem"),
            (certificates / "other" / "authority.pem", certificates / "client-key.pem", certificates / "client.pem"),
        ]:
            with Wire(address, tls=shown) as stranger:
                code, line = refusal(stranger.connect)
                assert code == Code.UNAVAILABLE and line
        with Wire(address) as plain:
            assert refusal(plain.connect)[0] == Code.UNAVAILABLE
        assert wire.cameras() == ["gate"], "the right one is still served"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"tls.key": "client-key.pem"}, "server.pem"),
        ({"tls.certificate": "old.pem", "tls.key": "old-key.pem"}, "old.pem"),
        ({"tls.authority": "nothing.pem"}, "nothing.pem"),
        ({"tls.authority": ""}, "authority"),
    ],
)
def test_wrong_certificates_of_the_broker_itself(binary, certificates, changed, said):
    files = {"tls.certificate": "server.pem", "tls.key": "server-key.pem", "tls.authority": "authority.pem", **changed}
    arguments = ["--set", "listen=127.0.0.1:0"]
    for key, name in files.items():
        arguments += ["--set", f"{key}={certificates / name if name else ''}"]
    done = subprocess.run([binary, "broker", *arguments], check=False, capture_output=True, text=True, timeout=30)
    assert done.returncode != 0 and said in done.stderr and "terminate" not in done.stderr


def test_no_token_and_no_good_one(secured):
    good = secured.token("north-1")
    for token, said in [("", "a token is needed"), ("vdt_nonsense", ""), (good[:-4] + "AAAA", "")]:
        with Wire(secured.address, token) as wire:
            for call in (wire.connect, wire.cameras, lambda w=wire: w.publish("yard/1", [(jpeg(), 1)])):
                code, line = refusal(call)
                assert code == Code.UNAUTHENTICATED and said in line
            code, line = refused(wire.subscribe("yard/1"))
            assert code == Code.UNAUTHENTICATED and said in line


def test_a_token_that_expires(secured):
    with secured.wire("north-1", expires="2s") as wire, secured.wire("root", "admin") as root, root.live("yard/1"):
        events = wire.subscribe("yard/1")
        events.frames(2)
        assert events.wait("end", 10).reason == wire.pb.End.TOKEN_ENDED
        code, line = refusal(wire.connect)
        assert code == Code.UNAUTHENTICATED and "expired" in line


def test_a_token_that_is_revoked_ends_subscriptions_and_publications(secured):
    recorder, viewer = secured.token("recorder"), secured.token("north-1")
    with Wire(secured.address, recorder) as camera, Wire(secured.address, viewer) as wire, camera.live("yard/1") as live:
        events = wire.subscribe("yard/1")
        events.frames(2)
        secured.revoke(viewer)
        began = time.monotonic()
        assert events.wait("end").reason == wire.pb.End.TOKEN_ENDED
        assert time.monotonic() - began < 2
        assert refusal(wire.connect)[0] == Code.UNAUTHENTICATED
        assert not live.call.done()
        secured.revoke(recorder)
        until(live.call.done)
        assert live.call.code() == Code.PERMISSION_DENIED and "token has ended" in live.call.details()


def test_cameras_that_are_not_for_a_token_are_not_there(secured):
    with secured.wire("root", "admin") as root, secured.wire("north-1") as wire, secured.wire("nobody") as nobody:
        for camera in ("yard/1", "gate"):
            root.publish(camera, [(jpeg(), 1000)])
        assert root.cameras() == ["gate", "yard/1"]
        assert wire.cameras() == ["yard/1"] and nobody.cameras() == []
        assert wire.subscribe("yard/1", begin_ns=0).frames(1)
        for call in (lambda: wire.camera("gate"), lambda: nobody.camera("yard/1")):
            assert refusal(call)[0] == Code.NOT_FOUND
        code, line = refused(wire.subscribe("gate"))
        assert code == Code.NOT_FOUND and "gate" in line


def test_live_only(secured):
    with secured.wire("root", "admin") as root, secured.wire("guard") as wire:
        root.publish("yard/1", [(jpeg(i), 1000 + i) for i in range(200)])
        code, line = refused(wire.subscribe("yard/1", begin_ns=1000 * 10**9))
        assert code == Code.PERMISSION_DENIED and "only live" in line
        # Resuming is no way around it.
        epoch = wire.camera("yard/1").epoch
        for way in ({"after_epoch": epoch}, {"after_epoch": 1, "after_ns": 1000 * 10**9}, {}):
            events = wire.subscribe("yard/1", after_sequence=1, max_behind=100_000, **way)
            assert events.wait("frame").sequence >= 192
            events.cancel()


def test_the_past_only(secured):
    with secured.wire("root", "admin") as root, secured.wire("archive") as wire:
        root.publish("yard/1", [(jpeg(i), 1000 + i) for i in range(3)])
        code, line = refused(wire.subscribe("yard/1"))
        assert code == Code.PERMISSION_DENIED and "only in the past" in line
        assert refused(wire.subscribe("yard/1", begin_ns=0))[0] == Code.PERMISSION_DENIED, "it would go on into the present"
        assert len(wire.subscribe("yard/1", begin_ns=0, end_ns=2000 * 10**9).frames(3)) == 3


def test_only_so_large(secured):
    with secured.wire("root", "admin") as root, secured.wire("wall") as wire:
        root.publish("yard/1", [(jpeg(i, 640, 480), 1000 + i) for i in range(3)])
        for asked in (0, 640):
            code, line = refused(wire.subscribe("yard/1", begin_ns=0, max_side_px=asked))
            assert code == Code.PERMISSION_DENIED and "at most 160 pixels" in line
        frame = wire.subscribe("yard/1", begin_ns=0, max_side_px=160).frames(1)[0]
        assert max(frame.width, frame.height) == 160


def test_publishing_and_what_is_between_brokers(secured):
    with secured.wire("north-1") as viewer, secured.wire("recorder") as recorder, secured.wire("edge", "node") as node:
        code, line = refusal(lambda: viewer.publish("yard/1", [(jpeg(), 1000)]))
        assert code == Code.PERMISSION_DENIED and "may not publish" in line
        assert recorder.publish("yard/1", [(jpeg(), 1000)]).frames == 1
        assert refusal(lambda: recorder.publish("gate", [(jpeg(), 1000)]))[0] == Code.PERMISSION_DENIED
        register = viewer.pb.RegisterRequest(broker="edge", address="127.0.0.1:9")
        for wire in (viewer, recorder):
            code, line = refusal(lambda w=wire: w.call("Register", register))
            assert code == Code.PERMISSION_DENIED and "role node" in line
            assert refusal(lambda w=wire: w.call("Unregister", w.pb.UnregisterRequest(broker="edge")))[0] == code
            replicas = wire.stub.Replicate(wire.pb.ReplicateRequest(broker="x"), metadata=wire.metadata)
            assert refusal(lambda r=replicas: next(r))[0] == code
        assert node.call("Register", register).lease_ms > 0


def test_a_subscription_belongs_to_its_token(secured):
    with secured.wire("recorder") as recorder, secured.wire("north-1") as mine, secured.wire("north-2") as other:
        with recorder.live("yard/1"):
            events = mine.subscribe("yard/1")
            events.frames(1)
            unsubscribe = other.pb.UnsubscribeRequest(subscription=events.id)
            assert refusal(lambda: other.call("Unsubscribe", unsubscribe))[0] == Code.NOT_FOUND
            assert refusal(lambda: other.set_target(events, latency_ms=10))[0] == Code.NOT_FOUND
            mine.call("Unsubscribe", unsubscribe)
            events.wait("end")
