//! Addresses that a person entered and that this server is to call.
//!
//! Such an address must not lead to what only this machine can reach: databases, routers, the metadata service of a
//! cloud. A name can mean a public address when it is checked and a private one a moment later ("DNS rebinding"), so the
//! check is part of the look-up that the connection itself makes: [`client`] resolves names through [`resolve`], and
//! connects to the addresses that came out of it and to no others. Addresses that are written as numbers never reach a
//! look-up; [`check`] refuses those, in whichever spelling, because it reads the address after it was normalised. No
//! redirect is followed, and no proxy is asked.
//!
//! To use it: [`check`] what was entered (and [`check_and_resolve`] where a person waits for a sentence), then send
//! requests to the checked address through [`client`] only.

use reqwest::{
    Client, Url,
    dns::{Addrs, Name, Resolve, Resolving},
    redirect::Policy,
};
use std::{
    error::Error,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::OnceLock,
    time::Duration,
};

/// The longest address that is taken, in bytes.
pub const MOST_BYTES: usize = 2_000;

/// How long a connection may take to come about, the look-up included.
const CONNECT: Duration = Duration::from_secs(5);

/// Why an address is not called, as a sentence that can stand beside its field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Not an address at all.
    #[error("Please enter a whole address, such as https://hooks.example.com/meridian.")]
    NotAnAddress,
    /// Longer than [`MOST_BYTES`].
    #[error("The address is too long: 2,000 characters at most.")]
    TooLong,
    /// Neither `https` nor, where that is allowed, `http`.
    #[error("The address must begin with https://.")]
    Scheme,
    /// `https://name:password@host`.
    #[error("The address can't contain a name or a password before the host.")]
    UserInfo,
    /// A port on which something other than web servers listens.
    #[error("The port must be 443, 80, or 1024 and above.")]
    Port,
    /// It leads to this machine or into its network.
    #[error("This address leads into a private network. Only public addresses are called.")]
    NotPublic,
    /// The name has no address.
    #[error("The name {0} can't be found.")]
    NotFound(String),
}

/// Where an address leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// Anywhere.
    Public,
    /// To this machine or its network.
    Private,
    /// Where no web server of anyone's is: many at once, nobody, examples; and the metadata services of clouds.
    Never,
}

/// The registries: IANA IPv4 and IPv6 Special-Purpose Address Space (RFC 6890).
fn reach_v4(address: Ipv4Addr) -> Reach {
    match address.octets() {
        [10 | 127, ..] | [192, 168, ..] => Reach::Private,
        [172, second, ..] if (16..32).contains(&second) => Reach::Private,
        // Shared with a carrier (RFC 6598); one cloud's metadata service is in it.
        [100, 100, 100, 200] => Reach::Never,
        [100, second, ..] if (64..128).contains(&second) => Reach::Private,
        // "This network", link-local with most metadata services, protocol assignments, documentation, 6to4 relays,
        // benchmarks, multicast, reserved, broadcast; and the host of one cloud's virtual machines.
        [0 | 224..=255, ..]
        | [169, 254, ..]
        | [192, 0, 0 | 2, _]
        | [192, 88, 99, _]
        | [198, 18 | 19, ..]
        | [198, 51, 100, _]
        | [203, 0, 113, _]
        | [168, 63, 129, 16] => Reach::Never,
        _ => Reach::Public,
    }
}

fn reach_v6(address: Ipv6Addr) -> Reach {
    let [a, b, c, d, e, f, g, h] = address.segments();
    let embedded = || {
        let ([g1, g2], [h1, h2]) = (g.to_be_bytes(), h.to_be_bytes());
        reach_v4(Ipv4Addr::new(g1, g2, h1, h2))
    };
    match [a, b, c, d, e, f] {
        // IPv4 in other clothes: mapped (RFC 4291 §2.5.5.2), and translated by a gateway (RFC 6052 §2.1).
        [0, 0, 0, 0, 0, 0xffff] | [0x64, 0xff9b, 0, 0, 0, 0] => embedded(),
        [0, 0, 0, 0, 0, 0] if (g, h) == (0, 1) => Reach::Private,
        // Two clouds' metadata services in unique local addresses.
        [0xfd00, 0x0ec2, ..] | [0xfd20, 0x00ce, ..] => Reach::Never,
        // Unique local (RFC 4193).
        _ if a & 0xfe00 == 0xfc00 => Reach::Private,
        // Protocol assignments with Teredo and benchmarks, documentation, 6to4.
        _ if a == 0x2001 && b < 0x0200 => Reach::Never,
        [0x2001, 0x0db8, ..] | [0x2002, ..] => Reach::Never,
        _ if a == 0x3fff && b < 0x1000 => Reach::Never,
        // Global unicast. Everything else is link-local, site-local, multicast, IPv4-compatible or not given out.
        _ if a & 0xe000 == 0x2000 => Reach::Public,
        _ => Reach::Never,
    }
}

