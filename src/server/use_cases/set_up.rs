//! The first visit: a workspace, its admin, their hours, and a first event type, in one transaction.

use super::note;
use crate::{
    api::AppError,
    domain::{
        appointment::UnknownWord,
        assignment::Assignment,
        event_type::{ChangePolicy, EventTypeRules, Location, MailTexts, RemindWhom, Reminder},
        ids::{EventTypeId, MemberId, ScheduleId, UserId, WorkspaceId},
        questions::FieldError,
        schedule::{Schedule, WeeklyHours, Window},
        slots::{BookingWindow, SlotRules},
        text::{EmailAddress, Name, Slug},
    },
    server::{
        context::Context,
        crypto, ids, passwords,
        store::{Conn, StoreError, event_types, members, workspaces},
        zones,
    },
};
use chrono::{DateTime, Utc};

/// The form of the set-up page, as it was sent.
#[derive(Debug, Clone, Default)]
pub struct SetUpForm {
    /// The workspace's name.
    pub workspace: String,
    /// Its part of the address; made from the name when empty.
    pub slug: String,
    /// The admin's name.
    pub name: String,
    /// The admin's address.
    pub email: String,
    /// The admin's password.
    pub password: String,
    /// The zone that hours are meant in.
    pub zone: String,
    /// Days of the week with hours: `mon` … `sun`.
    pub days: Vec<String>,
    /// From, `HH:MM`.
    pub from: String,
    /// Until, `HH:MM`.
    pub until: String,
    /// The first event type's name.
    pub service: String,
    /// Its length in minutes.
    pub length: String,
    /// The set-up code, where one is asked for.
    pub code: String,
}

/// Must whoever sets the server up know the code from its log? Yes, unless only this machine can reach it: a server
/// behind a proxy listens on loopback too, but has a public address.
pub fn needs_code(context: &Context) -> bool {
    !(context.config.listen.ip().is_loopback() && context.config.is_local())
}

/// The rules of a new event type: sensible for most, to be changed later.
pub fn plain_rules(lengths: &[u32]) -> EventTypeRules {
    let default_length = lengths.first().copied().unwrap_or(30);
    EventTypeRules {
        lengths: lengths.to_vec(),
        default_length,
        slots: SlotRules {
            notice: 4 * 3600,
            window: BookingWindow::CalendarDays(60),
            ..SlotRules::default()
        },
        assignment: Assignment::RoundRobin,
        questions: Vec::new(),
        location: Location::Phone,
        price: None,
        guests: 0,
        policy: ChangePolicy { cancel_until: Some(0), move_until: Some(0) },
        reminders: vec![Reminder { minutes: 24 * 60, to: RemindWhom::Invitee }],
        approval: None,
        verify_email: false,
        mail: MailTexts::default(),
    }
}

/// Minutes after midnight; `24:00` is the end of the day.
fn time_of_day(text: &str) -> Result<u16, String> {
    let help = || "Please enter a time such as 09:00.".to_owned();
    let (hours, minutes) = text.trim().split_once(':').ok_or_else(help)?;
    let hours: u16 = hours.parse().map_err(|_| help())?;
    let minutes: u16 = minutes.parse().map_err(|_| help())?;
    if minutes > 59 || hours * 60 + minutes > 24 * 60 { Err(help()) } else { Ok(hours * 60 + minutes) }
}

fn weekly(days: &[String], window: Window) -> Result<WeeklyHours, UnknownWord> {
    const WORDS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    if !days.iter().all(|day| WORDS.contains(&day.as_str())) {
        return Err(UnknownWord);
    }
    Ok(WeeklyHours::new(
        WORDS.map(|word| if days.iter().any(|day| day == word) { vec![window] } else { Vec::new() }),
    ))
}

struct Checked {
    workspace: Name,
    slug: Slug,
    name: Name,
    email: EmailAddress,
    zone: String,
    hours: Schedule,
    service: Name,
    length: u32,
}

