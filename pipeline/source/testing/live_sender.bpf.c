// Run by BPF_PROG_TEST_RUN with live frames: numbers each frame, waits for its time, and sends it out of an interface.
// clang-format off: bpf_helpers.h needs the types that come before it.
#include <linux/bpf.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
// clang-format on

// In a frame of Ethernet (14), IPv4 without options (20), UDP (8), MoldUDP64: session (10), sequence (8).
#define UDP_PORT_OFFSET 36
#define SEQUENCE_OFFSET 52
#define SEQUENCE_BYTES 8
// Behind it the count (2), then ITCH add orders of 36 bytes, each behind its length (2).
#define FIRST_MESSAGE_OFFSET 64
#define MESSAGE_STRIDE 38
#define ADD_ORDER_BYTES 36
#define LOCATE_OFFSET 1
#define REFERENCE_OFFSET 11
#define PRICE_OFFSET 32
#define MESSAGES_MAX 40
#define SYMBOLS 8192
#define PRICES 64
#define PRICE_BASE 1000000
#define PRICE_STEP 100
#define LINES 2
// The longest wait, in reads of the clock: about a second.
#define WAIT_STEPS_MAX (1 << 23)

const volatile __u32 out_interface;
// Line A's port; line B's is the next one. Frames go to A and B in turn, both with the same sequence.
const volatile __u16 first_port;
const volatile __u32 messages_per_packet;
// 0 = as fast as can be.
volatile __u64 period_ns;

__u64 frames;
__u64 due_ns;

static int wait_step(__u32 step, __u64 *until_ns) {
  (void)step;
  return bpf_ktime_get_ns() >= *until_ns;
}

SEC("xdp")
int live_sender(struct xdp_md *ctx) {
  __u8 *data = (void *)(long)ctx->data;
  if ((void *)(data + SEQUENCE_OFFSET + SEQUENCE_BYTES) > (void *)(long)ctx->data_end) return XDP_ABORTED;
  const __u64 frame = frames++;
  *(__u16 *)(data + UDP_PORT_OFFSET) = bpf_htons(first_port + frame % LINES);
  // The sequence stands at an even, but not at an 8-byte, offset.
  const __u64 sequence = bpf_cpu_to_be64(1 + frame / LINES * messages_per_packet);
  __builtin_memcpy(data + SEQUENCE_OFFSET, &sequence, SEQUENCE_BYTES);
  for (__u32 i = 0; i < MESSAGES_MAX && i < messages_per_packet; ++i) {
    __u8 *message = data + FIRST_MESSAGE_OFFSET + i * MESSAGE_STRIDE;
    if ((void *)(message + ADD_ORDER_BYTES) > (void *)(long)ctx->data_end) break;
    const __u64 number = 1 + frame / LINES * messages_per_packet + i;
    const __u16 locate = bpf_htons(1 + number % SYMBOLS);
    const __u64 reference = bpf_cpu_to_be64(number);
    const __u32 price = bpf_htonl(PRICE_BASE + number / SYMBOLS % PRICES * PRICE_STEP);
    __builtin_memcpy(message + LOCATE_OFFSET, &locate, sizeof(locate));
    __builtin_memcpy(message + REFERENCE_OFFSET, &reference, sizeof(reference));
    __builtin_memcpy(message + PRICE_OFFSET, &price, sizeof(price));
  }
  if (period_ns != 0) {
    if (due_ns == 0) due_ns = bpf_ktime_get_ns();
    due_ns += period_ns;
    __u64 until_ns = due_ns;
    bpf_loop(WAIT_STEPS_MAX, wait_step, &until_ns, 0);
  }
  return bpf_redirect(out_interface, 0);
}

char _license[] SEC("license") = "GPL";
