//! A counting allocator, so that tests can check how often code allocates.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
    static HELD: Cell<isize> = const { Cell::new(0) };
}

/// Counts the bytes that a thread holds.
fn hold(more: usize, less: usize) {
    let bytes = more.cast_signed() - less.cast_signed();
    let _ = HELD.try_with(|held| held.set(held.get() + bytes));
}

#[expect(unsafe_code, reason = "an allocator is unsafe by definition; this one forwards every call")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // A thread that is ending no longer has a counter.
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

/// Returns how often `work` allocates or reallocates on this thread.
pub fn allocations_of<T>(work: impl FnOnce() -> T) -> (usize, T) {
    let before = allocations();
    let result = work();
    (allocations() - before, result)
}

/// How often this thread has allocated or reallocated.
pub fn allocations() -> usize {
    ALLOCATIONS.with(Cell::get)
}

/// The bytes that this thread has allocated and not freed.
pub fn held() -> isize {
    HELD.with(Cell::get)
}
