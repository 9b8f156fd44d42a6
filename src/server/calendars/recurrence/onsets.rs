//! When a zone that came with a file changes its clock.

use super::{DAY, Local, MOST, STEPS_COUNTING, Until, local, rule::Rule, walk};
use chrono::NaiveDateTime;
use std::ops::ControlFlow;

/// When an observance of a VTIMEZONE begins by one of its rules, on the wall as it was before: `offset` seconds from UTC. From
/// one time on the wall to another, in seconds (RFC 5545 §3.6.5).
pub(in super::super) fn onsets(
    rule: &str,
    start: NaiveDateTime,
    offset: i32,
    from: Local,
    until: Local,
) -> Vec<Local> {
    let Some(rule) = Rule::parse(rule).filter(|rule| rule.clear) else { return Vec::new() };
    let last = match rule.until {
        Some(Until::Day(day)) => day + DAY - 1,
        Some(Until::Local(at)) => at,
        Some(Until::Instant(at)) => at.saturating_add(i64::from(offset)),
        None => i64::MAX,
    };
    let start = local::seconds(start);
    let begin = if rule.count.is_some() { start } else { from };
    let mut found = Vec::new();
    let mut left = rule.count.unwrap_or(u32::MAX);
    let mut purse = STEPS_COUNTING;
    walk::walk(&rule, start, (begin, until), 0, &mut purse, |run| {
        let at = run.first;
        if at > last || left == 0 || found.len() >= MOST {
            return ControlFlow::Break(());
        }
        left -= 1;
        found.push(at);
        ControlFlow::Continue(())
    });
    found
}
