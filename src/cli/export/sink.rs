//! Output files.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::cli::command_error::CommandError;

/// Stdout, or a file that is renamed when it is complete.
pub struct Sink {
    out: BufWriter<Box<dyn Write + Send>>,
    /// The final name of a file.
    name: Option<PathBuf>,
    /// The temporary name of a file that can be renamed.
    temporary: Option<PathBuf>,
}

impl Sink {
    /// Opens a file; stdout for `-` and `None`.
    ///
    /// # Errors
    /// [`CommandError`] when it cannot be written.
    pub fn open(path: Option<&Path>) -> Result<Self, CommandError> {
        let Some(path) = path.filter(|path| *path != Path::new("-")) else {
            return Ok(Self { out: BufWriter::new(Box::new(io::stdout())), name: None, temporary: None });
        };
        // A pipe or a device keeps its name.
        let is_plain = fs::metadata(path).map_or(true, |about| about.is_file());
        let temporary = path.file_name().filter(|_| is_plain).map(|name| {
            let mut name = name.to_owned();
            name.push(".part");
            path.with_file_name(name)
        });
        let file = create(path, temporary.as_deref()).map_err(|error| on_file(path, &error))?;
        let out = BufWriter::with_capacity(1 << 16, Box::new(file) as Box<dyn Write + Send>);
        Ok(Self { out, name: Some(path.to_owned()), temporary })
    }

    /// Writes with a function.
    ///
    /// # Errors
    /// [`CommandError`] when it cannot be written.
    pub fn put(&mut self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), CommandError> {
        write(&mut self.out).map_err(|error| self.on(&error))
    }

    /// Flushes and renames the file.
    ///
    /// # Errors
    /// [`CommandError`] when it cannot be written.
    pub fn finish(mut self) -> Result<(), CommandError> {
        self.out.flush().map_err(|error| self.on(&error))?;
        match (&self.name, &self.temporary) {
            (Some(name), Some(temporary)) => fs::rename(temporary, name).map_err(|error| self.on(&error)),
            _ => Ok(()),
        }
    }

    fn on(&self, error: &io::Error) -> CommandError {
        self.name.as_ref().map_or_else(|| CommandError::on_stdout(error), |name| on_file(name, error))
    }
}

/// Creates a file that only its owner can read, because it has personal data. An existing pipe or device keeps its mode. A
/// file that an interrupted export left is removed first, because it would keep its mode.
fn create(path: &Path, temporary: Option<&Path>) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let Some(temporary) = temporary else {
        return options.create(true).truncate(true).open(path);
    };
    match fs::remove_file(temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => options.create_new(true).open(temporary),
    }
}

fn on_file(path: &Path, error: &io::Error) -> CommandError {
    CommandError::failed(format!("`{}` cannot be written: {error}", path.display()))
}
