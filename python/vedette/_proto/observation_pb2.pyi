from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Attach(_message.Message):
    __slots__ = ["allowed", "attachment", "channel", "next", "resumes"]
    ALLOWED_FIELD_NUMBER: _ClassVar[int]
    ATTACHMENT_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    NEXT_FIELD_NUMBER: _ClassVar[int]
    RESUMES_FIELD_NUMBER: _ClassVar[int]
    allowed: int
    attachment: int
    channel: int
    next: int
    resumes: bool
    def __init__(self, channel: _Optional[int] = ..., resumes: bool = ..., next: _Optional[int] = ..., allowed: _Optional[int] = ..., attachment: _Optional[int] = ...) -> None: ...

class Attribute(_message.Message):
    __slots__ = ["name", "value"]
    NAME_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    name: bytes
    value: bytes
    def __init__(self, name: _Optional[bytes] = ..., value: _Optional[bytes] = ...) -> None: ...

class Box(_message.Message):
    __slots__ = ["height", "width", "x", "y"]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    X_FIELD_NUMBER: _ClassVar[int]
    Y_FIELD_NUMBER: _ClassVar[int]
    height: float
    width: float
    x: float
    y: float
    def __init__(self, x: _Optional[float] = ..., y: _Optional[float] = ..., width: _Optional[float] = ..., height: _Optional[float] = ...) -> None: ...

class Close(_message.Message):
    __slots__ = ["channel"]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    channel: int
    def __init__(self, channel: _Optional[int] = ...) -> None: ...

class Credit(_message.Message):
    __slots__ = ["allowed", "attachment", "channel", "next"]
    ALLOWED_FIELD_NUMBER: _ClassVar[int]
    ATTACHMENT_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    NEXT_FIELD_NUMBER: _ClassVar[int]
    allowed: int
    attachment: int
    channel: int
    next: int
    def __init__(self, channel: _Optional[int] = ..., next: _Optional[int] = ..., allowed: _Optional[int] = ..., attachment: _Optional[int] = ...) -> None: ...

class Detach(_message.Message):
    __slots__ = ["channel"]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    channel: int
    def __init__(self, channel: _Optional[int] = ...) -> None: ...

class Event(_message.Message):
    __slots__ = ["box", "count", "dwell_seconds", "kind", "label", "time_ns", "track_id", "zone"]
    BOX_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    DWELL_SECONDS_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    TIME_NS_FIELD_NUMBER: _ClassVar[int]
    TRACK_ID_FIELD_NUMBER: _ClassVar[int]
    ZONE_FIELD_NUMBER: _ClassVar[int]
    box: Box
    count: int
    dwell_seconds: float
    kind: int
    label: bytes
    time_ns: int
    track_id: int
    zone: bytes
    def __init__(self, kind: _Optional[int] = ..., time_ns: _Optional[int] = ..., zone: _Optional[bytes] = ..., label: _Optional[bytes] = ..., track_id: _Optional[int] = ..., box: _Optional[_Union[Box, _Mapping]] = ..., count: _Optional[int] = ..., dwell_seconds: _Optional[float] = ...) -> None: ...

class Frame(_message.Message):
    __slots__ = ["arrival_ns", "capture_clock", "capture_ns", "height", "position_ns", "sequence", "trace_id", "width"]
    ARRIVAL_NS_FIELD_NUMBER: _ClassVar[int]
    CAPTURE_CLOCK_FIELD_NUMBER: _ClassVar[int]
    CAPTURE_NS_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    POSITION_NS_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    TRACE_ID_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    arrival_ns: int
    capture_clock: int
    capture_ns: int
    height: int
    position_ns: int
    sequence: int
    trace_id: bytes
    width: int
    def __init__(self, sequence: _Optional[int] = ..., capture_ns: _Optional[int] = ..., capture_clock: _Optional[int] = ..., arrival_ns: _Optional[int] = ..., position_ns: _Optional[int] = ..., width: _Optional[int] = ..., height: _Optional[int] = ..., trace_id: _Optional[bytes] = ...) -> None: ...

