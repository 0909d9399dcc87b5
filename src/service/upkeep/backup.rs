//! Copies of the state while the daemon runs: one whenever an admin asks, and one a day beside the state.
//!
//! A copy is finished as a file before anybody reads it, so no reader of it holds up the state. Nothing here holds
//! a lock that a payment needs, and a copy is not begun unless the disk has room for it and for more payments.

use std::fs::{DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tracing::{error, info};

use crate::failure::{Code, Failure};
use crate::moment::Moment;
use crate::notice;
use crate::operation::ProblemItem;
use crate::service::Live;
use crate::service::locks::BulkWrites;
use crate::service::stop::Stopping;
use crate::store::{BackupHeader, Store, seal_backup};
use crate::transfer::Download;

/// Below the state directory.
const FOLDER: &str = "backups";

/// Not finished; whoever makes the next copy removes what a crash has left.
const PART: &str = ".part";

/// No event for so long is a quiet moment, and so long after the latest one begins the daily copy anyway.
const QUIET: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(3600));

/// Between two looks whether today's copy is there.
const LOOK: Duration = Duration::from_secs(600);

/// A copy leaves at least this much room, or as much as the state has.
const ROOM: u64 = 64 << 20;

/// Makes copies; touches nothing but the folder of backups.
pub(in crate::service) struct Backups {
    store: Store,
    live: Arc<Live>,
    stop: Stopping,
    bulk_writes: BulkWrites,
    /// Why the last daily one could not be made.
    trouble: tokio::sync::watch::Sender<Option<String>>,
}

impl Backups {
    pub(in crate::service) fn new(store: Store, live: Arc<Live>, stop: Stopping, bulk_writes: BulkWrites) -> Self {
        Self { store, live, stop, bulk_writes, trouble: tokio::sync::watch::Sender::new(None) }
    }

    /// Whether the daily one cannot be made.
    pub(super) fn is_failing(&self) -> bool {
        self.trouble.borrow().is_some()
    }

    /// A backup made now, for one reader: the file has no name any more.
    ///
    /// # Errors
    /// `storage_failed`: no room, or the disk failed.
    pub(in crate::service) async fn backup(&self) -> Result<Download, Failure> {
        let (file, header) = self
            .copy(|store, folder| {
                let (part, header) = make(store, folder, "asked")?;
                let file = File::open(&part.0).map_err(|error| cannot(&part.0, &error))?;
                info!("a backup was made for an admin, head {}:{}", header.events, header.head);
                Ok((file, header))
            })
            .await?;
        let (sender, mut download) = Download::channel("application/octet-stream");
        download.length = file.metadata().ok().map(|metadata| metadata.len());
        download.headers = vec![("x-kaspid-log-head", format!("{}:{}", header.events, header.head))];
        tokio::spawn(async move {
            if let Err(error) = sender.file(file).await {
                error!("a backup could not be read back: {error}");
            }
        });
        Ok(download)
    }

    /// Makes one backup a day until the daemon stops; a failure is a problem in health until one succeeds.
    pub(in crate::service) async fn keep_backups(&self) {
        loop {
            let done = crate::chance::select! {
                done = self.daily_backup() => done,
                () = self.stop.begun() => return,
            };
            if let Err(failure) = &done {
                error!(message_id = notice::BACKUP_FAILED.id, "the daily backup could not be made: {}", failure.detail);
            }
            let trouble = done.err().map(|failure| failure.detail);
            self.trouble.send_replace(trouble);
            crate::chance::select! {
                () = tokio::time::sleep(LOOK) => {}
                () = self.stop.begun() => return,
            }
        }
    }

    async fn daily_backup(&self) -> Result<(), Failure> {
        let today = self.today()?;
        if self.store.dir().join(FOLDER).join(&today).exists() {
            return Ok(());
        }
        self.quiet_moment().await?;
        let kept = self.live.get().config.log.daily_backups;
        self.copy(move |store, folder| {
            let (part, header) = make(store, folder, "daily")?;
            let place = folder.join(&today);
            let keep = || -> io::Result<()> {
                std::fs::rename(&part.0, &place)?;
                File::open(folder)?.sync_all()?;
                rotate(folder, kept)
            };
            keep().map_err(|error| cannot(&place, &error))?;
            info!("the daily backup was made: {}, head {}:{}", place.display(), header.events, header.head);
            Ok(())
        })
        .await
    }

    /// The name of today's backup, by the shop's day. Tells a thief nothing but the date.
    fn today(&self) -> Result<String, Failure> {
        let now = Moment::now().timestamp().map_err(|error| Failure::new(Code::StorageFailed, error.to_string()))?;
        let day = now.to_zoned_datetime(self.live.get().config.daemon.timezone.clone());
        Ok(format!("kaspid-{}.backup", day.strftime("%Y-%m-%d")))
    }

