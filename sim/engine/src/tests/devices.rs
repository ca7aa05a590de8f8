use crate::{Decisions, Delay, Disk, DiskSpec, Nvram, NvramSpec, Parts};
use bytes::Bytes;

fn disk(bandwidth: u64) -> Disk {
    Disk::new(DiskSpec {
        read: Delay::constant(100),
        write: Delay::constant(10),
        flush: Delay::constant(1_000),
        bandwidth,
        tear: 512,
        garbage: false,
    })
}

fn bytes(len: usize) -> Parts {
    Parts::from_iter([Bytes::from(vec![1; len])])
}

#[test]
fn a_disk_without_a_limit_serves_all_at_once() {
    let (mut disk, mut decisions) = (disk(0), Decisions::new(0));
    assert_eq!(disk.submit_read(5, 1 << 30, &mut decisions, 0), 105);
    assert_eq!(disk.submit_read(5, 1 << 30, &mut decisions, 0), 105);
}

#[test]
fn bytes_pass_one_after_the_other_if_the_bandwidth_is_limited() {
    let (mut disk, mut decisions) = (disk(1_000_000_000), Decisions::new(0));
    let one = disk.submit_write(0, 0, bytes(4_096), 0, &mut decisions, 0).unwrap();
    let two = disk.submit_write(0, 4_096, bytes(4_096), 0, &mut decisions, 0).unwrap();
    assert_eq!((one.at, two.at), (4_106, 8_202));
    assert_eq!(disk.submit_flush(0, &mut decisions, 0).at, 9_192);
    disk.restart();
    assert_eq!(disk.submit_read(0, 0, &mut decisions, 0), 100);
}

#[test]
fn a_slow_disk_takes_so_many_times_as_long() {
    let (mut disk, mut decisions) = (disk(1_000_000_000), Decisions::new(0));
    disk.slow = 10;
    assert_eq!(disk.submit_read(0, 50, &mut decisions, 0), 1_500);
}

#[test]
fn a_full_disk_refuses_and_may_keep_a_prefix_of_whole_granules() {
    let (mut disk, mut decisions) = (disk(0), Decisions::new(0));
    disk.full = true;
    let mut kept = [0; 2];
    for i in 0..100 {
        let refused = disk.submit_write(0, 100, bytes(2_000), i, &mut decisions, 0).unwrap_err();
        assert_eq!(refused.serial.is_some(), refused.stored > 0);
        assert!(refused.stored == 0 || (refused.stored < 2_000 && (100 + refused.stored) % 512 == 0));
        kept[usize::from(refused.stored > 0)] += 1;
    }
    assert!(kept[0] > 30 && kept[1] > 15, "{kept:?}");
    assert_eq!(disk.store.pending().len(), kept[1]);
}

#[test]
fn a_discard_needs_no_space() {
    let (mut disk, mut decisions) = (disk(0), Decisions::new(0));
    disk.full = true;
    assert_eq!(disk.submit_discard(0, 0, 512, 0, &mut decisions, 0).at, 10);
}

#[test]
fn a_store_to_nvram_retires_at_once_and_a_flush_takes_time() {
    let spec = NvramSpec { flush: Delay::constant(300), tear: 64 };
    let (mut nvram, mut decisions) = (Nvram::new(spec), Decisions::new(0));
    nvram.write(0, bytes(8), 0);
    nvram.slow = 2;
    let flush = nvram.submit_flush(5, &mut decisions, 0);
    assert_eq!(flush.at, 605);
    nvram.write(8, bytes(8), 0);
    nvram.discard(4, 2, 0);
    nvram.store.end_flush(flush.mark);
    assert_eq!(&nvram.store.read_stable(0, 9)[..], [1, 1, 1, 1, 1, 1, 1, 1, 0]);
    assert_eq!(&nvram.store.read(0, 9)[..], [1, 1, 1, 1, 0, 0, 1, 1, 1]);
}
