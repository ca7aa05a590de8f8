//! fio's iolog, version 2 and 3 (text, fields separated by blanks).
//!
//! | line | becomes |
//! |---|---|
//! | `<file> add` | the file gets the next volume of [`Options::files`](super::Options), or `volume` |
//! | `<file> open`, `<file> close` | nothing, but the file must have been added |
//! | `<file> read <offset> <length>`, also `write`, `trim` | read, write, write_zeroes |
//! | `<file> sync <offset> <length>`, also `datasync`, `syncfs` | flush |
//! | `<file> wait <microseconds> <length>` | version 2: later operations start that much later than the last `wait`; below 100 nothing, as fio's manual has it |
//!
//! In version 3 each line starts with a time. The unit is [`Options::fio_tick`](super::Options): recordings of fio 3.33
//! have microseconds. `wait` is not allowed there.

use super::collect::{Admission, Collector, Kind, Range, decimal};
use super::error::{Place, Problem, TraceError};
use super::input::Input;

const MAX_FILES: usize = 1024;

pub(super) fn read(input: &mut Input<'_>, collector: &mut Collector<'_>) -> Result<(), TraceError> {
    let mut buffer = Vec::new();
    let timed = match input.next_line(&mut buffer)? {
        Some("fio version 2 iolog") => false,
        Some("fio version 3 iolog") => true,
        other => {
            let got = other.unwrap_or_default().as_bytes();
            let problem = Problem::new("the first line is not that of an iolog").got_bytes(got);
            return Err(input.error_here(problem.want("`fio version 2 iolog` or `fio version 3 iolog`")));
        }
    };
    let mut files: Vec<(String, usize)> = Vec::new();
    let mut waited = 0u64;
    while let Some(line) = input.next_line(&mut buffer)? {
        let place = Place::Line(input.line());
        let request = parse(line, timed).map_err(|problem| input.error_here(problem))?;
        let known = files.iter().find(|(name, _)| name == request.file).map(|(_, volume)| *volume);
        if request.action == "add" {
            if known.is_none() {
                if files.len() >= MAX_FILES {
                    let problem = Problem::new("the trace has too many files")
                        .want(format_args!("at most {MAX_FILES}"));
                    return Err(input.error_here(problem));
                }
                let volume =
                    volume_of(collector, files.len()).map_err(|problem| input.error_here(problem))?;
                files.push((request.file.to_owned(), volume));
            }
            continue;
        }
        let Some(volume) = known else {
            let problem = Problem::new("the file was not added before").got_bytes(request.file.as_bytes());
            return Err(input.error_here(problem.want("a line `<file> add`")));
        };
        let kind = match (request.action, timed) {
            ("open" | "close", _) => continue,
            ("wait", false) => {
                let pause = request.range().map_err(|problem| input.error_here(problem))?.0;
                waited = waited.saturating_add(if pause < 100 { 0 } else { pause });
                continue;
            }
            ("read", _) => Some(Kind::Read),
            ("write", _) => Some(Kind::Write { payload: None, wait: false }),
            ("trim", _) => Some(Kind::Zeroes),
            ("sync" | "datasync" | "syncfs", _) => Some(Kind::Flush),
            _ => None,
        };
        match collector.admit() {
            Admission::Keep => {}
            Admission::Skip => continue,
            Admission::Full => break,
        }
        let Some(kind) = kind else {
            let problem = Problem::new("the action is unsupported").got_bytes(request.action.as_bytes());
            let want = match timed {
                true => "read, write, trim, sync, datasync, add, open or close",
                false => "read, write, trim, sync, datasync, wait, add, open or close",
            };
            collector.unsupported(place, problem.want(want))?;
            continue;
        };
        let (offset, length) = request.range().map_err(|problem| input.error_here(problem))?;
        let (time, tick) = if timed { (request.time, collector.options.fio_tick) } else { (waited, 1_000) };
        let Some(at) = collector.elapsed(time).checked_mul(tick) else {
            return Err(
                input.error_here(Problem::new("the time is too long after the first request").got(time))
            );
        };
        collector.add(place, at, kind, Range { volume, offset, length })?;
    }
    Ok(())
}

fn volume_of(collector: &Collector<'_>, file: usize) -> Result<usize, Problem> {
    let volumes = &collector.options.files;
    match volumes.get(file) {
        _ if volumes.is_empty() => Ok(collector.options.volume),
        Some(volume) => Ok(*volume),
        None => Err(Problem::new("the trace has more files than volumes were given")
            .got(format_args!("file {}", file + 1))
            .want(format_args!("at most {}", volumes.len()))
            .help("name a volume for each file, or one for all")),
    }
}

struct Request<'a> {
    time: u64,
    file: &'a str,
    action: &'a str,
    numbers: [&'a str; 2],
}

impl Request<'_> {
    /// Offset and length.
    fn range(&self) -> Result<(u64, u64), Problem> {
        let number = |which: usize, name: &str| {
            let problem =
                || Problem::new(format!("{name} is not a number")).got_bytes(self.numbers[which].as_bytes());
            decimal(self.numbers[which]).ok_or_else(|| problem().want("decimal digits"))
        };
        Ok((number(0, "the offset")?, number(1, "the length")?))
    }
}

fn parse(line: &str, timed: bool) -> Result<Request<'_>, Problem> {
    let mut fields = [""; 5];
    let mut count = usize::from(!timed);
    for field in line.split_ascii_whitespace() {
        if let Some(slot) = fields.get_mut(count) {
            *slot = field;
        }
        count += 1;
    }
    if count != 3 && count != 5 {
        let want = match timed {
            true => "`<time> <file> <action>` or `<time> <file> <action> <offset> <length>`",
            false => "`<file> <action>` or `<file> <action> <offset> <length>`",
        };
        return Err(Problem::new("the line has a wrong number of fields")
            .got(count - usize::from(!timed))
            .want(want));
    }
    let time = match timed {
        false => 0,
        true => decimal(fields[0]).ok_or_else(|| {
            Problem::new("the time is not a number").got_bytes(fields[0].as_bytes()).want("decimal digits")
        })?,
    };
    let is_file_action = matches!(fields[2], "add" | "open" | "close");
    if is_file_action != (count == 3) {
        let want = if is_file_action { "no offset and no length" } else { "an offset and a length after it" };
        return Err(Problem::new("the action has a wrong number of fields")
            .got_bytes(fields[2].as_bytes())
            .want(want));
    }
    Ok(Request { time, file: fields[1], action: fields[2], numbers: [fields[3], fields[4]] })
}
