//! From an address and a password to calendars.

use super::{
    Member,
    fake::{Answer, Asked, Fake, Shelf, answer, has, multistatus, silence},
    peer::{Kind, Peer, each_server},
};
use meridian::server::calendars::{Provider, access::Connect, caldav::CalDav, fault::Fault};

each_server!(calendars_are_found_from_any_address, a_calendar_has_its_name_and_may_be_written);

async fn calendars_are_found_from_any_address(kind: Kind) {
    let peer = Peer::start(kind);
    let host = peer.url.trim_end_matches('/').to_owned();
    let home = peer.work.trim_end_matches('/').rsplit_once('/').unwrap().0.to_owned();
    let mut keys = Vec::new();
    for address in [
        host.clone(),
        format!("{host}/"),
        format!("{host}/.well-known/caldav"),
        peer.principal.clone(),
        peer.principal.trim_end_matches('/').to_owned(),
        format!("{home}/"),
        peer.work.clone(),
    ] {
        let rosa = Member::rosa(&address).await;
        let calendars = rosa.calendars().await.unwrap();
        assert!(calendars.iter().any(|calendar| calendar.name == "Work"), "{address}: {calendars:?}");
        keys.push(rosa.account().await.unwrap().key);
    }
    keys.dedup();
    assert_eq!(keys, std::slice::from_ref(&peer.principal), "it is the same account each time");
}

async fn a_calendar_has_its_name_and_may_be_written(kind: Kind) {
    let mut peer = Peer::start(kind);
    peer.make("Büro & <Atelier>", &["VEVENT"]);
    let rosa = Member::rosa(&peer.url).await;
    let calendars = rosa.calendars().await.unwrap();
    let office = calendars.iter().find(|calendar| calendar.name == "Büro & <Atelier>").unwrap();
    assert!(office.writable);
    assert!(office.id.starts_with('/') && office.id.ends_with('/'), "{}", office.id);
    assert_eq!(calendars.iter().filter(|calendar| calendar.primary).count(), 1);
}

#[tokio::test]
async fn a_wrong_password_is_said_for_its_field() {
    let peer = Peer::start(Kind::Radicale);
    for (user, password) in
        [("rosa", "wrong"), ("nobody", "secret"), ("rosa", ""), ("rosa:x", "sec:ret"), ("rösa", "💥")]
    {
        let fault = Member::new(&peer.url, user, password).account().await.unwrap_err();
        let Fault::Revoked(sentence) = fault else { panic!("{fault:?}") };
        assert!(sentence.contains("user name and password"), "{sentence}");
    }
}

#[tokio::test]
async fn each_account_has_its_own_key() {
    let peer = Peer::start(Kind::Radicale);
    let rosa = Member::new(&peer.url, "rosa", "secret").account().await.unwrap();
    let leo = Member::new(&peer.url, "leo", "secret").account().await.unwrap();
    assert_ne!(rosa.key, leo.key);
    assert_eq!((rosa.label.as_str(), leo.label.as_str()), ("rosa (127.0.0.1)", "leo (127.0.0.1)"));
}

#[test]
fn presets_say_where_to_get_a_password() {
    let Connect::Password { presets } = CalDav.connect() else { panic!() };
    let keys: Vec<&str> = presets.iter().map(|preset| preset.key).collect();
    assert_eq!(keys, ["icloud", "nextcloud", "fastmail", "other"]);
    for preset in presets {
        assert!(preset.hint.contains("password") && preset.hint.ends_with('.'), "{}", preset.name);
        assert!(preset.url.is_empty() || preset.url.starts_with("https://"));
    }
}

