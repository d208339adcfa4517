//! Requests that nobody should send.

use std::thread;
use std::time::Duration;

use super::Served;
use super::client::{Client, ask, get, raw};

#[test]
fn another_name_for_this_host_is_not_answered_to() {
    let served = Served::start();
    let port = served.http.port();
    let with = |host: &str| {
        raw(served.http, format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"), true)
            .unwrap()
    };
    for host in
        ["evil.example", &format!("evil.example:{port}"), "127.0.0.1", &format!("127.0.0.1:{}", port ^ 1)]
    {
        let answer = with(host);
        assert_eq!(answer.status, 421, "{host}");
        assert!(answer.text().contains(&format!("open http://127.0.0.1:{port}/")), "{}", answer.text());
    }
    for host in ["127.0.0.1", "localhost", "[::1]"] {
        assert_eq!(with(&format!("{host}:{port}")).status, 200, "{host}");
    }
    let absolute = format!("GET http://evil.example/ HTTP/1.1\r\nHost: {}\r\n\r\n", served.http);
    assert_eq!(raw(served.http, absolute, true).unwrap().status, 421);
}

#[test]
fn a_host_must_be_named_once() {
    let served = Served::start();
    let name = served.http;
    for (request, status) in [
        ("GET / HTTP/1.0\r\n\r\n".to_owned(), 400),
        ("GET / HTTP/1.1\r\n\r\n".to_owned(), 400),
        (format!("GET / HTTP/1.1\r\nHost: {name}\r\nHost: {name}\r\n\r\n"), 400),
        (format!("GET /healthz HTTP/1.0\r\nHost: {name}\r\n\r\n"), 200),
    ] {
        assert_eq!(raw(served.http, &request, true).unwrap().status, status, "{request:?}");
    }
}

#[test]
fn a_page_from_elsewhere_reads_nothing() {
    let served = Served::start();
    for headers in [
        [("Origin", "http://evil.example")],
        [("Origin", "null")],
        [("Sec-Fetch-Site", "cross-site")],
        [("Sec-Fetch-Site", "same-site")],
    ] {
        for target in ["/", "/api/report.json", "/metrics"] {
            let answer = ask(served.http, "GET", target, &headers);
            assert_eq!(answer.status, 403, "{headers:?}");
            assert!(answer.header("access-control-allow-origin").is_none());
        }
    }
    let own = format!("http://{}", served.http);
    assert_eq!(ask(served.http, "GET", "/", &[("Origin", &own)]).status, 200);
}

#[test]
fn bytes_that_are_no_request_end_their_connection_and_nothing_else() {
    let served = Served::start();
    let host = format!("Host: {}\r\n", served.http);
    let requests: [Vec<u8>; 9] = [
        b"\x00\xff\xfe\x16\x03\x01".repeat(50),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
        b"GET / HTTP/9.9\r\n\r\n".to_vec(),
        b"GET\r\n\r\n".to_vec(),
        format!("GET / HTTP/1.1\r\n{host}X: {}\r\n\r\n", "x".repeat(40_000)).into_bytes(),
        format!("GET /{} HTTP/1.1\r\n{host}\r\n", "x".repeat(70_000)).into_bytes(),
        format!("GET / HTTP/1.1\r\n{host}{}\r\n", "X: y\r\n".repeat(2_000)).into_bytes(),
        format!("GET / HTTP/1.1\r\n{host}X : y\r\n\r\n").into_bytes(),
        format!("GET / HTTP/1.1\r\n{host}X: a\x00b\r\n\r\n").into_bytes(),
    ];
    for (number, request) in requests.iter().enumerate() {
        let mut client = Client::connect(served.http);
        // The other side may have closed before all of it was sent.
        drop(client.send(request));
        if let Some(answer) = client.answer(true) {
            assert!(
                (400..=431).contains(&answer.status) || answer.status == 505,
                "{number}: {}",
                answer.status
            );
        }
        assert!(client.is_closed());
        assert_eq!(get(served.http, "/healthz").text(), "ok\n");
    }
}

#[test]
fn a_body_is_not_read() {
    let served = Served::start();
    let host = served.http;
    for request in [
        format!("GET /healthz HTTP/1.1\r\nHost: {host}\r\nContent-Length: 1000000000\r\n\r\nthe beginning"),
        format!(
            "GET /healthz HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\nffffff\r\nthe beginning"
        ),
        // Two lengths: whatever stands behind the head must not be taken for a request of its own.
        format!(
            "GET /healthz HTTP/1.1\r\nHost: {host}\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n"
        ),
    ] {
        let mut client = Client::connect(served.http);
        client.send(request.as_bytes()).unwrap();
        assert_eq!(client.answer(true).unwrap().status, 200);
        assert!(client.is_closed(), "what follows is no request");
    }
}

#[test]
fn requests_that_come_together_are_answered_in_their_order() {
    let served = Served::start();
    let request = |target: &str| format!("GET {target} HTTP/1.1\r\nHost: {}\r\n\r\n", served.http);
    let mut client = Client::connect(served.http);
    let together: String = ["/healthz", "/nothing", "/", "/healthz"].map(request).concat();
    client.send(together.as_bytes()).unwrap();
    let answers = [(); 4].map(|()| client.answer(true).unwrap().status);
    assert_eq!(answers, [200, 404, 200, 200]);
}

#[test]
fn two_hundred_connections_at_once_are_all_answered() {
    let served = Served::start();
    let request = format!("GET / HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", served.http);
    let ask = |_| {
        let mut client = Client::connect(served.http);
        client.send(request.as_bytes()).unwrap();
        client
    };
    let mut clients: Vec<Client> = (0..200).map(ask).collect();
    for client in &mut clients {
        assert_eq!(client.answer(true).unwrap().status, 200);
    }
}

#[test]
fn who_sends_slowly_or_nothing_is_cut_off_and_hinders_nobody_for_long() {
    let served = Served::start();
    let mut silent: Vec<Client> = (0..100).map(|_| Client::connect(served.http)).collect();
    let mut slow = Client::connect(served.http);
    let request = format!("GET / HTTP/1.1\r\nHost: {}\r\nX-Long: ", served.http);
    slow.send(request.as_bytes()).unwrap();
    // One byte after the other never makes a head.
    let mut sent = 0;
    while slow.send(b"x").is_ok() {
        sent += 1;
        assert!(sent < 600, "it is still listened to");
        thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(get(served.http, "/healthz").status, 200);
    for client in &mut silent {
        assert!(client.is_closed());
    }
}

#[test]
fn who_never_reads_an_answer_hinders_nobody() {
    let mut served = Served::start();
    served.hear_of_loads();
    let request = format!("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", served.http);
    let deaf: Vec<Client> = (0..20)
        .map(|_| {
            let mut client = Client::connect(served.http);
            // More than the kernel keeps for who does not read.
            client.send(request.repeat(200).as_bytes()).unwrap();
            client
        })
        .collect();
    for _ in 0..5 {
        assert_eq!(get(served.http, "/").status, 200);
    }
    drop(deaf);
}
