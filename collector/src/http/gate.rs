//! Who may ask. A browser on this host runs pages from everywhere, and each of them can send requests to this port:
//! none of them may read an answer.
//!
//! A name in `Host` that is none of this host's own means that somebody's name was made to point here; then the browser
//! takes that somebody's page for ours. `Origin` and `Sec-Fetch-Site` tell of a page that asks for another one's data.

use std::net::SocketAddr;

use hyper::header::{self, HeaderValue};
use hyper::http::request::Parts;
use hyper::{HeaderMap, Method, StatusCode, Version};

/// The names that this server answers to.
#[derive(Debug)]
pub(super) struct Gate {
    names: Vec<String>,
}

/// Why a request is not answered.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) sentence: String,
}

impl Gate {
    /// Of a server at a loopback address.
    pub(super) fn new(address: SocketAddr) -> Self {
        let port = address.port();
        let mut names: Vec<String> =
            ["127.0.0.1", "[::1]", "localhost"].map(|name| format!("{name}:{port}")).into();
        names.push(address.to_string());
        if port == 80 {
            // Where the port is the usual one, it is left out.
            let short: Vec<String> =
                names.iter().filter_map(|name| name.strip_suffix(":80").map(str::to_owned)).collect();
            names.extend(short);
        }
        Self { names }
    }

    /// Whether a request may be answered.
    pub(super) fn check(&self, request: &Parts) -> Result<(), Refusal> {
        self.host(request)?;
        self.origin(request)?;
        if request.method == Method::GET || request.method == Method::HEAD {
            Ok(())
        } else {
            let sentence = "this can only be read: ask with GET or HEAD";
            Err(Refusal { status: StatusCode::METHOD_NOT_ALLOWED, sentence: sentence.to_owned() })
        }
    }

    fn knows(&self, name: &[u8]) -> bool {
        self.names.iter().any(|known| known.as_bytes().eq_ignore_ascii_case(name))
    }

    fn host(&self, request: &Parts) -> Result<(), Refusal> {
        let mut hosts = request.headers.get_all(header::HOST).iter();
        let (Some(host), None) = (hosts.next(), hosts.next()) else {
            let sentence = match request.version {
                Version::HTTP_10 => "name the host that is asked: HTTP/1.0 alone does not tell",
                _ => "name the host that is asked, once",
            };
            return Err(Refusal { status: StatusCode::BAD_REQUEST, sentence: sentence.to_owned() });
        };
        // A request may name the host twice: in the address it asks for, too.
        let named = request.uri.authority().map(hyper::http::uri::Authority::as_str);
        if self.knows(host.as_bytes()) && named.is_none_or(|named| self.knows(named.as_bytes())) {
            return Ok(());
        }
        let sentence = format!(
            "this answers to {} only: open http://{}/, and from another machine forward the same port with ssh -L",
            self.names.join(", "),
            self.names[0],
        );
        Err(Refusal { status: StatusCode::MISDIRECTED_REQUEST, sentence })
    }

    fn origin(&self, request: &Parts) -> Result<(), Refusal> {
        let headers = &request.headers;
        let is_ours = |origin: &HeaderValue| {
            origin.as_bytes().strip_prefix(b"http://").is_some_and(|name| self.knows(name))
        };
        let is_foreign = !headers.get_all(header::ORIGIN).iter().all(is_ours);
        if is_foreign || (is_sent_from_elsewhere(headers) && !is_followed_link(request)) {
            let sentence = "another page asked for this: open it by its own address";
            return Err(Refusal { status: StatusCode::FORBIDDEN, sentence: sentence.to_owned() });
        }
        Ok(())
    }
}

/// The browser says that a page of another origin asks.
fn is_sent_from_elsewhere(headers: &HeaderMap) -> bool {
    headers.get_all("sec-fetch-site").iter().any(|site| site != "same-origin" && site != "none")
}

/// A person followed a link to the page, as from a wiki: it opens in a window of its own, unread by the page it was on.
fn is_followed_link(request: &Parts) -> bool {
    let is = |name: &str, value: &str| request.headers.get(name).is_some_and(|told| told == value);
    is("sec-fetch-mode", "navigate") && is("sec-fetch-dest", "document") && request.uri.path() == "/"
}

#[cfg(test)]
mod tests {
    use hyper::Request;

    use super::*;

    fn asked(port: u16, target: &str, headers: &[(&str, &str)]) -> u16 {
        let gate = Gate::new(SocketAddr::from(([127, 0, 0, 1], port)));
        let mut request = Request::get(target);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        gate.check(&parts).map_or_else(|refusal| refusal.status.as_u16(), |()| 200)
    }

    #[test]
    fn only_names_of_this_host_with_the_port_are_answered_to() {
        for (host, status) in [
            ("127.0.0.1:8000", 200),
            ("[::1]:8000", 200),
            ("LocalHost:8000", 200),
            ("localhost", 421),
            ("localhost:8001", 421),
            ("localhost.:8000", 421),
            ("127.0.0.1:8000.evil.example", 421),
            ("evil.example:8000", 421),
            ("user@127.0.0.1:8000", 421),
            ("", 421),
        ] {
            assert_eq!(asked(8000, "/", &[("host", host)]), status, "{host}");
        }
        assert_eq!(asked(80, "/", &[("host", "localhost")]), 200);
        assert_eq!(asked(8000, "/", &[]), 400);
        assert_eq!(asked(8000, "/", &[("host", "localhost:8000"), ("host", "evil.example")]), 400);
        let both = |target| asked(8000, target, &[("host", "localhost:8000")]);
        assert_eq!((both("http://evil.example/"), both("http://localhost:8000/")), (421, 200));
    }

    #[test]
    fn another_page_may_link_here_and_read_nothing() {
        let from = |target: &str, headers: &[(&str, &str)]| {
            asked(8000, target, &[&[("host", "localhost:8000")], headers].concat())
        };
        for (origin, status) in [
            ("http://localhost:8000", 200),
            ("http://127.0.0.1:8000", 200),
            ("https://localhost:8000", 403),
            ("http://localhost:3000", 403),
            ("http://evil.example", 403),
            ("null", 403),
        ] {
            assert_eq!(from("/api/report.json", &[("origin", origin)]), status, "{origin}");
        }
        let site = |site| ("sec-fetch-site", site);
        for (told, status) in [("none", 200), ("same-origin", 200), ("same-site", 403), ("cross-site", 403)] {
            assert_eq!(from("/", &[site(told)]), status, "{told}");
        }
        let link = [site("cross-site"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")];
        assert_eq!((from("/", &link), from("/api/report.json", &link)), (200, 403));
        let frame = [site("cross-site"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe")];
        assert_eq!(from("/", &frame), 403);
    }
}
