//! The page and the JSON documents, each kept until there is news, and none written while another one is.
//!
//! What is in memory is bounded: each document has a largest size, and all of them together, with the old ones that
//! slow readers have not finished, have a budget.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use hyper::body::Bytes;
use sha2::{Digest as _, Sha256};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Subject;
use super::scribe::Scribe;
use crate::progress::Shared;

/// Shortest time between two writings of one document, and how many times what the last one took.
const SHORTEST: Duration = Duration::from_secs(1);
const TIMES: u32 = 4;

/// How long a document is kept without news: it tells how long ago things were.
const LONGEST: Duration = Duration::from_secs(30);

/// Most bytes of all documents together.
const BUDGET: usize = 96 << 20;

/// What the budget is counted in.
const PART: usize = 1 << 10;

/// What can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Document {
    /// The page.
    Page,
    /// The report as `alive report --format json` has it.
    Report,
    /// Taps as `alive taps --format json` has them.
    Taps,
}

impl Document {
    pub(super) const ALL: [Self; 3] = [Self::Page, Self::Report, Self::Taps];

    /// Its word on the command line of the process that writes it.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Report => "report",
            Self::Taps => "taps",
        }
    }
}

/// A document that was written.
#[derive(Debug)]
pub(super) struct Written {
    text: Vec<u8>,
    tag: String,
    _share: OwnedSemaphorePermit,
}

impl Written {
    /// What it is known by.
    pub(super) fn tag(&self) -> &str {
        &self.tag
    }

    /// Its text, which holds the document as long as it is sent.
    pub(super) fn text(self: Arc<Self>) -> Bytes {
        struct Held(Arc<Written>);
        impl AsRef<[u8]> for Held {
            fn as_ref(&self) -> &[u8] {
                &self.0.text
            }
        }
        Bytes::from_owner(Held(self))
    }
}

/// What came of the last try to write a document.
#[derive(Debug, Clone)]
struct Kept {
    outcome: Result<Arc<Written>, String>,
    /// [`Vitals::turns`](crate::vitals::Vitals::turns) when the try began.
    turns: u64,
    ended: Instant,
    took: Duration,
}

impl Kept {
    /// Whether it may be given out still.
    fn is_current(&self, turns: u64, now: Instant) -> bool {
        let age = now.duration_since(self.ended);
        let pause = (self.took * TIMES).clamp(SHORTEST, LONGEST);
        age < pause || (self.outcome.is_ok() && self.turns == turns && age < LONGEST)
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct Documents {
    shared: Arc<Shared>,
    scribe: Scribe,
    kept: Mutex<[Option<Kept>; Document::ALL.len()]>,
    /// Whoever holds it may have a document written.
    turn: tokio::sync::Mutex<()>,
    budget: Arc<Semaphore>,
}

impl Documents {
    pub(super) fn new(subject: &Subject) -> Self {
        Self {
            shared: Arc::clone(&subject.shared),
            scribe: Scribe::new(subject),
            kept: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
            budget: Arc::new(Semaphore::new(BUDGET / PART)),
        }
    }

    /// A document as it is now, or as it was when it may not be written anew yet.
    ///
    /// # Errors
    /// Why there is none, as a sentence that says what to do.
    pub(super) async fn get(&self, document: Document) -> Result<Arc<Written>, String> {
        if let Some(kept) = self.current(document) {
            return kept;
        }
        let _turn = self.turn.lock().await;
        // Somebody else may have had it written meanwhile.
        if let Some(kept) = self.current(document) {
            return kept;
        }
        let turns = self.shared.vitals().turns();
        let began = Instant::now();
        let outcome = self.scribe.write(document).await.and_then(|text| self.keep(text));
        let ended = Instant::now();
        let kept = Kept { outcome: outcome.clone(), turns, ended, took: ended - began };
        self.all()[document as usize] = Some(kept);
        outcome
    }

    fn all(&self) -> std::sync::MutexGuard<'_, [Option<Kept>; Document::ALL.len()]> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn current(&self, document: Document) -> Option<Result<Arc<Written>, String>> {
        let turns = self.shared.vitals().turns();
        let kept = self.all()[document as usize].clone()?;
        kept.is_current(turns, Instant::now()).then_some(kept.outcome)
    }

    /// Gives a text its share of the memory; what is kept makes way for it.
    fn keep(&self, text: Vec<u8>) -> Result<Arc<Written>, String> {
        let parts = u32::try_from(text.len() / PART + 1).unwrap_or(u32::MAX);
        let share = || Arc::clone(&self.budget).try_acquire_many_owned(parts);
        let share = share().or_else(|_| {
            *self.all() = Default::default();
            share()
        });
        let share = share.map_err(|_| {
            "other readers are slow, and what they read fills the memory that is for it: try again in a minute"
                .to_owned()
        })?;
        let digest = Sha256::digest(&text);
        let tag = digest[..16].iter().fold("\"".to_owned(), |tag, byte| tag + &format!("{byte:02x}")) + "\"";
        Ok(Arc::new(Written { text, tag, _share: share }))
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::moment::Moment;

    fn documents() -> Documents {
        Documents::new(&Subject {
            db: PathBuf::from("/none"),
            listens_at: Vec::new(),
            up_since: Moment::default(),
            shared: Arc::new(Shared::default()),
        })
    }

    #[test]
    fn a_document_is_kept_until_there_is_news_but_never_written_more_often_than_is_borne() {
        let ended = Instant::now();
        let after = |seconds| ended + Duration::from_secs(seconds);
        let written = documents().keep(Vec::new()).unwrap();
        let kept = Kept { outcome: Ok(written), turns: 5, ended, took: Duration::from_millis(500) };
        assert!(kept.is_current(5, after(29)), "no news");
        assert!(!kept.is_current(5, after(30)), "times in it grow old");
        assert!(kept.is_current(6, after(1)), "too early");
        assert!(!kept.is_current(6, after(2)), "news");
        let failed = Kept { outcome: Err(String::new()), ..kept };
        assert!(failed.is_current(5, after(1)));
        assert!(!failed.is_current(5, after(2)), "a failure is no news to keep");
    }

    #[test]
    fn what_is_being_read_counts_and_what_is_only_kept_makes_way() {
        let documents = documents();
        let text = || vec![b' '; 40 << 20];
        let first = documents.keep(text()).unwrap();
        let second = documents.keep(text()).unwrap();
        let reading = first.text();
        assert!(documents.keep(text()).is_err(), "two are held");
        let kept = Kept { outcome: Ok(second), turns: 0, ended: Instant::now(), took: Duration::ZERO };
        documents.all()[0] = Some(kept);
        let third = documents.keep(text()).unwrap();
        drop(reading);
        assert!(documents.keep(text()).is_ok());
        assert_ne!(third.tag(), documents.keep(vec![b'x']).unwrap().tag());
    }
}
