//! Whether a datagram comes from whom it says, where the kernel knows who sent it.

use alive_wire::Datagram;
use alive_wire::text::Ping;

use crate::aggregate::parse;
use crate::rewrite;

/// Who sent a datagram, as the kernel says; the pid as it is in the collector's own pid namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sender {
    pub(crate) pid: u32,
    pub(crate) uid: u32,
}

/// Puts into `out` what of a datagram was told by its own process, with the pid where a line does not tell it.
/// Returns how many events were not. Where the kernel knows no sender, all are not.
pub(crate) fn confirm(datagram: &[u8], sender: Option<Sender>, out: &mut Vec<u8>) -> u64 {
    let mut forged = 0;
    match Datagram::new(datagram) {
        Ok(Datagram::Binary(events)) => {
            for event in events {
                match event {
                    Ok(event) if sender.is_some_and(|sender| sender.pid == event.header.pid) => {
                        rewrite::event(&event, out, |_, payload, out| out.extend(payload));
                    }
                    Ok(_) => forged += 1,
                    Err(error) => rewrite::bad_event(error, out),
                }
            }
        }
        Ok(Datagram::Text(lines)) => {
            for line in lines {
                match line.map(|ping| (sender.and_then(|sender| unclaimed(&ping, sender)), ping)) {
                    Ok((Some(None), ping)) => rewrite::line(&ping, out, |_, value| value, &[]),
                    Ok((Some(Some(pid)), ping)) => {
                        rewrite::line(&ping, out, |_, value| value, &[(b"pid", pid.to_string().as_bytes())]);
                    }
                    Ok((None, _)) => forged += 1,
                    Err(error) => rewrite::bad_line(error, out),
                }
            }
        }
        Err(_) => out.extend(datagram),
    }
    forged
}

/// The pid that a line does not tell, if it does not; `None` when it tells another one.
fn unclaimed(ping: &Ping<'_>, sender: Sender) -> Option<Option<u32>> {
    match ping.get(b"pid") {
        None => Some(Some(sender.pid)),
        Some(claim) => {
            let claim = parse(&claim.decoded().take(11).collect::<Vec<u8>>());
            (claim == Some(sender.pid)).then_some(None)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::rewrite::tests::{found, nearly};

    const SENDER: Sender = Sender { pid: 7, uid: 1 };

    fn confirmed(datagram: &str) -> (String, u64) {
        let mut out = Vec::new();
        let forged = confirm(datagram.as_bytes(), Some(SENDER), &mut out);
        (String::from_utf8(out).unwrap(), forged)
    }

    #[test]
    fn a_line_gets_the_pid_that_it_does_not_tell_and_may_tell_no_other() {
        assert_eq!(confirmed("alive1\tping\tname=x\n"), ("alive1\tping\tname=x\tpid=7\n".into(), 0));
        assert_eq!(confirmed("alive1\tping\tpid=7\tname=x"), ("alive1\tping\tpid=7\tname=x\n".into(), 0));
        assert_eq!(confirmed("alive1\tping\tname=x\tp%69d=7").1, 0);
        for claim in ["8", "", "seven", "77", "99999999999", "4294967303", "-7"] {
            assert_eq!(
                confirmed(&format!("alive1\tping\tname=x\tpid={claim}\n")),
                (String::new(), 1),
                "{claim}"
            );
        }
        let mixed = "alive1\tping\tname=a\tpid=8\nalive1\tping\tname=b\tpid=7\nwords\n";
        assert_eq!(confirmed(mixed), ("alive1\tping\tname=b\tpid=7\nalive1\t\n".into(), 1));
    }

    #[test]
    fn without_a_sender_nothing_is_let_through() {
        let mut out = Vec::new();
        assert_eq!(confirm(b"alive1\tping\tname=x\n", None, &mut out), 1);
        assert!(out.is_empty());
    }

    proptest! {
        #[test]
        fn every_event_is_let_through_or_counted(datagram in nearly(), pid in 0..3u32, known: bool) {
            let mut out = Vec::new();
            let sender = Sender { pid, uid: 0 };
            let forged = confirm(&datagram, known.then_some(sender), &mut out);
            // A datagram of none of the forms has no event.
            let all = found(&datagram).len();
            let through = if forged > 0 && out.is_empty() { 0 } else { found(&out).len() };
            prop_assert_eq!(u64::try_from(through).unwrap() + forged, u64::try_from(all).unwrap());
            let pids = found(&out).into_iter().flatten().filter(|event| event.starts_with("Header"));
            for event in pids {
                prop_assert!(known && event.contains(&format!(" pid: {pid},")), "{}", event);
            }
        }
    }
}
