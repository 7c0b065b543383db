#pragma once

#include <grpcpp/support/status.h>

#include <string>

#include "vedette/base/error.h"
#include "vedette/net/message.h"

namespace vedette::broker {

/// The status of an error and back, one line each. kUsage, kInvalidConfig and kInvalidData are INVALID_ARGUMENT,
/// kNotFound NOT_FOUND, kUnavailable UNAVAILABLE, kTimeout DEADLINE_EXCEEDED, kPermissionDenied PERMISSION_DENIED (no
/// token or a wrong one: UNAUTHENTICATED), kExhausted RESOURCE_EXHAUSTED, kAddressInUse ALREADY_EXISTS, kInternal
/// INTERNAL.
inline grpc::Status status_of(const Error& error) {
  auto code = grpc::StatusCode::INTERNAL;
  switch (error.code()) {
    case ErrorCode::kUsage:
    case ErrorCode::kInvalidConfig:
    case ErrorCode::kInvalidData: code = grpc::StatusCode::INVALID_ARGUMENT; break;
    case ErrorCode::kNotFound: code = grpc::StatusCode::NOT_FOUND; break;
    case ErrorCode::kUnavailable: code = grpc::StatusCode::UNAVAILABLE; break;
    case ErrorCode::kTimeout: code = grpc::StatusCode::DEADLINE_EXCEEDED; break;
    case ErrorCode::kPermissionDenied: code = grpc::StatusCode::PERMISSION_DENIED; break;
    case ErrorCode::kExhausted: code = grpc::StatusCode::RESOURCE_EXHAUSTED; break;
    case ErrorCode::kAddressInUse: code = grpc::StatusCode::ALREADY_EXISTS; break;
    case ErrorCode::kInternal: break;
  }
  if (const auto* http = dynamic_cast<const net::HttpError*>(&error); http && http->status() == 401)
    code = grpc::StatusCode::UNAUTHENTICATED;
  return {code, error.line()};
}

inline Error error_of(const grpc::Status& status) {
  auto code = ErrorCode::kInternal;
  switch (status.error_code()) {
    case grpc::StatusCode::INVALID_ARGUMENT:
    case grpc::StatusCode::FAILED_PRECONDITION:
    case grpc::StatusCode::OUT_OF_RANGE: code = ErrorCode::kUsage; break;
    case grpc::StatusCode::NOT_FOUND: code = ErrorCode::kNotFound; break;
    case grpc::StatusCode::CANCELLED:
    case grpc::StatusCode::UNAVAILABLE: code = ErrorCode::kUnavailable; break;
    case grpc::StatusCode::DEADLINE_EXCEEDED: code = ErrorCode::kTimeout; break;
    case grpc::StatusCode::UNAUTHENTICATED:
    case grpc::StatusCode::PERMISSION_DENIED: code = ErrorCode::kPermissionDenied; break;
    case grpc::StatusCode::RESOURCE_EXHAUSTED: code = ErrorCode::kExhausted; break;
    case grpc::StatusCode::ALREADY_EXISTS: code = ErrorCode::kAddressInUse; break;
    default: break;
  }
  return Error(code, status.error_message());
}

}  // namespace vedette::broker
