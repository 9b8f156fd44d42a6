//! A small CalDAV server that answers as a test wants, where real servers never do.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex, MutexGuard},
};

/// Where the fake's calendar is.
pub const WORK: &str = "/rosa/work/";

/// A request as it came.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    pub method: String,
    pub path: String,
    pub headers: BTreeMap<String, String>,
    pub body: String,
}

impl Asked {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// A REPORT or PROPFIND whose body has this.
    pub fn has(&self, word: &str) -> bool {
        self.body.contains(word)
    }

    pub fn is(&self, method: &str, path: &str) -> bool {
        self.method == method && self.path == path
    }

    fn hrefs(&self) -> Vec<String> {
        let parts = self.body.split("<d:href>").skip(1);
        parts.map(|part| part.split("</d:href>").next().unwrap().to_owned()).collect()
    }
}

/// An answer.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
    /// The connection ends without a word.
    pub cut: bool,
    /// The body is said this often.
    pub times: usize,
}

impl Answer {
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// A status and a body.
pub fn answer(status: u16, body: &str) -> Answer {
    Answer { status, body: body.to_owned(), times: 1, ..Answer::default() }
}

/// No answer at all.
pub fn silence() -> Answer {
    Answer { cut: true, ..answer(0, "") }
}

/// A `DAV:error` with this condition.
pub fn refusal(status: u16, condition: &str) -> Answer {
    answer(
        status,
        &format!(r#"<d:error xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav">{condition}</d:error>"#),
    )
}

/// A `DAV:multistatus` of these parts.
pub fn multistatus(parts: &str) -> Answer {
    answer(
        207,
        &format!(
            r#"<?xml version="1.0"?><d:multistatus xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav" xmlns:s="http://calendarserver.org/ns/">{parts}</d:multistatus>"#
        ),
    )
}

/// What is said of one resource: properties that it has.
pub fn has(href: &str, properties: &str) -> String {
    format!(
        "<d:response><d:href>{href}</d:href><d:propstat><d:prop>{properties}</d:prop><d:status>HTTP/1.1 200 OK</d:status></d:propstat></d:response>"
    )
}

/// What is said of one resource: a status.
pub fn is(href: &str, status: u16) -> String {
    format!("<d:response><d:href>{href}</d:href><d:status>HTTP/1.1 {status} X</d:status></d:response>")
}

/// A resource in the calendar.
#[derive(Debug, Clone)]
pub struct Stored {
    pub etag: String,
    pub text: String,
    /// In which state it was written last.
    since: u64,
}

/// The calendar.
#[derive(Debug, Default)]
pub struct Shelf {
    pub objects: BTreeMap<String, Stored>,
    gone: BTreeMap<String, u64>,
    /// Its state: tokens and ctags follow from it.
    pub state: u64,
    /// Every request.
    pub asked: Vec<Asked>,
}

impl Shelf {
    pub fn put(&mut self, name: &str, text: &str) -> String {
        self.state += 1;
        let path = if name.starts_with('/') { name.to_owned() } else { format!("{WORK}{name}") };
        let etag = format!("\"e{}\"", self.state);
        self.gone.remove(&path);
        self.objects.insert(path, Stored { etag: etag.clone(), text: text.to_owned(), since: self.state });
        etag
    }

    pub fn delete(&mut self, name: &str) {
        self.state += 1;
        let path = if name.starts_with('/') { name.to_owned() } else { format!("{WORK}{name}") };
        assert!(self.objects.remove(&path).is_some(), "{path} was there");
        self.gone.insert(path, self.state);
    }

    /// Events on 200 days, say.
    pub fn fill(&mut self, events: usize) {
        for n in 0..events {
            let start = format!("202612{:02}T{:02}0000Z", 1 + n % 28, n % 23);
            self.put(
                &format!("{n:04}.ics"),
                &super::object(&format!("u{n:04}"), &format!("Event {n}"), &start, ""),
            );
        }
    }

    pub fn token(&self) -> String {
        format!("http://fake.example/sync/{}", self.state)
    }

    /// How often something of this kind was asked.
    pub fn count(&self, method: &str, word: &str) -> usize {
        self.asked.iter().filter(|asked| asked.method == method && asked.has(word)).count()
    }

    /// What a good server answers.
    pub fn good(&mut self, asked: &Asked) -> Answer {
        let etag = |stored: &Stored| format!("<d:getetag>{}</d:getetag>", stored.etag);
        match asked.method.as_str() {
            "PROPFIND" if asked.has("calendar-home-set") => multistatus(&has(
                &asked.path,
                "<d:resourcetype><d:collection/></d:resourcetype><d:current-user-principal><d:href>/rosa/</d:href></d:current-user-principal><c:calendar-home-set><d:href>/rosa/</d:href></c:calendar-home-set>",
            )),
            "PROPFIND" if asked.has("supported-calendar-component-set") => multistatus(&has(
                WORK,
                "<d:resourcetype><d:collection/><c:calendar/></d:resourcetype><d:displayname>Work</d:displayname>",
            )),
            "PROPFIND" if asked.has("sync-token") => multistatus(&has(
                WORK,
                &format!(
                    "<d:sync-token>{}</d:sync-token><s:getctag>c{}</s:getctag>",
                    self.token(),
                    self.state
                ),
            )),
            "REPORT" if asked.has("sync-collection") => {
                let token = asked
                    .body
                    .split("http://fake.example/sync/")
                    .nth(1)
                    .and_then(|rest| rest.split('<').next());
                let Some(from) =
                    token.and_then(|token| token.parse::<u64>().ok()).filter(|from| *from <= self.state)
                else {
                    return refusal(403, "<d:valid-sync-token/>");
                };
                let changed = self.objects.iter().filter(|(_, stored)| stored.since > from);
                let mut parts: String = changed.map(|(path, stored)| has(path, &etag(stored))).collect();
                parts.extend(self.gone.iter().filter(|(_, at)| **at > from).map(|(path, _)| is(path, 404)));
                multistatus(&format!("{parts}<d:sync-token>{}</d:sync-token>", self.token()))
            }
            "REPORT" if asked.has("calendar-multiget") => {
                let parts = asked.hrefs().into_iter().map(|href| match self.objects.get(&href) {
                    Some(stored) => {
                        let text = stored.text.replace('&', "&amp;").replace('<', "&lt;");
                        has(&href, &format!("{}<c:calendar-data>{text}</c:calendar-data>", etag(stored)))
                    }
                    None => is(&href, 404),
                });
                multistatus(&parts.collect::<String>())
            }
            "REPORT" | "PROPFIND" => {
                let listed = self.objects.iter().filter(|(_, stored)| {
                    match asked.body.split("prop-filter name=\"").nth(1) {
                        None => true,
                        Some(filter) if filter.starts_with("UID") => {
                            let uid = filter.split("octet\">").nth(1).unwrap().split('<').next().unwrap();
                            stored.text.contains(&format!("UID:{uid}"))
                        }
                        Some(filter) => {
                            stored.text.contains(&format!("\n{}", filter.split('"').next().unwrap()))
                        }
                    }
                });
                let parts: String = listed.map(|(path, stored)| has(path, &etag(stored))).collect();
                multistatus(&parts)
            }
            "GET" => match self.objects.get(&asked.path) {
                Some(stored) => answer(200, &stored.text).with("etag", &stored.etag),
                None => answer(404, ""),
            },
            "PUT" => self.put_as_asked(asked),
            "DELETE" => match self.objects.get(&asked.path) {
                None => answer(404, ""),
                Some(stored) if asked.header("if-match").is_some_and(|etag| etag != stored.etag) => {
                    answer(412, "")
                }
                Some(_) => {
                    self.delete(&asked.path.clone());
                    answer(204, "")
                }
            },
            "OPTIONS" => answer(200, "").with("dav", "1, calendar-access"),
            _ => answer(405, ""),
        }
    }

    fn put_as_asked(&mut self, asked: &Asked) -> Answer {
        let there = self.objects.get(&asked.path);
        let met = match (there, asked.header("if-none-match"), asked.header("if-match")) {
            (Some(_), Some("*"), _) => false,
            (there, _, Some(etag)) => there.is_some_and(|stored| stored.etag == etag),
            _ => true,
        };
        if !met {
            return answer(412, "");
        }
        let status = if there.is_some() { 204 } else { 201 };
        let etag = self.put(&asked.path, &asked.body);
        answer(status, "").with("etag", &etag)
    }
}

type Odd = dyn Fn(&Asked, &mut Shelf) -> Option<Answer> + Send + Sync;

/// The server.
pub struct Fake {
    pub url: String,
    shelf: Arc<Mutex<Shelf>>,
}

impl Fake {
    /// Answers as `odd` says, and as a good server where it says nothing.
    pub fn start(odd: impl Fn(&Asked, &mut Shelf) -> Option<Answer> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let shelf = Arc::new(Mutex::new(Shelf::default()));
        let odd: Arc<Odd> = Arc::new(odd);
        let served = Arc::clone(&shelf);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (shelf, odd) = (Arc::clone(&served), Arc::clone(&odd));
                // A client that hangs up in the middle is no fault of the server's.
                std::thread::spawn(move || drop(serve(&stream.unwrap(), &shelf, &*odd)));
            }
        });
        Self { url, shelf }
    }

    /// A server that does nothing odd.
    pub fn good() -> Self {
        Self::start(|_, _| None)
    }

    pub fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap()
    }

    /// Rosa, with her calendars found.
    pub fn rosa(&self) -> super::Member {
        super::Member {
            home: format!("{}rosa/", self.url),
            ..super::Member::new(&self.url, "rosa", "secret")
        }
    }
}

