//! Whether the next start could use what it would find of the identity. Whoever asks, the files are looked at; they are
//! read only where they are not as they were read last, for opening a locked key may take long.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::identity::IdentityPlace;
use crate::moment::Moment;

/// A file that has changed within this may change again without looking any other: clocks of file systems are coarse.
const COARSE: Duration = Duration::from_secs(2);

/// Looks at the files; touches nothing but what it remembers of them.
#[derive(Default)]
pub(in crate::service::upkeep) struct NextStart {
    seen: Mutex<Option<LastRead>>,
}

struct LastRead {
    files: Vec<FileStamp>,
    trouble: Option<String>,
}

/// By what a file is told from another, or from itself before a change; without the numbers where it cannot be looked at.
#[derive(PartialEq, Eq)]
struct FileStamp {
    path: PathBuf,
    times: Option<[i64; 4]>,
    ids: Option<[u64; 3]>,
}

impl NextStart {
    /// Why the next start could not use the files of `place`. That none are there is another matter.
    pub(in crate::service::upkeep) async fn trouble(&self, place: &IdentityPlace) -> Option<String> {
        let files: Vec<FileStamp> = place.files().into_iter().map(FileStamp::of).collect();
        if let Some(trouble) = self.known(&files) {
            return trouble;
        }
        let place = place.clone();
        let read = move || place.load(&mut Vec::new()).err().map(|why| why.to_string());
        let trouble = tokio::task::spawn_blocking(read).await.ok()?;
        let now = Moment::now().millis();
        let seen = LastRead { trouble: trouble.clone(), files };
        let settled = seen.files.iter().all(|file| file.is_older_than(now, COARSE));
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(seen).filter(|_| settled);
        trouble
    }

    /// What was found in these very files.
    fn known(&self, files: &[FileStamp]) -> Option<Option<String>> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.as_ref().filter(|seen| seen.files == files).map(|seen| seen.trouble.clone())
    }
}

impl FileStamp {
    fn of(path: PathBuf) -> Self {
        let metadata = fs::metadata(&path).ok();
        let times = |it: &Metadata| [it.mtime(), it.mtime_nsec(), it.ctime(), it.ctime_nsec()];
        let ids = |it: &Metadata| [it.dev(), it.ino(), it.size()];
        Self { times: metadata.as_ref().map(times), ids: metadata.as_ref().map(ids), path }
    }

    /// A clock that was set back makes it none.
    fn is_older_than(&self, now: i64, age: Duration) -> bool {
        let age = i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
        self.times.is_none_or(|[_, _, changed, _]| now.saturating_sub(changed.saturating_mul(1000)) > age)
    }
}
