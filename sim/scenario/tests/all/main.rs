//! What a scenario file may look like, and what is said about those that may not.

mod files;
mod golden;
mod meaning;
mod random;
mod rows;
mod values;

use mirrorsim_scenario::{Options, Problems, Scenario, parse};

/// Metrics for `expect:` in these tests.
const METRICS: &[mirrorsim_scenario::Metric] = &[
    ("lost", "operations", "answered operations that a recovery did not have"),
    ("acknowledged", "operations", "answered operations"),
    ("failures", "", "failures"),
    ("recoveries", "", "recoveries"),
    ("recoveries.exact", "", "recoveries of everything"),
    ("p99_write", "ns", "99th percentile of the latency of writes"),
    ("bytes_sent", "bytes", "bytes on the links"),
];

/// The one door: parses a text as `test.yaml`.
fn read(text: impl AsRef<[u8]>, sets: &[(&str, &str)]) -> Result<Scenario, Problems> {
    let sets: Vec<(String, String)> = sets.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let options = Options { metrics: METRICS, ..Options::default() };
    parse("test.yaml", text.as_ref(), &sets, &options)
}

/// The bless switch: golden files are rewritten instead of compared, and the diff is read.
fn bless() -> bool {
    std::env::var_os("MIRRORSIM_BLESS").is_some()
}