/// May this address be called?
fn may_call(address: IpAddr, allow_private: bool) -> bool {
    let reach = match address {
        IpAddr::V4(address) => reach_v4(address),
        IpAddr::V6(address) => reach_v6(address),
    };
    reach == Reach::Public || allow_private && reach == Reach::Private
}

/// The number that a host is, if it is one; parsing an address has normalised its spelling.
fn literal(host: &str) -> Option<IpAddr> {
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

/// Names that mean something inside of a network only.
fn is_inside(host: &str) -> bool {
    let name = host.strip_suffix('.').unwrap_or(host);
    let last = name.rsplit('.').next().unwrap_or_default();
    !name.contains('.') || ["localhost", "local", "internal", "intranet", "lan"].contains(&last)
}

/// Reads an address and refuses what can be refused without asking anyone. `allow_private` (an operator's choice)
/// lets `http` and the machine's own network through.
pub fn check(text: &str, allow_private: bool) -> Result<Url, Refused> {
    let text = text.trim();
    if text.len() > MOST_BYTES {
        return Err(Refused::TooLong);
    }
    // Parsers drop line breaks and tabs; nobody means them.
    if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(Refused::NotAnAddress);
    }
    let mut url = Url::parse(text).map_err(|_| Refused::NotAnAddress)?;
    match url.scheme() {
        "https" => {}
        "http" if allow_private => {}
        _ => return Err(Refused::Scheme),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Refused::UserInfo);
    }
    let host = url.host_str().filter(|host| !host.is_empty()).ok_or(Refused::NotAnAddress)?;
    // On lower ports are mail servers and the like, which can be made to read a request as their own protocol.
    if !url.port_or_known_default().is_some_and(|port| matches!(port, 80 | 443 | 1024..)) {
        return Err(Refused::Port);
    }
    let fits = match literal(host) {
        Some(address) => may_call(address, allow_private),
        None => allow_private || !is_inside(host),
    };
    if !fits {
        return Err(Refused::NotPublic);
    }
    url.set_fragment(None);
    Ok(url)
}

/// The addresses of a name, if every one of them may be called: one private address among public ones is one too many.
pub async fn resolve(host: &str, allow_private: bool) -> Result<Vec<SocketAddr>, Refused> {
    let unknown = || Refused::NotFound(host.to_owned());
    let found: Vec<SocketAddr> = tokio::net::lookup_host((host, 0)).await.map_err(|_| unknown())?.collect();
    if found.is_empty() {
        return Err(unknown());
    }
    if !found.iter().all(|address| may_call(address.ip(), allow_private)) {
        return Err(Refused::NotPublic);
    }
    Ok(found)
}

/// [`check`], and [`resolve`] as far as that works just now: a name that has no address yet, or whose look-up takes
/// longer than two seconds, passes, because every connection is checked again.
pub async fn check_and_resolve(text: &str, allow_private: bool) -> Result<Url, Refused> {
    let url = check(text, allow_private)?;
    if let Some(host) = url.host_str().filter(|host| literal(host).is_none()) {
        let resolved = tokio::time::timeout(Duration::from_secs(2), resolve(host, allow_private)).await;
        if let Ok(Err(Refused::NotPublic)) = resolved {
            return Err(Refused::NotPublic);
        }
    }
    Ok(url)
}

/// Looks names up for [`client`].
#[derive(Debug)]
struct Checked {
    allow_private: bool,
}

impl Resolve for Checked {
    fn resolve(&self, name: Name) -> Resolving {
        let allow_private = self.allow_private;
        Box::pin(async move {
            let found = resolve(name.as_str(), allow_private).await?;
            let found: Addrs = Box::new(found.into_iter());
            Ok(found)
        })
    }
}

