//! What a scenario becomes.

use crate::{METRICS, read};
use mirror::config::{AckLevel, Transport};
use mirrorsim_world::spec::{
    Addresses, CheckMode, DamageTarget, Fault, LostContent, Node, Pacing, Shape, TraceAction, When, Workload,
};

fn spec(text: &str) -> mirrorsim_world::spec::Spec {
    read(text, &[]).map_err(|p| p.render(false)).expect("loads").spec
}

#[test]
fn the_least_scenario_has_useful_defaults() {
    let scenario =
        read("schema: 1\nsources: [{name: alpha}]\n", &[]).map_err(|p| p.render(false)).expect("loads");
    let spec = scenario.spec;
    assert_eq!((scenario.name.as_str(), spec.name.as_str()), ("test", "test"));
    assert_eq!((spec.protocol.partitions, spec.protocol.files, spec.protocol.block_size), (2, 2, 512));
    assert_eq!((spec.protocol.ack, spec.protocol.transport), (AckLevel::Nvram, Transport::Stream));
    assert_eq!((spec.sources[0].partition_size, spec.sources[0].volumes[0].size), (16384, 1 << 20));
    assert_eq!((spec.destination.reserve, spec.destination.nvram_size), (32768, 65536));
    assert_eq!((spec.clients.len(), spec.clients[0].slots, spec.clients[0].timeout), (1, 4, 200_000_000));
    assert_eq!(
        (spec.check.mode, spec.check.exhaustive, spec.check.drawn, spec.check.nested_every),
        (CheckMode::Every, 3, 1, 16)
    );
    assert_eq!(
        (spec.budget.events, spec.budget.idle, spec.budget.memory),
        (50_000_000, 60_000_000_000, 8 << 30)
    );
    assert_eq!(spec.profile, Default::default());
}

#[test]
fn counts_make_names() {
    let spec = spec(
        "schema: 1\nsources: [{count: 2}, {name: s, count: 2}, {}]\nclients: [{source: s2, name: c, count: 3}]\n",
    );
    let names: Vec<&str> = spec.sources.iter().map(|s| s.name.as_str()).collect();
    assert_eq!(names, ["alpha", "beta", "s1", "s2", "epsilon"]);
    let clients: Vec<(&str, usize)> = spec.clients.iter().map(|c| (c.name.as_str(), c.source)).collect();
    assert_eq!(clients, [("c1", 3), ("c2", 3), ("c3", 3)]);
}

#[test]
fn a_workload_is_read_in_full() {
    let spec = spec(
        "schema: 1
sources: [{name: alpha, volumes: [{name: a, size: 2MiB}, {name: b, size: 4MiB}]}]
clients:
  - operations: 9
    volumes: [b]
    range: {offset: 1MiB, length: 2MiB}
    align: 4096
    sizes:
      - {size: 512B..4KiB, step: 512B, weight: 3}
      - {size: 8}
    addresses: {zipf: {items: 100, exponent: 1.2}}
    interval: {min: 1ms, mean: 2ms, max: 9ms, shape: exponential}
",
    );
    let Workload::Generated(g) = &spec.clients[0].workload else { panic!("not generated") };
    assert_eq!(
        (g.operations, g.volumes.as_slice(), g.range, g.align),
        (9, &[1][..], (1 << 20, 2 << 20), 4096)
    );
    assert_eq!((g.sizes[0].step, g.sizes[0].max, g.sizes[1].min, g.sizes[1].weight), (512, 4096, 8, 1));
    assert_eq!(g.addresses, Addresses::Zipf { items: 100, exponent_milli: 1200 });
    let Pacing::Open { interval } = g.pacing else { panic!("not open") };
    assert_eq!((interval.shape, interval.mean), (Shape::Exponential, 2_000_000));
}

