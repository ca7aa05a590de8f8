use super::*;
use std::io::Cursor;
use std::path::PathBuf;

/// A file that belongs to the project.
fn own(name: &str) -> PathBuf {
    root().join("tests/data/traces").join(name)
}

fn root() -> PathBuf {
    let mut path = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    while !path.join("tests/data/traces").is_dir() && path.pop() {}
    path
}

/// A file of the external data, or `None` with a word on stderr.
fn external(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("MIRRORSIM_DATA").map(|folder| PathBuf::from(folder).join(name));
    let found = path.filter(|path| path.is_file());
    if found.is_none() {
        eprintln!("SKIPPED: {name} is absent (MIRRORSIM_DATA names its folder)");
    }
    found
}

#[test]
fn the_public_trace_has_the_facts_that_are_told_of_it() {
    let Some(path) = external("cloudphysics-io.csv.zst") else {
        return;
    };
    let read = read(&path, None, &Options::new(40 * GIB, 1 << 20)).unwrap();
    let summary = &read.summary;
    assert_eq!((summary.requests, summary.reads, summary.writes), (113_872, 46_974, 66_898));
    assert_eq!((summary.operations, summary.late, summary.split, summary.largest), (113_872, 0, 0, 69_632));
    assert_eq!(summary.bytes_written, 2_408_565_760);
    assert!((33_500_000_000..33_700_000_000).contains(&summary.highest), "{}", summary.highest);
    assert!(read.trace.operations.is_sorted_by_key(|operation| operation.at));
}

#[test]
fn the_given_recording_has_the_facts_that_are_told_of_it() {
    let Some(path) = external("ext4-sqlite.dmlog.zst") else {
        return;
    };
    let read = read(&path, None, &Options::new(32 << 20, 256 << 10)).unwrap();
    let summary = &read.summary;
    assert_eq!((summary.requests, summary.flushes, summary.writes), (3_603, 834, 2_769));
    assert_eq!(
        (summary.largest, summary.bytes_written / 100_000, summary.highest),
        (4_091_904, 495, 32 << 20)
    );
    let mut image = Cursor::new(vec![0; 32 << 20]);
    straight_image(&read.trace.operations, &mut image).unwrap();
    assert_eq!(&image.get_ref()[1024 + 0x38..1024 + 0x3a], [0x53, 0xef], "the magic of ext4");
}

#[test]
fn recordings_of_the_project_are_read() {
    let mix = read(&own("fio-v3.iolog"), None, &options()).unwrap();
    assert_eq!((mix.format, mix.summary.requests), (Format::Fio, 43));
    let old = read(&own("fio-v2.iolog"), None, &options()).unwrap();
    let untimed = |recording: &Recording| {
        let actions: Vec<_> =
            recording.trace.operations.iter().map(|operation| format!("{:?}", operation.action)).collect();
        actions
    };
    assert_eq!(untimed(&mix), untimed(&old));
    let log = read(&own("ext4-sqlite-small.dmlog.zst"), None, &Options::new(8 << 20, 128 << 10)).unwrap();
    assert_eq!(log.format, Format::Dmlog);
    assert_eq!((log.summary.requests, log.summary.flushes, log.summary.zeroes), (443, 146, 13));
}
