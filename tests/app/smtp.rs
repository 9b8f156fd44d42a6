//! What is written out and how it leaves, held against a mail server and readers that nobody here wrote.

use crate::{
    harness::block_on,
    peers::{Smtp, parse, parse_all},
};
use chrono::{DateTime, TimeDelta, Utc};
use meridian::{
    domain::{
        appointment::BookingStatus, event_type::Price, ids::MessageId, questions::Answer, zone::LocalTime,
    },
    server::{
        crypto::Secret,
        links::Links,
        mail::{
            letter::{About, By, Content, Letter, Person, Reader, What},
            render::{Rendered, Wire, render},
            smtp::{Patience, Security, SendError, SmtpServer, send, send_within},
        },
        zones,
    },
};
use serde_json::{Value, json};
use std::time::Duration;

const WHATS: [What; 10] = [
    What::Confirmed,
    What::Pending,
    What::Approved,
    What::Declined,
    What::Expired,
    What::Moved,
    What::Cancelled,
    What::Guests,
    What::Reminder,
    What::Released,
];

const FROM: &str = "hello@studio.example";

fn id<T: TryFrom<String>>(n: u32) -> T {
    T::try_from(format!("0193b5a0-7c1e-7000-8000-{n:012}")).ok().unwrap()
}

fn person(name: &str, email: &str) -> Person {
    Person { name: name.into(), email: email.into() }
}

fn readers() -> [Reader; 3] {
    [Reader::Invitee, Reader::Guest, Reader::Host(id(3))]
}

fn about(what: What, reader: Reader, start: DateTime<Utc>) -> About {
    let uid = if matches!(reader, Reader::Host(_)) { 1 } else { 2 };
    About {
        in_calendar: false,
        what,
        reader,
        by: By::Invitee,
        booking: id(1),
        invitee: id(2),
        status: match what {
            What::Pending => BookingStatus::Pending,
            What::Declined => BookingStatus::Declined,
            What::Cancelled | What::Expired => BookingStatus::Cancelled,
            _ => BookingStatus::Confirmed,
        },
        uid: format!("0193b5a0-7c1e-7000-8000-{uid:012}"),
        sequence: 3,
        organizer: FROM.into(),
        service: "First visit".into(),
        start,
        end: start + TimeDelta::minutes(45),
        was: (what == What::Moved).then(|| start - TimeDelta::days(1)),
        hosts: vec![person("Grace Hopper", "grace@studio.example")],
        place: "Video call".into(),
        place_detail: "https://meet.example.com/a,b;c".into(),
        who: person("Ada \"the Countess\" Lovelace, née Byron", "ada@example.org"),
        phone: "+44 20 7946 0000".into(),
        who_zone: "Europe/London".into(),
        guests: vec!["emmy@example.net".into(), "o'neil+x@example.net".into()],
        participants: Vec::new(),
        seats: 1,
        notes: "First line;\nsecond, \\ line: 数学".into(),
        answers: vec![Answer { key: "t".into(), label: "Topic".into(), value: "Engines".into() }],
        price: Some(Price { minor: 4500, currency: "EUR".into() }),
        reason: String::new(),
        policy: vec!["You can move it until 1 day before it starts.".into()],
        can_move: true,
        can_cancel: true,
        expires: (what == What::Pending).then(|| start - TimeDelta::hours(2)),
        rsvp: None,
        own_subject: String::new(),
        own_paragraph: "Bring {{name}}’s passport.".into(),
    }
}

fn letter(zone: &str, about: About) -> Letter {
    let to = match &about.reader {
        Reader::Invitee => about.who.clone(),
        Reader::Guest => person("", "emmy@example.net"),
        Reader::Host(_) => person("Grace Hopper", "grace@studio.example"),
    };
    Letter {
        to,
        zone: zone.into(),
        workspace: "Studio “Rosa”, Köln".into(),
        workspace_slug: "rosa".into(),
        content: Content::Booking(Box::new(about)),
    }
}