class Gap(_message.Message):
    __slots__ = ["count", "reason"]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    count: int
    reason: bytes
    def __init__(self, reason: _Optional[bytes] = ..., count: _Optional[int] = ...) -> None: ...

class Hello(_message.Message):
    __slots__ = ["epoch", "major", "minor", "node", "sent_ns", "shared_memory", "software", "to", "token"]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    MAJOR_FIELD_NUMBER: _ClassVar[int]
    MINOR_FIELD_NUMBER: _ClassVar[int]
    NODE_FIELD_NUMBER: _ClassVar[int]
    SENT_NS_FIELD_NUMBER: _ClassVar[int]
    SHARED_MEMORY_FIELD_NUMBER: _ClassVar[int]
    SOFTWARE_FIELD_NUMBER: _ClassVar[int]
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    TO_FIELD_NUMBER: _ClassVar[int]
    epoch: int
    major: int
    minor: int
    node: bytes
    sent_ns: int
    shared_memory: bool
    software: bytes
    to: bytes
    token: bytes
    def __init__(self, node: _Optional[bytes] = ..., major: _Optional[int] = ..., minor: _Optional[int] = ..., software: _Optional[bytes] = ..., token: _Optional[bytes] = ..., epoch: _Optional[int] = ..., sent_ns: _Optional[int] = ..., to: _Optional[bytes] = ..., shared_memory: bool = ...) -> None: ...

class LabelTable(_message.Message):
    __slots__ = ["id", "names"]
    ID_FIELD_NUMBER: _ClassVar[int]
    NAMES_FIELD_NUMBER: _ClassVar[int]
    id: int
    names: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, id: _Optional[int] = ..., names: _Optional[_Iterable[bytes]] = ...) -> None: ...

class Mark(_message.Message):
    __slots__ = ["attachment", "channel", "end", "gaps", "number"]
    ATTACHMENT_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    GAPS_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    attachment: int
    channel: int
    end: bool
    gaps: _containers.RepeatedCompositeFieldContainer[Gap]
    number: int
    def __init__(self, channel: _Optional[int] = ..., number: _Optional[int] = ..., gaps: _Optional[_Iterable[_Union[Gap, _Mapping]]] = ..., end: bool = ..., attachment: _Optional[int] = ...) -> None: ...

class Object(_message.Message):
    __slots__ = ["attributes", "box", "class_id", "embedding_floats", "labels", "score", "track_id"]
    ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
    BOX_FIELD_NUMBER: _ClassVar[int]
    CLASS_ID_FIELD_NUMBER: _ClassVar[int]
    EMBEDDING_FLOATS_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    TRACK_ID_FIELD_NUMBER: _ClassVar[int]
    attributes: _containers.RepeatedCompositeFieldContainer[Attribute]
    box: Box
    class_id: int
    embedding_floats: int
    labels: int
    score: float
    track_id: int
    def __init__(self, box: _Optional[_Union[Box, _Mapping]] = ..., class_id: _Optional[int] = ..., score: _Optional[float] = ..., labels: _Optional[int] = ..., track_id: _Optional[int] = ..., embedding_floats: _Optional[int] = ..., attributes: _Optional[_Iterable[_Union[Attribute, _Mapping]]] = ...) -> None: ...

