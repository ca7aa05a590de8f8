use crate::{Entry, Trace};
use std::cell::Cell;
use std::rc::Rc;
use xxhash_rust::xxh3::xxh3_64;

fn entry(i: u64) -> Entry {
    Entry { time: i, kind: 1, actor: 2, peer: 3, flags: 0x8001, a: i * 3, b: u64::MAX - i, c: 5 }
}

#[test]
fn the_encoding_is_as_its_table_says() {
    let e = Entry { time: 0x0102, kind: 3, actor: 4, peer: 5, flags: 0x8006, a: 7, b: 8, c: 9 };
    let bytes = e.encode();
    assert_eq!(bytes[..18], [2, 1, 0, 0, 0, 0, 0, 0, 3, 0, 4, 0, 5, 0, 6, 0x80, 7, 0]);
    assert_eq!((bytes[24], bytes[32]), (8, 9));
    assert_eq!(Entry::decode(&bytes), e);
}

#[test]
fn the_digest_is_that_of_all_encodings() {
    let mut trace = Trace::new(None);
    let mut all = Vec::new();
    for i in 0..5_000 {
        trace.emit(entry(i));
        all.extend(entry(i).encode());
        if i % 777 == 0 {
            assert_eq!(trace.digest(), xxh3_64(&all));
        }
    }
    assert_eq!((trace.digest(), trace.count()), (xxh3_64(&all), 5_000));
}

#[test]
fn a_sink_sees_everything_and_changes_no_digest() {
    let seen = Rc::new(Cell::new(0));
    let inside = seen.clone();
    let mut with = Trace::new(Some(Box::new(move |e| inside.set(inside.get() + e.a))));
    let mut without = Trace::new(None);
    for i in 0..2_000 {
        with.emit(entry(i));
        without.emit(entry(i));
    }
    assert_eq!(with.digest(), without.digest());
    assert_eq!(seen.get(), 3 * 1_999 * 1_000);
}

#[test]
fn the_last_entries_are_kept_across_blocks() {
    let mut trace = Trace::new(None);
    assert!(trace.last(5).is_empty());
    for i in 0..1_700 {
        trace.emit(entry(i));
        let n = 1_024.min(i + 1);
        let expected: Vec<Entry> = (i + 1 - n..=i).map(entry).collect();
        assert_eq!(trace.last(2_000), expected);
    }
    assert_eq!(trace.last(2), [entry(1_698), entry(1_699)]);
}
