//! Tables that are committed: read to be compared, written when asked.

use crate::folder::{Folder, Trouble};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::path::{Path, PathBuf};

/// Reads a table.
pub fn read_table<T: DeserializeOwned>(path: &Path) -> Result<T, Trouble> {
    let text = std::fs::read(path).map_err(|e| {
        let reason = crate::folder::reason(&e);
        Trouble::of(
            path,
            format!("{reason}; the same command with --write-baseline in the place of --compare makes it"),
        )
    })?;
    serde_json::from_slice(&text).map_err(|e| Trouble::of(path, format!("is no such table: {e}")))
}

/// Writes a table, through a new file that takes its place.
pub fn write_table<T: Serialize>(path: &Path, table: &T) -> Result<PathBuf, Trouble> {
    let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name =
        path.file_name().and_then(|n| n.to_str()).ok_or_else(|| Trouble::of(path, "is no file name"))?;
    let text = serde_json::to_string_pretty(table).map_err(|e| Trouble::of(path, e))?;
    Folder::open(parent)?.write(name, format!("{text}\n").as_bytes())
}
