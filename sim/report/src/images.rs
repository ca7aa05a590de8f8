//! Images of volumes as sparse raw files, for tools that know file systems and databases.

use crate::folder::{Folder, Trouble};
use mirrorsim_world::Image;
use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::PathBuf;

/// Writes each image under its name. What was never written stays a hole.
pub fn write_images(folder: &Folder, images: &[Image]) -> Result<Vec<PathBuf>, Trouble> {
    images.iter().map(|image| folder.replace(&image.name, |file| fill(file, image))).collect()
}

fn fill(file: &mut File, image: &Image) -> io::Result<()> {
    file.set_len(image.size)?;
    let mut writer = io::BufWriter::with_capacity(1 << 20, file);
    let mut at = 0;
    for (offset, content) in &image.extents {
        // Seeking flushes the buffer, so only where there is a hole.
        if *offset != at {
            writer.seek(SeekFrom::Start(*offset))?;
        }
        writer.write_all(content)?;
        at = offset + content.len() as u64;
    }
    writer.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_read_as_zeros_and_the_size_is_right() {
        let root = std::env::temp_dir().join(format!("mirrorsim-images-{}", std::process::id()));
        let folder = Folder::open(&root).expect("a folder");
        let extents =
            vec![(0, b"ab".to_vec().into()), (2, b"c".to_vec().into()), (4096, b"d".to_vec().into())];
        let image = Image { name: "alpha.v.recovered".into(), size: 10_000, extents };
        let paths = write_images(&folder, &[image]).expect("written");
        let content = std::fs::read(&paths[0]).expect("read");
        let mut expected = vec![0; 10_000];
        expected[..3].copy_from_slice(b"abc");
        expected[4096] = b'd';
        assert_eq!(content, expected);
        std::fs::remove_dir_all(root).expect("removed");
    }
}
