//! What mails about an event type's bookings say and when, who must agree to a booking, and what members are reminded of.

pub mod mailbox;

use super::{
    mail_settings::{outgoing, shown},
    note,
};
use crate::{
    api::{
        AppError,
        mail::{EditorPage, EventTypeMails, MessagesForm, MessagesPage, ReminderRow},
    },
    domain::{
        appointment::BookingStatus,
        assignment::Assignment,
        event_type::{Approval, EventTypeRules, Location, MailTexts, RemindWhom, Reminder},
        ids::{BookingId, InviteeId, MessageId},
        questions::FieldError,
        text::many_lines,
    },
    server::{
        context::Context,
        ids,
        links::Links,
        mail::{
            letter::{About, By, Content, Letter, Person, Reader, What},
            render::{self, Wire},
            template,
        },
        store::{
            Conn, StoreError, event_types,
            event_types::{EventTypeRow, HostRow},
            mail_settings as store,
            members::SignedIn,
        },
        zones,
    },
};
use chrono::{DateTime, NaiveTime, TimeDelta, Utc};

/// Reminders at most.
pub const MOST_REMINDERS: usize = 10;
/// The longest time before a start, or that a booking waits: 30 days in minutes.
const LONGEST: u32 = 30 * 24 * 60;
/// The shortest time that a booking waits for approval, in minutes.
const SHORTEST_HOLD: u32 = 5;
/// The time that a booking waits when nobody said otherwise: two days in minutes.
const USUAL_HOLD: u32 = 2 * 24 * 60;
/// Characters of a paragraph.
const PARAGRAPH: usize = 2_000;

fn may_edit(me: &SignedIn) -> bool {
    matches!(me.role.as_str(), "manager" | "admin")
}

/// Minutes as entered: an amount and its unit. Nothing: an empty amount.
fn minutes(amount: &str, unit: &str, least: u32) -> Result<Option<u32>, String> {
    let amount = amount.trim();
    if amount.is_empty() {
        return Ok(None);
    }
    let factor = match unit {
        "minutes" => 1,
        "hours" => 60,
        "days" => 24 * 60,
        _ => return Err("Please choose minutes, hours or days.".to_owned()),
    };
    let number =
        amount.bytes().all(|byte| byte.is_ascii_digit()).then(|| amount.parse::<u32>().ok()).flatten();
    match number.and_then(|number| number.checked_mul(factor)) {
        Some(minutes) if (least..=LONGEST).contains(&minutes) => Ok(Some(minutes)),
        _ => Err(format!(
            "Please enter a whole number: at least {least} {}, at most 30 days.",
            if least == 1 { "minute" } else { "minutes" }
        )),
    }
}

/// Minutes for a form: in the largest unit that fits.
fn amount(minutes: u32) -> (String, String) {
    let (number, unit) = match minutes {
        m if m > 0 && m % 1440 == 0 => (m / 1440, "days"),
        m if m > 0 && m % 60 == 0 => (m / 60, "hours"),
        m => (m, "minutes"),
    };
    (number.to_string(), unit.to_owned())
}

/// The event types with what is set, and the member's own reminders.
pub async fn page(context: &Context, me: &SignedIn) -> Result<MessagesPage, AppError> {
    let mut conn = context.db.read().await?;
    let own = event_types::of_member(&mut conn, &me.member_id).await?;
    let mut listed = Vec::new();
    for row in event_types::all(&mut conn, &me.workspace_id).await? {
        if !may_edit(me) && !own.iter().any(|(id,)| id == row.id.as_str()) {
            continue;
        }
        let rules = row.rules()?;
        listed.push(EventTypeMails {
            reminders: rules.reminders.iter().map(|reminder| (reminder.minutes, reminder.to)).collect(),
            approval: rules.approval.map(|approval| approval.hold_minutes),
            verify_email: rules.verify_email,
            own_words: rules.mail != MailTexts::default(),
            slug: row.slug,
            name: row.name,
            active: row.active,
        });
    }
    let reminders = store::member_reminders(&mut conn, &me.workspace_id, &me.member_id).await?;
    let mode = match reminders.as_deref() {
        None => "default",
        Some([]) => "none",
        Some(_) => "own",
    };
    Ok(MessagesPage {
        me: shown(me),
        may_edit: may_edit(me),
        event_types: listed,
        mode: mode.to_owned(),
        own: reminders.unwrap_or_default().into_iter().map(amount).collect(),
        done: None,
        echo: None,
    })
}

