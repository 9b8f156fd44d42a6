//! The slot engine against its budgets (`docs`: design, "Budgets"). Prints medians; run with `cargo bench
//! --bench engine`.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use meridian::domain::{
    assignment::Assignment,
    interval::{Interval, IntervalSet},
    schedule::{Schedule, WeeklyHours, Window},
    slots::{HostTime, Limit, Offer, SlotRules, lookaround, offer, offer_at},
    zone::{Transition, ZoneRules},
};

/// The median time of one call, over batches long enough for the clock.
fn median(mut call: impl FnMut()) -> Duration {
    const BATCHES: usize = 201;
    let started = Instant::now();
    let mut warm_up = 0_u32;
    while started.elapsed() < Duration::from_millis(200) {
        call();
        warm_up += 1;
    }
    let batch = (warm_up / 100).max(1);
    let mut times: Vec<Duration> = (0..BATCHES)
        .map(|_| {
            let started = Instant::now();
            for _ in 0..batch {
                call();
            }
            started.elapsed() / batch
        })
        .collect();
    times.sort_unstable();
    times.get(BATCHES / 2).copied().unwrap_or_default()
}

fn report(what: &str, time: Duration, budget: &str) {
    let micros = time.as_secs_f64() * 1e6;
    let time =
        if micros < 1000.0 { format!("{micros:.1} µs") } else { format!("{:.2} ms", micros / 1000.0) };
    #[expect(clippy::print_stdout, reason = "a benchmark talks to the terminal")]
    {
        println!("engine, {what}: {time}{budget}");
    }
}

fn midnight(month: u32, day: u32) -> DateTime<Utc> {
    NaiveDate::from_ymd_opt(2026, month, day).unwrap_or_default().and_time(chrono::NaiveTime::MIN).and_utc()
}

fn between(start: DateTime<Utc>, minutes: i64) -> Option<Interval> {
    Interval::new(start, start + TimeDelta::minutes(minutes))
}

/// New York from 2020 to 2035, near enough: a switch every March and November.
fn new_york() -> ZoneRules {
    let transitions = (0..16).flat_map(|year| {
        let spring = 1_583_650_800 + year * 31_557_600;
        [Transition { at: spring, offset: -14_400 }, Transition { at: spring + 20_563_200, offset: -18_000 }]
    });
    ZoneRules::new("America/New_York", -18_000, transitions.collect())
}

struct Host {
    zone: ZoneRules,
    schedule: Schedule,
    open: IntervalSet,
    busy: IntervalSet,
    booked: Vec<Interval>,
}

impl Host {
    /// `blocks` of half an hour, spread over the range; `number` shifts them.
    fn new(windows: &[(u16, u16)], blocks: i64, number: i64, around: Interval) -> Self {
        let zone = new_york();
        let windows = windows.iter().filter_map(|(from, until)| Window::new(*from, *until)).collect();
        let schedule = Schedule { weekly: WeeklyHours::every_day(windows), ..Schedule::default() };
        let open = schedule.open_time(&zone, around);
        let every = around.duration().num_minutes() / blocks.max(1);
        let block = |index: i64| {
            between(around.start() + TimeDelta::minutes(index * every + (number * 37 + index * 11) % 90), 30)
        };
        let busy: IntervalSet = (0..blocks).filter_map(block).collect();
        let booked = busy.iter().step_by(3).collect();
        Self { zone, schedule, open, busy, booked }
    }

    fn time(&self) -> HostTime<'_> {
        HostTime {
            open: &self.open,
            busy: &self.busy,
            booked: &self.booked,
            sessions: &[],
            zone: &self.zone,
            required: true,
        }
    }
}

