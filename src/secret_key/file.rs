//! The file of secret keys: read when it is needed, made at first use where the database is a file.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use zeroize::Zeroizing;

use super::ring::{KeyRing, KeyRingError, Purpose, UnsealError};
use crate::ownership::give_to_folder_owner;

/// The file of the secret keys.
#[derive(Debug)]
pub struct KeyFile {
    place: Place,
    /// The keys as they were last read.
    ring: RwLock<Option<Arc<KeyRing>>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    /// The operator has named no file, and there is no database file to keep one beside.
    Nowhere,
    /// A file of the operator. A credential of systemd may have permissions for a group.
    Named { path: PathBuf, is_credential: bool },
    /// Beside the database; made at first use.
    Beside(PathBuf),
}

/// The reason why there are no keys.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// There is no file, and this use does not make one.
    #[error(
        "there is no secret key: second factors are encrypted under one. Make it with `openssl rand \
         -hex 32`, in a file of mode 600, and name the file with --secret-key-file \
         (BIENVENUE_SECRET_KEY_FILE), the same file for all instances"
    )]
    NotNamed,
    /// The file is missing.
    #[error("there is no file {} with the secret key (--secret-key-file)", .0.display())]
    Missing(PathBuf),
    /// Other users may read it.
    #[error("{} holds the secret key and others may read it: chmod 600 it", .0.display())]
    Exposed(PathBuf),
    /// It cannot be read or written.
    #[error("cannot use the file {} with the secret key: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// It holds something else.
    #[error("the file {} with the secret key: {source}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// The line that is no key.
        source: KeyRingError,
    },
    /// A key could not be made or used.
    #[error(transparent)]
    Ring(#[from] KeyRingError),
    /// A secret was encrypted under another key, or is damaged.
    #[error("a second factor cannot be decrypted: {0}")]
    Unseal(#[from] UnsealError),
}

impl KeyFile {
    /// No file: nothing can be encrypted.
    #[must_use]
    pub fn nowhere() -> Self {
        Self::at(Place::Nowhere)
    }

    /// A file that the operator has made.
    #[must_use]
    pub fn named(path: PathBuf) -> Self {
        let is_credential = false;
        Self::at(Place::Named {
            path,
            is_credential,
        })
    }

    /// A credential that systemd has handed over.
    #[must_use]
    pub fn credential(path: PathBuf) -> Self {
        let is_credential = true;
        Self::at(Place::Named {
            path,
            is_credential,
        })
    }

    /// A file beside a database file, which is made at first use.
    #[must_use]
    pub fn beside(database: &Path) -> Self {
        let mut path = database.as_os_str().to_owned();
        path.push(".secret-key");
        Self::at(Place::Beside(path.into()))
    }

    fn at(place: Place) -> Self {
        Self {
            place,
            ring: RwLock::default(),
        }
    }

    /// The file's name.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match &self.place {
            Place::Nowhere => None,
            Place::Named { path, .. } | Place::Beside(path) => Some(path),
        }
    }

    /// The keys, if there are any. Blocks for a read of the file, once.
    ///
    /// # Errors
    /// [`KeyFileError`] if the file cannot be read, is no file of keys, or was named and is missing.
    pub fn find(&self) -> Result<Option<Arc<KeyRing>>, KeyFileError> {
        if let Some(ring) = &*self.ring.read().unwrap_or_else(PoisonError::into_inner) {
            return Ok(Some(Arc::clone(ring)));
        }
        self.reload()
    }

    /// The keys. Blocks for a read of the file, once.
    ///
    /// # Errors
    /// [`KeyFileError`], also if there are none.
    pub fn ring(&self) -> Result<Arc<KeyRing>, KeyFileError> {
        self.find()?.ok_or(match self.path() {
            None => KeyFileError::NotNamed,
            Some(path) => KeyFileError::Missing(path.to_owned()),
        })
    }

    /// The keys as the file has them now; a new file is made where that is allowed. Blocks for a
    /// read of the file, and for writes to the disk.
    ///
    /// # Errors
    /// [`KeyFileError`].
    pub fn ring_or_create(&self) -> Result<Arc<KeyRing>, KeyFileError> {
        if let (None, Place::Beside(path)) = (self.reload()?, &self.place) {
            create(path, &KeyRing::generate()?).map_err(|source| failed(path, source))?;
            log::info!(
                "the secret key for second factors is {}: back it up, apart from the database",
                path.display()
            );
        }
        self.ring()
    }

    /// Decrypts a secret. Reads the file again if the secret was encrypted under a key that was
    /// not in it before.
    ///
    /// # Errors
    /// [`KeyFileError`].
    pub fn unseal(
        &self,
        purpose: Purpose,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, KeyFileError> {
        match self.ring()?.unseal(purpose, sealed) {
            Err(UnsealError::UnknownKey(_)) => {
                self.reload()?;
                Ok(self.ring()?.unseal(purpose, sealed)?)
            }
            opened => Ok(opened?),
        }
    }

    /// Replaces the keys in the file, all or nothing. Blocks for writes to the disk.
    ///
    /// # Errors
    /// [`KeyFileError`]; the file is as it was then.
    pub fn replace(&self, ring: &KeyRing) -> Result<(), KeyFileError> {
        let path = self.path().ok_or(KeyFileError::NotNamed)?;
        write_beside(path, ring)
            .and_then(|temporary| {
                fs::rename(temporary, path)?;
                sync_folder(path)
            })
            .map_err(|source| failed(path, source))?;
        self.reload()?;
        Ok(())
    }

    /// Reads the file.
    fn reload(&self) -> Result<Option<Arc<KeyRing>>, KeyFileError> {
        let read = match &self.place {
            Place::Nowhere => None,
            Place::Beside(path) if !path.exists() => None,
            Place::Beside(path) => Some(read(path, false)?),
            Place::Named {
                path,
                is_credential,
            } => Some(read(path, *is_credential)?),
        };
        let ring = read.map(Arc::new);
        let mut kept = self.ring.write().unwrap_or_else(PoisonError::into_inner);
        kept.clone_from(&ring);
        Ok(ring)
    }
}

