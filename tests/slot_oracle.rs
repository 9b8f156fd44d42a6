//! The slot engine against an oracle that looks at every minute (`oracle/brute.rs`), and what is true of
//! every offer.
//!
//! The seeds are fixed, so that a failure is always the same one. `PROPTEST_CASES=5000 cargo test --test
//! slot_oracle` looks further, with a new seed each time.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on fails")]

#[path = "oracle/brute.rs"]
mod brute;
#[path = "oracle/tz.rs"]
mod tz;

use std::{cell::RefCell, collections::BTreeMap};

use brute::{Case, Host, Seconds, Slot};
use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use meridian::domain::{
    assignment::Assignment,
    interval::{Interval, IntervalSet},
    schedule::{Schedule, WeeklyHours, Window},
    slots::{
        BookingWindow, HostTime, Limit, Limits, Offer, Session, SlotRules, booked_range, lookaround, offer,
        offer_at,
    },
    zone::ZoneRules,
};
use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{RngSeed, TestRunner},
};

/// Every kind of clock there is: no changes, changes of 30, 60 and 120 minutes, at midnight, negative ones,
/// Ramadan, quarter-hour offsets, and both ends of the date line.
const ZONES: [Tz; 44] = [
    Tz::UTC,
    Tz::Africa__Cairo,
    Tz::Africa__Casablanca,
    Tz::Africa__El_Aaiun,
    Tz::Africa__Johannesburg,
    Tz::Africa__Juba,
    Tz::America__Adak,
    Tz::America__Asuncion,
    Tz::America__Chihuahua,
    Tz::America__Havana,
    Tz::America__Los_Angeles,
    Tz::America__Miquelon,
    Tz::America__New_York,
    Tz::America__Nuuk,
    Tz::America__Santiago,
    Tz::America__Sao_Paulo,
    Tz::America__Scoresbysund,
    Tz::America__St_Johns,
    Tz::Antarctica__Casey,
    Tz::Antarctica__Troll,
    Tz::Asia__Amman,
    Tz::Asia__Beirut,
    Tz::Asia__Gaza,
    Tz::Asia__Jerusalem,
    Tz::Asia__Kathmandu,
    Tz::Asia__Kolkata,
    Tz::Asia__Tehran,
    Tz::Asia__Tokyo,
    Tz::Atlantic__Azores,
    Tz::Australia__Adelaide,
    Tz::Australia__Eucla,
    Tz::Australia__Lord_Howe,
    Tz::Australia__Sydney,
    Tz::Europe__Berlin,
    Tz::Europe__Chisinau,
    Tz::Europe__Dublin,
    Tz::Europe__London,
    Tz::Europe__Volgograd,
    Tz::Pacific__Apia,
    Tz::Pacific__Chatham,
    Tz::Pacific__Easter,
    Tz::Pacific__Fiji,
    Tz::Pacific__Kiritimati,
    Tz::Pacific__Pago_Pago,
];

/// The zone's rules from 2011 (Apia's lost day) to 2037, made once per thread.
fn rules_of(zone: Tz) -> ZoneRules {
    thread_local!(static KNOWN: RefCell<BTreeMap<&'static str, ZoneRules>> = const { RefCell::new(BTreeMap::new()) });
    KNOWN.with_borrow_mut(|known| {
        known
            .entry(zone.name())
            .or_insert_with(|| tz::rules(zone, tz::new_year(2011), tz::new_year(2037)))
            .clone()
    })
}

fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(second, 0).unwrap()
}

fn interval((from, until): Seconds) -> Interval {
    Interval::new(at(from), at(until)).unwrap()
}

fn set(intervals: &[Seconds]) -> IntervalSet {
    intervals.iter().map(|seconds| interval(*seconds)).collect()
}

// ---- The engine, asked as the documentation tells callers to

/// What a caller gathers for one host.
struct Gathered {
    zone: ZoneRules,
    open: IntervalSet,
    busy: IntervalSet,
    booked: Vec<Interval>,
    sessions: Vec<Session>,
    required: bool,
}

/// Just what the documentation asks for around `range`, and nothing more.
fn gather(case: &Case, range: Interval) -> Vec<Gathered> {
    let reach = lookaround(&case.rules, case.length);
    let around = range.pad(reach, reach);
    case.hosts
        .iter()
        .map(|host| {
            let zone = rules_of(host.zone);
            let counted = booked_range(&case.rules, &zone, range);
            Gathered {
                open: host.schedule.open_time(&zone, around),
                busy: set(&host.busy).clip(around),
                booked: host
                    .booked
                    .iter()
                    .map(|seconds| interval(*seconds))
                    .filter(|booked| counted.is_some_and(|counted| counted.contains(booked.start())))
                    .collect(),
                sessions: host
                    .sessions
                    .iter()
                    .map(|(start, length, taken)| Session {
                        start: at(*start),
                        end: at(start + length),
                        taken: *taken,
                    })
                    .filter(|session| range.contains(session.start))
                    .collect(),
                required: host.required,
                zone,
            }
        })
        .collect()
}

