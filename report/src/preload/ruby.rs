//! Ruby's features by name: `json` for `/usr/lib/ruby/3.1.0/json.rb`.
//!
//! Behind the folders of `$LOAD_PATH` that Ruby and `RubyGems` make, the rest of the path is what `require`
//! wants. Any other file is required by its whole path, which Ruby knows to be the same file.

use std::fmt::Write as _;

use alive_store::model::Load;

use super::disk::Disk;
use super::{Dialect, Entry, NO_TEXT, Naming, modules, page, parts, settings, text};

/// `require` lines.
pub(super) struct Ruby;

/// What loads all that is found by its name alone.
pub(super) const EAGER_LOAD: &str = "Zeitwerk::Loader.eager_load_all";

impl Dialect for Ruby {
    fn title(&self) -> &'static str {
        "Ruby files to load before the fork."
    }

    fn advice(&self) -> &'static [&'static str] {
        &[
            "Put it into a file that the master loads before it forks, behind `require \"bundler/setup\"` where",
            "there is a Gemfile: a gem that is not in it cannot be required, and must be in it without",
            "`require: false` to be loaded by `Bundler.require`.",
            "In Rails, config.eager_load = true and Rails.application.eager_load! load what is found by its name.",
            "Connections and threads must be opened in the worker (on_worker_boot, after_fork).",
        ]
    }

    fn language(&self) -> &'static str {
        "ruby"
    }

    fn name(&self, load: &Load, _: &dyn Disk) -> Naming {
        match name(load) {
            Naming::Setting(line) if line != EAGER_LOAD => {
                Naming::Unnamed("the application itself, which a setting of the server loads before the fork")
            }
            naming => naming,
        }
    }

    fn write(&self, entries: &[Entry], out: &mut String) {
        for line in lines(entries) {
            let _ = writeln!(out, "{line}");
        }
    }
}

/// The `require` lines, and behind them what needs them.
pub(super) fn lines(entries: &[Entry]) -> Vec<String> {
    let require = |word: &str, note: &str| format!("require {} {}", quoted(word), page::commented("#", note));
    let mut lines: Vec<String> = modules(entries).map(|(name, note)| require(&name.word, note)).collect();
    let eager = settings(entries).filter(|(line, _)| *line == EAGER_LOAD);
    lines.extend(eager.map(|(line, note)| format!("{line} {}", page::commented("#", note))));
    lines
}

/// The setting that has the application loaded before the fork.
pub(super) const PRELOAD_APP: &str = "preload_app!";

/// What Ruby calls a load.
pub(super) fn name(load: &Load) -> Naming {
    let library = load.path.ends_with(b".so");
    if !library && load.language != "ruby" {
        return Naming::Foreign;
    }
    let Some(path) = text(&load.path) else {
        return if library { Naming::Foreign } else { Naming::Unnamed(NO_TEXT) };
    };
    if path.ends_with(".gemspec") {
        return Naming::Unnamed("read by RubyGems when a gem is first required, so the lines below bring it");
    }
    if path.ends_with(".ru") {
        return Naming::Setting(PRELOAD_APP);
    }
    let components = parts(path);
    let feature = feature(&components);
    match (library, feature) {
        (true, None) => Naming::Foreign,
        (true, Some(feature)) => Naming::named(feature),
        (false, Some(feature)) if feature.ends_with(".rb") => {
            Naming::named(feature.strip_suffix(".rb").unwrap_or(&feature))
        }
        (false, _) if !path.ends_with(".rb") => Naming::Unnamed("no file that `require` would take"),
        (false, _) if by_zeitwerk(load) => Naming::Setting(EAGER_LOAD),
        (false, _) => Naming::named(path),
    }
}

/// Whether the file was loaded because somebody used the name of what is in it.
fn by_zeitwerk(load: &Load) -> bool {
    load.stacks
        .iter()
        .flat_map(|stack| &stack.language)
        .any(|frame| frame.language == "ruby" && frame.file.windows(10).any(|part| part == b"/zeitwerk/"))
}

