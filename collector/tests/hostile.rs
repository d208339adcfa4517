//! Whatever comes, in whatever order: what was heard is written or counted as refused. The fuzz target's own check,
//! on a stable toolchain and for a moment only.

#[path = "../fuzz/hear_all.rs"]
mod hear_all;
mod scene;

use alive_wire::header::flags;
use alive_wire::record::types;
use alive_wire::{Header, Kind};
use hear_all::hear_all;
use proptest::collection::vec;
use proptest::prelude::*;
use scene::{PERL, Tree, event};

/// One step of [`hear_all`].
fn step(step: u8, datagram: &[u8]) -> Vec<u8> {
    let length = u16::try_from(datagram.len()).unwrap().to_le_bytes();
    [&[step], &length[..], datagram].concat()
}

/// A datagram of one of two trees: of any kind, from any process, about any of more files than there is room for.
fn datagram() -> impl Strategy<Value = Vec<u8>> {
    let text = (0..90u8).prop_map(|tap| format!("alive1\tping\tname=t{tap}\n").into_bytes());
    let kinds =
        prop::sample::select(vec![Kind::Start, Kind::Load, Kind::Missing, Kind::Ping, Kind::Fork, Kind::End]);
    let flags = prop::sample::select(vec![0, 0, 0, flags::NO_TREE, flags::REBASED, flags::SEEN_LATER]);
    let binary = (kinds, flags, 0..2u32, 0..40u64, 0..5u32, 0..90u8);
    let binary = binary.prop_map(|(kind, flags, root, sequence, node, file)| {
        let mut tree = Tree { root_pid: 100 + root, start_micros: 5, sequence };
        event(Header { flags, ..tree.header(kind, node) }, |encoder| {
            scene::fork_site(encoder, node);
            encoder.string(types::PATH, format!("/{file}.pm").as_bytes());
            encoder.string(types::NAME, format!("{file}.pm").as_bytes());
            encoder.code(PERL);
        })
    });
    prop_oneof![1 => text, 6 => binary]
}

proptest! {
    #[test]
    fn sound_datagrams_in_any_order_add_up(steps in vec((0..40u8, datagram()), 0..120)) {
        let steps: Vec<_> = steps.iter().map(|(kind, datagram)| step(*kind, datagram)).collect();
        hear_all(&steps.concat());
    }

    #[test]
    fn damaged_datagrams_add_up(
        steps in vec((4..40u8, datagram(), any::<prop::sample::Index>(), any::<u8>()), 0..60),
    ) {
        let damage = |(kind, datagram, at, byte): (u8, Vec<u8>, prop::sample::Index, u8)| {
            let mut datagram = datagram;
            let at = at.index(datagram.len());
            datagram[at] = byte;
            step(kind, &datagram)
        };
        let steps: Vec<_> = steps.into_iter().map(damage).collect();
        hear_all(&steps.concat());
    }

    #[test]
    fn arbitrary_bytes_add_up(bytes in vec(any::<u8>(), 0..4_000)) {
        hear_all(&bytes);
    }
}
