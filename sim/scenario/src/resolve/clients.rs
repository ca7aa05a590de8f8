//! `clients`: who is connected where, and what they do.

use super::{Cx, names, script};
use crate::doc::Root;
use crate::doc::clients::{Addresses as AddressDoc, Class, Client};
use crate::document::{At, Doc, Reader, standard};
use crate::estimate;
use crate::layout::{enough_for, largest_operation};
use crate::place::Place;
use crate::quantity::{show_duration, show_size};
use mirrorsim_world::spec::{
    Addresses, ClientSpec, Generated, Mix, Pacing, SizeClass, Spec, TraceAction, Workload,
};

/// Clients of all kinds together, unless the caller means it.
const MANY: u64 = 1000;
/// Clients of all kinds together, whatever the caller means.
const TOO_MANY: u64 = 1_000_000;
/// Greatest length of the default sizes.
const USUAL_LENGTH: u64 = 2048;

/// `clients`; without any, one per source.
pub(crate) fn clients(cx: &mut Cx<'_>, root: &Root, spec: &Spec) -> Vec<ClientSpec> {
    let sources = root.sources.place;
    let Some(list) = &root.clients else {
        let out: Vec<_> = (0..spec.sources.len()).filter_map(|i| usual(cx, spec, sources, i)).collect();
        let taken: Vec<_> = out.iter().map(|c| (c.name.clone(), sources, "clients".into())).collect();
        names::unlike_servers(cx, root, spec, &taken);
        return out;
    };
    let (mut out, mut taken) = (Vec::new(), Vec::new());
    if list.is_empty() && !list.place.poisoned {
        let help = "leave `clients` out for one client per source";
        cx.desk.report(
            list.wrong("empty", "0 clients: nothing would be written").want("at least one client").help(help),
        );
    }
    let total: u64 = list.iter().map(|c| u64::from(c.count.0)).sum();
    if total > TOO_MANY || total > MANY && !cx.options.yes_large {
        let each = |c: &At<Client>| u64::from(c.count.0).saturating_mul(c.operations.0);
        let operations = list.iter().filter(|c| c.trace.is_none() && c.script.is_none()).map(each);
        let operations = operations.fold(0, u64::saturating_add);
        let takes = estimate::told(operations, estimate::bookkeeping(operations));
        let draft = list.wrong("large", format!("{total} clients; their {takes} or more"));
        let draft = draft.want(format!("at most {}", if total > TOO_MANY { TOO_MANY } else { MANY }));
        cx.desk.report(if total > TOO_MANY { draft } else { draft.help("say --yes-large if you mean it") });
        return out;
    }
    for client in list.iter() {
        let at =
            client.name.as_ref().map_or((client.place, client.path.clone()), |n| (n.place, n.path.clone()));
        if client.count.0 == 0 {
            cx.desk.report(
                client.count.wrong("range", "0 clients of this kind").help("delete the line instead"),
            );
        }
        let Some(index) =
            names::source(cx, spec, sources, client.source.as_ref(), (client.place, &client.path))
        else {
            continue;
        };
        let Some(mut one) = resolved(cx, spec, sources, client, index) else {
            continue;
        };
        for i in 0..client.count.0 {
            one.name = match &client.name {
                Some(name) if client.count.0 > 1 => format!("{}{}", name.0, i + 1),
                Some(name) => name.0.clone(),
                None => format!("c{}", taken.len() + 1),
            };
            taken.push((one.name.clone(), at.0, at.1.clone()));
            out.push(one.clone());
        }
    }
    names::unique(cx, "clients", &taken);
    names::unlike_servers(cx, root, spec, &taken);
    out
}

/// The client that a source gets if the scenario names none.
fn usual(cx: &mut Cx<'_>, spec: &Spec, place: Place, source: usize) -> Option<ClientSpec> {
    let doc = {
        let mut reader = Reader { desk: cx.desk, path: "clients".into(), dropped: false };
        Client::read(&mut reader, &standard("{}", place))?
    };
    let mut client = resolved(cx, spec, place, &doc, source)?;
    client.name = format!("c{}", source + 1);
    Some(client)
}

