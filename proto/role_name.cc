#include "proto/role_name.h"

namespace feedfarm {

const char* RoleName(v1::Role role) {
  switch (role) {
    case v1::ROLE_SOURCE:
      return "source";
    case v1::ROLE_HANDLER:
      return "handler";
    case v1::ROLE_PROFILE:
      return "profile";
    default:  // unspecified, or a newer peer's
      return "a role";
  }
}

bool IsRole(int role) { return role != v1::ROLE_UNSPECIFIED && v1::Role_IsValid(role); }

}  // namespace feedfarm
