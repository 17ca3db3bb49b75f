//! What the compiler made of the operations: locked instructions, and calls that must not be in a hot path.
//!
//! A locked read-modify-write is one instruction, so a count of instructions does not see it. Here it is seen without
//! running anything: in the disassembly of the operation's own function and of what it calls within these crates.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::process::Command;

use super::callgrind::run;
use super::error::GateError;

/// Where calls are followed into; what lies elsewhere is only named.
const FOLLOWED: [&str; 3] = ["tachograph", "crossbeam", "quanta"];
/// Parts of the names of what a hot path must not call: where panics and allocations start.
const FORBIDDEN: [&str; 11] = [
    "panic",
    "_fail",
    "handle_alloc_error",
    "rust_alloc",
    "rust_dealloc",
    "rust_realloc",
    "GlobalAlloc",
    "alloc::raw_vec",
    "malloc",
    "calloc",
    "free@",
];
/// A call whose target is known only when it happens.
const UNKNOWN: &str = "an unknown function";
/// How the read-modify-write instructions of ARM begin.
const ARM_LOCKED: [&str; 8] = [
    "stxr", "stlxr", "ldadd", "ldset", "ldclr", "ldeor", "swp", "cas",
];

/// What was found in one operation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CodeFindings {
    /// Atomic read-modify-write instructions.
    pub locked: u64,
    /// Names of panics and allocator functions that are called, each once.
    pub forbidden_calls: BTreeSet<String>,
}

#[derive(Debug, Default)]
struct Function {
    locked: u64,
    /// Names that it calls or jumps to.
    calls: BTreeSet<String>,
}

/// The disassembly of a program.
#[derive(Debug)]
pub struct MachineCode {
    functions: HashMap<String, Function>,
}

impl MachineCode {
    /// Disassembles a program by `objdump`.
    ///
    /// # Errors
    /// `objdump` is not installed or cannot read the program.
    pub fn of(program: &Path) -> Result<Self, GateError> {
        let listed = |args: &[&str]| {
            let output = run("objdump", Command::new("objdump").args(args).arg(program))?;
            Ok::<_, GateError>(String::from_utf8_lossy(&output.stdout).into_owned())
        };
        let disassembly = listed(&["-d", "-C", "--no-show-raw-insn"])?;
        Ok(Self::parse(&disassembly, &listed(&["-R", "-C"])?))
    }

    fn parse(disassembly: &str, relocations: &str) -> Self {
        let slots = slots(disassembly, relocations);
        let mut functions: HashMap<String, Function> = HashMap::new();
        let mut current = "";
        for line in disassembly.lines() {
            if let Some((_, name)) = header(line) {
                current = name;
                continue;
            }
            let Some(instruction) = line.split_once(":\t").map(|(_, it)| it.trim()) else {
                continue;
            };
            let function = functions.entry(current.to_owned()).or_default();
            function.locked += u64::from(is_locked(instruction));
            let target = target(instruction, &slots).filter(|target| *target != current);
            function.calls.extend(target.map(str::to_owned));
        }
        Self { functions }
    }

    /// What a function does, and whatever it calls within these crates; `None` if there is no such function.
    pub fn findings(&self, function: &str) -> Option<CodeFindings> {
        let mut found = CodeFindings::default();
        let mut seen = BTreeSet::from([function]);
        let mut open = vec![self.functions.get(function)?];
        while let Some(function) = open.pop() {
            found.locked += function.locked;
            for name in &function.calls {
                if name == UNKNOWN || FORBIDDEN.iter().any(|part| name.contains(part)) {
                    found.forbidden_calls.insert(name.clone());
                } else if FOLLOWED.iter().any(|part| name.contains(part)) && seen.insert(name) {
                    open.extend(self.functions.get(name));
                }
            }
        }
        Some(found)
    }
}

/// Address and name in a function's first line: `0000000000012340 <ops::hot::count>:`.
fn header(line: &str) -> Option<(u64, &str)> {
    let (address, name) = line.strip_suffix(">:")?.split_once(" <")?;
    let address = u64::from_str_radix(address, 16).ok()?;
    Some((address, without_hash(name)))
}

/// What lies behind the slots through which the linker lets functions of other crates be called, by their addresses.
///
/// A line of `objdump -R` is `000000000011ea70 R_X86_64_RELATIVE  *ABS*+0x3d6f0`, or has a name at its end.
fn slots<'a>(disassembly: &'a str, relocations: &'a str) -> HashMap<u64, &'a str> {
    let functions: HashMap<u64, &str> = disassembly.lines().filter_map(header).collect();
    let slot = |line: &'a str| {
        let mut words = line.split_whitespace();
        let address = u64::from_str_radix(words.next()?, 16).ok()?;
        let value = words.nth(1)?;
        let name = match value.strip_prefix("*ABS*+0x") {
            Some(function) => functions.get(&u64::from_str_radix(function, 16).ok()?)?,
            None => value,
        };
        Some((address, name))
    };
    relocations.lines().filter_map(slot).collect()
}

