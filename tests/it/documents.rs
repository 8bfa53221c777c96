//! What is written about the program is true of it.

use crate::support::Desk;

fn help(arguments: &[&str]) -> String {
    let ran = Desk::bare().run(arguments);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    ran.out
}

fn commands() -> Vec<String> {
    let help = help(&["--help"]);
    let list = help.split("Commands:").nth(1).and_then(|rest| rest.split("Options:").next()).expect("a list");
    let names = list.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    names
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .map(String::from)
        .collect()
}

#[test]
fn every_command_stands_in_readme_and_manual() {
    let readme = include_str!("../../README.md");
    let manual = help(&["man"]);
    let commands = commands();
    assert!(commands.len() >= 15, "{commands:?}");
    for command in commands {
        assert!(readme.contains(&format!("newswatch {command}")), "README says nothing of `{command}`");
        let heading = format!("NEWSWATCH {}", command.to_uppercase());
        assert!(manual.contains(&heading), "the manual says nothing of `{command}`");
    }
    for deeper in ["OUTBOX RETRY", "WATCHES EXPAND", "PLANS RESUBSCRIBE"] {
        assert!(manual.contains(&format!("NEWSWATCH {deeper}")), "the manual says nothing of {deeper}");
    }
}

#[test]
fn init_writes_a_configuration_that_checks() {
    let desk = Desk::bare();
    assert_eq!(desk.run(&["init"]).code, Some(0));
    let checked = desk.run(&["check-config"]);
    assert_eq!(checked.code, Some(0), "{checked:?}");
    let again = desk.run(&["init"]);
    assert_eq!(again.code, Some(1), "it never overwrites: {again:?}");
}
