//! MSR Cambridge CSV: `Timestamp,Hostname,DiskNumber,Type,Offset,Size,ResponseTime`, without header; the timestamp
//! counts 100 ns (Windows filetime), offset and size are bytes. A header line with these names is accepted.

use super::collect::{Admission, Collector, Kind, Range, decimal};
use super::error::{Place, Problem, TraceError};
use super::input::Input;

const TICK: u64 = 100;

pub(super) fn read(input: &mut Input<'_>, collector: &mut Collector<'_>) -> Result<(), TraceError> {
    let mut buffer = Vec::new();
    let mut only: Option<(String, u64)> = None;
    while let Some(line) = input.next_line(&mut buffer)? {
        if input.line() == 1 && line.to_ascii_lowercase().starts_with("timestamp,") {
            continue;
        }
        let place = Place::Line(input.line());
        let request = parse(line).map_err(|problem| input.error_here(problem))?;
        let wanted =
            collector.options.host.as_ref().is_none_or(|host| host.eq_ignore_ascii_case(request.host))
                && collector.options.disk.is_none_or(|disk| u64::from(disk) == request.disk);
        if !wanted {
            collector.summary.filtered += 1;
            continue;
        }
        match &only {
            Some((host, disk)) if *disk != request.disk || host != request.host => {
                let problem = Problem::new("the trace has several disks")
                    .got(format_args!(
                        "disk {} of `{}` after disk {disk} of `{}`",
                        request.disk,
                        request.host.escape_debug(),
                        host.escape_debug()
                    ))
                    .help("choose one with `host` and `disk`");
                return Err(input.error(place, problem));
            }
            Some(_) => {}
            None => only = Some((request.host.to_owned(), request.disk)),
        }
        match collector.admit() {
            Admission::Keep => {}
            Admission::Skip => continue,
            Admission::Full => break,
        }
        let Some(at) = collector.elapsed(request.time).checked_mul(TICK) else {
            let problem = Problem::new("the time is too long after the first request").got(request.time);
            return Err(input.error(place, problem));
        };
        let kind = match request.write {
            true => Kind::Write { payload: None, wait: false },
            false => Kind::Read,
        };
        let range = Range { volume: collector.options.volume, offset: request.offset, length: request.size };
        collector.add(place, at, kind, range)?;
    }
    Ok(())
}

struct Request<'a> {
    time: u64,
    host: &'a str,
    disk: u64,
    write: bool,
    offset: u64,
    size: u64,
}

fn parse(line: &str) -> Result<Request<'_>, Problem> {
    let mut fields = [""; 7];
    let mut count = 0;
    for field in line.split(',') {
        if let Some(slot) = fields.get_mut(count) {
            *slot = field.trim_ascii();
        }
        count += 1;
    }
    if count != 7 {
        let want = "7: Timestamp,Hostname,DiskNumber,Type,Offset,Size,ResponseTime";
        return Err(Problem::new("the line has a wrong number of columns").got(count).want(want));
    }
    let number = |which: usize, name: &str| {
        let problem =
            || Problem::new(format!("`{name}` is not a number")).got_bytes(fields[which].as_bytes());
        decimal(fields[which]).ok_or_else(|| problem().want("decimal digits"))
    };
    let write = match fields[3] {
        kind if kind.eq_ignore_ascii_case("write") => true,
        kind if kind.eq_ignore_ascii_case("read") => false,
        kind => {
            return Err(Problem::new("`Type` is unknown")
                .got_bytes(kind.as_bytes())
                .want("`Read` or `Write`"));
        }
    };
    Ok(Request {
        time: number(0, "Timestamp")?,
        host: fields[1],
        disk: number(2, "DiskNumber")?,
        write,
        offset: number(4, "Offset")?,
        size: number(5, "Size")?,
    })
}
