//! Stamps the build: what the report says about it, and what a replay token compares. Never fails for lack of git.

use std::path::{Path, PathBuf};
use std::process::Command;
use xxhash_rust::xxh3::xxh3_64;

/// Everything that can change what a run does or how it is judged. The rest (reports, arguments) is left out, so
/// that a new line of help does not make tokens stale.
const SOURCES: &[&str] = &[
    "src",
    "sim/engine/src",
    "sim/oracle/src",
    "sim/world/src",
    "sim/planted/src",
    "sim/scenario/src",
    "sim/campaign/src",
];

fn main() {
    let root = PathBuf::from(variable("CARGO_MANIFEST_DIR")).join("../..");
    println!("cargo::rerun-if-env-changed=MIRRORSIM_COMMIT");
    let mut files = Vec::new();
    for folder in SOURCES {
        println!("cargo::rerun-if-changed={}", root.join(folder).display());
        collect(&root.join(folder), &mut files);
    }
    let lock = root.join("Cargo.lock");
    println!("cargo::rerun-if-changed={}", lock.display());
    files.push(lock.clone());
    let names = files.iter().map(|f| f.strip_prefix(&root).unwrap_or(f));
    let mut all = Vec::new();
    for (name, file) in names.zip(&files) {
        all.extend_from_slice(name.to_string_lossy().replace('\\', "/").as_bytes());
        all.extend_from_slice(&hash_of(file).to_le_bytes());
    }
    set("SOURCE_HASH", &format!("{:016x}", xxh3_64(&all)));
    set("LOCK_HASH", &format!("{:016x}", hash_of(&lock)));
    set("COMMIT", &commit(&root));
    set("RUSTC", &rustc());
    set("TARGET", &variable("TARGET"));
    // `PROFILE` is `debug` for every profile that is not derived from release.
    set("PROFILE", &variable("PROFILE"));
}

fn set(name: &str, value: &str) {
    println!("cargo::rustc-env=MIRRORSIM_{name}={value}");
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_default()
}

fn hash_of(file: &Path) -> u64 {
    xxh3_64(&std::fs::read(file).unwrap_or_default())
}

/// All Rust files below a folder, in an order that does not depend on the file system.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    let mut paths: Vec<PathBuf> = entries.filter_map(|e| Some(e.ok()?.path())).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
}

/// The commit that is checked out, read from `.git` without running git; empty outside a checkout.
fn commit(root: &Path) -> String {
    let given = variable("MIRRORSIM_COMMIT");
    if !given.is_empty() {
        return given;
    }
    let git = root.join(".git");
    let head = git.join("HEAD");
    if !head.exists() {
        return String::new();
    }
    println!("cargo::rerun-if-changed={}", head.display());
    let head = std::fs::read_to_string(head).unwrap_or_default();
    let Some(name) = head.trim().strip_prefix("ref: ") else {
        return head.trim().to_owned();
    };
    let loose = git.join(name);
    if loose.exists() {
        println!("cargo::rerun-if-changed={}", loose.display());
        return std::fs::read_to_string(loose).unwrap_or_default().trim().to_owned();
    }
    let packed = std::fs::read_to_string(git.join("packed-refs")).unwrap_or_default();
    let line = packed.lines().find(|l| l.ends_with(name));
    line.and_then(|l| l.split(' ').next()).unwrap_or_default().to_owned()
}

fn rustc() -> String {
    let output = Command::new(variable("RUSTC")).arg("--version").output();
    output.map_or_else(|_| String::new(), |o| String::from_utf8_lossy(&o.stdout).trim().to_owned())
}
