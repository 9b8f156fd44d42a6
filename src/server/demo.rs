//! The demo: a small studio whose services show what can be set.

use super::{
    context::Context,
    ids, passwords,
    store::{event_types, workspaces},
    use_cases::{
        book,
        plan::{Address, Plan},
        set_up::{add_member, office_hours, plain_rules},
    },
};
use crate::{
    api::{AppError, public::BookInput},
    domain::{
        assignment::Assignment,
        event_type::{Approval, ChangePolicy, EventTypeRules, Location, Price, RemindWhom, Reminder},
        ids::{EventTypeId, MemberId, ScheduleId, WorkspaceId},
        questions::{Question, QuestionKind},
        schedule::{Schedule, WeeklyHours, Window},
        slots::{BookingWindow, Limit, Limits},
        text::{EmailAddress, Name, Slug},
    },
};
use chrono::{DateTime, TimeDelta, Utc};

/// The demo's workspace.
pub const WORKSPACE: &str = "demo";
/// Who signs in.
pub const EMAIL: &str = "ada@demo.example";
/// With what. Only shown, and only useful, where the demo was asked for.
pub const PASSWORD: &str = "meridian-demo";

/// One service of the demo.
struct Offered {
    slug: &'static str,
    name: &'static str,
    description: &'static str,
    visibility: &'static str,
    active: bool,
    /// Positions in the list of members.
    hosts: &'static [usize],
    rules: EventTypeRules,
}

fn question(
    key: &str,
    label: &str,
    kind: QuestionKind,
    required: bool,
    options: &[&str],
    help: &str,
) -> Question {
    Question {
        key: key.into(),
        label: label.into(),
        kind,
        required,
        options: options.iter().map(|option| (*option).into()).collect(),
        help: help.into(),
    }
}

fn every_question() -> Vec<Question> {
    use QuestionKind::{Checkbox, Choice, Choices, Email, LongText, Number, Phone, ShortText};
    vec![
        question("topic", "What is it about?", ShortText, true, &[], "A few words are enough."),
        question("background", "What should we know beforehand?", LongText, false, &[], ""),
        question("assistant", "Your assistant's e-mail address", Email, false, &[], ""),
        question("mobile", "A number to reach you on the day", Phone, false, &[], ""),
        question("people", "How many of you will come?", Number, false, &[], ""),
        question("first", "Have we met before?", Choice, true, &["No, it's the first time", "Yes"], ""),
        question(
            "interests",
            "What are you interested in?",
            Choices,
            false,
            &["Strategy", "Design", "Engineering"],
            "",
        ),
        question("terms", "I have read the house rules", Checkbox, true, &[], ""),
    ]
}

