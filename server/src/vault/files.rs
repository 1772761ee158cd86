//! Files that the platform itself keeps beside its data, such as evidence: sealed, whole, and on the disk, or not there.

use std::io::Write;
use std::path::PathBuf;

use uuid::Uuid;
use zeroize::Zeroizing;

use super::{Vault, VaultError};

impl Vault {
    /// Seals a file into the data folder: whole, and on the disk, or not at all.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn put_file(&self, id: Uuid, plain: &[u8]) -> Result<PathBuf, VaultError> {
        std::fs::create_dir_all(&self.folder)?;
        let (path, half) = (self.folder.join(id.to_string()), self.folder.join(format!("{id}.part")));
        let sealed = self.ring().seal(&file_place(id), plain)?;
        let written = std::fs::File::create(&half).and_then(|mut file| {
            file.write_all(&sealed)?;
            file.sync_all()?;
            std::fs::rename(&half, &path)?;
            std::fs::File::open(&self.folder)?.sync_all()
        });
        if let Err(error) = written {
            let _ = std::fs::remove_file(&half);
            return Err(error.into());
        }
        Ok(path)
    }

    /// # Errors
    /// When the file is gone or was changed.
    pub fn get_file(&self, id: Uuid) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let sealed = std::fs::read(self.folder.join(id.to_string()))?;
        Ok(self.ring().open(&file_place(id), &sealed)?)
    }

    /// # Errors
    /// When the file cannot be removed.
    pub fn remove_file(&self, id: Uuid) -> Result<(), VaultError> {
        Ok(std::fs::remove_file(self.folder.join(id.to_string()))?)
    }
}

fn file_place(id: Uuid) -> String {
    format!("evidence/{id}/file")
}