fn host_times(gathered: &[Gathered]) -> Vec<HostTime<'_>> {
    gathered
        .iter()
        .map(|host| HostTime {
            open: &host.open,
            busy: &host.busy,
            booked: &host.booked,
            sessions: &host.sessions,
            zone: &host.zone,
            required: host.required,
        })
        .collect()
}

fn plain(offer: &Offer) -> Vec<Slot> {
    let slots: Vec<Slot> = offer
        .iter()
        .map(|slot| {
            let hosts: Vec<usize> = slot.hosts().collect();
            assert!(hosts.iter().all(|host| slot.has(*host)) && !hosts.is_empty());
            (slot.start.timestamp(), slot.seats_left, hosts)
        })
        .collect();
    assert!(slots.is_sorted_by(|a, b| a.0 < b.0), "ascending, each start once");
    assert_eq!(slots.len(), offer.len());
    assert!(offer.starts().map(|start| start.timestamp()).eq(slots.iter().map(|slot| slot.0)));
    slots
}

fn engine_in(case: &Case, range: Seconds) -> Vec<Slot> {
    let gathered = gather(case, interval(range));
    plain(&offer(
        &case.rules,
        case.assignment,
        case.length,
        &host_times(&gathered),
        interval(range),
        at(case.now),
    ))
}

fn engine(case: &Case) -> Vec<Slot> {
    engine_in(case, case.range)
}

// ---- Cases

/// Mostly round minutes, at times any.
fn minute_of_day(last: u16) -> impl Strategy<Value = u16> {
    prop_oneof![
        4 => (0..=last / 30).prop_map(|half_hour| half_hour * 30),
        2 => (0..=last / 5).prop_map(|five| five * 5),
        1 => 0..=last,
    ]
}

fn window() -> impl Strategy<Value = Window> {
    prop_oneof![
        6 => (minute_of_day(1439), minute_of_day(1440)).prop_map(|(from, until)| Window::new(from, until).unwrap()),
        1 => Just(Window::new(0, 1440).unwrap()),
        1 => minute_of_day(240).prop_map(|until| Window::new(0, until).unwrap()),
        1 => minute_of_day(240).prop_map(|from| Window::new(1439 - from, 1440).unwrap()),
    ]
}

fn windows() -> impl Strategy<Value = Vec<Window>> {
    prop::collection::vec(window(), 0..3)
}

fn schedule(middle: i64) -> impl Strategy<Value = Schedule> {
    let weekly = prop_oneof![
        4 => prop::array::uniform7(windows()).prop_map(WeeklyHours::new),
        2 => windows().prop_map(WeeklyHours::every_day),
        1 => Just(WeeklyHours::every_day(vec![Window::new(0, 1440).unwrap()])),
    ];
    let date = (0_u64..7).prop_map(move |days| at(middle).date_naive() - Days::new(3) + Days::new(days));
    (weekly, prop::collection::btree_map(date, windows(), 0..3))
        .prop_map(|(weekly, overrides)| Schedule { weekly, overrides })
}

fn pick<T: Clone + std::fmt::Debug + 'static>(values: &[T]) -> impl Strategy<Value = T> + use<T> {
    prop::sample::select(values.to_vec())
}

fn limit() -> impl Strategy<Value = Limit> {
    prop_oneof![
        4 => Just(Limit::default()),
        2 => (0_u32..4).prop_map(|count| Limit { count: Some(count), minutes: None }),
        2 => (0_u32..300).prop_map(|minutes| Limit { count: None, minutes: Some(minutes) }),
        1 => (0_u32..4, 0_u32..300).prop_map(|(count, minutes)| Limit { count: Some(count), minutes: Some(minutes) }),
    ]
}

fn booking_window(middle: i64) -> impl Strategy<Value = BookingWindow> {
    let date = move |days: u64| -> NaiveDate { at(middle).date_naive() - Days::new(4) + Days::new(days) };
    prop_oneof![
        3 => Just(BookingWindow::Unlimited),
        1 => (0_u32..6).prop_map(BookingWindow::CalendarDays),
        1 => (0_u32..6).prop_map(BookingWindow::BusinessDays),
        1 => (0_u64..8, 0_u64..8)
            .prop_map(move |(from, until)| BookingWindow::Dates { from: date(from), until: date(until) }),
    ]
}

