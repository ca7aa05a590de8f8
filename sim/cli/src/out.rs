//! Standard output and standard error. Output that nobody reads any more ends quietly; output that cannot be written
//! is an error of the environment.

use crate::trouble::{Trouble, counted};
use anstream::AutoStream;
use anstyle::{AnsiColor, Style};
use mirrorsim_campaign::Exit;
use mirrorsim_report::{self as report, reason};
use serde_json::{Value, json};
use std::io::{self, BufWriter, ErrorKind, Stdout, Write};
use std::path::Path;

const ERROR: Style = AnsiColor::Red.on_default().bold();
const NOTE: Style = AnsiColor::Cyan.on_default().bold();

/// Where everything that is printed goes through.
#[derive(Debug)]
pub struct Out {
    /// Whether people want to know more.
    pub verbose: bool,
    json: bool,
    stdout: BufWriter<AutoStream<Stdout>>,
    /// Nobody reads any more.
    gone: bool,
    exit: Exit,
}

impl Out {
    /// Speaks JSON or text.
    pub fn new(json: bool) -> Out {
        Out {
            verbose: false,
            json,
            stdout: BufWriter::new(anstream::stdout()),
            gone: false,
            exit: Exit::Passed,
        }
    }

    /// Whether one JSON object a line is wanted.
    pub fn json(&self) -> bool {
        self.json
    }

    /// Whether nobody reads any more.
    pub fn gone(&self) -> bool {
        self.gone
    }

    /// Prints text on standard output, at once.
    pub fn text(&mut self, text: &str) {
        self.put(text);
        let flushed = self.stdout.flush();
        self.settle(flushed);
    }

    /// Prints a line of many; it may wait in a buffer.
    pub fn line(&mut self, line: &str) {
        self.put(line);
        self.put("\n");
    }

    /// Prints a JSON object on a line of its own, at once.
    pub fn object(&mut self, value: &Value) {
        self.text(&format!("{value}\n"));
    }

    /// Tells that a file was written.
    pub fn wrote(&mut self, what: &str, path: &Path) {
        let path = path.display().to_string();
        match self.json {
            true => self.object(&json!({"type": what, "path": path})),
            false => self.text(&format!("{what} {}\n", path.escape_debug())),
        }
    }

    /// Tells people something on standard error; as JSON it is an object like all others.
    pub fn note(&mut self, text: &str) {
        if self.json {
            self.object(&json!({"type": "note", "what": text}));
        } else {
            // Whoever closed standard error does not want to know.
            let _ = writeln!(anstream::stderr(), "{NOTE}note{NOTE:#}: {text}");
        }
    }

    /// Tells what only some want to know.
    pub fn aside(&mut self, notes: &[String]) {
        if self.verbose {
            notes.iter().for_each(|n| self.note(n));
        }
    }

    /// Says what went wrong.
    pub fn error(&mut self, trouble: &Trouble) {
        if self.json {
            trouble.to_json().iter().for_each(|v| self.object(v));
            return;
        }
        let mut stderr = anstream::stderr();
        let _ = match trouble {
            Trouble::Words { what, help, .. } => {
                let help =
                    if help.is_empty() { String::new() } else { format!("\n{NOTE}help{NOTE:#}: {help}") };
                writeln!(stderr, "{ERROR}error{ERROR:#}: {what}{help}")
            }
            Trouble::Run(outcome) => {
                let (seed, cause) = (outcome.seed, report::cause(outcome));
                write!(stderr, "{ERROR}error{ERROR:#}: seed {seed}: {cause}\n{}", report::up_to_it(outcome))
            }
            Trouble::Several(all) => {
                all.iter().for_each(|trouble| self.error(trouble));
                Ok(())
            }
            Trouble::Scenarios(files) => {
                let texts: Vec<String> = files.iter().map(|p| p.render(true)).collect();
                // A blank line is between two mistakes, and in none.
                let mistakes = texts.iter().flat_map(|text| text.trim_end().split("\n\n"));
                let mistakes = counted(mistakes).into_iter().map(|(mistake, scenarios)| match scenarios {
                    1 => format!("{mistake}\n"),
                    _ => format!(
                        "{mistake}\n  = {NOTE}note{NOTE:#}: in {}\n",
                        report::plural(scenarios, "scenario")
                    ),
                });
                write!(stderr, "{}", mistakes.collect::<Vec<_>>().join("\n"))
            }
        };
    }

    /// Flushes; what could not be written counts now.
    pub fn close(&mut self) -> Exit {
        let flushed = self.stdout.flush();
        self.settle(flushed);
        self.exit
    }

    fn put(&mut self, text: &str) {
        if !self.gone {
            let written = self.stdout.write_all(text.as_bytes());
            self.settle(written);
        }
    }

    fn settle(&mut self, result: io::Result<()>) {
        let Err(error) = result else { return };
        if self.gone {
            return;
        }
        self.gone = true;
        if error.kind() != ErrorKind::BrokenPipe {
            self.exit = Exit::Environment;
            let _ =
                writeln!(anstream::stderr(), "{ERROR}error{ERROR:#}: standard output: {}", reason(&error));
        }
    }
}
