use super::*;
use bytes::Bytes;
use std::io::{Cursor, Write as _};

#[test]
fn a_format_is_known_by_its_name_and_guessed_from_its_first_bytes() {
    for (format, name) in Format::NAMES {
        assert_eq!((Format::from_name(name), format.name()), (Some(format), name));
    }
    assert_eq!(Format::from_name("csv"), None);
    let guesses: [(&[u8], &str, Option<Format>); 8] = [
        (b"version,time,op,size,lbn\n", "x", Some(Format::Cloudphysics)),
        (b"\xef\xbb\xbflbn, size, op, time\r\n", "x", Some(Format::Cloudphysics)),
        (MSR.as_bytes(), "x.csv", Some(Format::Msr)),
        (b"fio version 3 iolog\n", "x", Some(Format::Fio)),
        (&log(&[(0, 1, 0)]), "x", Some(Format::Dmlog)),
        (b"?", "x.dmlog.zst", Some(Format::Dmlog)),
        (b"?", "x.iolog", Some(Format::Fio)),
        (b"?", "x.csv", None),
    ];
    for (start, name, format) in guesses {
        assert_eq!(Format::guess(start, name), format, "{name}");
    }
}

#[test]
fn cloudphysics_requests_are_spread_over_their_second() {
    let text = "version,time,op,size,lbn\n1,100,2a,512,8\n1,100,28,1024,9\n1,100,35,0,0\n1,100,42,4096,16\n1,103,2a,512,0\n1,103,0x8a,512,1\n";
    let read = ok(text, &options());
    assert_eq!(
        story(&read),
        "0:0:w4096+512 250000000:0:r4608+1024 500000000:0:f 750000000:0:z8192+4096 3000000000:0:w0+512 3500000000:0:w512+512"
    );
    let want = Summary {
        requests: 6,
        operations: 6,
        reads: 1,
        writes: 3,
        zeroes: 1,
        flushes: 1,
        bytes_read: 1024,
        bytes_written: 1536,
        first: 100,
        last: 103,
        duration: 3_500_000_000,
        highest: 12288,
        largest: 4096,
        ..Summary::default()
    };
    assert_eq!(read.summary, want);
}

#[test]
fn cloudphysics_columns_may_have_another_order() {
    let text = "lbn,op,extra,time,size\r\n8,2A,x,5,512\r\n\r\n9,28,y,5,512";
    assert_eq!(story(&ok(text, &options())), "0:0:w4096+512 500000000:0:r4608+512");
}

#[test]
fn skip_and_limit_take_a_window_and_change_no_distance() {
    let text = "version,time,op,size,lbn\n1,9,2a,512,0\n1,9,2a,512,1\n1,9,2a,512,2\n1,9,2a,512,3\n1,10,2a,512,4\n1,10,2a,512,5\n";
    let window = |skip, limit| story(&ok(text, &Options { skip, limit, ..options() }));
    assert_eq!(
        window(1, None),
        "0:0:w512+512 250000000:0:w1024+512 500000000:0:w1536+512 750000000:0:w2048+512 1250000000:0:w2560+512"
    );
    assert_eq!(window(1, Some(2)), "0:0:w512+512 250000000:0:w1024+512");
    assert_eq!(window(3, Some(2)), "0:0:w1536+512 250000000:0:w2048+512");
    assert_eq!(window(9, None), "");
}

#[test]
fn times_that_run_backwards_keep_their_place() {
    let text = "version,time,op,size,lbn\n1,9,2a,512,0\n1,8,2a,512,1\n1,10,2a,512,2\n";
    let read = ok(text, &options());
    assert_eq!(
        (story(&read).as_str(), read.summary.late),
        ("0:0:w0+512 500000000:0:w512+512 1000000000:0:w1024+512", 1)
    );
    let swapped: String = MSR.lines().rev().map(|line| format!("{line}\n")).collect();
    let read = ok(swapped, &options());
    assert_eq!((story(&read).as_str(), read.summary.late), ("0:0:w4096+8192 0:0:r1000+512", 1));
}

