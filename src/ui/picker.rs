//! Choosing a time: the heart of the booking page, and of moving an appointment.
//!
//! The address says what is shown ([`Query`]), and every control is a link or a form, so all of this works without
//! JavaScript. With it, one listener reads the same links ([`Picking::click`]) and answers from what is at hand: the
//! offers of the months seen so far and the next one, for every length, and the rules of the zones.
//!
//! All that can change is in one [`State`], in one signal; what is shown is a pure function of it.

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
    page::{Page, page},
    query::Query,
};
use crate::{
    api::{
        AppError,
        public::{MonthOffer, Picker, PickerOf, Zones, load_month, load_picker, load_zones},
    },
    domain::{month::Month, zone::ZoneRules},
};
use chrono::{DateTime, NaiveDate, Utc};
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

/// The picker as it stands.
#[derive(Debug)]
struct State {
    /// Whose times.
    of: PickerOf,
    /// What the server sent with the page. What changes later is below.
    sent: Picker,
    query: Query,
    /// The zone shown, and the one to go back to when the address names none.
    zone: ZoneRules,
    home_zone: ZoneRules,
    zones: Zones,
    hour12: bool,
    offers: Vec<MonthOffer>,
    /// The months that were asked for, so that none is asked for twice.
    asked: Vec<Month>,
    /// Loading a month or the zones failed.
    trouble: bool,
    /// The time that turned into *Confirm*.
    picked: Option<i64>,
    /// Why the form was refused.
    refusal: Option<AppError>,
    /// The form is on its way.
    pending: bool,
    /// Once it has been opened the form stays, so that what was entered survives a look at other times.
    opened: bool,
    /// The page has come alive: JavaScript runs.
    live: bool,
    /// What is read out.
    said: String,
    /// The day that the arrow keys have reached.
    reached: Option<NaiveDate>,
    /// What zones are searched for.
    find: String,
}

/// The state, and what follows from it.
#[derive(Debug)]
struct View<'a> {
    state: &'a State,
    shown: Shown,
    stage: Stage,
    length: u32,
}

/// What the first view needs; the zones only when one is being picked.
type Loaded = (Picker, Zones);

/// `/book/{workspace}/{service}`.
#[component]
pub fn Book() -> impl IntoView {
    page(|param, query| {
        let key = query.prefilled("key").next().unwrap_or_default().to_owned();
        PickerOf::Service { workspace: param("workspace"), service: param("service"), key }
    })
}

/// `/appointment/{token}/move`.
#[component]
pub fn Move() -> impl IntoView {
    page(|param, _| PickerOf::Appointment { token: param("token") })
}

impl Page for PickerOf {
    type Data = Loaded;

    async fn load(self, query: Query) -> Result<Loaded, AppError> {
        let month = query.month_asked().map(|month| month.to_string()).unwrap_or_default();
        let picker = load_picker(self, month, query.zone).await?;
        let zones = if query.pick { load_zones(picker.offer.month).await? } else { Zones::new() };
        Ok((picker, zones))
    }

    fn show(self, query: Query, loaded: Loaded) -> (String, AnyView) {
        let title = title(&loaded.0);
        (title, view(Picking(RwSignal::new(State::new(self, query, loaded)))))
    }

    fn way_on(self, error: &AppError) -> Option<(String, &'static str)> {
        match (self, error) {
            (Self::Service { workspace, .. }, AppError::UnknownService | AppError::ServiceClosed) => {
                Some((format!("/book/{workspace}"), "See all services"))
            }
            (Self::Appointment { token }, AppError::CantChange { .. } | AppError::ServiceClosed) => {
                Some((format!("/appointment/{token}"), "Back to the appointment"))
            }
            _ => None,
        }
    }

    fn is_secret(&self) -> bool {
        matches!(self, Self::Appointment { .. })
    }
}

/// The page's title. After a refusal, that is the first thing that is read out.
fn title(picker: &Picker) -> String {
    let refused = picker.echo.as_ref().is_some_and(|echo| echo.error.is_some());
    let verb = if picker.moving.is_some() { "Move" } else { "Book" };
    let error = if refused { "Error: " } else { "" };
    format!("{error}{verb} {} – {}", picker.service.name, picker.service.workspace.name)
}

/// The picker, whole, and who listens to it.
fn view(picking: Picking) -> AnyView {
    picking.come_alive();
    let navigate = use_navigate();
    let submit = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        let navigate = navigate.clone();
        form::send(picking, &event, Box::new(move |to| navigate(to, Default::default())));
    };
    let html: Box<dyn FnMut() -> Html + Send> = Box::new(move || picking.0.read().view().whole().into());
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

