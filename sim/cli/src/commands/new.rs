//! `new`: a scenario to start from.

use crate::out::Out;
use crate::trouble::Trouble;
use mirrorsim_campaign::Exit;
use serde_json::json;
use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::PathBuf;

/// Writes the template.
pub fn new(file: Option<PathBuf>, out: &mut Out) -> Result<Exit, Trouble> {
    let template = mirrorsim_scenario::template();
    let Some(path) = file.filter(|f| f.as_os_str() != "-") else {
        match out.json() {
            true => out.object(&json!({"type": "template", "text": template})),
            false => out.text(&template),
        }
        return Ok(Exit::Passed);
    };
    let shown = path.display().to_string().escape_debug().to_string();
    let made = OpenOptions::new().write(true).create_new(true).open(&path);
    made.and_then(|mut f| f.write_all(template.as_bytes())).map_err(|e| match e.kind() {
        ErrorKind::AlreadyExists => Trouble::usage(format!("{shown}: exists already, and is left as it is"))
            .help("choose another name"),
        _ => Trouble::environment(format!("{shown}: {}", mirrorsim_report::reason(&e))),
    })?;
    match out.json() {
        true => out.object(&json!({"type": "created", "path": path.display().to_string()})),
        false => out.text(&format!("{shown} written; now: mirrorsim run {shown}\n")),
    }
    Ok(Exit::Passed)
}
