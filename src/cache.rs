//! Finished answers, kept in memory until a commit makes them old.

use std::io::Write as _;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use quick_cache::{Equivalent, Weighter, sync};

use crate::access::Access;
use crate::db::documents::read::Form;
use crate::db::{Db, VersionStamp};

/// The largest answer that is kept, in bytes: a few of them must not push out everything else.
const LARGEST: usize = 1 << 20;
/// What an entry takes beside its texts, in bytes, about.
const OVERHEAD: usize = 256;
/// What part of the memory totals have.
const TOTALS: u64 = 16;
/// From how many bytes on an answer is worth compressing: below it fits one packet as it is.
const COMPRESSED_FROM: usize = 1024;

/// What is asked, by whom: everything that an answer depends on beside the documents.
#[derive(Debug, Hash)]
pub struct CacheLookup<'a> {
    /// What the caller may see.
    pub access: Access,
    /// How documents are shown.
    pub form: Form,
    /// Path and query string, as they came.
    pub target: &'a str,
}

/// The same, for as long as its answer is kept. It hashes as [`CacheLookup`] does.
#[derive(PartialEq, Eq, Hash)]
struct Key {
    access: Access,
    form: Form,
    target: String,
}

impl Equivalent<Key> for CacheLookup<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        self.access == key.access && self.form == key.form && self.target == key.target
    }
}

/// An answer, ready to be sent.
#[derive(Debug)]
pub struct CachedResponse {
    /// The body.
    pub body: Bytes,
    /// Its entity tag, in quotes.
    pub etag: String,
    gzipped: OnceLock<Option<Bytes>>,
    stamp: Option<VersionStamp>,
}

/// What is kept, up to a number of bytes; the least used goes first.
pub struct Cache(Option<Caches>);

struct Caches {
    answers: sync::Cache<Key, Arc<CachedResponse>, Bytesize>,
    /// How many documents lists have, which takes longer to find out than what is on a page of them.
    totals: sync::Cache<String, (i64, VersionStamp), Bytesize>,
}

#[derive(Clone)]
struct Bytesize;

impl Weighter<Key, Arc<CachedResponse>> for Bytesize {
    /// The compressed form, if it comes to be, is no larger than the plain one.
    fn weight(&self, key: &Key, cached: &Arc<CachedResponse>) -> u64 {
        (key.target.len() + 2 * cached.body.len() + OVERHEAD) as u64
    }
}

impl Weighter<String, (i64, VersionStamp)> for Bytesize {
    fn weight(&self, key: &String, _: &(i64, VersionStamp)) -> u64 {
        (key.len() + OVERHEAD) as u64
    }
}

impl Cache {
    /// A cache of up to `capacity` bytes; none for 0.
    pub fn new(capacity: u64) -> Self {
        let (entries, totals) = (usize::try_from(capacity / 4096).unwrap_or(usize::MAX), capacity / TOTALS);
        Self((capacity > 0).then(|| Caches {
            answers: sync::Cache::with_weighter(entries, capacity - totals, Bytesize),
            totals: sync::Cache::with_weighter(entries, totals, Bytesize),
        }))
    }

    /// The answer that is kept to what is asked, unless a commit has made it old.
    pub fn find(&self, asked: &CacheLookup<'_>, db: &Db) -> Option<Arc<CachedResponse>> {
        let cached = self.0.as_ref()?.answers.get(asked)?;
        cached.stamp.as_ref().is_some_and(|stamp| db.is_current(stamp)).then_some(cached)
    }

    /// Keeps an answer that was read after `stamp` was taken; without one, or when it is too large, it is only made ready
    /// to be sent.
    pub fn keep(
        &self,
        asked: &CacheLookup<'_>,
        stamp: Option<VersionStamp>,
        body: Vec<u8>,
        etag: String,
    ) -> Arc<CachedResponse> {
        let cached = Arc::new(CachedResponse { body: body.into(), etag, gzipped: OnceLock::new(), stamp });
        if let (Some(Caches { answers, .. }), Some(_), true) = (&self.0, &cached.stamp, cached.body.len() <= LARGEST) {
            let key = Key { access: asked.access, form: asked.form, target: asked.target.to_owned() };
            answers.insert(key, Arc::clone(&cached));
        }
        cached
    }

    /// How many there are of what is counted here, unless a commit has made that old.
    pub fn find_total(&self, counted: &str, db: &Db) -> Option<i64> {
        let (total, stamp) = self.0.as_ref()?.totals.get(counted)?;
        db.is_current(&stamp).then_some(total)
    }

    /// Keeps how many there were after `stamp` was taken.
    pub fn keep_total(&self, counted: String, stamp: VersionStamp, total: i64) {
        if let Some(caches) = &self.0 {
            caches.totals.insert(counted, (total, stamp));
        }
    }
}

impl CachedResponse {
    /// The body compressed, once for all who ask; `None` when that gains nothing.
    pub fn gzipped(&self) -> Option<&Bytes> {
        let gzipped = || {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
            let written = encoder.write_all(&self.body).and_then(|()| encoder.finish());
            written.ok().filter(|gzipped| gzipped.len() < self.body.len()).map(Bytes::from)
        };
        if self.body.len() < COMPRESSED_FROM {
            return None;
        }
        self.gzipped.get_or_init(gzipped).as_ref()
    }
}
