#include "pipeline/control/exit_code.h"

#include <cerrno>

#include "gtest/gtest.h"

namespace feedfarm {
namespace {

TEST(HandlerExit, EachCodeAccusesOne) {
  using Code = absl::StatusCode;
  const struct {
    Code code;
    HandlerExit exit;
  } kCodes[] = {
      {Code::kOk, HandlerExit::kDone},
      {Code::kCancelled, HandlerExit::kOwnFault},
      {Code::kUnknown, HandlerExit::kHostRefused},
      {Code::kInvalidArgument, HandlerExit::kBadFlags},
      {Code::kDeadlineExceeded, HandlerExit::kOwnFault},
      {Code::kNotFound, HandlerExit::kHostRefused},
      {Code::kAlreadyExists, HandlerExit::kHostRefused},
      {Code::kPermissionDenied, HandlerExit::kHostRefused},
      {Code::kResourceExhausted, HandlerExit::kHostRefused},
      {Code::kFailedPrecondition, HandlerExit::kHostRefused},
      {Code::kAborted, HandlerExit::kOwnFault},
      {Code::kOutOfRange, HandlerExit::kOwnFault},
      {Code::kUnimplemented, HandlerExit::kHostRefused},
      {Code::kInternal, HandlerExit::kOwnFault},
      {Code::kUnavailable, HandlerExit::kHostRefused},
      {Code::kDataLoss, HandlerExit::kOwnFault},
      {Code::kUnauthenticated, HandlerExit::kHostRefused},
  };
  for (const auto& [code, exit] : kCodes) EXPECT_EQ(ExitOf(absl::Status(code, "x")), exit) << code;
}

TEST(HandlerExit, WhatTheKernelRefusesIsTheHosts) {
  for (const int error : {EPERM, EACCES, ENODEV, ENOENT, ENXIO, EBUSY, EADDRINUSE, ENOMEM, ENOBUFS, ENOSPC, EMFILE, EIO,
                          EOPNOTSUPP, ENETDOWN, EAGAIN, EROFS}) {
    EXPECT_EQ(ExitOf(absl::ErrnoToStatus(error, "x")), HandlerExit::kHostRefused) << error;
  }
}

}  // namespace
}  // namespace feedfarm