/// The sentence for the field of the address.
async fn refused(url: &str) -> String {
    match Member::new(url, "rosa", "secret").account().await {
        Err(Fault::Refused(sentence)) => sentence,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_is_no_caldav_server_is_called_so() {
    let page = |_: &Asked, _: &mut Shelf| Some(answer(200, "<!DOCTYPE html><html><p>Welcome</html>"));
    let nothing = |_: &Asked, _: &mut Shelf| Some(answer(404, "not found"));
    let other_dav = |asked: &Asked, _: &mut Shelf| {
        Some(multistatus(&has(&asked.path, "<d:resourcetype><d:collection/></d:resourcetype>")))
    };
    let html_207 = |_: &Asked, _: &mut Shelf| Some(answer(207, "<html><p>hm"));
    for fake in [Fake::start(page), Fake::start(nothing), Fake::start(other_dav), Fake::start(html_207)] {
        for path in ["", "dav/", "some/file.html"] {
            let sentence = refused(&format!("{}{path}", fake.url)).await;
            assert!(sentence.starts_with("No CalDAV server answers at this address."), "{sentence}");
        }
    }
}

#[tokio::test]
async fn what_is_no_address_is_called_so() {
    for url in [
        "",
        "no address",
        "ftp://example.com/",
        "https://rosa:secret@example.com/",
        "https://169.254.169.254/",
    ] {
        assert!(!refused(url).await.is_empty(), "{url}");
    }
}

#[tokio::test]
async fn a_host_alone_is_called_by_https() {
    let fake = Fake::good();
    let host = fake.url.trim_start_matches("http://");
    let answer = Member::new(host, "rosa", "secret").account().await;
    assert!(matches!(answer, Err(Fault::Temporary(_))), "it speaks no TLS: {answer:?}");
    assert!(!fake.shelf().asked.iter().any(|asked| asked.header("authorization").is_some()));
}

#[tokio::test]
async fn every_kind_of_redirect_is_followed() {
    for status in [301, 302, 307, 308] {
        let fake = Fake::start(move |asked, _| {
            let moved = answer(status, "").with("location", "/dav/");
            (asked.path == "/.well-known/caldav").then_some(moved)
        });
        let rosa = Member::rosa(&fake.url).await;
        assert_eq!(rosa.calendars().await.unwrap().len(), 1, "{status}");
        let asked = fake.shelf().asked.clone();
        assert!(asked.iter().any(|asked| asked.is("PROPFIND", "/dav/")), "the method stays");
        for asked in asked.iter().filter(|asked| !asked.body.is_empty()) {
            assert_eq!(asked.header("content-type"), Some("application/xml; charset=utf-8"));
        }
    }
}

#[tokio::test]
async fn endless_redirects_end() {
    let fake = Fake::start(|asked, shelf| {
        let next = format!("/{}", shelf.asked.len());
        (asked.method == "PROPFIND").then(|| answer(302, "").with("location", &next))
    });
    let sentence = refused(&fake.url).await;
    assert!(sentence.contains("without end"), "{sentence}");
    assert!(fake.shelf().asked.len() <= 6);
}

/// Another name for the same machine, so that it is another host.
fn by_name(url: &str) -> String {
    url.replace("127.0.0.1", "localhost")
}

#[tokio::test]
async fn a_redirect_to_another_host_without_encryption_gets_no_password() {
    let other = Fake::good();
    let elsewhere = by_name(&other.url);
    let fake = Fake::start(move |_, _| Some(answer(302, "").with("location", &elsewhere)));
    let sentence = refused(&fake.url).await;
    assert!(sentence.contains("localhost") && sentence.contains("without encryption"), "{sentence}");
    assert!(other.shelf().asked.is_empty(), "it was never asked");
}

#[tokio::test]
async fn redirects_into_places_that_may_not_be_called_are_refused() {
    for to in [
        "https://169.254.169.254/latest/",
        "http://[::]/",
        "ftp://127.0.0.1/",
        "http://a:b@127.0.0.1/",
        "https://x:22/",
    ] {
        let fake = Fake::start(move |_, _| Some(answer(307, "").with("location", to)));
        assert!(!refused(&fake.url).await.is_empty(), "{to}");
    }
}

fn home_at(home: String) -> impl Fn(&Asked, &mut Shelf) -> Option<Answer> {
    move |asked, _| {
        let set = format!("<c:calendar-home-set><d:href>{home}</d:href></c:calendar-home-set>");
        let who = "<d:current-user-principal><d:href>/123/principal/</d:href></d:current-user-principal>";
        asked.has("calendar-home-set").then(|| multistatus(&has(&asked.path, &format!("{set}{who}"))))
    }
}

/// iCloud: everyone is asked for at one host, and their calendars are at another. Over plain HTTP, as here, only another port
/// of the same host will do; that other hosts need encryption is a unit test of `href`.
#[tokio::test]
async fn a_home_at_another_place_is_used_from_then_on() {
    let home = Fake::good();
    let fake = Fake::start(home_at(format!("{}rosa/", home.url)));
    let rosa = Member::rosa(&fake.url).await;
    assert_eq!(rosa.account().await.unwrap().key, format!("{}123/principal/", fake.url));
    assert_eq!(rosa.home, format!("{}rosa/", home.url));
    let asked = fake.shelf().asked.len();
    let work = rosa.calendar("Work").await;
    rosa.create(&work, &super::draft("0190-a", "Portrait", "2026-12-01T09:00:00Z")).await.unwrap();
    super::Mirror::of(&rosa, &work).await.titled("Portrait");
    assert_eq!(fake.shelf().asked.len(), asked, "the first host has nothing more to do with it");
    assert_eq!(home.shelf().objects.len(), 1);
}

#[tokio::test]
async fn a_home_on_another_host_without_encryption_gets_no_password() {
    let home = Fake::good();
    let fake = Fake::start(home_at(format!("{}rosa/", by_name(&home.url))));
    let sentence = refused(&fake.url).await;
    assert!(sentence.contains("localhost") && sentence.contains("without encryption"), "{sentence}");
    assert!(home.shelf().asked.is_empty());
}

#[tokio::test]
async fn someone_elses_calendar_is_found_by_its_own_address() {
    let fake = Fake::start(|asked, _| {
        let shared = "<d:resourcetype><d:collection/><c:calendar/></d:resourcetype><d:displayname>Studio</d:displayname>";
        let who = "<d:current-user-principal><d:href>/principals/rosa/</d:href></d:current-user-principal>";
        match asked.path.as_str() {
            "/leo/studio/" if asked.header("depth") == Some("0") => {
                Some(multistatus(&has("/leo/studio/", &format!("{shared}{who}"))))
            }
            "/leo/studio/" => panic!("its events are not its members: {asked:?}"),
            _ => None,
        }
    });
    let rosa = Member::rosa(&format!("{}leo/studio/", fake.url)).await;
    let mut names: Vec<String> =
        rosa.calendars().await.unwrap().into_iter().map(|calendar| calendar.name).collect();
    names.sort();
    assert_eq!(names, ["Studio", "Work"], "beside her own");
}

#[tokio::test]
async fn a_server_without_principals_is_found_by_home_or_calendar() {
    let fake = Fake::start(|asked, shelf| {
        let folder = "<d:resourcetype><d:collection/></d:resourcetype>";
        match (asked.path.as_str(), asked.header("depth")) {
            ("/cal/", Some("0")) => Some(multistatus(&has("/cal/", folder))),
            ("/cal/", Some("1")) => {
                let listed = shelf.good(asked).body;
                Some(answer(
                    207,
                    &listed.replace("<d:response>", &format!("{}<d:response>", has("/cal/", folder))),
                ))
            }
            ("/rosa/work/", Some("0")) if asked.has("calendar-home-set") => Some(multistatus(&has(
                "/rosa/work/",
                "<d:resourcetype><d:collection/><c:calendar/></d:resourcetype>",
            ))),
            (path, _) if path == "/" || path.starts_with("/.well-known") => Some(answer(404, "")),
            _ => None,
        }
    });
    for path in ["cal/", "rosa/work/"] {
        let rosa = Member::rosa(&format!("{}{path}", fake.url)).await;
        assert_eq!(rosa.calendar("Work").await, "/rosa/work/", "{path}");
        assert_eq!(rosa.account().await.unwrap().key, format!("{}{path}", fake.url));
    }
}

#[tokio::test]
async fn who_is_not_signed_in_is_told_so() {
    let nobody = "<d:current-user-principal><d:unauthenticated/></d:current-user-principal>";
    let fake = Fake::start(move |asked, _| Some(multistatus(&has(&asked.path, nobody))));
    let answer = Member::new(&fake.url, "rosa", "secret").account().await;
    assert!(matches!(answer, Err(Fault::Revoked(_))), "{answer:?}");
}

#[tokio::test]
async fn a_server_that_wants_digest_is_named_as_the_trouble() {
    let fake =
        Fake::start(|_, _| Some(answer(401, "").with("www-authenticate", "Digest realm=\"x\", nonce=\"y\"")));
    let sentence = refused(&fake.url).await;
    assert!(sentence.contains("Digest"), "{sentence}");
}

#[tokio::test]
async fn a_server_that_is_down_is_no_wrong_address() {
    for fake in [Fake::start(|_, _| Some(answer(502, ""))), Fake::start(|_, _| Some(silence()))] {
        let answer = Member::new(&fake.url, "rosa", "secret").account().await;
        assert!(matches!(answer, Err(Fault::Temporary(_))), "{answer:?}");
    }
    let fake = Fake::start(|_, _| Some(answer(503, "").with("retry-after", "120")));
    let answer = Member::new(&fake.url, "rosa", "secret").account().await;
    assert_eq!(answer, Err(Fault::Limited(Some(super::at("2026-11-21T08:02:00Z")))));
}

#[tokio::test]
async fn calendars_are_told_apart_by_what_may_be_done_with_them() {
    let fake = Fake::start(|asked, _| {
        let kind = "<d:resourcetype><d:collection/><c:calendar/></d:resourcetype>";
        let may = |privileges: &str| {
            let each = privileges.split(' ').map(|one| format!("<d:privilege><d:{one}/></d:privilege>"));
            format!(
                "<d:current-user-privilege-set>{}</d:current-user-privilege-set>",
                each.collect::<String>()
            )
        };
        let zone = "<c:calendar-timezone>BEGIN:VCALENDAR&#13;\nBEGIN:VTIMEZONE&#13;\nTZID:/example.org/Europe/Vie&#13;\n nna&#13;\nEND:VTIMEZONE</c:calendar-timezone>";
        let kinds = |kinds: &str| {
            let each = kinds.split(' ').map(|kind| format!("<c:comp name=\"{kind}\"/>"));
            format!(
                "<c:supported-calendar-component-set>{}</c:supported-calendar-component-set>",
                each.collect::<String>()
            )
        };
        asked.has("supported-calendar-component-set").then(|| {
            multistatus(&[
                has("/rosa/", "<d:resourcetype><d:collection/></d:resourcetype><d:displayname>Home</d:displayname>"),
                has("/rosa/inbox/", "<d:resourcetype><d:collection/><c:schedule-inbox/></d:resourcetype><c:schedule-default-calendar-URL><d:href>/rosa/own%40/</d:href></c:schedule-default-calendar-URL>"),
                has("/rosa/read/", &format!("{kind}<d:displayname>Read</d:displayname>{}", may("read read-free-busy"))),
                has("/rosa/change/", &format!("{kind}<d:displayname>Change only</d:displayname>{}", may("read write-content"))),
                has("http://127.0.0.1/rosa/own@/", &format!("{kind}<d:displayname>Own</d:displayname>{}{zone}{}", may("all"), kinds("VEVENT VTODO"))),
                has("/rosa/write/", &format!("{kind}<d:displayname>Write</d:displayname>{}<c:calendar-timezone-id>Mars/Olympus</c:calendar-timezone-id>", may("read bind unbind write-content"))),
                has("/rosa/tasks/", &format!("{kind}<d:displayname>Tasks</d:displayname>{}", kinds("VTODO VJOURNAL"))),
                has("/rosa/no%20name/", kind),
                has("/rosa/own@/", &format!("{kind}<d:displayname>Twice</d:displayname>")),
            ]
            .concat())
        })
    });
    let calendars = fake.rosa().calendars().await.unwrap();
    let said: Vec<_> = calendars
        .iter()
        .map(|one| (one.id.as_str(), one.name.as_str(), one.zone.as_str(), one.writable, one.primary))
        .collect();
    assert_eq!(
        said,
        [
            ("/rosa/read/", "Read", "", false, false),
            ("/rosa/change/", "Change only", "", false, false),
            ("/rosa/own@/", "Own", "Europe/Vienna", true, true),
            ("/rosa/write/", "Write", "", true, false),
            ("/rosa/no%20name/", "no name", "", true, false),
        ]
    );
}

#[tokio::test]
async fn the_owners_addresses_are_known() {
    let fake = Fake::start(|asked, _| {
        let addresses = "<c:calendar-user-address-set><d:href>mailto:Rosa@Studio.example</d:href><d:href>/principals/rosa/</d:href><d:href>mailto:r%2Bwork@studio.example</d:href></c:calendar-user-address-set>";
        let home = "<c:calendar-home-set><d:href>/rosa/</d:href></c:calendar-home-set>";
        asked.has("calendar-home-set").then(|| multistatus(&has(&asked.path, &format!("{addresses}{home}"))))
    });
    let account = Member::new(&fake.url, "rosa", "secret").account().await.unwrap();
    assert_eq!(account.label, "rosa@studio.example");
    assert_eq!(
        account.home,
        format!("{}rosa/ mailto:rosa@studio.example mailto:r+work@studio.example", fake.url)
    );
    let mut rosa = fake.rosa();
    rosa.home = account.home;
    let lines = "ORGANIZER:mailto:x@x.example\nATTENDEE;PARTSTAT=DECLINED:mailto:r+work@studio.example";
    fake.shelf().put("1.ics", &super::object("1", "Declined", "20261201T090000Z", lines));
    let mirror = super::Mirror::of(&rosa, "/rosa/work/").await;
    assert_eq!(mirror.titled("Declined").shows, meridian::server::calendars::event::Shows::Free);
}
