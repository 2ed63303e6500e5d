#include "pipeline/source/testing/live_source_test_base.h"

namespace feedfarm::testing {

void PrintTo(const Method& method, std::ostream* out) { *out << method.name; }

std::string NameOfMethod(const ::testing::TestParamInfo<Method>& info) { return info.param.name; }

std::vector<Method> ReceiveMethods() {
  ReceiveOptions native{.method = ReceiveMethod::kAfXdp, .lines = {}, .frames = kFrames};
  ReceiveOptions skb = native, busy = native;
  skb.force_skb_mode = true;
  busy.busy_poll_us = 20;
  const ReceiveOptions sockets{.method = ReceiveMethod::kRecvmmsg, .lines = {}, .frames = kFrames};
  const ReceiveOptions ring{.method = ReceiveMethod::kPacketMmap, .lines = {}, .frames = kFrames};
  std::vector<Method> methods;
  for (bool one : {false, true}) {
    const std::string suffix = one ? "OneInterface" : "TwoInterfaces";
    methods.push_back({"AfXdpNative" + suffix, one, true, native});
    methods.push_back({"AfXdpSkb" + suffix, one, true, skb});
    methods.push_back({"AfXdpBusyPoll" + suffix, one, true, busy});
    methods.push_back({"Recvmmsg" + suffix, one, false, sockets});
    methods.push_back({"PacketMmap" + suffix, one, true, ring});
  }
  return methods;
}

}  // namespace feedfarm::testing
