use super::*;
use crate::server::{
    crypto::Secret,
    mail::{letter::By, samples},
};

fn rendered(letter: &Letter, secret: &Secret) -> Rendered {
    let from = samples::person("", "hello@studio.example");
    let message = samples::id(9);
    let wire = Wire {
        links: Links { public_url: samples::PUBLIC, secret },
        from: &from,
        message: &message,
        at: "2026-02-01T10:00:00Z".parse().unwrap(),
    };
    render(letter, &wire).unwrap()
}

fn written(what: What, reader: Reader, change: impl FnOnce(&mut Letter, &mut About)) -> Rendered {
    let (mut letter, mut about) = samples::booking(what, reader);
    change(&mut letter, &mut about);
    rendered(&samples::about(&letter, about), &samples::secret())
}

fn headers(rendered: &Rendered) -> String {
    let mime = String::from_utf8(rendered.mime.clone()).unwrap();
    mime.split_once("\r\n\r\n").unwrap().0.to_owned()
}

fn host() -> Reader {
    Reader::Host(samples::id(3))
}

#[test]
fn the_same_letter_is_always_the_same_bytes() {
    for what in samples::ALL {
        for reader in samples::readers() {
            let (letter, _) = samples::booking(what, reader);
            let first = rendered(&letter, &samples::secret());
            assert_eq!(first.mime, rendered(&letter, &samples::secret()).mime, "{what:?}");
            assert_eq!(first.subject, subject(&letter));
        }
    }
}

#[test]
fn text_and_html_say_the_same() {
    for what in samples::ALL {
        for reader in samples::readers() {
            let mail = written(what, reader.clone(), |_, _| ());
            for (text, html) in
                [("First visit", "First visit"), ("Tuesday, 3 March 2026", "Tuesday, 3 March 2026")]
            {
                assert!(mail.text.contains(text) && mail.html.contains(html), "{what:?} {reader:?} {text}");
            }
            assert!(mail.text.contains("14:30 – 15:00, Europe/Berlin (UTC+1)"), "{}", mail.text);
            assert!(mail.subject.contains("Tue 3 March, 14:30"), "{}", mail.subject);
        }
    }
}

#[test]
fn nothing_is_loaded_from_anywhere() {
    for what in samples::ALL {
        for reader in samples::readers() {
            let html = written(what, reader, |_, _| ()).html;
            for remote in ["<img", "<link", "src=", "@import", "url(", "<script", "<iframe"] {
                assert!(!html.contains(remote), "{remote} in {html}");
            }
        }
    }
}

#[test]
fn what_people_enter_is_text_and_nothing_else() {
    let mail = written(What::Confirmed, host(), |_, about| {
        about.who.name = "<script>alert(1)</script>\" onload=\"x".into();
        about.service = "<b>bold</b>".into();
        about.notes = "<img src=x>\n</table>".into();
        about.place_detail = "https://x.example/\"><script>".into();
        about.answers[0].label = "<i>".into();
        about.guests = vec!["<u>@example.com".into()];
    });
    for tag in ["<script", "<b>", "<img", "<i>", "<u>", "\" onload", "</table></"] {
        assert!(!mail.html.contains(tag), "{tag} in {}", mail.html);
    }
    assert!(mail.html.contains("&lt;img src=x&gt;<br>&lt;/table&gt;"), "{}", mail.html);
    assert!(mail.text.contains("<img src=x>"), "{}", mail.text);
}

#[test]
fn names_and_subjects_cannot_make_headers() {
    let evil = "x\r\nBcc: evil@example.com\r\n\r\nbody";
    let mail = written(What::Confirmed, Reader::Invitee, |letter, about| {
        letter.to.name = evil.into();
        letter.workspace = evil.into();
        about.service = evil.into();
        about.who.name = evil.into();
    });
    let found = headers(&mail);
    assert!(!found.to_lowercase().contains("\nbcc"), "{found}");
    let own = written(What::Confirmed, Reader::Invitee, |_, about| about.own_subject = evil.into());
    assert_eq!(own.subject, "x Bcc: evil@example.com body");
    assert!(!headers(&own).contains("\nBcc"), "{}", headers(&own));
    let (letter, _) = samples::booking(What::Confirmed, Reader::Invitee);
    let mut letter = letter;
    letter.to.email = "a@example.com\r\nBcc: evil@example.com".into();
    let (from, message, secret) = (samples::person("", "a@b.example"), samples::id(9), samples::secret());
    let links = Links { public_url: samples::PUBLIC, secret: &secret };
    let wire = Wire { links, from: &from, message: &message, at: DateTime::default() };
    assert!(matches!(render(&letter, &wire), Err(RenderError::Address(_))));
}

