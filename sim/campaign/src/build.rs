//! What this binary was built from.

use std::fmt;

/// Facts about a build, stamped when it was compiled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Build {
    /// Version of the package.
    pub version: &'static str,
    /// Commit that was checked out; empty if it was built outside a checkout.
    pub commit: &'static str,
    /// xxh3 over every source file that can change a run, and the lock file; 16 hexadecimal digits. Same hash: same
    /// digests.
    pub source_hash: &'static str,
    /// xxh3 of `Cargo.lock`.
    pub lock_hash: &'static str,
    /// `rustc --version`.
    pub rustc: &'static str,
    /// Target triple.
    pub target: &'static str,
    /// `debug` or `release`.
    pub profile: &'static str,
}

/// This build.
pub const BUILD: Build = Build {
    version: env!("CARGO_PKG_VERSION"),
    commit: env!("MIRRORSIM_COMMIT"),
    source_hash: env!("MIRRORSIM_SOURCE_HASH"),
    lock_hash: env!("MIRRORSIM_LOCK_HASH"),
    rustc: env!("MIRRORSIM_RUSTC"),
    target: env!("MIRRORSIM_TARGET"),
    profile: env!("MIRRORSIM_PROFILE"),
};

impl fmt::Display for Build {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let commit = self.commit.get(..12).map_or_else(|| "no commit".to_owned(), |c| format!("commit {c}"));
        write!(
            f,
            "{} ({commit}, sources {}, {}, {})",
            self.version, self.source_hash, self.profile, self.target
        )
    }
}

impl Build {
    /// The part of the source hash that fits in a token.
    pub fn short(&self) -> u32 {
        u64::from_str_radix(self.source_hash, 16).unwrap_or(0) as u32
    }
}
