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

// For a thread that wakes beside one that spins on core `spinning_cpu` (-1 = on any: then nothing is done): off that
// core where the host has three or more; on it where there are two, as the other one is the handler's when both roles
// are tried on one machine, and a source must not slow down what it tests.
void StandBeside(int spinning_cpu);

}  // namespace feedfarm
