#pragma once

namespace feedfarm {

// What an interface really does, found by doing it.
struct XdpAbilities {
  bool native = false;     // a program in the driver
  bool generic = false;    // a program in the stack
  bool zero_copy = false;  // an AF_XDP socket on queue 0 whose frames the device fills
};

// Attaches a program that passes everything, in each mode, and binds an AF_XDP socket with zero-copy asked for; all of
// it is held by file descriptors and gone on return. Real drivers may take the link down for some seconds meanwhile.
// Where another program is attached already, or permission is missing, the abilities in question are false. In the
// calling thread's network namespace.
XdpAbilities TryXdp(int interface_index);

}  // namespace feedfarm
