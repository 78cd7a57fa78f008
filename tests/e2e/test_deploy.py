"""Files by which others start the gateway are what their readers' schemas allow."""
import subprocess
import sys

from conftest import ROOT


def check(schema, *files):
    done = subprocess.run([sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, *files],
                          capture_output=True, text=True, check=False, timeout=60)
    return done.returncode, done.stdout + done.stderr


def test_compose_is_what_its_specification_allows(directory):
    code, told = check("vendor.compose-spec", ROOT / "deploy/compose.yaml")
    assert code == 0, told
    wrong = directory / "compose.yaml"
    wrong.write_text((ROOT / "deploy/compose.yaml").read_text("utf-8").replace("cap_drop:", "drop_cap:"))
    assert check("vendor.compose-spec", wrong)[0] == 1
