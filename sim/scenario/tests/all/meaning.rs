//! The rows of the list of bad inputs, by number: what needs more than one key to be seen.

use crate::read;
use crate::rows::{HEAD, accepted, accepted_below, refused, refused_below};

#[test]
fn probabilities_are_between_0_and_1() {
    let link = |chance: &str| format!("schema: 1\nsources: [{{name: alpha, link: {{loss: {chance}}}}}]\n");
    for bad in ["1.5", "-0.1", ".nan", "101%", "1e-3"] {
        refused(&[("13", &link(bad), &["link.loss: not a probability"])]);
    }
    refused(&[("13", &link("30"), &["write 30%, or 0.30"])]);
    for good in ["0", "1", "0.3", "30%", "0.001%", "\"5%\""] {
        accepted(&link(good));
    }
    let sum = "schema: 1\nprotocol: {transport: datagram}\nsources:\n  - name: alpha\n    link:\n      loss: 60%\n      duplicate: 50%\n";
    refused(&[("14", sum, &["`loss`, `duplicate` and `reorder`", "sum is 110%", "6 |", "7 |"])]);
}

#[test]
fn a_path_has_places_for_an_answer() {
    let link = |transport: &str, link: &str| {
        format!(
            "schema: 1\nprotocol: {{transport: {transport}}}\nsources: [{{name: alpha, link: {{{link}}}}}]\n"
        )
    };
    let words: &[&str] = &["the last would never arrive", "at least 3"];
    refused(&[("13", &link("datagram", "in_flight: 2"), words)]);
    refused(&[("13", &link("datagram", "in_flight: 9, mtu: 100B"), &["which never fit on the path"])]);
    accepted(&link("datagram", "in_flight: 3"));
    accepted(&link("stream", "in_flight: 1"));
}

#[test]
fn ends_of_a_delay_are_in_order() {
    let link = |l: &str| format!("schema: 1\nsources:\n  - name: alpha\n    link:\n      latency:\n{l}");
    let crossed = link("        min: 5ms\n        mean: 4ms\n        max: 3ms\n");
    refused(&[(
        "15",
        &crossed,
        &["5ms is above `max`", "4ms is below `min`", "4ms is above `max`", "6 |", "8 |"],
    )]);
    refused(&[(
        "15",
        "schema: 1\nsources: [{name: alpha, link: {latency: 5ms..3ms}}]\n",
        &["did you mean 3ms..5ms"],
    )]);
}

#[test]
fn a_run_does_something() {
    refused(&[
        ("16", "schema: 1\nsources: []\n", &["0 sources"]),
        ("16", "schema: 1\nsources: [{name: alpha, volumes: []}]\n", &["0 volumes"]),
        ("16", "schema: 1\nsources: [{name: alpha, count: 0}]\n", &["0 sources of this kind"]),
    ]);
    refused_below(&[
        ("16", "clients: []", &["0 clients"]),
        ("16", "clients: [{operations: 0}]", &["0 operations", "allow_vacuous: true"]),
        ("16", "clients: [{mix: {read: 1}}]", &["0 writes", "allow_vacuous: true"]),
        ("16", "clients: [{mix: {write: 0}}]", &["no kind of operation has any weight"]),
        ("16", "clients: [{script: []}]", &["0 operations"]),
        (
            "28",
            "expect: [\"acknowleged > 0\"]",
            &["unknown metric `acknowleged`", "did you mean `acknowledged`"],
        ),
        ("28", "expect: [\"lost >= 0\"]", &["always holds"]),
        ("28", "expect: [\"p99_write < 5\"]", &["not a duration", "the unit is missing"]),
        ("28", "expect: [\"lost = 0\"]", &["write == instead of ="]),
        ("28", "check: off", &["the run would check nothing"]),
        ("28", "check: {mode: sampled, one_in: 0}", &["the run would check nothing"]),
    ]);
    accepted_below("allow_vacuous: true\nclients: [{operations: 0}]");
    accepted_below("allow_vacuous: true\nclients: [{mix: {read: 1}}]");
}

