//! A receiver of webhooks that behaves as badly as a test wants.

use http::{HeaderMap, HeaderName, HeaderValue};
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Received {
    pub path: String,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Received {
    pub fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// What to do with a request.
pub enum Reaction {
    /// A status, further header lines, and a body.
    Answer(u16, &'static str, &'static str),
    /// Nothing, until the receiver is told to let go.
    Hang,
    /// A status, then a byte now and then.
    Drip(u16),
    /// A status, then bytes for ever.
    Endless(u16),
    /// A status, then this many bytes.
    Big(u16, usize),
    /// The connection ends without a word.
    Close,
}

pub struct Receiver {
    pub url: String,
    received: Arc<Mutex<Vec<Received>>>,
    held: Arc<(Mutex<bool>, Condvar)>,
    ended: Arc<AtomicBool>,
}

impl Receiver {
    /// Reacts to the n-th request (from 0) as `react` says.
    pub fn start(react: impl Fn(usize) -> Reaction + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let received = Arc::new(Mutex::new(Vec::new()));
        let held = Arc::new((Mutex::new(true), Condvar::new()));
        let ended = Arc::new(AtomicBool::new(false));
        let react = Arc::new(react);
        let shared = (Arc::clone(&received), Arc::clone(&held), Arc::clone(&ended));
        std::thread::spawn(move || {
            let (received, held, ended) = shared;
            for stream in listener.incoming() {
                if ended.load(Ordering::Relaxed) {
                    return;
                }
                let (received, held, react) = (Arc::clone(&received), Arc::clone(&held), Arc::clone(&react));
                // A client that hangs up in the middle is no fault of the receiver.
                std::thread::spawn(move || drop(serve(stream.unwrap(), &received, &held, &*react)));
            }
        });
        Self { url, received, held, ended }
    }

    /// Answers 200 to everything.
    pub fn friendly() -> Self {
        Self::start(|_| Reaction::Answer(200, "", "thank you"))
    }

    pub fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    /// Waits until this many requests came.
    pub fn wait_for(&self, count: usize) -> Vec<Received> {
        let deadline = Instant::now() + Duration::from_secs(30);
        while self.received.lock().unwrap().len() < count {
            assert!(Instant::now() < deadline, "{} of {count} requests came", self.received().len());
            std::thread::sleep(Duration::from_millis(10));
        }
        self.received()
    }

    /// Ends every connection that hangs.
    pub fn let_go(&self) {
        *self.held.0.lock().unwrap() = false;
        self.held.1.notify_all();
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        self.let_go();
        // The listener waits for one more connection before it looks.
        let address = self.url.trim_start_matches("http://").trim_end_matches("/hook");
        drop(TcpStream::connect(address));
    }
}

fn read(stream: &TcpStream) -> std::io::Result<Received> {
    let mut reader = BufReader::new(stream);
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut headers = HeaderMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        headers.insert(name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap());
    }
    let length = headers.get("content-length").map_or(0, |length| length.to_str().unwrap().parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(Received { path, headers, body })
}

fn serve(
    mut stream: TcpStream,
    received: &Mutex<Vec<Received>>,
    held: &(Mutex<bool>, Condvar),
    react: &dyn Fn(usize) -> Reaction,
) -> std::io::Result<()> {
    let request = match read(&stream) {
        Ok(request) => request,
        // Such as a greeting of TLS.
        Err(_) => return stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n"),
    };
    if request.path.is_empty() {
        return Ok(());
    }
    let number = {
        let mut received = received.lock().unwrap();
        received.push(request);
        received.len() - 1
    };
    match react(number) {
        Reaction::Answer(status, headers, body) => {
            let length = body.len();
            write!(stream, "HTTP/1.1 {status} X\r\n{headers}content-length: {length}\r\n\r\n{body}")?;
        }
        Reaction::Hang => {
            let hanging = held.0.lock().unwrap();
            drop(held.1.wait_while(hanging, |hanging| *hanging).unwrap());
        }
        Reaction::Drip(status) => {
            write!(stream, "HTTP/1.1 {status} X\r\n\r\n")?;
            while *held.0.lock().unwrap() {
                stream.write_all(b".")?;
                std::thread::sleep(Duration::from_millis(200));
            }
        }
        Reaction::Endless(status) => {
            write!(stream, "HTTP/1.1 {status} X\r\n\r\n")?;
            loop {
                stream.write_all(&[b'x'; 8_192])?;
            }
        }
        Reaction::Big(status, length) => {
            write!(stream, "HTTP/1.1 {status} X\r\ncontent-length: {length}\r\n\r\n")?;
            stream.write_all(&vec![b'y'; length])?;
        }
        Reaction::Close => {}
    }
    Ok(())
}
