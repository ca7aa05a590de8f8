//! Names of outcomes that come from another process: the same few words again and again, so each is kept once for ever.

use serde::{Deserialize, Deserializer};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

static NAMES: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());

fn kept(name: &str) -> &'static str {
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = names.get(name) {
        return known;
    }
    let name: &'static str = Box::leak(name.into());
    names.insert(name);
    name
}

/// Reads a name.
pub(crate) fn name<'de, D: Deserializer<'de>>(from: D) -> Result<&'static str, D::Error> {
    Ok(kept(&String::deserialize(from)?))
}

/// Reads values by name.
pub(crate) fn named<'de, D, T>(from: D) -> Result<BTreeMap<&'static str, T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    let values = BTreeMap::<String, T>::deserialize(from)?;
    Ok(values.into_iter().map(|(name, value)| (kept(&name), value)).collect())
}
