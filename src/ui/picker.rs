//! Choosing a time: the heart of the booking page, and of moving an appointment.
//!
//! The address says what is shown ([`Query`]), and every control is a link or a form, so all of this works without
//! JavaScript. With it, one listener reads the same links ([`Picking::click`]) and answers from what is at hand: the
//! offers of the months seen so far and the next one, for every length, and the rules of the zones.

mod aside;
mod calendar;
mod field;
mod form;
mod shown;
mod times;
mod zones;

use super::{
    browser, format,
    html::{El, Html, el},
    query::Query,
};
use crate::{
    api::{
        AppError,
        public::{MonthOffer, Picker, PickerOf, Zones, load_month, load_picker, load_zones},
    },
    domain::{month::Month, zone::ZoneRules},
};
use chrono::{DateTime, NaiveDate};
use leptos::{ev, prelude::*, task::spawn_local, wasm_bindgen::JsCast, web_sys};
use leptos_router::hooks::use_navigate;
use shown::Shown;

/// What takes the page's middle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The month and the times of a day.
    Times,
    /// The list of zones.
    Zones,
    /// The form for the time that was chosen.
    Form,
}

/// The picker's state. Copied into whatever needs it.
#[derive(Debug, Clone, Copy)]
struct Picking {
    /// Whose times.
    of: StoredValue<PickerOf>,
    /// What the server sent with the page. What changes later is in the signals below.
    sent: StoredValue<Picker>,
    query: RwSignal<Query>,
    /// The zone shown, and the one to go back to when the address names none.
    zone: RwSignal<ZoneRules>,
    home_zone: StoredValue<ZoneRules>,
    zones: RwSignal<Zones>,
    hour12: RwSignal<bool>,
    offers: RwSignal<Vec<MonthOffer>>,
    /// The months that were asked for, so that none is asked for twice.
    asked: StoredValue<Vec<Month>>,
    /// Loading a month or the zones failed.
    trouble: RwSignal<bool>,
    /// The time that turned into *Confirm*.
    picked: RwSignal<Option<i64>>,
    /// Why the form was refused.
    refusal: RwSignal<Option<AppError>>,
    /// The form is on its way.
    pending: RwSignal<bool>,
    /// The page has come alive: JavaScript runs.
    live: RwSignal<bool>,
    /// What is read out.
    said: RwSignal<String>,
    /// The day that the arrow keys have reached.
    reached: RwSignal<Option<NaiveDate>>,
    /// What zones are searched for.
    find: RwSignal<String>,
    shown: Memo<Shown>,
    stage: Memo<Stage>,
    /// Has the form been opened?
    opened: Memo<bool>,
}

/// What the first view needs; the zones only when one is being picked.
pub type Loaded = (Picker, Zones);

/// Loads it.
pub async fn load(of: PickerOf, query: Query) -> Result<Loaded, AppError> {
    let month = query.month_asked().map(|month| month.to_string()).unwrap_or_default();
    let picker = load_picker(of, month, query.zone).await?;
    let zones = if query.pick { load_zones(picker.offer.month).await? } else { Zones::new() };
    Ok((picker, zones))
}

/// The page's title. After a refusal, that is the first thing that is read out.
pub fn title((picker, _): &Loaded) -> String {
    let refused = picker.echo.as_ref().is_some_and(|echo| echo.error.is_some());
    let verb = if picker.moving.is_some() { "Move" } else { "Book" };
    let error = if refused { "Error: " } else { "" };
    format!("{error}{verb} {} – {}", picker.service.name, picker.service.workspace.name)
}

