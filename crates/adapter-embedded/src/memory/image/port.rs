//! The port [`QueueImage`] on a file of the disk.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufReader, BufWriter, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use frontrow_domain::{
    model::ImageStamp,
    ports::{ImageSize, QueueImage, StoreError, StoreResult},
};
use jiff::Timestamp;

use super::snapshot::{self, Image};
use crate::memory::{MemoryQueue, micros::Micros, queue::lock};

/// The file in which a clean stop keeps the queues of a [`MemoryQueue`]. Readable by its owner
/// alone, since it contains user ids.
///
/// It is written and read record by record, so that the queues are in memory only once.
pub struct QueueImageFile {
    path: Arc<Path>,
    queue: Arc<MemoryQueue>,
    loaded: Mutex<Option<Image>>,
}

impl QueueImageFile {
    /// Makes the image at `path` for the queues in `queue`.
    #[must_use]
    pub fn new(path: &Path, queue: Arc<MemoryQueue>) -> Self {
        Self {
            path: path.into(),
            queue,
            loaded: Mutex::new(None),
        }
    }

    fn keep(&self, image: Option<Image>) -> Option<Image> {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *loaded, image)
    }
}

#[async_trait]
impl QueueImage for QueueImageFile {
    async fn write(&self, stamp: ImageStamp) -> StoreResult<ImageSize> {
        let (path, queue) = (Arc::clone(&self.path), Arc::clone(&self.queue));
        let writing = move || {
            let (stopped_at, queues) = queue.take_all();
            let unfinished = unfinished(&path);
            let mut size = ImageSize::default();
            let written = write(&unfinished, stamp, stopped_at, |file| {
                for queue in &queues {
                    let queue = lock(queue);
                    queue.write(file)?;
                    size.queues += 1;
                    size.places += queue.places();
                }
                Ok(())
            });
            let named = written.and_then(|()| rename(&unfinished, &path));
            if let Err(error) = named {
                // A file that stays behind is removed by the next start at the latest.
                let _ = fs::remove_file(&unfinished);
                return Err(failed("write", &path, &error));
            }
            Ok(size)
        };
        apart(writing).await
    }

    async fn load(&self) -> StoreResult<Option<ImageStamp>> {
        let path = Arc::clone(&self.path);
        let reading = move || {
            let file = match File::open(&path) {
                Ok(file) => file,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(failed("read", &path, &error)),
            };
            let image = Image::read(BufReader::new(file));
            image
                .map(Some)
                .map_err(|error| failed("use", &path, &error))
        };
        let image = apart(reading).await?;
        let stamp = image.as_ref().map(|image| image.stamp);
        self.keep(image);
        Ok(stamp)
    }

    async fn install(&self) -> ImageSize {
        let Some(mut image) = self.keep(None) else {
            return ImageSize::default();
        };
        let size = image.size();
        // Read as late as possible, so that the time to read the file does not count against
        // deadlines either.
        let now = Micros::from(self.queue.now()).number();
        let by = now.saturating_sub(image.stopped_at.number());
        for queue in &mut image.queues {
            queue.shift(by);
            queue.end_stop(now);
        }
        self.queue.put_all(image.queues);
        size
    }

    async fn remove(&self) -> StoreResult<()> {
        self.keep(None);
        let path = Arc::clone(&self.path);
        let removing = move || {
            for path in [&*path, &unfinished(&path)] {
                match fs::remove_file(path) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => {
                        return Err(failed("remove", path, &error));
                    }
                    _ => {}
                }
            }
            sync_folder_of(&path).map_err(|error| failed("remove", &path, &error))
        };
        apart(removing).await
    }
}

/// Returns the path of the file until it is complete.
fn unfinished(path: &Path) -> PathBuf {
    path.with_added_extension("tmp")
}

fn write(
    path: &Path,
    stamp: ImageStamp,
    stopped_at: Timestamp,
    queues: impl FnOnce(&mut super::frames::FrameWriter<BufWriter<File>>) -> io::Result<()>,
) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    let file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    let mut writer = snapshot::begin(BufWriter::new(file), stamp, stopped_at)?;
    queues(&mut writer)?;
    let mut file = writer.end()?;
    file.flush()?;
    file.get_ref().sync_all()
}

fn rename(unfinished: &Path, path: &Path) -> io::Result<()> {
    fs::rename(unfinished, path)?;
    sync_folder_of(path)
}

fn sync_folder_of(path: &Path) -> io::Result<()> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

fn failed(what: &str, path: &Path, error: &(dyn std::error::Error + 'static)) -> StoreError {
    let text = format!("cannot {what} the queue image {}: {error}", path.display());
    let kind = error.downcast_ref::<io::Error>().map(io::Error::kind);
    match kind {
        Some(io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) => {
            StoreError::disk_full(text)
        }
        _ => StoreError::not_applied(text),
    }
}

/// Runs work that blocks for a long time on a blocking thread.
async fn apart<T: Send + 'static>(
    work: impl FnOnce() -> StoreResult<T> + Send + 'static,
) -> StoreResult<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|lost| Err(StoreError::outcome_unknown(lost)))
}
