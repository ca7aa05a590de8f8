use crate::{ExtentMap, Source};
use bytes::Bytes;
use proptest::prelude::*;

const SIZE: usize = 256;

#[derive(Clone, Debug)]
enum Op {
    Write(u64, Vec<u8>),
    Zero(u64, u64),
    OverlayZero(u64, u64),
    CopyRange(u64, u64),
}

fn op() -> impl Strategy<Value = Op> {
    let place = (0..SIZE as u64, 0_u64..40).prop_map(|(at, len)| (at, len.min(SIZE as u64 - at)));
    let write = (0..SIZE, prop::collection::vec(1_u8.., 0..40)).prop_map(|(at, mut data)| {
        data.truncate(SIZE - at);
        Op::Write(at as u64, data)
    });
    prop_oneof![
        4 => write,
        1 => place.clone().prop_map(|(at, len)| Op::Zero(at, len)),
        1 => place.clone().prop_map(|(at, len)| Op::OverlayZero(at, len)),
        1 => place.prop_map(|(at, len)| Op::CopyRange(at, len)),
    ]
}

/// `None` where nothing is held.
type Model = Vec<Option<u8>>;

fn apply(map: &mut ExtentMap, model: &mut Model, other: &(ExtentMap, Model), op: &Op) {
    match op {
        Op::Write(at, data) => {
            map.write(*at, Bytes::from(data.clone()));
            model.splice(*at as usize..*at as usize + data.len(), data.iter().copied().map(Some));
        }
        Op::Zero(at, len) => {
            map.zero(*at, *len);
            model[*at as usize..(at + len) as usize].fill(None);
        }
        Op::OverlayZero(at, len) => {
            map.overlay_zero(*at, *len);
            model[*at as usize..(at + len) as usize].fill(Some(0));
        }
        Op::CopyRange(at, len) => {
            map.copy_range(&other.0, *at, *len);
            let range = *at as usize..(at + len) as usize;
            model[range.clone()].copy_from_slice(&other.1[range]);
        }
    }
}

fn build(ops: &[Op], other: &(ExtentMap, Model)) -> (ExtentMap, Model) {
    let (mut map, mut model) = (ExtentMap::new(), vec![None; SIZE]);
    for op in ops {
        apply(&mut map, &mut model, other, op);
    }
    (map, model)
}

proptest! {
    #[test]
    fn it_reads_like_plain_bytes(
        below in prop::collection::vec(op(), 0..20),
        above in prop::collection::vec(op(), 0..20),
        at in 0..SIZE, len in 0..SIZE,
    ) {
        let nothing = (ExtentMap::new(), vec![None; SIZE]);
        let base = build(&below, &nothing);
        let (map, model) = build(&above, &base);
        let range = at..(at + len).min(SIZE);
        let (offset, len) = (range.start as u64, range.len() as u64);

        let alone: Vec<u8> = model[range.clone()].iter().map(|byte| byte.unwrap_or(0)).collect();
        prop_assert_eq!(&map.read(offset, len)[..], &alone);
        let over: Vec<u8> = range.clone().map(|i| model[i].or(base.1[i]).unwrap_or(0)).collect();
        prop_assert_eq!(&map.read_over(&base.0, offset, len)[..], &over);
        let mut filled = vec![7; range.len()];
        map.fill_over(&base.0, offset, &mut filled);
        prop_assert_eq!(&filled, &over);
        prop_assert_eq!(map.covers(offset, len), model[range.clone()].iter().all(Option::is_some));
        prop_assert_eq!(map.touches(offset, len), model[range.clone()].iter().any(Option::is_some));

        let held: u64 = map.iter(offset, len).map(|(_, extent)| extent.len()).sum();
        prop_assert_eq!(held, model[range].iter().flatten().count() as u64);
        let stored: u64 = map.all().map(|(_, extent)| match extent {
            crate::Extent::Data(data) => data.len() as u64,
            crate::Extent::Zero(_) => 0,
        }).sum();
        prop_assert_eq!(map.stored_bytes(), stored);
    }
}

#[test]
fn a_read_within_one_extent_shares_its_buffer() {
    let data = Bytes::from(vec![5; 100]);
    let mut map = ExtentMap::new();
    map.write(1_000, data.clone());
    assert_eq!(map.read(1_010, 20).as_ptr(), data[10..].as_ptr());
    let overlay = ExtentMap::new();
    assert_eq!(overlay.read_over(&map, 1_010, 20).as_ptr(), data[10..].as_ptr());
}

#[test]
fn reads_of_holes_share_one_buffer_of_zeros() {
    let map = ExtentMap::new();
    assert_eq!(map.read(0, 10).as_ptr(), map.read(1 << 60, 65_536).as_ptr());
    assert!(map.read(0, 100_000).iter().all(|&byte| byte == 0));
}

#[test]
fn overlays_stack() {
    let mut base = ExtentMap::new();
    base.write(0, Bytes::from_static(b"abcdef"));
    let mut middle = ExtentMap::new();
    middle.write(1, Bytes::from_static(b"BC"));
    let mut top = ExtentMap::new();
    top.overlay_zero(2, 2);
    struct Over<'a>(&'a ExtentMap, &'a ExtentMap);
    impl Source for Over<'_> {
        fn read(&self, offset: u64, len: u64) -> Bytes {
            self.0.read_over(self.1, offset, len)
        }
    }
    assert_eq!(&top.read_over(&Over(&middle, &base), 0, 7)[..], b"aB\0\0ef\0");
}