fn check(form: &SetUpForm) -> Result<Checked, AppError> {
    let mut errors = Vec::new();
    fn take<T>(errors: &mut Vec<FieldError>, field: &str, result: Result<T, String>) -> Option<T> {
        result.map_err(|message| errors.push(FieldError::new(field, message))).ok()
    }
    let workspace = take(&mut errors, "workspace", Name::parse(&form.workspace).map_err(|e| e.0));
    let slug = match form.slug.trim() {
        "" => Ok(Slug::from_name(&form.workspace)),
        slug => Slug::parse(slug).map_err(|e| e.0),
    };
    let slug = take(&mut errors, "slug", slug);
    let name = take(&mut errors, "name", Name::parse(&form.name).map_err(|e| e.0));
    let email = take(&mut errors, "email", EmailAddress::parse(&form.email).map_err(|e| e.0));
    check_password(&form.password)
        .unwrap_or_else(|message| errors.push(FieldError::new("password", message)));
    let zone = zones::rules(&form.zone).map(|_| form.zone.clone());
    let zone =
        take(&mut errors, "zone", zone.ok_or_else(|| "Please choose a time zone from the list.".to_owned()));
    let from = take(&mut errors, "from", time_of_day(&form.from));
    let until = take(&mut errors, "until", time_of_day(&form.until));
    let window = match (from, until) {
        (Some(from), Some(until)) => Window::new(from, until)
            .filter(|window| !window.is_empty())
            .ok_or_else(|| "The end must differ from the start.".to_owned()),
        _ => Err(String::new()),
    };
    let hours = match window {
        Ok(_) if form.days.is_empty() => Err(("days", "Please choose at least one day.".to_owned())),
        Ok(window) => {
            weekly(&form.days, window).map_err(|_| ("days", "Please choose days from the list.".to_owned()))
        }
        Err(message) => Err(("until", message)),
    };
    let hours = match hours {
        Ok(hours) => Some(hours),
        Err((field, message)) => {
            if !message.is_empty() {
                errors.push(FieldError::new(field, message));
            }
            None
        }
    };
    let service = take(&mut errors, "service", Name::parse(&form.service).map_err(|e| e.0));
    let length = form.length.trim().parse().ok().filter(|length| (5..=720).contains(length));
    let length =
        take(&mut errors, "length", length.ok_or_else(|| "Please enter 5 to 720 minutes.".to_owned()));
    match (workspace, slug, name, email, zone, hours, service, length) {
        (
            Some(workspace),
            Some(slug),
            Some(name),
            Some(email),
            Some(zone),
            Some(weekly),
            Some(service),
            Some(length),
        ) if errors.is_empty() => {
            let hours = Schedule { weekly, overrides: Default::default() };
            Ok(Checked { workspace, slug, name, email, zone, hours, service, length })
        }
        _ => Err(AppError::Invalid { fields: errors }),
    }
}

/// Is this a password that we take?
pub fn check_password(password: &str) -> Result<(), String> {
    let characters = password.chars().count();
    if characters < passwords::FEWEST {
        Err(format!("Please use at least {} characters; a few words are fine.", passwords::FEWEST))
    } else if password.len() > passwords::MOST {
        Err(format!("Please use at most {} characters.", passwords::MOST))
    } else {
        Ok(())
    }
}

/// A new admin of a new workspace.
#[derive(Debug)]
pub(crate) struct Founder {
    pub workspace: WorkspaceId,
    pub member: MemberId,
}

/// Makes a user, their membership, and their schedule.
#[expect(clippy::too_many_arguments, reason = "what a member is made of")]
pub(crate) async fn add_member(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    email: &EmailAddress,
    name: &Name,
    password_hash: &str,
    role: &str,
    zone: &str,
    hours: &Schedule,
    now: DateTime<Utc>,
) -> Result<(MemberId, ScheduleId), StoreError> {
    let (user, member, schedule): (UserId, MemberId, ScheduleId) =
        (ids::new(now)?, ids::new(now)?, ids::new(now)?);
    members::insert_user(conn, &user, email, name, password_hash, now).await?;
    members::insert_member(conn, &member, workspace, &user, role, name, now).await?;
    event_types::insert_schedule(conn, &schedule, workspace, &member, "Working hours", zone, hours, now)
        .await?;
    Ok((member, schedule))
}

