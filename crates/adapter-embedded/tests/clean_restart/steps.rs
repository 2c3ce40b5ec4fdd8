//! Starts and stops that crash between two steps, files that are restored from copies, and
//! databases from backups.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use frontrow_adapter_embedded::{MemoryQueue, QueueImageFile, SqliteDatabase, back_up};
use frontrow_domain::{
    model::{
        ConcertId, DatabaseId, ImageStamp, LedgerEntryId, PerformanceId, ReservationId, RunId,
        StopNumber, queue::Generation,
    },
    ports::{CleanStops, Ids, Queue, QueueControl, QueueImage},
    use_cases::{CleanRestart, Run, Saved, forget_clean_stop},
};
use tempfile::TempDir;

use crate::test_queue::{CONCERT, StandingClock, seed, user};

/// Ids that are consecutive numbers.
struct Numbers(AtomicU64);

impl Ids for Numbers {
    fn random(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }

    fn generation(&self) -> Generation {
        unreachable!()
    }

    fn concert(&self) -> ConcertId {
        unreachable!()
    }

    fn performance(&self) -> PerformanceId {
        unreachable!()
    }

    fn reservation(&self) -> ReservationId {
        unreachable!()
    }

    fn ledger_entry(&self) -> LedgerEntryId {
        unreachable!()
    }
}

/// A data folder, and the ids of all programs that start on it.
struct Folder {
    folder: TempDir,
    numbers: Arc<Numbers>,
}

/// A started program.
struct Program {
    database: Arc<SqliteDatabase>,
    queue: Arc<MemoryQueue>,
    restart: CleanRestart,
    run: Option<Run>,
}

impl Folder {
    fn new(first_number: u64) -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            numbers: Arc::new(Numbers(AtomicU64::new(first_number))),
        }
    }

    fn database(&self) -> PathBuf {
        self.folder.path().join("frontrow.db")
    }

    fn image(&self) -> PathBuf {
        self.folder.path().join("frontrow.db.queues")
    }

    fn image_copy(&self) -> PathBuf {
        self.folder.path().join("image_copy")
    }

    /// Keeps a copy of the image.
    fn copy_image(&self) {
        fs::copy(self.image(), self.image_copy()).unwrap();
    }

    /// Replaces the image with the copy.
    fn restore_image(&self) {
        fs::copy(self.image_copy(), self.image()).unwrap();
    }

    async fn start(&self) -> Program {
        let clock = StandingClock::new();
        let path = self.database();
        let opening = SqliteDatabase::open(&path, clock.clone());
        let database = Arc::new(opening.await.unwrap());
        let queue = Arc::new(MemoryQueue::new(clock.clone()));
        let restart = CleanRestart {
            stops: database.clone(),
            image: Arc::new(QueueImageFile::new(&self.image(), queue.clone())),
            ids: self.numbers.clone(),
            clock,
        };
        let run = restart.resume().await.unwrap();
        Program {
            database,
            queue,
            restart,
            run,
        }
    }

    /// Starts a program, and stops it in good order with one user in its queue.
    async fn start_and_stop(&self) {
        let program = self.start().await;
        program.open().await;
        program.stop().await;
    }
}

impl Program {
    /// Opens the queue with one user in it.
    async fn open(&self) {
        self.queue.seed(&seed(1, 2, None)).await.unwrap();
        self.queue.join(CONCERT, &user(1), None).await.unwrap();
    }

    async fn stop(self) {
        let saved = self.restart.save(self.run.unwrap()).await.unwrap();
        let Saved::Saved(size) = saved else {
            panic!("{saved:?}");
        };
        assert_eq!((size.queues, size.places), (1, 1));
        self.database.close().await;
    }

    async fn crash(self) {
        self.database.close().await;
    }

    /// Returns true if the queue still has its user.
    async fn continued(&self) -> bool {
        let version = self.queue.policy_version(CONCERT).await.unwrap();
        version.is_some() && !self.queue.is_empty(CONCERT).await.unwrap()
    }

    async fn assert_recovers(self) {
        assert!(!self.continued().await);
        self.crash().await;
    }
}

