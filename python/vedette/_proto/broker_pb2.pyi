from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

BGR: Encoding
DESCRIPTOR: _descriptor.FileDescriptor
ENCODING_UNSPECIFIED: Encoding
GRAY: Encoding
GRPC: Transport
H264: Encoding
H265: Encoding
I420: Encoding
JPEG: Encoding
SHARED_MEMORY: Transport
STREAM: Transport
TRANSPORT_UNSPECIFIED: Transport

class CameraInfo(_message.Message):
    __slots__ = ["broker", "bytes", "camera", "clock", "encoding", "epoch", "frames", "frames_a_second", "height", "live", "newest_ns", "oldest_ns", "store_trouble", "stored_before", "subscribers", "width"]
    BROKER_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    CAMERA_FIELD_NUMBER: _ClassVar[int]
    CLOCK_FIELD_NUMBER: _ClassVar[int]
    ENCODING_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    FRAMES_A_SECOND_FIELD_NUMBER: _ClassVar[int]
    FRAMES_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    LIVE_FIELD_NUMBER: _ClassVar[int]
    NEWEST_NS_FIELD_NUMBER: _ClassVar[int]
    OLDEST_NS_FIELD_NUMBER: _ClassVar[int]
    STORED_BEFORE_FIELD_NUMBER: _ClassVar[int]
    STORE_TROUBLE_FIELD_NUMBER: _ClassVar[int]
    SUBSCRIBERS_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    broker: str
    bytes: int
    camera: str
    clock: ClockOffset
    encoding: Encoding
    epoch: int
    frames: int
    frames_a_second: float
    height: int
    live: bool
    newest_ns: int
    oldest_ns: int
    store_trouble: str
    stored_before: int
    subscribers: int
    width: int
    def __init__(self, camera: _Optional[str] = ..., live: bool = ..., width: _Optional[int] = ..., height: _Optional[int] = ..., encoding: _Optional[_Union[Encoding, str]] = ..., frames_a_second: _Optional[float] = ..., oldest_ns: _Optional[int] = ..., newest_ns: _Optional[int] = ..., frames: _Optional[int] = ..., bytes: _Optional[int] = ..., broker: _Optional[str] = ..., clock: _Optional[_Union[ClockOffset, _Mapping]] = ..., subscribers: _Optional[int] = ..., epoch: _Optional[int] = ..., stored_before: _Optional[int] = ..., store_trouble: _Optional[str] = ...) -> None: ...

class ClockOffset(_message.Message):
    __slots__ = ["known", "offset_ns", "round_trip_ns"]
    KNOWN_FIELD_NUMBER: _ClassVar[int]
    OFFSET_NS_FIELD_NUMBER: _ClassVar[int]
    ROUND_TRIP_NS_FIELD_NUMBER: _ClassVar[int]
    known: bool
    offset_ns: int
    round_trip_ns: int
    def __init__(self, known: bool = ..., offset_ns: _Optional[int] = ..., round_trip_ns: _Optional[int] = ...) -> None: ...

class ClockSample(_message.Message):
    __slots__ = ["answered_ns", "received_ns", "sent_ns"]
    ANSWERED_NS_FIELD_NUMBER: _ClassVar[int]
    RECEIVED_NS_FIELD_NUMBER: _ClassVar[int]
    SENT_NS_FIELD_NUMBER: _ClassVar[int]
    answered_ns: int
    received_ns: int
    sent_ns: int
    def __init__(self, sent_ns: _Optional[int] = ..., received_ns: _Optional[int] = ..., answered_ns: _Optional[int] = ...) -> None: ...

class ConnectRequest(_message.Message):
    __slots__ = ["client", "host", "resume_session", "transports", "version"]
    CLIENT_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    RESUME_SESSION_FIELD_NUMBER: _ClassVar[int]
    TRANSPORTS_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    client: str
    host: str
    resume_session: str
    transports: _containers.RepeatedScalarFieldContainer[Transport]
    version: int
    def __init__(self, version: _Optional[int] = ..., client: _Optional[str] = ..., transports: _Optional[_Iterable[_Union[Transport, str]]] = ..., host: _Optional[str] = ..., resume_session: _Optional[str] = ...) -> None: ...