#[test]
fn sizes_fit_into_each_other() {
    refused_below(&[
        (
            "17",
            "protocol: {partitions: 1}",
            &["1 NVRAM partition cannot work", "at least 2", "one partition fills while another is applied"],
        ),
        ("17", "protocol: {partitions: 0}", &["0 NVRAM partitions"]),
        ("19b", "protocol: {partitions: 3, files: 2}", &["2 log files for 3 partitions", "the partitions"]),
        ("18", "protocol: {max_length: 16KiB}", &["does not hold the largest record"]),
        ("18", "destination: {reserve: 512B}", &["does not hold the largest record", "at least 544 bytes"]),
        ("18", "destination: {reserve: 4KiB, nvram_size: 2KiB}", &["at least 4KiB"]),
        ("20", "protocol: {block_size: 1000B}", &["not a block size", "a power of two"]),
        (
            "21",
            "clients: [{sizes: 64KiB}]",
            &["longer than the largest operation", "at most 16128 bytes", "partition_size >= 65792"],
        ),
        ("21", "clients: [{range: {offset: 1MiB, length: 1}}]", &["behind the end of the smallest volume"]),
        (
            "21",
            "clients: [{script: [{write: {offset: 1MiB, length: 1}}]}]",
            &["behind the end of the volume", "expect: error"],
        ),
        ("21", "clients: [{script: [{write: {offset: 0, length: 0}}]}]", &["length 0", "expect: error"]),
        (
            "21",
            "clients: [{script: [{write: {offset: 0, length: 17000}}]}]",
            &["longer than the largest operation", "expect: error"],
        ),
        ("21", "clients: [{script: [{add: {offset: 4}}]}]", &["no multiple of 8"]),
        (
            "21",
            "clients: [{script: [{read: {offset: 0, length: 1}, expect: error}]}]",
            &["would not be refused"],
        ),
    ]);
    refused(&[
        (
            "18",
            "schema: 1\nsources: [{name: alpha, partition_size: 256B}]\n",
            &["at least 272 bytes", "128 seal + 128 header + 16 data"],
        ),
        ("20", "schema: 1\nsources: [{name: alpha, volumes: [{size: 0B}]}]\n", &["an empty volume"]),
        (
            "20",
            "schema: 1\nsources: [{name: alpha, volumes: [{size: 1000}]}]\n",
            &["not a multiple of the block size", "512B or 1KiB"],
        ),
        ("20", &format!("{HEAD}budget: {{memory: 1KiB}}\n"), &["the run needs about"]),
    ]);
    let odd =
        read("schema: 1\nsources: [{name: alpha, partition_size: 5001B}]\n", &[]).expect("row 19: accepted");
    assert_eq!(odd.notes, ["test.yaml:2: a partition of 5001B is no multiple of a sector (512B); it works"]);
    let empty = read("schema: 1\nsources: [{name: alpha, volumes: [{size: 0}]}]\n", &[]).expect_err("row 20");
    assert_eq!(empty.list().len(), 1, "an empty volume is one mistake: {empty}");
    accepted_below(
        "clients: [{script: [{write: {offset: 1MiB, length: 1}, expect: error}, {write: {offset: 0, length: 1}}]}]",
    );
}

#[test]
fn a_source_is_mirrored_to_a_server_that_is_there_and_not_its_own() {
    let two = |alpha: &str, beta: &str, more: &str| {
        let source = |name: &str, to: &str| format!("{{name: {name}, destination: {to}}}");
        format!("schema: 1\nsources: [{}, {}]\n{more}\n", source("alpha", alpha), source("beta", beta))
    };
    let lines = |text: &str| two("beta", "alpha", text);
    accepted(&two("beta", "destination", "faults: [{crash: {node: beta.destination}, at: 1ms}]"));
    accepted(&lines("faults: [{crash: {node: alpha, restart_after: 1ms}, at: 1ms}]"));
    accepted(&lines("faults: [{disaster: {source: alpha}, at: 1ms}, {replace: {source: beta}, at: 2ms}]"));
    accepted(&lines("profile: {disaster: 10%}"));
    let disaster = |at: u32| format!("{{disaster: {{source: alpha}}, at: {at}ms}}");
    let again = "{rebuild: {source: alpha}, at: 2ms}, {crash: {node: alpha}, at: 3ms}";
    accepted(&lines(&format!("faults: [{}, {again}, {}]", disaster(1), disaster(9))));
    refused(&[
        (
            "own",
            &two("alpha", "alpha", ""),
            &["alpha would be mirrored to its own server", "destination | beta"],
        ),
        ("unknown", &two("gamma", "next", ""), &["no such server", "`gamma`", "next"]),
        (
            "several",
            &lines("faults: [{disk_full: {device: log, lasting: 1ms}, at: 1ms}]"),
            &["alpha.destination"],
        ),
        (
            "heir",
            &lines("faults: [{heir_lost: {source: beta}, at: 1ms}]"),
            &["alpha.destination stands", "disaster: {source: alpha}"],
        ),
        (
            "down",
            &lines(
                "faults: [{crash: {node: beta}, at: 1ms}, {pause: {node: beta.destination, lasting: 1ms}, at: 2ms}]",
            ),
            &["beta.destination is down"],
        ),
    ]);
    refused(&[(
        "next",
        "schema: 1\nsources: [{name: alpha, destination: next}]\n",
        &["alpha would be mirrored to its own server"],
    )]);
}

