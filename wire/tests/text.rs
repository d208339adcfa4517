//! Text lines as people and programs write them, good and bad.

use alive_wire::text::Ping;
use alive_wire::{Datagram, Error};

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