#[test]
fn headers_are_those_of_a_mail_that_a_machine_wrote() {
    let found = headers(&written(What::Moved, Reader::Invitee, |_, _| ()));
    for line in [
        "Date: Sun, 01 Feb 2026 10:00:00 +0000",
        "From: \"Studio Rosa\" <hello@studio.example>",
        "To: \"Ada Lovelace\" <ada@example.org>",
        "Message-ID: <0193b5a0-7c1e-7000-8000-000000000009@studio.example>",
        "References: <thread.0193b5a0-7c1e-7000-8000-000000000002@studio.example>",
        "Auto-Submitted: auto-generated",
    ] {
        assert!(found.replace("\r\n ", " ").contains(line), "{line}\n{found}");
    }
    assert!(!found.contains("Reply-To") && !found.contains("List-Unsubscribe"), "{found}");
}

#[test]
fn hosts_can_answer_and_nobody_learns_their_address() {
    let found = headers(&written(What::Confirmed, host(), |_, _| ()));
    assert!(found.contains("Reply-To: \"Ada Lovelace\" <ada@example.org>"), "{found}");
    for reader in [Reader::Invitee, Reader::Guest] {
        for what in samples::ALL {
            let mail = written(what, reader.clone(), |_, _| ());
            let all = format!("{}{}{}", headers(&mail), mail.text, mail.html);
            assert!(!all.contains("grace@") && !all.contains("alan@"), "{what:?} {reader:?} {all}");
        }
    }
}

#[test]
fn reminders_to_invitees_can_be_ended() {
    let mail = written(What::Reminder, Reader::Invitee, |_, _| ());
    let found = headers(&mail).replace("\r\n ", " ");
    assert!(found.contains("List-Unsubscribe: <https://book.example.com/unsubscribe/0193b5a0"), "{found}");
    assert!(found.contains("List-Unsubscribe-Post: List-Unsubscribe=One-Click"), "{found}");
    assert!(mail.text.contains("/unsubscribe/") && mail.html.contains("/unsubscribe/"));
    for reader in [Reader::Guest, host()] {
        let mail = written(What::Reminder, reader, |_, _| ());
        assert!(!headers(&mail).contains("Unsubscribe") && !mail.html.contains("/unsubscribe/"));
    }
}

#[test]
fn each_reader_gets_the_links_that_are_theirs() {
    let invitee = written(What::Confirmed, Reader::Invitee, |_, _| ()).text;
    assert!(invitee.contains("Move or cancel:\nhttps://book.example.com/appointment/"), "{invitee}");
    let fixed = written(What::Confirmed, Reader::Invitee, |_, about| {
        (about.can_move, about.can_cancel) = (false, false);
    });
    assert!(fixed.text.contains("Show the appointment:\nhttps://"), "{}", fixed.text);
    for what in samples::ALL {
        let guest = written(what, Reader::Guest, |_, _| ());
        for link in ["/appointment/", "/approval/", "/booking", "/unsubscribe/"] {
            assert!(!guest.text.contains(link) && !guest.html.contains(link), "{what:?} {link}");
        }
        let host = written(what, host(), |_, _| ()).text;
        assert!(!host.contains("/appointment/"), "{what:?} {host}");
        assert_eq!(host.contains("/approval/"), what == What::Pending, "{what:?} {host}");
        assert!(host.contains("https://book.example.com/booking\n"), "{what:?} {host}");
    }
    let pending = written(What::Pending, host(), |_, _| ()).text;
    assert!(pending.contains("until Monday 2 March, 09:00, Europe/Berlin (UTC+1)"), "{pending}");
}

#[test]
fn hosts_read_who_booked_and_invitees_do_not_read_it_back() {
    let host = written(What::Confirmed, host(), |_, _| ()).text;
    for text in [
        "ada@example.org",
        "+44 20 7946 0000",
        "Bring <cake>\n            and tea",
        "Engines & looms",
        "guest@example.net",
        "Their time: Tuesday, 3 March 2026\n            13:30 – 14:00, Europe/London (UTC)",
    ] {
        assert!(host.contains(text), "{text}\n{host}");
    }
    let guest = written(What::Confirmed, Reader::Guest, |_, _| ()).text;
    assert!(!guest.contains("+44") && !guest.contains("Bring") && !guest.contains("guest@"), "{guest}");
}

