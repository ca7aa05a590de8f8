//! What has a name and is no key of a scenario: planted bugs, metrics, stages and marks, for `list` and for `explain`; and the
//! words of the glossary, for `explain`.

use super::glossary;
use mirror::stage::{Side, Stage};
use mirrorsim_planted::{ROWS, Row};
use mirrorsim_report::plural;
use mirrorsim_world::{MARKS, METRICS};
use serde_json::{Value, json};

/// One of them.
pub struct Named {
    /// What it is: `planted`, `metric`, `stage`, `mark`, or a kind of the glossary.
    pub kind: &'static str,
    pub name: &'static str,
    /// The cells of its line in a list.
    pub cells: Vec<String>,
    /// Its object in a list.
    pub value: Value,
    /// What `explain` says.
    pub text: String,
}

/// All of them.
pub fn all() -> impl Iterator<Item = Named> {
    stages().chain(marks()).chain(metrics()).chain(planted()).chain(glossary::all())
}

/// The table of planted bugs.
pub fn planted() -> impl Iterator<Item = Named> {
    ROWS.iter().map(|r: &Row| Named {
        kind: "planted",
        name: r.id,
        cells: vec![r.id.into(), r.place.into(), format!("{} [{}]", r.name, r.witness)],
        value: json!({
            "type": "planted", "id": r.id, "name": r.name, "place": r.place, "oracles": r.oracles,
            "seeds": r.seeds, "witness": r.witness,
        }),
        text: format!(
            "{}: a planted bug\n  {}\n\n  place    {}\n  seen by  {}, within {}\n  example  mirrorsim run {} --plant {0} --seeds 1..={}\n",
            r.id,
            r.name,
            r.place,
            r.oracles.join(" or "),
            plural(r.seeds, "seed"),
            r.witness,
            r.seeds
        ),
    })
}

/// What `expect:` can name.
pub fn metrics() -> impl Iterator<Item = Named> {
    METRICS.iter().map(|(name, unit, about)| {
        let bound = match *unit {
            "ns" => "< 100ms",
            "bytes" => "< 1MiB",
            _ => ">= 1",
        };
        Named {
            kind: "metric",
            name,
            cells: vec![(*name).into(), (*unit).into(), (*about).into()],
            value: json!({"type": "metric", "name": name, "unit": unit, "about": about}),
            text: format!(
                "{name}: a metric of each run\n  {about}\n\n  unit     {unit}\n  example  expect: [\"{name} {bound}\"]\n"
            ),
        }
    })
}

/// What a fault can wait for.
pub fn stages() -> impl Iterator<Item = Named> {
    Stage::ALL.iter().zip(Stage::NAMES).map(|(stage, (name, about))| {
        let about = about.trim();
        // What such a stage needs to come at all.
        let first = match stage {
            Stage::RecoveryStarted | Stage::RecoveryStep | Stage::Recovered | Stage::Promoted | Stage::InSync => {
                "{at: 10ms, recover: {source: alpha, promote: true}}, "
            }
            _ => "",
        };
        let by = match stage.side() {
            Side::Source => "a source",
            Side::Destination => "the destination",
            Side::Any => "a source or the destination",
        };
        Named {
            kind: "stage",
            name,
            cells: vec![(*name).into(), about.into()],
            value: json!({"type": "stage", "name": name, "about": about}),
            text: format!(
                "{name}: a stage that {by} reaches\n  {about}\n\n  example  faults: [{first}{{when: {{stage: {name}, nth: 1}}, crash: {{node: destination}}}}]\n"
            ),
        }
    })
}

/// What `reach:` can name.
pub fn marks() -> impl Iterator<Item = Named> {
    MARKS.iter().map(|(name, about)| {
        let about = about.trim();
        Named {
            kind: "mark",
            name,
            cells: vec![(*name).into(), about.into()],
            value: json!({"type": "mark", "name": name, "about": about}),
            text: format!(
                "{name}: a mark, a rare state of the protocol\n  {about}\n\n  example  reach: [{name}]    (else a campaign of 100 seeds or more is VACUOUS)\n"
            ),
        }
    })
}
