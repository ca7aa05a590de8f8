//! SR7: what a lost tail has left in the source's NVRAM is erased before the next record there.

use crate::rig::*;
use mirrorsim_oracle::*;

const S: Server = Server::Source(0);

/// A power cut after two records in a fresh partition, neither of them flushed: the first is lost, the second is not.
/// Says where the second one stands.
fn half_lost() -> (Rig, u64) {
    let mut rig = Rig::new();
    rig.run(write(0, 100, 1));
    rig.seal();
    rig.skip = "source flush and mark";
    let records = [write(0, 100, 2), write(512, 100, 3)].map(|op| rig.number(op));
    let bytes = records.map(|index| rig.records[index].bytes());
    let at = rig.generation % 2 * PARTITION + 128 + bytes[0].len() as u64;
    rig.source.cut();
    rig.source.poke(Device::Nvram, at, &bytes[1]);
    rig.source.settle(Device::Nvram);
    records.into_iter().rev().for_each(|index| rig.forget(index));
    rig.judge.crashed(S, true, &rig.source.stable(), &rig.source.current());
    rig.clean();
    (rig, at)
}

#[test]
fn a_leftover_that_stays_behind_the_next_record() {
    // It does not matter whether it would follow.
    for other in [write(0, 100, 2), write(0, 40, 4)] {
        let (mut rig, _) = half_lost();
        rig.skip = "";
        rig.number(other);
        assert!(rig.found().contains("numbering"), "{:#?}", rig.judge.findings());
    }
}

#[test]
fn a_leftover_that_is_erased_or_written_over() {
    let (mut rig, at) = half_lost();
    rig.store(S, Device::Nvram, at, &vec![0; (PARTITION - at % PARTITION) as usize]);
    rig.flush(S, Device::Nvram);
    rig.skip = "";
    rig.number(write(0, 100, 2));
    rig.clean();
    let (mut rig, _) = half_lost();
    rig.skip = "";
    rig.number(write(0, 300, 4));
    rig.clean();
}