fn read(path: &Path, is_credential: bool) -> Result<KeyRing, KeyFileError> {
    let metadata = fs::metadata(path).map_err(|source| {
        if source.kind() == io::ErrorKind::NotFound {
            KeyFileError::Missing(path.to_owned())
        } else {
            failed(path, source)
        }
    })?;
    if metadata.permissions().mode() & 0o077 != 0 && !is_credential {
        return Err(KeyFileError::Exposed(path.to_owned()));
    }
    let text = fs::read_to_string(path).map_err(|source| failed(path, source))?;
    KeyRing::parse(&Zeroizing::new(text)).map_err(|source| KeyFileError::Content {
        path: path.to_owned(),
        source,
    })
}

fn failed(path: &Path, source: io::Error) -> KeyFileError {
    KeyFileError::File {
        path: path.to_owned(),
        source,
    }
}

/// Makes the file, unless another process was faster: then that one's keys count.
fn create(path: &Path, ring: &KeyRing) -> io::Result<()> {
    let temporary = write_beside(path, ring)?;
    let linked = fs::hard_link(&temporary, path);
    fs::remove_file(&temporary)?;
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        Ok(()) | Err(_) => {}
    }
    sync_folder(path)
}

/// Writes the keys to a file of another name in the same folder, and to the disk.
fn write_beside(path: &Path, ring: &KeyRing) -> io::Result<PathBuf> {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.new", uuid::Uuid::new_v4().simple()));
    let temporary = PathBuf::from(name);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&temporary)?;
    let written = file
        .write_all(ring.expose().as_bytes())
        .and_then(|()| give_to_folder_owner(&file, &temporary))
        .and_then(|()| file.sync_all());
    if let Err(error) = written {
        fs::remove_file(&temporary)?;
        return Err(error);
    }
    Ok(temporary)
}

/// Brings the names in a file's folder to the disk.
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        Some(_) | None => Path::new("."),
    };
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    fn write(path: &Path, text: &str, mode: u32) {
        fs::write(path, text).unwrap();
        fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    }

    #[test]
    fn key_beside_a_database_is_made_once_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("b.db");
        assert!(KeyFile::beside(&database).find().unwrap().is_none());
        let makers = [(); 8].map(|()| {
            let database = database.clone();
            thread::spawn(move || KeyFile::beside(&database).ring_or_create().unwrap().id())
        });
        let ids = makers.map(|maker| maker.join().unwrap());
        assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
        let names: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
        assert_eq!(names.len(), 1, "{names:?}");
        let path = folder.path().join("b.db.secret-key");
        let mode = fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn named_file_is_never_made() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let missing = KeyFile::named(path.clone()).ring_or_create();
        assert!(matches!(missing, Err(KeyFileError::Missing(_))));
        assert!(!path.exists());
        let nowhere = KeyFile::nowhere().ring_or_create();
        assert!(matches!(nowhere, Err(KeyFileError::NotNamed)));
    }

    #[test]
    fn file_that_others_may_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        write(&path, &KeyRing::generate().unwrap().expose(), 0o640);
        let exposed = KeyFile::named(path.clone()).find();
        assert!(matches!(exposed, Err(KeyFileError::Exposed(_))));
        assert!(KeyFile::credential(path).find().is_ok());
    }

    #[test]
    fn running_service_follows_a_replaced_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        write(&path, &KeyRing::generate().unwrap().expose(), 0o600);
        let (service, operator) = (KeyFile::named(path.clone()), KeyFile::named(path));
        let old = service.ring().unwrap();
        let new = KeyRing::parse(&old.expose()).unwrap();
        let new = new.with_new_key().unwrap();
        operator.replace(&new).unwrap();
        let sealed = new.seal(Purpose::Check, b"text").unwrap();
        let opened = service.unseal(Purpose::Check, &sealed).unwrap();
        assert_eq!(opened.as_slice(), b"text");
        assert_eq!(service.ring().unwrap().id(), new.id());
        let other = KeyRing::generate().unwrap();
        let sealed = other.seal(Purpose::Check, b"text").unwrap();
        let unknown = service.unseal(Purpose::Check, &sealed);
        assert!(matches!(unknown, Err(KeyFileError::Unseal(_))));
    }
}
