//! How a workspace sends mail: the server that its admin set, else the operator's, else none, and mail stays in the
//! mailbox.
//!
//! The password is sealed into its row and never leaves it but to the server that it was entered for: whoever changes
//! the server enters it again.

use super::{note, post};
use crate::{
    api::{
        AppError,
        mail::{MailForm, MailPage, MailServer, Tested, Trouble, Way},
        staff::Me,
    },
    domain::{
        ids::{MessageId, WorkspaceId},
        questions::FieldError,
        text::{EmailAddress, one_line},
        zone::ZoneRules,
    },
    server::{
        context::Context,
        ids,
        links::Links,
        mail::{
            letter::{Content, Letter, Person},
            render::{self, Wire},
            smtp::{self, Patience, Security, SendError, SmtpServer},
        },
        store::{
            Conn, StoreError, instant,
            mail_settings::{self as store, MailSettingsRow},
            members::SignedIn,
            messages,
        },
        zones,
    },
};
use chrono::{DateTime, Utc};
use std::{net::IpAddr, time::Duration};

pub use store::{clear_trouble, current_trouble, trouble};

/// Longer than this nobody waits for a test.
const PATIENCE: Patience = Patience { step: Duration::from_secs(10), mail: Duration::from_secs(20) };

/// The port that mail is submitted at (RFC 6409 §3.1).
const SUBMISSION: &str = "587";

/// Whom a workspace's mail comes from, and what it leaves through.
#[derive(Debug, Clone)]
pub struct Sender {
    /// The `From` of every mail.
    pub from: Person,
    /// The server; nothing: mail is kept in the mailbox.
    pub server: Option<SmtpServer>,
}

/// How a workspace's mail is sent now.
pub async fn sender(
    conn: &mut Conn,
    context: &Context,
    workspace: &WorkspaceId,
) -> Result<Sender, StoreError> {
    let name = store::workspace_name(conn, workspace).await?;
    let row = store::of(conn, workspace).await?;
    let from = from(context, row.as_ref(), &name);
    let Some(row) = row else { return Ok(Sender { from, server: context.config.smtp.clone() }) };
    let lost = "the password of the mail server can't be opened: it was kept with another secret";
    let password = opened(context, workspace, &row).ok_or(StoreError::Value(lost))?;
    let server = SmtpServer {
        port: u16::try_from(row.port).map_err(|_| StoreError::Value("a port that is none"))?,
        security: security(&row.security),
        host: row.host,
        username: row.username,
        password,
    };
    Ok(Sender { from, server: Some(server) })
}

/// The address that a workspace's mail comes from now, whether or not it can be sent.
pub(super) async fn sender_address(
    conn: &mut Conn,
    context: &Context,
    workspace: &WorkspaceId,
) -> Result<String, StoreError> {
    let row = store::of(conn, workspace).await?;
    Ok(from(context, row.as_ref(), "").email)
}

/// Whom mail comes from, with these settings.
fn from(context: &Context, row: Option<&MailSettingsRow>, workspace_name: &str) -> Person {
    let mut from = match (row, &context.config.mail_from) {
        (Some(row), _) => Person { name: row.from_name.clone(), email: row.from_address.clone() },
        (None, Some(from)) => from.clone(),
        (None, None) => nobody(&context.config.public_url),
    };
    if from.name.is_empty() {
        workspace_name.clone_into(&mut from.name);
    }
    from
}

/// Whom a member's workspace's mail comes from, and whether it leaves this machine.
pub(super) async fn outgoing(
    conn: &mut Conn,
    context: &Context,
    me: &SignedIn,
) -> Result<(Person, bool), StoreError> {
    let row = store::of(conn, &me.workspace_id).await?;
    let leaves = row.is_some() || context.config.smtp.is_some();
    Ok((from(context, row.as_ref(), &me.workspace_name), leaves))
}

/// A sender for workspaces without one: at this server's host, or, where that is no name that mail knows, at one that
/// never exists (RFC 2606 §2).
fn nobody(public_url: &str) -> Person {
    let host = public_url.rsplit("://").next().unwrap_or_default();
    let host = host.split(['/', ':', '[']).next().unwrap_or_default();
    let address = format!("noreply@{host}");
    let sound = host.parse::<IpAddr>().is_err() && EmailAddress::parse(&address).is_ok();
    Person { name: String::new(), email: if sound { address } else { "noreply@meridian.invalid".to_owned() } }
}

