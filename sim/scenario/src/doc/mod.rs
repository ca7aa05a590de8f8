//! The shape of a scenario file. Each doc comment is what `explain` and the JSON Schema say about a key.

pub(crate) mod clients;
pub(crate) mod failing;
pub(crate) mod faults;
pub(crate) mod protocol;
pub(crate) mod run;
pub(crate) mod servers;

use crate::document::{At, map};
use crate::scalar::{Condition, Name, SeedList, Version, Words};

map! {
    /// A scenario: servers, clients, faults, and what is expected of the run.
    struct Root {
        /// Version of this file format.
        schema: Version = required,
        /// Name of the scenario in reports. Letters, digits, dot, underscore and dash.
        name: Name = optional("the name of the file"),
        /// What the scenario shows, in one or two sentences.
        about: Words = optional("nothing"),
        /// Words to choose scenarios by.
        tags: Vec<At<Name>> = default("[]"),
        /// Seeds that are run if none are named: one seed, `0..100`, `0..=99` or a list of such.
        seeds: SeedList = optional("the command decides"),
        /// Knobs of the protocol. They hold for all mirrors.
        protocol: protocol::Protocol = default("{}"),
        /// The servers that are mirrored, 1 to 8 in all.
        sources: Vec<At<servers::Source>> = required,
        /// The server that all sources are mirrored to.
        destination: servers::Destination = default("{}"),
        /// The clients. Each is connected to one source.
        clients: Vec<At<clients::Client>> = optional("one client per source, with the defaults of `clients`"),
        /// Faults and operator actions, at a time or when a stage is reached. Once they and the clients are done, or nothing goes on, all faults are healed: every server starts, and links and devices are whole; a site that is lost stays lost.
        faults: Vec<At<faults::FaultLine>> = default("[]"),
        /// Faults that each seed draws: the name of a preset, or a map.
        profile: run::Profile = default("none"),
        /// What is judged when: a mode, or a map. It never changes what happens.
        check: run::Check = default("every"),
        /// When a run is given up.
        budget: run::Budget = default("{}"),
        /// What must hold at the end of each run, such as `lost == 0` or `p99_write < 5ms`.
        expect: Vec<At<Condition>> = default("[]"),
        /// Rare states of the protocol (`list --marks`) that a campaign of 100 seeds or more must have reached.
        reach: Vec<At<Name>> = default("[]"),
        /// The scenario has faults that two copies cannot survive. Loss is then allowed, silence is the failure.
        beyond_model: bool = default("false"),
        /// A run that does nothing is no error.
        allow_vacuous: bool = default("false"),
    }
}
