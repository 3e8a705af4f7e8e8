//! The files in `deploy/` and the Dockerfile are consistent with each other and with the program.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::time::Duration;

use user_relationships::config::Config;
use user_relationships::http::routes::OPEN;

use crate::image::instruction;
use crate::support::Value;
use crate::support::kustomize::{OVERLAYS, build, load};
use crate::support::process::{finish, program};
use crate::support::skip::skip;
use crate::support::sources::{files, read, root};

type Variables = BTreeMap<String, String>;

/// The placeholder of the password in the Compose file.
const PASSWORD: &str = "${POSTGRES_PASSWORD}";
/// Allowed kinds of objects, with an API version that every supported release of Kubernetes has.
const KINDS: [(&str, &str); 6] = [
    ("apps/v1", "Deployment"),
    ("apps/v1", "StatefulSet"),
    ("batch/v1", "Job"),
    ("networking.k8s.io/v1", "NetworkPolicy"),
    ("policy/v1", "PodDisruptionBudget"),
    ("v1", "Service"),
];

/// Every object of both overlays, with the name of its file.
fn objects() -> Vec<(String, Value)> {
    OVERLAYS.iter().flat_map(|overlay| build(overlay)).collect()
}

fn compose() -> Value {
    serde_saphyr::from_str(&read("deploy/compose.yaml")).expect("YAML")
}

/// The objects with a pod template: file, template, object.
fn workloads() -> Vec<(String, Value, Value)> {
    let all = objects().into_iter().filter(|(_, object)| object["spec"]["template"].is_object());
    all.map(|(name, object)| (name, object["spec"]["template"].clone(), object)).collect()
}

fn container(template: &Value) -> &Value {
    let all = array(&template["spec"]["containers"]);
    assert_eq!(all.len(), 1, "{template}");
    &all[0]
}

