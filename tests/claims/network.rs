//! Claim 7: over a network with faults the verdict is the same as over one without, and so is what the volume holds.

use crate::scenarios::{Kept, read};
use mirrorsim_world::outcome::Verdict;
use mirrorsim_world::spec::{Chance, Spec, Workload};
use mirrorsim_world::{Image, Options, run};
use std::collections::BTreeMap;

/// The scenario with one slot a client, and a part of the volume for each: what is asked, and what the volume holds in
/// the end, then depends on no order between the clients.
fn apart(spec: &Spec) -> Spec {
    let mut spec = spec.clone();
    let share = spec.sources[0].volumes[0].size / spec.clients.len() as u64;
    for (number, client) in spec.clients.iter_mut().enumerate() {
        let Workload::Generated(drawn) = &mut client.workload else { panic!("a drawn workload") };
        client.slots = 1;
        drawn.range = (number as u64 * share, share);
    }
    spec
}

fn content(images: &[Image]) -> BTreeMap<&str, Vec<u8>> {
    let flat = |image: &Image| {
        let mut bytes = vec![0; usize::try_from(image.size).expect("small")];
        for (offset, extent) in &image.extents {
            let at = usize::try_from(*offset).expect("small");
            bytes[at..at + extent.len()].copy_from_slice(extent);
        }
        bytes
    };
    images.iter().map(|i| (i.name.as_str(), flat(i))).collect()
}

#[test]
fn faults_of_the_network_change_neither_the_verdict_nor_the_volume() {
    let path = "scenarios/claims/claim_07_network.yaml";
    let Kept::Read(scenario) = read(path) else { panic!("{path} was left out") };
    let faulty = apart(&scenario.spec);
    let mut whole = faulty.clone();
    whole.faults.clear();
    whole.sources[0].link.loss = Chance::NEVER;
    let options = Options { images: true, ..Options::default() };
    let mut effective = 0;
    for seed in super::SEEDS {
        let (with, without) = (run(&faulty, seed, &options), run(&whole, seed, &options));
        assert_eq!(without.outcome.verdict, Verdict::Passed, "seed {seed}: {:?}", without.outcome.failures);
        // A fault that came after the end makes a run vacuous, nothing else.
        let took_effect = with.outcome.faults.iter().filter(|f| f.took_effect > 0).count();
        effective += usize::from(took_effect == faulty.faults.len());
        let same = matches!(with.outcome.verdict, Verdict::Passed | Verdict::Vacuous) && took_effect > 3;
        assert!(same, "seed {seed}: {:?} {:?}", with.outcome.verdict, with.outcome.failures);
        assert_eq!(
            with.outcome.operations.acknowledged, without.outcome.operations.acknowledged,
            "seed {seed}"
        );
        let (with, without) = (content(&with.images), content(&without.images));
        assert_eq!(with.len(), 2, "a volume and its image");
        assert!(with.values().all(|v| v.iter().any(|b| *b != 0)), "seed {seed}: empty");
        assert!(with == without, "seed {seed}: the volume or its image differs from that without faults");
    }
    assert!(effective > 0, "in no seed all faults took effect");
}
