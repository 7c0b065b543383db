"""Every call of broker.proto against a real broker, by stubs that know nothing else."""

import itertools
import time

import grpc
import pytest
from broker_wire import Wire, jpeg, refusal, refused, until
from brokers import Brokers

Code = grpc.StatusCode


@pytest.fixture
def brokers(binary, tmp_path):
    started = Brokers(binary, tmp_path)
    yield started
    started.close()


@pytest.fixture
def wire(brokers):
    with Wire(brokers.start("one")) as client:
        yield client


def test_connect_tells_version_and_clock(wire):
    before = time.time_ns()
    answer = wire.connect()
    assert answer.version == 1 and answer.broker == "one" and len(answer.session) >= 32
    assert before <= answer.clock.received_ns <= answer.clock.answered_ns <= time.time_ns()
    sample = wire.call("SampleClock", wire.pb.ClockSample(sent_ns=before))
    assert sample.sent_ns == before <= sample.received_ns <= sample.answered_ns
    code, line = refusal(lambda: wire.call("Connect", wire.pb.ConnectRequest(version=7)))
    assert code == Code.FAILED_PRECONDITION and "version 7" in line


def test_a_range_of_the_past(wire):
    summary = wire.publish("gate", [(jpeg(i), 1000 + i) for i in range(10)])
    assert summary.frames == 10
    info = wire.camera("gate")
    assert (info.frames, info.width, info.height, info.oldest_ns, info.newest_ns) == (10, 64, 48, 1000 * 10**9, 1009 * 10**9)
    assert info.epoch != 0 and not info.live
    events = wire.subscribe("gate", begin_ns=1003 * 10**9, end_ns=1006 * 10**9)
    kinds = [event.WhichOneof("event") for event in events.all()]
    assert kinds == ["started", "frame", "frame", "frame", "end"]
    events = wire.subscribe("gate", begin_ns=1003 * 10**9, end_ns=1006 * 10**9)
    assert [frame.sequence for frame in events.frames(3)] == [4, 5, 6]
    assert events.wait("end").reason == wire.pb.End.REACHED


def test_unsubscribe_ends_it_with_a_word(wire):
    with wire.live("yard"):
        events = wire.subscribe("yard")
        events.frames(2)
        assert wire.camera("yard").subscribers == 1
        wire.call("Unsubscribe", wire.pb.UnsubscribeRequest(subscription=events.id))
        assert events.wait("end").reason == wire.pb.End.UNSUBSCRIBED
        assert events.next() is None and events.error is None
        assert until(lambda: wire.camera("yard").subscribers == 0)
        code, line = refusal(lambda: wire.call("Unsubscribe", wire.pb.UnsubscribeRequest(subscription=events.id)))
        assert code == Code.NOT_FOUND and "no subscription" in line


def test_what_cannot_be(wire):
    wire.publish("gate", [(jpeg(), 1000)])
    asked = {
        "before the beginning": {"begin_ns": 20 * 10**9, "end_ns": 10 * 10**9},
        "a latency bound of -1": {"latency_ms": -1},
        "an accuracy bound of 1.5": {"accuracy": 1.5},
        "alone takes 60 ms": {"latency_ms": 50, "compute_ms": 60},
        "a latency bound of 4000000": {"latency_ms": 4e6},
        "before 1970": {"begin_ns": -5},
    }
    for line, fields in asked.items():
        code, said = refused(wire.subscribe("gate", **fields))
        assert code == Code.INVALID_ARGUMENT and line in said
    code, said = refused(wire.subscribe("gaet"))
    assert code == Code.NOT_FOUND and "did you mean 'gate'" in said
    assert refusal(lambda: wire.camera("nowhere"))[0] == Code.NOT_FOUND
    assert wire.camera("gate").frames == 1


def test_frames_that_cannot_be(wire):
    for frames, line in [
        ([(jpeg(), 100.0), (jpeg(1), 99.0)], "times must grow"),
        ([(b"this is no picture", 101.0)], "JPEG"),
        ([(jpeg()[20:], 102.0)], "JPEG"),
        ([(b"", 103.0)], "bytes"),
        ([(jpeg() + bytes(9 << 20), 104.0)], "bytes"),
    ]:
        code, said = refusal(lambda frames=frames: wire.publish("gate", frames))
        assert code == Code.INVALID_ARGUMENT and line in said, said
    assert wire.publish("gate", [(jpeg(), 200.0)]).frames == 1


