"""schemathesis 4 sends what /openapi.json allows, and what it does not, as the demo's admin."""

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
# It leaves folders behind where it runs.
with tempfile.TemporaryDirectory() as folder:
    command = [program.absolute(), "--config-file", settings, "run", document]
    hooks = {"SCHEMATHESIS_HOOKS": str(settings.with_name("openapi_hooks.py"))}
    read = subprocess.run(command, cwd=folder, env=os.environ | hooks, check=False)
if read.returncode != 0:
    sys.exit(read.returncode)

# Had one of the two lost its rights on the way, all after that would have been a 401 or 403, and nothing been tried.
for name, level in [("ADMIN_TOKEN", "admin"), ("USER_TOKEN", "user")]:
    me = requests.get(f"{API}/users/me", headers={"Authorization": f"Bearer {os.environ[name]}"}, timeout=10)
    assert me.status_code == 200, (name, me.text)
    assert me.json()["data"]["attributes"]["access-level"] == level, (name, me.text)
    print(f"schemathesis: {name}: still {level}")
