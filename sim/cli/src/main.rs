//! `mirrorsim`: arguments, exit codes, progress. The only place that prints.

mod args;
mod chosen;
mod commands;
mod moment;
mod out;
mod progress;
mod recording;
mod scenarios;
mod signals;
mod target;
mod trouble;

use args::{Args, Command, Format};
use clap::{CommandFactory, Parser};
use mirrorsim_campaign::Exit;
use out::Out;
use std::io::Write;
use std::panic::{self, AssertUnwindSafe};
use std::process::ExitCode;
use trouble::Trouble;

/// A tenth faster than the system's: a seed is many small buffers.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // A panic out here is the rig's fault, and must not look like one of a seed.
    let exit = panic::catch_unwind(AssertUnwindSafe(session)).unwrap_or_else(|_| {
        let mut out = Out::new(wants_json());
        out.error(&Trouble::rig("mirrorsim itself has panicked; nothing that it said last is to be trusted"));
        Exit::Rig
    });
    ExitCode::from(exit.code())
}

fn session() -> Exit {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => return refused(&error),
    };
    let mut out = Out::new(args.message_format == Format::Json);
    out.verbose = args.verbose;
    let result = match args.command {
        Command::Run(args) => commands::run::run(args, &mut out),
        Command::Campaign(args) => commands::campaign::campaign(&args, &mut out),
        Command::Merge(args) => commands::merge::merge(&args, &mut out),
        Command::Compare(args) => commands::compare::compare(args, &mut out),
        Command::Submit(engine) => commands::submit::submit(engine, &mut out),
        Command::Replay(args) => commands::replay::replay(args, &mut out),
        Command::Diff(args) => commands::diff::diff(&args, &mut out),
        Command::Shrink(args) => commands::shrink::shrink(&args, &mut out),
        Command::Trace(args) => commands::trace::trace(args, &mut out),
        Command::Planted(args) => commands::planted::planted(args, &mut out),
        Command::Check(args) => commands::check::check(args, &mut out),
        Command::List(args) => commands::list::list(args, &mut out),
        Command::Explain(args) => commands::explain::explain(args, &mut out),
        Command::Schema { what } => commands::schema::schema(what, &mut out),
        Command::New { file } => commands::new::new(file, &mut out),
        Command::Worker => commands::worker::worker(),
    };
    let exit = result.unwrap_or_else(|trouble| {
        out.error(&trouble);
        trouble.exit()
    });
    exit.worst(out.close())
}

/// Arguments that are none, or a wish for help.
fn refused(error: &clap::Error) -> Exit {
    if !error.use_stderr() {
        let mut out = Out::new(false);
        out.text(&error.render().ansi().to_string());
        return out.close();
    }
    // Its name elsewhere is too short to be near enough.
    let plain = error.to_string();
    let format = plain.contains("unexpected argument '--format'") && !plain.contains("--message-format");
    let tip = if format { "\n\n  tip: the argument is called '--message-format'" } else { "" };
    let usage = if plain.contains("Usage: ") { String::new() } else { usage() };
    if wants_json() {
        let text = plain.replace("\n\nFor more", &format!("{tip}{usage}\n\nFor more"));
        Out::new(true).error(&split(&text));
        return Exit::Usage;
    }
    // What was typed may have escape codes: then there are none at all.
    let hostile = std::env::args_os().any(|a| a.to_string_lossy().chars().any(char::is_control));
    let text = if hostile { printable(&plain) } else { error.render().ansi().to_string() };
    // Nobody may be listening any more; there is nobody to tell, then.
    let _ =
        write!(anstream::stderr(), "{}", text.replace("\n\nFor more", &format!("{tip}{usage}\n\nFor more")));
    Exit::Usage
}

/// What is wrong apart from the tips and the usage that follow.
fn split(text: &str) -> Trouble {
    let parts: Vec<&str> = text.split("\n\n").map(str::trim).collect();
    let cure = |part: &&str| part.starts_with("tip: ") || part.starts_with("Usage: ");
    let what = parts.iter().take_while(|part| !cure(part) && !part.starts_with("For more"));
    let what: Vec<&str> = what.flat_map(|part| part.lines()).map(str::trim).collect();
    let help: Vec<&str> = parts.iter().filter(|part| cure(part)).copied().collect();
    Trouble::usage(what.join(" ").trim_start_matches("error: ")).help(help.join("\n").replace("tip: ", ""))
}

/// The usage of the command that was meant, for messages that do not show it.
fn usage() -> String {
    let mut command = Args::command();
    command.build();
    let mut found = false;
    for word in std::env::args_os().skip(1) {
        if let Some(below) = command.find_subcommand(word) {
            (command, found) = (below.clone(), true);
        }
    }
    if found { format!("\n\n{}", command.render_usage()) } else { String::new() }
}

/// Control characters as what they are called, but for the ends of lines.
fn printable(text: &str) -> String {
    let shown =
        |c: char| if c.is_control() && c != '\n' { c.escape_debug().to_string() } else { c.to_string() };
    text.chars().map(shown).collect()
}

/// Whether JSON is wanted, before or without an understanding of the other arguments.
fn wants_json() -> bool {
    let args: Vec<String> = std::env::args_os().map(|a| a.to_string_lossy().into_owned()).collect();
    let apart = args.windows(2).any(|w| w[0] == "--message-format" && w[1] == "json");
    apart || args.iter().any(|a| a == "--message-format=json")
}