/// What the password is sealed for.
pub(super) fn sealed_for(workspace: &WorkspaceId) -> String {
    format!("mail_settings:{workspace}")
}

fn opened(context: &Context, workspace: &WorkspaceId, row: &MailSettingsRow) -> Option<String> {
    if row.password.is_empty() {
        return Some(String::new());
    }
    String::from_utf8(context.secret.open(&sealed_for(workspace), &row.password)?).ok()
}

fn security(word: &str) -> Security {
    match word {
        "none" => Security::None,
        "tls" => Security::Tls,
        _ => Security::StartTls,
    }
}

fn word(security: Security) -> &'static str {
    match security {
        Security::StartTls => "starttls",
        Security::Tls => "tls",
        Security::None => "none",
    }
}

/// A signed-in member as pages show them.
pub fn shown(me: &SignedIn) -> Me {
    Me {
        name: me.name.clone(),
        role: me.role.clone(),
        workspace: me.workspace_name.clone(),
        workspace_slug: me.workspace_slug.clone(),
    }
}

/// Refuses everyone but admins.
pub(super) fn admin(me: &SignedIn) -> Result<(), AppError> {
    if me.role == "admin" { Ok(()) } else { Err(AppError::Forbidden) }
}

/// The zone that a workspace works in.
pub(super) fn zone(me: &SignedIn) -> Result<ZoneRules, AppError> {
    let rules = zones::rules(&me.zone).or_else(|| zones::rules("UTC")).ok_or(AppError::Internal)?;
    Ok(ZoneRules::clone(&rules))
}

/// The page of the settings.
pub async fn page(context: &Context, me: &SignedIn) -> Result<MailPage, AppError> {
    admin(me)?;
    let workspace = &me.workspace_id;
    let mut conn = context.db.read().await?;
    let row = store::of(&mut conn, workspace).await?;
    let from = from(context, row.as_ref(), &me.workspace_name);
    let way = match (&row, &context.config.smtp) {
        (Some(row), _) => Way::Own(MailServer {
            host: row.host.clone(),
            port: u16::try_from(row.port).unwrap_or_default(),
            security: word(security(&row.security)),
            username: row.username.clone(),
        }),
        (None, Some(server)) => Way::Operator(MailServer {
            host: server.host.clone(),
            port: server.port,
            security: word(server.security),
            username: server.username.clone(),
        }),
        (None, None) => Way::Mailbox,
    };
    let trouble = match current_trouble(&mut conn, workspace).await? {
        Some(trouble) => Some(Trouble {
            since: instant(trouble.since),
            waiting: messages::waiting(&mut conn, workspace).await?,
            error: trouble.error,
        }),
        None => None,
    };
    Ok(MailPage {
        me: shown(me),
        zone: zone(me)?,
        way,
        from: format!("{} <{}>", from.name, from.email),
        has_password: row.as_ref().is_some_and(|row| !row.password.is_empty()),
        password_lost: row.as_ref().is_some_and(|row| opened(context, workspace, row).is_none()),
        form: row.map_or_else(first, filled),
        trouble,
        my_address: store::member_address(&mut conn, workspace, &me.member_id).await?.unwrap_or_default(),
        tested: None,
        done: None,
        echo: None,
    })
}

/// The form before anything was set.
fn first() -> MailForm {
    MailForm { port: SUBMISSION.to_owned(), security: "starttls".to_owned(), ..MailForm::default() }
}

fn filled(row: MailSettingsRow) -> MailForm {
    MailForm {
        host: row.host,
        port: row.port.to_string(),
        security: row.security,
        username: row.username,
        from_name: row.from_name,
        from_address: row.from_address,
        ..MailForm::default()
    }
}

/// A host as connections are made to: a name (RFC 1123 §2.1) or an address.
fn host(text: &str) -> Result<String, String> {
    let text = text.trim();
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    if bare.parse::<IpAddr>().is_ok() || text.len() <= 253 && text.split('.').all(label) {
        Ok(bare.to_ascii_lowercase())
    } else {
        Err("Please enter the server's name, such as smtp.example.com, without https:// or a port.".into())
    }
}

/// A form whose fields are sound by themselves.
struct Checked {
    row: MailSettingsRow,
    /// A new password.
    password: Option<String>,
}

