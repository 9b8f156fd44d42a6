//! Event types, their hosts, and the hosts' schedules.

use super::{Conn, On, StoreError, document, micros, row, rows, run};
use crate::domain::{
    event_type::{EventTypeRules, Visibility},
    ids::{EventTypeId, MemberId, ScheduleId, WorkspaceId},
    schedule::Schedule,
    text::{Name, Slug},
};
use chrono::{DateTime, Utc};

/// An event type, with what is needed of its workspace.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct EventTypeRow {
    /// Its id.
    #[sqlx(try_from = "String")]
    pub id: EventTypeId,
    /// The workspace.
    #[sqlx(try_from = "String")]
    pub workspace_id: WorkspaceId,
    /// The workspace's part of the address.
    pub workspace_slug: String,
    /// The workspace's name.
    pub workspace_name: String,
    /// The workspace's zone.
    pub zone: String,
    /// Its part of the address.
    pub slug: String,
    /// Its name.
    pub name: String,
    /// A paragraph.
    pub description: String,
    visibility: String,
    /// Does it take bookings?
    pub active: bool,
    rules: String,
}

impl EventTypeRow {
    /// What the owner decided.
    pub fn rules(&self) -> Result<EventTypeRules, StoreError> {
        Ok(serde_json::from_str(&self.rules)?)
    }

    /// Who finds it. A word that is unknown to this version hides it.
    pub fn visibility(&self) -> Visibility {
        match self.visibility.as_str() {
            "listed" => Visibility::Listed,
            "hidden" => Visibility::Hidden,
            _ => Visibility::Private,
        }
    }
}

/// A host of an event type.
#[derive(Debug, Clone)]
pub struct HostRow {
    /// The member.
    pub member_id: MemberId,
    /// The member's name.
    pub name: String,
    /// All hands: must be free.
    pub required: bool,
    /// Share in the rotation.
    pub weight: i64,
    /// Collective: the higher, the earlier.
    pub priority: i64,
    /// Bookings counted in the rotation.
    pub booked: i64,
    /// When it was last booked; epoch microseconds.
    pub last_booked_at: Option<i64>,
    /// The schedule's zone.
    pub zone: String,
    hours: String,
}

impl HostRow {
    /// The host's hours.
    pub fn schedule(&self) -> Result<Schedule, StoreError> {
        Ok(serde_json::from_str(&self.hours)?)
    }
}

/// An event type and one of its hosts. The rules, which can be long, come with the first host only.
#[derive(Debug, sqlx::FromRow)]
struct PlanRow {
    #[sqlx(flatten)]
    event_type: EventTypeRow,
    member_id: Option<String>,
    host_name: Option<String>,
    required: Option<bool>,
    weight: Option<i64>,
    priority: Option<i64>,
    booked: Option<i64>,
    last_booked_at: Option<i64>,
    host_zone: Option<String>,
    hours: Option<String>,
}

impl PlanRow {
    fn host(self) -> Result<Option<HostRow>, StoreError> {
        let Some(member_id) = self.member_id else { return Ok(None) };
        Ok(Some(HostRow {
            member_id: MemberId::try_from(member_id)?,
            name: self.host_name.unwrap_or_default(),
            required: self.required.unwrap_or(true),
            weight: self.weight.unwrap_or_default(),
            priority: self.priority.unwrap_or_default(),
            booked: self.booked.unwrap_or_default(),
            last_booked_at: self.last_booked_at,
            zone: self.host_zone.unwrap_or_default(),
            hours: self.hours.unwrap_or_default(),
        }))
    }
}

fn plan(rows: Vec<PlanRow>) -> Result<Option<(EventTypeRow, Vec<HostRow>)>, StoreError> {
    let Some(first) = rows.first() else { return Ok(None) };
    let event_type = first.event_type.clone();
    let hosts = rows.into_iter().filter_map(|row| row.host().transpose()).collect::<Result<_, _>>()?;
    Ok(Some((event_type, hosts)))
}