/// Sets which reminders a member gets of bookings that they host: as the event types say (`default`), none, or their own
/// ones (amount and unit of each).
pub async fn set_own_reminders(
    context: &Context,
    me: &SignedIn,
    mode: &str,
    entered: &[(String, String)],
    now: DateTime<Utc>,
) -> Result<(), AppError> {
    let chosen = match mode {
        "default" => None,
        "none" => Some(Vec::new()),
        "own" => Some(own_reminders(entered)?),
        _ => return Err(AppError::field("mode", "Please choose which reminders you get.")),
    };
    let mut conn = context.db.write().await?;
    store::set_member_reminders(&mut conn, &me.workspace_id, &me.member_id, chosen.as_deref()).await?;
    let actor = format!("member:{}", me.member_id);
    note(&mut conn, &me.workspace_id, &actor, "member.reminders", &actor, now).await?;
    conn.commit().await?;
    Ok(())
}

fn own_reminders(entered: &[(String, String)]) -> Result<Vec<u32>, AppError> {
    let mut errors = Vec::new();
    let mut chosen = Vec::new();
    for (number, (amount, unit)) in (1..).zip(entered) {
        match minutes(amount, unit, 1) {
            Ok(minutes) => chosen.extend(minutes),
            Err(message) => errors.push(FieldError::new(format!("amount-{number}"), message)),
        }
    }
    if chosen.is_empty() && errors.is_empty() {
        errors.push(FieldError::new("amount-1", "Please enter when, or choose another answer above."));
    }
    if !errors.is_empty() {
        return Err(AppError::Invalid { fields: errors });
    }
    chosen.sort_unstable_by(|a, b| b.cmp(a));
    chosen.dedup();
    chosen.truncate(MOST_REMINDERS);
    Ok(chosen)
}

/// The event type at an address, for those who may change it.
async fn find(conn: &mut Conn, me: &SignedIn, slug: &str) -> Result<EventTypeRow, AppError> {
    if !may_edit(me) {
        return Err(AppError::Forbidden);
    }
    let all = event_types::all(conn, &me.workspace_id).await?;
    all.into_iter().find(|row| row.slug == slug).ok_or(AppError::UnknownPage)
}

/// The editor, as it starts.
pub async fn editor(context: &Context, me: &SignedIn, slug: &str) -> Result<EditorPage, AppError> {
    let mut conn = context.db.read().await?;
    let row = find(&mut conn, me, slug).await?;
    let rules = row.rules()?;
    let reminder = |reminder: &Reminder| {
        let (amount, unit) = amount(reminder.minutes);
        ReminderRow { amount, unit, to: word(reminder.to).to_owned() }
    };
    let form = MessagesForm {
        reminders: rules.reminders.iter().map(reminder).collect(),
        approval: rules.approval.is_some(),
        hold: amount(rules.approval.map_or(USUAL_HOLD, |approval| approval.hold_minutes)),
        verify_email: rules.verify_email,
        subject: rules.mail.subject.clone(),
        paragraph: rules.mail.paragraph.clone(),
    };
    Ok(EditorPage {
        me: shown(me),
        shared: rules.slots.seats > 1,
        slug: row.slug,
        name: row.name,
        form,
        variables: template::VARIABLES.map(|(name, what)| (name.to_owned(), what.to_owned())).to_vec(),
        preview: None,
        echo: None,
    })
}

fn word(to: RemindWhom) -> &'static str {
    match to {
        RemindWhom::Invitee => "invitee",
        RemindWhom::Hosts => "hosts",
        RemindWhom::Both => "both",
    }
}

/// What the form decides of an event type's rules.
struct Checked {
    reminders: Vec<Reminder>,
    approval: Option<Approval>,
    verify_email: bool,
    mail: MailTexts,
}

