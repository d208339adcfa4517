//! Text lines as people and programs write them, good and bad.

use alive_wire::text::{MAX_NAME, MAX_VALUE, Ping, PingLine};
use alive_wire::{Datagram, Error, MAX_SENT};

fn lines(bytes: &[u8]) -> Vec<Result<Ping<'_>, Error>> {
    match Datagram::new(bytes) {
        Ok(Datagram::Text(lines)) => lines.collect(),
        other => panic!("not text: {other:?}"),
    }
}

fn error(bytes: &[u8]) -> Option<Error> {
    lines(bytes).pop().and_then(Result::err)
}

fn value(ping: &Ping<'_>, key: &[u8]) -> Option<Vec<u8>> {
    ping.get(key).map(|value| value.decoded().collect())
}

#[test]
fn the_documented_line_is_read() {
    let read = lines(b"alive1\tping\tname=checkout.legacy\tfile=cart.pl\tline=42\n");
    let [Ok(ping)] = read[..] else { panic!("{read:?}") };
    assert_eq!(value(&ping, b"name").as_deref(), Some(&b"checkout.legacy"[..]));
    assert_eq!(value(&ping, b"file").as_deref(), Some(&b"cart.pl"[..]));
    assert_eq!(value(&ping, b"line").as_deref(), Some(&b"42"[..]));
    assert_eq!(value(&ping, b"nothing"), None);
}

#[test]
fn a_datagram_holds_several_lines_and_a_bad_one_costs_itself_only() {
    let read = lines(b"alive1\tping\tname=a\n\nalive1\tping\r\nsomething else\nalive1\tping\tname=b");
    let names: Vec<_> = read.iter().map(|line| line.as_ref().map(|ping| value(ping, b"name"))).collect();
    assert_eq!(
        names,
        [Ok(Some(b"a".to_vec())), Err(&Error::BadText), Err(&Error::BadText), Ok(Some(b"b".to_vec()))]
    );
}

#[test]
fn a_verb_that_is_not_known_is_told_as_such() {
    assert_eq!(error(b"alive1\tpong\tname=x\n"), Some(Error::UnknownVerb));
    assert_eq!(error(b"alive1\t"), Some(Error::UnknownVerb));
}

#[test]
fn a_name_is_needed_and_the_first_one_counts() {
    assert_eq!(error(b"alive1\tping\tfile=a.pl\n"), Some(Error::BadText));
    assert_eq!(error(b"alive1\tping\tname=\n"), Some(Error::BadText));
    assert_eq!(error(b"alive1\tping\tname=\tname=late\n"), Some(Error::BadText));
    let read = lines(b"alive1\tping\tname=first\tname=\n");
    let [Ok(ping)] = read[..] else { panic!("{read:?}") };
    assert_eq!(value(&ping, b"name").as_deref(), Some(&b"first"[..]));
}

#[test]
fn columns_without_a_key_or_with_a_broken_escape_are_refused() {
    for column in ["alone", "=value", "k=%", "k=%4", "k=%zz", "%zz=v"] {
        let line = format!("alive1\tping\tname=x\t{column}\n");
        assert_eq!(error(line.as_bytes()), Some(Error::BadText), "{column}");
    }
}

#[test]
fn a_value_may_hold_an_equals_sign_and_a_key_may_be_escaped() {
    let read = lines(b"alive1\tping\tn%61me=x\tquery=a=b\t\tlast=%00%0a\n");
    let [Ok(ping)] = read[..] else { panic!("{read:?}") };
    assert_eq!(value(&ping, b"name").as_deref(), Some(&b"x"[..]));
    assert_eq!(value(&ping, b"query").as_deref(), Some(&b"a=b"[..]));
    assert_eq!(value(&ping, b"last").as_deref(), Some(&b"\0\n"[..]));
}

#[test]
fn a_bad_first_line_costs_itself_only() {
    for (bad, why) in [
        (&b"nonsense"[..], Error::BadText),
        (b"\n\xff\xfe", Error::BadText),
        (b"alive2\tping\tname=x", Error::UnsupportedVersion(2)),
        (b"alive999\tping\tname=x", Error::UnsupportedVersion(255)),
        (b"alive\tping\tname=x", Error::BadText),
    ] {
        let datagram = [bad, b"\nalive1\tping\tname=good\n"].concat();
        let read = lines(&datagram);
        let names: Vec<_> = read.iter().map(|line| line.as_ref().map(|ping| value(ping, b"name"))).collect();
        assert_eq!(names, [Err(&why), Ok(Some(b"good".to_vec()))], "{bad:?}");
    }
}

#[test]
fn a_line_of_another_version_is_told_from_nonsense() {
    assert_eq!(error(b"alive2\tping\tname=x\n"), Some(Error::UnsupportedVersion(2)));
    for nonsense in [&b"alive\tping"[..], b"alivex\tping", b"GET / HTTP/1.1\r\n\r\n", b"", b"\n\n"] {
        assert_eq!(Datagram::new(nonsense).map(|_| ()), Err(Error::UnknownMagic), "{nonsense:?}");
    }
}

#[test]
fn a_line_that_was_written_is_read_again() {
    let mut buf = [0; MAX_SENT];
    let name: Vec<u8> = (1..=u8::MAX).collect();
    let mut line = PingLine::new(&mut buf, &name).unwrap();
    assert!(line.put(b"a=b\tc", b"=\t\n%\xff\0"));
    assert!(line.put(b"empty", b""));
    assert!(!line.put(b"", b"no key"));
    let length = line.finish();
    let read = lines(&buf[..length]);
    let [Ok(ping)] = read[..] else { panic!("{read:?}") };
    assert_eq!(value(&ping, b"name"), Some(name));
    assert_eq!(value(&ping, b"a=b\tc").as_deref(), Some(&b"=\t\n%\xff\0"[..]));
    assert_eq!(value(&ping, b"empty").as_deref(), Some(&b""[..]));
}

#[test]
fn what_is_too_long_is_cut_or_left_out_and_the_line_stays_whole() {
    let long = [b'x'; 60_000];
    let mut buf = [0; MAX_SENT];
    let mut line = PingLine::new(&mut buf, &long).unwrap();
    let taken = (0..10).filter(|_| line.put(b"k", &long)).count();
    assert_eq!(taken, 3, "255 and three times 300 bytes fit 1,400");
    assert!(line.put(b"short", b"y"));
    let length = line.finish();
    let read = lines(&buf[..length]);
    let [Ok(ping)] = read[..] else { panic!("{read:?}") };
    assert_eq!(value(&ping, b"name").map(|name| name.len()), Some(MAX_NAME));
    assert_eq!(value(&ping, b"k").map(|value| value.len()), Some(MAX_VALUE));
    assert_eq!(value(&ping, b"short").as_deref(), Some(&b"y"[..]));
    for room in 0..40 {
        // No room for `alive1 ping name=xxxxxxxx` in less than 26 bytes.
        assert_eq!(PingLine::new(&mut vec![0; room], b"xxxxxxxx").is_some(), room >= 26, "{room}");
    }
    assert!(PingLine::new(&mut buf, b"").is_none());
}
