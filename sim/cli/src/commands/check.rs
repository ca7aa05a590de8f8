//! `check`: mistakes only, nothing is run.

use crate::args::CheckArgs;
use crate::out::Out;
use crate::scenarios;
use crate::trouble::Trouble;
use mirrorsim_campaign::Exit;
use serde_json::json;

/// Reads every scenario and says what is wrong with it.
pub fn check(args: CheckArgs, out: &mut Out) -> Result<Exit, Trouble> {
    let mut exit = Exit::Passed;
    let reading = &args.reading;
    for file in scenarios::files(&args.scenarios, out)? {
        let loaded = scenarios::load(&file, &reading.sets, reading.data.clone(), reading.yes_large);
        let (ok, words) = match loaded {
            Ok(scenario) => {
                out.aside(&scenario.notes);
                (true, format!("ok, {}", scenario.name))
            }
            Err(problems) => {
                let count = problems.list().len();
                out.error(&Trouble::Scenarios(vec![problems]));
                exit = Exit::Usage;
                (false, format!("{count} mistake{}", if count == 1 { "" } else { "s" }))
            }
        };
        if out.json() {
            out.object(&json!({"type": "checked", "path": file, "ok": ok}));
        } else {
            out.text(&format!("{}: {words}\n", file.escape_debug()));
        }
    }
    Ok(exit)
}
