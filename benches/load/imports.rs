//! First loads of CSV files: users with their relationships in a second file, and people files whose columns become
//! relationships; and exports in each format.

use std::fs::{File, remove_file};
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::Instant;

use super::Bench;
use super::data::{RELATIONSHIPS, TYPES, USERS, edges, run, scatter};
use super::report::Target;

/// The supervisors of a people file.
const SUPERVISORS: u64 = 1_000;

impl Bench {
    /// Loads each kind of files several times, each time into an empty database. The first load of relationships has a
    /// target; users are loaded one by one, so those of a people file, which has as many users as relationships of each
    /// column, are counted with them.
    pub fn imports(&mut self, database: &str, least: f64, url: impl Fn(&str) -> String) {
        let folder = tempfile::tempdir().expect("a folder");
        let users = (self.args.scale * USERS) as u64;
        let edges = edges(users, (self.args.scale * RELATIONSHIPS) as usize);
        let [people, bare, lines] = ["people.csv", "users.csv", "edges.csv"].map(|name| folder.path().join(name));
        write(
            &people,
            &mut (1..=users).map(person),
            "Employee #;Work Email;First Name;Last Name;Department;Supervisor;Mentor",
        );
        write(&bare, &mut (2..=users).map(user), "id,email,first-name,last-name");
        let kind = |(owner, target, kind): &(u64, u64, usize)| format!("{owner},{target},{}", TYPES[*kind]);
        write(&lines, &mut edges.iter().map(kind), "user,target,relationship");
        let text = |path: &Path| path.to_str().expect("the path is text").to_owned();
        let (people, bare, lines) = (text(&people), text(&bare), text(&lines));
        let tables = ["import", "--format", "csv", "--users", &bare, "--relationships", &lines];
        let of_people = ["import", "--format", "csv", "--users", &people, "--map", "Mentor=mentor:alt-id"];
        let count = edges.len() as f64;
        let what = format!("{database}: import of CSV, relationships/s");
        let detail = format!("{} relationships, and {users} users", edges.len());
        self.load(&what, &url, &tables, (count, Target::Least(least)), detail);
        let what = format!("{database}: import of a people file, users and relationships/s");
        let detail = format!("{users} users with a supervisor and a mentor");
        self.load(&what, &url, &of_people, (3.0 * users as f64, Target::None), detail);
        self.exports(database, &url("imports-export"), &tables, folder.path());
    }

    fn load(
        &mut self,
        what: &str,
        url: &impl Fn(&str) -> String,
        args: &[&str],
        (count, target): (f64, Target),
        detail: String,
    ) {
        let rates: Vec<_> = (0..self.args.rounds)
            .map(|round| {
                let letters: String = what.chars().filter(char::is_ascii_lowercase).collect();
                let url = url(&format!("imports-{letters}-{round}"));
                prepare(&url);
                let started = Instant::now();
                run(&url, args);
                count / started.elapsed().as_secs_f64()
            })
            .collect();
        self.report.add(what, &rates, "", target, detail);
    }

    fn exports(&mut self, database: &str, url: &str, tables: &[&str], folder: &Path) {
        prepare(url);
        run(url, tables);
        let file = |name: &str| folder.join(name).to_str().expect("the path is text").to_owned();
        let [all, users, lines] = ["all", "users", "lines"].map(file);
        for (format, options) in [
            ("ndjson", &["--output", &all][..]),
            ("csv", &["--users", &users, "--relationships", &lines]),
            ("jsonapi", &["--output", &all]),
        ] {
            let once = |_| {
                let started = Instant::now();
                let output = run(url, &[&["export", "--format", format], options].concat());
                assert!(output.is_empty(), "data goes to the files");
                self.args.scale * (USERS + RELATIONSHIPS) / started.elapsed().as_secs_f64()
            };
            let rates: Vec<_> = (0..self.args.rounds).map(once).collect();
            let what = format!("{database}: export, {format}, records/s");
            self.report.add(&what, &rates, "", Target::None, String::new());
        }
        remove_file(all).expect("our file");
    }
}

/// Creates the schema, and the admin, who has the id 1.
fn prepare(url: &str) {
    run(url, &["migrate", "run"]);
    run(url, &["user", "add", "--email", "admin@example.com", "--access-level", "admin"]);
}

fn write(path: &Path, rows: &mut dyn Iterator<Item = String>, header: &str) {
    let mut file = BufWriter::new(File::create(path).expect("a file"));
    writeln!(file, "{header}").expect("room");
    rows.for_each(|row| writeln!(file, "{row}").expect("room"));
    // Otherwise the disk is still writing the file while the import is timed.
    file.into_inner().expect("room").sync_all().expect("the disk accepts the file");
}

fn user(id: u64) -> String {
    format!("{id},u{id}@example.com,First{id},Last{}", scatter(id) % 5_000)
}

/// A row of a people file: the first users are the supervisors of all others.
fn person(number: u64) -> String {
    let other = |salt: u64| format!("E{}", 1 + scatter(number ^ salt << 32) % SUPERVISORS.min(number - 1).max(1));
    let (supervisor, mentor) = if number > 2 { (other(1), other(2)) } else { (String::new(), String::new()) };
    let last = scatter(number) % 5_000;
    format!("E{number};e{number}@example.com;First{number};Last{last};Unit {};{supervisor};{mentor}", number % 100)
}
