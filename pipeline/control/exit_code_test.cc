#include "pipeline/control/exit_code.h"

#include <cerrno>

#include "gtest/gtest.h"

namespace feedfarm {
namespace {

TEST(ChildExit, EachCodeAccusesOne) {
  using Code = absl::StatusCode;
  const struct {
    Code code;
    ChildExit exit;
  } kCodes[] = {
      {Code::kOk, ChildExit::kDone},
      {Code::kCancelled, ChildExit::kOwnFault},
      {Code::kUnknown, ChildExit::kHostRefused},
      {Code::kInvalidArgument, ChildExit::kBadFlags},
      {Code::kDeadlineExceeded, ChildExit::kOwnFault},
      {Code::kNotFound, ChildExit::kHostRefused},
      {Code::kAlreadyExists, ChildExit::kHostRefused},
      {Code::kPermissionDenied, ChildExit::kHostRefused},
      {Code::kResourceExhausted, ChildExit::kHostRefused},
      {Code::kFailedPrecondition, ChildExit::kHostRefused},
      {Code::kAborted, ChildExit::kOwnFault},
      {Code::kOutOfRange, ChildExit::kOwnFault},
      {Code::kUnimplemented, ChildExit::kHostRefused},
      {Code::kInternal, ChildExit::kOwnFault},
      {Code::kUnavailable, ChildExit::kHostRefused},
      {Code::kDataLoss, ChildExit::kOwnFault},
      {Code::kUnauthenticated, ChildExit::kHostRefused},
  };
  for (const auto& [code, exit] : kCodes) EXPECT_EQ(ExitOf(absl::Status(code, "x")), exit) << code;
}

TEST(ChildExit, WhatTheKernelRefusesIsTheHosts) {
  for (const int error : {EPERM, EACCES, ENODEV, ENOENT, ENXIO, EBUSY, EADDRINUSE, ENOMEM, ENOBUFS, ENOSPC, EMFILE, EIO,
                          EOPNOTSUPP, ENETDOWN, EAGAIN, EROFS}) {
    EXPECT_EQ(ExitOf(absl::ErrnoToStatus(error, "x")), ChildExit::kHostRefused) << error;
  }
}

}  // namespace
}  // namespace feedfarm
