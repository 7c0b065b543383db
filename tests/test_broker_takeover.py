"""Camera broker, server and standby as real processes: what crosses between them, and what happens when one is killed."""

import statistics
import sys
import time

import pytest
from broker_wire import REPOSITORY, Relay, Wire, jpeg, until, unused_ports
from brokers import Brokers, free_port

sys.path.insert(0, str(REPOSITORY / "python"))


@pytest.fixture
def brokers(binary, tmp_path):
    started = Brokers(binary, tmp_path)
    yield started
    started.close()


def hall(brokers, **edge):
    """A server, its standby and a camera broker that registers at both: their addresses."""
    first, second = free_port(), free_port()
    server = brokers.start("server", first, standbys=f"[127.0.0.1:{second}]")
    standby = brokers.start("standby", second, primary=server)
    camera = brokers.start("edge", role="camera", servers=f"[{server}, {standby}]", **edge)
    until(lambda: "standing by" in brokers.log("standby"))
    return server, standby, camera


def test_one_transfer_serves_all_of_a_quality_and_none_nobody(brokers):
    server = brokers.start("server")
    service, stream = unused_ports(2)
    relay = Relay(service, stream)
    try:
        edge = brokers.start(
            "edge", service, role="camera", servers=f"[{server}]", stream_port=stream, advertise=f"127.0.0.2:{service}"
        )
        picture = jpeg(0, 640, 480, 95, noise=True)
        with Wire(edge) as camera, Wire(server) as wire, camera.live("yard", 0.03, lambda _: picture) as live:
            until(lambda: wire.cameras() == ["yard"])
            until(lambda: live.sent > 20)
            assert camera.camera("yard").subscribers == 0 and relay.back_bytes == 0, "nobody subscribes"
            events = [wire.subscribe("yard") for _ in range(5)]
            for each in events:
                each.frames(1)
            assert camera.camera("yard").subscribers == 1 and wire.camera("yard").subscribers == 5
            before, sent = relay.back_bytes, live.sent
            for each in events:
                each.frames(40)
            moved, sent = relay.back_bytes - before, live.sent - sent
            assert 30 * len(picture) < moved < (sent + 3) * len(picture) * 1.05, "five subscribers, one transfer"
            small = wire.subscribe("yard", max_side_px=160)
            small.frames(2)
            assert camera.camera("yard").subscribers == 2, "another quality is another transfer"
            for each in [*events, small]:
                each.cancel()
            until(lambda: camera.camera("yard").subscribers == 0)
            before = relay.back_bytes
            at = live.sent
            until(lambda: live.sent > at + 20)
            assert relay.back_bytes - before < len(picture), "nobody subscribes any more"
    finally:
        relay.close()


def test_the_cameras_clock_is_known_and_told(brokers):
    server = brokers.start("server")
    edge = brokers.start("edge", role="camera", servers=f"[{server}]")
    with Wire(edge) as camera, Wire(server) as wire, camera.live("yard"):
        until(lambda: wire.cameras() == ["yard"])
        until(lambda: wire.camera("yard").clock.known, what="registering measures it")
        events = wire.subscribe("yard")
        for clock in (events.wait("started").clock, events.wait("clock")):
            assert clock.known and 0 < clock.round_trip_ns < 1e9
            assert abs(clock.offset_ns) <= clock.round_trip_ns / 2 + 1e6, "one machine, one clock"


def test_bounds_reach_the_cameras_side(brokers):
    """Bounds asked for at the server are kept at the camera's broker, which also says when they cannot be."""
    server, _, edge = hall(brokers)
    with Wire(edge) as camera, Wire(server) as wire, camera.live("yard", 0.04, lambda i: jpeg(i, 640, 480)):
        until(lambda: wire.cameras() == ["yard"])
        events = wire.subscribe("yard", latency_ms=30, accuracy=0.9)
        while True:  # the hop to the application takes half a second
            event = events.next()
            if event.HasField("frame"):
                wire.feedback(events, event.frame, latency=0.5)
            if event.HasField("infeasible"):
                break
        assert event.infeasible.feasible.latency_ms > 30
        assert camera.camera("yard").subscribers == 1
        wire.set_target(events)
        until(lambda: events.wait("frame").knob == 0)


