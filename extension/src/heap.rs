//! The heap: what payloads are kept in, one invocation after the other.

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
