// Shared by feed_filter.bpf.c (C, clang's bpf target) and user space (C++): fixed-width types, explicit padding.
#ifndef PIPELINE_XDP_FEED_FILTER_ABI_H_
#define PIPELINE_XDP_FEED_FILTER_ABI_H_

#include <linux/types.h>

#ifdef __cplusplus
#define FEED_FILTER_ASSERT(condition) static_assert(condition, #condition)
#else
#define FEED_FILTER_ASSERT(condition) _Static_assert(condition, #condition)
#endif

// Lines A and B: LineId's values.
#define FEED_FILTER_LINES 2

// One line's destination. `port` 0: this line does not arrive on this interface.
struct feed_filter_endpoint {
  __be32 address;
  __be16 port;
  __u16 padding;
};
FEED_FILTER_ASSERT(sizeof(struct feed_filter_endpoint) == 8);

// Lies directly before the Ethernet header of each redirected frame. Not aligned in user space.
//
//   0              8       12     13      14       16
//   receive_tai_ns  magic   line   class   padding  Ethernet...
struct feed_filter_metadata {
  __u64 receive_tai_ns;  // CLOCK_TAI for software, the NIC's own clock (kept on TAI) for hardware
  __u32 magic;
  __u8 line;
  __u8 timestamp_class;  // TimestampClass: 1 software, 2 hardware
  __u16 padding;
};
FEED_FILTER_ASSERT(sizeof(struct feed_filter_metadata) == 16);
FEED_FILTER_ASSERT(sizeof(struct feed_filter_metadata) % 4 == 0);  // bpf_xdp_adjust_meta
#define FEED_FILTER_METADATA_MAGIC 0x46464D31u                     // "FFM1"

#define FEED_FILTER_CLASS_SOFTWARE 1
#define FEED_FILTER_CLASS_HARDWARE 2

// Drops a line's packets while start <= now < end (CLOCK_TAI): `end` is also the rule's expiry. An empty rule has start
// above every time and end 0. Words are written in this order, not together: user space never writes a rule that, half
// old and half new, is open where neither is (see xdp_program.cc).
struct feed_filter_cut {
  __u64 start_tai_ns;
  __u64 end_tai_ns;
  __u64 rule_id;  // grows with each rule armed; 0 = none
};
FEED_FILTER_ASSERT(sizeof(struct feed_filter_cut) == 24);
#define FEED_FILTER_NEVER (~(__u64)0)

// One CPU's account of a line.
struct feed_filter_line_counters {
  __u64 matched;            // packets to this line's address and port, cut ones included
  __u64 cut;                // of them, dropped by a cut rule
  __u64 rule_id;            // the newest rule that dropped one on this CPU
  __u64 rule_cut;           // packets that it dropped
  __u64 rule_first_tai_ns;  // the first and last of them
  __u64 rule_last_tai_ns;
};
FEED_FILTER_ASSERT(sizeof(struct feed_filter_line_counters) == 48);

// One CPU's account. Every frame is counted once: in a line's `matched`, or in one of the pass_ reasons.
struct feed_filter_counters {
  struct feed_filter_line_counters lines[FEED_FILTER_LINES];
  __u64 pass_other_protocol;  // not IPv4, or not UDP, or more than two VLAN tags
  __u64 pass_fragment;
  __u64 pass_malformed;       // headers cut short, or lengths that do not agree
  __u64 pass_other_endpoint;  // UDP to another address or port
  __u64 no_socket;            // matched, but the receive queue has no socket: passed
  __u64 no_metadata;          // matched, but the driver has no room for metadata: passed
};
FEED_FILTER_ASSERT(sizeof(struct feed_filter_counters) == 2 * 48 + 6 * 8);

#endif  // PIPELINE_XDP_FEED_FILTER_ABI_H_
