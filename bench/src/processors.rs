//! On which processors something runs.

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

use crate::error::Error;

/// Does `what` while this thread may run on the last of its processors only, which what it starts inherits.
pub(crate) fn on_one<T>(what: impl FnOnce() -> T) -> Result<T, Error> {
    during(what, |allowed| allowed.last().copied().into_iter().collect())
}

/// Does `what` while this thread may run on all of its processors but the last, if there are several.
pub(crate) fn beside_it<T>(what: impl FnOnce() -> T) -> Result<T, Error> {
    during(what, |allowed| match allowed {
        [others @ .., _] if !others.is_empty() => others.to_vec(),
        all => all.to_vec(),
    })
}

fn during<T>(what: impl FnOnce() -> T, choose: impl FnOnce(&[usize]) -> Vec<usize>) -> Result<T, Error> {
    let me = Pid::from_raw(0);
    let allowed = sched_getaffinity(me).map_err(Error::os("asking for the processors"))?;
    let numbers: Vec<_> = (0..CpuSet::count()).filter(|&cpu| allowed.is_set(cpu) == Ok(true)).collect();
    let mut chosen = CpuSet::new();
    for cpu in choose(&numbers) {
        chosen.set(cpu).map_err(Error::os("choosing a processor"))?;
    }
    sched_setaffinity(me, &chosen).map_err(Error::os("moving to one processor"))?;
    let done = what();
    sched_setaffinity(me, &allowed).map_err(Error::os("moving back to all processors"))?;
    Ok(done)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed() -> Vec<usize> {
        let set = sched_getaffinity(Pid::from_raw(0)).unwrap();
        (0..CpuSet::count()).filter(|&cpu| set.is_set(cpu) == Ok(true)).collect()
    }

    #[test]
    fn one_processor_and_those_beside_it_are_all_that_there_are() {
        let all = allowed();
        let mut both = beside_it(allowed).unwrap();
        both.extend(on_one(allowed).unwrap());
        both.dedup();
        assert_eq!(both, all);
        assert_eq!(allowed(), all, "and afterwards all are allowed again");
    }
}
