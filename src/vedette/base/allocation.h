#pragma once

namespace vedette {

/// Has malloc keep freed memory for the next buffers (up to 64 MiB a heap) instead of giving it back to the system: for
/// a process that moves buffers of 100 KB and more through a library that allocates each anew, where half of the time
/// went into laying pages under them. Does nothing where the C library is not glibc. Before threads are made.
void keep_freed_memory();

}  // namespace vedette