fn slot_rules(middle: i64) -> impl Strategy<Value = SlotRules> {
    (
        prop_oneof![Just(None), pick(&[Some(0), Some(5), Some(10), Some(15), Some(37), Some(60), Some(90)])],
        prop_oneof![2 => Just(0), 1 => pick(&[5, 10, 30, 100])],
        any::<bool>(),
        (prop_oneof![Just(0), pick(&[3, 5, 15, 60])], prop_oneof![Just(0), pick(&[3, 10, 30, 90])]),
        prop_oneof![Just(0_i64), 0_i64..100_000, Just(3600), Just(-50)],
        booking_window(middle),
        prop_oneof![
            2 => Just(Limits::default()),
            1 => (limit(), limit(), limit()).prop_map(|(day, week, month)| Limits { day, week, month }),
        ],
        prop_oneof![3 => Just(1_u32), 1 => 0_u32..6],
    )
        .prop_map(
            |(interval, offset, fill_gaps, (buffer_before, buffer_after), notice, window, limits, seats)| {
                SlotRules {
                    interval,
                    offset,
                    fill_gaps,
                    buffer_before,
                    buffer_after,
                    notice,
                    window,
                    limits,
                    seats,
                }
            },
        )
}

/// Near `middle`, mostly on a quarter of an hour, at times on any second.
fn moment(middle: i64, reach: i64) -> impl Strategy<Value = i64> {
    let quarter = move |offset: i64| (middle + offset).div_euclid(900) * 900;
    prop_oneof![
        3 => (-reach..reach).prop_map(quarter),
        1 => (-reach..reach).prop_map(move |offset| (middle + offset).div_euclid(60) * 60),
        1 => (-reach..reach).prop_map(move |offset| middle + offset),
    ]
}

fn busy(middle: i64) -> impl Strategy<Value = Seconds> {
    let duration = prop_oneof![
        3 => (1_i64..20).prop_map(|quarters| quarters * 900),
        1 => 1_i64..40_000,
        1 => Just(1),
    ];
    (moment(middle, 4 * 86_400), duration).prop_map(|(start, duration)| (start, start + duration))
}

fn host(
    zone: impl Strategy<Value = Tz>,
    middle: i64,
    length: u32,
    rules: SlotRules,
) -> impl Strategy<Value = Host> {
    let session = (
        moment(middle, 3 * 86_400),
        prop_oneof![4 => Just(length), 1 => Just(length + 5)],
        0_u32..5,
        any::<bool>(),
    );
    (
        zone,
        schedule(middle),
        prop_oneof![
            3 => prop::collection::vec(busy(middle), 0..12),
            1 => prop::collection::vec(busy(middle), 0..60),
        ],
        prop::collection::vec(busy(middle), 0..6),
        prop::collection::vec(session, 0..3),
        prop::bool::weighted(0.7),
    )
        .prop_map(move |(zone, schedule, mut busy, mut booked, drawn, required)| {
            let mut sessions: Vec<(i64, i64, u32)> = Vec::new();
            for (start, minutes, taken, claims) in drawn {
                let start = start.div_euclid(60) * 60;
                if sessions.iter().any(|session| session.0 == start) {
                    continue;
                }
                let length = i64::from(minutes) * 60;
                sessions.push((start, length, taken));
                booked.push((start, start + length));
                if claims {
                    let before = i64::from(rules.buffer_before) * 60;
                    let after = i64::from(rules.buffer_after) * 60;
                    busy.push((start - before, start + length + after));
                }
            }
            Host { zone, schedule, busy, booked, sessions, required }
        })
}

fn case_around(
    zone: impl Strategy<Value = Tz> + Clone + 'static,
    middle: i64,
    hosts: usize,
) -> BoxedStrategy<Case> {
    (slot_rules(middle), pick(&[5_u32, 15, 20, 30, 45, 60, 61, 120, 1440]))
        .prop_flat_map(move |(rules, length)| {
            (
                Just(rules.clone()),
                Just(length),
                pick(&[Assignment::RoundRobin, Assignment::Collective, Assignment::AllHands]),
                prop::collection::vec(host(zone.clone(), middle, length, rules), 1..=hosts),
                moment(middle, 86_400),
                prop_oneof![2 => 3_600_i64..150_000, 1 => 1_i64..3_600],
                prop_oneof![2 => Just(-400_000_i64), 3 => -300_000_i64..90_000],
            )
        })
        .prop_map(move |(rules, length, assignment, hosts, start, duration, now)| Case {
            rules,
            assignment,
            length,
            hosts,
            range: (start - 43_200, start - 43_200 + duration),
            now: middle + now,
        })
        .boxed()
}