/// The picker, whole.
pub fn view(of: PickerOf, mut query: Query, (picker, zones): Loaded) -> AnyView {
    if let Some(echo) = &picker.echo {
        let sent = |field: &str| echo.value(field).unwrap_or_default();
        query.start = sent("start").parse().ok().or(query.start);
        query.length = sent("length").parse().ok().or(query.length);
        if query.zone.is_empty() && sent("zone") == picker.zone.name() {
            query.zone = sent("zone").to_owned();
        }
    }
    if query.start.is_none() && query.month_asked().is_some_and(|month| month != picker.offer.month) {
        (query.month, query.day) = (Some(picker.offer.month), None);
    }
    let hour12 = query.hour12.unwrap_or(picker.hour12);
    let picking = Picking::new(of, query, picker, zones, hour12);
    picking.come_alive();
    let navigate = use_navigate();
    let submit = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        let navigate = navigate.clone();
        form::send(picking, &event, move |to| navigate(to, Default::default()));
    };
    let html: Box<dyn FnMut() -> Html + Send> = Box::new(move || whole(picking).into());
    view! {
        <div
            on:click=move |event| picking.click(&event) on:keydown=move |event| calendar::key(picking, &event)
            on:input=move |event| picking.input(&event) on:submit=submit
        >
            {html}
        </div>
    }
    .into_any()
}

fn whole(picking: Picking) -> El {
    let stage = picking.stage.get();
    let settled = stage == Stage::Form;
    // Once it has been opened the form stays, so that what was entered survives a look at other times. It stands first,
    // where nothing that comes and goes can take its place.
    let form = picking.opened.get().then(|| form::view(picking).flag("hidden", !settled));
    let middle = el("div").class("stage").child(form);
    let middle = match stage {
        Stage::Times => middle
            .child(picking.gone().then(|| {
                let words = "The time you chose is no longer available. Please choose another one.";
                el("p").class("notice").attr("role", "alert").child(words)
            }))
            .child(form::refusal_without_form(picking))
            .child(calendar::view(picking))
            .child(times::view(picking))
            .child(zones::bar(picking)),
        Stage::Zones => middle.child(zones::view(picking)),
        Stage::Form => middle,
    };
    el("div")
        .class("picker")
        .attr("data-stage", settled.then_some("form"))
        .child(aside::view(picking, stage))
        .child(middle)
        .child(el("p").class("sr-only").attr("role", "status").child(picking.said.get()))
}

impl Picking {
    fn new(of: PickerOf, query: Query, sent: Picker, zones: Zones, hour12: bool) -> Self {
        let first = sent.offer.month;
        let refusal = RwSignal::new(sent.echo.as_ref().and_then(|echo| echo.error.clone()));
        let zone = RwSignal::new(sent.zone.clone());
        let home_zone = StoredValue::new(sent.zone.clone());
        let mut offers = vec![sent.offer.clone()];
        if let (Some(AppError::SlotTaken { .. } | AppError::PastTime { .. }), Some(start)) =
            (refusal.get_untracked(), query.start)
        {
            shown::forget(&mut offers, start);
        }
        let offers = RwSignal::new(offers);
        let query = RwSignal::new(query);
        let sent = StoredValue::new(sent);
        let length_now = move || sent.with_value(|sent| query.with(|query| length_of(sent, query)));
        let shown = Memo::new(move |_| {
            let length = length_now();
            query.with(|query| {
                offers.with(|offers| zone.with(|zone| Shown::new(query, offers, zone, length, first)))
            })
        });
        let stage = Memo::new(move |_| {
            let length = length_now();
            query.with(|query| match query.start {
                _ if query.pick => Stage::Zones,
                Some(_) if refusal.with(Option::is_some) => Stage::Form,
                Some(start) if offers.with(|offers| shown::on_offer(offers, length, start)) => Stage::Form,
                _ => Stage::Times,
            })
        });
        let find = RwSignal::new(query.with_untracked(|query| query.find.clone()));
        Self {
            find,
            opened: Memo::new(move |before| before == Some(&true) || stage.get() == Stage::Form),
            of: StoredValue::new(of),
            sent,
            query,
            zone,
            home_zone,
            zones: RwSignal::new(zones),
            hour12: RwSignal::new(hour12),
            offers,
            asked: StoredValue::new(vec![first]),
            trouble: RwSignal::new(false),
            picked: RwSignal::new(None),
            refusal,
            pending: RwSignal::new(false),
            live: RwSignal::new(false),
            said: RwSignal::new(String::new()),
            reached: RwSignal::new(None),
            shown,
            stage,
        }
    }

