use super::*;
use proptest::prelude::*;

#[test]
fn a_request_of_too_many_pieces_is_refused_before_it_is_cut() {
    let options = Options::new(u64::MAX, 1);
    assert_eq!(
        message("fio version 2 iolog\na add\na trim 0 20000001\n", &options),
        "t:3: the trace has too many operations: want at most 20000000\n  help: set `limit`, or a greater length of one operation"
    );
}

#[test]
fn malformed_text_is_refused_with_its_line() {
    let cp = |line: &str| format!("version,time,op,size,lbn\n1,5,2a,512,0\n{line}\n");
    let msr = |line: &str| format!("{MSR}{line}\n");
    let fio2 = |line: &str| format!("fio version 2 iolog\na add\n{line}\n");
    let fio3 = |line: &str| format!("fio version 3 iolog\n0 a add\n{line}\n");
    let cases = [
        (String::new(), "t: the trace is empty\n  help: record it again"),
        (
            "hello\nworld".to_owned(),
            "t: the format of the trace is unknown: got `hello\\nworld`, want cloudphysics, msr, fio or dmlog\n  help: name it with `format:`",
        ),
        (
            "op,lbn,size\n".to_owned(),
            "t:1: the header has no column `time`: got `op,lbn,size`, want `version,time,op,size,lbn`",
        ),
        ("op,lbn,size,time,op\n".to_owned(), "t:1: the header has column `op` twice"),
        (cp("1,5,2a,512"), "t:3: the line has a wrong number of columns: got 4, want 5"),
        (cp("1,-5,2a,512,0"), "t:3: `time` is not a number: got `-5`, want decimal digits"),
        (cp("1,5,2a,1e3,0"), "t:3: `size` is not a number: got `1e3`, want decimal digits"),
        (
            cp("1,5,2a,512,18446744073709551616"),
            "t:3: `lbn` is not a number: got `18446744073709551616`, want decimal digits",
        ),
        (
            cp("1,5,2a,512,36028797018963968"),
            "t:3: `lbn` is too large: got 36028797018963968, want at most 36028797018963967",
        ),
        (cp("1,5,write,512,0"), "t:3: `op` is not a SCSI opcode: got `write`, want two hex digits"),
        (
            cp("1,5,12,512,0"),
            "t:3: the SCSI opcode is unsupported: got 12, want 08 0a 28 2a 2e 35 41 42 88 8a 8e 91 93 a8 aa or ae\n  help: `unsupported: skip` leaves such requests out",
        ),
        (
            cp("1,5,2a,0,0"),
            "t:3: the request is empty: got length 0, want at least 1 byte\n  help: `unsupported: skip` leaves such requests out",
        ),
        (
            cp("1,18446744073709551615,2a,512,0"),
            "t:3: the time is too long after the first request: got 18446744073709551615",
        ),
        (cp("\0"), "t:3: the line is not text: got `\\u{0}\\n`, want UTF-8 without NUL"),
        (
            msr("1,hm,0,Read,0,512"),
            "t:3: the line has a wrong number of columns: got 6, want 7: Timestamp,Hostname,DiskNumber,Type,Offset,Size,ResponseTime",
        ),
        (msr("1,hm,0,Trim,0,512,1"), "t:3: `Type` is unknown: got `Trim`, want `Read` or `Write`"),
        (
            msr("1,hm,x\u{1b}[31m,Read,0,512,1"),
            "t:3: `DiskNumber` is not a number: got `x\\u{1b}[31m`, want decimal digits",
        ),
        (
            "fio version 4 iolog\n".to_owned(),
            "t:1: the first line is not that of an iolog: got `fio version 4 iolog`, want `fio version 2 iolog` or `fio version 3 iolog`",
        ),
        (fio2("b read 0 512"), "t:3: the file was not added before: got `b`, want a line `<file> add`"),
        (
            fio2("a read 0"),
            "t:3: the line has a wrong number of fields: got 3, want `<file> <action>` or `<file> <action> <offset> <length>`",
        ),
        (
            fio2("a read"),
            "t:3: the action has a wrong number of fields: got `read`, want an offset and a length after it",
        ),
        (
            fio2("a open 0 1"),
            "t:3: the action has a wrong number of fields: got `open`, want no offset and no length",
        ),
        (fio2("a read 0 x"), "t:3: the length is not a number: got `x`, want decimal digits"),
        (
            fio2("a erase 0 1"),
            "t:3: the action is unsupported: got `erase`, want read, write, trim, sync, datasync, wait, add, open or close\n  help: `unsupported: skip` leaves such requests out",
        ),
        (
            fio3("5 a wait 100 0"),
            "t:3: the action is unsupported: got `wait`, want read, write, trim, sync, datasync, add, open or close\n  help: `unsupported: skip` leaves such requests out",
        ),
        (fio3("a a read 100 0"), "t:3: the time is not a number: got `a`, want decimal digits"),
    ];
    for (text, want) in cases {
        assert_eq!(message(&text, &options()), want);
    }
    let skip = Options { unsupported: Unsupported::Skip, ..options() };
    assert_eq!(ok(cp("1,5,12,512,0\n1,5,2a,0,0"), &skip).summary.unsupported, 2);
    assert_eq!(ok(fio2("a erase 0 1"), &skip).summary.unsupported, 1);
}

#[test]
fn a_line_is_bounded() {
    let text = format!("fio version 2 iolog\n{}", "x".repeat(MAX_LINE + 1));
    assert_eq!(message(text, &options()), "t:2: the line is too long: want at most 65536 bytes");
}

