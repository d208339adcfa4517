//! Bytes from anybody: the fuzz target's own check, on a stable toolchain and for a moment only.

#[path = "golden/files.rs"]
mod files;
#[path = "../fuzz/fuzz_one.rs"]
mod fuzz_one;

use fuzz_one::fuzz_one;
use proptest::collection::vec;
use proptest::prelude::{ProptestConfig, Strategy, any, prop_oneof, proptest};
use proptest::sample::{Index, select};

/// Datagrams that are in order: the golden files, some text, and several events at once.
fn sound() -> Vec<Vec<u8>> {
    let mut sound: Vec<_> = files::ALL.map(files::bytes).into();
    sound.push(sound.concat());
    sound.push(b"alive1\tping\tname=a%20b\tfile=c.pl\tline=42\nalive1\tping\tname=%ff\r\n".to_vec());
    sound
}

/// One change to a datagram. Positions are drawn in proportion to its length.
#[derive(Debug, Clone)]
enum Mutation {
    Set(Index, u8),
    Flip(Index, u8),
    Cut(Index),
    Remove(Index),
    Insert(Index, Vec<u8>),
}

impl Mutation {
    fn apply(&self, bytes: &mut Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        let length = bytes.len();
        match self {
            Self::Set(at, byte) => bytes[at.index(length)] = *byte,
            Self::Flip(at, bit) => bytes[at.index(length)] ^= 1 << bit,
            Self::Cut(at) => bytes.truncate(at.index(length)),
            Self::Remove(at) => {
                bytes.remove(at.index(length));
            }
            Self::Insert(at, more) => {
                let at = at.index(length);
                bytes.splice(at..at, more.iter().copied());
            }
        }
    }
}

fn mutation() -> impl Strategy<Value = Mutation> {
    prop_oneof![
        (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Mutation::Set(at, byte)),
        (any::<Index>(), 0..8u8).prop_map(|(at, bit)| Mutation::Flip(at, bit)),
        any::<Index>().prop_map(Mutation::Cut),
        any::<Index>().prop_map(Mutation::Remove),
        (any::<Index>(), vec(any::<u8>(), 1..8)).prop_map(|(at, more)| Mutation::Insert(at, more)),
    ]
}

#[test]
fn sound_datagrams_pass() {
    sound().iter().for_each(|bytes| fuzz_one(bytes));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn arbitrary_bytes(bytes in vec(any::<u8>(), 0..2_100)) {
        fuzz_one(&bytes);
    }

    #[test]
    fn arbitrary_bytes_behind_a_good_beginning(
        magic in select(vec![&b"ALV1\x01\x02\x38\x00"[..], b"alive1\t", b"alive1\tping\tname="]),
        bytes in vec(any::<u8>(), 0..2_000),
    ) {
        fuzz_one(&[magic, &bytes].concat());
    }

    #[test]
    fn mutated_datagrams(mut bytes in select(sound()), mutations in vec(mutation(), 1..6)) {
        for mutation in &mutations {
            mutation.apply(&mut bytes);
        }
        fuzz_one(&bytes);
    }

    /// Records of any type with lengths that agree, which blind mutation seldom makes.
    #[test]
    fn arbitrary_records(records in vec((0..24u8, vec(any::<u8>(), 0..60)), 0..30)) {
        let mut event = sound().swap_remove(0);
        event.truncate(alive_wire::header::LEN);
        for (kind, payload) in records {
            let length = u16::try_from(payload.len()).expect("short");
            event.push(kind);
            event.extend(length.to_le_bytes());
            event.extend(payload);
        }
        let total = u16::try_from(event.len()).expect("short");
        event[8..10].copy_from_slice(&total.to_le_bytes());
        fuzz_one(&event);
    }
}