fn services() -> Vec<Offered> {
    let plain = |lengths: &[u32]| EventTypeRules {
        location: Location::Video { url: "https://meet.example/studio".into() },
        ..plain_rules(lengths)
    };
    let mut consultation = EventTypeRules {
        default_length: 60,
        questions: every_question(),
        location: Location::InPerson { address: "Studio Meridian, Lindenstraße 12, 10969 Berlin".into() },
        price: Some(Price { minor: 9000, currency: "EUR".into() }),
        guests: 3,
        policy: ChangePolicy { cancel_until: Some(24 * 60), move_until: Some(24 * 60) },
        ..plain(&[30, 60, 90])
    };
    consultation.slots.buffer_before = 15;
    consultation.slots.buffer_after = 15;
    consultation.slots.interval = Some(30);
    consultation.slots.fill_gaps = true;
    let mut workshop = plain(&[90]);
    workshop.slots.seats = 8;
    workshop.slots.limits = Limits { day: Limit { count: Some(2), minutes: None }, ..Limits::default() };
    workshop.location =
        Location::InPerson { address: "Studio Meridian, Lindenstraße 12, 10969 Berlin".into() };
    workshop.price = Some(Price { minor: 3500, currency: "EUR".into() });
    let mut all_hands = EventTypeRules { assignment: Assignment::AllHands, guests: 5, ..plain(&[60]) };
    all_hands.slots.window = BookingWindow::BusinessDays(30);
    let mut anytime = EventTypeRules { assignment: Assignment::Collective, ..plain(&[15, 30]) };
    anytime.slots.notice = 0;
    let mut visit = plain(&[60]);
    visit.approval = Some(Approval { hold_minutes: 2 * 24 * 60 });
    visit.location = Location::InPerson { address: "At your place, in Berlin".into() };
    visit.reminders = [24 * 60, 120].map(|minutes| Reminder { minutes, to: RemindWhom::Both }).to_vec();
    let mut first = plain(&[45]);
    first.verify_email = true;
    first.mail.paragraph = "Dear {{first_name}}, please bring whatever shows what you have in mind.".into();
    let offered = |slug, name, description, hosts, rules| Offered {
        slug,
        name,
        description,
        visibility: "listed",
        active: true,
        hosts,
        rules,
    };
    vec![
        offered(
            "team-call",
            "Talk to the team",
            "Whoever is free next calls you. Good for a first question.",
            &[0, 1, 2],
            plain(&[30]),
        ),
        offered(
            "project-review",
            "Project review",
            "Everyone at one table: what was done, what comes next.",
            &[0, 1, 2],
            all_hands,
        ),
        offered(
            "quick-help",
            "Quick help",
            "Something doesn't work? The first of us who is free helps.",
            &[1, 2],
            anytime,
        ),
        offered(
            "intro",
            "Introduction",
            "Half an hour on the phone to get to know each other.",
            &[0],
            EventTypeRules { location: Location::Phone, ..plain(&[30]) },
        ),
        offered(
            "consultation",
            "Consultation",
            "In the studio, with coffee. Please prepare what you would like to talk about.",
            &[0],
            consultation,
        ),
        offered(
            "workshop",
            "Drawing workshop",
            "Up to eight people draw together. Paper and pencils are there.",
            &[1],
            workshop,
        ),
        offered(
            "site-visit",
            "Site visit",
            "We come to you. Someone looks at your request first, within two days.",
            &[2],
            visit,
        ),
        offered(
            "first-visit",
            "First visit",
            "For those whom we have not met. We check your e-mail address before we set the time aside.",
            &[1],
            first,
        ),
        Offered {
            visibility: "hidden",
            ..offered("partner-review", "Partner review", "For partners.", &[2], plain(&[45]))
        },
        Offered {
            visibility: "private",
            ..offered("board", "Board meeting", "For members of the board.", &[0], plain(&[120]))
        },
        Offered {
            active: false,
            ..offered("summer-course", "Summer course", "Back next year.", &[1], plain(&[60]))
        },
    ]
}

fn window(from: u16, until: u16) -> Vec<Window> {
    Window::new(from * 60, until * 60).into_iter().collect()
}

fn members() -> [(&'static str, &'static str, Schedule); 3] {
    let with = |weekly| Schedule { weekly, overrides: Default::default() };
    let lunch = [window(8, 12), window(13, 16)].concat();
    [
        ("Ada Sommer", EMAIL, office_hours()),
        ("Ben Okafor", "ben@demo.example", with(WeeklyHours::weekdays(lunch))),
        (
            "Chloé Martin",
            "chloe@demo.example",
            with(WeeklyHours::new([
                window(10, 18),
                window(10, 18),
                Vec::new(),
                window(10, 18),
                window(10, 18),
                window(10, 14),
                Vec::new(),
            ])),
        ),
    ]
}

fn fault(what: impl std::fmt::Display) -> AppError {
    tracing::error!(%what, "the demo could not be made");
    AppError::Internal
}