/// All zones, mostly near one of their transitions.
fn any_case() -> impl Strategy<Value = Case> {
    let near = pick(&ZONES).prop_flat_map(|zone| {
        let transitions: Vec<i64> =
            rules_of(zone).transitions().iter().map(|transition| transition.at).collect();
        let anywhere = tz::new_year(2020)..tz::new_year(2036);
        let middle = if transitions.is_empty() {
            anywhere.boxed()
        } else {
            prop_oneof![3 => pick(&transitions), 1 => anywhere].boxed()
        };
        (Just(zone), middle)
    });
    near.prop_flat_map(|(zone, middle)| {
        let zones = prop_oneof![2 => Just(zone), 1 => pick(&ZONES)].boxed();
        case_around(zones, middle, 4)
    })
}

fn config(cases: u32) -> ProptestConfig {
    let more = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    ProptestConfig {
        cases: more.unwrap_or(cases),
        rng_seed: if more.is_some() { RngSeed::Random } else { RngSeed::Fixed(20_260_301) },
        failure_persistence: None,
        max_shrink_iters: 2_000,
        ..ProptestConfig::default()
    }
}

// ---- Tests

#[test]
fn around_every_transition_of_every_zone_the_engine_finds_what_the_oracle_finds() {
    let mut runner = TestRunner::new(config(1));
    let (mut transitions, mut slots) = (0, 0);
    for zone in ZONES {
        let years = tz::new_year(2020)..tz::new_year(2036);
        let lost_day = (zone == Tz::Pacific__Apia).then_some(tz::new_year(2012) - 2 * 86_400 + 36_000);
        let known = rules_of(zone);
        let changes =
            known.transitions().iter().map(|transition| transition.at).filter(|at| years.contains(at));
        for middle in changes.chain(lost_day) {
            transitions += 1;
            let case = case_around(Just(zone), middle, 2).new_tree(&mut runner).unwrap().current();
            let expected = brute::slots(&case);
            slots += expected.len();
            assert_eq!(engine(&case), expected, "{zone}, {}: {case:#?}", at(middle));
        }
    }
    // Not vacuous.
    assert!(transitions > 700, "{transitions} transitions");
    assert!(slots > 5_000, "{slots} slots");
}

proptest! {
    #![proptest_config(config(400))]

    #[test]
    fn slots_equal_the_oracle(case in any_case()) {
        prop_assert_eq!(engine(&case), brute::slots(&case));
    }
}

