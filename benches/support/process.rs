//! Children of a benchmark: each subject runs in a process of its own, on the processors it is told to.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// Processors that a child may run on, in the notation of `taskset`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cores {
    One,
    Two,
}

impl Cores {
    /// Those of this notation.
    pub(crate) fn of(list: &str) -> Option<Self> {
        [Cores::One, Cores::Two].into_iter().find(|cores| cores.list() == list)
    }

    pub(crate) fn list(self) -> &'static str {
        match self {
            Cores::One => "0",
            Cores::Two => "0,1",
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Cores::One => "one core",
            Cores::Two => "two cores",
        }
    }
}

/// A child that answers a line with a line.
pub(crate) struct Helper {
    child: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Helper {
    /// This program again, with other arguments.
    pub(crate) fn start(cores: Cores, arguments: &[&str]) -> Self {
        let mut program = this_program(Some(cores));
        if cores == Cores::Two {
            // The pair's queues hold 2,048 by default, and its long bursts are longer.
            program.envs([("OTEL_BSP_MAX_QUEUE_SIZE", "16384"), ("OTEL_BLRP_MAX_QUEUE_SIZE", "16384")]);
        }
        let mut child = program
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("this program can be started");
        let questions = child.stdin.take().expect("the child's input is a pipe");
        let answers = BufReader::new(child.stdout.take().expect("the child's output is a pipe"));
        Helper { child, questions, answers }
    }

    /// Asks and waits for the answer.
    pub(crate) fn ask(&mut self, question: &str) -> String {
        writeln!(self.questions, "{question}").expect("the child listens");
        let mut answer = String::new();
        self.answers.read_line(&mut answer).expect("the child answers");
        assert!(!answer.is_empty(), "the child ended when it was asked `{question}`");
        answer.trim_end().to_owned()
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// This program, pinned if `taskset` is there.
pub(crate) fn this_program(cores: Option<Cores>) -> Command {
    let program = std::env::current_exe().expect("a program knows where it is");
    match cores {
        Some(cores) if is_installed("taskset") => {
            let mut command = Command::new("taskset");
            command.args(["-c", cores.list()]).arg(program);
            command
        }
        _ => Command::new(program),
    }
}

/// Whether a program can be run.
pub(crate) fn is_installed(program: &str) -> bool {
    Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
}

/// Answers the parent's lines until there are no more.
pub(crate) fn answer(mut respond: impl FnMut(&[&str]) -> String) {
    for line in std::io::stdin().lines() {
        let line = line.expect("the parent writes text");
        let words: Vec<&str> = line.split(' ').collect();
        println!("{}", respond(&words));
    }
}

/// What this program prints when it is run with these arguments.
pub(crate) fn run(arguments: &[&str]) -> String {
    let output =
        this_program(None).args(arguments).stderr(Stdio::inherit()).output().expect("this program can be started");
    assert!(output.status.success(), "`{}` failed", arguments.join(" "));
    String::from_utf8(output.stdout).expect("it prints text").trim().to_owned()
}