/// Why a request through [`client`] was refused by the guard, if it was.
pub fn refusal(error: &reqwest::Error) -> Option<&Refused> {
    let mut next: Option<&(dyn Error + 'static)> = error.source();
    while let Some(error) = next {
        if let Some(refused) = error.downcast_ref() {
            return Some(refused);
        }
        next = error.source();
    }
    None
}

/// What sends requests to addresses that [`check`] let pass. Every request makes a connection of its own. Callers set a
/// deadline for the whole of it.
pub fn client(allow_private: bool) -> Result<&'static Client, reqwest::Error> {
    static CLIENTS: [OnceLock<Client>; 2] = [OnceLock::new(), OnceLock::new()];
    let [strict, lenient] = &CLIENTS;
    let kept = if allow_private { lenient } else { strict };
    if let Some(client) = kept.get() {
        return Ok(client);
    }
    // Fails when there is one already, and then that one serves.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = || {
        Client::builder()
            .user_agent(concat!("Meridian/", env!("CARGO_PKG_VERSION")))
            .dns_resolver(Checked { allow_private })
            .redirect(Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .pool_max_idle_per_host(0)
            .connect_timeout(CONNECT)
    };
    let client = builder().build().or_else(|error| {
        tracing::warn!(%error, "no root certificates could be read: https addresses can't be called");
        builder().tls_certs_only([]).build()
    })?;
    Ok(kept.get_or_init(|| client))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_lead_inside_are_refused_in_every_spelling() {
        for host in [
            "127.0.0.1",
            "127.1",
            "2130706433",
            "0x7f.1",
            "0x7f000001",
            "0177.0.0.1",
            "127.0.0.1.",
            "127.000.000.001",
            "１２７.０.０.１",
            "0",
            "0.0.0.0",
            "10.1.2.3",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "100.64.0.1",
            "100.100.100.200",
            "169.254.169.254",
            "0xa9fea9fe",
            "168.63.129.16",
            "192.0.0.192",
            "192.0.2.1",
            "192.88.99.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.9",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "[::]",
            "[::1]",
            "[0:0:0:0:0:0:0:1]",
            "[::127.0.0.1]",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            "[::ffff:169.254.169.254]",
            "[64:ff9b::10.0.0.1]",
            "[64:ff9b:1::8.8.8.8]",
            "[2002:7f00:1::]",
            "[2002:808:808::1]",
            "[2001::1]",
            "[2001:0:808:808::1]",
            "[2001:db8::1]",
            "[3fff::1]",
            "[fc00::1]",
            "[fd00:ec2::254]",
            "[fe80::1]",
            "[fec0::1]",
            "[ff02::1]",
            "[100::1]",
            "localhost",
            "LOCALHOST",
            "localhost.",
            "a.localhost",
            "printer",
            "printer.local",
            "metadata.google.internal",
            "router.lan",
        ] {
            for port in ["", ":8443"] {
                let url = format!("https://{host}{port}/hook");
                assert_eq!(check(&url, false), Err(Refused::NotPublic), "{url}");
            }
        }
    }

    #[test]
    fn public_addresses_pass() {
        for url in [
            "https://hooks.example.com/meridian?key=1",
            "https://8.8.8.8/",
            "https://172.32.0.1/",
            "https://100.128.0.1/",
            "https://[2606:4700::1111]:8443/",
            "https://[64:ff9b::8.8.8.8]/",
            "https://[::ffff:8.8.8.8]/",
            "https://bücher.example/",
            " https://hooks.example.com ",
        ] {
            assert!(check(url, false).is_ok(), "{url}");
        }
        assert_eq!(check("https://a.example/x#part", false).unwrap().as_str(), "https://a.example/x");
    }

    #[test]
    fn what_is_no_web_address_is_refused_with_its_own_sentence() {
        let long = format!("https://a.example/{}", "a".repeat(2_000));
        for (text, refused) in [
            ("", Refused::NotAnAddress),
            ("hooks.example.com", Refused::NotAnAddress),
            ("https://", Refused::NotAnAddress),
            ("https://[::1%25eth0]/", Refused::NotAnAddress),
            ("https://[::1", Refused::NotAnAddress),
            ("https://1.2.3.4.5/", Refused::NotAnAddress),
            ("https://256.1.1.1/", Refused::NotAnAddress),
            ("https://a b.example/", Refused::NotAnAddress),
            ("https://a.example/\r\nX: y", Refused::NotAnAddress),
            ("http://hooks.example.com/", Refused::Scheme),
            ("ftp://hooks.example.com/", Refused::Scheme),
            ("file:///etc/passwd", Refused::Scheme),
            ("gopher://a.example:70/", Refused::Scheme),
            ("https://me:secret@hooks.example.com/", Refused::UserInfo),
            ("https://hooks.example.com@127.0.0.1/", Refused::UserInfo),
            ("https://hooks.example.com:25/", Refused::Port),
            ("https://hooks.example.com:0/", Refused::Port),
            (&long, Refused::TooLong),
        ] {
            assert_eq!(check(text, false), Err(refused), "{text}");
        }
    }

    #[test]
    fn an_operator_can_let_the_own_network_in_but_never_the_metadata_services() {
        for url in ["http://127.0.0.1:4000/", "http://[::1]:4000/", "http://printer/", "http://10.0.0.1/"] {
            assert!(check(url, true).is_ok(), "{url}");
        }
        for host in
            ["169.254.169.254", "[fd00:ec2::254]", "0.0.0.0", "[::]", "224.0.0.1", "[::ffff:169.254.169.254]"]
        {
            assert_eq!(check(&format!("http://{host}/"), true), Err(Refused::NotPublic), "{host}");
        }
    }

    /// `localhost` is the one name that is known everywhere, and it is private.
    #[tokio::test]
    async fn names_are_checked_where_the_connection_is_made() {
        assert_eq!(resolve("localhost", false).await, Err(Refused::NotPublic));
        assert!(resolve("localhost", true).await.is_ok());
        let unknown = resolve("nothing.invalid", false).await;
        assert_eq!(unknown, Err(Refused::NotFound("nothing.invalid".to_owned())));
        // Past `check`, as a name would be that was public then.
        let error = client(false).unwrap().get("https://localhost:4000/").send().await.unwrap_err();
        assert_eq!(refusal(&error), Some(&Refused::NotPublic), "{error:?}");
    }

    #[tokio::test]
    async fn a_name_without_an_address_may_get_one_later() {
        assert!(check_and_resolve("https://nothing.invalid/", false).await.is_ok());
    }
}
