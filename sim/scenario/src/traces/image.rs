//! What a trace with payloads leaves on a disk when nothing goes wrong: the reference of disaster tests.

use mirrorsim_world::spec::{TraceAction, TraceOperation};
use std::io::{self, Seek, SeekFrom, Write};

/// Applies the operations in order to `out`, a file or a cursor that reads as zeros where it was never written. It is not
/// made longer than the highest write; a caller that wants the size of the volume sets it. Of a volume other than the
/// first operation's, and of writes without payload and of adds, nothing is known: `InvalidInput`.
pub fn straight_image(operations: &[TraceOperation], out: &mut (impl Write + Seek)) -> io::Result<()> {
    const ZEROS: [u8; 4096] = [0; 4096];
    let refuse = |index: usize, what: &str| {
        Err(io::Error::new(io::ErrorKind::InvalidInput, format!("operation {index} {what}")))
    };
    for (index, operation) in operations.iter().enumerate() {
        if operation.volume != operations[0].volume {
            return refuse(index, "is of another volume");
        }
        match &operation.action {
            TraceAction::Write { payload: None, .. } => return refuse(index, "has no payload"),
            TraceAction::Add { .. } => return refuse(index, "is an add"),
            TraceAction::Write { offset, payload: Some(payload), .. } => {
                out.seek(SeekFrom::Start(*offset))?;
                out.write_all(payload)?;
            }
            TraceAction::WriteZeroes { offset, length } => {
                out.seek(SeekFrom::Start(*offset))?;
                let mut left = *length;
                while left > 0 {
                    let count = left.min(ZEROS.len() as u64);
                    out.write_all(&ZEROS[..count as usize])?;
                    left -= count;
                }
            }
            TraceAction::Read { .. } | TraceAction::Flush => {}
        }
    }
    out.flush()
}
