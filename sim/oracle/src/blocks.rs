//! What the model says of one block and of its entry in the check table.

use crate::bytes::{ENTRY, ahead_entry, check_entry, hash, says_ahead};
use crate::content::same;
use crate::layout::{BlockAt, Region};
use crate::log::Model;
use crate::setup::{Device, Medium};

impl Model {
    /// Compares a block with the model.
    pub fn block_is(&mut self, region: &Region, medium: &dyn Medium, (v, b): BlockAt, prefix: u64) -> bool {
        let actual = medium.read(Device::Image, region.block_at(v, b), region.block);
        match self.content(v, b, prefix) {
            Some(expected) => same(&actual, &expected),
            None => same(&actual, &self.zeros()),
        }
    }

    /// Judges one check table entry. Of a block of zeros an entry of zeros is as good as a check.
    pub fn entry_is(&mut self, entry: &[u8], (v, b): BlockAt, prefix: u64) -> bool {
        if let Some(digest) = self.digest(v, b, prefix) {
            if entry == check_entry(&self.uuid, b, digest) {
                return true;
            }
            let zeros = self.zeros();
            return entry == [0; 32] && self.content(v, b, prefix).is_some_and(|c| same(&c, &zeros));
        }
        entry == [0; 32] || entry == check_entry(&self.uuid, b, hash(&self.zeros()))
    }

    /// Compares a check table entry with the model.
    pub fn check_is(&mut self, region: &Region, medium: &dyn Medium, (v, b): BlockAt, prefix: u64) -> bool {
        let entry = medium.read(Device::Image, region.check_at(v, b), ENTRY);
        self.entry_is(&entry, (v, b), prefix)
    }

    /// Judges the entry of a block that was healed from beyond some prefix: it names the operation up to which the block
    /// goes, at least `prefix`. Of what did not change since it may name less.
    pub fn ahead_is(&mut self, entry: &[u8], (v, b): BlockAt, prefix: u64) -> Option<u64> {
        let upto = says_ahead(entry, b)?;
        let index = self.index_of(upto)?.max(prefix);
        let content = self.content(v, b, index).unwrap_or_else(|| self.zeros());
        (entry == ahead_entry(&self.uuid, b, upto, &content).as_slice()).then_some(index)
    }

    /// Whether a block and its entry are right and beyond a prefix; then, up to which operation they go.
    pub fn ahead(
        &mut self,
        region: &Region,
        medium: &dyn Medium,
        (v, b): BlockAt,
        prefix: u64,
    ) -> Option<u64> {
        let entry = medium.read(Device::Image, region.check_at(v, b), ENTRY);
        let index = self.ahead_is(&entry, (v, b), prefix)?;
        self.block_is(region, medium, (v, b), index).then_some(index)
    }
}