impl View<'_> {
    fn whole(&self) -> El {
        let settled = self.stage == Stage::Form;
        // The form stands first, where nothing that comes and goes can take its place.
        let form = self.state.opened.then(|| form::view(self).flag("hidden", !settled));
        let middle = el("div").class("stage").child(form);
        let middle = match self.stage {
            Stage::Times => {
                let gone = self.state.query.start.is_some().then(|| {
                    let words = "The time you chose is no longer available. Please choose another one.";
                    el("p").class("notice").attr("role", "alert").child(words)
                });
                middle
                    .child(gone)
                    .child(form::refusal_without_form(self.state))
                    .child(calendar::view(self))
                    .child(times::view(self))
                    .child(zones::bar(self))
            }
            Stage::Zones => middle.child(zones::view(self)),
            Stage::Form => middle,
        };
        el("div")
            .class("picker")
            .attr("data-stage", settled.then_some("form"))
            .child(aside::view(self))
            .child(middle)
            .child(el("p").class("sr-only").attr("role", "status").child(self.state.said.clone()))
    }
}

impl State {
    fn new(of: PickerOf, mut query: Query, (sent, zones): Loaded) -> Self {
        if let Some(echo) = &sent.echo {
            let value = |field: &str| echo.value(field).unwrap_or_default();
            query.start = value("start").parse().ok().or(query.start);
            query.length = value("length").parse().ok().or(query.length);
            if query.zone.is_empty() && value("zone") == sent.zone.name() {
                query.zone = value("zone").to_owned();
            }
        }
        let month = sent.offer.month;
        if query.start.is_none() && query.month_asked().is_some_and(|asked| asked != month) {
            (query.month, query.day) = (Some(month), None);
        }
        let refusal = sent.echo.as_ref().and_then(|echo| echo.error.clone());
        let mut state = Self {
            of,
            zone: sent.zone.clone(),
            home_zone: sent.zone.clone(),
            zones,
            hour12: query.hour12.unwrap_or(sent.hour12),
            offers: vec![sent.offer.clone()],
            asked: vec![month],
            trouble: false,
            picked: None,
            refusal,
            pending: false,
            opened: false,
            live: false,
            said: String::new(),
            reached: None,
            find: query.find.clone(),
            query,
            sent,
        };
        if let (Some(AppError::SlotTaken { .. } | AppError::PastTime { .. }), Some(start)) =
            (&state.refusal, state.query.start)
        {
            shown::forget(&mut state.offers, start);
        }
        state.opened = state.stage() == Stage::Form;
        state
    }

    fn view(&self) -> View<'_> {
        View { state: self, shown: self.shown(), stage: self.stage(), length: self.length() }
    }

    fn shown(&self) -> Shown {
        Shown::new(&self.query, &self.offers, &self.zone, self.length(), self.sent.offer.month)
    }

    fn stage(&self) -> Stage {
        match self.query.start {
            _ if self.query.pick => Stage::Zones,
            Some(_) if self.refusal.is_some() => Stage::Form,
            Some(start) if shown::on_offer(&self.offers, self.length(), start) => Stage::Form,
            _ => Stage::Times,
        }
    }

    /// The length that is looked at, in minutes.
    fn length(&self) -> u32 {
        match &self.sent.moving {
            Some(moving) => moving.length,
            None => {
                let service = &self.sent.service;
                let asked = self.query.length.filter(|length| service.lengths.contains(length));
                asked.unwrap_or(service.default_length)
            }
        }
    }

    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp(self.sent.now, 0).unwrap_or_default()
    }

    fn today(&self) -> NaiveDate {
        self.zone.date(self.now())
    }

    /// The first month that can have times: that of the server's clock.
    fn this_month(&self) -> Month {
        Month::of(self.today())
    }

    /// The day of a start in the zone shown.
    fn date(&self, start: i64) -> NaiveDate {
        self.zone.date(format::at(start))
    }

    /// "14:30" in the zone shown.
    fn clock(&self, start: i64) -> String {
        format::clock(self.zone.local(format::at(start)), self.hour12)
    }

    /// Shows what the address says now.
    fn enter(&mut self, query: Query) {
        self.picked = None;
        self.reached = None;
        self.trouble = false;
        let known = self.zones.iter().find(|zone| zone.name() == query.zone);
        match known {
            _ if query.zone.is_empty() || query.zone == self.home_zone.name() => {
                self.zone = self.home_zone.clone()
            }
            Some(zone) => self.zone = zone.clone(),
            None => {}
        }
        self.find.clone_from(&query.find);
        self.query = query;
        self.opened |= self.stage() == Stage::Form;
    }
}

