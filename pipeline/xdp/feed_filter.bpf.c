// The one XDP program of an interface: filters the feed's packets, stamps their receive time, applies the cut rules and
// redirects to the queue's AF_XDP socket. Everything else goes on to the kernel's stack.
//
// Two entry points over the same maps; user space loads one of them. feed_filter_hardware asks the driver for its
// receive time and loads only bound to a device that has the kfunc; feed_filter_software loads everywhere.
// clang-format off: bpf_helpers.h needs the types that come before it.
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/udp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "pipeline/xdp/feed_filter_abi.h"
// clang-format on

#define VLAN_TAGS_MAX 2
#define IP_MORE_FRAGMENTS 0x2000
#define IP_FRAGMENT_OFFSET 0x1FFF

struct vlan_tag {
  __be16 control;
  __be16 protocol;
};

// Where the lines arrive on this interface.
const volatile struct feed_filter_endpoint endpoints[FEED_FILTER_LINES];

struct {
  __uint(type, BPF_MAP_TYPE_XSKMAP);
  __uint(max_entries, 64);  // receive queues; user space sets its own
  __type(key, __u32);
  __type(value, __u32);
} sockets SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, FEED_FILTER_LINES);
  __type(key, __u32);
  __type(value, struct feed_filter_cut);
} cuts SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct feed_filter_counters);
} counters SEC(".maps");

extern int bpf_xdp_metadata_rx_timestamp(const struct xdp_md *ctx, __u64 *timestamp) __ksym __weak;

enum parse_result { PARSE_UDP, PARSE_OTHER_PROTOCOL, PARSE_FRAGMENT, PARSE_MALFORMED };

struct destination {
  __be32 address;
  __be16 port;
};

// Finds the UDP destination. Lengths must agree with each other and with the frame; bytes behind the IP packet are
// fine.
static __always_inline enum parse_result parse(const struct xdp_md *ctx, struct destination *to) {
  void *at = (void *)(long)ctx->data;
  void *end = (void *)(long)ctx->data_end;

  const struct ethhdr *ethernet = at;
  if ((void *)(ethernet + 1) > end) return PARSE_MALFORMED;
  __be16 protocol = ethernet->h_proto;
  at = (void *)(ethernet + 1);

#pragma unroll
  for (int i = 0; i < VLAN_TAGS_MAX; ++i) {
    if (protocol != bpf_htons(ETH_P_8021Q) && protocol != bpf_htons(ETH_P_8021AD)) break;
    const struct vlan_tag *tag = at;
    if ((void *)(tag + 1) > end) return PARSE_MALFORMED;
    protocol = tag->protocol;
    at = (void *)(tag + 1);
  }
  if (protocol != bpf_htons(ETH_P_IP)) return PARSE_OTHER_PROTOCOL;

  const struct iphdr *ip = at;
  if ((void *)(ip + 1) > end) return PARSE_MALFORMED;
  if (ip->version != 4 || ip->ihl < 5) return PARSE_MALFORMED;
  if (ip->protocol != IPPROTO_UDP) return PARSE_OTHER_PROTOCOL;
  if (ip->frag_off & bpf_htons(IP_MORE_FRAGMENTS | IP_FRAGMENT_OFFSET)) return PARSE_FRAGMENT;

  const __u32 header_bytes = ip->ihl * 4u;
  const __u32 total_bytes = bpf_ntohs(ip->tot_len);
  const __u32 frame_bytes_left = end - at;
  const struct udphdr *udp = at + header_bytes;
  if ((void *)(udp + 1) > end) return PARSE_MALFORMED;
  if (total_bytes > frame_bytes_left || total_bytes < header_bytes + sizeof(*udp)) return PARSE_MALFORMED;
  const __u32 udp_bytes = bpf_ntohs(udp->len);
  if (udp_bytes < sizeof(*udp) || udp_bytes > total_bytes - header_bytes) return PARSE_MALFORMED;

  to->address = ip->daddr;
  to->port = udp->dest;
  return PARSE_UDP;
}