/// Rust's older mangling leaves `::h` and 16 hexadecimal digits behind the name.
fn without_hash(name: &str) -> &str {
    match name.rsplit_once("::h") {
        Some((name, hash)) if hash.len() == 16 && hash.bytes().all(|b| b.is_ascii_hexdigit()) => {
            name
        }
        _ => name,
    }
}

fn is_locked(instruction: &str) -> bool {
    let mnemonic = instruction.split_whitespace().next().unwrap_or("");
    // An exchange with memory is locked without saying so.
    let exchange = mnemonic.starts_with("xchg") && instruction.contains('(');
    mnemonic == "lock"
        || exchange
        || ARM_LOCKED.iter().any(|start| mnemonic.starts_with(start))
        || instruction.contains("<__aarch64_")
}

/// The function that an instruction calls or jumps to: `call 12400 <name>`, or through a slot `call *0x8(%rip) # 6000 <…>`.
fn target<'a>(instruction: &'a str, slots: &HashMap<u64, &'a str>) -> Option<&'a str> {
    let mnemonic = instruction
        .split_whitespace()
        .find(|word| !matches!(*word, "addr32" | "bnd" | "data16" | "notrack"))?;
    let branches = ["call", "j", "b", "cb", "tb"];
    if !branches.iter().any(|start| mnemonic.starts_with(start)) {
        return None;
    }
    let through_memory = instruction.contains('*') || mnemonic.starts_with("blr");
    if through_memory {
        let slot = instruction
            .split_once("# ")
            .and_then(|(_, place)| u64::from_str_radix(place.split_whitespace().next()?, 16).ok());
        let known = slot.and_then(|address| slots.get(&address).copied());
        // A jump table leads to places within the function; any other unknown target could be anything.
        return known.or_else(|| (!mnemonic.starts_with('j')).then_some(UNKNOWN));
    }
    let name = instruction.split_once('<')?.1.strip_suffix('>')?;
    // A place within a function, not its start: a jump of its own.
    (!name.contains("+0x")).then(|| without_hash(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    const X86: &str = "
0000000000001000 <ops::hot::count>:
    1000:\tmov    0x10(%rdi),%rax
    1004:\tjae    1010 <ops::hot::count+0x10>
    1006:\tcall   2000 <tachograph_hotpath::lane::Lane::add::h0123456789abcdef>
    100b:\tcall   *0x4f2(%rip)        # 6000 <_DYNAMIC+0x228>
    100d:\tcall   *0x4fa(%rip)        # 6008 <clock_gettime@GLIBC_2.17>
    100f:\tjmp    *%rax
    1010:\txchg   %ax,%ax

0000000000002000 <tachograph_hotpath::lane::Lane::add::h0123456789abcdef>:
    2000:\tlock xadd %rax,(%rcx)
    2005:\txchg   %rax,0x8(%rcx)
    2006:\taddr32 call 3000 <core::panicking::panic_bounds_check>
    200b:\tjmp    1000 <ops::hot::count>

0000000000005000 <__rustc::__rust_alloc>:
    5000:\tret

0000000000007000 <ops::hot::dynamic>:
    7000:\tcall   *0x18(%rax)

0000000000004000 <ops::hot::clean>:
    4000:\tmov    (%rdi),%rax
    4004:\tret
";

    const SLOTS: &str = "
OFFSET           TYPE              VALUE
0000000000006000 R_X86_64_RELATIVE  *ABS*+0x0000000000005000
0000000000006008 R_X86_64_GLOB_DAT  clock_gettime@GLIBC_2.17
";

    #[test]
    fn what_is_called_is_looked_at_too() {
        let found = MachineCode::parse(X86, SLOTS)
            .findings("ops::hot::count")
            .unwrap();
        assert_eq!(found.locked, 2);
        let calls: Vec<_> = found.forbidden_calls.iter().map(String::as_str).collect();
        assert_eq!(
            calls,
            [
                "__rustc::__rust_alloc",
                "core::panicking::panic_bounds_check"
            ]
        );
    }

    #[test]
    fn plain_code_is_clean_and_a_missing_function_is_not() {
        let code = MachineCode::parse(X86, SLOTS);
        assert_eq!(
            code.findings("ops::hot::clean"),
            Some(CodeFindings::default())
        );
        assert_eq!(code.findings("ops::hot::renamed"), None);
        let dynamic = code.findings("ops::hot::dynamic").unwrap();
        assert_eq!(
            dynamic.forbidden_calls,
            BTreeSet::from([UNKNOWN.to_owned()])
        );
    }

    #[test]
    fn arm_is_understood() {
        for (instruction, locked) in [
            ("ldaddal\tx8, x8, [x0]", true),
            ("stlxr\tw9, x8, [x0]", true),
            ("bl\t4000 <__aarch64_ldadd8_rel>", true),
            ("stlr\tx8, [x0]", false),
            ("ldar\tx8, [x0]", false),
        ] {
            assert_eq!(is_locked(instruction), locked, "{instruction}");
        }
        assert_eq!(
            target("bl\t4000 <core::panicking::panic>", &HashMap::new()),
            Some("core::panicking::panic")
        );
    }
}