/// The event type at an address, with its hosts in the owner's order: one query, as every page and every request for
/// slots begins with it.
pub async fn plan_by_slugs(
    conn: &mut Conn,
    workspace: &str,
    slug: &str,
) -> Result<Option<(EventTypeRow, Vec<HostRow>)>, StoreError> {
    plan(rows!(
        conn,
        PlanRow,
        "SELECT e.id, e.workspace_id, w.slug AS workspace_slug, w.name AS workspace_name, w.zone,
                e.slug, e.name, e.description, e.visibility, e.active,
                CASE WHEN h.position > (SELECT MIN(o.position) FROM hosts o WHERE o.event_type_id = e.id)
                     THEN '' ELSE e.rules END AS rules,
                h.member_id, m.name AS host_name, h.required, h.weight, h.priority, h.booked, h.last_booked_at,
                s.zone AS host_zone, s.hours
         FROM workspaces w JOIN event_types e ON e.workspace_id = w.id
         LEFT JOIN hosts h ON h.event_type_id = e.id
         LEFT JOIN members m ON m.id = h.member_id
         LEFT JOIN schedules s ON s.id = h.schedule_id
         WHERE w.slug = $1 AND e.slug = $2
         ORDER BY h.position, h.member_id",
        workspace,
        slug
    )?)
}

/// An event type of a workspace, with its hosts in the owner's order.
pub async fn plan_by_id(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    id: &EventTypeId,
) -> Result<Option<(EventTypeRow, Vec<HostRow>)>, StoreError> {
    plan(rows!(
        conn,
        PlanRow,
        "SELECT e.id, e.workspace_id, w.slug AS workspace_slug, w.name AS workspace_name, w.zone,
                e.slug, e.name, e.description, e.visibility, e.active,
                CASE WHEN h.position > (SELECT MIN(o.position) FROM hosts o WHERE o.event_type_id = e.id)
                     THEN '' ELSE e.rules END AS rules,
                h.member_id, m.name AS host_name, h.required, h.weight, h.priority, h.booked, h.last_booked_at,
                s.zone AS host_zone, s.hours
         FROM event_types e JOIN workspaces w ON w.id = e.workspace_id
         LEFT JOIN hosts h ON h.event_type_id = e.id
         LEFT JOIN members m ON m.id = h.member_id
         LEFT JOIN schedules s ON s.id = h.schedule_id
         WHERE e.workspace_id = $1 AND e.id = $2
         ORDER BY h.position, h.member_id",
        workspace.as_str(),
        id.as_str()
    )?)
}

/// An event type of a workspace.
pub async fn by_id(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    id: &EventTypeId,
) -> Result<Option<EventTypeRow>, StoreError> {
    row!(
        conn,
        EventTypeRow,
        "SELECT e.id, e.workspace_id, w.slug AS workspace_slug, w.name AS workspace_name, w.zone,
                e.slug, e.name, e.description, e.visibility, e.active, e.rules
         FROM event_types e JOIN workspaces w ON w.id = e.workspace_id
         WHERE e.workspace_id = $1 AND e.id = $2",
        workspace.as_str(),
        id.as_str()
    )
}

/// All event types of a workspace, in the owner's order.
pub async fn all(conn: &mut Conn, workspace: &WorkspaceId) -> Result<Vec<EventTypeRow>, StoreError> {
    rows!(
        conn,
        EventTypeRow,
        "SELECT e.id, e.workspace_id, w.slug AS workspace_slug, w.name AS workspace_name, w.zone,
                e.slug, e.name, e.description, e.visibility, e.active, e.rules
         FROM event_types e JOIN workspaces w ON w.id = e.workspace_id
         WHERE e.workspace_id = $1 ORDER BY e.position, e.id",
        workspace.as_str()
    )
}

/// Event type and host's name, for every host of a workspace.
pub async fn host_names(
    conn: &mut Conn,
    workspace: &WorkspaceId,
) -> Result<Vec<(String, String)>, StoreError> {
    rows!(
        conn,
        (String, String),
        "SELECT h.event_type_id, m.name FROM hosts h JOIN members m ON m.id = h.member_id
         WHERE h.workspace_id = $1 ORDER BY h.position, h.member_id",
        workspace.as_str()
    )
}

/// Keeps every other booking of this event type waiting until the transaction ends, so that limits, seats and
/// the rotation are counted by one at a time. SQLite's write lock does that already.
pub async fn lock(conn: &mut Conn, event_type: &EventTypeId) -> Result<(), StoreError> {
    if let On::Postgres(on) = conn.on() {
        sqlx::query("SELECT 1 FROM event_types WHERE id = $1 FOR NO KEY UPDATE")
            .bind(event_type.as_str())
            .execute(on)
            .await?;
    }
    Ok(())
}