fn array(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn words(value: &Value) -> Vec<&str> {
    array(value).iter().map(|word| word.as_str().expect("a word")).collect()
}

fn pairs(text: &str) -> Variables {
    let pair = |word: &str| word.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
    text.split_whitespace().filter_map(pair).collect()
}

fn of_image() -> Variables {
    let mut all = pairs(&instruction("ENV"));
    assert_eq!(all.remove("SSL_CERT_FILE").as_deref(), Some("/etc/ssl/certs/ca-certificates.crt"));
    all
}

fn of_container(container: &Value) -> Variables {
    let secret = load(&root().join("deploy/kubernetes/postgres/secret.example.yaml")).remove(0);
    let value = |variable: &Value| {
        let reference = &variable["valueFrom"]["secretKeyRef"];
        if reference.is_null() {
            return variable["value"].as_str().expect("text: a number or a switch needs quotation marks").to_owned();
        }
        assert_eq!(reference["name"], secret["metadata"]["name"]);
        let key = reference["key"].as_str().expect("a key");
        secret["stringData"][key].as_str().unwrap_or_else(|| panic!("no {key} in the secret")).to_owned()
    };
    let all = array(&container["env"]).iter();
    all.map(|variable| (variable["name"].as_str().expect("a name").to_owned(), value(variable))).collect()
}

fn of_compose(service: &Value) -> Variables {
    let text = |value: &Value| value.as_str().expect("text").replace(PASSWORD, "secret");
    let all = service["environment"].as_object().expect("variables").iter();
    all.map(|(name, value)| (name.clone(), text(value))).collect()
}

/// The values of a directive of the systemd unit, in order.
fn of_unit(name: &str) -> Vec<String> {
    let unit = read("deploy/user-relationships.service");
    unit.lines().filter_map(|line| Some(line.strip_prefix(name)?.strip_prefix('=')?.to_owned())).collect()
}

/// Every file that sets environment variables, with the variables in effect.
fn environments() -> Vec<(String, Variables)> {
    let over_image = |given: Variables| of_image().into_iter().chain(given).collect::<Variables>();
    let mut all = vec![("Dockerfile".to_owned(), of_image())];
    all.extend(
        workloads().iter().map(|(name, template, _)| (name.clone(), over_image(of_container(container(template))))),
    );
    for name in ["service", "migration"] {
        all.push((format!("compose {name}"), over_image(of_compose(&compose()["services"][name]))));
    }
    all.push(("systemd".to_owned(), of_unit("Environment").iter().flat_map(|line| pairs(line)).collect()));
    all
}

fn port_of(variables: &Variables, name: &str) -> u64 {
    let address = variables.get(name).unwrap_or_else(|| panic!("no {name}"));
    address.rsplit_once(':').expect("a port").1.parse().expect("a number")
}

fn seconds(variables: &Variables, name: &str) -> Duration {
    let default = || Config::rows().into_iter().find(|row| row.variable == name).expect("a setting").default;
    let text = variables.get(name).cloned().unwrap_or_else(default);
    whole_seconds(&text)
}

fn whole_seconds(text: &str) -> Duration {
    Duration::from_secs(text.strip_suffix('s').expect("seconds").parse().expect("a number"))
}

fn is_within(inner: &Value, outer: &Value) -> bool {
    let inner = inner.as_object().expect("labels");
    !inner.is_empty() && inner.iter().all(|(name, value)| outer[name] == *value)
}

#[test]
fn all_variables_are_settings_with_valid_values() {
    let known: BTreeSet<_> = Config::rows().into_iter().map(|row| row.variable).collect();
    for (file, variables) in environments() {
        assert!(variables.keys().all(|name| known.contains(name)), "{file}: {variables:?}");
        let printed = finish(program().envs(&variables).arg("config")).expect(0).stdout;
        for (name, value) in variables.iter().filter(|(name, _)| *name != "DATABASE_URL") {
            assert!(printed.lines().any(|line| line == format!("{name}={value}")), "{file}: {name} in\n{printed}");
        }
    }
}

#[test]
fn manifests_have_known_kinds_and_the_current_version() {
    let version = env!("CARGO_PKG_VERSION");
    for overlay in OVERLAYS {
        let mut names = BTreeSet::new();
        for (file, object) in build(overlay) {
            let kind = (object["apiVersion"].as_str().unwrap(), object["kind"].as_str().unwrap());
            assert!(KINDS.contains(&kind), "{file}: {kind:?}");
            let name = object["metadata"]["name"].as_str().expect("a name");
            assert!(names.insert((kind.1.to_owned(), name.to_owned())), "{file}: duplicate {kind:?} {name}");
            assert!(kind.1 != "Job" || name.ends_with(&version.replace('.', "-")), "{file}: a Job for each release");
        }
    }
    for (file, template, _) in workloads() {
        let image = container(&template)["image"].as_str().expect("an image");
        assert!(image.ends_with(&format!("/user-relationships:{version}")), "{file}: {image}");
    }
}

#[test]
fn all_started_commands_exist() {
    let commands = workloads().into_iter().map(|(file, template, _)| (file, container(&template)["args"].clone()));
    let compose = compose();
    let composed =
        ["service", "migration"].map(|name| ("compose".to_owned(), compose["services"][name]["command"].clone()));
    let image: Value = serde_json::from_str(&instruction("CMD")).expect("a list");
    assert_eq!(words(&image), ["serve"], "without arguments a container serves");
    for (file, args) in commands.chain(composed).chain([("Dockerfile".to_owned(), image)]) {
        let args = words(&args);
        assert!(!args.is_empty(), "{file}");
        finish(program().args(&args).arg("--help")).expect(0);
    }
    let [start] = of_unit("ExecStart").try_into().expect("one command");
    assert_eq!(start, "/usr/local/bin/user-relationships serve");
    assert_eq!(instruction("ENTRYPOINT"), "[\"user-relationships\"]");
    let (_, health) =
        instruction("HEALTHCHECK").split_once("CMD ").map(|(a, b)| (a.to_owned(), b.to_owned())).expect("CMD");
    let health: Value = serde_json::from_str(&health).expect("a list");
    assert_eq!(words(&health), ["user-relationships", "healthcheck", "--ready"]);
    assert_eq!(words(&compose["services"]["service"]["healthcheck"]["test"])[1..], words(&health));
    finish(program().args(["healthcheck", "--ready", "--help"])).expect(0);
}

#[test]
fn ports_and_probes_match_the_listen_addresses() {
    let image = of_image();
    let (api, admin) = (port_of(&image, "LISTEN"), port_of(&image, "ADMIN_LISTEN"));
    assert_eq!(instruction("EXPOSE"), format!("{api} {admin}"));
    for (file, template, object) in workloads() {
        let container = container(&template);
        if object["kind"] == "Job" {
            continue;
        }
        let variables = of_container(container);
        let ports: BTreeMap<_, _> = array(&container["ports"])
            .iter()
            .map(|port| (port["name"].as_str().unwrap(), port["containerPort"].as_u64().unwrap()))
            .collect();
        let expected =
            BTreeMap::from([("http", port_of(&variables, "LISTEN")), ("admin", port_of(&variables, "ADMIN_LISTEN"))]);
        assert_eq!(ports, expected, "{file}");
        for (probe, path) in [("livenessProbe", "/livez"), ("readinessProbe", "/readyz"), ("startupProbe", "/livez")] {
            let get = &container[probe]["httpGet"];
            assert_eq!((get["path"].as_str(), get["port"].as_str()), (Some(path), Some("admin")), "{file} {probe}");
            assert!(OPEN.contains(&path));
        }
        // `/readyz` waits up to 500 ms for the database.
        assert!(container["readinessProbe"]["timeoutSeconds"].as_u64() > Some(0), "{file}");
        let notes = &template["metadata"]["annotations"];
        assert_eq!(notes["prometheus.io/port"], admin.to_string(), "{file}");
        assert_eq!(notes["prometheus.io/path"], "/metrics", "{file}");
        for (_, service) in objects().iter().filter(|(_, object)| object["kind"] == "Service") {
            assert!(ports.contains_key(service["spec"]["ports"][0]["targetPort"].as_str().unwrap()));
        }
    }
    for (_, policy) in objects().iter().filter(|(_, object)| object["spec"]["ingress"].is_array()) {
        let open: BTreeSet<_> = array(&policy["spec"]["ingress"])
            .iter()
            .flat_map(|rule| array(&rule["ports"]))
            .filter_map(|port| port["port"].as_u64())
            .collect();
        assert_eq!(open, BTreeSet::from([api, admin]));
    }
    let compose = compose();
    assert_eq!(words(&compose["services"]["service"]["ports"]), [format!("127.0.0.1:{api}:{api}")]);
}

#[test]
fn selectors_match_their_pods() {
    for (file, object) in objects() {
        let spec = &object["spec"];
        if ["Deployment", "StatefulSet"].iter().any(|kind| object["kind"] == *kind) {
            assert!(is_within(&spec["selector"]["matchLabels"], &spec["template"]["metadata"]["labels"]), "{file}");
        }
    }
    for overlay in OVERLAYS {
        let all = build(overlay);
        let labels = |kind: &str| -> Vec<Value> {
            let found =
                all.iter().filter(|(_, object)| object["spec"]["template"].is_object() && object["kind"] != kind);
            found.map(|(_, object)| object["spec"]["template"]["metadata"]["labels"].clone()).collect()
        };
        for (file, object) in &all {
            let spec = &object["spec"];
            match object["kind"].as_str().expect("a kind") {
                "PodDisruptionBudget" => {
                    assert!(labels("Job").iter().all(|labels| is_within(&spec["selector"]["matchLabels"], labels)));
                    assert!(
                        spec["maxUnavailable"].is_u64(),
                        "{file}: `minAvailable` would block the eviction of a single instance"
                    );
                }
                "NetworkPolicy" => {
                    let names = words(&spec["podSelector"]["matchExpressions"][0]["values"]);
                    for labels in labels("") {
                        assert!(names.contains(&labels["app.kubernetes.io/name"].as_str().expect("a label")), "{file}");
                    }
                }
                _ => {}
            }
        }
    }
}

#[test]
fn the_service_of_an_overlay_selects_only_its_own_pods() {
    let everyone = workloads();
    for overlay in OVERLAYS {
        let all = build(overlay);
        let services: Vec<_> = all.iter().filter(|(_, object)| object["kind"] == "Service").collect();
        assert_eq!(services.len(), 1, "{overlay}");
        let selector = &services[0].1["spec"]["selector"];
        let own: Vec<_> = all
            .iter()
            .filter(|(_, object)| ["Deployment", "StatefulSet"].iter().any(|kind| object["kind"] == *kind))
            .collect();
        assert_eq!(own.len(), 1, "{overlay}: one kind of instance");
        for (file, template, object) in &everyone {
            let is_own = *file == own[0].0 && *object == own[0].1;
            assert_eq!(is_within(selector, &template["metadata"]["labels"]), is_own, "{overlay} {file}");
        }
    }
    let labels: Vec<_> = everyone.iter().map(|(_, template, _)| &template["metadata"]["labels"]).collect();
    for (at, one) in labels.iter().enumerate() {
        let values = |labels: &Value| labels.as_object().expect("labels").clone();
        let shared =
            values(one).into_iter().filter(|(name, value)| labels[..at].iter().any(|other| other[name] == *value));
        assert_eq!(shared.collect::<Vec<_>>(), [], "no two kinds of pods share a label");
    }
}

#[test]
fn kubectl_builds_the_same_objects() {
    for overlay in OVERLAYS {
        let folder = root().join("deploy/kubernetes").join(overlay);
        let Ok(built) = Command::new("kubectl").arg("kustomize").arg(&folder).output() else {
            skip("no kubectl to build the overlays with");
            return;
        };
        assert!(built.status.success(), "{built:?}");
        let built: Vec<Value> =
            serde_saphyr::from_multiple(&String::from_utf8(built.stdout).expect("text")).expect("YAML");
        let expected: Vec<_> = build(overlay).into_iter().map(|(_, object)| object).collect();
        assert_eq!(built.len(), expected.len(), "{overlay}");
        for object in built {
            assert!(expected.contains(&object), "{overlay}: {object}");
        }
    }
}

#[test]
fn every_manifest_belongs_to_an_overlay_that_says_how_to_make_the_first_admin() {
    let used: BTreeSet<_> = objects().into_iter().map(|(file, _)| file).collect();
    let is_used =
        |path: &str| used.contains(path) || path.ends_with("kustomization.yaml") || path.ends_with("/service.yaml");
    for file in files("deploy/kubernetes", ".yaml") {
        let path = file.path.trim_start_matches("deploy/kubernetes/");
        assert!(is_used(path) || path == "postgres/secret.example.yaml", "{path} is in no overlay");
    }
    for (overlay, kind) in [("postgres", "Deployment"), ("sqlite", "StatefulSet")] {
        let text = read(&format!("deploy/kubernetes/{overlay}/kustomization.yaml"));
        let all = build(overlay);
        let name = &all.iter().find(|(_, object)| object["kind"] == kind).expect(kind).1["metadata"]["name"];
        let exec = format!("kubectl exec {}/{} -- ", kind.to_lowercase(), name.as_str().expect("a name"));
        let deployment = read("docs/DEPLOYMENT.md");
        let mut commands = 0;
        for line in text.lines().filter_map(|line| line.trim_start_matches(['#', ' ']).strip_prefix(&exec)) {
            assert!(deployment.contains(&format!("{exec}{line}")), "docs/DEPLOYMENT.md lacks `{exec}{line}`");
            let args: Vec<_> = line.split_whitespace().collect();
            assert_eq!(args[0], "user-relationships");
            finish(program().args(&args[1..]).arg("--help")).expect(0);
            commands += 1;
        }
        assert!(commands == 2 && text.contains("user add --email"), "{overlay}: {text}");
        let apply = format!("kubectl apply -k deploy/kubernetes/{overlay}");
        assert!(text.contains(&apply) && deployment.contains(&apply), "{overlay}");
    }
}

#[test]
fn no_container_runs_as_root_or_writes_outside_its_volume() {
    let user: u64 = instruction("USER").split(':').next().expect("a user").parse().expect("a number");
    for (file, template, object) in workloads() {
        let (spec, container) = (&template["spec"], container(&template));
        let pod = &spec["securityContext"];
        assert_eq!((&pod["runAsNonRoot"], &pod["runAsUser"]), (&true.into(), &user.into()), "{file}");
        assert_eq!(pod["seccompProfile"]["type"], "RuntimeDefault", "{file}");
        assert_eq!(spec["automountServiceAccountToken"], false, "{file}");
        let own = &container["securityContext"];
        assert_eq!((&own["readOnlyRootFilesystem"], &own["allowPrivilegeEscalation"]), (&true.into(), &false.into()));
        assert_eq!(words(&own["capabilities"]["drop"]), ["ALL"], "{file}");
        assert!(container["resources"]["limits"]["memory"].is_string(), "{file}");
        if object["kind"] == "StatefulSet" {
            let mounted = container["volumeMounts"][0]["mountPath"].as_str().expect("a path");
            let url = &of_container(container)["DATABASE_URL"];
            assert!(url.starts_with(&format!("sqlite://{mounted}/")), "{url} is not in {mounted}");
            assert_eq!(instruction("VOLUME"), mounted);
            assert_eq!(object["spec"]["replicas"], 1, "two instances on one file");
        }
    }
    let compose = compose();
    for name in ["service", "migration"] {
        let service = &compose["services"][name];
        assert_eq!((&service["read_only"], words(&service["cap_drop"])), (&true.into(), vec!["ALL"]), "{name}");
    }
    for (name, value) in
        [("DynamicUser", "yes"), ("ProtectSystem", "strict"), ("NoNewPrivileges", "yes"), ("CapabilityBoundingSet", "")]
    {
        assert_eq!(of_unit(name), [value], "{name}");
    }
}

#[test]
fn stop_timeouts_exceed_the_shutdown_time() {
    let needed = |variables: &Variables| seconds(variables, "DRAIN_DELAY") + seconds(variables, "SHUTDOWN_TIMEOUT");
    for (file, template, object) in workloads() {
        if object["kind"] != "Job" {
            let variables = of_image().into_iter().chain(of_container(container(&template))).collect();
            let given = template["spec"]["terminationGracePeriodSeconds"].as_u64().expect("a number");
            assert!(Duration::from_secs(given) > needed(&variables), "{file}");
        }
    }
    let compose = compose();
    let given = compose["services"]["service"]["stop_grace_period"].as_str().expect("a duration");
    assert!(whole_seconds(given) > needed(&of_image()));
    let given = of_unit("TimeoutStopSec")[0].parse().expect("seconds");
    assert!(Duration::from_secs(given) > needed(&Variables::new()));
}
