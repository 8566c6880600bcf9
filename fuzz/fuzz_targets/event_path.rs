#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| lrap::proxy::in_process::echo(data));