#[test]
fn names_are_unique_known_and_harmless() {
    refused(&[
        (
            "22",
            "schema: 1\nsources:\n  - {name: alpha}\n  - {name: Alpha}\n",
            &["`alpha` and `Alpha`, which differ only in case", "3 |", "4 |"],
        ),
        ("22", "schema: 1\nsources: [{name: destination}]\n", &["names the destination"]),
        (
            "22",
            "schema: 1\nsources: [{name: a1, volumes: [{name: v}, {name: v}]}]\n",
            &["two volumes are called `v`"],
        ),
        ("24", "schema: 1\nsources: [{name: alpha}]\nx-a: &a {b: *a}\n", &["a -> a"]),
    ]);
    refused_below(&[
        ("22", "clients: [{name: c1}, {name: c1}]", &["two clients are called `c1`"]),
        ("22", "clients: [{name: c, count: 2}, {name: c1}]", &["two clients are called `c1`"]),
        ("23", "clients: [{source: alfa}]", &["no such source", "did you mean `alpha`"]),
        ("23", "faults: [{at: 1ms, crash: {node: beta}}]", &["no such server", "destination | alpha"]),
        ("23", "clients: [{volumes: [v2]}]", &["no such volume of alpha"]),
    ]);
    let long = "a".repeat(10_000);
    for bad in [
        "../../etc/x",
        "a/b",
        "a\\\\b",
        ".",
        "..",
        long.as_str(),
        "a\\0b",
        "a\\e[31mb",
        "a b",
        "ä",
        "",
        "a\\u202eb",
    ] {
        let problems =
            read(format!("schema: 1\nsources: [{{name: \"{bad}\"}}]\n"), &[]).expect_err("bad").render(false);
        assert!(problems.contains("sources[0].name: not a name"), "{problems}");
        assert!(!problems.contains(['\u{1b}', '\0', '\u{202e}']), "{problems}");
    }
    for good in ["CON", "fs1", "nul", "a.b", "A_b-c.9", "yes1"] {
        accepted(&format!("schema: 1\nsources: [{{name: {good}}}, {{name: {good}1}}]\n"));
    }
}