fn write(letter: &Letter) -> Rendered {
    let secret = Secret::new(vec![7; 32]).unwrap();
    let message: MessageId = id(9);
    let from = person("", FROM);
    let links = Links { public_url: "https://book.example.com", secret: &secret };
    let at = "2026-02-01T10:00:00Z".parse().unwrap();
    render(letter, &Wire { links, from: &from, message: &message, at }).unwrap()
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn server(smtp: &Smtp) -> SmtpServer {
    SmtpServer {
        host: "localhost".into(),
        port: smtp.port,
        security: Security::None,
        username: String::new(),
        password: String::new(),
    }
}

fn hand_over(smtp: &Smtp, to: &str, mime: &[u8]) -> Result<(), SendError> {
    block_on(send(&server(smtp), FROM, to, mime))
}

/// With a second of patience.
fn hurried(server: &SmtpServer, to: &str) -> Result<(), SendError> {
    let patience = Patience { step: Duration::from_secs(1), mail: Duration::from_secs(5) };
    let mime =
        write(&letter("UTC", about(What::Confirmed, Reader::Invitee, at("2026-03-03T13:30:00Z")))).mime;
    block_on(send_within(patience, server, FROM, to, &mime))
}

/// Was it trouble? What was said of it.
fn trouble(result: Result<(), SendError>) -> String {
    match result {
        Err(SendError::Trouble(sentence)) => {
            assert!(sentence.chars().count() <= 300 && !sentence.contains('\n'), "{sentence}");
            sentence
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_letter_is_read_without_a_defect_by_an_independent_reader() {
    let zones = ["Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "UTC"];
    let mut expected = Vec::new();
    let mut mails = Vec::new();
    for zone in zones {
        for what in WHATS {
            for reader in readers() {
                let about = about(what, reader, at("2026-03-03T13:30:00Z"));
                let letter = letter(zone, about.clone());
                mails.push(write(&letter).mime);
                expected.push((zone, letter, about));
            }
        }
    }
    for ((zone, letter, about), read) in expected.iter().zip(parse_all(&mails)) {
        let what = format!("{:?} {:?} {zone}: {read:#}", about.what, about.reader);
        assert_eq!(read["defects"], json!([]), "{what}");
        assert_eq!(read["to"], json!([{"name": letter.to.name, "email": letter.to.email}]), "{what}");
        assert_eq!(read["from"], json!([{"name": "Studio “Rosa”, Köln", "email": FROM}]), "{what}");
        assert_eq!(read["headers"]["references"], format!("<thread.{}@studio.example>", about.uid), "{what}");
        let calendar = &read["calendar"];
        let method = match about.what {
            What::Reminder => Value::Null,
            What::Cancelled | What::Declined | What::Expired | What::Released => json!("CANCEL"),
            _ => json!("REQUEST"),
        };
        assert_eq!(calendar.get("method").cloned().unwrap_or_default(), method, "{what}");
        if method.is_null() {
            assert_eq!(read["structure"]["type"], "multipart/alternative", "{what}");
            continue;
        }
        assert_eq!(
            read["structure"],
            json!({"type": "multipart/mixed", "parts": [
                {"type": "multipart/alternative", "parts": [
                    {"type": "text/plain", "file": null},
                    {"type": "text/html", "file": null},
                    {"type": "text/calendar", "file": null},
                ]},
                {"type": "application/ics", "file": "invite.ics"},
            ]}),
            "{what}"
        );
        assert_eq!(calendar["start"], "2026-03-03T13:30:00Z", "{what}");
        assert_eq!(calendar["end"], "2026-03-03T14:15:00Z", "{what}");
        assert_eq!(calendar["uid"], about.uid, "{what}");
        assert_eq!(calendar["sequence"], 3, "{what}");
        assert_eq!(calendar["organizer"]["uri"], format!("mailto:{FROM}"), "{what}");
        assert_eq!(calendar["tzid"], if *zone == "UTC" { Value::Null } else { json!(zone) }, "{what}");
        assert_eq!(calendar["location"], about.place_detail, "{what}");
        if about.reader == (Reader::Host(id(3))) {
            let description = calendar["description"].as_str().unwrap();
            assert!(description.contains("First line;\nsecond, \\ line: 数学\nTopic: Engines"), "{what}");
        }
    }
}

#[test]
fn calendars_compute_the_instants_that_were_booked() {
    // Around every change of the clock, and in calm times: each quarter of an hour that a clock shows, shown twice or not.
    let mut expected = Vec::new();
    let mut mails = Vec::new();
    for (zone, around) in [
        ("Europe/Berlin", "2026-03-29T01:00:00Z"),
        ("Europe/Berlin", "2026-10-25T01:00:00Z"),
        ("Europe/Berlin", "2027-07-01T12:00:00Z"),
        ("America/New_York", "2026-11-01T06:00:00Z"),
        ("America/New_York", "2027-03-14T07:00:00Z"),
        ("Asia/Kolkata", "2026-06-01T00:00:00Z"),
        ("Australia/Lord_Howe", "2026-04-04T15:00:00Z"),
        ("Australia/Lord_Howe", "2026-10-03T15:30:00Z"),
        ("Africa/Casablanca", "2026-02-15T02:00:00Z"),
        ("Europe/Dublin", "2026-12-24T10:00:00Z"),
        ("America/St_Johns", "2026-03-08T05:30:00Z"),
        ("UTC", "2026-03-29T01:00:00Z"),
    ] {
        for quarter in -6..6_i32 {
            let start = at(around) + TimeDelta::minutes(i64::from(quarter) * 15);
            mails.push(write(&letter(zone, about(What::Confirmed, Reader::Invitee, start))).mime);
            expected.push((zone, start));
        }
    }
    let mut twice = 0;
    for ((zone, start), read) in expected.into_iter().zip(parse_all(&mails)) {
        assert_eq!(read["defects"], json!([]), "{zone} {start} {read:#}");
        let calendar = &read["calendar"];
        let iso = |at: DateTime<Utc>| at.format("%Y-%m-%dT%H:%M:%SZ").to_string();
        assert_eq!(calendar["start"], iso(start), "{zone} {calendar:#}");
        assert_eq!(calendar["end"], iso(start + TimeDelta::minutes(45)), "{zone} {calendar:#}");
        let rules = zones::rules(zone).unwrap();
        if let LocalTime::Overlap { last, .. } = rules.resolve(rules.local(start))
            && last == start
        {
            twice += 1;
            assert_eq!(calendar["has_vtimezone"], false, "{zone} {start}");
        }
    }
    assert!(twice > 5, "{twice}");
}

#[test]
fn a_mail_arrives_whole() {
    let smtp = Smtp::start();
    let names = [
        "Ada \"the Countess\" Lovelace, née Byron",
        "עדה לאבלייס",
        "李小龙 👩‍👩‍👧‍👦",
        "=?utf-8?b?RXZl?=",
        "O'Neil \\ (boss) <x@example.com>",
        &"Ärger ".repeat(19),
    ];
    for name in names {
        let mut about = about(What::Confirmed, Reader::Invitee, at("2026-03-03T13:30:00Z"));
        about.who.name = name.trim().into();
        about.own_subject = format!("{{{{name}}}} {}", "ü".repeat(255));
        about.own_paragraph = ".\n..\n.leading dots\n\nFrom here on\n--boundary".into();
        let letter = letter("Europe/Berlin", about);
        let mail = write(&letter);
        hand_over(&smtp, "ada@example.org", &mail.mime).unwrap();
        let mails = smtp.mails();
        let got = mails.last().unwrap();
        assert_eq!(got.to(), "ada@example.org");
        assert_eq!(got.envelope["from"], FROM);
        // Python 3.11 puts spaces between the encoded words of a long name (RFC 2047 §6.2 says to ignore them).
        let letters = |name: &str| name.split_whitespace().collect::<String>();
        assert_eq!(letters(got.read["to"][0]["name"].as_str().unwrap()), letters(name));
        let subject = mail.subject.replace("=?", "= ?");
        assert_eq!(got.subject(), subject);
        assert!(subject.chars().count() <= 201 && subject.ends_with('…'), "{subject}");
        assert_eq!(got.text().trim_end(), mail.text.trim_end());
        assert_eq!(got.read["html"].as_str().unwrap().trim_end(), mail.html.trim_end());
        assert_eq!(got.read["calendar"]["attendees"][0]["uri"], "mailto:ada@example.org");
        let sent = name.trim().replace('"', "'").replace('\\', "/");
        assert_eq!(got.read["calendar"]["attendees"][0]["name"], sent);
    }
    assert_eq!(smtp.count(), names.len());
}

#[test]
fn addresses_of_every_script_get_their_mail_where_the_server_can() {
    let mut about = about(What::Confirmed, Reader::Invitee, at("2026-03-03T13:30:00Z"));
    let plain = Smtp::start_with(&["--no-utf8"]);
    for (email, envelope) in
        [("jose@bücher.example", Some("jose@xn--bcher-kva.example")), ("josé@bücher.example", None)]
    {
        about.who.email = email.into();
        let mail = write(&letter("UTC", about.clone()));
        match (hand_over(&plain, email, &mail.mime), envelope) {
            (Ok(()), Some(envelope)) => assert_eq!(plain.wait_for(1)[0].to(), envelope),
            (Err(SendError::Refused(sentence)), None) => assert!(sentence.contains("josé@"), "{sentence}"),
            (other, _) => panic!("{other:?}"),
        }
    }
    let modern = Smtp::start();
    hand_over(&modern, "josé@bücher.example", &write(&letter("UTC", about)).mime).unwrap();
    let mail = &modern.wait_for(1)[0];
    assert_eq!(mail.to(), "josé@xn--bcher-kva.example");
    assert!(mail.envelope["options"].to_string().contains("SMTPUTF8"), "{}", mail.envelope);
}

#[test]
fn a_refusal_is_final_and_hinders_no_one_else() {
    let smtp = Smtp::start();
    let server = server(&smtp);
    for (to, said) in
        [("refuse-me@example.org", "550 5.1.1 There is nobody"), ("policy-x@example.org", "554 5.7.1")]
    {
        let refused = hurried(&server, to).unwrap_err();
        assert!(matches!(&refused, SendError::Refused(sentence) if sentence.contains(said)), "{refused:?}");
        hurried(&server, "ada@example.org").unwrap();
    }
    let nobody = hurried(&server, "nobody").unwrap_err();
    assert!(matches!(nobody, SendError::Refused(_)), "{nobody:?}");
    assert_eq!(smtp.count(), 2);
}

#[test]
fn trouble_is_told_from_a_refusal() {
    let smtp = Smtp::start();
    let server = server(&smtp);
    let later = trouble(hurried(&server, "later-2-x@example.org"));
    assert!(later.contains("451 4.3.2 Please come back later"), "{later}");
    trouble(hurried(&server, "later-2-x@example.org"));
    hurried(&server, "later-2-x@example.org").unwrap();
    for to in ["hang-x@example.org", "hangmail-x@example.org"] {
        let hangs = trouble(hurried(&server, to));
        assert!(hangs.contains("localhost"), "{hangs}");
    }
    let dropped = trouble(hurried(&server, "drop-x@example.org"));
    assert!(dropped.contains("after it was given the mail"), "{dropped}");
    hurried(&server, "drop-x@example.org").unwrap();
    // The answer to a mail may take longer than other answers.
    hurried(&server, "slow-x@example.org").unwrap();
    smtp.answer(Some("550 5.7.1 You may not send as this one"));
    let sender = trouble(hurried(&server, "ada@example.org"));
    assert!(sender.contains("sender’s address: 550 5.7.1"), "{sender}");
    smtp.answer(None);
    assert_eq!(smtp.count(), 3, "later, drop and slow got theirs once");
}

#[test]
fn a_mail_whose_answer_got_lost_comes_again_under_the_same_name() {
    let smtp = Smtp::start();
    trouble(hurried(&server(&smtp), "kept-x@example.org"));
    hurried(&server(&smtp), "kept-x@example.org").unwrap();
    let mails = smtp.wait_for(2);
    assert_eq!(mails[0].raw, mails[1].raw);
}

#[test]
fn a_server_that_is_not_there_is_trouble() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let nobody = SmtpServer {
        host: "127.0.0.1".into(),
        port,
        security: Security::None,
        username: String::new(),
        password: String::new(),
    };
    let closed = trouble(hurried(&nobody, "ada@example.org"));
    assert!(closed.contains(&format!("127.0.0.1, port {port}")) && closed.contains("refused"), "{closed}");
    let unknown = SmtpServer { host: "mail.invalid".into(), ..nobody.clone() };
    trouble(hurried(&unknown, "ada@example.org"));
    // Someone who listens and says nothing.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = SmtpServer { port: silent.local_addr().unwrap().port(), ..nobody };
    let silence = trouble(hurried(&silent, "ada@example.org"));
    assert!(silence.contains("while connecting"), "{silence}");
}

#[test]
fn passwords_are_checked_and_never_told() {
    let smtp = Smtp::start_with(&["--auth", "ada:correct horse"]);
    let right = SmtpServer { username: "ada".into(), password: "correct horse".into(), ..server(&smtp) };
    hurried(&right, "ada@example.org").unwrap();
    assert_eq!(smtp.wait_for(1)[0].envelope["user"], "ada");
    let wrong = SmtpServer { password: "battery staple".into(), ..right.clone() };
    let refused = trouble(hurried(&wrong, "ada@example.org"));
    assert!(refused.contains("user name or password: 535") && !refused.contains("battery"), "{refused}");
    let nobody = trouble(hurried(&server(&smtp), "ada@example.org"));
    assert!(nobody.contains("530"), "{nobody}");
    assert_eq!(smtp.count(), 1);
}

#[test]
fn a_server_that_offers_no_tls_gets_nothing() {
    let smtp = Smtp::start();
    let private = SmtpServer { security: Security::StartTls, ..server(&smtp) };
    let sentence = trouble(hurried(&private, "ada@example.org"));
    assert!(sentence.contains("STARTTLS"), "{sentence}");
    let wrapped = SmtpServer { security: Security::Tls, ..server(&smtp) };
    trouble(hurried(&wrapped, "ada@example.org"));
    assert_eq!(smtp.count(), 0);
}

/// Runs [`over_tls`] in a process of its own, since which authorities are trusted is said by the environment.
fn in_a_process_that_trusts(smtp: &Smtp, security: Security) {
    let status = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["smtp::over_tls", "--exact", "--ignored", "--nocapture"])
        .env("SSL_CERT_FILE", smtp.authority())
        .env("MERIDIAN_TEST_SMTP", format!("{}:{}", security.as_str(), smtp.port))
        .stdout(std::process::Stdio::null())
        .status()
        .unwrap();
    assert!(status.success(), "{security:?}");
}

#[test]
#[ignore = "a part of tls_is_used_and_certificates_are_checked"]
fn over_tls() {
    let peer = std::env::var("MERIDIAN_TEST_SMTP").expect("run by tls_is_used_and_certificates_are_checked");
    let (security, port) = peer.split_once(':').unwrap();
    let server = SmtpServer {
        host: "localhost".into(),
        port: port.parse().unwrap(),
        security: Security::from_word(security).unwrap(),
        username: "ada".into(),
        password: "correct horse".into(),
    };
    hurried(&server, "ada@example.org").unwrap();
}

#[test]
fn tls_is_used_and_certificates_are_checked() {
    for (option, security) in [("--starttls", Security::StartTls), ("--tls", Security::Tls)] {
        let smtp = Smtp::start_with(&[option, "--auth", "ada:correct horse"]);
        let private = SmtpServer { security, ..server(&smtp) };
        let unknown = trouble(hurried(&private, "ada@example.org"));
        assert!(unknown.contains("certificate"), "{unknown}");
        assert_eq!(smtp.count(), 0);
        in_a_process_that_trusts(&smtp, security);
        let mail = &smtp.wait_for(1)[0];
        assert_eq!(mail.envelope["tls"], true, "{}", mail.envelope);
        assert_eq!(mail.envelope["user"], "ada");
    }
}

#[test]
fn one_connection_carries_many_mails() {
    let smtp = Smtp::start();
    let server = server(&smtp);
    let mime =
        write(&letter("UTC", about(What::Confirmed, Reader::Invitee, at("2026-03-03T13:30:00Z")))).mime;
    block_on(async {
        for number in 0..20 {
            send(&server, FROM, &format!("n{number}@example.org"), &mime).await.unwrap();
        }
    });
    let mails = smtp.mails();
    let expected: Vec<String> = (0..20).map(|number| format!("n{number}@example.org")).collect();
    assert_eq!(mails.iter().map(|mail| mail.to().to_owned()).collect::<Vec<_>>(), expected);
    let first = &mails[0].envelope["connection"];
    assert!(mails.iter().all(|mail| mail.envelope["connection"] == *first), "one connection");
    assert_eq!(parse(&mails[0].raw)["defects"], json!([]));
}

/// For whoever changes how mails look.
#[test]
#[ignore = "writes mails into target/mails, to look at"]
fn look() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("target/mails");
    std::fs::create_dir_all(&folder).unwrap();
    let keep = |name: &str, mail: &Rendered| {
        std::fs::write(folder.join(format!("{name}.html")), &mail.html).unwrap();
        std::fs::write(folder.join(format!("{name}.txt")), &mail.text).unwrap();
        std::fs::write(folder.join(format!("{name}.eml")), &mail.mime).unwrap();
    };
    for what in WHATS {
        for reader in readers() {
            let name = format!(
                "{what:?}-{}",
                match reader {
                    Reader::Invitee => "invitee",
                    Reader::Guest => "guest",
                    Reader::Host(_) => "host",
                }
            );
            let mut about = about(what, reader, at("2026-03-03T13:30:00Z"));
            if matches!(what, What::Cancelled | What::Declined) {
                about.reason = "Something came up, I am sorry.".into();
            }
            keep(&name, &write(&letter("Europe/Berlin", about)));
        }
    }
    let start = at("2026-03-03T13:30:00Z");
    let end = at("2026-03-03T14:15:00Z");
    for (name, content) in [
        ("verify", Content::Verify { order: id(4), service: "First visit".into(), start, end }),
        ("portal", Content::PortalLink { link: id(5) }),
        (
            "webhook",
            Content::WebhookDisabled {
                webhook: id(6),
                url: "https://hooks.example.com/meridian".into(),
                reason: "500 Internal Server Error".into(),
            },
        ),
        ("test", Content::Test),
    ] {
        let about = about(What::Confirmed, Reader::Invitee, start);
        keep(name, &write(&Letter { content, ..letter("Europe/Berlin", about) }));
    }
}