proptest! {
    #![proptest_config(config(200))]

    /// Cut anywhere, each part with nothing but its own surroundings: the parts put together are the whole.
    #[test]
    fn a_range_in_parts_is_the_range(case in any_case(), cuts in prop::collection::vec(0.0..1.0_f64, 1..6)) {
        let (from, until) = case.range;
        #[expect(clippy::as_conversions, reason = "a share of a range of days")]
        let cut = |share: f64| from + ((until - from) as f64 * share) as i64;
        let mut edges: Vec<i64> = cuts.into_iter().map(cut).chain([from, until]).collect();
        edges.sort_unstable();
        edges.dedup();
        let parts: Vec<Slot> =
            edges.windows(2).flat_map(|part| engine_in(&case, (part[0], part[1]))).collect();
        prop_assert_eq!(parts, engine(&case));
    }

    /// What the booking transaction relies on: asked for one start, the engine says what it said on the page.
    #[test]
    fn a_single_start_gets_the_answer_of_the_page(
        case in any_case(),
        picks in prop::collection::vec(any::<prop::sample::Index>(), 8),
    ) {
        let whole = engine(&case);
        let (from, until) = case.range;
        let minutes: Vec<i64> =
            (from.div_euclid(60) + 1..until.div_euclid(60)).map(|minute| minute * 60).collect();
        let offered = picks.iter().filter(|_| !whole.is_empty()).map(|pick| pick.get(&whole).0);
        let any = picks.iter().filter(|_| !minutes.is_empty()).map(|pick| *pick.get(&minutes));
        for start in offered.chain(any) {
            let gathered = gather(&case, interval((start, start + 1)));
            let hosts = host_times(&gathered);
            let found = offer_at(&case.rules, case.assignment, case.length, &hosts, at(start), at(case.now));
            let expected: Vec<Slot> = whole.iter().filter(|slot| slot.0 == start).cloned().collect();
            prop_assert_eq!(plain(&found), expected);
        }
    }

    /// With gaps filled the grid moves, so a busy block can bring new starts; but never at a time that was
    /// not free before.
    #[test]
    fn more_busy_time_never_adds_a_slot(
        case in any_case(),
        more in prop::collection::vec(
            (any::<prop::sample::Index>(), -100_000_i64..100_000, 1_i64..20_000),
            1..4,
        ),
    ) {
        let mut busier = case.clone();
        for (host, offset, duration) in more {
            let host = host.index(busier.hosts.len());
            let start = case.range.0 + offset;
            busier.hosts[host].busy.push((start, start + duration));
        }
        let mut before = case.clone();
        if case.rules.fill_gaps {
            // Every minute that is free at all, whatever the grid.
            before.rules.fill_gaps = false;
            before.rules.interval = Some(1);
            before.rules.offset = 0;
        }
        let before: BTreeMap<i64, Vec<usize>> =
            engine(&before).into_iter().map(|(start, _, hosts)| (start, hosts)).collect();
        for (start, _, hosts) in engine(&busier) {
            let could = before.get(&start);
            let all_could = could.is_some_and(|could| hosts.iter().all(|host| could.contains(host)));
            prop_assert!(all_could, "{} {:?}", at(start), hosts);
        }
    }

    #[test]
    fn the_order_of_the_input_does_not_matter(case in any_case(), turn in any::<prop::sample::Index>()) {
        let expected = engine(&case);
        let mut shuffled = case.clone();
        for host in &mut shuffled.hosts {
            for list in [&mut host.busy, &mut host.booked] {
                list.reverse();
                let by = turn.index(list.len().max(1));
                list.rotate_left(by);
            }
            host.sessions.reverse();
            for windows in host.schedule.overrides.values_mut() {
                windows.reverse();
            }
        }
        prop_assert_eq!(engine(&shuffled), expected.clone());
        // In another order, the hosts get other numbers and the same slots. (All hands take midnights from
        // the first required host, so there the zone has to be the same.)
        let one_zone = case.hosts.iter().all(|host| host.zone == case.hosts[0].zone);
        if case.assignment == Assignment::AllHands && !one_zone {
            return Ok(());
        }
        let count = case.hosts.len();
        let mut turned = case.clone();
        turned.hosts.reverse();
        let renumbered: Vec<Slot> = engine(&turned)
            .into_iter()
            .map(|(start, seats, hosts)| {
                (start, seats, hosts.into_iter().rev().map(|host| count - 1 - host).collect())
            })
            .collect();
        prop_assert_eq!(renumbered, expected);
    }

    /// The engine never hears who looks. Grouped into the days of any two zones, the same instants come out.
    #[test]
    fn the_zone_of_the_viewer_only_groups(case in any_case(), here in pick(&ZONES), there in pick(&ZONES)) {
        let slots = engine(&case);
        let grouped = |zone: Tz| {
            let rules = rules_of(zone);
            let mut days: BTreeMap<NaiveDate, Vec<i64>> = BTreeMap::new();
            for (start, _, _) in &slots {
                days.entry(rules.date(at(*start))).or_default().push(*start);
            }
            let mut all: Vec<i64> = days.into_values().flatten().collect();
            all.sort_unstable();
            all
        };
        prop_assert_eq!(grouped(here), grouped(there));
    }

    /// What a slot promises, asked of the slot and not of the engine's own words.
    #[test]
    fn a_new_slot_is_open_free_and_in_time(case in any_case()) {
        for (start, seats, hosts) in engine(&case) {
            prop_assert!(case.range.0 <= start && start < case.range.1 && start >= case.now);
            prop_assert!(seats >= 1 && seats <= case.rules.seats.max(1));
            for host in hosts.into_iter().map(|host| &case.hosts[host]) {
                if host.sessions.iter().any(|session| session.0 == start) {
                    continue;
                }
                let needed = interval((start, start + i64::from(case.length) * 60));
                let around = needed.pad(TimeDelta::days(2), TimeDelta::days(2));
                prop_assert!(host.schedule.open_time(&rules_of(host.zone), around).encloses(needed));
                let minutes = |minutes: u32| TimeDelta::minutes(i64::from(minutes));
                let claim = needed.pad(minutes(case.rules.buffer_before), minutes(case.rules.buffer_after));
                prop_assert!(!set(&host.busy).overlaps(claim));
            }
        }
    }
}