#[test]
fn scripted_faults_can_take_effect() {
    refused_below(&[
        ("27", "faults: [{at: 1ms, heal: {}}]", &["never takes effect: nothing is cut at 1ms"]),
        ("27", "faults: [{at: 1ms, restart: {node: alpha}}]", &["alpha is not down at 1ms"]),
        (
            "27",
            "faults: [{at: 1ms, crash: {node: alpha}}, {at: 2ms, crash: {node: alpha}}]",
            &["alpha is down at 2ms", "because of this"],
        ),
        ("27", "faults: [{at: 1ms, disaster: {}}, {at: 2ms, cut: {}}]", &["alpha is lost before"]),
        (
            "27",
            "faults: [{at: 1ms, disaster: {}}, {when: {stage: sealed}, disaster: {}}]",
            &["can be lost only once"],
        ),
        (
            "27",
            "faults: [{when: {stage: recovered}, power_cut: {node: destination}}]",
            &["nothing in this scenario is ever recovered"],
        ),
        (
            "27",
            "faults: [{at: 1ms, recover: {}}, {when: {stage: promoted}, crash: {node: destination}}]",
            &[
                "faults[1].when.stage: nothing in this scenario is ever promoted",
                "add `recover: {promote: true}`",
            ],
        ),
        (
            "27",
            "faults: [{when: {stage: promoted}, recover: {promote: true}}]",
            &["nothing in this scenario is ever promoted"],
        ),
        (
            "27",
            "faults: [{when: {stage: recovered}, recover: {promote: true}}]",
            &["nothing in this scenario is ever recovered"],
        ),
        ("27", "faults: [{at: 1ms, pause: {node: alpha, lasting: 0ns}}]", &["lasts 0ns"]),
        ("27", "faults: [{at: 1ms, cut: {}}, {at: 2ms, cut: {direction: forward}}]", &["cut already"]),
        ("27", "faults: [{when: {stage: sealed, nth: 0}, seal: {}}]", &["counted from 1"]),
        (
            "23",
            "faults: [{at: 1ms, slow: {node: alpha, device: log, lasting: 1ms}}]",
            &["a source has no disk of log files"],
        ),
        ("9", "faults: [{at: 1ms}]", &["one key is missing here", "add one of: crash"]),
        (
            "9",
            "faults: [{at: 1ms, crash: {node: alpha}, seal: {}}]",
            &["`crash` and `seal` exclude each other"],
        ),
    ]);
    accepted_below(
        "faults: [{at: 1ms, crash: {node: alpha, restart_after: 1ms}}, {at: 3ms, crash: {node: alpha, restart_after: 1ms}}]",
    );
    accepted_below("faults: [{at: 1ms, cut: {}}, {at: 2ms, heal: {}}]");
    accepted_below("faults: [{at: 2ms, heal: {}}, {when: {stage: sealed}, cut: {}}]");
    accepted_below("profile: {cuts: 1}\nfaults: [{at: 2ms, heal: {}}]");
}

#[test]
fn what_two_copies_cannot_survive_is_said_to_be_so() {
    let pairs: &[(&str, &[&str])] = &[
        (
            "[{at: 1ms, nvram_lost: {node: destination}}, {at: 2ms, disaster: {}}]",
            &["acknowledged in the destination's NVRAM and not yet in its file"],
        ),
        (
            "[{at: 1ms, damage: {file_record: {}}}, {at: 2ms, disaster: {}}]",
            &["acknowledged records that are damaged at the destination"],
        ),
        (
            "[{at: 1ms, damage: {image_block: {}}}, {at: 2ms, disaster: {}}]",
            &["applied records whose image block is damaged"],
        ),
        (
            "[{at: 1ms, nvram_lost: {node: destination}}, {at: 1ms, nvram_lost: {node: alpha}}]",
            &["in both NVRAMs"],
        ),
        (
            "[{at: 1ms, damage: {image_block: {}}}, {at: 2ms, damage: {volume_block: {}}}]",
            &["damaged at both sites"],
        ),
    ];
    for (faults, words) in pairs {
        refused_below(&[("29", &format!("faults: {faults}"), words)]);
        accepted_below(&format!("beyond_model: true\nfaults: {faults}"));
    }
    refused_below(&[
        (
            "29",
            "protocol: {ack: received}\nfaults: [{at: 1ms, disaster: {}}]",
            &["only in the destination's memory"],
        ),
        (
            "29",
            "profile: {disaster: 50%}\nfaults: [{at: 1ms, nvram_lost: {node: destination}}]",
            &["with a drawn disaster"],
        ),
    ]);
    accepted_below(
        "protocol: {ack: file}\nfaults: [{at: 1ms, nvram_lost: {node: destination}}, {at: 2ms, disaster: {}}]",
    );
    accepted_below(
        "faults: [{at: 1ms, damage: {image_block: {block: 1}}}, {at: 2ms, damage: {volume_block: {block: 2}}}]",
    );
}