fn check(form: &MessagesForm, shared: bool) -> Result<Checked, AppError> {
    let mut errors = Vec::new();
    let mut reminders = Vec::new();
    for (number, row) in (1..).zip(&form.reminders) {
        let to = [RemindWhom::Invitee, RemindWhom::Hosts, RemindWhom::Both]
            .into_iter()
            .find(|to| word(*to) == row.to);
        match (minutes(&row.amount, &row.unit, 1), to) {
            (Ok(None), _) => {}
            (Ok(Some(minutes)), Some(to)) => reminders.push(Reminder { minutes, to }),
            (Ok(Some(_)), None) => {
                errors.push(FieldError::new(format!("to-{number}"), "Please choose who is reminded."));
            }
            (Err(message), _) => errors.push(FieldError::new(format!("amount-{number}"), message)),
        }
    }
    if reminders.len() > MOST_REMINDERS {
        let sentence = format!("There can be {MOST_REMINDERS} reminders at most.");
        errors.push(FieldError::new("amount-1", sentence));
    }
    let approval = match minutes(&form.hold.0, &form.hold.1, SHORTEST_HOLD) {
        _ if !form.approval => None,
        _ if shared => {
            let sentence =
                "People share the seats of this event type, so its bookings can't wait for approval.";
            errors.push(FieldError::new("approval", sentence));
            None
        }
        Ok(Some(hold_minutes)) => Some(Approval { hold_minutes }),
        Ok(None) => {
            errors.push(FieldError::new("hold", "Please enter how long a booking waits."));
            None
        }
        Err(message) => {
            errors.push(FieldError::new("hold", message));
            None
        }
    };
    let subject = form.subject.trim().to_owned();
    if let Err(message) = template::check_subject(&subject) {
        errors.push(FieldError::new("subject", message));
    }
    let paragraph = many_lines(&form.paragraph, PARAGRAPH).map_err(|error| error.0);
    let paragraph = paragraph.and_then(|text| template::check(&text).map(|()| text));
    let paragraph = paragraph.unwrap_or_else(|message| {
        errors.push(FieldError::new("paragraph", message));
        String::new()
    });
    if !errors.is_empty() {
        return Err(AppError::Invalid { fields: errors });
    }
    Ok(Checked {
        reminders: merged(reminders),
        approval,
        verify_email: form.verify_email,
        mail: MailTexts { subject, paragraph },
    })
}

/// Longest before first; what goes to both sides at one time is one reminder, so that nobody is told twice.
fn merged(reminders: Vec<Reminder>) -> Vec<Reminder> {
    let mut merged: Vec<Reminder> = Vec::new();
    for new in reminders {
        match merged.iter_mut().find(|known| known.minutes == new.minutes) {
            Some(known) if known.to != new.to => known.to = RemindWhom::Both,
            Some(_) => {}
            None => merged.push(new),
        }
    }
    merged.sort_by_key(|reminder| std::cmp::Reverse(reminder.minutes));
    merged
}

/// Stores what the form says. Bookings that were made before keep their reminders and stay as they are.
pub async fn save(
    context: &Context,
    me: &SignedIn,
    slug: &str,
    form: &MessagesForm,
    now: DateTime<Utc>,
) -> Result<(), AppError> {
    let mut conn = context.db.write().await?;
    let id = find(&mut conn, me, slug).await?.id;
    event_types::lock(&mut conn, &id).await?;
    // Again, under the lock.
    let row = event_types::by_id(&mut conn, &me.workspace_id, &id).await?.ok_or(AppError::UnknownPage)?;
    let rules = row.rules()?;
    let Checked { reminders, approval, verify_email, mail } = check(form, rules.slots.seats > 1)?;
    let rules = EventTypeRules { reminders, approval, verify_email, mail, ..rules };
    event_types::set_rules(&mut conn, &me.workspace_id, &id, &rules).await?;
    let (actor, subject) = (format!("member:{}", me.member_id), format!("event_type:{id}"));
    note(&mut conn, &me.workspace_id, &actor, "event_type.messages", &subject, now).await?;
    conn.commit().await?;
    Ok(())
}

/// An example of a confirmation with the templates as entered: subject, text and HTML. Nothing is stored.
pub async fn preview(
    context: &Context,
    me: &SignedIn,
    slug: &str,
    form: &MessagesForm,
    now: DateTime<Utc>,
) -> Result<(String, String, String), AppError> {
    let mut conn = context.db.read().await?;
    let id = find(&mut conn, me, slug).await?.id;
    let found = event_types::plan_by_id(&mut conn, &me.workspace_id, &id).await?;
    let (row, hosts) = found.ok_or(AppError::UnknownPage)?;
    let rules = row.rules()?;
    let Checked { mail, .. } = check(form, rules.slots.seats > 1)?;
    let (from, _) = outgoing(&mut conn, context, me).await?;
    let letter = example(&row, &hosts, &rules, mail, &from, now)?;
    let message: MessageId = ids::new(now)?;
    let links = Links { public_url: &context.config.public_url, secret: &context.secret };
    let rendered = render::render(&letter, &Wire { links, from: &from, message: &message, at: now })
        .map_err(|error| AppError::field("subject", format!("The example can't be written: {error}.")))?;
    Ok((rendered.subject, rendered.text, rendered.html))
}