#[test]
fn msr_times_are_filetimes() {
    assert_eq!(story(&ok(MSR, &options())), "0:0:r1000+512 1000:0:w4096+8192");
    let headed = format!("Timestamp,Hostname,DiskNumber,Type,Offset,Size,ResponseTime\n{MSR}");
    assert_eq!(
        story(&read_bytes("t", headed.as_bytes(), Some(Format::Msr), &options()).unwrap()),
        "0:0:r1000+512 1000:0:w4096+8192"
    );
}

#[test]
fn msr_disks_are_chosen_or_refused() {
    let text = format!("{MSR}128166372003061649,hm,1,Read,0,512,1\n");
    assert_eq!(
        message(&text, &options()),
        "t:3: the trace has several disks: got disk 1 of `hm` after disk 0 of `hm`\n  help: choose one with `host` and `disk`"
    );
    let read = ok(&text, &Options { disk: Some(1), host: Some("HM".to_owned()), ..options() });
    assert_eq!((story(&read).as_str(), read.summary.filtered), ("0:0:r0+512", 2));
}

#[test]
fn fio_version_3_has_microseconds() {
    let text = "fio version 3 iolog\n19 /a add\n20 /a open\n30 /a write 4096 512\n40 /a datasync 0 0\n55 /a trim 0 4096\n60 /a read 0 512\n70 /a close\n";
    assert_eq!(story(&ok(text, &options())), "0:0:w4096+512 10000:0:f 25000:0:z0+4096 30000:0:r0+512");
    let slow = Options { fio_tick: 1_000_000, ..options() };
    assert!(story(&ok(text, &slow)).ends_with(" 30000000:0:r0+512"));
}

#[test]
fn fio_version_2_waits_and_files_are_volumes_by_order() {
    let text = "fio version 2 iolog\na add\nb add\na open\nb open\na write 0 512\nb wait 1500 0\nb read 512 512\na wait 99 0\nb sync 0 0\nb close\n";
    let read = ok(text, &Options { files: vec![3, 5], ..options() });
    assert_eq!(story(&read), "0:3:w0+512 1500000:5:r512+512 1500000:5:f");
    assert_eq!(
        message(text, &Options { files: vec![3], ..options() }),
        "t:3: the trace has more files than volumes were given: got file 2, want at most 1\n  help: name a volume for each file, or one for all"
    );
    assert!(story(&ok(text, &options())).starts_with("0:0:w0+512 1500000:0:r512+512"));
}

#[test]
fn a_log_keeps_payloads_flushes_first_and_waits_for_forced_writes() {
    let log =
        log(&[(2, 2, 0), (0, 0, 1), (4, 1, 3), (8, 16, 4), (9, 1, 16), (0, 0, 8), (0, 0, 16), (1, 1, 2 | 4)]);
    let read = ok(&log, &options());
    assert_eq!(
        story(&read),
        "0:0:w1024+1024=1 0:0:f 0:0:f 0:0:w2048+512=3! 0:0:z4096+8192 0:0:w4608+512=5 0:0:z512+512 0:0:f"
    );
    let summary = &read.summary;
    assert_eq!(
        (summary.requests, summary.writes, summary.zeroes, summary.flushes, summary.forced),
        (8, 3, 2, 3, 1)
    );
    assert_eq!((summary.unsupported, summary.bytes_written), (2, 2048));
    let bare = ok(&log, &Options { payloads: false, ..options() });
    assert!(story(&bare).starts_with("0:0:w1024+1024 "));
}

