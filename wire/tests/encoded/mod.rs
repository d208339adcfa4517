//! Events written and read again.

use alive_wire::record::Record;
use alive_wire::{Datagram, Encoder, Error, Event, Header, Kind};

/// Who speaks in these events.
pub(crate) const HEADER: Header = Header {
    kind: Ok(Kind::Load),
    flags: 0,
    pid: 2,
    ppid: 1,
    root_pid: 1,
    root_start_micros: 3,
    sequence: 4,
    monotonic_nanos: 5,
    node: 6,
    depth: 7,
};

/// The bytes of an event with some records, in a buffer of so many bytes.
pub(crate) fn encode(room: usize, records: impl FnOnce(&mut Encoder<'_>)) -> Vec<u8> {
    let mut buf = vec![0xaa; room];
    let mut encoder = Encoder::new(&mut buf, HEADER).expect("room for a header");
    records(&mut encoder);
    let length = encoder.finish();
    buf.truncate(length);
    buf
}

/// The events of a datagram.
pub(crate) fn events(bytes: &[u8]) -> Vec<Result<Event<'_>, Error>> {
    match Datagram::new(bytes) {
        Ok(Datagram::Binary(events)) => events.collect(),
        other => panic!("not binary: {other:?}"),
    }
}

/// Its only one.
pub(crate) fn only(bytes: &[u8]) -> Event<'_> {
    match events(bytes)[..] {
        [Ok(event)] => event,
        ref other => panic!("not one good event: {other:?}"),
    }
}

/// The records of an event that is in order.
pub(crate) fn records<'a>(event: &Event<'a>) -> Vec<Record<'a>> {
    event.records().map(|record| record.expect("well formed")).collect()
}
