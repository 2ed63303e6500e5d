#pragma once

namespace feedfarm {

// Asks for the cache line at `at`, any address, which will be written. The empty asm is what keeps it: gcc 12 takes a
// function that does nothing but prefetch for one without effect, and leaves out calls of it.
[[gnu::always_inline]] inline void PrefetchLine(const void* at) {
  __builtin_prefetch(at, 1);
  asm volatile("");
}

}  // namespace feedfarm