fn main() {
    let Some(month) = Interval::new(midnight(5, 1), midnight(6, 1)) else { return };
    let now = midnight(4, 20);
    let plain = SlotRules { buffer_before: 5, buffer_after: 10, notice: 3600, ..SlotRules::default() };
    let around = |rules: &SlotRules, length| month.pad(lookaround(rules, length), lookaround(rules, length));

    // One host, nine to five with a lunch break, half hours, 200 busy blocks.
    let day = [(9 * 60, 12 * 60), (13 * 60, 17 * 60)];
    let one = Host::new(&day, 200, 0, around(&plain, 30));
    let ask = |rules: &SlotRules, host: &Host| -> Offer {
        offer(rules, Assignment::RoundRobin, 30, &[host.time()], month, now)
    };
    let time = median(|| drop(black_box(ask(black_box(&plain), black_box(&one)))));
    report("1 host, 31 days, 200 busy", time, " (budget 20 µs)");
    let time = median(|| {
        let mut host = black_box(&one).time();
        let open = one.schedule.open_time(&one.zone, around(&plain, 30));
        host.open = &open;
        drop(black_box(offer(&plain, Assignment::RoundRobin, 30, &[host], month, now)));
    });
    report("1 host, 31 days, 200 busy, with its schedule", time, "");
    let all = SlotRules { interval: Some(5), fill_gaps: true, ..plain.clone() };
    let mut limited = all.clone();
    limited.limits.day = Limit { count: Some(4), minutes: Some(240) };
    limited.limits.week = Limit { count: Some(15), minutes: None };
    limited.limits.month = Limit { count: None, minutes: Some(4000) };
    report(
        "1 host, every 5 minutes, gaps filled",
        median(|| drop(black_box(ask(black_box(&all), &one)))),
        "",
    );
    report("1 host, the same with limits", median(|| drop(black_box(ask(black_box(&limited), &one)))), "");
    let start = ask(&plain, &one).starts().next().unwrap_or(now);
    let time = median(|| {
        drop(black_box(offer_at(&plain, Assignment::RoundRobin, 30, &[one.time()], black_box(start), now)));
    });
    report("1 host, one start", time, "");

    // A team open around the clock at 20 minutes: 72 starts a day, 30 of the 31 days bookable, so 2,160
    // slots.
    let team_rules = SlotRules {
        window: meridian::domain::slots::BookingWindow::Dates {
            from: NaiveDate::from_ymd_opt(2026, 5, 1).unwrap_or_default(),
            until: NaiveDate::from_ymd_opt(2026, 5, 30).unwrap_or_default(),
        },
        ..SlotRules::default()
    };
    let team = |rules: &SlotRules, assignment, blocks: i64, shift: u16| {
        let hosts: Vec<Host> = (0..88_u16)
            .map(|number| {
                let from = (number * shift) % 60;
                let day = if shift == 0 { (0, 1440) } else { (from, 1380 + from) };
                Host::new(&[day], blocks, i64::from(number), around(rules, 20))
            })
            .collect();
        let times: Vec<HostTime<'_>> = hosts.iter().map(Host::time).collect();
        let slots = offer(rules, assignment, 20, &times, month, now).len();
        let time = median(|| drop(black_box(offer(rules, assignment, 20, black_box(&times), month, now))));
        (slots, time)
    };
    let (slots, time) = team(&team_rules, Assignment::RoundRobin, 200, 0);
    report(&format!("88 hosts, 31 days, 200 busy each, {slots} slots"), time, " (budget 1 ms)");
    let (slots, time) = team(&team_rules, Assignment::RoundRobin, 0, 0);
    report(&format!("88 hosts, 31 days, nobody busy, {slots} slots"), time, " (budget 1 ms)");
    let (slots, time) = team(&team_rules, Assignment::AllHands, 2, 0);
    report(&format!("88 hosts, all hands, 2 busy each, {slots} slots"), time, "");
    let filled = SlotRules { fill_gaps: true, ..team_rules.clone() };
    let (slots, time) = team(&filled, Assignment::RoundRobin, 200, 0);
    report(&format!("88 hosts, gaps filled, {slots} slots"), time, "");
    let (slots, time) = team(&team_rules, Assignment::RoundRobin, 200, 7);
    report(&format!("88 hosts, 60 different grids, {slots} slots"), time, "");
}
