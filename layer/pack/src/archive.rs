//! Zips that depend on nothing but their content: entries in order, one time for all, no directories, no extra fields.

use std::io::{Cursor, Read as _, Write as _};

use anyhow::{Result, ensure};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, System, ZipArchive, ZipWriter};

/// The best that deflate has; Lambda reads no other method.
const LEVEL: i64 = 9;

/// One file of a zip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Relative to `/opt`.
    pub(crate) name: String,
    /// Permissions alone, such as `0o755`.
    pub(crate) mode: u32,
    pub(crate) content: Vec<u8>,
}

/// The zip of these files.
pub(crate) fn write(mut entries: Vec<Entry>) -> Result<Vec<u8>> {
    entries.sort_by(|one, other| one.name.cmp(&other.name));
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for entry in entries {
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .compression_level(Some(LEVEL))
            // The first time that a zip can tell, and Unix whatever machine packs.
            .last_modified_time(DateTime::default())
            .system(System::Unix)
            .unix_permissions(entry.mode);
        zip.start_file(entry.name, options)?;
        zip.write_all(&entry.content)?;
    }
    Ok(zip.finish()?.into_inner())
}

/// The files of a zip that holds nothing else.
///
/// # Errors
/// What is no zip, and what has directories or links in it.
pub(crate) fn read(zip: &[u8]) -> Result<Vec<Entry>> {
    let mut archive = ZipArchive::new(Cursor::new(zip))?;
    let mut entries = Vec::with_capacity(archive.len());
    for index in 0..archive.len() {
        let mut file = archive.by_index(index)?;
        let name = file.name()?.into_owned();
        ensure!(file.is_file(), "{name} is not a file");
        let mut content = Vec::new();
        file.read_to_end(&mut content)?;
        let mode = file.unix_mode().unwrap_or_default() & 0o7777;
        entries.push(Entry { name, mode, content });
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str, mode: u32, content: &[u8]) -> Entry {
        Entry { name: name.to_owned(), mode, content: content.to_vec() }
    }

    #[test]
    fn what_is_written_is_read_in_order() {
        let (first, second) = (entry("a/program", 0o755, &vec![7; 100_000]), entry("b", 0o644, b""));
        let zip = write(vec![second.clone(), first.clone()]).unwrap();
        assert!(zip.len() < 1_000, "compressed");
        assert_eq!(read(&zip).unwrap(), [first, second]);
    }

    #[test]
    fn the_same_files_are_the_same_bytes_in_any_order() {
        let files = [entry("a", 0o755, b"one"), entry("b", 0o644, b"two")];
        let reversed = files.iter().rev().cloned().collect();
        assert_eq!(write(files.to_vec()).unwrap(), write(reversed).unwrap());
    }

    #[test]
    fn entries_have_the_first_time_of_all_and_nothing_extra() {
        let zip = write(vec![entry("a", 0o755, b"one")]).unwrap();
        let mut archive = ZipArchive::new(Cursor::new(zip)).unwrap();
        let file = archive.by_index(0).unwrap();
        assert_eq!(file.last_modified(), Some(DateTime::default()));
        assert!(file.extra_data().is_none_or(|data| data.is_empty()));
    }

    #[test]
    fn what_is_not_a_file_is_refused() {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        zip.add_directory("extensions", SimpleFileOptions::default()).unwrap();
        let directory = zip.finish().unwrap().into_inner();
        assert!(read(&directory).unwrap_err().to_string().contains("extensions"));
        assert!(read(b"no zip").is_err());
    }
}