fn read(stream: &TcpStream) -> std::io::Result<Asked> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split(' ').map(str::to_owned);
    let mut asked = Asked {
        method: words.next().unwrap_or_default(),
        path: words.next().unwrap_or_default(),
        ..Asked::default()
    };
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        asked.headers.insert(name.to_ascii_lowercase(), value.to_owned());
    }
    let mut body = vec![0; asked.header("content-length").map_or(0, |length| length.parse().unwrap())];
    reader.read_exact(&mut body)?;
    asked.body = String::from_utf8(body).unwrap();
    Ok(asked)
}

fn serve(mut stream: &TcpStream, shelf: &Mutex<Shelf>, odd: &Odd) -> std::io::Result<()> {
    let asked = read(stream)?;
    if asked.method.is_empty() {
        return Ok(());
    }
    let answer = {
        let mut shelf = shelf.lock().unwrap();
        shelf.asked.push(asked.clone());
        let said = odd(&asked, &mut shelf);
        said.unwrap_or_else(|| shelf.good(&asked))
    };
    if answer.cut {
        return Ok(());
    }
    let headers: String = answer.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let length = answer.body.len() * answer.times;
    write!(
        stream,
        "HTTP/1.1 {} X\r\n{headers}connection: close\r\ncontent-length: {length}\r\n\r\n",
        answer.status
    )?;
    for _ in 0..answer.times {
        stream.write_all(answer.body.as_bytes())?;
    }
    Ok(())
}