#[test]
fn malformed_logs_are_refused_with_their_place() {
    let good = log(&[(0, 1, 0), (1, 1, 0)]);
    let with = |at: usize, value: u64| {
        let mut bad = good.clone();
        bad[at..at + 8].copy_from_slice(&value.to_le_bytes());
        bad
    };
    let cases = [
        (good[..20].to_vec(), "t: byte 0: the superblock is truncated: got 20 bytes, want at least 28"),
        (with(0, 7), "t: byte 0: the magic is wrong: got 0x7, want 0x6a736677736872"),
        (with(8, 2), "t: byte 8: the version is unknown: got 2, want 1"),
        (with(16, 0), "t: byte 16: the log has no entries\n  help: was it closed cleanly?"),
        (
            with(24, 768),
            "t: byte 24: the sector size is impossible: got 768, want a power of two, 512..=65536",
        ),
        (
            with(16, u64::MAX),
            "t: entry 2 at byte 2560: the log is truncated: got 0 bytes, want an entry of 512\n  help: the superblock tells of 18446744073709551615 entries; `limit: 2` reads those before",
        ),
        (
            good[..2559].to_vec(),
            "t: entry 1 at byte 1536: the data of the entry is truncated: got 511 bytes, want 512\n  help: the superblock tells of 2 entries; `limit: 1` reads those before",
        ),
        (
            with(512, u64::MAX),
            "t: entry 0 at byte 512: the entry's sector is too large: got 18446744073709551615, want less than 2^64 bytes",
        ),
        (
            with(520, 1 << 62),
            "t: entry 0 at byte 512: the entry has too many sectors: got 4611686018427387904, want less than 2^64 bytes",
        ),
        (
            with(520, 1 << 54),
            "t: entry 0 at byte 512: the data of the entry is truncated: got 1536 bytes, want 9223372036854775808",
        ),
        (
            with(528, 32),
            "t: entry 0 at byte 512: the entry has unknown flags: got 0x20, want a sum of 1, 2, 4, 8 and 16",
        ),
    ];
    for (bytes, want) in cases {
        let read = read_bytes("t", &bytes, Some(Format::Dmlog), &options());
        assert_eq!(read.expect_err("is refused").to_string(), want);
    }
    assert_eq!(ok(with(16, u64::MAX), &Options { limit: Some(1), ..options() }).summary.requests, 1);
}

#[test]
fn options_that_mean_nothing_are_refused() {
    assert_eq!(
        message(MSR, &Options { volume_size: 0, ..options() }),
        "t: the volume is empty: want at least 1"
    );
    assert_eq!(
        message(MSR, &Options { max_length: 0, ..options() }),
        "t: the greatest length of an operation is 0: want at least 1"
    );
    assert_eq!(
        message(MSR, &Options { limit: Some(0), ..options() }),
        "t: the limit is 0: the trace would be empty: want at least 1"
    );
}

#[test]
fn what_is_no_file_is_refused() {
    let refuse = |path: &Path| read(path, None, &options()).expect_err("is refused").to_string();
    assert!(refuse(Path::new("/")).ends_with("is a directory: want a trace file"));
    assert!(refuse(Path::new("no-such.csv")).starts_with("no-such.csv: cannot open the trace: got "));
    #[cfg(unix)]
    assert_eq!(refuse(Path::new("/dev/zero")), "/dev/zero: is not a regular file: want a trace file");
}

proptest! {
    #[test]
    fn any_bytes_end_in_a_trace_or_an_error(
        bytes in prop::collection::vec(any::<u8>(), 0..2048),
        format in prop::sample::select(&[Format::Cloudphysics, Format::Msr, Format::Fio, Format::Dmlog][..]),
    ) {
        let _ = read_bytes("t", &bytes, Some(format), &options());
    }

    #[test]
    fn a_damaged_log_ends_in_a_trace_or_an_error(
        entries in prop::collection::vec((0u64..64, 0u64..6, 0u64..32), 1..8),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = log(&entries);
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        let _ = read_bytes("t", &bytes[..cut.index(bytes.len() + 1)], Some(Format::Dmlog), &options());
    }

    #[test]
    fn damaged_text_ends_in_a_trace_or_an_error(
        which in 0usize..4,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
    ) {
        let texts = ["version,time,op,size,lbn\n1,9,2a,512,7\n1,10,28,4096,0\n", MSR, "fio version 2 iolog\na add\na wait 100 0\na read 0 9\n", "fio version 3 iolog\n1 a add\n2 a write 0 9\n3 a sync 0 0\n"];
        let mut bytes = texts[which].as_bytes().to_vec();
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        let _ = read_bytes("t", &bytes, None, &options());
    }

    #[test]
    fn damaged_packed_files_end_in_a_trace_or_an_error(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = ruzstd::encoding::compress_to_vec(&log(&[(0, 4, 0), (9, 9, 1)])[..], ruzstd::encoding::CompressionLevel::Fastest);
        for (at, value) in changes {
            let at = 4 + at.index(bytes.len() - 4);
            bytes[at] = value;
        }
        let _ = read_bytes("t", &bytes[..5 + cut.index(bytes.len() - 4)], None, &options());
    }

    #[test]
    fn pieces_cover_their_request(offset in 0u64..5000, length in 1u64..9000, max in 1u64..3000, shift in -6000i64..6000) {
        let options = Options { max_length: max, shift, outside: Outside::Wrap, ..Options::new(16384, 1) };
        let read = ok(format!("fio version 2 iolog\na add\na read {offset} {length}\n"), &options);
        let mut next = (offset as i64 + shift).rem_euclid(16384) as u64;
        let mut sum = 0;
        for operation in read.trace.operations.iter() {
            let TraceAction::Read { offset, length } = operation.action else { panic!("a read") };
            prop_assert_eq!(offset, next % 16384);
            prop_assert!(length > 0 && length <= max && offset + length <= 16384);
            next = offset + length;
            sum += length;
        }
        prop_assert_eq!(sum, length);
    }
}