#[test]
fn a_script_is_read_in_full() {
    let spec = spec(
        "schema: 1
sources: [{name: alpha}]
clients:
  - script:
      - {at: 1ms, write: {offset: 0, text: hello, wait: true}}
      - add: {offset: 8, delta: 18446744073709551615}
      - flush: {}
      - {write_zeroes: {offset: 0, length: 0}, expect: error}
      - {write: {offset: 0, length: 3, zeros: true}}
      - {write: {offset: 0, length: 1TiB, zeros: true}, expect: error}
",
    );
    let Workload::Trace(t) = &spec.clients[0].workload else { panic!("not a list") };
    assert_eq!((t.operations.len(), t.operations[0].at, t.speed_milli), (6, 1_000_000, Some(1000)));
    let TraceAction::Write { length, payload, wait, .. } = &t.operations[0].action else {
        panic!("not a write")
    };
    assert_eq!((*length, payload.as_deref(), *wait), (5, Some(&b"hello"[..]), true));
    assert!(matches!(t.operations[1].action, TraceAction::Add { offset: 8, delta: u64::MAX }));
    assert!(t.operations[3].expect_error);
    // A payload of zeros, of which there are never more than the largest operation has.
    let zeros = |number: usize| match &t.operations[number].action {
        TraceAction::Write { payload: Some(payload), .. } => payload.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(&zeros(4)[..], [0; 3]);
    assert!((1..1 << 20).contains(&zeros(5).len()) && t.operations[5].expect_error);
}

#[test]
fn every_fault_has_a_form() {
    let lines = [
        ("crash: {node: alpha}", Fault::Crash { node: Node::Source(0), restart_after: None }),
        (
            "power_cut: {node: destination, restart_after: 1ms}",
            Fault::PowerCut { node: Node::Destination(0), restart_after: Some(1_000_000) },
        ),
        ("restart: {node: alpha}", Fault::Restart { node: Node::Source(0) }),
        ("pause: {node: beta, lasting: 1s}", Fault::Pause { node: Node::Source(1), lasting: 1_000_000_000 }),
        ("heal: {source: beta}", Fault::Heal { source: 1 }),
        (
            "reset: {source: beta, only: destination}",
            Fault::Reset { source: 1, only: Some(Node::Destination(0)) },
        ),
        (
            "nvram_lost: {node: destination, reads: random}",
            Fault::NvramLost { node: Node::Destination(0), reads: LostContent::Random },
        ),
        ("nvram_degraded: {}", Fault::NvramDegraded { node: Node::Destination(0), lasting: None }),
        (
            "disaster: {source: alpha, power_cut: true}",
            Fault::Disaster { source: 0, power_cut: true, recover_after: 0 },
        ),
        (
            "disaster: {source: alpha, recover_after: 5ms}",
            Fault::Disaster { source: 0, power_cut: false, recover_after: 5_000_000 },
        ),
        ("seal: {source: alpha}", Fault::Seal { source: 0 }),
        ("recover: {source: alpha}", Fault::Recover { source: 0, promote: false }),
        ("recover: {source: alpha, promote: true}", Fault::Recover { source: 0, promote: true }),
        (
            "damage: {image_block: {source: alpha, block: 7}, bits: 3}",
            Fault::Damage {
                target: DamageTarget::ImageBlock { source: 0, volume: 0, block: Some(7) },
                bits: 3,
            },
        ),
    ];
    for (line, fault) in lines {
        // A trigger, so that the timeline has no say; beyond the model, so that pairs have none.
        let text = format!(
            "schema: 1\nbeyond_model: true\nsources: [{{name: alpha}}, {{name: beta}}]\nclients: [{{source: alpha}}]\nfaults: [{{when: {{stage: sealed, nth: 2, source: beta, delay: 3us}}, {line}}}]\n"
        );
        let spec = spec(&text);
        assert_eq!(spec.faults[0].fault, fault);
        assert_eq!(spec.faults[0].place, "test.yaml:5");
        assert!(matches!(spec.faults[0].when, When::On { nth: 2, source: Some(1), delay: 3000, .. }));
    }
}

#[test]
fn presets_leave_out_what_a_stream_cannot_show() {
    let stream = spec("schema: 1\nsources: [{}]\nprofile: swarm\n").profile;
    let datagram =
        spec("schema: 1\nprotocol: {transport: datagram}\nsources: [{}]\nprofile: swarm\n").profile;
    assert_eq!(stream.reorder.0, 0);
    assert!(datagram.reorder.0 > 0 && stream.swarm.is_some() && stream.span > 0);
    let own = spec("schema: 1\nsources: [{}]\nprofile: {cuts: 0.25, span: 1s}\n").profile;
    assert_eq!((own.cuts_milli, own.span, own.swarm), (250, 1_000_000_000, None));
}

#[test]
fn expectations_carry_units_and_places() {
    let text = "schema: 1\nsources: [{}]\nexpect:\n  - p99_write < 5ms\n  - bytes_sent <= 1MiB\n  - recoveries.exact == 1\n";
    let scenario = read(text, &[]).map_err(|p| p.render(false)).expect("loads");
    let shown: Vec<String> = scenario.expect.iter().map(ToString::to_string).collect();
    assert_eq!(shown, ["p99_write < 5ms", "bytes_sent <= 1MiB", "recoveries.exact == 1"]);
    assert_eq!((scenario.expect[0].value, scenario.expect[1].place.as_str()), (5_000_000, "test.yaml:5"));
    assert!(scenario.expect[0].op.holds(4_999_999, 5_000_000));
}

#[test]
fn the_largest_operation_is_what_the_protocol_says() {
    let spec = spec("schema: 1\nsources: [{partition_size: 5001B}]\ndestination: {reserve: 8192}\n");
    let geometry = mirror::geometry::Geometry {
        mirror: mirror::ids::MirrorId([0; 16]),
        block_size: 512,
        partitions: 2,
        partition_size: 5001,
        files: 2,
        segment_size: 4096,
        volumes: vec![],
        clients: 1,
        slots: 1,
        max_length: None,
        batch: 4096,
        first_place: 0,
        resync_at: 0,
        file_size: 8192,
    };
    assert_eq!(mirrorsim_scenario::largest_operation(&spec, 0), geometry.max_length());
}

#[test]
fn a_metric_that_is_not_there_is_told_with_one_that_is_or_with_all() {
    let said = |line: &str| {
        let text = format!("schema: 1\nsources: [{{name: alpha}}]\nexpect: [\"{line}\"]\n");
        read(text, &[]).expect_err("bad").list()[0].help.clone().expect("a cure")
    };
    assert_eq!(said("lost_count <= 3"), "did you mean `lost`?");
    let all = said("nonsense <= 3");
    assert!(all.starts_with("`mirrorsim list --metrics` says what each is: lost, "), "{all}");
    assert!(METRICS.iter().all(|(name, _, _)| all.contains(name)), "{all}");
}

#[test]
fn two_sources_of_one_name_are_one_choice() {
    let said = |sources: &str| {
        let text = format!("schema: 1\nsources: [{sources}]\nclients: [{{operations: 3}}]\n");
        read(text, &[]).expect_err("bad").render(false)
    };
    let twice = said("{name: alpha}, {name: alpha}");
    assert!(twice.contains("alpha") && !twice.contains("is missing"), "{twice}");
    let more = said("{name: alpha}, {name: alpha}, {name: beta}");
    assert!(more.contains("want `source: alpha | beta`"), "{more}");
}
