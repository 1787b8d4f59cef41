// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
//! names MS: Rust functions of several kinds burn CPU for MS milliseconds together. Built by the
//! test that needs it.
//!
//! Truth: samples are in names::zoo::burn_free, <names::zoo::Keeper as names::zoo::Burn>::burn and
//! a closure of names::zoo::with_closure, all below names::run_all and names::main.

mod zoo {
    use std::hint::black_box;

    pub trait Burn {
        fn burn(&self, n: u64);
    }

    pub struct Keeper;

    #[inline(always)]
    fn turn(n: u64) {
        let mut x: u64 = 1;
        for _ in 0..n {
            x = black_box(x.wrapping_mul(3) + 1);
        }
    }

    impl Burn for Keeper {
        #[inline(never)]
        fn burn(&self, n: u64) {
            turn(n + 1); // not the same as burn_free, or the compiler would merge them
        }
    }

    #[inline(never)]
    pub fn burn_free(n: u64) {
        turn(n);
    }

    #[inline(never)]
    fn apply(f: &dyn Fn(u64), n: u64) {
        f(n);
        black_box(());
    }

    #[inline(never)]
    pub fn with_closure(n: u64) {
        let closure = |m: u64| turn(m);
        apply(black_box(&closure), n);
        black_box(n);
    }
}

#[inline(never)]
fn run_all(ms: u64) {
    use zoo::Burn;
    let end = std::time::Instant::now() + std::time::Duration::from_millis(ms);
    while std::time::Instant::now() < end {
        zoo::burn_free(100_000);
        std::hint::black_box(&zoo::Keeper).burn(100_000);
        zoo::with_closure(100_000);
    }
}

fn main() {
    let ms = std::env::args().nth(1).and_then(|a| a.parse().ok()).unwrap_or(701);
    run_all(ms);
    std::hint::black_box(ms);
}
