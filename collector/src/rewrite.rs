//! A datagram written anew, event by event, before anybody adds it up: with what was let through of it, or with
//! other words in it. What could not be read stands in the new one as something that cannot be read for the same
//! reason, so that it is counted there.

use alive_wire::text::{MAGIC, Ping, escape};
use alive_wire::{Error, Event, Header, header};

/// Writes an event whose payloads `each` writes, in the order they stand.
pub(crate) fn event(event: &Event<'_>, out: &mut Vec<u8>, mut each: impl FnMut(u8, &[u8], &mut Vec<u8>)) {
    let begin = out.len();
    out.resize(begin + header::LEN, 0);
    let mut flags = event.header.flags;
    for record in event.payloads() {
        let record_at = out.len();
        let Ok((kind, payload)) = record else {
            // Shorter than any record.
            out.push(0);
            break;
        };
        out.extend([kind, 0, 0]);
        each(kind, payload, out);
        let length = u16::try_from(out.len() - record_at - 3);
        match length {
            Ok(length) if out.len() - begin <= usize::from(u16::MAX) => {
                out[record_at + 1..record_at + 3].copy_from_slice(&length.to_le_bytes());
            }
            _ => {
                out.truncate(record_at);
                flags |= header::flags::RECORD_CUT;
            }
        }
    }
    let length = u16::try_from(out.len() - begin).expect("no record was left that made it longer");
    let header = Header { flags, ..event.header }.to_bytes(length);
    out[begin..begin + header::LEN].copy_from_slice(&header);
}

/// Writes what cannot be read as an event, for the same reason. Nothing behind it can be.
pub(crate) fn bad_event(error: Error, out: &mut Vec<u8>) {
    out.extend(header::MAGIC);
    if let Error::UnsupportedVersion(version) = error {
        out.extend([version, 0]);
    }
}

/// Writes a line of text whose values `each` makes of the old ones, with more columns behind them.
pub(crate) fn line(
    ping: &Ping<'_>,
    out: &mut Vec<u8>,
    mut each: impl FnMut(&[u8], Vec<u8>) -> Vec<u8>,
    more: &[(&[u8], &[u8])],
) {
    out.extend(MAGIC);
    out.extend(b"ping");
    for (key, value) in ping.columns().filter_map(Result::ok) {
        let key: Vec<u8> = key.decoded().collect();
        let value = each(&key, value.decoded().collect());
        column(&key, &value, out);
    }
    for (key, value) in more {
        column(key, value, out);
    }
    out.push(b'\n');
}

fn column(key: &[u8], value: &[u8], out: &mut Vec<u8>) {
    out.push(b'\t');
    escaped(key, out);
    out.push(b'=');
    escaped(value, out);
}

fn escaped(bytes: &[u8], out: &mut Vec<u8>) {
    let begin = out.len();
    out.resize(begin + 3 * bytes.len(), 0);
    let used = escape(bytes, &mut out[begin..]).expect("three bytes for each suffice");
    out.truncate(begin + used);
}

/// Writes what cannot be read as a line, for the same reason.
pub(crate) fn bad_line(error: Error, out: &mut Vec<u8>) {
    match error {
        Error::UnsupportedVersion(version) => out.extend(format!("alive{version}\t\n").bytes()),
        _ => {
            out.extend(MAGIC);
            out.push(b'\n');
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use alive_wire::Datagram;
    use proptest::prelude::*;

    use super::*;

    /// Everything written anew as it was.
    fn copy(datagram: &[u8]) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        match Datagram::new(datagram).ok()? {
            Datagram::Binary(events) => events.for_each(|found| match found {
                Ok(found) => event(&found, &mut out, |_, payload, out| out.extend(payload)),
                Err(error) => bad_event(error, &mut out),
            }),
            Datagram::Text(lines) => lines.for_each(|found| match found {
                Ok(ping) => line(&ping, &mut out, |_, value| value, &[]),
                Err(error) => bad_line(error, &mut out),
            }),
        }
        Some(out)
    }

    /// What a reader finds in a datagram, and whether it could be read.
    pub(crate) fn found(datagram: &[u8]) -> Vec<Result<String, bool>> {
        let refusal = |error| matches!(error, Error::UnsupportedVersion(_));
        match Datagram::new(datagram) {
            Err(error) => vec![Err(refusal(error))],
            Ok(Datagram::Binary(events)) => events
                .map(|event| {
                    let event = event.map_err(refusal)?;
                    let records = event.payloads().collect::<Result<Vec<_>, _>>().map_err(refusal)?;
                    Ok(format!("{:?} {records:?}", event.header))
                })
                .collect(),
            Ok(Datagram::Text(lines)) => lines
                .map(|ping| {
                    let columns = ping.map_err(refusal)?;
                    let columns = columns.columns().filter_map(Result::ok).map(|(key, value)| {
                        (key.decoded().collect::<Vec<_>>(), value.decoded().collect::<Vec<_>>())
                    });
                    Ok(format!("{:?}", columns.collect::<Vec<_>>()))
                })
                .collect(),
        }
    }

    /// Bytes that are nearly a datagram.
    pub(crate) fn nearly() -> impl Strategy<Value = Vec<u8>> {
        let noise = || proptest::collection::vec(any::<u8>(), 0..40);
        let record = (1..22u8, noise()).prop_map(|(kind, payload)| {
            [&[kind, u8::try_from(payload.len()).unwrap_or(0), 0], &payload[..]].concat()
        });
        let records = proptest::collection::vec(record, 0..6).prop_map(|records| records.concat());
        let event = (records, noise(), any::<u32>(), 0..10u8).prop_map(|(records, noise, pid, flaw)| {
            let records = if flaw == 0 { [records, noise].concat() } else { records };
            let header = Header {
                kind: Err(flaw),
                flags: 0,
                pid: pid % 3,
                ppid: 1,
                root_pid: 1,
                root_start_micros: 1,
                sequence: 1,
                monotonic_nanos: 1,
                node: 1,
                depth: 1,
            };
            let mut bytes = header.to_bytes(u16::try_from(header::LEN + records.len()).unwrap()).to_vec();
            if flaw == 1 {
                bytes[4] = 7;
            }
            bytes.extend(records);
            bytes
        });
        let events = proptest::collection::vec(event, 1..4).prop_map(|events| events.concat());
        let word = "[a-z%\\t=0-9é\n]{0,12}";
        let line = (word, word, 0..4u8).prop_map(|(one, other, kind)| match kind {
            0 => format!("alive7\t{one}\n"),
            1 => format!("alive1\t{one}\n"),
            _ => format!("alive1\tping\tname=n{one}\t{other}\n"),
        });
        let lines = proptest::collection::vec(line, 1..4).prop_map(|lines| lines.concat().into_bytes());
        prop_oneof![events, lines, noise()]
    }

    proptest! {
        #[test]
        fn a_copy_says_the_same_and_fails_for_the_same_reason(datagram in nearly()) {
            if let Some(copy) = copy(&datagram) {
                prop_assert_eq!(found(&copy), found(&datagram));
            }
        }
    }
}
