//! Readers of the change feed that wait for the next change.
//!
//! # Design
//! A waiting reader uses neither a thread nor a database connection. While there is one, one task of the process reads
//! the new changes, once for all readers: after commits of this process, and every quarter of a second for those of
//! other instances. It publishes them as [`ChangeNews`], and each reader compares them with its filter in memory. So a
//! reader whose filter matches nothing costs no query, however much is written.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};

use crate::domain::changes::{self, ChangeNews};
use crate::http::jsonapi::errors::{ApiProblem, Failure};
use crate::metrics::Gauge;
use crate::model::code::Code;
use crate::model::error::Result;
use crate::store::{Cost, Store};

/// How often changes of other instances are looked for.
const INTERVAL: Duration = Duration::from_millis(250);
/// The shortest time between two queries, so that readers cost little while there are many commits.
const PAUSE: Duration = Duration::from_millis(20);

/// All waiting readers of a process.
pub struct ChangeReaders {
    limit: usize,
    counts: Mutex<ReaderCounts>,
    gauge: Gauge,
    news: watch::Sender<Option<Arc<ChangeNews>>>,
    /// Notified when the process shuts down.
    closing: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct ReaderCounts {
    waiting: usize,
    /// Whether the task that reads changes runs.
    is_watched: bool,
}

/// What a waiting reader learns.
#[derive(Debug, Clone)]
pub enum ReaderEvent {
    /// There may be new changes.
    News(Arc<ChangeNews>),
    /// The process is shutting down.
    Closed,
}

/// A waiting reader, counted until it is dropped.
pub struct WaitingReader {
    readers: Arc<ChangeReaders>,
    news: watch::Receiver<Option<Arc<ChangeNews>>>,
    closing: watch::Receiver<()>,
    /// Whether the news of the moment of its creation are read.
    has_begun: bool,
}

impl ChangeReaders {
    /// At most `limit` readers wait at the same time; `gauge` shows how many do.
    #[must_use]
    pub fn new(limit: usize, gauge: Gauge) -> Self {
        let (news, _) = watch::channel(None);
        let (closing, _) = watch::channel(());
        Self { limit, counts: Mutex::default(), gauge, news, closing }
    }

    /// Adds a waiting reader.
    ///
    /// # Errors
    /// 503 `unavailable` if too many wait already.
    pub fn enter(self: &Arc<Self>, store: &Store) -> std::result::Result<WaitingReader, Failure> {
        let mut counts = self.counts();
        if counts.waiting >= self.limit {
            let detail = format!(
                "{} readers are waiting for changes, which is the most that can wait at the same time; try again after \
                 `Retry-After` seconds, or without `Prefer: wait`",
                self.limit
            );
            return Err(ApiProblem::new(Code::Unavailable, detail).into());
        }
        counts.waiting += 1;
        self.gauge.add(1);
        if !counts.is_watched {
            counts.is_watched = true;
            tokio::spawn(watch_changes(Arc::clone(self), store.clone()));
        }
        drop(counts);
        let (news, closing) = (self.news.subscribe(), self.closing.subscribe());
        Ok(WaitingReader { readers: Arc::clone(self), news, closing, has_begun: false })
    }

    /// Ends all waits that have begun: the process is shutting down.
    pub fn close(&self) {
        self.closing.send_replace(());
    }

    fn counts(&self) -> MutexGuard<'_, ReaderCounts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a reader waits. If not, the task that asks must end, and the next reader starts another one.
    fn is_needed(&self) -> bool {
        let mut counts = self.counts();
        counts.is_watched = counts.waiting > 0;
        counts.is_watched
    }
}

impl WaitingReader {
    /// Waits for new changes, or until the process shuts down.
    pub async fn next(&mut self) -> ReaderEvent {
        loop {
            if self.has_begun {
                // Both senders live as long as this reader.
                tokio::select! {
                    _ = self.closing.changed() => return ReaderEvent::Closed,
                    _ = self.news.changed() => {}
                }
            }
            self.has_begun = true;
            let news = self.news.borrow_and_update().clone();
            if let Some(news) = news {
                return ReaderEvent::News(news);
            }
        }
    }
}

impl Drop for WaitingReader {
    fn drop(&mut self) {
        self.readers.counts().waiting -= 1;
        self.readers.gauge.add(-1);
    }
}

/// Publishes new changes until no reader waits.
async fn watch_changes(readers: Arc<ChangeReaders>, store: Store) {
    let mut known = None;
    let mut committed = store.change_signal();
    while readers.is_needed() {
        committed.mark_unchanged();
        let next = Instant::now() + PAUSE;
        match read_news(&store, known).await {
            Ok(news) if known == Some(news.last.number) => {
                tokio::select! {
                    () = sleep(INTERVAL) => {}
                    // The sender lives as long as the store.
                    _ = committed.changed() => {}
                }
            }
            Ok(news) => {
                known = Some(news.last.number);
                readers.news.send_replace(Some(Arc::new(news)));
            }
            Err(error) => {
                log::debug!("new changes were not read: {error:?}");
                known = None;
                sleep(INTERVAL).await;
            }
        }
        sleep_until(next).await;
    }
}

async fn read_news(store: &Store, known: Option<i64>) -> Result<ChangeNews> {
    store.read_changes("changes.news", Cost::BoundedSnapshot, move |tx| changes::read_news(tx, known)).await
}