#[test]
fn a_moved_appointment_names_both_times_and_an_ended_one_its_reason() {
    let moved = written(What::Moved, Reader::Invitee, |_, about| about.by = By::Member("Grace".into()));
    assert!(moved.text.contains("Grace moved “First visit”."), "{}", moved.text);
    assert!(
        moved.text.contains("Before:     Monday, 2 March 2026\n            10:00 – 10:30"),
        "{}",
        moved.text
    );
    assert!(moved.html.contains("<s>Monday, 2 March 2026<br>10:00 – 10:30"), "{}", moved.html);
    for what in [What::Cancelled, What::Declined] {
        for reader in samples::readers() {
            let mail = written(what, reader, |_, _| ());
            assert!(mail.text.contains("Reason:     I am ill"), "{}", mail.text);
            assert!(
                !mail.text.contains("meet.example.com"),
                "a place that nobody has to find: {}",
                mail.text
            );
        }
    }
}

#[test]
fn the_owners_words_reach_invitees_and_guests_only() {
    let own = |_: &mut Letter, about: &mut About| {
        about.own_subject = "See you, {{first_name}}!".into();
        about.own_paragraph = "Bring your <passport>, {{name}}.\n\nYours, {{workspace}}".into();
    };
    for reader in [Reader::Invitee, Reader::Guest] {
        for what in [What::Confirmed, What::Approved] {
            assert_eq!(written(what, reader.clone(), own).subject, "See you, Ada!");
        }
        let reminder = written(What::Reminder, reader, own);
        assert!(reminder.subject.starts_with("Reminder: "), "{}", reminder.subject);
        assert!(reminder.text.contains("Bring your <passport>, Ada Lovelace.\n\nYours, Studio Rosa"));
        assert!(
            reminder.html.contains("Bring your &lt;passport&gt;, Ada Lovelace.<br><br>Yours, Studio Rosa")
        );
    }
    let host = written(What::Confirmed, host(), own);
    assert!(host.subject.starts_with("New booking: "), "{}", host.subject);
    assert!(!host.text.contains("passport"), "{}", host.text);
}

#[test]
fn other_mails_carry_their_links() {
    let secret = samples::secret();
    let ada = || samples::person("Ada", "ada@example.org");
    let order = samples::id(5);
    let code = secret.order_code(&order);
    let start = "2026-03-03T13:30:00Z".parse().unwrap();
    let end = "2026-03-03T14:00:00Z".parse().unwrap();
    let letter = samples::letter(ada(), Content::Verify { order, service: "First visit".into(), start, end });
    let verify = rendered(&letter, &secret);
    assert!(!verify.subject.contains(&code), "subjects are kept: {}", verify.subject);
    assert!(verify.text.contains(&format!("    {code}\n")) && verify.html.contains(&code));
    assert!(verify.text.contains("/verify/") && verify.html.contains("/verify/"));
    assert!(verify.text.contains("30 minutes"), "{}", verify.text);
    assert!(verify.calendar.is_none());
    for (content, link) in [
        (Content::PortalLink { link: samples::id(6) }, Some("/my/rosa/enter/")),
        (
            Content::WebhookDisabled {
                webhook: samples::id(7),
                url: "https://hooks.example.com/x".into(),
                reason: "500 Internal Server Error".into(),
            },
            Some("/booking/webhooks/0193b5a0"),
        ),
        (Content::Test, None),
    ] {
        let mail = rendered(&samples::letter(ada(), content), &secret);
        assert!(!headers(&mail).contains("References"), "{}", headers(&mail));
        if let Some(link) = link {
            assert!(mail.text.contains(link) && mail.html.contains(link), "{}", mail.text);
        }
    }
}

#[test]
fn a_name_of_ten_thousand_characters_is_cut() {
    let long = "é".repeat(10_000);
    let mail = written(What::Confirmed, Reader::Invitee, |letter, about| {
        letter.to.name = long.clone();
        letter.workspace = long.clone();
        about.service = long.clone();
        about.who.name = long.clone();
    });
    assert!(mail.subject.chars().count() <= 200);
    assert!(headers(&mail).split("\r\n").all(|line| line.len() <= 78), "{}", headers(&mail));
    assert!(mail.mime.split(|byte| *byte == b'\n').all(|line| line.len() <= 998));
}

#[test]
fn hosts_of_shared_seats_read_who_takes_part_and_not_who_left() {
    let mail = written(What::Guests, host(), |_, about| {
        about.seats = 8;
        about.participants = vec!["Emmy Noether".into(), "Alan Kay".into()];
    });
    assert!(
        mail.text.contains("Taking part (2 of 8):\n            Emmy Noether\n            Alan Kay"),
        "{}",
        mail.text
    );
    assert!(!mail.text.contains("Ada") && !mail.subject.contains("Ada"), "{}", mail.text);
    let calendar = mail.calendar.unwrap();
    assert!(calendar.contains("METHOD:REQUEST") && !calendar.contains("ada@"), "{calendar}");
}
