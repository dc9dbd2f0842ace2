//! The program's entry: hands the command line over and turns the answer into an exit status.

fn main() {}
