//! A store whose only connection is taken, so that later jobs wait together.

use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};

use tokio::task::{JoinHandle, yield_now};
use user_relationships::model::change::ChangeOrigin;
use user_relationships::model::error::Result;
use user_relationships::store::{Store, Tx};

/// Takes the only connection of a store until the sender sends or is dropped.
pub async fn hold(store: &Store) -> (JoinHandle<Result<()>>, Sender<()>) {
    let ((resume, resumed), (begun, begins)) = (channel::<()>(), channel());
    let (store, resumed) = (store.clone(), Arc::new(Mutex::new(resumed)));
    let job = move |_: &mut Tx<'_>| {
        let _ = begun.send(());
        let _ = resumed.lock().expect("one job at a time").recv();
        Ok(())
    };
    let held = tokio::spawn(async move { store.write("test.hold", ChangeOrigin::WITHOUT_CALLER, job).await });
    yield_now().await;
    begins.recv().expect("the job begins");
    (held, resume)
}
