//! A data race on purpose.

#[test]
fn two_threads_write_one_word() {
    static mut WORD: u64 = 0;
    let write = || (0..100_000).for_each(|n| unsafe { (&raw mut WORD).write_volatile(n) });
    let other = std::thread::spawn(write);
    write();
    other.join().unwrap();
}