class ConnectResponse(_message.Message):
    __slots__ = ["broker", "clock", "fallback_address", "resumed", "session", "standbys", "stream_address", "transport", "version"]
    BROKER_FIELD_NUMBER: _ClassVar[int]
    CLOCK_FIELD_NUMBER: _ClassVar[int]
    FALLBACK_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    RESUMED_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    STANDBYS_FIELD_NUMBER: _ClassVar[int]
    STREAM_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    TRANSPORT_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    broker: str
    clock: ClockSample
    fallback_address: str
    resumed: bool
    session: str
    standbys: _containers.RepeatedScalarFieldContainer[str]
    stream_address: str
    transport: Transport
    version: int
    def __init__(self, version: _Optional[int] = ..., session: _Optional[str] = ..., transport: _Optional[_Union[Transport, str]] = ..., stream_address: _Optional[str] = ..., standbys: _Optional[_Iterable[str]] = ..., resumed: bool = ..., clock: _Optional[_Union[ClockSample, _Mapping]] = ..., broker: _Optional[str] = ..., fallback_address: _Optional[str] = ...) -> None: ...

class End(_message.Message):
    __slots__ = ["line", "reason"]
    class Reason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = []
    BROKER_ENDS: End.Reason
    CAMERA_GONE: End.Reason
    LINE_FIELD_NUMBER: _ClassVar[int]
    REACHED: End.Reason
    REASON_FIELD_NUMBER: _ClassVar[int]
    REASON_UNSPECIFIED: End.Reason
    TOKEN_ENDED: End.Reason
    UNSUBSCRIBED: End.Reason
    line: str
    reason: End.Reason
    def __init__(self, reason: _Optional[_Union[End.Reason, str]] = ..., line: _Optional[str] = ...) -> None: ...

class Event(_message.Message):
    __slots__ = ["clock", "end", "frame", "gap", "infeasible", "setting", "started", "table"]
    CLOCK_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    FRAME_FIELD_NUMBER: _ClassVar[int]
    GAP_FIELD_NUMBER: _ClassVar[int]
    INFEASIBLE_FIELD_NUMBER: _ClassVar[int]
    SETTING_FIELD_NUMBER: _ClassVar[int]
    STARTED_FIELD_NUMBER: _ClassVar[int]
    TABLE_FIELD_NUMBER: _ClassVar[int]
    clock: ClockOffset
    end: End
    frame: Frame
    gap: Gap
    infeasible: Infeasible
    setting: SettingChanged
    started: Started
    table: KnobTable
    def __init__(self, frame: _Optional[_Union[Frame, _Mapping]] = ..., started: _Optional[_Union[Started, _Mapping]] = ..., gap: _Optional[_Union[Gap, _Mapping]] = ..., infeasible: _Optional[_Union[Infeasible, _Mapping]] = ..., setting: _Optional[_Union[SettingChanged, _Mapping]] = ..., end: _Optional[_Union[End, _Mapping]] = ..., clock: _Optional[_Union[ClockOffset, _Mapping]] = ..., table: _Optional[_Union[KnobTable, _Mapping]] = ...) -> None: ...

class Fault(_message.Message):
    __slots__ = ["code", "line"]
    CODE_FIELD_NUMBER: _ClassVar[int]
    LINE_FIELD_NUMBER: _ClassVar[int]
    code: int
    line: str
    def __init__(self, code: _Optional[int] = ..., line: _Optional[str] = ...) -> None: ...

class FeedbackRequest(_message.Message):
    __slots__ = ["limit_bytes", "seen", "subscription"]
    LIMIT_BYTES_FIELD_NUMBER: _ClassVar[int]
    SEEN_FIELD_NUMBER: _ClassVar[int]
    SUBSCRIPTION_FIELD_NUMBER: _ClassVar[int]
    limit_bytes: float
    seen: _containers.RepeatedCompositeFieldContainer[Seen]
    subscription: str
    def __init__(self, subscription: _Optional[str] = ..., seen: _Optional[_Iterable[_Union[Seen, _Mapping]]] = ..., limit_bytes: _Optional[float] = ...) -> None: ...

