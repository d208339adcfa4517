//! The clients of the taps, each in its real interpreter and before a real collector: what a hit tells, and
//! that nobody notices when it cannot be told.

mod client;
mod commands;
mod fpm;
mod hard;
mod rust;
mod shells;
mod shim;

use alive_tests::artifacts;
use alive_tests::scene::Scene;

/// What a client must do in every language; each is a test in the room of its language.
macro_rules! in_every_language {
    ($client:expr) => {
        #[test]
        fn a_hit_tells_its_place_and_its_caller_once() {
            crate::client::a_hit_tells_its_place_and_its_caller_once(&$client);
        }

        #[test]
        fn nobody_listens_and_nothing_happens() {
            crate::client::nobody_listens_and_nothing_happens(&$client);
        }

        #[test]
        fn switched_off_it_sends_nothing() {
            crate::client::switched_off_it_sends_nothing(&$client);
        }

        #[test]
        fn odd_names_and_long_values_arrive_cut_and_whole_lines() {
            crate::client::odd_names_and_long_values_arrive_cut_and_whole_lines(&$client);
        }
    };
}

/// Where processes fork, also:
macro_rules! in_every_language_that_forks {
    ($client:expr) => {
        in_every_language!($client);

        #[test]
        fn a_forked_child_is_another_process() {
            crate::client::a_forked_child_is_another_process(&$client);
        }
    };
}

mod perl {
    use super::*;

    in_every_language_that_forks!(client::PERL);

    #[test]
    fn what_a_program_looks_at_afterwards_is_as_it_was() {
        let scene = Scene::start();
        let Some(mut command) = client::PERL.command(&scene, "state") else { return };
        assert_eq!(scene.run(&mut command).well().said(), "done\n");
        assert_eq!(client::pings(&scene, "state.kept").len(), 1);
    }
}

mod python {
    use super::*;

    in_every_language_that_forks!(client::PYTHON);
}

mod ruby {
    use super::*;

    in_every_language_that_forks!(client::RUBY);
}

mod php {
    use super::*;

    in_every_language_that_forks!(client::PHP);
}

mod node {
    use super::*;

    in_every_language!(client::NODE);

    #[test]
    fn a_hit_is_sent_also_when_the_program_ends_at_once() {
        let scene = Scene::start();
        let Some(mut command) = client::NODE.command(&scene, "exit") else { return };
        assert_eq!(scene.run(&mut command).well().said(), "done\n");
        assert_eq!(client::pings(&scene, "checkout.legacy").len(), 1);
    }
}

mod bash {
    use super::*;

    in_every_language_that_forks!(client::BASH);
}

mod c {
    use super::*;

    in_every_language_that_forks!(client::C);

    #[test]
    fn errno_is_as_it_was() {
        for scene in [Scene::start(), Scene::without_collector()] {
            let mut command = client::C.command(&scene, "errno").expect("needs no interpreter");
            assert_eq!(scene.run(&mut command).well().said(), "done\n");
        }
    }

    #[test]
    fn the_header_is_cpp_as_well() {
        let scene = Scene::without_collector();
        let mut compiler = scene.command(std::path::Path::new("/usr/bin/g++"));
        compiler.args(["-x", "c++", "-std=c++17", "-Wall", "-Wextra", "-Werror", "-fsyntax-only"]);
        let compiled = scene.run(compiler.arg(artifacts::source("programs/tap.c")));
        assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
    }
}