def test_a_frame_of_a_hundred_megabytes(wire):
    code, line = refusal(lambda: wire.publish("gate", [(bytes(100_000_000), 100.0)]))
    assert code in (Code.INVALID_ARGUMENT, Code.RESOURCE_EXHAUSTED) and line
    assert wire.publish("gate", [(jpeg(), 200.0)]).frames == 1, "the broker goes on"


def test_one_publisher_a_camera(wire):
    with wire.live("yard"):
        code, line = refusal(lambda: wire.publish("yard", [(jpeg(), None)]))
        assert code == Code.ALREADY_EXISTS and "somebody else" in line


def test_who_falls_behind_gets_the_newest_and_sees_the_gap(wire):
    picture = [jpeg(i, 640, 480, 95, noise=True) for i in range(4)]
    with wire.live("yard", 0.005, lambda i: picture[i % 4]) as camera:
        events = wire.subscribe("yard", max_behind=4)
        events.frames(2)
        events.hold()
        held_at = camera.sent
        until(lambda: camera.sent > held_at + 400)
        events.hold(False)
        resumed_at = camera.sent
        got, gaps = [], []
        while not got or got[-1] < resumed_at:
            event = events.next()
            if event.HasField("frame"):
                got.append(event.frame.sequence)
            if event.HasField("gap"):
                gaps.append(event.gap)
        assert got == sorted(set(got)), "at most once, in order"
        assert any(gap.reason == wire.pb.Gap.BEHIND for gap in gaps)
        missing = {n for gap in gaps for n in range(gap.first, gap.last + 1)}
        whole = set(range(got[0], got[-1] + 1))
        assert whole - set(got) == missing & whole, "every frame came or was told missing"


def test_a_smaller_quality_is_made_for_who_asks(wire):
    with wire.live("yard", 0.03, lambda i: jpeg(i, 640, 480)):
        frame = wire.subscribe("yard", max_side_px=160).frames(1)[0]
        assert (frame.width, frame.height, frame.original_width, frame.original_height) == (160, 120, 640, 480)


def skipped_between(wire, events, count):
    """The next `count` frames, and the numbers that are told as skipped; each number comes or is told of, none twice."""
    got, skipped = [], []
    while len(got) < count:
        event = events.next()
        if event.HasField("frame"):
            got.append(event.frame)
        if event.HasField("gap"):
            assert event.gap.reason == wire.pb.Gap.SKIPPED, event.gap
            skipped += range(event.gap.first, event.gap.last + 1)
    numbers = [frame.sequence for frame in got]
    between = [number for number in skipped if numbers[0] < number < numbers[-1]]
    assert sorted(numbers + between) == list(range(numbers[0], numbers[-1] + 1))
    return got, between


