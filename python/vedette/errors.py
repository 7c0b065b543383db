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


_CLASSES: dict[int, type[BrokerError]] = {
    grpc.StatusCode.UNAVAILABLE.value[0]: BrokerUnavailable,
    grpc.StatusCode.DEADLINE_EXCEEDED.value[0]: BrokerUnavailable,
    grpc.StatusCode.CANCELLED.value[0]: BrokerUnavailable,
    grpc.StatusCode.NOT_FOUND.value[0]: CameraNotFound,
    grpc.StatusCode.PERMISSION_DENIED.value[0]: PermissionDenied,
    grpc.StatusCode.UNAUTHENTICATED.value[0]: PermissionDenied,
    grpc.StatusCode.INVALID_ARGUMENT.value[0]: InvalidRequest,
    grpc.StatusCode.FAILED_PRECONDITION.value[0]: InvalidRequest,
}


def of(error: grpc.RpcError) -> BrokerError:
    """The exception for a failed call."""
    return of_code(error.code().value[0], error.details() or str(error.code()))


def of_code(code: int, line: str) -> BrokerError:
    """The exception for a status code of gRPC, which streams use, too."""
    return _CLASSES.get(code, BrokerError)(line)