fn check(form: &MailForm) -> Result<Checked, AppError> {
    let mut errors = Vec::new();
    fn take<T>(errors: &mut Vec<FieldError>, field: &str, result: Result<T, String>) -> Option<T> {
        result.map_err(|message| errors.push(FieldError::new(field, message))).ok()
    }
    let optional = |text: &str, most, what| match text.trim() {
        "" => Ok(String::new()),
        text => one_line(text, most, "", what).map_err(|error| error.0),
    };
    let host = take(&mut errors, "host", host(&form.host));
    let port = form.port.trim().parse::<u16>().ok().filter(|port| *port > 0);
    let port = port.ok_or_else(|| "Please enter a port, such as 587 or 465.".to_owned());
    let port = take(&mut errors, "port", port);
    let security = match form.security.as_str() {
        word @ ("starttls" | "tls" | "none") => Ok(word.to_owned()),
        _ => Err("Please choose how the connection is protected.".to_owned()),
    };
    let security = take(&mut errors, "security", security);
    let username = take(&mut errors, "username", optional(&form.username, 254, "user"));
    // Nothing is trimmed off a password.
    let password = match form.password.as_str() {
        "" => Ok(None),
        text if text.chars().any(char::is_control) => {
            Err("The password can't contain line breaks or control characters.".to_owned())
        }
        text if text.chars().count() > 500 => {
            Err("The password is too long: 500 characters at most.".to_owned())
        }
        text => Ok(Some(text.to_owned())),
    };
    let password = take(&mut errors, "password", password);
    let from_name = take(&mut errors, "from_name", optional(&form.from_name, 120, "name"));
    let from_address = EmailAddress::parse(&form.from_address).map(String::from).map_err(|error| error.0);
    let from_address = take(&mut errors, "from_address", from_address);
    if let (
        Some(host),
        Some(port),
        Some(security),
        Some(username),
        Some(password),
        Some(from_name),
        Some(from_address),
    ) = (host, port, security, username, password, from_name, from_address)
    {
        let (port, kept) = (i64::from(port), Vec::new());
        let row = MailSettingsRow { host, port, security, username, password: kept, from_name, from_address };
        return Ok(Checked { row, password });
    }
    Err(AppError::Invalid { fields: errors })
}

/// The sealed password that goes with new settings.
fn password(
    context: &Context,
    workspace: &WorkspaceId,
    old: Option<&MailSettingsRow>,
    new: &Checked,
    remove: bool,
) -> Result<Vec<u8>, AppError> {
    let refuse = |sentence: &str| Err(AppError::field("password", sentence));
    if new.row.username.is_empty() {
        return match new.password {
            Some(_) => {
                Err(AppError::field("username", "Please enter the user that this password belongs to."))
            }
            None => Ok(Vec::new()),
        };
    }
    if let Some(password) = &new.password {
        return Ok(context.secret.seal(&sealed_for(workspace), password.as_bytes()));
    }
    match old.filter(|old| !old.password.is_empty() && !remove) {
        None => {
            refuse("Please enter this user's password, or leave the user empty if the server asks for none.")
        }
        Some(old) if old.host != new.row.host => refuse(
            "This is another server. Please enter the password again, so that no server gets that of another.",
        ),
        Some(old) if new.row.security == "none" && old.security != "none" => refuse(
            "Without encryption the password can be read on the way. Please enter it again if you want that.",
        ),
        Some(old) if opened(context, workspace, old).is_none() => {
            refuse("The password was kept with another secret of this server. Please enter it again.")
        }
        Some(old) => Ok(old.password.clone()),
    }
}

fn actor(me: &SignedIn) -> String {
    format!("member:{}", me.member_id)
}

/// Sets the workspace's own mail server. Mails that wait are tried with it at once.
pub async fn save(
    context: &Context,
    me: &SignedIn,
    form: &MailForm,
    now: DateTime<Utc>,
) -> Result<(), AppError> {
    admin(me)?;
    let new = check(form)?;
    let workspace = &me.workspace_id;
    let mut conn = context.db.write().await?;
    let old = store::of(&mut conn, workspace).await?;
    let password = password(context, workspace, old.as_ref(), &new, form.remove_password)?;
    store::put(&mut conn, workspace, &MailSettingsRow { password, ..new.row }, now).await?;
    store::try_now(&mut conn, workspace, now).await?;
    let subject = format!("workspace:{workspace}");
    note(&mut conn, workspace, &actor(me), "mail.set", &subject, now).await?;
    conn.commit().await?;
    Ok(())
}

