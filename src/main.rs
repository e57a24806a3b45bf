//! The program: reads the command and calls the library.

fn main() -> std::process::ExitCode {
    tenon::cli::run(tenon::extensions::registry(), tenon::content::Catalog::build(&[]))
}
