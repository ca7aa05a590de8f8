//! Each format read right, and refused right. The files of the project and, where present, the external ones.

mod files;
mod formats;
mod malformed;

use super::*;
use mirrorsim_world::spec::{TraceAction, TraceOperation};

const GIB: u64 = 1 << 30;
const MSR: &str = "128166372003061629,hm,0,Read,1000,512,20\n128166372003061639,hm,0,Write,4096,8192,30\n";

fn options() -> Options {
    Options::new(GIB, 1 << 20)
}

fn ok(text: impl AsRef<[u8]>, options: &Options) -> Recording {
    read_bytes("t", text.as_ref(), None, options).unwrap_or_else(|error| panic!("{error}"))
}

fn message(text: impl AsRef<[u8]>, options: &Options) -> String {
    read_bytes("t", text.as_ref(), None, options)
        .map(|read| read.summary)
        .expect_err("is refused")
        .to_string()
}

/// One operation a word: time, volume, action, range.
fn story(recording: &Recording) -> String {
    let tell = |operation: &TraceOperation| {
        let action = match &operation.action {
            TraceAction::Write { offset, length, payload, wait } => {
                let content = payload.as_ref().map_or(String::new(), |all| format!("={}", all[0]));
                format!("w{offset}+{length}{content}{}", if *wait { "!" } else { "" })
            }
            TraceAction::WriteZeroes { offset, length } => format!("z{offset}+{length}"),
            TraceAction::Read { offset, length } => format!("r{offset}+{length}"),
            TraceAction::Add { .. } => "add".to_owned(),
            TraceAction::Flush => "f".to_owned(),
        };
        format!("{}:{}:{action}", operation.at, operation.volume)
    };
    recording.trace.operations.iter().map(tell).collect::<Vec<_>>().join(" ")
}

/// A log of entries (sector, sectors, flags), each sector filled with the number of its entry + 1.
fn log(entries: &[(u64, u64, u64)]) -> Vec<u8> {
    let mut log = vec![0; 512];
    log[..8].copy_from_slice(&dmlog::MAGIC.to_le_bytes());
    log[8] = 1;
    log[16..24].copy_from_slice(&(entries.len() as u64).to_le_bytes());
    log[24..28].copy_from_slice(&512u32.to_le_bytes());
    for (index, (sector, count, flags)) in entries.iter().enumerate() {
        let start = log.len();
        log.resize(start + 512, 0);
        for (place, value) in [sector, count, flags].into_iter().enumerate() {
            log[start + place * 8..start + place * 8 + 8].copy_from_slice(&value.to_le_bytes());
        }
        if flags & 4 == 0 {
            log.resize(log.len() + *count as usize * 512, index as u8 + 1);
        }
    }
    log
}
