//! Handing mails to a mail server (RFC 5321).
//!
//! The steps are taken one by one, on lettre's connection: each has its own time limit, a failure is judged by the step
//! it happened in, and a connection is used again only after a whole, answered mail. (lettre's transport has no limit for
//! answers and would take a connection back in the middle of one.)
//!
//! Between the last byte of a mail and the server's answer lies the one gap that can't be closed: who gets no answer does
//! not know whether the mail was taken, and sends it again, with the same Message-ID. So that step may take longest.

use super::{address::address, clean};
use base64::{Engine, engine::general_purpose::STANDARD};
use lettre::{
    Address,
    transport::smtp::{
        Error,
        authentication::{Credentials, Mechanism},
        client::{AsyncSmtpConnection, TlsParameters},
        commands::{Data, Mail, Rcpt, Rset},
        extension::{ClientId, Extension, MailBodyParameter, MailParameter},
    },
};
use std::{error::Error as _, fmt, time::Duration};
use tokio::time::timeout;

mod parked;

/// How long a server may take, so that one that hangs does not hold up a worker for long.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// For each answer but the last.
    pub step: Duration,
    /// For all of a mail.
    pub mail: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { step: Duration::from_secs(20), mail: Duration::from_secs(60) }
    }
}

/// Characters of a sentence.
const SENTENCE: usize = 300;

/// How the connection is kept private.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// TLS from a plain beginning (RFC 3207), usually port 587. A server that does not offer it gets no mail.
    StartTls,
    /// TLS from the first byte (RFC 8314), usually port 465.
    Tls,
    /// Nothing: for a server on this machine or in a private network.
    None,
}

impl Security {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::StartTls, Self::Tls, Self::None];

    /// The word in settings and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::StartTls => "starttls",
            Self::Tls => "tls",
            Self::None => "none",
        }
    }

    /// The security with that word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|security| security.as_str() == word)
    }
}

/// A mail server, and how it knows us.
#[derive(Clone, PartialEq, Eq)]
pub struct SmtpServer {
    /// Name or IP address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// How the connection is kept private.
    pub security: Security,
    /// Empty: without signing in.
    pub username: String,
    /// Password.
    pub password: String,
}

impl fmt::Debug for SmtpServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmtpServer")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("security", &self.security)
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

/// Why a mail was not taken: a sentence for a person, one line of at most 300 characters, without secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The server refused this mail or its recipient, for good.
    #[error("{0}")]
    Refused(String),
    /// It may pass, or an admin has to mend it: trying again makes sense.
    #[error("{0}")]
    Trouble(String),
}

/// What was being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Connect,
    StartTls,
    SignIn,
    Sender,
    Recipient,
    Content,
}

impl Step {
    /// "While …".
    fn in_words(self) -> &'static str {
        match self {
            Self::Connect => "while connecting",
            Self::StartTls => "while starting TLS",
            Self::SignIn => "while signing in",
            Self::Sender => "when it was told the sender",
            Self::Recipient => "when it was told the recipient",
            Self::Content => "after it was given the mail",
        }
    }
}

/// Hands a mail to a server. `from` and `to` are addresses for the envelope; `mime` is what
/// [`render`](super::render::render) made.
pub async fn send(server: &SmtpServer, from: &str, to: &str, mime: &[u8]) -> Result<(), SendError> {
    send_within(Patience::default(), server, from, to, mime).await
}

/// [`send`] with another patience.
pub async fn send_within(
    patience: Patience,
    server: &SmtpServer,
    from: &str,
    to: &str,
    mime: &[u8],
) -> Result<(), SendError> {
    let Some(sender) = address(from) else {
        let sentence = format!("“{from}” is not an address that mail can be sent from.");
        return Err(SendError::Trouble(clean::line(&sentence, SENTENCE)));
    };
    let Some(recipient) = address(to) else {
        let sentence = format!("“{to}” is not an address that mail can be sent to.");
        return Err(SendError::Refused(clean::line(&sentence, SENTENCE)));
    };
    let late = || {
        let seconds = patience.mail.as_secs();
        let sentence =
            format!("The mail server {} took more than {seconds} seconds for a mail.", server.host);
        SendError::Trouble(clean::line(&sentence, SENTENCE))
    };
    let delivery = Delivery { server, patience: patience.step }.deliver(sender, recipient, mime);
    timeout(patience.mail, delivery).await.unwrap_or_else(|_| Err(late()))
}

