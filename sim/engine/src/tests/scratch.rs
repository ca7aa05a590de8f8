use super::device::{Device, Op, apply, fates_of, ops};
use crate::{Scratch, Store, View};
use proptest::prelude::*;

proptest! {
    #[test]
    fn a_scratch_device_does_what_the_device_itself_would(before in ops(), after in ops()) {
        let mut below = (Store::new(8), Vec::new());
        let mut flushes = Vec::new();
        for op in &before {
            flushes.extend(apply(&mut below, 8, op, &flushes));
        }
        let fates = fates_of(1, below.pending());
        let untouched = below.content();

        let mut store = (below.0.clone(), Vec::new());
        store.0.power_cut(&fates);
        let mut scratch = (Scratch::new(View::chosen(&below.0, &fates)), Vec::new());
        flushes.clear();
        for op in &after {
            let flush = apply(&mut store, 8, op, &flushes);
            prop_assert_eq!(flush, apply(&mut scratch, 8, op, &flushes));
            flushes.extend(flush);
            prop_assert_eq!(store.content(), scratch.content());
        }
        prop_assert_eq!(below.content(), untouched);
    }

    #[test]
    fn a_scratch_device_without_cuts_reads_the_same(before in ops(), after in ops()) {
        let mut below = (Store::new(8), Vec::new());
        let mut flushes = Vec::new();
        for op in &before {
            flushes.extend(apply(&mut below, 8, op, &flushes));
        }
        let mut plain = (Scratch::new(View::current(&below.0)), Vec::new());
        let mut cheap = (Scratch::without_cuts(View::current(&below.0)), Vec::new());
        for op in after.iter().filter(|op| !matches!(op, Op::PowerCut(_))) {
            apply(&mut plain, 8, op, &[]);
            apply(&mut cheap, 8, op, &[]);
            prop_assert_eq!(plain.content().0, cheap.content().0);
            prop_assert_eq!(cheap.content().0, cheap.content().1);
            prop_assert_eq!(cheap.pending(), 0);
        }
    }
}