def test_frames_on_which_nothing_moved_are_told_as_skipped(brokers, tmp_path):
    table = tmp_path / "table.csv"
    table.write_text("id,name,bytes_mean,f1\n3,R1+C1+K1+D1+F4,1000,1\n")  # differencing, whatever the bounds are
    with (
        Wire(brokers.start("one", table=table)) as wire,
        wire.live("yard", 0.01, lambda i: jpeg(i // 10 % 2 * 20)),  # it changes every ten frames
    ):
        events = wire.subscribe("yard", latency_ms=5000, max_behind=1000)
        frames, skipped = skipped_between(wire, events, 5)
        assert all(frame.knob == 3 for frame in frames)
        assert len(skipped) >= 30, "of fifty"


def test_frames_that_the_rate_leaves_out_are_told_as_skipped(wire):
    """While nothing of what was sent is confirmed, no more is made; then it goes on."""
    with wire.live("yard", 0.01, lambda i: jpeg(i % 2 * 20, 640, 480)) as camera:
        events = wire.subscribe("yard", latency_ms=100, accuracy=0.95, max_behind=1000)
        for frame in events.frames(20):
            wire.feedback(events, frame, latency=0.005)
        before = camera.sent
        until(lambda: camera.sent > before + 100)
        while not (event := events.next()).HasField("gap"):
            if event.HasField("frame"):
                wire.feedback(events, event.frame, latency=0.005)
        assert event.gap.reason == wire.pb.Gap.SKIPPED


def test_bounds_follow_the_feedback(wire):
    """A link of 2 MB/s: what was untouched becomes small, and is not touched again once nobody sets bounds."""
    pictures = [jpeg(i, 960, 540, 92, noise=True) for i in range(4)]
    with wire.live("yard", 0.04, lambda i: pictures[i % 4]):
        events = wire.subscribe("yard")
        untouched = events.frames(3)[-1]
        assert untouched.knob == 0
        wire.set_target(events, latency_ms=60)
        setting = None
        for _ in range(200):
            event = events.next()
            if event.HasField("setting"):
                setting = event.setting
            if event.HasField("frame"):
                wire.feedback(events, event.frame, latency=0.002 + len(event.frame.data) / 2e6)
                if event.frame.knob and len(event.frame.data) < 100_000:
                    break
        assert setting is not None and setting.knob and setting.setting
        assert event.frame.original_width == 960
        wire.set_target(events)
        until(lambda: events.wait("frame").knob == 0)
        code, _ = refusal(lambda: wire.set_target(events, latency_ms=-1))
        assert code == Code.INVALID_ARGUMENT


def test_a_server_limits_what_a_camera_sends_while_it_says_so(wire):
    pb = wire.pb
    with wire.live("yard", 0.03, lambda i: jpeg(i, 640, 480)):
        plain = wire.subscribe("yard", latency_ms=2000, accuracy=0.95)
        events = wire.subscribe("yard", latency_ms=2000, accuracy=0.95, wants_table=True)
        rows = {row.id: row for row in events.wait("table").rows}
        assert len(rows) > 5 and all(row.bytes_mean > 0 and 0 < row.f1 <= 1 for row in rows.values())

        def watch(limits, done):
            """Good feedback on every frame, with these limits in turn, until such a setting is told."""
            for n in range(1000):
                event = events.next()
                if event.HasField("setting") and done(event.setting):
                    return event.setting
                if event.HasField("frame"):
                    seen = pb.Seen(sequence=event.frame.sequence, bytes=len(event.frame.data), latency_ns=5_000_000)
                    request = pb.FeedbackRequest(subscription=events.id, seen=[seen])
                    if limits:
                        request.limit_bytes = limits[n % len(limits)]
                    wire.call("Feedback", request)
            raise AssertionError("no such setting was told")

        small = watch([10e3, float("nan"), -1.0], lambda told: told.limit_bytes == 10e3)
        assert small.expected_bytes <= 10e3 and small.expected_bytes == rows[small.knob].bytes_mean
        assert small.expected_accuracy >= 0.95, "a limit lifts no bound"
        last = time.monotonic()
        larger = watch([], lambda told: told.limit_bytes == 0 and told.expected_bytes > 10e3)
        assert time.monotonic() - last > 1, "it holds for 3 s"
        assert larger.knob in rows
        kinds = {plain.next().WhichOneof("event") for _ in range(50)}
        assert "table" not in kinds and "frame" in kinds, "who did not ask"


def test_infeasible_bounds_are_told_within_a_second_and_when_they_are_over(wire):
    with wire.live("yard", 0.04, lambda i: jpeg(i, 640, 480)):
        events = wire.subscribe("yard", latency_ms=50, accuracy=0.95)
        began = None
        while True:  # everything takes 400 ms, whatever its size
            event = events.next()
            if event.HasField("frame"):
                began = began or time.monotonic()
                wire.feedback(events, event.frame, latency=0.4)
            if event.HasField("infeasible"):
                break
        assert time.monotonic() - began < 1.0
        told = event.infeasible
        assert not told.over and (told.wanted.latency_ms, told.wanted.accuracy) == (50, pytest.approx(0.95))
        assert told.feasible.latency_ms > 50 and "\n" not in told.line and "yard" in told.line
        late = wire.subscribe("yard", latency_ms=50, accuracy=0.95)
        assert not late.wait("infeasible").over, "who comes later is told, too"
        late.cancel()
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            event = events.next()
            if event.HasField("frame"):
                wire.feedback(events, event.frame, latency=0.005)
            if event.HasField("infeasible") and event.infeasible.over:
                break
        assert event.infeasible.over


def test_infeasible_is_told_while_nothing_gets_through(wire):
    """The subscriber's side of the link hangs: what was sent is not confirmed, and the camera makes no more frames."""
    with wire.live("yard", 0.04, lambda i: jpeg(i, 640, 480)) as camera:
        events = wire.subscribe("yard", latency_ms=50, accuracy=0.95)
        confirmed, infeasible, began = 0, False, 0.0
        while not (began and infeasible):
            event = events.next(5)
            if event.HasField("infeasible"):  # also before, if this machine stood still for a while
                infeasible = not event.infeasible.over
            if event.HasField("frame") and confirmed < 20:
                wire.feedback(events, event.frame, latency=0.005)
                confirmed += 1
            elif event.HasField("frame") and not began:
                camera.pause()
                began = time.monotonic()
        assert time.monotonic() - began < 1.0


def test_brokers_register_and_are_gone(brokers):
    with Wire(brokers.start("server", lease_seconds=0.8)) as wire:
        pb = wire.pb
        far = pb.CameraInfo(camera="far", epoch=5, width=640)
        request = pb.RegisterRequest(broker="edge", address="127.0.0.1:9", cameras=[far])
        request.clock.known, request.clock.offset_ns, request.clock.round_trip_ns = True, 7_000_000, 400_000
        answer = wire.call("Register", request)
        assert answer.lease_ms == 800 and answer.clock.answered_ns >= answer.clock.received_ns > 0
        info = wire.camera("far")
        assert (info.broker, info.epoch, info.clock.offset_ns) == ("edge", 5, 7_000_000)
        assert wire.subscribe("far").wait("started").clock.offset_ns == 7_000_000
        wire.call("Unregister", pb.UnregisterRequest(broker="edge"))
        until(lambda: wire.cameras() == [])
        wire.call("Register", request)
        events = wire.subscribe("far")
        events.wait("started")
        assert events.wait("end").reason == pb.End.CAMERA_GONE, "nobody renewed the lease"
        assert wire.cameras() == []
        for bad in ({"broker": ""}, {"broker": "x" * 200}, {"broker": "e", "cameras": [pb.CameraInfo(camera="no good")]}):
            assert refusal(lambda bad=bad: wire.call("Register", pb.RegisterRequest(**bad)))[0] == Code.INVALID_ARGUMENT


def test_numbers_count_within_an_epoch(brokers):
    """A broker that keeps frames in memory begins its numbers anew; who resumes by number is told, and goes on."""
    address = brokers.start("one")
    with Wire(address) as wire:
        wire.publish("yard", [(jpeg(i), 1000 + i) for i in range(50)])
        epoch = wire.camera("yard").epoch
        resumed = wire.subscribe("yard", after_sequence=47, after_epoch=epoch, after_ns=1046 * 10**9)
        assert [frame.sequence for frame in resumed.frames(3)] == [48, 49, 50]
        resumed.cancel()
    brokers.kill("one")
    brokers.start("one", int(address.rsplit(":", 1)[1]))
    with Wire(address) as wire:
        wire.publish("yard", [(jpeg(i), 2000 + i) for i in range(5)])
        assert wire.camera("yard").epoch not in (0, epoch)
        resumed = wire.subscribe("yard", after_sequence=47, after_epoch=epoch, after_ns=1046 * 10**9)
        gap = resumed.wait("gap")
        assert (gap.first, gap.last, gap.reason) == (0, 0, wire.pb.Gap.LOST)
        assert [frame.sequence for frame in resumed.frames(5)] == [1, 2, 3, 4, 5]
        live = wire.subscribe("yard", after_sequence=47, after_epoch=epoch)
        assert live.wait("gap").first == 0
        wire.publish("yard", [(jpeg(), 2100)])
        assert live.frames(1)[0].sequence == 6


def test_a_stored_camera_goes_on_behind_the_time_of_the_last_frame(brokers, tmp_path):
    address = brokers.start("one", store=tmp_path / "store")
    with Wire(address) as wire:
        wire.publish("yard", [(jpeg(i), 1000 + i) for i in range(20)])
        epoch = wire.camera("yard").epoch
    brokers.stop("one")
    brokers.start("one", int(address.rsplit(":", 1)[1]), store=tmp_path / "store")
    with Wire(address) as wire:
        wire.publish("yard", [(jpeg(i), 1100 + i) for i in range(3)])
        resumed = wire.subscribe("yard", after_sequence=16, after_epoch=epoch, after_ns=1015 * 10**9, max_behind=100)
        assert resumed.wait("gap").first == 0
        times = [frame.capture_ns // 10**9 for frame in resumed.frames(7)]
        assert times == [1016, 1017, 1018, 1019, 1100, 1101, 1102], "each once, none left out"


def test_reading_the_past_smaller_comes_whole_at_the_readers_pace(wire):
    wire.publish("yard", [(jpeg(i, 320, 240, noise=True), 1000 + i) for i in range(300)])
    events = wire.subscribe("yard", begin_ns=1000 * 10**9, end_ns=1300 * 10**9, max_side_px=160)
    first = events.frames(1)
    events.hold()
    time.sleep(0.2)  # the source must wait for its reader, not run it over
    events.hold(False)
    rest = list(itertools.chain(first, events.frames(299)))
    assert [frame.sequence for frame in rest] == list(range(1, 301))
    assert events.wait("end").reason == wire.pb.End.REACHED
