//! Values by `u64` keys, in sorted pages: what [`crate::ExtentMap`] stands on. Most maps (the overlays of probes) fit in
//! one page, where a look-up is one binary search over neighbouring memory and a scan is a walk over a slice; a large one
//! costs a second search, over the first keys of its pages.

/// A page with so many entries is full.
const FULL: usize = 64;

/// Where an entry stands; any insertion or removal makes it meaningless.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Place {
    page: usize,
    entry: usize,
}

#[derive(Clone, Debug)]
struct Page<V> {
    /// In order, never empty. Apart from the values, so that a search touches little memory.
    keys: Vec<u64>,
    /// One for each key.
    values: Vec<V>,
}

/// The map.
#[derive(Clone, Debug)]
pub(crate) struct Pages<V> {
    /// The first key of each page. Apart from the pages, so that a search among thousands stays in the cache.
    firsts: Vec<u64>,
    /// By key.
    pages: Vec<Page<V>>,
    len: usize,
}

impl<V> Default for Pages<V> {
    fn default() -> Self {
        Pages { firsts: Vec::new(), pages: Vec::new(), len: 0 }
    }
}

impl<V> Pages<V> {
    pub fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub fn clear(&mut self) {
        self.firsts.clear();
        self.pages.clear();
        self.len = 0;
    }

    /// The last entry at or before `key`.
    #[inline]
    pub fn at_or_before(&self, key: u64) -> Option<Place> {
        let page = match self.pages.len() {
            1 => 0,
            _ => self.firsts.partition_point(|first| *first <= key).checked_sub(1)?,
        };
        let keys = &self.pages[page].keys;
        let entry = keys.partition_point(|at| *at <= key).checked_sub(1)?;
        Some(Place { page, entry })
    }

    /// The first entry.
    pub fn first(&self) -> Option<Place> {
        self.existing(Place { page: 0, entry: 0 })
    }

    /// The entry after `place`.
    pub fn after(&self, place: Place) -> Option<Place> {
        self.existing(Place { entry: place.entry + 1, ..place })
    }

    /// The first entry that stands at `place` or behind it.
    fn existing(&self, place: Place) -> Option<Place> {
        let page = self.pages.get(place.page)?;
        if place.entry < page.keys.len() {
            return Some(place);
        }
        let next = Place { page: place.page + 1, entry: 0 };
        (next.page < self.pages.len()).then_some(next)
    }

    #[inline]
    pub fn get(&self, place: Place) -> (u64, &V) {
        let page = &self.pages[place.page];
        (page.keys[place.entry], &page.values[place.entry])
    }

    #[inline]
    pub fn get_mut(&mut self, place: Place) -> &mut V {
        &mut self.pages[place.page].values[place.entry]
    }

    pub fn last(&self) -> Option<(u64, &V)> {
        let page = self.pages.last()?;
        Some((*page.keys.last()?, page.values.last()?))
    }

    /// All entries from `place` on.
    pub fn from(&self, place: Option<Place>) -> impl Iterator<Item = (u64, &V)> {
        let Place { page, entry } = place.unwrap_or(Place { page: self.pages.len(), entry: 0 });
        let pages = self.pages.iter().enumerate().skip(page);
        pages.flat_map(move |(i, at)| {
            let from = if i == page { entry } else { 0 };
            at.keys[from..].iter().copied().zip(&at.values[from..])
        })
    }

    /// Adds an entry whose key is new.
    pub fn insert(&mut self, key: u64, value: V) {
        self.insert_after(self.at_or_before(key), key, value);
    }

    /// Adds an entry whose key is new; `before` is what [`Pages::at_or_before`] says of it.
    pub fn insert_after(&mut self, before: Option<Place>, key: u64, value: V) {
        self.len += 1;
        if self.pages.is_empty() {
            self.firsts.push(key);
            self.pages.push(Page { keys: vec![key], values: vec![value] });
            return;
        }
        let (at, entry) = before.map_or((0, 0), |place| (place.page, place.entry + 1));
        let page = &mut self.pages[at];
        page.keys.insert(entry, key);
        page.values.insert(entry, value);
        self.firsts[at] = page.keys[0];
        if page.keys.len() > FULL {
            // A page that only grows at its end stays full.
            let keep = if entry == FULL { FULL } else { FULL / 2 };
            let keys = page.keys.split_off(keep);
            let values = page.values.split_off(keep);
            self.firsts.insert(at + 1, keys[0]);
            self.pages.insert(at + 1, Page { keys, values });
        }
    }

    /// Removes an entry; returns its key, its value, and the place of the entry that came after it.
    pub fn remove(&mut self, place: Place) -> (u64, V, Option<Place>) {
        self.len -= 1;
        let page = &mut self.pages[place.page];
        let key = page.keys.remove(place.entry);
        let value = page.values.remove(place.entry);
        match page.keys.first() {
            Some(first) => self.firsts[place.page] = *first,
            None => {
                self.firsts.remove(place.page);
                self.pages.remove(place.page);
            }
        }
        (key, value, self.existing(place))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #[test]
        fn pages_are_a_map(steps in proptest::collection::vec((0u64..600, any::<bool>()), 0..1500), up in any::<bool>()) {
            let (mut pages, mut model) = (Pages::default(), BTreeMap::new());
            for (i, (key, remove)) in steps.into_iter().enumerate() {
                let key = if up { key / 60 + i as u64 } else { key };
                let before = model.range(..=key).next_back().map(|(k, v)| (*k, *v));
                let found = pages.at_or_before(key);
                prop_assert_eq!(found.map(|place| pages.get(place)).map(|(k, v)| (k, *v)), before);
                match found.filter(|place| pages.get(*place).0 == key) {
                    Some(place) if remove => {
                        let (k, v, after) = pages.remove(place);
                        prop_assert_eq!(Some(v), model.remove(&k));
                        let next = model.range(key..).next().map(|(k, v)| (*k, *v));
                        prop_assert_eq!(after.map(|place| pages.get(place)).map(|(k, v)| (k, *v)), next);
                    }
                    Some(place) => {
                        *pages.get_mut(place) = i;
                        model.insert(key, i);
                    }
                    None => {
                        pages.insert(key, i);
                        model.insert(key, i);
                    }
                }
                prop_assert_eq!(pages.len(), model.len());
                prop_assert_eq!(pages.last().map(|(k, _)| k), model.last_key_value().map(|(k, _)| *k));
            }
            let all: Vec<_> = pages.from(pages.first()).map(|(k, v)| (k, *v)).collect();
            prop_assert_eq!(&all, &model.into_iter().collect::<Vec<_>>());
            let mut place = pages.first();
            for (key, _) in all {
                let at = place.unwrap();
                prop_assert_eq!(pages.get(at).0, key);
                place = pages.after(at);
            }
            prop_assert_eq!(place, None);
        }
    }
}
