//! CSV as libCacheSim publishes the CloudPhysics traces: a header `version,time,op,size,lbn` (columns in any order,
//! others ignored), time in whole seconds, op = SCSI opcode in hex, size in bytes, lbn in 512-byte sectors.
//!
//! | opcode | becomes |
//! |---|---|
//! | 08 0a 28 2a 88 8a a8 aa | read, write |
//! | 2e 8e ae (write and verify) | write |
//! | 41 93 (write same), 42 (unmap) | write_zeroes: their payload or list is not in the trace |
//! | 35 91 (synchronise cache) | flush |
//! | others | unsupported: refused or left out, as the options say |

use super::collect::{Admission, Collector, Kind, Range, decimal};
use super::error::{Place, Problem, TraceError};
use super::input::Input;
use std::ops::Range as Span;

const SECOND: u64 = 1_000_000_000;
const COLUMNS: [&str; 4] = ["time", "op", "size", "lbn"];

/// The requests of the second that is being read.
#[derive(Default)]
struct Second {
    /// Seconds since the first kept request.
    elapsed: u64,
    /// Recorded number of it.
    recorded: u64,
    /// Requests of it so far, kept or not.
    seen: u64,
    /// Place among them and operations of each kept one.
    kept: Vec<(u64, Span<usize>)>,
    /// Place among them of the very first request of the trace; time starts there.
    origin: Option<u64>,
}

pub(super) fn read(input: &mut Input<'_>, collector: &mut Collector<'_>) -> Result<(), TraceError> {
    let mut buffer = Vec::new();
    let columns = match input.next_line(&mut buffer)? {
        Some(line) => header(line).map_err(|problem| input.error_here(problem))?,
        None => return Err(input.error(Place::File, Problem::new("the trace is empty"))),
    };
    let mut second = Second::default();
    let mut started_at = 0;
    let mut full = false;
    while let Some(line) = input.next_line(&mut buffer)? {
        let request = parse(line, &columns).map_err(|problem| input.error_here(problem))?;
        let place = Place::Line(input.line());
        if request.time > second.recorded || second.seen == 0 {
            if full {
                break;
            }
            close(collector, &mut second, &mut started_at);
            second.recorded = request.time;
        }
        let position = second.seen;
        second.seen += 1;
        // After the limit the second is read to its end, so that a limit does not change times.
        if full {
            continue;
        }
        match collector.admit() {
            Admission::Keep => {}
            Admission::Skip => continue,
            Admission::Full => {
                full = true;
                continue;
            }
        }
        second.elapsed = collector.elapsed(request.time);
        if second.elapsed > u64::MAX / SECOND - 1 {
            let problem = Problem::new("the time is too long after the first request").got(request.time);
            return Err(input.error(place, problem));
        }
        let before = collector.len();
        add(collector, place, &request)?;
        if collector.summary.requests == 1 {
            second.origin = Some(position);
        }
        second.kept.push((position, before..collector.len()));
    }
    close(collector, &mut second, &mut started_at);
    Ok(())
}

/// Spreads the kept requests of a second evenly over it.
fn close(collector: &mut Collector<'_>, second: &mut Second, started_at: &mut u64) {
    let within =
        |position: u64| (u128::from(position) * u128::from(SECOND) / u128::from(second.seen.max(1))) as u64;
    if let Some(origin) = second.origin {
        *started_at = within(origin);
    }
    for (position, span) in second.kept.drain(..) {
        collector.retime(span, second.elapsed * SECOND + within(position) - *started_at);
    }
    *second = Second::default();
}

struct Request<'a> {
    time: u64,
    op: &'a str,
    size: u64,
    lbn: u64,
}

/// Where each of [`COLUMNS`] is, and how many columns there are.
fn header(line: &str) -> Result<([usize; 4], usize), Problem> {
    let names: Vec<&str> = line.split(',').map(str::trim_ascii).collect();
    let mut places = [0; 4];
    for (place, column) in places.iter_mut().zip(COLUMNS) {
        let mut found = (0..names.len()).filter(|index| names[*index].eq_ignore_ascii_case(column));
        *place = match (found.next(), found.next()) {
            (Some(index), None) => index,
            (Some(_), Some(_)) => {
                return Err(Problem::new(format!("the header has column `{column}` twice")));
            }
            (None, _) => {
                let problem = Problem::new(format!("the header has no column `{column}`"));
                return Err(problem.got_bytes(line.as_bytes()).want("`version,time,op,size,lbn`"));
            }
        };
    }
    Ok((places, names.len()))
}

fn parse<'a>(line: &'a str, columns: &([usize; 4], usize)) -> Result<Request<'a>, Problem> {
    let (places, width) = columns;
    let mut fields = [""; 4];
    let mut count = 0;
    for (index, field) in line.split(',').enumerate() {
        count += 1;
        if let Some(which) = places.iter().position(|place| *place == index) {
            fields[which] = field.trim_ascii();
        }
    }
    if count != *width {
        return Err(Problem::new("the line has a wrong number of columns").got(count).want(width));
    }
    let number = |which: usize| {
        let problem = || {
            Problem::new(format!("`{}` is not a number", COLUMNS[which])).got_bytes(fields[which].as_bytes())
        };
        decimal(fields[which]).ok_or_else(|| problem().want("decimal digits"))
    };
    Ok(Request { time: number(0)?, op: fields[1], size: number(2)?, lbn: number(3)? })
}

fn add(collector: &mut Collector<'_>, place: Place, request: &Request<'_>) -> Result<(), TraceError> {
    let digits = request.op.strip_prefix("0x").unwrap_or(request.op);
    let opcode = match digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        true => u8::from_str_radix(digits, 16).ok(),
        false => None,
    };
    let Some(opcode) = opcode else {
        let problem =
            Problem::new("`op` is not a SCSI opcode").got_bytes(request.op.as_bytes()).want("two hex digits");
        return Err(collector.error(place, problem));
    };
    let kind = match opcode {
        0x08 | 0x28 | 0x88 | 0xa8 => Kind::Read,
        0x0a | 0x2a | 0x8a | 0xaa | 0x2e | 0x8e | 0xae => Kind::Write { payload: None, wait: false },
        0x41 | 0x42 | 0x93 => Kind::Zeroes,
        0x35 | 0x91 => Kind::Flush,
        _ => {
            let problem = Problem::new("the SCSI opcode is unsupported").got(format_args!("{opcode:02x}"));
            return collector
                .unsupported(place, problem.want("08 0a 28 2a 2e 35 41 42 88 8a 8e 91 93 a8 aa or ae"));
        }
    };
    let Some(offset) = request.lbn.checked_mul(512) else {
        let problem = Problem::new("`lbn` is too large")
            .got(request.lbn)
            .want(format_args!("at most {}", u64::MAX / 512));
        return Err(collector.error(place, problem));
    };
    let range = Range { volume: collector.options.volume, offset, length: request.size };
    collector.add(place, 0, kind, range)
}