class Observation(_message.Message):
    __slots__ = ["attachment", "channel", "events", "frame", "gaps", "labels", "labels_restart", "lease", "number", "objects", "sections", "sent_ns", "zones"]
    ATTACHMENT_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    FRAME_FIELD_NUMBER: _ClassVar[int]
    GAPS_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    LABELS_RESTART_FIELD_NUMBER: _ClassVar[int]
    LEASE_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    OBJECTS_FIELD_NUMBER: _ClassVar[int]
    SECTIONS_FIELD_NUMBER: _ClassVar[int]
    SENT_NS_FIELD_NUMBER: _ClassVar[int]
    ZONES_FIELD_NUMBER: _ClassVar[int]
    attachment: int
    channel: int
    events: _containers.RepeatedCompositeFieldContainer[Event]
    frame: Frame
    gaps: _containers.RepeatedCompositeFieldContainer[Gap]
    labels: _containers.RepeatedCompositeFieldContainer[LabelTable]
    labels_restart: bool
    lease: int
    number: int
    objects: _containers.RepeatedCompositeFieldContainer[Object]
    sections: _containers.RepeatedCompositeFieldContainer[Section]
    sent_ns: int
    zones: _containers.RepeatedCompositeFieldContainer[Zone]
    def __init__(self, channel: _Optional[int] = ..., number: _Optional[int] = ..., gaps: _Optional[_Iterable[_Union[Gap, _Mapping]]] = ..., sent_ns: _Optional[int] = ..., frame: _Optional[_Union[Frame, _Mapping]] = ..., sections: _Optional[_Iterable[_Union[Section, _Mapping]]] = ..., lease: _Optional[int] = ..., labels: _Optional[_Iterable[_Union[LabelTable, _Mapping]]] = ..., labels_restart: bool = ..., objects: _Optional[_Iterable[_Union[Object, _Mapping]]] = ..., events: _Optional[_Iterable[_Union[Event, _Mapping]]] = ..., zones: _Optional[_Iterable[_Union[Zone, _Mapping]]] = ..., attachment: _Optional[int] = ...) -> None: ...

class Open(_message.Message):
    __slots__ = ["capacity", "channel", "instance", "producer", "stream"]
    CAPACITY_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    INSTANCE_FIELD_NUMBER: _ClassVar[int]
    PRODUCER_FIELD_NUMBER: _ClassVar[int]
    STREAM_FIELD_NUMBER: _ClassVar[int]
    capacity: int
    channel: int
    instance: int
    producer: bytes
    stream: bytes
    def __init__(self, channel: _Optional[int] = ..., producer: _Optional[bytes] = ..., stream: _Optional[bytes] = ..., instance: _Optional[int] = ..., capacity: _Optional[int] = ...) -> None: ...

class Ping(_message.Message):
    __slots__ = ["bytes_per_second", "decode_ns_per_pixel", "sent_ns"]
    BYTES_PER_SECOND_FIELD_NUMBER: _ClassVar[int]
    DECODE_NS_PER_PIXEL_FIELD_NUMBER: _ClassVar[int]
    SENT_NS_FIELD_NUMBER: _ClassVar[int]
    bytes_per_second: float
    decode_ns_per_pixel: float
    sent_ns: int
    def __init__(self, sent_ns: _Optional[int] = ..., bytes_per_second: _Optional[float] = ..., decode_ns_per_pixel: _Optional[float] = ...) -> None: ...

class Pong(_message.Message):
    __slots__ = ["ping_received_ns", "ping_sent_ns", "sent_ns"]
    PING_RECEIVED_NS_FIELD_NUMBER: _ClassVar[int]
    PING_SENT_NS_FIELD_NUMBER: _ClassVar[int]
    SENT_NS_FIELD_NUMBER: _ClassVar[int]
    ping_received_ns: int
    ping_sent_ns: int
    sent_ns: int
    def __init__(self, ping_sent_ns: _Optional[int] = ..., ping_received_ns: _Optional[int] = ..., sent_ns: _Optional[int] = ...) -> None: ...

class Ready(_message.Message):
    __slots__ = ["sent_ns", "welcome_received_ns", "welcome_sent_ns"]
    SENT_NS_FIELD_NUMBER: _ClassVar[int]
    WELCOME_RECEIVED_NS_FIELD_NUMBER: _ClassVar[int]
    WELCOME_SENT_NS_FIELD_NUMBER: _ClassVar[int]
    sent_ns: int
    welcome_received_ns: int
    welcome_sent_ns: int
    def __init__(self, welcome_sent_ns: _Optional[int] = ..., welcome_received_ns: _Optional[int] = ..., sent_ns: _Optional[int] = ...) -> None: ...

