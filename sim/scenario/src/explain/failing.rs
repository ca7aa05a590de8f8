//! Devices that fail, lie, or are exchanged, in words.

use super::{Page, device_name, snake};
use crate::quantity::{show_duration, show_size};
use mirrorsim_world::spec::{DeviceName, Fault, Instead, Node};

impl Page<'_> {
    fn disk(&self, node: Node, device: DeviceName) -> String {
        format!("{} disk of {}", device_name(device), self.node(node))
    }

    /// One of these faults.
    pub(super) fn failing(&self, fault: &Fault) -> String {
        match *fault {
            Fault::FlushFailure { node, device, after, restart_after } => format!(
                "a flush of the {} fails, what it covers is {}; back after {}",
                self.disk(node, device),
                snake(&format!("{after:?}")).replace('_', " "),
                show_duration(restart_after)
            ),
            Fault::WriteFailure { node, device, restart_after } => format!(
                "a write to the {} fails; back after {}",
                self.disk(node, device),
                show_duration(restart_after)
            ),
            Fault::ShortIo { node, device, lasting } => {
                format!(
                    "reads and writes of the {} are short for {}",
                    self.disk(node, device),
                    show_duration(lasting)
                )
            }
            Fault::ReadOnly { node, device, lasting } => {
                format!("{} is read-only for {}", self.disk(node, device), show_duration(lasting))
            }
            Fault::Unreadable { target, more } => {
                let more = if more > 0 { format!(" and {more} sectors more") } else { String::new() };
                format!("{}{more} cannot be read", self.target(target))
            }
            Fault::LostWrite { node, device } => {
                format!("a write to the {} is lost", self.disk(node, device))
            }
            Fault::MisdirectedWrite { node, device } => {
                format!("a write to the {} lands elsewhere", self.disk(node, device))
            }
            Fault::Rollback { node, device, after } => format!(
                "{} of {}: a write of the next {} is taken back then",
                device_name(device),
                self.node(node),
                show_duration(after)
            ),
            Fault::DiskLost { node, device, lasting } => format!(
                "{} is lost, and replaced by an empty one after {}",
                self.disk(node, device),
                show_duration(lasting)
            ),
            Fault::DiskReplaced { node, device, after: None } => {
                format!("{} is replaced by an empty one", self.disk(node, device))
            }
            Fault::DiskReplaced { node, device, after: Some(after) } => format!(
                "{} is replaced by one with its content of {} before",
                self.disk(node, device),
                show_duration(after)
            ),
            Fault::LogFile { source, becomes, after } => format!(
                "{} log file of {} is {}",
                if becomes == Instead::Earlier { "the newest" } else { "the oldest" },
                self.node(Node::Source(source)),
                match becomes {
                    Instead::Nothing => "deleted".to_owned(),
                    Instead::Earlier => format!("what stood there {} before", show_duration(after)),
                    Instead::Next => "a copy of the next one".to_owned(),
                    Instead::Neighbour => "exchanged for the neighbour's".to_owned(),
                }
            ),
            Fault::NvramSmaller { node, size, lasting } => format!(
                "nvram of {} has only {} for {}",
                self.node(node),
                show_size(size),
                show_duration(lasting)
            ),
            _ => String::new(),
        }
    }
}