/// Sets an empty server up. Returns the path of the new booking page and a session's token for the admin.
pub async fn set_up(
    context: &Context,
    form: &SetUpForm,
    now: DateTime<Utc>,
) -> Result<(String, String), AppError> {
    if needs_code(context) && !crypto::same(form.code.trim(), &context.secret.set_up_code()) {
        return Err(AppError::field(
            "code",
            "This is not the code. The server printed it to its log when it started.",
        ));
    }
    let checked = check(form)?;
    let password_hash = passwords::hash(form.password.clone()).await.map_err(|error| {
        tracing::error!(%error, "set-up failed");
        AppError::Internal
    })?;
    let mut conn = context.db.write().await?;
    workspaces::lock(&mut conn).await?;
    if workspaces::count(&mut conn).await? > 0 {
        return Err(AppError::AlreadySetUp);
    }
    let founder = found(&mut conn, &checked, &password_hash, now).await.map_err(|error| match error {
        // Another visitor was faster.
        StoreError::Duplicate => AppError::AlreadySetUp,
        other => other.into(),
    })?;
    let actor = format!("member:{}", founder.member);
    note(
        &mut conn,
        &founder.workspace,
        &actor,
        "workspace.created",
        &format!("workspace:{}", founder.workspace),
        now,
    )
    .await?;
    conn.commit().await?;
    let token = super::sign_in::sign_in(context, checked.email.as_str(), &form.password, now).await?;
    Ok((format!("/book/{}/{}", checked.slug, Slug::from_name(checked.service.as_str())), token))
}

async fn found(
    conn: &mut Conn,
    checked: &Checked,
    password_hash: &str,
    now: DateTime<Utc>,
) -> Result<Founder, StoreError> {
    let (workspace, event_type): (WorkspaceId, EventTypeId) = (ids::new(now)?, ids::new(now)?);
    let new = workspaces::NewWorkspace {
        id: &workspace,
        slug: &checked.slug,
        name: &checked.workspace,
        intro: "",
        zone: &checked.zone,
    };
    workspaces::insert(conn, &new, now).await?;
    let (member, schedule) = add_member(
        conn,
        &workspace,
        &checked.email,
        &checked.name,
        password_hash,
        "admin",
        &checked.zone,
        &checked.hours,
        now,
    )
    .await?;
    let new = event_types::NewEventType {
        id: &event_type,
        workspace: &workspace,
        slug: &Slug::from_name(checked.service.as_str()),
        name: &checked.service,
        description: "",
        visibility: "listed",
        active: true,
        position: 1,
        rules: &plain_rules(&[checked.length]),
    };
    event_types::insert(conn, &new, now).await?;
    let host = event_types::NewHost {
        event_type: &event_type,
        member: &member,
        workspace: &workspace,
        schedule: &schedule,
        position: 1,
        required: true,
        weight: 1,
        priority: 1,
    };
    event_types::insert_host(conn, &host).await?;
    Ok(Founder { workspace, member })
}

/// Adds a member to a workspace (the first one when none is named), with weekday hours from 9 to 5.
pub async fn add_user(
    context: &Context,
    email: &EmailAddress,
    name: &Name,
    password: &str,
    role: &str,
    workspace: Option<&str>,
    now: DateTime<Utc>,
) -> Result<(), AppError> {
    let password_hash = passwords::hash(password.to_owned()).await.map_err(|error| {
        tracing::error!(%error, "adding a user failed");
        AppError::Internal
    })?;
    let mut conn = context.db.write().await?;
    let workspace = match workspace {
        Some(slug) => workspaces::by_slug(&mut conn, slug).await?,
        None => workspaces::first(&mut conn).await?,
    };
    let workspace = workspace.ok_or(AppError::UnknownWorkspace)?;
    let hours = office_hours();
    let (id, zone) = (&workspace.id, &workspace.zone);
    let (member, _) = add_member(&mut conn, id, email, name, &password_hash, role, zone, &hours, now)
        .await
        .map_err(|error| match error {
        StoreError::Duplicate => AppError::field("email", "Someone signs in with this address already."),
        other => other.into(),
    })?;
    note(&mut conn, id, "system", "member.added", &format!("member:{member}"), now).await?;
    conn.commit().await?;
    Ok(())
}

/// Monday to Friday, 9 to 5.
pub(crate) fn office_hours() -> Schedule {
    Schedule {
        weekly: WeeklyHours::weekdays(Window::new(9 * 60, 17 * 60).into_iter().collect()),
        overrides: Default::default(),
    }
}