/// The picker's state, where pages and answers of the server find it.
#[derive(Debug, Clone, Copy)]
struct Picking(RwSignal<State>);

impl Picking {
    /// After hydration: the next month, the browser's zone, and steps back.
    fn come_alive(self) {
        Effect::new(move || {
            self.0.write_untracked().live = true;
            let home = browser::path();
            self.fetch();
            self.detect_zone();
            self.0.notify();
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
            self.0.write().picked = next.start;
            browser::focus("#confirm");
            return;
        }
        let mut state = self.0.write();
        if let Some(hour12) = next.hour12.take() {
            browser::remember("clock", if hour12 { "12" } else { "24" });
            state.hour12 = hour12;
        }
        let (stage, before) = (state.stage(), state.query.clone());
        if next.zone != before.zone {
            browser::remember("zone", &next.zone);
        }
        if next.start != before.start {
            state.refusal = None;
        }
        drop(state);
        // Steps that one would go back to are kept; choices within a step are not.
        let same = |query: &Query| (query.pick, query.start, query.day, query.month);
        browser::set_address(&next.href(), before.pick || same(&next) == same(&before));
        let day = next.day;
        self.enter(next);
        let mut state = self.0.write();
        match (stage, state.stage()) {
            (Stage::Times, Stage::Times) => {
                state.said = state.shown().sentence();
                if day.is_some() && day != before.day {
                    browser::scroll_on_phones("#times");
                }
            }
            (Stage::Zones, Stage::Times | Stage::Form) => {
                state.said = format!("Times are shown in the zone {}.", format::zone_name(state.zone.name()));
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
            self.0.write().find = input.value();
        } else if let Some(start) = input.value().parse().ok().filter(|_| input.name() == "start") {
            let query = self.0.read_untracked().query.to_start(start);
            browser::set_address(&query.href(), true);
            self.enter(query);
        }
    }

    /// Shows what the address says now, and gets what that needs.
    fn enter(self, query: Query) {
        let pick = query.pick;
        self.0.write().enter(query);
        self.fetch();
        if pick {
            self.fetch_zones();
        }
    }

    /// Gets the month shown if it is not at hand, and the one after it.
    fn fetch(self) {
        let month = self.0.read_untracked().shown().month;
        for month in [month, month.next()] {
            let mut state = self.0.write_untracked();
            if !state.asked.contains(&month) {
                state.asked.push(month);
                drop(state);
                self.refresh(month);
            }
        }
    }

    /// Gets a month, whether it is at hand or not.
    fn refresh(self, month: Month) {
        let of = self.0.read_untracked().of.clone();
        spawn_local(async move {
            let answer = load_month(of, month).await;
            // The page may be gone by now.
            let Some(mut state) = self.0.try_write() else { return };
            match answer {
                Ok(offer) => {
                    state.offers.retain(|known| known.month != month);
                    state.offers.push(offer);
                    let shown = state.shown();
                    if shown.month == month && state.said.starts_with("Loading") {
                        state.said = shown.sentence();
                    }
                }
                Err(_) => {
                    state.asked.retain(|known| *known != month);
                    state.trouble = true;
                }
            }
        });
    }

    fn fetch_zones(self) {
        let state = self.0.read_untracked();
        if state.zones.len() > 1 {
            return;
        }
        let month = state.shown().month;
        spawn_local(async move {
            let answer = load_zones(month).await;
            let Some(mut state) = self.0.try_write() else { return };
            match answer {
                Ok(zones) => state.zones = zones,
                Err(_) => state.trouble = true,
            }
        });
    }

    /// The server chose the zone because nobody else did: the browser knows better, once.
    fn detect_zone(self) {
        let state = self.0.read_untracked();
        if state.sent.zone_chosen || !state.query.zone.is_empty() {
            return;
        }
        let Some(zone) = browser::zone() else { return };
        if state.home_zone.name() == zone {
            browser::remember("zone", &zone);
            return;
        }
        let (of, month) = (state.of.clone(), state.shown().month);
        spawn_local(async move {
            let Ok(answer) = load_picker(of, month.to_string(), zone).await else { return };
            let Some(mut state) = self.0.try_write() else { return };
            if answer.zone_chosen && state.query.zone.is_empty() {
                browser::remember("zone", answer.zone.name());
                state.home_zone = answer.zone.clone();
                state.zone = answer.zone;
            }
        });
    }
}
