//! The heap, in which payloads are kept.

/// Makes all threads share one heap.
///
/// glibc gives each thread that allocates a separate heap, and reserves 64 MiB of addresses for it (`M_ARENA_MAX` in
/// mallopt(3)). A thread cannot use what is free in another thread's heap, and a process with limited address space runs out
/// of addresses long before it runs out of memory. One thread does nearly all the work here, so no thread waits for the
/// heap.
#[cfg(target_env = "gnu")]
#[expect(unsafe_code, reason = "no library wraps it, and the variable for it is read before the program begins")]
pub fn share_one() {
    // SAFETY: it sets a number, before there is a second thread.
    unsafe { libc::mallopt(libc::M_ARENA_MAX, 1) };
}

/// Other allocators reserve nothing for each thread.
#[cfg(not(target_env = "gnu"))]
pub fn share_one() {}

/// Bytes to keep: more than the longest payload that Lambda accepts, with its envelope.
const KEPT: usize = 8 << 20;

/// Makes the allocator keep the memory of one payload for the next, up to twice 8 MiB.
///
/// glibc returns freed memory to the kernel above a limit, which is twice the largest block that was mapped and freed so far
/// (`M_MMAP_THRESHOLD` in mallopt(3)). Until a block of this size was freed, every payload is written into pages that the
/// kernel must find and clear first, which takes as long as copying the payload. This function frees such a block. The block
/// is never written to, so it takes no memory. With other allocators it has no effect.
pub fn keep_freed_memory() {
    drop(std::hint::black_box(Vec::<u8>::with_capacity(KEPT)));
}
