#pragma once

namespace feedfarm {

// Where the scheduler groups processes by session (autogroup), a thread's own priority counts only within its session: the
// sender's and the handler's would mean nothing beside a busy neighbour. Raises this process's session as a whole, the handler that it
// starts included. Does nothing unless this process leads its session (a service does; a program in a user's shell does not),
// or where there are no such groups. Goes with the session: nothing to undo.
void RaiseOwnSession();

}  // namespace feedfarm