class Frame(_message.Message):
    __slots__ = ["capture_ns", "data", "encoding", "height", "inter", "knob", "original_height", "original_width", "sent_ns", "sequence", "shared", "width"]
    CAPTURE_NS_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    ENCODING_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    INTER_FIELD_NUMBER: _ClassVar[int]
    KNOB_FIELD_NUMBER: _ClassVar[int]
    ORIGINAL_HEIGHT_FIELD_NUMBER: _ClassVar[int]
    ORIGINAL_WIDTH_FIELD_NUMBER: _ClassVar[int]
    SENT_NS_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    SHARED_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    capture_ns: int
    data: bytes
    encoding: Encoding
    height: int
    inter: bool
    knob: int
    original_height: int
    original_width: int
    sent_ns: int
    sequence: int
    shared: SharedBytes
    width: int
    def __init__(self, sequence: _Optional[int] = ..., capture_ns: _Optional[int] = ..., encoding: _Optional[_Union[Encoding, str]] = ..., width: _Optional[int] = ..., height: _Optional[int] = ..., original_width: _Optional[int] = ..., original_height: _Optional[int] = ..., knob: _Optional[int] = ..., inter: bool = ..., sent_ns: _Optional[int] = ..., shared: _Optional[_Union[SharedBytes, _Mapping]] = ..., data: _Optional[bytes] = ...) -> None: ...

class Gap(_message.Message):
    __slots__ = ["first", "last", "reason"]
    class Reason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = []
    BEHIND: Gap.Reason
    FIRST_FIELD_NUMBER: _ClassVar[int]
    LAST_FIELD_NUMBER: _ClassVar[int]
    LOST: Gap.Reason
    OVERWRITTEN: Gap.Reason
    REASON_FIELD_NUMBER: _ClassVar[int]
    REASON_UNSPECIFIED: Gap.Reason
    SKIPPED: Gap.Reason
    first: int
    last: int
    reason: Gap.Reason
    def __init__(self, first: _Optional[int] = ..., last: _Optional[int] = ..., reason: _Optional[_Union[Gap.Reason, str]] = ...) -> None: ...

class GetCameraInfoRequest(_message.Message):
    __slots__ = ["camera"]
    CAMERA_FIELD_NUMBER: _ClassVar[int]
    camera: str
    def __init__(self, camera: _Optional[str] = ...) -> None: ...

class Hello(_message.Message):
    __slots__ = ["session", "takes_lanes", "version"]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    TAKES_LANES_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    session: str
    takes_lanes: bool
    version: int
    def __init__(self, version: _Optional[int] = ..., session: _Optional[str] = ..., takes_lanes: bool = ...) -> None: ...

class Infeasible(_message.Message):
    __slots__ = ["feasible", "line", "over", "wanted"]
    FEASIBLE_FIELD_NUMBER: _ClassVar[int]
    LINE_FIELD_NUMBER: _ClassVar[int]
    OVER_FIELD_NUMBER: _ClassVar[int]
    WANTED_FIELD_NUMBER: _ClassVar[int]
    feasible: Target
    line: str
    over: bool
    wanted: Target
    def __init__(self, wanted: _Optional[_Union[Target, _Mapping]] = ..., feasible: _Optional[_Union[Target, _Mapping]] = ..., line: _Optional[str] = ..., over: bool = ...) -> None: ...

class KnobTable(_message.Message):
    __slots__ = ["rows"]
    class Row(_message.Message):
        __slots__ = ["bytes_mean", "bytes_p95", "cost_ms", "f1", "family", "id", "infer_ms", "kept"]
        BYTES_MEAN_FIELD_NUMBER: _ClassVar[int]
        BYTES_P95_FIELD_NUMBER: _ClassVar[int]
        COST_MS_FIELD_NUMBER: _ClassVar[int]
        F1_FIELD_NUMBER: _ClassVar[int]
        FAMILY_FIELD_NUMBER: _ClassVar[int]
        ID_FIELD_NUMBER: _ClassVar[int]
        INFER_MS_FIELD_NUMBER: _ClassVar[int]
        KEPT_FIELD_NUMBER: _ClassVar[int]
        bytes_mean: float
        bytes_p95: float
        cost_ms: float
        f1: float
        family: int
        id: int
        infer_ms: float
        kept: float
        def __init__(self, id: _Optional[int] = ..., bytes_mean: _Optional[float] = ..., bytes_p95: _Optional[float] = ..., f1: _Optional[float] = ..., cost_ms: _Optional[float] = ..., infer_ms: _Optional[float] = ..., kept: _Optional[float] = ..., family: _Optional[int] = ...) -> None: ...
    ROWS_FIELD_NUMBER: _ClassVar[int]
    rows: _containers.RepeatedCompositeFieldContainer[KnobTable.Row]
    def __init__(self, rows: _Optional[_Iterable[_Union[KnobTable.Row, _Mapping]]] = ...) -> None: ...

