//! The binary: hands its arguments to the command line, and says who allocates.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    usher::cli::run(std::env::args_os())
}
