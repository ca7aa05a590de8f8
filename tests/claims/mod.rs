//! Every live claim of the patent has a scenario that shows it, and each passes with its expectations.

mod corners;
mod network;
mod table;

use crate::cli::top;
use crate::scenarios::{Kept, failures, read};
use mirrorsim_planted::{bent, find};
use mirrorsim_report::{CLAIMS, Claim};
use mirrorsim_world::outcome::Outcome;
use mirrorsim_world::{Options, run};

/// Numbers of the claims, the scenario below `scenarios/claims/`, and what it shows.
const SCENARIOS: &[(&[u32], &str, &str)] = &[
    (&[1], "claim_01_pipeline", "the file recovers the image at every durable change"),
    (&[3], "claim_03_sync_request", "lost, repeated and late SyncRequests apply each generation once"),
    (&[4], "claim_04_ack_file", "an answer waits for the file, and the NVRAM may be lost with the site"),
    (&[6, 25], "claim_06_25_file_of_partition", "a record of g is only ever in slot g mod k"),
    (&[7], "claim_07_network", "latency, cuts, clogs and resets change nothing"),
    (&[8, 27], "claim_08_27_sequence_numbers", "files stay dense and chained, no number is used twice"),
    (&[10], "claim_10_destination_alone", "the destination against a misbehaving source"),
    (&[12], "claim_12_stream", "resets of a stream lead to no gap and no Nak"),
    (&[14], "claim_14_nvram", "what is in the NVRAM survives crashes"),
    (&[14], "claim_14_battery", "a low battery is announced and nothing is lost with it"),
    (&[15], "claim_15_image_when_asked", "the image is modified only when the source asks"),
    (&[17], "claim_17_two_sources", "alpha stalls while beta runs"),
    (&[17], "claim_17_arrows_destination", "a power cut of the destination at each arrow"),
    (&[17], "claim_17_arrows_source", "a power cut of a source at each arrow"),
    (&[19], "claim_19_second_source", "clients of a lost source go on at another source"),
    (
        &[19],
        "claim_19_fenced_source",
        "a source that lives behind a cut is fenced, whoever serves its clients",
    ),
    (&[20], "claim_20_client_on_the_image", "clients go on with the image when a site is lost"),
    (&[21], "claim_21_eight_sources", "eight sources under the global scope do not leak"),
    (&[21], "claim_21_many_volumes", "many volumes and look-alike names do not leak"),
    (&[22], "claim_22_partitions_2", "two partitions"),
    (&[22], "claim_22_partitions_3", "three partitions"),
    (&[22], "claim_22_partitions_4", "four partitions"),
    (&[23], "claim_23_own_file", "each partition of each source has a file of its own"),
    (&[24], "claim_24_steady_state", "volume, image and model are equal at rest"),
    (&[26], "claim_26_torn_writes", "torn writes are noticed"),
    (&[26], "claim_26_no_space", "no space is survived without a fragment"),
    (&[26], "claim_26_damage", "damaged records are noticed and sent again"),
    (&[26], "claim_26_rotten_blocks", "damaged blocks are noticed and never shown"),
    (&[17], "ack_received", "level `received` loses answered writes"),
    (&[14], "ack_nvram", "level `nvram` survives a power cut together with the site"),
    (&[14], "ack_nvram_lost", "level `nvram` loses answered writes only with the NVRAM, and says so"),
    (&[4], "ack_file", "level `file` survives the loss of the NVRAM together with the site"),
];

/// Claims that are not cancelled.
fn live() -> impl Iterator<Item = &'static Claim> {
    CLAIMS.iter().filter(|claim| claim.live())
}

/// Seeds of each.
const SEEDS: std::ops::Range<u64> = 0..3;

#[test]
fn every_live_claim_has_a_scenario() {
    for claim in live().map(|c| c.number) {
        assert!(SCENARIOS.iter().any(|(claims, _, _)| claims.contains(&claim)), "claim {claim} has none");
    }
    for (claims, name, shows) in SCENARIOS {
        let path = format!("scenarios/claims/{name}.yaml");
        let Kept::Read(scenario) = read(&path) else { panic!("{path} was left out") };
        for claim in *claims {
            let tag = format!("claim-{claim}");
            assert!(scenario.tags.contains(&tag), "{path} shows that {shows}, and has no tag {tag}");
        }
        assert!(!scenario.expect.is_empty(), "{path} expects nothing");
    }
}

#[test]
fn every_scenario_of_the_folder_is_in_the_table() {
    let folder = std::fs::read_dir(top().join("scenarios/claims")).expect("a folder");
    for file in folder {
        let file = file.expect("an entry").path();
        let name = file.file_stem().and_then(|n| n.to_str()).unwrap_or_default();
        assert!(SCENARIOS.iter().any(|(_, n, _)| *n == name), "{name} is not in the table of tests/claims");
    }
}

#[test]
fn every_claim_is_shown() {
    let mut wrong = Vec::new();
    for (_, name, shows) in SCENARIOS {
        for failure in failures(&format!("scenarios/claims/{name}.yaml"), SEEDS) {
            wrong.push(format!("{failure} (it shows that {shows})"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What a seed of a scenario of the folder ends with, with bugs planted or without.
fn outcome(name: &str, seed: u64, planted: &[&str]) -> Outcome {
    let Kept::Read(scenario) = read(&format!("scenarios/claims/{name}.yaml")) else { panic!("no {name}") };
    let rows: Vec<_> = planted.iter().map(|id| find(id).expect("a row")).collect();
    run(&scenario.spec, seed, &Options { planted: bent(&rows), ..Options::default() }).outcome
}

#[test]
fn each_ack_level_loses_what_it_says_and_no_more() {
    for seed in 1000..1010 {
        let lost = |name| outcome(name, seed, &[]).operations.lost;
        assert!(lost("ack_received") >= 1, "received, seed {seed}: nothing is lost");
        assert_eq!(lost("ack_nvram"), 0, "nvram, seed {seed}: the NVRAM is there");
        assert!(lost("ack_nvram_lost") >= 1, "nvram, seed {seed}: nothing is lost with the NVRAM");
        assert_eq!(lost("ack_file"), 0, "file, seed {seed}: the files are there");
    }
}

#[test]
fn level_file_loses_an_answered_write_when_a_torn_tail_is_not_cut_off() {
    let loses = |seed| outcome("ack_file", seed, &["P16"]).failures.iter().any(|f| f.oracle == "durability");
    assert!((50..60).any(loses), "P16 does not show in ack_file");
}