class ListCamerasRequest(_message.Message):
    __slots__ = ["glob"]
    GLOB_FIELD_NUMBER: _ClassVar[int]
    glob: str
    def __init__(self, glob: _Optional[str] = ...) -> None: ...

class ListCamerasResponse(_message.Message):
    __slots__ = ["cameras"]
    CAMERAS_FIELD_NUMBER: _ClassVar[int]
    cameras: _containers.RepeatedCompositeFieldContainer[CameraInfo]
    def __init__(self, cameras: _Optional[_Iterable[_Union[CameraInfo, _Mapping]]] = ...) -> None: ...

class Nothing(_message.Message):
    __slots__ = []
    def __init__(self) -> None: ...

class OfferMemory(_message.Message):
    __slots__ = ["bytes", "leases"]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    LEASES_FIELD_NUMBER: _ClassVar[int]
    bytes: int
    leases: int
    def __init__(self, bytes: _Optional[int] = ..., leases: _Optional[int] = ...) -> None: ...

class PassLane(_message.Message):
    __slots__ = ["bytes", "claim", "newest", "with_claims"]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    CLAIM_FIELD_NUMBER: _ClassVar[int]
    NEWEST_FIELD_NUMBER: _ClassVar[int]
    PASS_FIELD_NUMBER: _ClassVar[int]
    WITH_CLAIMS_FIELD_NUMBER: _ClassVar[int]
    bytes: int
    claim: int
    newest: int
    with_claims: bool
    def __init__(self, bytes: _Optional[int] = ..., claim: _Optional[int] = ..., with_claims: bool = ..., newest: _Optional[int] = ..., **kwargs) -> None: ...

class Places(_message.Message):
    __slots__ = ["places"]
    class Place(_message.Message):
        __slots__ = ["capture_ns", "sequence", "subscription"]
        CAPTURE_NS_FIELD_NUMBER: _ClassVar[int]
        SEQUENCE_FIELD_NUMBER: _ClassVar[int]
        SUBSCRIPTION_FIELD_NUMBER: _ClassVar[int]
        capture_ns: int
        sequence: int
        subscription: str
        def __init__(self, subscription: _Optional[str] = ..., sequence: _Optional[int] = ..., capture_ns: _Optional[int] = ...) -> None: ...
    PLACES_FIELD_NUMBER: _ClassVar[int]
    places: _containers.RepeatedCompositeFieldContainer[Places.Place]
    def __init__(self, places: _Optional[_Iterable[_Union[Places.Place, _Mapping]]] = ...) -> None: ...

class PublicationOpened(_message.Message):
    __slots__ = ["newest_ns", "next_sequence"]
    NEWEST_NS_FIELD_NUMBER: _ClassVar[int]
    NEXT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    newest_ns: int
    next_sequence: int
    def __init__(self, next_sequence: _Optional[int] = ..., newest_ns: _Optional[int] = ...) -> None: ...

class PublishOpen(_message.Message):
    __slots__ = ["camera", "frames_a_second", "session"]
    CAMERA_FIELD_NUMBER: _ClassVar[int]
    FRAMES_A_SECOND_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    camera: str
    frames_a_second: float
    session: str
    def __init__(self, camera: _Optional[str] = ..., frames_a_second: _Optional[float] = ..., session: _Optional[str] = ...) -> None: ...

class PublishRequest(_message.Message):
    __slots__ = ["frame", "open"]
    FRAME_FIELD_NUMBER: _ClassVar[int]
    OPEN_FIELD_NUMBER: _ClassVar[int]
    frame: Frame
    open: PublishOpen
    def __init__(self, open: _Optional[_Union[PublishOpen, _Mapping]] = ..., frame: _Optional[_Union[Frame, _Mapping]] = ...) -> None: ...

