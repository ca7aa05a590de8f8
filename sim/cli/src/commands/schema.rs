//! `schema`: JSON Schemas for editors and validators.

use crate::args::SchemaOf;
use crate::out::Out;
use crate::trouble::Trouble;
use mirrorsim_campaign::Exit;

/// Prints a schema.
pub fn schema(what: SchemaOf, out: &mut Out) -> Result<Exit, Trouble> {
    let schema = match what {
        SchemaOf::Scenario => mirrorsim_scenario::schema(),
        SchemaOf::Report => mirrorsim_report::schema(),
        SchemaOf::Campaign => mirrorsim_report::campaign_schema(),
        SchemaOf::Compare => mirrorsim_report::compare_schema(),
        SchemaOf::Claims => mirrorsim_report::claims_schema(),
    };
    match out.json() {
        true => out.object(&schema),
        false => out.text(&format!("{schema:#}\n")),
    }
    Ok(Exit::Passed)
}