/// Fills an empty database. Returns `false`, and changes nothing, when there is a workspace already.
pub async fn fill(context: &Context, now: DateTime<Utc>) -> Result<bool, AppError> {
    let password_hash = passwords::hash(PASSWORD.into()).await.map_err(fault)?;
    let mut conn = context.db.write().await?;
    workspaces::lock(&mut conn).await?;
    if workspaces::count(&mut conn).await? > 0 {
        return Ok(false);
    }
    let workspace: WorkspaceId = ids::new(now)?;
    let new = workspaces::NewWorkspace {
        id: &workspace,
        slug: &Slug::parse(WORKSPACE).map_err(fault)?,
        name: &Name::parse("Studio Meridian").map_err(fault)?,
        intro: "We design and build things with you. Choose what you would like to talk about, and a time that suits you.",
        zone: "Europe/Berlin",
    };
    workspaces::insert(&mut conn, &new, now).await?;
    let mut hosts: Vec<(MemberId, ScheduleId)> = Vec::new();
    for (index, (name, email, hours)) in members().into_iter().enumerate() {
        let (name, email) = (Name::parse(name).map_err(fault)?, EmailAddress::parse(email).map_err(fault)?);
        let role = if index == 0 { "admin" } else { "staff" };
        let zone = "Europe/Berlin";
        hosts.push(
            add_member(&mut conn, &workspace, &email, &name, &password_hash, role, zone, &hours, now).await?,
        );
    }
    for (position, offered) in (1..).zip(services()) {
        let event_type: EventTypeId = ids::new(now)?;
        let new = event_types::NewEventType {
            id: &event_type,
            workspace: &workspace,
            slug: &Slug::parse(offered.slug).map_err(fault)?,
            name: &Name::parse(offered.name).map_err(fault)?,
            description: offered.description,
            visibility: offered.visibility,
            active: offered.active,
            position,
            rules: &offered.rules,
        };
        event_types::insert(&mut conn, &new, now).await?;
        for (position, (member, schedule)) in
            (1..).zip(offered.hosts.iter().filter_map(|index| hosts.get(*index)))
        {
            let host = event_types::NewHost {
                event_type: &event_type,
                member,
                workspace: &workspace,
                schedule,
                position,
                required: true,
                weight: 1,
                priority: 10 - position,
            };
            event_types::insert_host(&mut conn, &host).await?;
        }
    }
    conn.commit().await?;
    for (service, name, email, skip) in [
        ("intro", "Grace Hopper", "grace@customer.example", 2),
        ("team-call", "Alan Kay", "alan@customer.example", 5),
        ("workshop", "Mary Shelley", "mary@customer.example", 1),
        ("workshop", "Jules Verne", "jules@customer.example", 1),
        ("project-review", "Edsger Dijkstra", "edsger@customer.example", 9),
        ("site-visit", "Ida Rhodes", "ida@customer.example", 3),
    ] {
        book_ahead(context, service, name, email, skip, now).await?;
    }
    Ok(true)
}

/// Books a free time some slots ahead, as a customer would.
async fn book_ahead(
    context: &Context,
    service: &str,
    name: &str,
    email: &str,
    skip: usize,
    now: DateTime<Utc>,
) -> Result<(), AppError> {
    let address = Address::Link { workspace: WORKSPACE, service, key: "" };
    let mut conn = context.db.read().await?;
    let plan = Plan::load(&mut conn, &context.secret, address).await?;
    let length = plan.rules.default_length;
    let ahead = crate::domain::interval::Interval::new(now + TimeDelta::days(1), now + TimeDelta::days(21));
    let Some(range) = ahead else { return Ok(()) };
    let offers = plan.offers(&mut conn, range, &[length], "", now).await?;
    drop(conn);
    let Some(start) = offers.first().and_then(|offer| offer.starts().nth(skip)) else { return Ok(()) };
    let input = BookInput {
        start: start.timestamp().div_euclid(60),
        length,
        zone: "Europe/Berlin".into(),
        name: name.into(),
        email: email.into(),
        phone: "+49 30 1234567".into(),
        ..BookInput::default()
    };
    book::book(context, address, &input, now).await?;
    Ok(())
}