class PublishSummary(_message.Message):
    __slots__ = ["bytes", "frames"]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    FRAMES_FIELD_NUMBER: _ClassVar[int]
    bytes: int
    frames: int
    def __init__(self, frames: _Optional[int] = ..., bytes: _Optional[int] = ...) -> None: ...

class RegisterRequest(_message.Message):
    __slots__ = ["address", "broker", "cameras", "channel", "clock"]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    BROKER_FIELD_NUMBER: _ClassVar[int]
    CAMERAS_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    CLOCK_FIELD_NUMBER: _ClassVar[int]
    address: str
    broker: str
    cameras: _containers.RepeatedCompositeFieldContainer[CameraInfo]
    channel: str
    clock: ClockOffset
    def __init__(self, broker: _Optional[str] = ..., address: _Optional[str] = ..., cameras: _Optional[_Iterable[_Union[CameraInfo, _Mapping]]] = ..., clock: _Optional[_Union[ClockOffset, _Mapping]] = ..., channel: _Optional[str] = ...) -> None: ...

class RegisterResponse(_message.Message):
    __slots__ = ["clock", "lease_ms"]
    CLOCK_FIELD_NUMBER: _ClassVar[int]
    LEASE_MS_FIELD_NUMBER: _ClassVar[int]
    clock: ClockSample
    lease_ms: int
    def __init__(self, lease_ms: _Optional[int] = ..., clock: _Optional[_Union[ClockSample, _Mapping]] = ...) -> None: ...

class ReleaseSegment(_message.Message):
    __slots__ = ["frames", "segment"]
    FRAMES_FIELD_NUMBER: _ClassVar[int]
    SEGMENT_FIELD_NUMBER: _ClassVar[int]
    frames: int
    segment: int
    def __init__(self, segment: _Optional[int] = ..., frames: _Optional[int] = ...) -> None: ...

class Replica(_message.Message):
    __slots__ = ["all_sent", "places", "registered", "session", "session_ended", "subscription", "subscription_ended", "unregistered"]
    ALL_SENT_FIELD_NUMBER: _ClassVar[int]
    PLACES_FIELD_NUMBER: _ClassVar[int]
    REGISTERED_FIELD_NUMBER: _ClassVar[int]
    SESSION_ENDED_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    SUBSCRIPTION_ENDED_FIELD_NUMBER: _ClassVar[int]
    SUBSCRIPTION_FIELD_NUMBER: _ClassVar[int]
    UNREGISTERED_FIELD_NUMBER: _ClassVar[int]
    all_sent: Nothing
    places: Places
    registered: RegisterRequest
    session: SessionState
    session_ended: str
    subscription: SubscriptionState
    subscription_ended: str
    unregistered: UnregisterRequest
    def __init__(self, registered: _Optional[_Union[RegisterRequest, _Mapping]] = ..., unregistered: _Optional[_Union[UnregisterRequest, _Mapping]] = ..., session: _Optional[_Union[SessionState, _Mapping]] = ..., session_ended: _Optional[str] = ..., all_sent: _Optional[_Union[Nothing, _Mapping]] = ..., subscription: _Optional[_Union[SubscriptionState, _Mapping]] = ..., subscription_ended: _Optional[str] = ..., places: _Optional[_Union[Places, _Mapping]] = ...) -> None: ...

class ReplicateRequest(_message.Message):
    __slots__ = ["broker"]
    BROKER_FIELD_NUMBER: _ClassVar[int]
    broker: str
    def __init__(self, broker: _Optional[str] = ...) -> None: ...

class Seen(_message.Message):
    __slots__ = ["bytes", "compute_ns", "latency_ns", "sequence"]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    COMPUTE_NS_FIELD_NUMBER: _ClassVar[int]
    LATENCY_NS_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    bytes: int
    compute_ns: int
    latency_ns: int
    sequence: int
    def __init__(self, sequence: _Optional[int] = ..., bytes: _Optional[int] = ..., latency_ns: _Optional[int] = ..., compute_ns: _Optional[int] = ...) -> None: ...

