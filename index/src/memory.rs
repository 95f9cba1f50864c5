//! Memory that is read here and there: huge pages for large tables, fresh pages for those that grow, and cells of few sizes
//! for small things of which there are many.

pub(crate) mod cells;
mod pages;
#[cfg(all(target_os = "linux", target_pointer_width = "64", not(miri)))]
mod regions;
pub(crate) mod slab;
pub(crate) mod zeroed;

/// Bytes of pages that this crate keeps although nothing lies in them now, for whoever needs some next.
///
/// Fresh pages are dear, most of all in a virtual machine whose host takes back what lies free: there the first touch of a huge
/// page takes milliseconds.
#[must_use]
pub fn retained_memory() -> usize {
    #[cfg(all(target_os = "linux", target_pointer_width = "64", not(miri)))]
    return regions::retained();
    #[cfg(not(all(target_os = "linux", target_pointer_width = "64", not(miri))))]
    return 0;
}

/// Limits [`retained_memory`] to about so many bytes; it is 64 MiB unless this is called. What is more goes back to the operating
/// system: at once what is free as a whole, single pages of what is in use in part as others come free.
pub fn set_retained_memory_limit(bytes: usize) {
    #[cfg(all(target_os = "linux", target_pointer_width = "64", not(miri)))]
    regions::set_limit(bytes);
    #[cfg(not(all(target_os = "linux", target_pointer_width = "64", not(miri))))]
    let _ = bytes;
}

/// Asks the processor for the cache line at `address`; harmless for any address.
#[inline]
pub(crate) fn prefetch<T>(address: *const T) {
    #[cfg(all(target_arch = "x86_64", target_feature = "sse", not(miri)))]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a prefetch reads nothing and cannot fault.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(address.cast()) }
    }
    #[cfg(not(all(target_arch = "x86_64", target_feature = "sse", not(miri))))]
    let _ = address;
}

/// Asks the processor for the cache line at `address` to write to it, so that no other processor keeps a copy; harmless
/// for any address.
#[inline]
pub(crate) fn prefetch_to_write<T>(address: *const T) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    {
        // The intrinsic becomes a prefetch to read where the compiler may not take this instruction for granted; a
        // processor that does not have it ignores it.
        // SAFETY: a prefetch reads nothing and cannot fault.
        unsafe { std::arch::asm!("prefetchw [{}]", in(reg) address, options(nostack, preserves_flags, readonly)) }
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    prefetch(address);
}

/// Asks for huge pages where an allocation that nobody has touched covers some; a refusal changes nothing but speed.
pub(crate) fn prefer_huge_pages<T>(memory: &[T]) {
    #[cfg(all(target_os = "linux", not(miri)))]
    {
        const HUGE_PAGE: usize = 2 << 20;
        let range = memory.as_ptr_range();
        let start = (range.start as usize).next_multiple_of(HUGE_PAGE);
        let end = range.end as usize / HUGE_PAGE * HUGE_PAGE;
        if start < end {
            let offset = start - range.start as usize;
            let memory = memory.as_ptr().cast::<u8>().wrapping_add(offset).cast_mut();
            // SAFETY: the range lies within one live allocation, page-aligned; the advice does not change contents.
            unsafe { libc::madvise(memory.cast(), end - start, libc::MADV_HUGEPAGE) };
        }
    }
    #[cfg(not(all(target_os = "linux", not(miri))))]
    let _ = memory;
}