// The line of a destination, or FEED_FILTER_LINES.
static __always_inline __u32 find_line(const struct destination *to) {
#pragma unroll
  for (__u32 line = 0; line < FEED_FILTER_LINES; ++line) {
    if (endpoints[line].port != 0 && endpoints[line].port == to->port && endpoints[line].address == to->address)
      return line;
  }
  return FEED_FILTER_LINES;
}

static __always_inline void count_cut(struct feed_filter_line_counters *count, __u64 rule_id, __u64 now) {
  ++count->cut;
  if (count->rule_id != rule_id) {
    count->rule_id = rule_id;
    count->rule_cut = 0;
    count->rule_first_tai_ns = now;
  }
  ++count->rule_cut;
  count->rule_last_tai_ns = now;
}

static __always_inline int handle(struct xdp_md *ctx, int ask_hardware) {
  const __u32 zero = 0;
  struct feed_filter_counters *count = bpf_map_lookup_elem(&counters, &zero);
  if (!count) return XDP_PASS;

  struct destination to = {};
  switch (parse(ctx, &to)) {
    case PARSE_UDP:
      break;
    case PARSE_OTHER_PROTOCOL:
      ++count->pass_other_protocol;
      return XDP_PASS;
    case PARSE_FRAGMENT:
      ++count->pass_fragment;
      return XDP_PASS;
    case PARSE_MALFORMED:
      ++count->pass_malformed;
      return XDP_PASS;
  }

  const __u32 line = find_line(&to);
  if (line >= FEED_FILTER_LINES) {
    ++count->pass_other_endpoint;
    return XDP_PASS;
  }
  ++count->lines[line].matched;

  // Rules are in the host's CLOCK_TAI whatever the NIC's clock says.
  const __u64 now = bpf_ktime_get_tai_ns();
  const struct feed_filter_cut *cut = bpf_map_lookup_elem(&cuts, &line);
  if (cut && now >= cut->start_tai_ns && now < cut->end_tai_ns) {
    count_cut(&count->lines[line], cut->rule_id, now);
    return XDP_DROP;
  }

  __u64 receive_time = now;
  __u8 timestamp_class = FEED_FILTER_CLASS_SOFTWARE;
  if (ask_hardware) {
    __u64 hardware_time = 0;
    // veth answers "no error" with time 0.
    if (!bpf_xdp_metadata_rx_timestamp(ctx, &hardware_time) && hardware_time) {
      receive_time = hardware_time;
      timestamp_class = FEED_FILTER_CLASS_HARDWARE;
    }
  }

  // User space tells a packet's line and time from the metadata alone: a packet without it is not redirected.
  if (bpf_xdp_adjust_meta(ctx, -(int)sizeof(struct feed_filter_metadata))) {
    ++count->no_metadata;
    return XDP_PASS;
  }
  struct feed_filter_metadata *metadata = (void *)(long)ctx->data_meta;
  if ((void *)(metadata + 1) > (void *)(long)ctx->data) {
    ++count->no_metadata;
    return XDP_PASS;
  }
  metadata->receive_tai_ns = receive_time;
  metadata->magic = FEED_FILTER_METADATA_MAGIC;
  metadata->line = line;
  metadata->timestamp_class = timestamp_class;
  metadata->padding = 0;

  const int verdict = bpf_redirect_map(&sockets, ctx->rx_queue_index, XDP_PASS);
  if (verdict != XDP_REDIRECT) ++count->no_socket;
  return verdict;
}

SEC("xdp")
int feed_filter_software(struct xdp_md *ctx) { return handle(ctx, 0); }

SEC("xdp")
int feed_filter_hardware(struct xdp_md *ctx) { return handle(ctx, 1); }

char _license[] SEC("license") = "GPL";