#[tokio::test]
async fn a_start_continues_the_saved_queue_and_removes_the_file() {
    let folder = Folder::new(1);
    folder.start_and_stop().await;
    let mode = fs::metadata(folder.image()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    for _ in 0..2 {
        let program = folder.start().await;
        assert!(program.continued().await);
        assert!(!folder.image().exists());
        program.stop().await;
    }
}

#[tokio::test]
async fn a_file_that_is_read_twice_is_used_once() {
    let folder = Folder::new(1);
    folder.start_and_stop().await;
    folder.copy_image();
    let program = folder.start().await;
    assert!(program.continued().await);
    program.crash().await;
    // As if the start had crashed after it cleared the record and before it removed the file.
    folder.restore_image();
    folder.start().await.assert_recovers().await;
    assert!(!folder.image().exists(), "an unused file is removed too");
}

#[tokio::test]
async fn a_start_that_crashes_before_it_clears_the_record_can_be_repeated() {
    let folder = Folder::new(1);
    folder.start_and_stop().await;
    {
        let queue = Arc::new(MemoryQueue::new(StandingClock::new()));
        let image = QueueImageFile::new(&folder.image(), queue);
        assert!(image.load().await.unwrap().is_some());
    }
    assert!(folder.start().await.continued().await);
}

#[tokio::test]
async fn the_file_of_a_stop_that_crashes_before_its_record_is_not_used() {
    let folder = Folder::new(1);
    let program = folder.start().await;
    program.open().await;
    let image = QueueImageFile::new(&folder.image(), program.queue.clone());
    let recorded = program.database.recorded().await.unwrap();
    assert_eq!(recorded, None);
    let stamp = ImageStamp {
        database: DatabaseId(1),
        stop: StopNumber(99),
    };
    image.write(stamp).await.unwrap();
    program.crash().await;
    folder.start().await.assert_recovers().await;
}

#[tokio::test]
async fn an_unfinished_file_is_neither_used_nor_kept() {
    let folder = Folder::new(1);
    folder.start_and_stop().await;
    let unfinished = folder.image().with_added_extension("tmp");
    fs::write(&unfinished, "half a file").unwrap();
    assert!(folder.start().await.continued().await);
    assert!(!unfinished.exists());
}

#[tokio::test]
async fn the_file_of_an_earlier_stop_is_not_used() {
    let folder = Folder::new(1);
    folder.start_and_stop().await;
    folder.copy_image();
    folder.start_and_stop_again().await;
    folder.restore_image();
    folder.start().await.assert_recovers().await;
}

impl Folder {
    /// Starts a program that has the user in its queue, and stops it.
    async fn start_and_stop_again(&self) {
        let program = self.start().await;
        assert!(program.continued().await);
        program.stop().await;
    }
}

#[tokio::test]
async fn the_file_of_another_database_is_not_used() {
    let (folder, other) = (Folder::new(1), Folder::new(1_000));
    folder.start_and_stop().await;
    other.start_and_stop().await;
    fs::copy(other.image(), folder.image()).unwrap();
    folder.start().await.assert_recovers().await;
}

#[tokio::test]
async fn a_file_that_is_missing_or_damaged_is_not_used() {
    let folder = Folder::new(1);
    folder.start_and_stop().await;
    fs::remove_file(folder.image()).unwrap();
    folder.start().await.assert_recovers().await;

    folder.start_and_stop().await;
    let mut file = fs::read(folder.image()).unwrap();
    file.truncate(file.len() - 1);
    fs::write(folder.image(), file).unwrap();
    folder.start().await.assert_recovers().await;
    assert!(!folder.image().exists());
}

/// A backup never has a record of a stop.
#[tokio::test]
async fn a_database_from_a_backup_uses_no_file() {
    let folder = Folder::new(1);
    folder.start_and_stop().await;
    let backup = folder.folder.path().join("backup");
    back_up(&folder.database(), &backup, &[]).unwrap();
    restore(&backup, &folder.database());
    folder.start().await.assert_recovers().await;

    let while_it_runs = folder.folder.path().join("while-it-runs");
    let program = folder.start().await;
    program.open().await;
    back_up(&folder.database(), &while_it_runs, &[]).unwrap();
    program.stop().await;
    restore(&while_it_runs, &folder.database());
    assert!(folder.image().exists());
    folder.start().await.assert_recovers().await;
}

/// The copy is one of the database file itself, after a stop.
#[tokio::test]
async fn an_older_copy_of_the_database_uses_no_newer_file() {
    let folder = Folder::new(1);
    folder.start_and_stop().await;
    let copy = folder.folder.path().join("copy");
    fs::copy(folder.database(), &copy).unwrap();
    folder.start_and_stop_again().await;
    restore(&copy, &folder.database());
    folder.start().await.assert_recovers().await;
}

fn restore(copy: &Path, database: &Path) {
    for extension in ["db-wal", "db-shm"] {
        let _ = fs::remove_file(database.with_extension(extension));
    }
    fs::copy(copy, database).unwrap();
}

#[tokio::test]
async fn a_process_that_was_replaced_saves_nothing() {
    let folder = Folder::new(1);
    let replaced = folder.start().await;
    replaced.open().await;
    let successor = folder.start().await;
    let saved = replaced.restart.save(replaced.run.unwrap()).await;
    assert_eq!(saved, Ok(Saved::Replaced));
    assert!(!folder.image().exists());
    replaced.crash().await;
    successor.crash().await;
    folder.start().await.assert_recovers().await;
}

/// Between two starts, the queues are on Redis.
#[tokio::test]
async fn a_file_from_before_the_queues_were_on_another_store_is_not_used() {
    let folder = Folder::new(1);
    folder.start_and_stop().await;
    let clock = StandingClock::new();
    let elsewhere = SqliteDatabase::open(&folder.database(), clock)
        .await
        .unwrap();
    forget_clean_stop(&elsewhere, &*folder.numbers)
        .await
        .unwrap();
    elsewhere.close().await;
    folder.start().await.assert_recovers().await;
}

#[tokio::test]
async fn a_stop_that_cannot_write_its_file_records_nothing() {
    let folder = Folder::new(1);
    let program = folder.start().await;
    program.open().await;
    fs::create_dir(folder.image()).unwrap();
    let run = program.run.unwrap();
    assert!(program.restart.save(run).await.is_err());
    assert_eq!(program.database.recorded().await, Ok(None));
    assert!(!folder.image().with_added_extension("tmp").exists());
    fs::remove_dir(folder.image()).unwrap();
    program.crash().await;
    folder.start().await.assert_recovers().await;
}

#[tokio::test]
async fn a_run_that_never_began_records_nothing() {
    let folder = Folder::new(1);
    let program = folder.start().await;
    let recorded = program.database.record(RunId(99), StopNumber(1)).await;
    assert_eq!(recorded, Ok(false));
}
