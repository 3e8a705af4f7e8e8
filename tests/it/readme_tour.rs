//! The tour of the README, run line by line as a new user does, with what the demo prints.

use std::process::Command;

use crate::support::demo::Demo;
use crate::support::skip::skip;
use crate::support::sources::read;

/// What the response of each step of the tour contains.
const EXPECTED: [&[&str]; 14] = [
    &["\"type\":\"users\",\"id\":\"1017\""],
    &["\"total-count\":3", "\"type\":\"user-relationships\",\"id\":\"38\"", "\"id\":\"1016\"", "\"id\":\"1005\""],
    &["\"included\":[", "\"job-title\":"],
    &["\"next\":", "page%5Bafter%5D="],
    &["HTTP/1.1 201", "location: "],
    &["HTTP/1.1 200", "\"relationship\":\"colleague\"", "HTTP/1.1 204"],
    &["HTTP/1.1 200", "\"+358 1\""],
    &["HTTP/1.1 4", "/atomic:operations/1"],
    &["HTTP/1.1 201", "location: "],
    &["HTTP/1.1 201", "\"id\":\"buddy\""],
    &["HTTP/1.1 409", "relationship-cycle", "\"path\":[\"1000\",\"1017\",\"1005\",\"1001\",\"1000\"]"],
    &["\"depth\":3", "\"via\":\"1005\"", "\"below-count\":0", "\"total-count\":"],
    &["\"previous\":[{\"type\":\"users\",\"id\":\"1005\"}]", "\"user-relationship\":"],
    &["\"type\":\"changes\"", "\"subject-type\":\"user-relationships\"", "\"reason\":\"reassign\"", "\"actor\":"],
];

/// The section of the tour.
fn tour() -> String {
    let text = read("README.md");
    let (_, rest) = text.split_once("## A tour with curl\n").expect("the tour");
    rest.split("\n## ").next().unwrap_or_default().to_owned()
}

/// The blocks of shell: the first one sets the variables, and each other one is a step.
fn blocks(tour: &str) -> Vec<String> {
    let blocks = tour.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    blocks.map(ToOwned::to_owned).collect()
}

#[test]
fn every_line_of_the_readme_tour_works_with_what_the_demo_prints() {
    if Command::new("curl").arg("--version").output().is_err() {
        skip("no curl to run the tour with");
        return;
    }
    let blocks = blocks(&tour());
    assert_eq!(blocks.len(), 1 + EXPECTED.len());
    let demo = Demo::start();
    let values = [("URL", &demo.url), ("TOKEN", &demo.user), ("ADMIN", &demo.admin)];
    let names: Vec<_> = blocks[0].lines().filter_map(|line| line.split_once('=').map(|pair| pair.0)).collect();
    assert_eq!(names, values.map(|pair| pair.0), "the README names what the demo prints");
    for (step, (block, expected)) in blocks[1..].iter().zip(EXPECTED).enumerate() {
        let ended = Command::new("sh").args(["-c", block]).envs(values).output().expect("a shell");
        let text = String::from_utf8_lossy(&ended.stdout);
        for word in expected {
            assert!(text.contains(word), "step {}: {word} is not in the response to\n{block}\n{text}", step + 1);
        }
    }
    // "Repeat the command to get 409", "to get 412", "is not performed".
    for (step, words) in [(5, &["HTTP/1.1 409"][..]), (9, &["HTTP/1.1 201", "idempotent-replayed"])] {
        let block = &blocks[step];
        let ended = Command::new("sh").args(["-c", block]).envs(values).output().expect("a shell");
        let again = Command::new("sh").args(["-c", block]).envs(values).output().expect("a shell");
        let text = String::from_utf8_lossy(&again.stdout).into_owned();
        assert!(words.iter().all(|word| text.contains(word)), "step {step} again: {text} {ended:?}");
    }
    assert_eq!(demo.stop().0, Some(0));
}

#[test]
fn the_demo_prints_the_base_url_to_which_the_tour_appends() {
    let demo = Demo::start();
    assert!(demo.url.starts_with("http://127.0.0.1:") && demo.url.matches('/').count() == 2, "{}", demo.url);
    for line in blocks(&tour()).iter().flat_map(|block| block.lines()) {
        assert_eq!(line.matches("$URL").count(), line.matches("$URL/api/v2/").count(), "{line}");
    }
    for line in &demo.curls {
        assert!(line.contains(&format!("'{}/api/v2/", demo.url)), "{line}");
    }
}