#[test]
fn long_requests_are_cut_and_only_the_last_piece_is_waited_for() {
    let cut = Options { max_length: 1100, ..options() };
    let read = ok(log(&[(0, 5, 2)]), &cut);
    assert_eq!(story(&read), "0:0:w0+1024=1 0:0:w1024+1024=1 0:0:w2048+512=1!");
    assert_eq!((read.summary.split, read.summary.writes, read.summary.largest), (1, 1, 2560));
    assert_eq!(
        message(log(&[(0, 5, 2)]), &Options { oversize: Oversize::Refuse, ..cut }),
        "t: entry 0 at byte 512: the request is longer than one operation may be: got 2560, want at most 1100\n  help: `oversize: split` cuts such requests"
    );
}

#[test]
fn offsets_are_shifted_and_wrapped() {
    let text = "fio version 2 iolog\na add\na write 512 1024\na write 8192 512\n";
    let small = Options { volume_size: 8192, shift: -1024, ..options() };
    assert_eq!(
        message(text, &small),
        "t:3: the request lies outside the volume: got offset -512, length 1024, want within 0..8192\n  help: make the volume larger, or `outside: wrap` or `skip`"
    );
    let wrapped = ok(text, &Options { outside: Outside::Wrap, ..small.clone() });
    assert_eq!(
        (story(&wrapped).as_str(), wrapped.summary.wrapped),
        ("0:0:w7680+512 0:0:w0+512 0:0:w7168+512", 1)
    );
    let skipped = ok(text, &Options { outside: Outside::Skip, ..small });
    assert_eq!((story(&skipped).as_str(), skipped.summary.outside), ("0:0:w7168+512", 1));
    let huge = "fio version 2 iolog\na add\na write 0 18446744073709551615\n";
    let wrap = Options { outside: Outside::Wrap, ..options() };
    assert!(message(huge, &wrap).ends_with("want within 0..1073741824\n  help: make the volume larger"));
}

#[test]
fn gzip_is_unpacked_and_damage_is_seen() {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(MSR.as_bytes()).unwrap();
    let packed = gzip.finish().unwrap();
    assert_eq!(story(&ok(&packed, &options())), story(&ok(MSR, &options())));
    let error = message(&packed[..packed.len() - 3], &options());
    assert!(error.starts_with("t: cannot read the trace: got "), "{error}");
}

#[test]
fn zstd_is_unpacked_frame_by_frame_and_damage_is_seen() {
    let pack = |text: &str| {
        ruzstd::encoding::compress_to_vec(text.as_bytes(), ruzstd::encoding::CompressionLevel::Fastest)
    };
    let (first, second) = MSR.split_at(50);
    let packed = [pack(first), pack(second)].concat();
    assert_eq!(story(&ok(&packed, &options())), story(&ok(MSR, &options())));
    let error = message(&packed[..packed.len() - 2], &options());
    assert!(error.starts_with("t: cannot read the trace: got "), "{error}");
}

#[test]
fn an_image_is_what_the_operations_leave_in_order() {
    let read = ok(log(&[(0, 4, 0), (1, 1, 0), (2, 1, 4), (0, 0, 1)]), &options());
    let mut image = Cursor::new(Vec::new());
    straight_image(&read.trace.operations, &mut image).unwrap();
    let sectors: Vec<u8> = image.get_ref().chunks(512).map(|sector| sector[511]).collect();
    assert_eq!(sectors, [1, 2, 0, 1]);
    let stamped = ok(MSR, &options());
    let error = straight_image(&stamped.trace.operations, &mut Cursor::new(Vec::new())).unwrap_err();
    assert_eq!(error.to_string(), "operation 1 has no payload");
}

#[test]
fn payloads_share_one_buffer() {
    let read = ok(log(&[(0, 2, 0), (1, 1, 0)]), &Options { max_length: 512, ..options() });
    let starts: Vec<usize> =
        read.trace.operations.iter().filter_map(payload).map(|bytes| bytes.as_ptr() as usize).collect();
    assert_eq!((starts[1] - starts[0], starts[2] - starts[0]), (512, 1536));
}

fn payload(operation: &TraceOperation) -> Option<&Bytes> {
    match &operation.action {
        TraceAction::Write { payload, .. } => payload.as_ref(),
        _ => None,
    }
}