    async fn quiet_moment(&self) -> Result<(), Failure> {
        let (rest, longest) = QUIET;
        let began = tokio::time::Instant::now();
        let mut before = self.store.read(|reading| Ok(reading.head()?))?;
        loop {
            tokio::time::sleep(rest).await;
            let now = self.store.read(|reading| Ok(reading.head()?))?;
            if now == before || began.elapsed() >= longest {
                return Ok(());
            }
            before = now;
        }
    }

    /// Runs `make` off the threads that answer others, one at a time.
    async fn copy<T: Send + 'static>(
        &self,
        make: impl FnOnce(&Store, &Path) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let turn = self.bulk_writes.clone().lock_owned().await;
        let store = self.store.clone();
        let made = tokio::task::spawn_blocking(move || {
            let folder = store.dir().join(FOLDER);
            let made = make(&store, &folder);
            drop(turn);
            made
        });
        made.await.unwrap_or_else(|_| Err(Failure::new(Code::StorageFailed, "the backup stopped")))
    }

    /// When the newest daily backup was made, also by an earlier run.
    pub(super) fn last_backup(&self) -> Option<Moment> {
        let newest = named(&self.store.dir().join(FOLDER), is_daily).ok()?.into_iter().max()?;
        let modified = newest.metadata().ok()?.modified().ok()?;
        jiff::Timestamp::try_from(modified).ok().map(Moment::from)
    }

    pub(super) fn backup_problem(&self) -> Option<ProblemItem> {
        let detail = self.trouble.borrow().clone()?;
        Some(ProblemItem {
            code: "backup_failed".to_owned(),
            detail: format!("the daily backup could not be made: {detail}"),
            remedy: "Make room on the disk of the state directory; until then keep one elsewhere: kaspictl backup FILE"
                .to_owned(),
            payment: None,
            config_id: None,
        })
    }
}

/// A file that is not finished, or that nobody needs by name; gone when this is.
struct PartFile(PathBuf);

impl Drop for PartFile {
    fn drop(&mut self) {
        // Renamed, or swept before the next copy.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Makes a backup under a temporary name. `copy` keeps others away from the folder.
fn make(store: &Store, folder: &Path, name: &str) -> Result<(PartFile, BackupHeader), Failure> {
    let prepared = prepare(store, folder);
    prepared.map_err(|error| cannot(folder, &error))?;
    let state = PartFile(folder.join(format!("{name}.redb{PART}")));
    let created_at = Moment::now();
    let head = store.snapshot(&state.0)?;
    let sealed = PartFile(folder.join(format!("{name}{PART}")));
    let header = seal_backup((&state.0, store.seal()), &sealed.0, &head, created_at)
        .map_err(|error| cannot(&sealed.0, &error))?;
    Ok((sealed, header))
}

/// The folder, without leftovers and with room for a copy, its envelope, and payments meanwhile.
fn prepare(store: &Store, folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    for path in named(folder, |name| name.ends_with(PART))? {
        std::fs::remove_file(path)?;
    }
    let needed = needed(store.size()?);
    let disk = nix::sys::statvfs::statvfs(folder)?;
    let free = disk.blocks_available().saturating_mul(disk.fragment_size());
    if free < needed {
        let why = format!("{free} bytes are free, a backup begins with {needed}");
        return Err(io::Error::new(io::ErrorKind::StorageFull, why));
    }
    Ok(())
}

/// Free bytes without which no copy of a state of `size` bytes is begun.
pub(super) fn needed(size: u64) -> u64 {
    size.saturating_mul(2).saturating_add(size.max(ROOM))
}

/// When the newest daily backup below a state directory was made.
pub(super) fn newest(dir: &Path) -> io::Result<Option<Moment>> {
    let daily = match named(&dir.join(FOLDER), is_daily) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        daily => daily?,
    };
    let made = |path: &PathBuf| {
        let age = path.metadata().and_then(|metadata| metadata.modified()).ok()?.elapsed().unwrap_or_default();
        i64::try_from(age.as_millis()).ok().map(|age| Moment::from_millis(Moment::now().millis().saturating_sub(age)))
    };
    Ok(daily.iter().filter_map(made).max())
}

/// Removes all but the newest daily backups, and nothing else.
fn rotate(folder: &Path, kept: usize) -> io::Result<()> {
    let mut daily = named(folder, is_daily)?;
    daily.sort_unstable();
    daily.truncate(daily.len().saturating_sub(kept));
    daily.into_iter().try_for_each(std::fs::remove_file)
}

/// `kaspid-2026-11-24.backup`
fn is_daily(name: &str) -> bool {
    let day = name.strip_prefix("kaspid-").and_then(|rest| rest.strip_suffix(".backup"));
    day.is_some_and(|day| day.parse::<jiff::civil::Date>().is_ok() && day.len() == 10)
}

fn named(folder: &Path, fits: impl Fn(&str) -> bool) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_str().is_some_and(&fits) {
            found.push(entry.path());
        }
    }
    Ok(found)
}

fn cannot(path: &Path, error: &io::Error) -> Failure {
    Failure::new(Code::StorageFailed, format!("{}: {error}", path.display()))
}
