use crate::{
    Decisions, Delay, Disk, DiskSpec, Entry, FateOdds, Link, LinkSpec, Mode, Parts, Scheduler, Trace,
};
use bytes::Bytes;
use xxhash_rust::xxh3::xxh3_64;

#[derive(Clone, Copy)]
enum Event {
    Send(u64),
    Deliver(u64),
    Done(u64),
    Cut,
}

/// Messages cross a bad link and are written to a disk whose power goes in the end.
fn run(seed: u64) -> u64 {
    let mut decisions = Decisions::new(seed);
    let mut link = Link::new(LinkSpec {
        mode: Mode::Datagram,
        latency: Delay::exponential(1_000, 20_000, 500_000),
        bandwidth: 1_000_000_000,
        loss: 1 << 29,
        timeout: 0,
        duplicate: 1 << 29,
        reorder: 1 << 29,
        reorder_by: 100_000,
        corrupt: 1 << 28,
        burst: 0,
        burst_length: 1,
        in_flight: 0,
    });
    let mut disk = Disk::new(DiskSpec {
        read: Delay::ZERO,
        write: Delay::uniform(1_000, 300_000),
        flush: Delay::ZERO,
        bandwidth: 100_000_000,
        tear: 512,
        garbage: true,
    });
    let mut trace = Trace::new(None);
    let mut scheduler = Scheduler::new();
    for i in 0..1_000 {
        scheduler.at(i * 5_000, Event::Send(i));
    }
    scheduler.at(4_000_000, Event::Cut);
    while let Some(event) = scheduler.next() {
        let now = scheduler.now();
        let entry = Entry { time: now, ..Entry::default() };
        match event {
            Event::Send(i) => {
                for delivery in link.send(now, 2_048, i, &mut decisions, 0) {
                    scheduler.at(delivery.at, Event::Deliver(i));
                    trace.emit(Entry {
                        kind: 1,
                        a: i,
                        b: delivery.at,
                        c: delivery.corrupt.unwrap_or(0),
                        ..entry
                    });
                }
            }
            Event::Deliver(i) => {
                let data = Bytes::from(vec![i as u8; 2_048]);
                let parts = Parts::from_iter([data]);
                let written = disk.submit_write(now, i % 100 * 1_024, parts, 0, &mut decisions, 1).unwrap();
                scheduler.at(written.at, Event::Done(written.serial));
                trace.emit(Entry { kind: 2, a: i, b: written.at, c: written.serial, ..entry });
            }
            Event::Done(serial) => {
                disk.store.complete(serial);
                let mark = disk.store.begin_flush();
                if serial % 3 == 0 {
                    disk.store.end_flush(mark);
                }
                trace.emit(Entry { kind: 3, a: serial, ..entry });
            }
            Event::Cut => {
                let odds = FateOdds { garbage: 1 << 31, ..FateOdds::USUAL };
                let fates = disk.store.draw_fates(&mut decisions, 1, &odds);
                disk.store.power_cut(&fates);
                trace.emit(Entry { kind: 4, a: fates.len() as u64, b: content(&disk), ..entry });
                scheduler.clear();
            }
        }
    }
    trace.emit(Entry { kind: 5, a: content(&disk), b: disk.store.stored_bytes(), ..Entry::default() });
    trace.digest()
}

fn content(disk: &Disk) -> u64 {
    xxh3_64(&disk.store.read(0, 110_000))
}

#[test]
fn the_digest_of_a_small_run_is_golden() {
    assert_eq!([run(1), run(2)], [14943257249659393694, 13081422169243662694]);
}

#[test]
fn the_same_seed_gives_the_same_digest() {
    assert_eq!(run(77), run(77));
}
