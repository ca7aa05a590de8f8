//! `explain`: a scenario with everything that it does not say, or what a key means.

use crate::args::ExplainArgs;
use crate::out::Out;
use crate::scenarios;
use crate::trouble::Trouble;
use mirrorsim_campaign::Exit;
use serde_json::json;
use std::path::Path;

/// Explains a file, or a key.
pub fn explain(args: ExplainArgs, out: &mut Out) -> Result<Exit, Trouble> {
    let text = match (&args.target, &args.key) {
        (Some(target), _) if is_file(target) => {
            let all = scenarios::load_all(std::slice::from_ref(target), &args.reading)?;
            all.iter().map(mirrorsim_scenario::explain).collect()
        }
        (Some(key), _) | (None, Some(key)) => mirrorsim_scenario::explain_key(key).map_err(Trouble::usage)?,
        (None, None) => return Err(Trouble::usage("want a scenario or a key")),
    };
    match out.json() {
        true => out.object(&json!({"type": "explanation", "text": text})),
        false => out.text(&text),
    }
    Ok(Exit::Passed)
}

fn is_file(target: &str) -> bool {
    target == "-" || target.ends_with(".yaml") || target.ends_with(".yml") || Path::new(target).exists()
}