/// Tomorrow at ten, for someone who never was.
fn example(
    row: &EventTypeRow,
    hosts: &[HostRow],
    rules: &EventTypeRules,
    mail: MailTexts,
    from: &Person,
    now: DateTime<Utc>,
) -> Result<Letter, StoreError> {
    let zone = zones::rules(&row.zone).or_else(|| zones::rules("UTC")).ok_or(StoreError::Value("no zone"))?;
    let ten = NaiveTime::from_hms_opt(10, 0, 0).unwrap_or_default();
    let start = zone.first_instant(zone.date(now + TimeDelta::days(1)).and_time(ten));
    let invitee: InviteeId = ids::new(now)?;
    let booking: BookingId = ids::new(now)?;
    let who = Person { name: "Ada Example".to_owned(), email: "ada@example.com".to_owned() };
    let (place, place_detail) = match &rules.location {
        Location::InPerson { address } => ("In person", address.clone()),
        Location::Phone => ("Phone call", "+49 30 1234567".to_owned()),
        Location::Video { url } => ("Video call", url.clone()),
    };
    let host = |host: &HostRow| Person { name: host.name.clone(), email: from.email.clone() };
    let most = if rules.assignment == Assignment::AllHands { hosts.len() } else { 1 };
    let about = About {
        in_calendar: false,
        what: What::Confirmed,
        reader: Reader::Invitee,
        by: By::Invitee,
        booking,
        uid: invitee.to_string(),
        invitee,
        status: BookingStatus::Confirmed,
        sequence: 0,
        organizer: from.email.clone(),
        service: row.name.clone(),
        start,
        end: start + TimeDelta::minutes(i64::from(rules.default_length)),
        was: None,
        hosts: hosts.iter().take(most).map(host).collect(),
        place: place.to_owned(),
        place_detail,
        who: who.clone(),
        phone: String::new(),
        who_zone: row.zone.clone(),
        guests: Vec::new(),
        participants: Vec::new(),
        seats: rules.slots.seats,
        notes: String::new(),
        answers: Vec::new(),
        price: rules.price.clone(),
        reason: String::new(),
        policy: rules.policy.in_words(),
        can_move: rules.policy.move_until.is_some(),
        can_cancel: rules.policy.cancel_until.is_some(),
        expires: None,
        rsvp: None,
        own_subject: mail.subject,
        own_paragraph: mail.paragraph,
    };
    Ok(Letter {
        to: who,
        zone: row.zone.clone(),
        workspace: row.workspace_name.clone(),
        workspace_slug: row.workspace_slug.clone(),
        content: Content::Booking(Box::new(about)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_before_a_start_are_read_and_written_in_their_unit() {
        for (entered, minutes_before) in [
            (("15", "minutes"), 15),
            (("2", "hours"), 120),
            (("30", "days"), 43_200),
            ((" 1 ", "days"), 1_440),
        ] {
            assert_eq!(minutes(entered.0, entered.1, 1), Ok(Some(minutes_before)));
        }
        assert_eq!(minutes("", "nonsense", 1), Ok(None));
        for wrong in [
            ("0", "minutes"),
            ("31", "days"),
            ("-1", "hours"),
            ("1.5", "hours"),
            ("4294967295", "days"),
            ("1", "x"),
        ] {
            assert!(minutes(wrong.0, wrong.1, 1).is_err(), "{wrong:?}");
        }
        for (total, amount_and_unit) in
            [(90, ("90", "minutes")), (120, ("2", "hours")), (2_880, ("2", "days"))]
        {
            let (number, unit) = amount(total);
            assert_eq!((number.as_str(), unit.as_str()), amount_and_unit);
        }
    }

    #[test]
    fn nobody_is_reminded_twice_at_one_time() {
        let reminder = |minutes, to| Reminder { minutes, to };
        let entered = vec![
            reminder(60, RemindWhom::Invitee),
            reminder(1_440, RemindWhom::Both),
            reminder(60, RemindWhom::Hosts),
            reminder(1_440, RemindWhom::Both),
        ];
        assert_eq!(merged(entered), [reminder(1_440, RemindWhom::Both), reminder(60, RemindWhom::Both)]);
    }
}
