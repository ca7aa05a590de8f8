//! The scenario that `mirrorsim new` writes.

/// A commented scenario of a few lines that loads and shows something; `schema`: where an editor finds its schema.
pub fn template(schema: &str) -> String {
    let text = "\
schema: 1
about: A destination power cut, then the source's site is lost. Everything answered must be recovered.
sources: [{name: alpha, partition_size: 16KiB}]        # `count: 3` makes three of them
clients: [{operations: 200, mix: {write: 70, add: 20, read: 10}, sizes: 512B..2KiB}]
faults:
  - {at: 20ms, power_cut: {node: destination, restart_after: 5ms}}
  - {when: {stage: sealed, nth: 3}, disaster: {source: alpha}}  # all stages: mirrorsim explain faults.when.stage
profile: none                                          # or swarm, network, crashes: faults drawn by each seed
expect: [\"lost == 0\"]
";
    format!("# yaml-language-server: $schema={schema}\n{text}")
}
