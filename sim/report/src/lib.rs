//! What people and tools read of a campaign: text, JSON with a schema, image files. Consumes the campaign's events;
//! runs nothing and prints nothing.

mod alarms;
mod baseline;
mod campaign;
mod claims;
mod collect;
mod compare;
mod folder;
mod github;
mod human;
mod images;
mod interval;
mod junit;
mod kills;
mod line;
mod model;
mod number;
mod place;
mod sarif;
mod stamp;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod walker;

pub use alarms::{Clean, NoFalseAlarm};
pub use baseline::{read_table, write_table};
pub use campaign::{CampaignReport, Regression, Standing, campaign_schema};
pub use claims::{
    CLAIMS, Claim, ClaimReport, ClaimVerdict, Claims, ClaimsReport, Of, Step, about_claims, claims_schema,
};
pub use collect::Collector;
pub use compare::{Comparing, Comparison, compare_schema};
pub use folder::{Folder, Trouble, file_name, reason};
pub use github::{annotations, step_summary};
pub use human::{
    again, brief, campaign, cause, compare, many, one, pace, quoted, red_line, replay_line, several,
    shortened, up_to_it,
};
pub use images::write_images;
pub use interval::Interval;
pub use junit::junit;
pub use kills::{Kill, KillTable, Spread, Worth};
pub use line::{begun, ended, run_line};
pub use mirrorsim_campaign::utc;
pub use model::{Environment, Report, RunReport, SCHEMA_VERSION, Summary, schema};
pub use number::{bytes, count, nanos, plural, wall};
pub use sarif::sarif;
pub use stamp::Stamp;
