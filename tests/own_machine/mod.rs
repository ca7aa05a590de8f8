//! The example of machines of one's own: a correct one passes, what breaks a rule is caught, and no machine of ours is needed.

#[allow(dead_code)]
#[path = "../../examples/own_machine.rs"]
mod example;

use crate::cli::{FIRST, mirrorsim};
use example::Row;
use mirrorsim_campaign::{Children, Crew, Event, Plan, Recorded, Replayed, Stop, Token, run};
use mirrorsim_scenario as scenario;
use mirrorsim_world::Host;
use mirrorsim_world::outcome::Verdict;

#[test]
fn what_breaks_a_rule_is_caught_whoever_wrote_it() {
    let [ours, grouped, hasty, mute] = example::all();
    let first = |row: &Row| row.tally.groups_by_size().first().map(|kind| kind.signature.to_owned());
    for (row, passed) in [(&ours, 30), (&grouped, 30), (&hasty, 0), (&mute, 0)] {
        assert_eq!((row.tally.runs(), row.tally.passed, row.tally.rig), (30, passed, 0), "{}", row.name);
    }
    assert!(first(&hasty).is_some_and(|s| s.starts_with("numbering I4 ")), "{:?}", first(&hasty));
    assert!(first(&mute).is_some_and(|s| s.starts_with("liveness L1 ")), "{:?}", first(&mute));
    // What they do is not to be taken for what ours would do.
    let token = |row: &Row| row.tally.groups_by_size().first().map(|kind| kind.group.token.clone());
    for row in [&hasty, &mute] {
        let token = token(row).expect("a token");
        let name = token.parse::<Token>().expect("it is whole").host.expect("the machines are named");
        for all in [&["replay", "--scenario", FIRST][..], &["diff"], &["shrink"]] {
            let said = mirrorsim(&[all, &[token.as_str()]].concat()).ends(2);
            assert!(
                all[0] != "replay" || said.err.contains(&format!("the machines of this run were `{name}`"))
            );
            assert_eq!(said.out, "");
        }
    }
    // It is another machine: what it holds back is seen in what clients wait for.
    let median = |row: &Row| row.latencies[row.latencies.len() / 2];
    assert!(median(&grouped) > median(&ours) + 100_000, "{} {}", median(&grouped), median(&ours));
}

fn plan(host: Host) -> Plan {
    let text = b"schema: 1\nsources: [{name: alpha}]\nclients: [{operations: 5}]\n";
    let read = scenario::parse("mine.yaml", text, &[], &scenario::Options::default()).expect("a scenario");
    Plan { host, ..Plan::new(read, "mine.yaml", scenario::seeds("1").expect("seeds")) }
}

#[test]
fn a_token_is_for_whoever_has_its_machines() {
    let named = |name| Host { name, ..Host::default() };
    let (mine, theirs) = (Some("mine"), Some("theirs"));
    let token: Token = plan(named(mine)).request(1).to_string().parse().expect("a token");
    assert_eq!(token.host.as_deref(), mine);
    assert!(!plan(Host::default()).request(1).to_string().contains("host"), "ours are not named");
    let scenario = || plan(Host::default()).scenario;
    let again = Plan::hosted(&token, scenario(), named(mine)).expect("they are the same");
    assert_eq!(again.request(1), token);
    for other in [theirs, None] {
        let why = Plan::hosted(&token, scenario(), named(other)).expect_err("others");
        assert!(why.contains("were `mine`"), "{why}");
    }
    let ours = plan(Host::default()).request(1);
    assert!(
        Plan::hosted(&ours, scenario(), named(mine)).is_err_and(|why| why.contains("were mirrorsim's own"))
    );
}

/// A child has ours only.
#[test]
fn no_child_runs_our_machines_in_the_place_of_others() {
    let children = Children {
        program: env!("CARGO_BIN_EXE_mirrorsim").into(),
        arguments: vec!["worker".into()],
        hang_after: std::time::Duration::from_secs(60),
    };
    let crew = Crew { children: Some(children), ..Crew::threads(1) };
    let verdict = |name| {
        let mut seen = None;
        let plans = [plan(Host { name, ..Host::default() })].into();
        run(&plans, &crew, &Stop::default(), &mut |event| {
            if let Event::Seed(run) = event {
                let why = run.outcome.failures.first().map(|f| f.message.clone()).unwrap_or_default();
                seen = Some((run.outcome.verdict, why.contains("the machines of this run were `mine`")));
            }
        })
        .expect("threads");
        seen
    };
    assert_eq!(verdict(None), Some((Verdict::Passed, false)));
    assert_eq!(verdict(Some("mine")), Some((Verdict::Rig, true)));
}

/// The sources of machines of one's own are no part of what is known of a build: they may have changed.
#[test]
fn another_digest_of_ones_own_machines_is_no_nondeterminism() {
    let replayed = |name| {
        let plan = plan(Host { name, ..Host::default() });
        let mut seen = None;
        run(&[plan.clone()].into(), &Crew::threads(1), &Stop::default(), &mut |event| {
            if let Event::Seed(run) = event {
                let token = Token { digest: !run.outcome.digest, ..run.token.clone() };
                let recorded = Recorded { token: &token, signature: None };
                seen = Some(recorded.replayed(recorded.same(&plan, &run), &run));
            }
        })
        .expect("threads");
        seen
    };
    assert_eq!(replayed(None), Some(Replayed::Nondeterminism));
    assert_eq!(replayed(Some("mine")), Some(Replayed::PassedAgain));
}
