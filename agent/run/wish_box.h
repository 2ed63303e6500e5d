#pragma once

#include <glog/logging.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "pipeline/base/scoped_fd.h"

namespace feedfarm {

// What other threads want of one that sleeps in poll. Thread-safe; one thread takes.
template <class Wish>
class WishBox {
 public:
  WishBox() : wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) { PCHECK(wake_.valid()) << "eventfd"; }

  // Readable while there is a wish.
  int fd() const { return wake_.get(); }

  void Post(Wish wish) ABSL_LOCKS_EXCLUDED(mutex_) {
    {
      absl::MutexLock lock(&mutex_);
      wishes_.push_back(std::move(wish));
    }
    const uint64_t one = 1;
    // Full only when it is readable already.
    [[maybe_unused]] const ssize_t written = ::write(wake_.get(), &one, sizeof one);
  }

  // All of them, in their order.
  std::vector<Wish> Take() ABSL_LOCKS_EXCLUDED(mutex_) {
    uint64_t count;
    [[maybe_unused]] const ssize_t got = ::read(wake_.get(), &count, sizeof count);
    absl::MutexLock lock(&mutex_);
    return std::exchange(wishes_, {});
  }

 private:
  const ScopedFd wake_;
  absl::Mutex mutex_;
  std::vector<Wish> wishes_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace feedfarm
