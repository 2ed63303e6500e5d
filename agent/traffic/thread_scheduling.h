#pragma once

namespace feedfarm {

// How a thread of the source gets its core while others spin. Both are of the calling thread alone and end with it, so
// that nothing is left on the host whatever ends the process. What the kernel refuses (no CAP_SYS_NICE, no real-time
// share for the control group) is done without: then latencies say what it costs.

// For a thread that spins: before everything else that is not real-time. Real-time itself would be throttled.
void FavourSpinningThread();

// For a thread that sleeps until it is wanted and is soon done: real-time (SCHED_FIFO, the lowest priority of it), so
// that it runs as soon as it is woken, not when a spinning thread's time slice ends, which takes milliseconds. It must
// sleep again and again however much there is to do. Where that is refused, as FavourSpinningThread.
void FavourWakingThread();

}  // namespace feedfarm
