//! How far a campaign is: a bar on a terminal, a plain line now and then elsewhere, nothing beside JSON.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use mirrorsim_campaign::Clock;
use mirrorsim_report::{count, plural, wall};
use std::io::{IsTerminal, Write};
use std::time::Duration;

/// How often the bar is touched.
const TOUCH: Duration = Duration::from_millis(100);
/// How often a plain line comes.
const PLAIN: Duration = Duration::from_secs(10);

/// Before that a rate says nothing.
const SETTLED: Duration = Duration::from_secs(2);

/// s; who waits for longer does not count days.
const YEAR: u64 = 365 * 86_400;

/// Columns below which there is no room for a bar.
const NARROW: u16 = 60;

/// The progress of a campaign.
#[derive(Debug)]
pub struct Progress {
    kind: Kind,
    clock: Clock,
    last: Duration,
    total: u128,
    done: u128,
    red: u128,
    nouns: (&'static str, &'static str),
    /// What else is worth a look.
    beside: String,
}

#[derive(Debug)]
enum Kind {
    Bar(ProgressBar),
    Plain,
    None,
}

impl Progress {
    /// For so many seeds. `quiet`: none at all.
    pub fn new(total: u128, quiet: bool) -> Progress {
        Progress::of(total, ("seed", "red"), quiet)
    }

    /// For so many of the first noun (said of one), some of which turn out to be the second.
    pub fn of(total: u128, nouns: (&'static str, &'static str), quiet: bool) -> Progress {
        let kind = match (quiet, wants_a_bar()) {
            (true, _) => Kind::None,
            (false, true) => Kind::Bar(bar(total)),
            (false, false) => Kind::Plain,
        };
        let (clock, beside) = (Clock::start(), String::new());
        Progress { kind, clock, last: Duration::ZERO, total, done: 0, red: 0, nouns, beside }
    }

    /// So many are done.
    pub fn update(&mut self, done: u128, red: u128) {
        (self.done, self.red) = (done, red);
        self.touch();
    }

    /// What else is shown: the rarest of what was reached.
    pub fn beside(&mut self, text: String) {
        self.beside = text;
    }

    /// Time goes by.
    pub fn touch(&mut self) {
        let now = self.clock.elapsed();
        let due = match self.kind {
            Kind::Bar(_) => TOUCH,
            Kind::Plain | Kind::None => PLAIN,
        };
        if now.saturating_sub(self.last) < due {
            return;
        }
        self.last = now;
        self.draw(now);
    }

    fn draw(&self, now: Duration) {
        match &self.kind {
            Kind::Bar(bar) => {
                bar.set_position(u64::try_from(self.done).unwrap_or(u64::MAX));
                bar.set_message(self.counts(now));
                bar.tick();
            }
            Kind::Plain => {
                let _ = writeln!(
                    std::io::stderr(),
                    "{}; {} so far{}",
                    self.counts(now),
                    wall(now),
                    self.left(now)
                );
            }
            Kind::None => {}
        }
    }

    /// Counts, rate and what else there is, in one text: a bar is drawn at any of its changes, and would show one of now beside
    /// one of before.
    fn counts(&self, now: Duration) -> String {
        let [total, done, red] =
            [self.total, self.done, self.red].map(|n| u64::try_from(n).unwrap_or(u64::MAX));
        let mut text =
            format!("{} of {}, {} {}", count(done), plural(total, self.nouns.0), count(red), self.nouns.1);
        if let Some(rate) = self.rate(now) {
            text += &format!(", {} a minute", count(rate));
        }
        if !self.beside.is_empty() {
            text += &format!("; rarest: {}", self.beside);
        }
        text
    }

    /// How many a minute; none before the first few seconds.
    fn rate(&self, now: Duration) -> Option<u64> {
        let rate = self.done.saturating_mul(60_000).checked_div(now.as_millis())?;
        (now >= SETTLED).then(|| u64::try_from(rate).unwrap_or(u64::MAX))
    }

    /// How long the rest takes at that rate; a bar says so by itself.
    fn left(&self, now: Duration) -> String {
        match self.rate(now) {
            Some(rate) if rate > 0 => {
                let seconds = self.total.saturating_sub(self.done).saturating_mul(60) / u128::from(rate);
                match u64::try_from(seconds) {
                    Ok(0) => String::new(),
                    Ok(seconds) if seconds < YEAR => {
                        format!(", about {} left", wall(Duration::from_secs(seconds)))
                    }
                    _ => ", more than a year left".to_owned(),
                }
            }
            _ => String::new(),
        }
    }

    /// Prints something without a bar across it.
    pub fn aside<T>(&self, print: impl FnOnce() -> T) -> T {
        match &self.kind {
            Kind::Bar(bar) => bar.suspend(print),
            Kind::Plain | Kind::None => print(),
        }
    }

    /// No more progress.
    pub fn finish(&mut self) {
        if let Kind::Bar(bar) = &self.kind {
            bar.finish_and_clear();
        }
        self.kind = Kind::None;
    }
}

/// A bar is for whoever sits before a terminal that can draw one.
fn wants_a_bar() -> bool {
    let dumb = std::env::var_os("TERM").is_some_and(|t| t == "dumb" || t.is_empty());
    let plain = std::env::var_os("NO_COLOR").is_some_and(|n| !n.is_empty());
    let wide = terminal_size::terminal_size_of(std::io::stderr()).is_some_and(|(width, _)| width.0 >= NARROW);
    std::io::stderr().is_terminal() && std::io::stdout().is_terminal() && wide && !dumb && !plain
}

fn bar(total: u128) -> ProgressBar {
    let total = u64::try_from(total).unwrap_or(u64::MAX);
    let template = match total {
        1 => "{spinner} {elapsed}",
        // What is said last is cut on a narrow terminal.
        _ => "{bar:20} {elapsed}, {eta} left: {msg}",
    };
    let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr_with_hz(10));
    bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_has_both_counts_of_one_moment() {
        let hidden = bar(1000);
        hidden.set_draw_target(ProgressDrawTarget::hidden());
        let mut progress = Progress { kind: Kind::Bar(hidden.clone()), ..Progress::new(1000, true) };
        for at in [1, 3] {
            (progress.done, progress.red) = (at, at);
            progress.draw(TOUCH);
            assert_eq!(hidden.message(), format!("{at} of 1,000 seeds, {at} red"));
        }
        progress.total = 1;
        assert_eq!(progress.counts(TOUCH), "3 of 1 seed, 3 red");
    }

    #[test]
    fn what_is_left_goes_by_the_rate() {
        let mut progress = Progress { done: 100, ..Progress::new(1000, true) };
        progress.beside("full_map 1x, fenced 2x".into());
        let now = Duration::from_secs(30);
        assert_eq!(
            progress.counts(now),
            "100 of 1,000 seeds, 0 red, 200 a minute; rarest: full_map 1x, fenced 2x"
        );
        assert_eq!(progress.left(now), format!(", about {} left", wall(Duration::from_secs(270))));
        progress.total = u128::MAX;
        assert_eq!(progress.left(now), ", more than a year left");
        assert_eq!(progress.left(TOUCH), "");
    }
}