/// Forgets the workspace's own mail server.
pub async fn forget(context: &Context, me: &SignedIn, now: DateTime<Utc>) -> Result<(), AppError> {
    admin(me)?;
    let workspace = &me.workspace_id;
    let mut conn = context.db.write().await?;
    if store::delete(&mut conn, workspace).await? {
        // Whatever goes wrong from here on is another server's.
        clear_trouble(&mut conn, workspace).await?;
        store::try_now(&mut conn, workspace, now).await?;
        let subject = format!("workspace:{workspace}");
        note(&mut conn, workspace, &actor(me), "mail.unset", &subject, now).await?;
    }
    conn.commit().await?;
    Ok(())
}

/// Sends a test to the admin's own address, at once, and tells what came of it.
pub async fn test(context: &Context, me: &SignedIn, now: DateTime<Utc>) -> Result<Tested, AppError> {
    admin(me)?;
    let workspace = &me.workspace_id;
    let mut conn = context.db.read().await?;
    let email =
        store::member_address(&mut conn, workspace, &me.member_id).await?.ok_or(AppError::Internal)?;
    let letter = Letter {
        to: Person { name: me.name.clone(), email },
        zone: me.zone.clone(),
        workspace: me.workspace_name.clone(),
        workspace_slug: me.workspace_slug.clone(),
        content: Content::Test,
    };
    let sender = match sender(&mut conn, context, workspace).await {
        Ok(sender) => sender,
        Err(StoreError::Value(_)) => {
            let sentence = "The password was kept with another secret of this server. Please enter it again.";
            return Ok(Tested::Failed(sentence.to_owned()));
        }
        Err(error) => return Err(error.into()),
    };
    drop(conn);
    let tested = match &sender.server {
        None => Tested::Kept,
        Some(server) => send(context, server, &sender.from, &letter, now).await?,
    };
    let mut conn = context.db.write().await?;
    match tested {
        Tested::Kept => {
            post::post(&mut conn, workspace, &letter, now).await?;
        }
        Tested::Sent => {
            clear_trouble(&mut conn, workspace).await?;
            store::try_now(&mut conn, workspace, now).await?;
        }
        Tested::Failed(_) => {}
    }
    let subject = format!("workspace:{workspace}");
    note(&mut conn, workspace, &actor(me), "mail.tested", &subject, now).await?;
    conn.commit().await?;
    Ok(tested)
}

async fn send(
    context: &Context,
    server: &SmtpServer,
    from: &Person,
    letter: &Letter,
    now: DateTime<Utc>,
) -> Result<Tested, AppError> {
    let links = Links { public_url: &context.config.public_url, secret: &context.secret };
    let message: MessageId = ids::new(now)?;
    let mime = match render::render(letter, &Wire { links, from, message: &message, at: now }) {
        Ok(rendered) => rendered.mime,
        Err(error) => return Ok(Tested::Failed(format!("The mail can't be written: {error}."))),
    };
    Ok(match smtp::send_within(PATIENCE, server, &from.email, &letter.to.email, &mime).await {
        Ok(()) => Tested::Sent,
        Err(SendError::Refused(sentence) | SendError::Trouble(sentence)) => Tested::Failed(sentence),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workspace_without_a_sender_has_an_address_that_can_stand_in_a_header() {
        for (url, address) in [
            ("https://book.example.com", "noreply@book.example.com"),
            ("https://book.example.com:8443", "noreply@book.example.com"),
            ("http://127.0.0.1:3000", "noreply@meridian.invalid"),
            ("http://[::1]:3000", "noreply@meridian.invalid"),
            ("http://localhost:3000", "noreply@meridian.invalid"),
        ] {
            assert_eq!(nobody(url).email, address, "{url}");
            assert!(EmailAddress::parse(&nobody(url).email).is_ok(), "{url}");
        }
    }

    #[test]
    fn hosts_are_names_or_addresses() {
        for (right, kept) in [
            (" SMTP.example.com ", "smtp.example.com"),
            ("localhost", "localhost"),
            ("192.0.2.1", "192.0.2.1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("2001:db8::1", "2001:db8::1"),
        ] {
            assert_eq!(host(right).as_deref(), Ok(kept), "{right}");
        }
        let long = "x".repeat(64);
        for wrong in [
            "",
            "smtp.example.com:587",
            "https://smtp.example.com",
            "a b",
            "-a.example",
            "a..b",
            "a\r\nb",
            &long,
        ] {
            assert!(host(wrong).is_err(), "{wrong:?}");
        }
    }
}