    /// The length that is looked at, in minutes.
    fn length(self) -> u32 {
        self.sent.with_value(|sent| self.query.with(|query| length_of(sent, query)))
    }

    /// The first month that can have times: that of the server's clock.
    fn this_month(self) -> Month {
        Month::of(self.today())
    }

    fn today(self) -> NaiveDate {
        let now = self.sent.with_value(|sent| DateTime::from_timestamp(sent.now, 0)).unwrap_or_default();
        self.zone.with(|zone| zone.date(now))
    }

    /// The day of a start in the zone shown.
    fn date(self, start: i64) -> NaiveDate {
        self.zone.with(|zone| zone.date(format::at(start)))
    }

    /// "14:30" in the zone shown.
    fn clock(self, start: i64) -> String {
        format::clock(self.zone.with(|zone| zone.local(format::at(start))), self.hour12.get())
    }

    /// The address names a time that is not on offer.
    fn gone(self) -> bool {
        self.query.with(|query| query.start.is_some()) && self.stage.get() == Stage::Times
    }

    /// After hydration: the next month, the browser's zone, and steps back.
    fn come_alive(self) {
        Effect::new(move || {
            self.live.set(true);
            let home = browser::path();
            self.fetch(self.shown.get_untracked().month);
            self.detect_zone();
            let stepping = window_event_listener(ev::popstate, move |_| {
                if browser::path() == home {
                    self.enter(Query::parse(&browser::search()));
                }
            });
            on_cleanup(move || stepping.remove());
        });
    }

    /// A click on one of the page's own links: read it here instead of asking the server.
    fn click(self, event: &web_sys::MouseEvent) {
        let Some(link) = browser::own_link(event) else { return };
        event.prevent_default();
        let mut next = Query::parse(&link.get_attribute("href").unwrap_or_default());
        if link.class_list().contains("time") {
            self.picked.set(next.start);
            browser::focus("#confirm");
            return;
        }
        if let Some(hour12) = next.hour12.take() {
            browser::remember("clock", if hour12 { "12" } else { "24" });
            self.hour12.set(hour12);
        }
        let before = self.query.get_untracked();
        let (stage, month, day) = (self.stage.get_untracked(), before.month, before.day);
        // Steps that one would go back to are kept; choices within a step are not.
        let replace = before.pick
            || (next.pick == before.pick
                && next.start == before.start
                && next.day == day
                && next.month == month);
        if next.zone != before.zone {
            browser::remember("zone", &next.zone);
        }
        if next.start != before.start {
            self.refusal.set(None);
        }
        browser::set_address(&next.href(), replace);
        self.enter(next.clone());
        match (stage, self.stage.get_untracked()) {
            (Stage::Times, Stage::Times) => {
                self.said.set(self.shown.get_untracked().sentence());
                if next.day.is_some() && next.day != day {
                    browser::scroll_on_phones("#times");
                }
            }
            (Stage::Zones, Stage::Times | Stage::Form) => {
                let zone = self.zone.with_untracked(|zone| format::zone_name(zone.name()));
                self.said.set(format!("Times are shown in the zone {zone}."));
                browser::focus("#zone");
            }
            (_, Stage::Times) => browser::focus("#times-title"),
            (_, Stage::Form) => browser::focus("#form-title"),
            (_, Stage::Zones) => browser::focus("#find"),
        }
    }

