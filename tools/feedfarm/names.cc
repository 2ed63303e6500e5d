#include "tools/feedfarm/names.h"

namespace feedfarm {

const char* StateName(v1::RunState state) {
  switch (state) {
    case v1::RUN_STATE_QUEUED:
      return "queued";
    case v1::RUN_STATE_PREPARING:
      return "preparing";
    case v1::RUN_STATE_RUNNING:
      return "running";
    case v1::RUN_STATE_COLLECTING:
      return "collecting";
    case v1::RUN_STATE_TEARING_DOWN:
      return "tearing down";
    case v1::RUN_STATE_FINISHED:
      return "finished";
    default:  // protobuf enums are open
      return "-";
  }
}

const char* HealthName(v1::HostHealth health) {
  switch (health) {
    case v1::HOST_HEALTH_FIT:
      return "fit";
    case v1::HOST_HEALTH_SUSPECT:
      return "suspect";
    case v1::HOST_HEALTH_LOST:
      return "lost";
    case v1::HOST_HEALTH_UNFIT:
      return "unfit";
    case v1::HOST_HEALTH_QUARANTINED:
      return "quarantined";
    default:
      return "unknown";
  }
}

}  // namespace feedfarm