def test_a_standby_fetches_before_anybody_comes(brokers):
    server, standby, edge = hall(brokers)
    with Wire(edge) as camera, Wire(server) as wire, camera.live("yard", 0.04, lambda i: jpeg(i, 320, 240)):
        until(lambda: wire.cameras() == ["yard"])
        events = [wire.subscribe("yard"), wire.subscribe("yard", max_side_px=160), wire.subscribe("yard", max_side_px=160)]
        for each in events:
            last = each.frames(5)[-1]
        epoch = events[-1].started.camera.epoch
        assert epoch == camera.camera("yard").epoch, "one epoch on the whole way"
        brokers.kill("server")
        until(lambda: "2 qualities are fetched" in brokers.log("standby"))
        with Wire(standby) as again:
            until(lambda: camera.camera("yard").subscribers == 2, 5)
            assert again.camera("yard").subscribers == 0, "nobody came yet"
            resumed = again.subscribe("yard", max_side_px=160, after_sequence=last.sequence, after_epoch=epoch,
                                      max_behind=1000)  # fmt: skip
            came = resumed.frames(10)
            assert came[0].width == 160
            numbers = [frame.sequence for frame in came]
            assert numbers == sorted(set(numbers)) and numbers[0] > last.sequence
            until(lambda: camera.camera("yard").subscribers == 1, what="what nobody came for is given up")


@pytest.mark.parametrize("transport", ["grpc", "stream"])
def test_the_time_from_kill_to_the_first_frame_at_the_standby(brokers, transport, record_property):
    vedette = pytest.importorskip("vedette", reason="the Python client")
    times = []
    for _ in range(3):
        server, standby, edge = hall(brokers)
        with Wire(edge) as camera, camera.live("yard", 0.02, lambda i: jpeg(i, 320, 240)):
            with Wire(server) as wire:
                until(lambda w=wire: w.cameras() == ["yard"])
            with vedette.connect(server, transport=transport) as client:
                killed, sequences = 0.0, []
                for item in client.subscribe("yard").frames():
                    if not isinstance(item, vedette.Frame):
                        continue
                    sequences.append(item.sequence)
                    if killed:
                        times.append(time.monotonic() - killed)
                        break
                    if len(sequences) == 20:
                        brokers.kill("server")
                        killed = time.monotonic()
                assert sequences == sorted(set(sequences)), "at most once, in order"
        for name in ("standby", "edge"):
            brokers.kill(name)
    record_property("takeover_seconds", times)
    print(f"\nkill -9 to the first frame, {transport}: median {statistics.median(times):.3f} s, most {max(times):.3f} s")
    assert max(times) < 5


def test_a_camera_broker_that_restarts_within_its_lease(brokers):
    """Its numbers begin anew: subscribers at the server are told and go on."""
    server = brokers.start("server", lease_seconds=20)
    edge = brokers.start("edge", role="camera", servers=f"[{server}]")
    port = int(edge.rsplit(":", 1)[1])
    with Wire(server) as wire:
        with Wire(edge) as camera, camera.live("yard", 0.03):
            until(lambda: wire.cameras() == ["yard"])
            events = wire.subscribe("yard")
            small = wire.subscribe("yard", max_side_px=32)
            old = events.frames(5)[-1]
            small.frames(2)
            brokers.kill("edge")
        brokers.start("edge", port, role="camera", servers=f"[{server}]")
        with Wire(edge) as camera, camera.live("yard", 0.03):
            for each in (events, small):
                gap = each.wait("gap")
                while gap.first > 0:
                    gap = each.wait("gap")
                assert gap.reason == wire.pb.Gap.LOST
                frame = each.frames(1)[0]
                assert frame.capture_ns > old.capture_ns
            assert wire.camera("yard").epoch == camera.camera("yard").epoch
