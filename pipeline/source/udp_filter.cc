#include "pipeline/source/udp_filter.h"

#include <linux/if_ether.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "glog/logging.h"
#include "pipeline/base/status_macros.h"

namespace feedfarm {
namespace {

constexpr uint32_t kVlanTagsMax = 2, kVlanTagBytes = 4;
constexpr uint32_t kWholeFrame = 0x40000;  // more than any frame
// Offsets in an untagged frame.
constexpr uint32_t kTypeAt = 12, kIpAt = 14, kFragmentAt = kIpAt + 6, kProtocolAt = kIpAt + 9, kDestinationAt = kIpAt + 16;
// From the IP header's end.
constexpr uint32_t kPortAt = 2;
constexpr uint32_t kFragmentBits = 0x3FFF;  // more fragments, and the offset

// A program with jumps to its two ends, which are known when it is complete. Jumps only go forward.
class Assembler {
 public:
  void Load(uint16_t size_and_mode, uint32_t at) { code_.push_back({Code(BPF_LD | size_and_mode), 0, 0, at}); }
  void LoadIpHeaderBytes(uint32_t at) { code_.push_back({Code(BPF_LDX | BPF_B | BPF_MSH), 0, 0, at}); }
  void Accept() { code_.push_back({Code(BPF_RET | BPF_K), 0, 0, kWholeFrame}); }

  void DropUnlessEqual(uint32_t value) { Jump(BPF_JEQ, value, 0, kToDrop); }
  void DropIfAnyBit(uint32_t bits) { Jump(BPF_JSET, bits, kToDrop, 0); }
  void SkipUnlessEqual(uint32_t value, uint8_t instructions) { Jump(BPF_JEQ, value, 0, instructions); }
  void SkipIfEqual(uint32_t value, uint8_t instructions) { Jump(BPF_JEQ, value, instructions, 0); }

  std::vector<sock_filter> Finish() {
    const size_t end = code_.size();
    for (size_t i = 0; i < end; ++i) {
      CHECK(end - i - 1 < kToDrop) << "a jump too far";
      if (code_[i].jt == kToDrop) code_[i].jt = static_cast<uint8_t>(end - i - 1);
      if (code_[i].jf == kToDrop) code_[i].jf = static_cast<uint8_t>(end - i - 1);
    }
    code_.push_back({Code(BPF_RET | BPF_K), 0, 0, 0});
    return code_;
  }

  size_t size() const { return code_.size(); }

 private:
  static constexpr uint8_t kToDrop = 0xFF;
  static uint16_t Code(int code) { return static_cast<uint16_t>(code); }
  void Jump(int condition, uint32_t value, uint8_t if_true, uint8_t if_false) {
    code_.push_back({Code(BPF_JMP | condition | BPF_K), if_true, if_false, value});
  }

  std::vector<sock_filter> code_;
};

// Ends in accept or drop for a frame whose EtherType, after `shift` bytes of tags, is IPv4.
void Datagram(const std::array<LineEndpoint, kLines>& endpoints, uint32_t shift, Assembler& code) {
  code.Load(BPF_B | BPF_ABS, kProtocolAt + shift);
  code.DropUnlessEqual(IPPROTO_UDP);
  code.Load(BPF_H | BPF_ABS, kFragmentAt + shift);
  code.DropIfAnyBit(kFragmentBits);
  code.LoadIpHeaderBytes(kIpAt + shift);
  for (const LineEndpoint& endpoint : endpoints) {
    if (endpoint.port == 0) continue;
    code.Load(BPF_W | BPF_ABS, kDestinationAt + shift);
    code.SkipUnlessEqual(endpoint.group, 3);
    code.Load(BPF_H | BPF_IND, kIpAt + shift + kPortAt);
    code.SkipUnlessEqual(endpoint.port, 1);
    code.Accept();
  }
  code.Load(BPF_W | BPF_IMM, 0);
  code.DropUnlessEqual(1);  // always: no endpoint matched
}

}  // namespace

std::vector<sock_filter> UdpFilter(const std::array<LineEndpoint, kLines>& endpoints) {
  Assembler code;
  for (uint32_t tags = 0; tags <= kVlanTagsMax; ++tags) {
    const uint32_t shift = tags * kVlanTagBytes;
    Assembler datagram;
    Datagram(endpoints, shift, datagram);
    code.Load(BPF_H | BPF_ABS, kTypeAt + shift);
    if (tags == kVlanTagsMax) {
      code.DropUnlessEqual(ETH_P_IP);
      Datagram(endpoints, shift, code);
      break;
    }
    const uint8_t body = static_cast<uint8_t>(datagram.size());
    code.SkipIfEqual(ETH_P_8021Q, static_cast<uint8_t>(body + 2));
    code.SkipIfEqual(ETH_P_8021AD, static_cast<uint8_t>(body + 1));
    code.DropUnlessEqual(ETH_P_IP);
    Datagram(endpoints, shift, code);
  }
  return code.Finish();
}

absl::Status AttachFilter(int socket_fd, const std::vector<sock_filter>& filter) {
  sock_fprog program{.len = static_cast<unsigned short>(filter.size()), .filter = const_cast<sock_filter*>(filter.data())};
  if (setsockopt(socket_fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) != 0) {
    return ErrnoStatus("setsockopt SO_ATTACH_FILTER");
  }
  return absl::OkStatus();
}

}  // namespace feedfarm
