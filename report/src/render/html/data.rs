//! The document that the scripts read, packed: every frame stands once, whatever number of stacks it is in,
//! and a page holds no more rows than a browser takes.

use std::collections::{HashMap, HashSet};

use serde_json::{Value, json};

use super::view;

/// What does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct LeftOut {
    /// Findings, the last of each program.
    pub(super) findings: u64,
    /// Loads, with their stacks; what they are part of is told by the findings.
    pub(super) loads: u64,
}

/// Packs a report's document. Its `stacks` become lists of pairs of lists of numbers, language frames and
/// native ones, each the place of a frame in the list `frames` that is added.
pub(super) fn pack(document: &mut Value, most: usize) -> LeftOut {
    let mut left_out = LeftOut::default();
    let mut frames = Frames::default();
    let mut room = most;
    for program in document.get_mut("programs").and_then(Value::as_array_mut).into_iter().flatten() {
        left_out.findings += cut_findings(program, &mut room);
        left_out.loads += cut_loads(program, most);
        for key in ["loads", "missing"] {
            let rows = program.get_mut(key).and_then(Value::as_array_mut);
            for stacks in rows.into_iter().flatten().filter_map(|row| row.get_mut("stacks")) {
                frames.pack(stacks);
            }
        }
    }
    document["frames"] = frames.list.into();
    left_out
}

/// Leaves the first findings, those whose files together fit into the room.
fn cut_findings(program: &mut Value, room: &mut usize) -> u64 {
    let Some(findings) = program.get_mut("findings").and_then(Value::as_array_mut) else { return 0 };
    let all = findings.len();
    let fits = findings.iter().take_while(|finding| {
        let files = usize::try_from(view::total(finding, "files")).unwrap_or(usize::MAX).max(1);
        let fits = files <= *room;
        *room = room.saturating_sub(files);
        fits
    });
    // The first one is the story, however large.
    let kept = fits.count().max(1);
    findings.truncate(kept);
    all.saturating_sub(kept) as u64
}

/// Leaves the loads that findings are about, and the largest others.
fn cut_loads(program: &mut Value, most: usize) -> u64 {
    let about: HashSet<(String, String)> = view::list(program, "findings")
        .iter()
        .map(|finding| (view::text(finding, "role").to_owned(), view::text(finding, "what").to_owned()))
        .collect();
    let Some(loads) = program.get_mut("loads").and_then(Value::as_array_mut) else { return 0 };
    let all = loads.len();
    if all <= most {
        return 0;
    }
    let mut others = most.saturating_sub(about.len());
    loads.retain(|load| {
        let key = (view::text(load, "role").to_owned(), view::text(load, "path").to_owned());
        let is_wanted = about.contains(&key) || others > 0;
        if !about.contains(&key) {
            others = others.saturating_sub(1);
        }
        is_wanted
    });
    all.saturating_sub(loads.len()) as u64
}

/// Frames, each once.
#[derive(Default)]
struct Frames {
    list: Vec<Value>,
    known: HashMap<String, usize>,
}

impl Frames {
    fn pack(&mut self, stacks: &mut Value) {
        let Some(list) = stacks.as_array_mut() else { return };
        for stack in list {
            let language = self.numbers(view::list(stack, "frames"));
            let native = self.numbers(view::list(stack, "stack"));
            *stack = json!([language, native]);
        }
    }

    fn numbers(&mut self, frames: &[Value]) -> Vec<usize> {
        frames
            .iter()
            .map(|frame| {
                *self.known.entry(frame.to_string()).or_insert_with(|| {
                    self.list.push(frame.clone());
                    self.list.len() - 1
                })
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{LeftOut, pack};
    use serde_json::{Value, json};

    #[test]
    fn a_frame_stands_once_however_many_stacks_hold_it() {
        let frame = json!({"file": "/a.py", "line": 1, "function": "f"});
        let site = json!({"module": "/b.so", "offset": 2, "symbol": null});
        let load =
            json!({"path": "/x", "role": "worker", "stacks": [{"frames": [frame, frame], "stack": [site]}]});
        let mut document = json!({"programs": [{"findings": [], "loads": [load, load], "missing": []}]});
        assert_eq!(pack(&mut document, 10), LeftOut::default());
        assert_eq!(document["frames"], json!([frame, site]));
        assert_eq!(document["programs"][0]["loads"][1]["stacks"], json!([[[0, 0], [1]]]));
    }

    #[test]
    fn what_does_not_fit_is_counted_and_a_findings_own_load_stays() {
        let finding = |what: &str, files: u64| json!({"what": what, "role": "w", "files": files});
        let load = |path: &str| json!({"path": path, "role": "w", "stacks": []});
        let loads: Vec<Value> = ["/big", "/second", "/first", "/third"].map(load).into();
        let findings = [finding("/first", 1), finding("/second", 1), finding("/third", 5)];
        let mut document = json!({"programs": [{"findings": findings, "loads": loads, "missing": []}]});
        assert_eq!(pack(&mut document, 3), LeftOut { findings: 1, loads: 1 });
        let paths: Vec<&Value> =
            document["programs"][0]["loads"].as_array().unwrap().iter().map(|load| &load["path"]).collect();
        assert_eq!(paths, ["/big", "/second", "/first"]);
    }
}
