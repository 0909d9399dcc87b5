//! A disk in memory that forgets what was not flushed, as a disk without power does, or whose flushes fail.

use std::io::{Error, ErrorKind, Result};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use redb::{Builder, Database, StorageBackend, TableDefinition};

use crate::chance::seeded::mixed;
use crate::failpoint::reach;
use crate::seal::Seals;
use crate::store::file::furnish;
use crate::store::writer::{Driver, on_a_thread};
use crate::store::{Store, StoreError};

/// What of the writes since the last flush survives a power cut: a disk may have taken any of them in any order.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Survives {
    Nothing,
    All,
    /// Those whose bit is set, by turns.
    Some(u64),
    /// Those that this seed chooses by their place, however they were ordered.
    Chosen(u64),
    /// Only the file's head, which says where everything else stands.
    Head,
}

#[derive(Debug)]
enum Change {
    Length(u64),
    Bytes(u64, Vec<u8>),
}

#[derive(Debug, Default)]
struct State {
    /// As programs see it.
    live: Vec<u8>,
    /// As it is after a power cut.
    durable: Vec<u8>,
    unflushed: Vec<Change>,
    flushes: u64,
    /// The flush at which the power goes, if it does.
    cut_at: Option<u64>,
    is_off: bool,
    /// So many flushes fail from now on; the disk keeps their writes all the same, or does not.
    failing: u64,
    keeps_failed: bool,
}

/// The disk; handles share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Disk(Arc<Mutex<State>>);

impl Disk {
    /// With a furnished database on it.
    pub(crate) fn furnished() -> Self {
        let disk = Self::default();
        let database = disk.database().unwrap();
        furnish(&database, None).unwrap();
        let room = || TableDefinition::<u64, &[u8]>::new("room");
        let tx = database.begin_write().unwrap();
        tx.open_table(room()).unwrap().insert(1, vec![0; 1 << 17].as_slice()).unwrap();
        tx.commit().unwrap();
        // Free pages: the flush of a step is not the one of a file that grows.
        let tx = database.begin_write().unwrap();
        tx.delete_table(room()).unwrap();
        tx.commit().unwrap();
        drop(database);
        disk
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    fn database(&self) -> std::result::Result<Database, StoreError> {
        let handle = Handle { disk: self.clone(), has_failed: AtomicBool::new(false) };
        Builder::new().create_with_backend(handle).map_err(|error| StoreError::Io(error.to_string()))
    }

    /// Opens what is on it.
    pub(crate) fn store(&self) -> std::result::Result<Store, StoreError> {
        let disk = self.clone();
        Store::opened_by(Box::new(move || disk.database()), None, &Seals::default(), on_a_thread)
    }

    /// The same with a writer that is one of the runtime's tasks.
    pub(crate) fn store_among_tasks(&self) -> std::result::Result<Store, StoreError> {
        let disk = self.clone();
        let drive: Driver = |work| {
            tokio::spawn(work);
            Ok(())
        };
        Store::opened_by(Box::new(move || disk.database()), None, &Seals::default(), drive)
    }

    /// The power goes now.
    pub(crate) fn switch_off(&self) {
        self.state().is_off = true;
    }

    pub(super) fn flushes(&self) -> u64 {
        self.state().flushes
    }

    /// The power goes at this flush: what is not durable by then never will be.
    pub(super) fn cut_at(&self, flush: u64) {
        self.state().cut_at = Some(flush);
    }

    pub(crate) fn is_off(&self) -> bool {
        self.state().is_off
    }

    /// The next flushes fail.
    pub(crate) fn fail(&self, flushes: u64, keeps_failed: bool) {
        let state = &mut *self.state();
        (state.failing, state.keeps_failed) = (flushes, keeps_failed);
    }

    /// The disk when there is power again.
    pub(crate) fn after_power_cut(&self, survives: Survives) -> Self {
        let state = self.state();
        let mut image = state.durable.clone();
        for (number, change) in state.unflushed.iter().enumerate() {
            let kept = match (survives, change) {
                (Survives::Nothing, _) => false,
                (Survives::All, _) => true,
                (Survives::Some(bits), _) => bits >> (number % 64) & 1 == 1,
                (Survives::Chosen(seed), change) => mixed(seed ^ mixed(change.place())) & 1 == 1,
                (Survives::Head, Change::Bytes(offset, _)) => *offset == 0,
                (Survives::Head, Change::Length(_)) => false,
            };
            if kept {
                change.apply(&mut image);
            }
        }
        Self(Arc::new(Mutex::new(State { live: image.clone(), durable: image, ..State::default() })))
    }
}

impl Change {
    fn place(&self) -> u64 {
        match self {
            Self::Length(length) => !length,
            Self::Bytes(offset, _) => *offset,
        }
    }

    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Length(length) => bytes.resize(*length as usize, 0),
            Self::Bytes(offset, data) => {
                let (from, to) = (*offset as usize, *offset as usize + data.len());
                if bytes.len() < to {
                    bytes.resize(to, 0);
                }
                bytes[from..to].copy_from_slice(data);
            }
        }
    }
}

/// An open file.
#[derive(Debug)]
struct Handle {
    disk: Disk,
    has_failed: AtomicBool,
}

impl Handle {
    fn on(&self) -> Result<MutexGuard<'_, State>> {
        let state = self.disk.state();
        if state.is_off { Err(Error::other("no power")) } else { Ok(state) }
    }

    fn change(&self, change: Change) -> Result<()> {
        let mut state = self.on()?;
        change.apply(&mut state.live);
        state.unflushed.push(change);
        Ok(())
    }
}

impl StorageBackend for Handle {
    fn len(&self) -> Result<u64> {
        Ok(self.on()?.live.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<()> {
        let state = self.on()?;
        let bytes = state.live.get(offset as usize..offset as usize + out.len());
        out.copy_from_slice(bytes.ok_or(ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, length: u64) -> Result<()> {
        self.change(Change::Length(length))
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<()> {
        self.change(Change::Bytes(offset, data.to_vec()))
    }

    fn sync_data(&self) -> Result<()> {
        reach("disk.flush");
        self.flush()?;
        reach("disk.flushed");
        Ok(())
    }
}

impl Handle {
    fn flush(&self) -> Result<()> {
        assert!(!self.has_failed.load(Ordering::Relaxed), "a flush was tried again on the handle on which it failed");
        let state = &mut *self.on()?;
        state.flushes += 1;
        if state.cut_at == Some(state.flushes) {
            state.is_off = true;
            return Err(Error::other("no power"));
        }
        let fails = state.failing > 0;
        let unflushed = std::mem::take(&mut state.unflushed);
        if !fails || state.keeps_failed {
            unflushed.iter().for_each(|change| change.apply(&mut state.durable));
        }
        if fails {
            state.failing -= 1;
            self.has_failed.store(true, Ordering::Relaxed);
            // What the system says it no longer has, it no longer shows either.
            state.live = state.durable.clone();
            return Err(Error::other("the disk failed"));
        }
        Ok(())
    }
}