/// A mail on its way to a server.
#[derive(Clone, Copy)]
struct Delivery<'a> {
    server: &'a SmtpServer,
    /// For each answer but the last.
    patience: Duration,
}

impl Delivery<'_> {
    async fn deliver(self, from: Address, to: Address, mime: &[u8]) -> Result<(), SendError> {
        let server = self.server;
        let mut connection = match parked::take(server).await {
            Some(connection) => connection,
            None => self.connect(from.domain()).await?,
        };
        match self.transmit(&mut connection, from, to, mime).await {
            Ok(()) => {
                parked::park(server, connection);
                Ok(())
            }
            // The connection is as good as before, once the server forgets this mail.
            Err(error @ SendError::Refused(_)) => {
                let forget = timeout(self.patience, connection.command(Rset)).await;
                if forget.is_ok_and(|answer| answer.is_ok()) {
                    parked::park(server, connection);
                }
                Err(error)
            }
            Err(error) => Err(error),
        }
    }

    async fn connect(self, domain: &str) -> Result<AsyncSmtpConnection, SendError> {
        let server = self.server;
        let hello = ClientId::Domain(domain.to_owned());
        let (wrapped, started) = match server.security {
            Security::None => (None, None),
            Security::Tls => (Some(tls(server).await?), None),
            Security::StartTls => (None, Some(tls(server).await?)),
        };
        let at = (server.host.as_str(), server.port);
        let connecting = AsyncSmtpConnection::connect_tokio1(at, Some(self.patience), &hello, wrapped, None);
        let mut connection = self.step(Step::Connect, connecting).await?;
        if let Some(tls) = started {
            self.step(Step::StartTls, connection.starttls(tls, &hello)).await?;
        }
        if !server.username.is_empty() {
            let credentials = Credentials::new(server.username.clone(), server.password.clone());
            let signing_in = connection.auth(&[Mechanism::Plain, Mechanism::Login], &credentials);
            self.step(Step::SignIn, signing_in).await?;
        }
        Ok(connection)
    }

    async fn transmit(
        self,
        connection: &mut AsyncSmtpConnection,
        from: Address,
        to: Address,
        mime: &[u8],
    ) -> Result<(), SendError> {
        let server = self.server;
        let mut options = Vec::new();
        let ascii = |address: &Address| AsRef::<str>::as_ref(address).is_ascii();
        if !(ascii(&from) && ascii(&to)) {
            // RFC 6531.
            if !connection.server_info().supports_feature(Extension::SmtpUtfEight) {
                let refused = format!("The mail server {} can't send to addresses like {to}.", server.host);
                return Err(SendError::Refused(sentence(server, &refused)));
            }
            options.push(MailParameter::SmtpUtfEight);
        }
        if !mime.is_ascii() {
            options.push(MailParameter::Body(MailBodyParameter::EightBitMime));
        }
        self.step(Step::Sender, connection.command(Mail::new(Some(from), options))).await?;
        self.step(Step::Recipient, connection.command(Rcpt::new(to, Vec::new()))).await?;
        self.step(Step::Content, connection.command(Data)).await?;
        // Limited by the time for the whole mail alone: a server that checks what it is given takes its time, and
        // giving up on it sends the mail twice.
        connection.message(mime).await.map_err(|error| failure(server, Step::Content, &error))?;
        Ok(())
    }

    async fn step<T>(self, step: Step, work: impl Future<Output = Result<T, Error>>) -> Result<T, SendError> {
        match timeout(self.patience, work).await {
            Ok(result) => result.map_err(|error| failure(self.server, step, &error)),
            Err(_) => {
                let late = format!(
                    "The mail server {} did not answer within {} seconds {}.",
                    self.server.host,
                    self.patience.as_secs(),
                    step.in_words()
                );
                Err(SendError::Trouble(sentence(self.server, &late)))
            }
        }
    }
}

