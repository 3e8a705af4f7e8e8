"""Runs schemathesis 4 as the admin of the demo: it sends valid and invalid requests by /openapi.json."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import requests

API = os.environ["API_URL"]
program = Path(sys.executable).with_name("schemathesis")
settings = Path(__file__).with_name("schemathesis.toml").absolute()
document = f"{API.removesuffix('/api/v2')}/openapi.json"
# schemathesis creates folders in its working directory.
with tempfile.TemporaryDirectory() as folder:
    command = [program.absolute(), "--config-file", settings, "run", document]
    hooks = {"SCHEMATHESIS_HOOKS": str(settings.with_name("openapi_hooks.py"))}
    done = subprocess.run(command, cwd=folder, env=os.environ | hooks, check=False)
if done.returncode != 0:
    sys.exit(done.returncode)

# If a user had lost its permissions during the run, all later requests would have failed with 401 or 403.
for name, level in [("ADMIN_TOKEN", "admin"), ("USER_TOKEN", "user")]:
    me = requests.get(f"{API}/users/me", headers={"Authorization": f"Bearer {os.environ[name]}"}, timeout=10)
    assert me.status_code == 200, (name, me.text)
    assert me.json()["data"]["attributes"]["access-level"] == level, (name, me.text)
    print(f"schemathesis: {name}: still {level}")