/// Changes what the owner decided about an event type, under its [`lock`]. `false` when the workspace has none such.
pub async fn set_rules(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    id: &EventTypeId,
    rules: &EventTypeRules,
) -> Result<bool, StoreError> {
    let changed = run!(
        conn,
        "UPDATE event_types SET rules = $3 WHERE workspace_id = $1 AND id = $2",
        workspace.as_str(),
        id.as_str(),
        document(rules)?
    )?;
    Ok(changed > 0)
}

/// The event types that a member hosts.
pub async fn of_member(conn: &mut Conn, member: &MemberId) -> Result<Vec<(String,)>, StoreError> {
    rows!(conn, (String,), "SELECT event_type_id FROM hosts WHERE member_id = $1", member.as_str())
}

/// Counts a booking in the rotation.
pub async fn count_booking(
    conn: &mut Conn,
    event_type: &EventTypeId,
    member: &MemberId,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    run!(
        conn,
        "UPDATE hosts SET booked = booked + 1, last_booked_at = $3 WHERE event_type_id = $1 AND member_id = $2",
        event_type.as_str(),
        member.as_str(),
        micros(now)
    )?;
    Ok(())
}

/// Takes a booking that won't take place out of the rotation's count, for each of its hosts.
pub async fn uncount_booking(conn: &mut Conn, booking: &str) -> Result<(), StoreError> {
    run!(
        conn,
        "UPDATE hosts SET booked = booked - 1
         WHERE booked > 0
           AND event_type_id = (SELECT event_type_id FROM bookings WHERE id = $1)
           AND member_id IN (SELECT member_id FROM attendees WHERE booking_id = $1)",
        booking
    )?;
    Ok(())
}

/// An event type to make.
#[derive(Debug)]
pub struct NewEventType<'a> {
    /// Its id.
    pub id: &'a EventTypeId,
    /// The workspace.
    pub workspace: &'a WorkspaceId,
    /// Its part of the address.
    pub slug: &'a Slug,
    /// Its name.
    pub name: &'a Name,
    /// A paragraph.
    pub description: &'a str,
    /// `listed`, `hidden` or `private`.
    pub visibility: &'a str,
    /// Does it take bookings?
    pub active: bool,
    /// Its place in the owner's order.
    pub position: i64,
    /// What the owner decided.
    pub rules: &'a EventTypeRules,
}

/// Makes an event type. [`StoreError::Duplicate`] when the address is taken.
pub async fn insert(conn: &mut Conn, new: &NewEventType<'_>, now: DateTime<Utc>) -> Result<(), StoreError> {
    run!(
        conn,
        "INSERT INTO event_types
            (id, workspace_id, slug, name, description, visibility, active, position, rules, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        new.id.as_str(),
        new.workspace.as_str(),
        new.slug.as_str(),
        new.name.as_str(),
        new.description,
        new.visibility,
        new.active,
        new.position,
        document(new.rules)?,
        micros(now)
    )?;
    Ok(())
}

/// A host to add.
#[derive(Debug)]
pub struct NewHost<'a> {
    /// The event type.
    pub event_type: &'a EventTypeId,
    /// The member.
    pub member: &'a MemberId,
    /// The workspace.
    pub workspace: &'a WorkspaceId,
    /// The hours that hold for this event type.
    pub schedule: &'a ScheduleId,
    /// Place in the owner's order.
    pub position: i64,
    /// All hands: must be free.
    pub required: bool,
    /// Share in the rotation.
    pub weight: i64,
    /// Collective: the higher, the earlier.
    pub priority: i64,
}

/// Adds a host to an event type.
pub async fn insert_host(conn: &mut Conn, new: &NewHost<'_>) -> Result<(), StoreError> {
    run!(
        conn,
        "INSERT INTO hosts
            (event_type_id, member_id, workspace_id, schedule_id, position, required, weight, priority, booked)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0)",
        new.event_type.as_str(),
        new.member.as_str(),
        new.workspace.as_str(),
        new.schedule.as_str(),
        new.position,
        new.required,
        new.weight,
        new.priority
    )?;
    Ok(())
}

/// Makes a schedule.
#[expect(clippy::too_many_arguments, reason = "one for each column")]
pub async fn insert_schedule(
    conn: &mut Conn,
    id: &ScheduleId,
    workspace: &WorkspaceId,
    member: &MemberId,
    name: &str,
    zone: &str,
    hours: &Schedule,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    run!(
        conn,
        "INSERT INTO schedules (id, workspace_id, member_id, name, zone, hours, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        id.as_str(),
        workspace.as_str(),
        member.as_str(),
        name,
        zone,
        document(hours)?,
        micros(now)
    )?;
    Ok(())
}