/// The certificates that this machine trusts; reading them is no work for a thread that others wait for.
async fn tls(server: &SmtpServer) -> Result<TlsParameters, SendError> {
    let host = server.host.clone();
    let trouble =
        |error: String| SendError::Trouble(sentence(server, &format!("TLS can't be used: {error}.")));
    tokio::task::spawn_blocking(move || TlsParameters::new(host))
        .await
        .map_err(|error| trouble(error.to_string()))?
        .map_err(|error| trouble(error.to_string()))
}

/// Is this the server's word on this mail, or on us? Replies that ask for another way of signing in (RFC 4954 §6) and all
/// that is said before the recipient are about us.
fn is_final(step: Step, code: u16) -> bool {
    matches!(step, Step::Recipient | Step::Content)
        && (500..600).contains(&code)
        && !matches!(code, 530 | 534 | 535 | 538)
}

fn failure(server: &SmtpServer, step: Step, error: &Error) -> SendError {
    let host = &server.host;
    let said = error.source().map(ToString::to_string).unwrap_or_default();
    let Some(code) = error.status().map(u16::from) else {
        let said = if said.is_empty() { error.to_string() } else { said };
        let said = said.trim_end_matches('.');
        let trouble = if step == Step::Connect {
            format!("No connection to the mail server {host}, port {}: {said}.", server.port)
        } else {
            format!("The connection to the mail server {host} failed {}: {said}.", step.in_words())
        };
        return SendError::Trouble(sentence(server, &trouble));
    };
    let reply = format!("{code} {said}");
    let what = match step {
        Step::Connect | Step::StartTls => "the connection",
        Step::SignIn => "user name or password",
        Step::Sender => "the sender’s address",
        Step::Recipient => "the recipient",
        Step::Content => "the mail",
    };
    if is_final(step, code) {
        let refused = format!("The mail server {host} refused {what}: {reply}");
        SendError::Refused(sentence(server, &refused))
    } else {
        let verb = if code < 500 { "did not take" } else { "refused" };
        let trouble = format!("The mail server {host} {verb} {what}: {reply}");
        SendError::Trouble(sentence(server, &trouble))
    }
}

/// One line without the password, in whatever form a server may have echoed it.
fn sentence(server: &SmtpServer, text: &str) -> String {
    let (username, password) = (&server.username, &server.password);
    let mut text = text.to_owned();
    if !password.is_empty() {
        let encoded = [STANDARD.encode(format!("\u{0}{username}\u{0}{password}")), STANDARD.encode(password)];
        for secret in encoded.iter().chain([password]) {
            text = text.replace(secret.as_str(), "(secret)");
        }
    }
    clean::line(&text, SENTENCE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server() -> SmtpServer {
        SmtpServer {
            host: "mail.example.com".into(),
            port: 587,
            security: Security::StartTls,
            username: "ada".into(),
            password: "hunter2".into(),
        }
    }

    #[test]
    fn the_password_is_never_shown() {
        let server = server();
        assert!(!format!("{server:?}").contains("hunter2"));
        for echoed in [
            "535 bad password hunter2".to_owned(),
            format!("500 unknown command AUTH PLAIN {}", STANDARD.encode("\u{0}ada\u{0}hunter2")),
            format!("500 unknown command {}", STANDARD.encode("hunter2")),
        ] {
            let shown = sentence(&server, &echoed);
            assert!(shown.ends_with("(secret)"), "{shown}");
        }
    }

    #[test]
    fn sentences_are_short_and_one_line() {
        let shown = sentence(&server(), &format!("554 {}\r\nsecond", "x".repeat(1_000)));
        assert!(shown.chars().count() == 300 && !shown.contains(['\r', '\n']), "{shown}");
    }

    #[test]
    fn only_a_word_on_the_mail_itself_is_final() {
        for (step, code, last) in [
            (Step::Recipient, 550, true),
            (Step::Content, 554, true),
            (Step::Recipient, 451, false),
            (Step::Recipient, 530, false),
            (Step::Sender, 550, false),
            (Step::SignIn, 535, false),
            (Step::Connect, 554, false),
        ] {
            assert_eq!(is_final(step, code), last, "{step:?} {code}");
        }
    }

    #[test]
    fn securities_have_words() {
        for security in Security::ALL {
            assert_eq!(Security::from_word(security.as_str()), Some(security));
        }
        assert_eq!(Security::from_word("ssl"), None);
    }
}
