//! Builds the Kubernetes overlays as `kubectl apply -k` does, for the features that they use: `resources`, and `patches`
//! that merge maps.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::sources::root;

/// The overlays.
pub const OVERLAYS: [&str; 2] = ["postgres", "sqlite"];

/// The objects that an overlay creates, each with the file that declares it.
pub fn build(overlay: &str) -> Vec<(String, Value)> {
    build_folder(&root().join("deploy/kubernetes").join(overlay))
}

/// The objects in a YAML file.
pub fn load(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_saphyr::from_multiple(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn build_folder(folder: &Path) -> Vec<(String, Value)> {
    let file = load(&folder.join("kustomization.yaml")).remove(0);
    let known = ["apiVersion", "kind", "resources", "patches"];
    let members = file.as_object().expect("an object");
    assert!(members.keys().all(|name| known.contains(&&**name)), "{members:?}: this function does not know them all");
    assert_eq!(
        (&file["apiVersion"], &file["kind"]),
        (&"kustomize.config.k8s.io/v1beta1".into(), &"Kustomization".into())
    );
    let list = |name: &str| file[name].as_array().cloned().unwrap_or_default();
    let mut objects = Vec::new();
    for resource in list("resources") {
        let path: PathBuf = folder.join(resource.as_str().expect("a path"));
        let path = path.canonicalize().unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        if path.is_dir() {
            objects.extend(build_folder(&path));
        } else {
            let name = path.strip_prefix(root().join("deploy/kubernetes")).expect("a manifest").display().to_string();
            objects.extend(load(&path).into_iter().map(|object| (name.clone(), object)));
        }
    }
    for patch in list("patches") {
        let patch = load(&folder.join(patch["path"].as_str().expect("a path"))).remove(0);
        let is_same =
            |object: &Value| object["kind"] == patch["kind"] && object["metadata"]["name"] == patch["metadata"]["name"];
        let patched = objects.iter_mut().find(|(_, object)| is_same(object));
        merge(&mut patched.expect("the object that the patch names").1, &patch);
    }
    objects
}

fn merge(target: &mut Value, patch: &Value) {
    match (target, patch) {
        (Value::Object(target), Value::Object(patch)) => {
            for (name, value) in patch {
                merge(target.entry(name).or_insert(Value::Null), value);
            }
        }
        (target, patch) => {
            assert!(!patch.is_array(), "the merge of a list depends on its kind");
            *target = patch.clone();
        }
    }
}
