"""Client of Vedette's frame log.

>>> import vedette
>>> broker = vedette.connect("127.0.0.1:7402")
>>> for time, image in broker.subscribe("yard/1", latency=0.1, accuracy=0.95):
...     print(time, image.shape)
"""

from vedette._connected import Transport
from vedette.client import Camera, Client, connect
from vedette.errors import (
    BrokerError,
    BrokerUnavailable,
    CameraNotFound,
    InvalidRequest,
    PermissionDenied,
)
from vedette.frames import Clock, End, Frame, Gap, Infeasible, Notice, Setting, Started
from vedette.publication import Publication
from vedette.subscription import Subscription

__all__ = [
    "BrokerError",
    "BrokerUnavailable",
    "Camera",
    "CameraNotFound",
    "Client",
    "Clock",
    "End",
    "Frame",
    "Gap",
    "Infeasible",
    "InvalidRequest",
    "Notice",
    "PermissionDenied",
    "Publication",
    "Setting",
    "Started",
    "Subscription",
    "Transport",
    "connect",
]