/// What stands behind the last folder that Ruby or `RubyGems` has in `$LOAD_PATH`.
fn feature(components: &[&str]) -> Option<String> {
    let version = |part: &str| {
        part.contains('.') && part.chars().all(|letter| letter.is_ascii_digit() || letter == '.')
    };
    let arch = |part: &str| part.contains("-linux");
    let part = |at: usize| components.get(at).copied().unwrap_or_default();
    // Behind the version there may be the folder of this kind of machine.
    let behind = |at: usize| at + usize::from(arch(part(at)));
    let start = |at: usize| match part(at) {
        "gems" if part(at + 2) == "lib" && part(at + 1).contains('-') => Some(at + 3),
        "extensions" if arch(part(at + 1)) && part(at + 3).contains('-') => Some(at + 4),
        "vendor_ruby" | "site_ruby" if version(part(at + 1)) => Some(behind(at + 2)),
        "vendor_ruby" | "site_ruby" => Some(at + 1),
        "ruby" if version(part(at + 1)) && part(at + 2) != "gems" => Some(behind(at + 2)),
        _ => None,
    };
    let at = (0..components.len()).rev().find_map(start)?;
    components.get(at..).filter(|rest| !rest.is_empty()).map(|rest| rest.join("/"))
}

/// A string, as Ruby reads it, without interpolation.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('#', "\\#"))
}

#[cfg(test)]
mod tests {
    use super::super::samples::{Files, asked, load};
    use super::super::{Dialect as _, Entry, Naming, What};
    use super::{EAGER_LOAD, Ruby, lines, name};
    use alive_store::model::Load;

    fn file(path: impl AsRef<[u8]>) -> Load {
        Load { language: "ruby".into(), ..load(path) }
    }

    #[test]
    fn the_folders_of_ruby_and_of_gems_tell_the_name() {
        for (path, feature) in [
            ("/usr/lib/ruby/3.1.0/json.rb", "json"),
            ("/usr/lib/ruby/3.1.0/json/ext.rb", "json/ext"),
            ("/usr/lib/x86_64-linux-gnu/ruby/3.1.0/openssl.so", "openssl.so"),
            ("/usr/lib/ruby/vendor_ruby/rack/builder.rb", "rack/builder"),
            ("/usr/lib/x86_64-linux-gnu/ruby/vendor_ruby/3.1.0/nokogiri/nokogiri.so", "nokogiri/nokogiri.so"),
            ("/usr/share/rubygems-integration/all/gems/rack-2.2.22/lib/rack.rb", "rack"),
            ("/opt/ruby/lib/ruby/gems/3.3.0/gems/puma-6.4.0/lib/puma/dsl.rb", "puma/dsl"),
            ("/opt/ruby/lib/ruby/3.3.0/x86_64-linux/date_core.so", "date_core.so"),
            ("/v/bundle/ruby/3.2.0/bundler/gems/shop-1a2b3c/lib/shop.rb", "shop"),
            (
                "/v/gems/3.3.0/extensions/x86_64-linux/3.3.0/msgpack-1.7.2/msgpack/msgpack.so",
                "msgpack/msgpack.so",
            ),
        ] {
            assert_eq!(name(&file(path)), Naming::named(feature), "{path}");
        }
    }

    #[test]
    fn any_other_file_is_required_by_its_path_or_found_by_its_name() {
        let own = "/srv/shop/app/models/cart.rb";
        assert_eq!(name(&file(own)), Naming::named(own));
        let zeitwerk = "/var/lib/gems/3.1.0/gems/zeitwerk-2.6.1/lib/zeitwerk/kernel.rb";
        assert_eq!(name(&asked(file(own), "ruby", zeitwerk, 30, "require")), Naming::Setting(EAGER_LOAD));
        let of_a_gem = "/var/lib/gems/3.1.0/gems/rack-2.2.7/lib/rack.rb";
        assert_eq!(name(&asked(file(of_a_gem), "ruby", zeitwerk, 30, "require")), Naming::named("rack"));
    }

    #[test]
    fn what_require_does_not_take_is_left_out() {
        let unnamed = |load: &Load| matches!(Ruby.name(load, &Files::default()), Naming::Unnamed(_));
        assert!(unnamed(&file("/usr/lib/ruby/gems/3.1.0/specifications/default/json-2.6.1.gemspec")));
        assert!(unnamed(&file("/srv/config.ru")));
        assert!(unnamed(&file(b"/srv/\xff.rb")));
        assert!(unnamed(&file("/srv/a\nb.rb")));
        assert!(unnamed(&file("/srv/Rakefile")));
        for path in ["/usr/lib/x86_64-linux-gnu/libssl.so.3", "/opt/radio.so"] {
            assert_eq!(name(&load(path)), Naming::Foreign, "{path}");
        }
    }

    #[test]
    fn strings_run_nothing() {
        let Naming::Named(name) = name(&file("/srv/#{`id`}\"\\.rb")) else { panic!("a name") };
        let entry = Entry { what: What::Module(name), note: "2 of 2".into() };
        assert_eq!(lines(&[entry]), [r##"require "/srv/\#{`id`}\"\\.rb" # 2 of 2"##]);
    }
}