class SessionState(_message.Message):
    __slots__ = ["name", "session"]
    NAME_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    name: str
    session: str
    def __init__(self, session: _Optional[str] = ..., name: _Optional[str] = ...) -> None: ...

class SetTargetRequest(_message.Message):
    __slots__ = ["subscription", "target"]
    SUBSCRIPTION_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    subscription: str
    target: Target
    def __init__(self, subscription: _Optional[str] = ..., target: _Optional[_Union[Target, _Mapping]] = ...) -> None: ...

class SettingChanged(_message.Message):
    __slots__ = ["expected_accuracy", "expected_bytes", "knob", "limit_bytes", "setting"]
    EXPECTED_ACCURACY_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_BYTES_FIELD_NUMBER: _ClassVar[int]
    KNOB_FIELD_NUMBER: _ClassVar[int]
    LIMIT_BYTES_FIELD_NUMBER: _ClassVar[int]
    SETTING_FIELD_NUMBER: _ClassVar[int]
    expected_accuracy: float
    expected_bytes: float
    knob: int
    limit_bytes: float
    setting: str
    def __init__(self, knob: _Optional[int] = ..., setting: _Optional[str] = ..., expected_accuracy: _Optional[float] = ..., expected_bytes: _Optional[float] = ..., limit_bytes: _Optional[float] = ...) -> None: ...

class SharedBytes(_message.Message):
    __slots__ = ["bytes", "map_bytes", "offset", "segment"]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    MAP_BYTES_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    SEGMENT_FIELD_NUMBER: _ClassVar[int]
    bytes: int
    map_bytes: int
    offset: int
    segment: int
    def __init__(self, segment: _Optional[int] = ..., offset: _Optional[int] = ..., bytes: _Optional[int] = ..., map_bytes: _Optional[int] = ...) -> None: ...

class Started(_message.Message):
    __slots__ = ["camera", "clock", "subscription"]
    CAMERA_FIELD_NUMBER: _ClassVar[int]
    CLOCK_FIELD_NUMBER: _ClassVar[int]
    SUBSCRIPTION_FIELD_NUMBER: _ClassVar[int]
    camera: CameraInfo
    clock: ClockOffset
    subscription: str
    def __init__(self, subscription: _Optional[str] = ..., camera: _Optional[_Union[CameraInfo, _Mapping]] = ..., clock: _Optional[_Union[ClockOffset, _Mapping]] = ...) -> None: ...

class StreamHead(_message.Message):
    __slots__ = ["close", "closed", "credit", "event", "fault", "feedback", "frame", "hello", "id", "lane", "offer", "open", "opened", "release", "subscribe", "target", "unsubscribe", "welcome"]
    CLOSED_FIELD_NUMBER: _ClassVar[int]
    CLOSE_FIELD_NUMBER: _ClassVar[int]
    CREDIT_FIELD_NUMBER: _ClassVar[int]
    EVENT_FIELD_NUMBER: _ClassVar[int]
    FAULT_FIELD_NUMBER: _ClassVar[int]
    FEEDBACK_FIELD_NUMBER: _ClassVar[int]
    FRAME_FIELD_NUMBER: _ClassVar[int]
    HELLO_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    LANE_FIELD_NUMBER: _ClassVar[int]
    OFFER_FIELD_NUMBER: _ClassVar[int]
    OPENED_FIELD_NUMBER: _ClassVar[int]
    OPEN_FIELD_NUMBER: _ClassVar[int]
    RELEASE_FIELD_NUMBER: _ClassVar[int]
    SUBSCRIBE_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    UNSUBSCRIBE_FIELD_NUMBER: _ClassVar[int]
    WELCOME_FIELD_NUMBER: _ClassVar[int]
    close: Nothing
    closed: PublishSummary
    credit: int
    event: Event
    fault: Fault
    feedback: FeedbackRequest
    frame: Frame
    hello: Hello
    id: int
    lane: PassLane
    offer: OfferMemory
    open: PublishOpen
    opened: PublicationOpened
    release: ReleaseSegment
    subscribe: SubscribeRequest
    target: Target
    unsubscribe: Nothing
    welcome: Nothing
    def __init__(self, id: _Optional[int] = ..., hello: _Optional[_Union[Hello, _Mapping]] = ..., welcome: _Optional[_Union[Nothing, _Mapping]] = ..., fault: _Optional[_Union[Fault, _Mapping]] = ..., open: _Optional[_Union[PublishOpen, _Mapping]] = ..., opened: _Optional[_Union[PublicationOpened, _Mapping]] = ..., frame: _Optional[_Union[Frame, _Mapping]] = ..., subscribe: _Optional[_Union[SubscribeRequest, _Mapping]] = ..., event: _Optional[_Union[Event, _Mapping]] = ..., unsubscribe: _Optional[_Union[Nothing, _Mapping]] = ..., target: _Optional[_Union[Target, _Mapping]] = ..., feedback: _Optional[_Union[FeedbackRequest, _Mapping]] = ..., offer: _Optional[_Union[OfferMemory, _Mapping]] = ..., release: _Optional[_Union[ReleaseSegment, _Mapping]] = ..., close: _Optional[_Union[Nothing, _Mapping]] = ..., closed: _Optional[_Union[PublishSummary, _Mapping]] = ..., credit: _Optional[int] = ..., lane: _Optional[_Union[PassLane, _Mapping]] = ...) -> None: ...

