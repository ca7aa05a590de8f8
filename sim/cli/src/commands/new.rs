//! `new`: a scenario to start from.

use crate::out::Out;
use crate::trouble::Trouble;
use mirrorsim_campaign::Exit;
use serde_json::json;
use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

const SCHEMA: &str = "scenario.schema.json";

/// Writes the template.
pub fn new(file: Option<PathBuf>, out: &mut Out) -> Result<Exit, Trouble> {
    // Where an editor finds the schema: beside the scenario, or in the folder above.
    let beside = |up: &str| {
        let folder = file.as_ref().and_then(|f| f.parent()).unwrap_or(Path::new("")).join(up);
        folder.join(SCHEMA).is_file()
    };
    let above = !beside("") && beside("..");
    let template = mirrorsim_scenario::template(&if above { format!("../{SCHEMA}") } else { SCHEMA.into() });
    let Some(path) = file.as_ref().filter(|f| f.as_os_str() != "-") else {
        match out.json() {
            true => out.object(&json!({"type": "template", "text": template})),
            false => out.text(&template),
        }
        return Ok(Exit::Passed);
    };
    let shown = path.display().to_string().escape_debug().to_string();
    let made = OpenOptions::new().write(true).create_new(true).open(path);
    made.and_then(|mut f| f.write_all(template.as_bytes())).map_err(|e| match e.kind() {
        ErrorKind::AlreadyExists => Trouble::usage(format!("{shown}: exists already, and is left as it is"))
            .help("choose another name"),
        _ => Trouble::environment(format!("{shown}: {}", mirrorsim_report::reason(&e))),
    })?;
    match out.json() {
        true => out.object(&json!({"type": "created", "path": path.display().to_string()})),
        false => {
            out.text(&format!("{shown} written; now: mirrorsim run {shown}\n"));
            if !beside("") && !above {
                out.text(&format!("for completion in an editor, beside it: mirrorsim schema > {SCHEMA}\n"));
            }
        }
    }
    Ok(Exit::Passed)
}