    /// Something was entered: into the search for zones, or one of the times that are offered instead of a lost one.
    fn input(self, event: &web_sys::Event) {
        let Some(input) =
            event.target().and_then(|target| target.dyn_into::<web_sys::HtmlInputElement>().ok())
        else {
            return;
        };
        if input.id() == "find" {
            self.find.set(input.value());
        } else if let Some(start) = input.value().parse().ok().filter(|_| input.name() == "start") {
            let query = self.query.with_untracked(|query| query.to_start(start));
            browser::set_address(&query.href(), true);
            self.enter(query);
        }
    }

    /// Shows what the address says now.
    fn enter(self, query: Query) {
        self.picked.set(None);
        self.reached.set(None);
        self.trouble.set(false);
        let known =
            self.zones.with_untracked(|zones| zones.iter().find(|zone| zone.name() == query.zone).cloned());
        let home = self.home_zone.get_value();
        match known {
            _ if query.zone.is_empty() || query.zone == home.name() => self.zone.set(home),
            Some(zone) => self.zone.set(zone),
            None => {}
        }
        let pick = query.pick;
        self.find.set(query.find.clone());
        self.query.set(query);
        self.fetch(self.shown.get_untracked().month);
        if pick {
            self.fetch_zones();
        }
    }

    /// Gets a month that is not at hand, and the one after it.
    fn fetch(self, month: Month) {
        for month in [month, month.next()] {
            if !self.asked.with_value(|asked| asked.contains(&month)) {
                self.asked.update_value(|asked| asked.push(month));
                self.refresh(month);
            }
        }
    }

    /// Gets a month, whether it is at hand or not.
    fn refresh(self, month: Month) {
        let of = self.of.get_value();
        spawn_local(async move {
            let answer = load_month(of, month).await;
            if let Ok(offer) = answer {
                self.offers.try_update(|offers| {
                    offers.retain(|known| known.month != month);
                    offers.push(offer);
                });
                let waiting = self.shown.try_get_untracked().filter(|shown| shown.month == month);
                if let Some(shown) = waiting.filter(|_| self.stage.try_get_untracked() == Some(Stage::Times))
                {
                    self.said.try_update(|said| {
                        if said.starts_with("Loading") {
                            *said = shown.sentence();
                        }
                    });
                }
            } else {
                self.asked.try_update_value(|asked| asked.retain(|known| *known != month));
                self.trouble.try_set(true);
            }
        });
    }

    fn fetch_zones(self) {
        if self.zones.with_untracked(|zones| zones.len() > 1) {
            return;
        }
        let month = self.shown.get_untracked().month;
        spawn_local(async move {
            match load_zones(month).await {
                Ok(zones) => drop(self.zones.try_set(zones)),
                Err(_) => drop(self.trouble.try_set(true)),
            }
        });
    }

    /// The server chose the zone because nobody else did: the browser knows better, once.
    fn detect_zone(self) {
        let chosen = self.sent.with_value(|sent| sent.zone_chosen);
        if chosen || self.query.with_untracked(|query| !query.zone.is_empty()) {
            return;
        }
        let Some(zone) = browser::zone() else { return };
        if self.home_zone.with_value(|home| home.name() == zone) {
            browser::remember("zone", &zone);
            return;
        }
        let (of, month) = (self.of.get_value(), self.shown.get_untracked().month);
        spawn_local(async move {
            let Ok(answer) = load_picker(of, month.to_string(), zone).await else { return };
            let named = self.query.try_with_untracked(|query| !query.zone.is_empty());
            if answer.zone_chosen && named == Some(false) {
                browser::remember("zone", answer.zone.name());
                self.home_zone.set_value(answer.zone.clone());
                self.zone.set(answer.zone);
            }
        });
    }
}

fn length_of(picker: &Picker, query: &Query) -> u32 {
    match &picker.moving {
        Some(moving) => moving.length,
        None => {
            let service = &picker.service;
            query.length.filter(|length| service.lengths.contains(length)).unwrap_or(service.default_length)
        }
    }
}