fn resolved(cx: &mut Cx<'_>, spec: &Spec, sources: Place, c: &Client, source: usize) -> Option<ClientSpec> {
    if !(1..=1024).contains(&c.slots.0) {
        cx.desk.report(c.slots.wrong("range", format!("{} slots", c.slots.0)).want("1 to 1024"));
    }
    if c.timeout.0 == 0 {
        cx.desk.report(c.timeout.wrong("range", "requests would repeat without end").want("more than 0ns"));
    } else if c.timeout.0 < 2 * c.delay.0.min {
        let what = format!(
            "every request would be repeated: an answer takes at least {}",
            show_duration(2 * c.delay.0.min)
        );
        cx.desk.report(c.timeout.wrong("range", what).also(c.delay.place, "the delay of one way"));
    }
    let drawn_only = drawn_keys(c);
    let list = match (&c.trace, &c.script) {
        (Some(trace), Some(script)) => {
            let draft = script.wrong("exclusive-keys", "`trace` and `script` exclude each other");
            cx.desk.report(draft.also(trace.place, "the other one"));
            return None;
        }
        (Some(trace), None) => Some(("trace", script::traced(cx, spec, sources, trace, source)?)),
        (None, Some(steps)) => Some(("script", script::scripted(cx, spec, sources, steps, source))),
        (None, None) => None,
    };
    let workload = match list {
        None => Workload::Generated(generated(cx, spec, sources, c, source)?),
        Some((kind, trace)) => {
            for (path, place) in drawn_only {
                let what = format!("has no effect beside `{kind}`");
                cx.desk.report(
                    crate::problem::Draft::at(place, &path, "exclusive-keys", what)
                        .help("leave one of them out"),
                );
            }
            Workload::Trace(trace)
        }
    };
    Some(ClientSpec {
        name: String::new(),
        source,
        slots: c.slots.0,
        timeout: c.timeout.0,
        delay: c.delay.0,
        learns: c.learns.0,
        workload,
    })
}

/// Keys that only drawn operations heed, as far as they were given.
fn drawn_keys(c: &Client) -> Vec<(String, Place)> {
    let mut out = Vec::new();
    macro_rules! given {
        ($($key:ident),*; $($maybe:ident),*) => {
            $(if c.$key.given { out.push((c.$key.path.clone(), c.$key.place)); })*
            $(if let Some(v) = &c.$maybe { out.push((v.path.clone(), v.place)); })*
        };
    }
    given!(operations, mix, addresses, align, zero_payload, think; sizes, volumes, range, interval);
    out
}

fn generated(cx: &mut Cx<'_>, spec: &Spec, sources: Place, c: &Client, source: usize) -> Option<Generated> {
    let mix = Mix {
        write: c.mix.write.0,
        write_zeroes: c.mix.write_zeroes.0,
        add: c.mix.add.0,
        read: c.mix.read.0,
    };
    if mix == (Mix { write: 0, write_zeroes: 0, add: 0, read: 0 }) {
        let want = "a weight above 0 for at least one of write, write_zeroes, add, read";
        cx.desk.report(c.mix.wrong("empty", "no kind of operation has any weight").want(want));
    }
    if c.operations.0 == 0 && !spec.allow_vacuous {
        let draft = c.operations.wrong("vacuous", "0 operations: this client would do nothing");
        cx.desk.report(draft.want("at least 1").help("say `allow_vacuous: true` if that is what you want"));
    }
    let volumes = used_volumes(cx, spec, sources, c, source)?;
    let smallest = volumes.iter().map(|v| spec.sources[source].volumes[*v].size).min()?;
    let range = used_range(cx, c, smallest)?;
    if mix.add > 0 && range.1 < 8 {
        let draft =
            c.range.as_ref().map(|r| r.length.wrong("range", "too short for an `add`").want("at least 8B"));
        draft.into_iter().for_each(|d| cx.desk.report(d));
    }
    // An empty volume was told already.
    if smallest > 0 && (c.align.0 == 0 || c.align.0 > range.1) {
        cx.desk.report(
            c.align
                .wrong("range", "no offset is a multiple of this")
                .want(format!("1B to {}", show_size(range.1))),
        );
    }
    let sizes = sizes(cx, spec, c, source, range.1)?;
    if let Some(interval) = c.interval.as_ref().filter(|_| c.think.given) {
        let draft = interval.wrong("exclusive-keys", "`think` and `interval` exclude each other");
        cx.desk.report(
            draft
                .also(c.think.place, "closed loop")
                .help("keep `think` for a closed loop, `interval` for an open one"),
        );
    }
    Some(Generated {
        operations: c.operations.0,
        mix,
        sizes,
        addresses: addresses(cx, c),
        volumes,
        range,
        align: c.align.0.max(1),
        zero_payload: *c.zero_payload,
        pacing: match &c.interval {
            Some(interval) => Pacing::Open { interval: interval.0 },
            None => Pacing::Closed { think: c.think.0 },
        },
    })
}