#[test]
fn very_large_runs_must_be_meant() {
    let many = format!("{HEAD}clients: [{{count: 2000}}]\n");
    let long = format!(
        "{HEAD}budget: {{events: 9000000000, memory: 64GiB}}\nclients: [{{operations: 100000000}}]\n"
    );
    refused(&[
        ("32", &many, &["2000 clients; their 400000 operations take about 20s and", "--yes-large"]),
        ("32", &long, &["100000000 operations take about", "--yes-large"]),
    ]);
    refused_below(&[
        ("32", "clients: [{count: 4000000000}]", &["4000000000 clients", "at most 1000000"]),
        (
            "32",
            "clients: [{operations: 100000000}]",
            &["so the budget always ends it", "the run needs about"],
        ),
    ]);
    let options = mirrorsim_scenario::Options { yes_large: true, ..Default::default() };
    for text in [many, long] {
        assert!(mirrorsim_scenario::parse("test.yaml", text.as_bytes(), &[], &options).is_ok());
    }
}

#[test]
fn a_client_is_not_called_like_a_server() {
    refused_below(&[
        ("22", "clients: [{name: alpha}]", &["a client and a source are called `alpha`", "the source"]),
        ("22", "clients: [{name: Alpha}]", &["a client and a source are called `alpha`"]),
        ("22", "clients: [{name: destination}]", &["this word names the destination"]),
    ]);
    let usual = "schema: 1\nsources: [{name: c1}]\n";
    refused(&[("22", usual, &["a client and a source are called `c1`"])]);
    accepted("schema: 1\nsources: [{name: c1}]\nclients: [{name: db}]\n");
}

#[test]
fn a_stage_is_waited_for_where_it_can_happen() {
    let when =
        |stage: &str, node: &str| format!("faults: [{{when: {{stage: {stage}, node: {node}}}, cut: {{}}}}]");
    refused_below(&[
        (
            "27",
            &when("sealed", "destination"),
            &["only a source reaches the stage `sealed`", "want alpha", "leave `node` out"],
        ),
        (
            "27",
            &when("image_applied", "alpha"),
            &["only a destination reaches the stage `image_applied`", "say `source` instead"],
        ),
    ]);
    for node in ["alpha", "destination"] {
        for stage in ["booted", "apply_written", "torn_tail", "block_sent"] {
            accepted_below(&when(stage, node));
        }
    }
}

#[test]
fn what_is_too_large_for_a_number_is_said_to_be_more() {
    refused_below(&[(
        "32",
        "clients: [{operations: 18446744073709551615}]",
        &["the run needs more than 1024TiB of memory", "take more than 8760h and more than 1024TiB"],
    )]);
    let most = "clients: [{count: 1000000, operations: 18446744073709551615}]";
    refused_below(&[(
        "32",
        most,
        &["1000000 clients; their 18446744073709551615 operations take more than"],
    )]);
}

#[test]
fn a_mistake_names_every_form_that_is_accepted() {
    let zipf = "want uniform | sequential, or a map such as {zipf: ...} or {hot_cold: ...}";
    refused_below(&[
        ("8", "clients: [{addresses: zipf}]", &["unknown word", zipf]),
        ("8", "profile: swrm", &["did you mean `swarm`", "or a map such as"]),
        ("33", "seeds: 5..3", &["empty range 5..3; did you mean 3..5?", "want one seed, a range such as"]),
        ("33", "seeds: 3", &["want seeds such as 0..100", "write \"3\" for this seed, 0..3 for so many"]),
        ("33", "expect: [true]", &["want a condition such as lost == 0"]),
    ]);
}

#[test]
fn the_example_of_a_key_is_accepted_there() {
    for key in ["expect", "seeds", "about"] {
        let text = mirrorsim_scenario::explain_key(key).expect("a key");
        let example = text.lines().find_map(|l| l.strip_prefix("  example  ")).expect("an example");
        accepted_below(example);
    }
    let text = mirrorsim_scenario::explain_key("clients.trace.file").expect("a key");
    assert!(text.contains("example  file: disk0.csv"), "{text}");
}

#[test]
fn a_free_text_cannot_change_what_a_terminal_shows() {
    let text = format!("{HEAD}about: \"one\\ntwo \\e[31mred\"\n");
    let explained = mirrorsim_scenario::explain(&read(&text, &[]).expect("loads"));
    assert!(explained.contains("one two \\u{1b}[31mred"), "{explained:?}");
}

