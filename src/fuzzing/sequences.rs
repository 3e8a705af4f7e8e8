//! Sequences of operations on a service in this process, on a SQLite file, compared with a model.

mod model;
mod service;

use std::cell::RefCell;
use std::mem::ManuallyDrop;

use model::EdgeModel;
use service::FuzzedService;

/// The most operations of a sequence.
const MOST: usize = 40;
/// The sequences of one database: its log of changes grows with each.
const SEQUENCES_PER_DATABASE: usize = 2_000;

thread_local! {
    /// The service and the number of its sequences. It is not dropped with the thread, because actix needs thread-local
    /// values of its own for that.
    static SERVICE: RefCell<ManuallyDrop<Option<(FuzzedService, usize)>>> =
        const { RefCell::new(ManuallyDrop::new(None)) };
}

/// Each operation is three bytes: what to do, and with what. The last operation deletes all relationships.
pub fn sequences(data: &[u8]) {
    // Taken out, so that the next sequence after a panic gets a new database.
    let taken = SERVICE.with_borrow_mut(|slot| slot.take());
    let (service, count) = taken.unwrap_or_else(|| (FuzzedService::start(), 0));
    let mut model = EdgeModel::default();
    let (operations, _) = data.as_chunks::<3>();
    for &[what, one, other] in operations.iter().take(MOST) {
        model.apply(&service, what, usize::from(one), usize::from(other));
    }
    model.finish(&service);
    if count + 1 < SEQUENCES_PER_DATABASE {
        SERVICE.with_borrow_mut(|slot| **slot = Some((service, count + 1)));
    }
}

/// Stops the service of this thread and deletes its database.
#[cfg(test)]
pub(super) fn stop_service() {
    SERVICE.with_borrow_mut(|slot| drop(slot.take()));
}
