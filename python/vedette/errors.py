"""What a broker refuses, each with one line that says what to do."""

from __future__ import annotations

import grpc


class BrokerError(Exception):
    """Anything a broker refuses or cannot do."""


class BrokerUnavailable(BrokerError):
    """No broker answers now; a later try may succeed."""


class CameraNotFound(BrokerError):
    """There is no such camera or subscription."""


class PermissionDenied(BrokerError):
    """No token, a wrong one, or one whose role does not allow this."""


class InvalidRequest(BrokerError, ValueError):
    """An end before the beginning, an impossible bound, a time that goes backwards, bytes that are no JPEG."""


_CLASSES = {
    grpc.StatusCode.UNAVAILABLE: BrokerUnavailable,
    grpc.StatusCode.DEADLINE_EXCEEDED: BrokerUnavailable,
    grpc.StatusCode.CANCELLED: BrokerUnavailable,
    grpc.StatusCode.NOT_FOUND: CameraNotFound,
    grpc.StatusCode.PERMISSION_DENIED: PermissionDenied,
    grpc.StatusCode.UNAUTHENTICATED: PermissionDenied,
    grpc.StatusCode.INVALID_ARGUMENT: InvalidRequest,
    grpc.StatusCode.FAILED_PRECONDITION: InvalidRequest,
}


def of(error: grpc.RpcError) -> BrokerError:
    """The exception for a failed call."""
    return _CLASSES.get(error.code(), BrokerError)(error.details() or str(error.code()))
