//! How the linker lays the library out: docs/decisions/0006-two-segments.md.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=layout.ld");
    // The linker that Rust brings along, its default on x86-64, has a word of its own for it.
    let read_only_beside_code = match env::var("CARGO_CFG_TARGET_ARCH").as_deref() {
        Ok("x86_64") => "--no-rosegment",
        _ => "-znoseparate-code",
    };
    let layout = env::var("CARGO_MANIFEST_DIR").map(|folder| format!("-T{folder}/layout.ld"));
    for option in [read_only_beside_code, "-znorelro", &layout.unwrap_or_default()] {
        println!("cargo::rustc-cdylib-link-arg=-Xlinker");
        println!("cargo::rustc-cdylib-link-arg={option}");
    }
}
