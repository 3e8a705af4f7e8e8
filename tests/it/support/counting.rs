//! An allocator that counts, so that tests can say how often a piece of code asks for memory.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
    static HELD: Cell<isize> = const { Cell::new(0) };
}

/// Counts bytes that a thread has taken and not given back.
fn hold(more: usize, less: usize) {
    let bytes = more.cast_signed() - less.cast_signed();
    let _ = HELD.try_with(|held| held.set(held.get() + bytes));
}

#[expect(unsafe_code, reason = "an allocator cannot be written otherwise; this one hands everything on")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // A thread that is ending has no counter any more, and nobody who asks for it.
        let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
        hold(layout.size(), 0);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        hold(0, layout.size());
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
        hold(size, layout.size());
        unsafe { System.realloc(pointer, layout, size) }
    }
}

/// How often `work` asks for memory, or for more of it, on this thread.
pub fn allocations_of<T>(work: impl FnOnce() -> T) -> (usize, T) {
    let before = allocations();
    let result = work();
    (allocations() - before, result)
}

/// How often this thread has asked for memory, or for more of it.
pub fn allocations() -> usize {
    ALLOCATIONS.with(Cell::get)
}

/// Bytes that this thread has taken and not given back.
pub fn held() -> isize {
    HELD.with(Cell::get)
}