class Refusal(_message.Message):
    __slots__ = ["code", "major", "node", "reason"]
    class Code(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = []
    BUSY: Refusal.Code
    CODE_FIELD_NUMBER: _ClassVar[int]
    MAJOR_FIELD_NUMBER: _ClassVar[int]
    NODE_FIELD_NUMBER: _ClassVar[int]
    OTHER_NODE: Refusal.Code
    REASON_FIELD_NUMBER: _ClassVar[int]
    TOKEN: Refusal.Code
    UNKNOWN: Refusal.Code
    VERSION: Refusal.Code
    code: Refusal.Code
    major: int
    node: bytes
    reason: bytes
    def __init__(self, code: _Optional[_Union[Refusal.Code, str]] = ..., reason: _Optional[bytes] = ..., node: _Optional[bytes] = ..., major: _Optional[int] = ...) -> None: ...

class Section(_message.Message):
    __slots__ = ["bytes", "format", "full_range", "height", "kind", "matrix", "object", "offset", "shared", "width"]
    class Kind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = []
    BYTES_FIELD_NUMBER: _ClassVar[int]
    CROP: Section.Kind
    CROP_JPEG: Section.Kind
    EMBEDDINGS: Section.Kind
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    FULL_RANGE_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    JPEG: Section.Kind
    KIND_FIELD_NUMBER: _ClassVar[int]
    MATRIX_FIELD_NUMBER: _ClassVar[int]
    OBJECT_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    PICTURE: Section.Kind
    SHARED_FIELD_NUMBER: _ClassVar[int]
    UNKNOWN: Section.Kind
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    bytes: int
    format: int
    full_range: bool
    height: int
    kind: Section.Kind
    matrix: int
    object: int
    offset: int
    shared: bool
    width: int
    def __init__(self, kind: _Optional[_Union[Section.Kind, str]] = ..., format: _Optional[int] = ..., width: _Optional[int] = ..., height: _Optional[int] = ..., matrix: _Optional[int] = ..., full_range: bool = ..., bytes: _Optional[int] = ..., object: _Optional[int] = ..., shared: bool = ..., offset: _Optional[int] = ...) -> None: ...

class SharedMemory(_message.Message):
    __slots__ = ["bytes", "leases"]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    LEASES_FIELD_NUMBER: _ClassVar[int]
    bytes: int
    leases: int
    def __init__(self, bytes: _Optional[int] = ..., leases: _Optional[int] = ...) -> None: ...

class SharedMemoryAnswer(_message.Message):
    __slots__ = ["mapped"]
    MAPPED_FIELD_NUMBER: _ClassVar[int]
    mapped: bool
    def __init__(self, mapped: bool = ...) -> None: ...

class Welcome(_message.Message):
    __slots__ = ["epoch", "hello_received_ns", "hello_sent_ns", "major", "max_message_bytes", "minor", "node", "sent_ns", "shared_memory", "software"]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    HELLO_RECEIVED_NS_FIELD_NUMBER: _ClassVar[int]
    HELLO_SENT_NS_FIELD_NUMBER: _ClassVar[int]
    MAJOR_FIELD_NUMBER: _ClassVar[int]
    MAX_MESSAGE_BYTES_FIELD_NUMBER: _ClassVar[int]
    MINOR_FIELD_NUMBER: _ClassVar[int]
    NODE_FIELD_NUMBER: _ClassVar[int]
    SENT_NS_FIELD_NUMBER: _ClassVar[int]
    SHARED_MEMORY_FIELD_NUMBER: _ClassVar[int]
    SOFTWARE_FIELD_NUMBER: _ClassVar[int]
    epoch: int
    hello_received_ns: int
    hello_sent_ns: int
    major: int
    max_message_bytes: int
    minor: int
    node: bytes
    sent_ns: int
    shared_memory: bool
    software: bytes
    def __init__(self, node: _Optional[bytes] = ..., major: _Optional[int] = ..., minor: _Optional[int] = ..., software: _Optional[bytes] = ..., epoch: _Optional[int] = ..., hello_sent_ns: _Optional[int] = ..., hello_received_ns: _Optional[int] = ..., sent_ns: _Optional[int] = ..., max_message_bytes: _Optional[int] = ..., shared_memory: bool = ...) -> None: ...

class Zone(_message.Message):
    __slots__ = ["name", "points"]
    NAME_FIELD_NUMBER: _ClassVar[int]
    POINTS_FIELD_NUMBER: _ClassVar[int]
    name: bytes
    points: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, name: _Optional[bytes] = ..., points: _Optional[_Iterable[float]] = ...) -> None: ...