#[test]
fn a_caret_is_under_what_can_be_changed() {
    let at = |text: &str| {
        let problems = read(text, &[]).expect_err("bad");
        let first = problems.list()[0].clone();
        (first.line, first.related.iter().map(|r| r.line).collect::<Vec<_>>(), first.path)
    };
    let many = "clients: [{operations: 49000000}]\n";
    assert_eq!(at(&format!("{HEAD}{many}")), (3, vec![], "budget.events".into()), "no budget: the clients");
    let budget = format!("{HEAD}{many}budget: {{events: 7}}\n");
    assert_eq!(at(&budget), (4, vec![], "budget.events".into()), "the budget");
    let link = "schema: 1\nsources: [{name: alpha, link: {duplicate: 5%}}]\n";
    assert_eq!(at(link), (2, vec![], "sources[0].link.duplicate".into()), "the default has no place");
    let transport = format!("{link}protocol: {{transport: stream}}\n");
    assert_eq!(at(&transport), (2, vec![3], "sources[0].link.duplicate".into()));
}

#[test]
fn knobs_that_exclude_each_other_are_named() {
    refused_below(&[
        ("19b", "profile: {reorder: 5%}", &["`reorder` and `transport: stream` exclude each other"]),
        ("19b", "clients: [{think: 1ms, interval: 1ms}]", &["`think` and `interval` exclude each other"]),
        ("19b", "clients: [{operations: 5, script: [{flush: {}}]}]", &["has no effect beside `script`"]),
        ("19b", "check: {mode: every, one_in: 4}", &["has no effect unless `mode` is sampled"]),
        (
            "19b",
            "clients: [{trace: {file: nowhere.csv}, script: [{flush: {}}]}]",
            &["`trace` and `script` exclude each other"],
        ),
        ("21", "clients: [{trace: {file: nowhere.csv, format: msr}}]", &["no such trace file", "looked for"]),
    ]);
    refused(&[(
        "19b",
        "schema: 1\nsources: [{name: alpha, link: {duplicate: 5%}}]\n",
        &["`duplicate` and `transport: stream`"],
    )]);
}

#[test]
fn set_obeys_the_same_rules() {
    let base = "schema: 1\nsources: [{name: alpha}, {name: beta}]\nprofile: swarm\n";
    let get = |sets: &[(&str, &str)]| read(base, sets).map_err(|p| p.render(false));
    let spec = get(&[
        ("sources.alpha.link.latency", "2ms"),
        ("sources.*.partition_size", "4KiB"),
        ("sources[1].count", "2"),
    ])
    .expect("loads")
    .spec;
    assert_eq!(spec.sources[0].link.latency.min, 2_000_000);
    assert_eq!(spec.sources.iter().map(|s| s.partition_size).collect::<Vec<_>>(), [4096; 3]);
    assert_eq!(get(&[("profile", "{preset: swarm, cuts: 3}")]).expect("loads").spec.profile.cuts_milli, 3000);
    let refused: &[(&[(&str, &str)], &str)] = &[
        (&[("sources.gamma.count", "1")], "no element `gamma` in this list of 2"),
        (&[("sources.alpha.link.latncy", "1ms")], "did you mean `latency`"),
        (&[("sources.alpha.link.latncy", "1ms")], "--set:1:20"),
        (
            &[("sources.alpha.link.latncy", "1ms")],
            "sources.alpha.link.latncy=1ms\n  |                    ^^^^^^ want",
        ),
        (&[("sources.alpha.link.latency", "5")], "latency=5\n  |                            ^ got"),
        (&[("faults", "[{at: 1ms, crash: {nde: destination}}]")], "  |                           ^^^ want"),
        (&[("profile.cuts", "3")], "set the whole of it: 'profile={cuts: ...}'"),
        (&[("", "3")], "not a key path"),
        (&[("budget..idle", "3s")], "not a key path"),
        (&[("budget.idle", "3s"), ("budget.idle", "4s")], "this key is set twice"),
        (&[("budget.idle", "")], "got nothing"),
        (&[("budget.idle", "[")], "a value is missing here"),
        (&[("nmae", "x")], "did you mean `name`"),
    ];
    for (sets, word) in refused {
        let message = get(sets).expect_err("bad");
        assert!(message.contains(word), "no `{word}` in\n{message}");
    }
}

