//! The heap: what payloads are kept in, one invocation after the other.

/// Has all threads share one heap.
///
/// glibc gives each thread that allocates a separate heap, and reserves 64 MiB of addresses for it (`M_ARENA_MAX` in mallopt(3)). What is
/// free in one is of no use to another, and a process with a limit of addresses runs out of them long before it runs out of memory. One
/// thread does nearly all the work here, so nobody waits for the heap.
#[cfg(target_env = "gnu")]
#[expect(unsafe_code, reason = "no library wraps it, and the variable for it is read before the program begins")]
pub fn share_one() {
    // SAFETY: it sets a number, before there is a second thread.
    unsafe { libc::mallopt(libc::M_ARENA_MAX, 1) };
}

/// Other allocators reserve nothing for each thread.
#[cfg(not(target_env = "gnu"))]
pub fn share_one() {}

/// More than a payload may have that Lambda takes, with room for its event.
const KEPT: usize = 8 << 20;

/// Has the allocator keep the memory of one payload for the next, up to twice 8 MiB.
///
/// glibc returns freed memory to the kernel above a limit that follows the blocks it has seen: it doubles the largest that was
/// mapped and freed (`M_MMAP_THRESHOLD` in mallopt(3)). Until it has seen one of this size, every payload is written into
/// pages that the kernel must find and clear first, which takes as long as copying it. This one is never touched, so it
/// takes no memory. Other allocators lose nothing by it.
pub fn keep_freed_memory() {
    drop(std::hint::black_box(Vec::<u8>::with_capacity(KEPT)));
}