fn used_volumes(
    cx: &mut Cx<'_>,
    spec: &Spec,
    sources: Place,
    c: &Client,
    source: usize,
) -> Option<Vec<usize>> {
    let count = spec.sources[source].volumes.len();
    let Some(list) = &c.volumes else {
        return Some((0..count).collect());
    };
    if list.is_empty() && !list.place.poisoned {
        cx.desk.report(
            list.wrong("empty", "0 volumes: this client would do nothing")
                .help("leave it out for all volumes"),
        );
    }
    let mut out = Vec::new();
    for name in list.iter() {
        let Some(volume) = names::volume(cx, spec, source, sources, Some(name)) else {
            continue;
        };
        if out.contains(&volume) {
            cx.desk.report(name.wrong("duplicate-name", format!("`{}` is named twice", name.0)));
        }
        out.push(volume);
    }
    (!out.is_empty()).then_some(out)
}

fn used_range(cx: &mut Cx<'_>, c: &Client, smallest: u64) -> Option<(u64, u64)> {
    let Some(range) = &c.range else {
        return Some((0, smallest));
    };
    let (offset, length) = (range.offset.0, range.length.0);
    if length == 0 {
        cx.desk.report(range.length.wrong("range", "an empty range").want("at least 1B"));
        return None;
    }
    if offset + length > smallest {
        let what = format!("ends at byte {}, behind the end of the smallest volume", offset + length);
        cx.desk.report(
            range
                .length
                .wrong("outside", what)
                .want(format!("at most {}", show_size(smallest.saturating_sub(offset)))),
        );
        return None;
    }
    Some((offset, length))
}

fn sizes(cx: &mut Cx<'_>, spec: &Spec, c: &Client, source: usize, room: u64) -> Option<Vec<SizeClass>> {
    let largest = largest_operation(spec, source);
    let Some(list) = &c.sizes else {
        let max = USUAL_LENGTH.min(largest).min(room).max(1);
        return Some(vec![SizeClass { min: 1, max, step: 1, weight: 1 }]);
    };
    for class in &list.0 {
        too_long(cx, spec, source, list, class, largest);
        if class.max > room {
            let what = format!(
                "operations of {} do not fit into the {} that are used",
                show_size(class.max),
                show_size(room)
            );
            cx.desk.report(list.wrong("outside", what));
        }
    }
    let spec_class = |c: &Class| SizeClass { min: c.min, max: c.max, step: c.step, weight: c.weight };
    Some(list.0.iter().map(spec_class).collect())
}

fn too_long<T>(cx: &mut Cx<'_>, spec: &Spec, source: usize, at: &At<T>, class: &Class, largest: u64) {
    if class.max <= largest {
        return;
    }
    let what = format!(
        "{} is longer than the largest operation of {}",
        show_size(class.max),
        spec.sources[source].name
    );
    cx.desk.report(
        at.wrong("too-long", what).want(format!("at most {largest} bytes")).help(enough_for(class.max)),
    );
}

fn addresses(cx: &mut Cx<'_>, c: &Client) -> Addresses {
    match &c.addresses.value {
        AddressDoc::Uniform => Addresses::Uniform,
        AddressDoc::Sequential => Addresses::Sequential,
        AddressDoc::HotCold(h) => {
            for (at, name) in [(&h.hot, "hot part"), (&h.to_hot, "share of the hot part")] {
                if at.0 == 0 {
                    cx.desk.report(
                        at.wrong("range", format!("the {name} is empty")).help("say `uniform` instead"),
                    );
                }
            }
            Addresses::HotCold { hot: *h.hot, to_hot: *h.to_hot }
        }
        AddressDoc::Zipf(z) => {
            if !(1..=65536).contains(&z.items.0) {
                cx.desk.report(z.items.wrong("range", format!("{} pieces", z.items.0)).want("1 to 65536"));
            }
            if z.exponent.0 > 10_000 {
                cx.desk.report(
                    z.exponent.wrong("range", "all operations would go to one piece").want("at most 10"),
                );
            }
            Addresses::Zipf { items: z.items.0, exponent_milli: z.exponent.0 }
        }
    }
}

/// Row 16: some client must change something, else nothing is mirrored.
pub(crate) fn vacuous(cx: &mut Cx<'_>, root: &Root, spec: &Spec) {
    let Some(list) = root.clients.as_ref().filter(|l| !l.is_empty()) else {
        return;
    };
    let changes = |c: &ClientSpec| match &c.workload {
        Workload::Generated(g) => {
            g.operations > 0 && (g.mix.write > 0 || g.mix.write_zeroes > 0 || g.mix.add > 0)
        }
        Workload::Trace(t) => {
            let reads = |a: &TraceAction| matches!(a, TraceAction::Read { .. } | TraceAction::Flush);
            t.operations.iter().any(|o| !o.expect_error && !reads(&o.action))
        }
    };
    if spec.allow_vacuous || spec.clients.iter().any(changes) || cx.desk.has_problems() {
        return;
    }
    let draft = list.wrong("vacuous", "0 writes: no client changes anything, so nothing would be mirrored");
    cx.desk.report(draft.help("let a client write, or say `allow_vacuous: true`"));
}