/// What leads to a promotion of one mirror leads to none of another.
#[test]
fn a_stage_of_a_recovery_comes_of_whose_mirror_is_recovered() {
    let two = |faults: &str| {
        format!(
            "schema: 1\nsources: [{{name: alpha}}, {{name: beta}}]\nclients: [{{source: alpha}}]\nfaults: [{faults}]\n"
        )
    };
    let promote = "{at: 1ms, recover: {source: alpha, promote: true}}";
    let crash = "crash: {node: destination}";
    for (whom, stage) in [("promoted", "promoted"), ("recovered", "recovery_step")] {
        let other = format!("{{when: {{stage: {stage}, source: beta}}, {crash}}}");
        let said = format!("faults[1].when.source: the mirror of beta is never {whom}");
        let cure = "of beta, or leave `source` out for any";
        refused(&[("27", &two(&format!("{promote}, {other}")), &[&said, cure])]);
        accepted(&two(&format!("{promote}, {{when: {{stage: {stage}, source: alpha}}, {crash}}}")));
        accepted(&two(&format!("{promote}, {{when: {{stage: {stage}}}, {crash}}}")));
    }
    // The one after the other.
    let then = "{when: {stage: promoted}, recover: {source: beta, promote: true}}";
    accepted(&two(&format!("{promote}, {then}, {{when: {{stage: promoted, source: beta}}, {crash}}}")));
    // What is drawn may lead there.
    accepted_below(
        "profile: {disaster: 5%}\nfaults: [{when: {stage: recovered}, crash: {node: destination}}]",
    );
    accepted_below(
        "profile: {mistakes: 1}\nfaults: [{when: {stage: recovered}, crash: {node: destination}}]",
    );
}

/// A key that stands one level below, or elsewhere, and words of the field.
#[test]
fn a_key_in_the_wrong_place_is_shown_where_it_belongs() {
    for word in ["promote", "promotion", "failover", "takeover"] {
        let faults = format!("faults: [{{at: 1ms, {word}: {{source: alpha}}}}]");
        let said: &[&str] = &["unknown key", "want `recover`", "did you mean `recover: {promote: true}`?"];
        refused_below(&[("9", &faults, said)]);
        let problems = read(format!("{HEAD}{faults}\n"), &[]).expect_err("bad");
        assert_eq!(problems.list().len(), 1, "one mistake: {problems}");
    }
    let said: &[&str] = &["there is `faults.recover.promote`", "known here: source, power_cut"];
    refused_below(&[("9", "faults: [{at: 1ms, disaster: {promote: true}}]", said)]);
    refused(&[(
        "9",
        "schema: 1\nsources: [{name: alpha, latency: 1ms}]\n",
        &["did you mean `link: {latency: ...}`?"],
    )]);
    refused_below(&[("9", "faults: [{at: 1ms, seal: {lasting: 1ms}}]", &["known here: source"])]);
}

#[test]
fn a_source_adopts_the_clients_of_another_one_whose_image_it_does_not_keep() {
    let adopt = |sources: &str, by: &str| {
        format!(
            "schema: 1\nsources: [{sources}]\nclients: [{{source: alpha}}]\nfaults: [{{at: 1ms, adopt: {{source: alpha, by: {by}}}}}]\n"
        )
    };
    let two = "{name: alpha}, {name: beta}";
    accepted(&adopt(two, "beta"));
    let (own, kept) = (adopt(two, "alpha"), adopt("{name: alpha, destination: beta}, {name: beta}", "beta"));
    refused(&[
        (
            "27",
            &own,
            &["faults[0].adopt.by: a source does not take its own clients over", "name another source"],
        ),
        ("27", &kept, &["beta keeps the image of alpha", "name another source"]),
        (
            "27",
            &format!("{}protocol: {{apply: coupled}}\n", adopt(two, "beta")),
            &["apply: coupled", "independent"],
        ),
        ("10", &adopt(two, "gamma"), &["faults[0].adopt.by: no such source", "alpha | beta"]),
    ]);
}