class SubscribeRequest(_message.Message):
    __slots__ = ["after_epoch", "after_ns", "after_sequence", "begin_ns", "camera", "compute_ms", "end_ns", "max_behind", "max_side_px", "session", "target", "wants_table"]
    AFTER_EPOCH_FIELD_NUMBER: _ClassVar[int]
    AFTER_NS_FIELD_NUMBER: _ClassVar[int]
    AFTER_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    BEGIN_NS_FIELD_NUMBER: _ClassVar[int]
    CAMERA_FIELD_NUMBER: _ClassVar[int]
    COMPUTE_MS_FIELD_NUMBER: _ClassVar[int]
    END_NS_FIELD_NUMBER: _ClassVar[int]
    MAX_BEHIND_FIELD_NUMBER: _ClassVar[int]
    MAX_SIDE_PX_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    WANTS_TABLE_FIELD_NUMBER: _ClassVar[int]
    after_epoch: int
    after_ns: int
    after_sequence: int
    begin_ns: int
    camera: str
    compute_ms: float
    end_ns: int
    max_behind: int
    max_side_px: int
    session: str
    target: Target
    wants_table: bool
    def __init__(self, camera: _Optional[str] = ..., begin_ns: _Optional[int] = ..., end_ns: _Optional[int] = ..., target: _Optional[_Union[Target, _Mapping]] = ..., max_side_px: _Optional[int] = ..., max_behind: _Optional[int] = ..., after_sequence: _Optional[int] = ..., session: _Optional[str] = ..., compute_ms: _Optional[float] = ..., after_epoch: _Optional[int] = ..., after_ns: _Optional[int] = ..., wants_table: bool = ...) -> None: ...

class SubscriptionState(_message.Message):
    __slots__ = ["request", "subscription"]
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    SUBSCRIPTION_FIELD_NUMBER: _ClassVar[int]
    request: SubscribeRequest
    subscription: str
    def __init__(self, subscription: _Optional[str] = ..., request: _Optional[_Union[SubscribeRequest, _Mapping]] = ...) -> None: ...

class Target(_message.Message):
    __slots__ = ["accuracy", "latency_ms"]
    ACCURACY_FIELD_NUMBER: _ClassVar[int]
    LATENCY_MS_FIELD_NUMBER: _ClassVar[int]
    accuracy: float
    latency_ms: float
    def __init__(self, latency_ms: _Optional[float] = ..., accuracy: _Optional[float] = ...) -> None: ...

class UnregisterRequest(_message.Message):
    __slots__ = ["broker"]
    BROKER_FIELD_NUMBER: _ClassVar[int]
    broker: str
    def __init__(self, broker: _Optional[str] = ...) -> None: ...

class UnsubscribeRequest(_message.Message):
    __slots__ = ["subscription"]
    SUBSCRIPTION_FIELD_NUMBER: _ClassVar[int]
    subscription: str
    def __init__(self, subscription: _Optional[str] = ...) -> None: ...

class Transport(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class Encoding(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []
