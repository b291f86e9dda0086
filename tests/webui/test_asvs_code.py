"""What our code never does, read from the code itself: lines of OWASP ASVS 5.0 on coding."""

import ast
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PRODUCT = ("telehealth", "webui", "protocols", "devices")
DEMO = {"demo.py", "demo_people.py"}
CLIENT = ROOT / "webui" / "client" / "src"
TEMPLATES = ROOT / "webui" / "templates"
MODULES = [path for name in PRODUCT for path in sorted((ROOT / name).rglob("*.py"))]
SERVER = [m for m in MODULES if m.parts[len(ROOT.parts)] in ("telehealth", "webui")]


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def imported(path: Path) -> frozenset[str]:
    """Return the modules that a file imports, with and without the names taken out of them."""
    found: set[str] = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return frozenset(found)


@cache
def calls(path: Path) -> Sequence[tuple[str, ast.Call]]:
    """Return every call of a file, with what is called as it is written."""
    found = (node for node in ast.walk(tree(path)) if isinstance(node, ast.Call))
    return [(ast.unparse(node.func), node) for node in found]


def test_there_is_code_to_read() -> None:
    assert len(SERVER) > 100
    assert any("subprocess" in name for path in SERVER for name, _ in calls(path))
    assert "hashlib" in imported(ROOT / "telehealth" / "vault.py")


@pytest.mark.asvs("1.3.2")
def test_nothing_is_made_into_code_while_running() -> None:
    dynamic = {"eval", "exec", "compile", "__import__"}
    assert not [(path, name) for path in MODULES for name, _ in calls(path) if name in dynamic]


@pytest.mark.asvs("1.2.5")
def test_no_program_is_started_through_a_shell() -> None:
    shells = {"os.system", "os.popen", "asyncio.create_subprocess_shell", "subprocess.getoutput"}
    for path in MODULES:
        for name, call in calls(path):
            assert name not in shells, path
            assert not any(word.arg == "shell" for word in call.keywords), path


@pytest.mark.asvs("1.5.2")
def test_nothing_is_read_in_a_form_that_can_bring_objects_along() -> None:
    unsafe = {"pickle", "marshal", "shelve", "dill", "jsonpickle", "yaml"}
    assert not [path for path in MODULES if imported(path) & unsafe]


@pytest.mark.asvs("1.5.1")
def test_no_xml_is_read() -> None:
    roots = {"xml", "lxml", "defusedxml", "xmltodict"}
    for path in MODULES:
        assert not {name.split(".")[0] for name in imported(path)} & roots, path


@pytest.mark.asvs("1.3.6", "13.2.4", "13.2.5", "14.2.3", "15.3.2", "16.2.3")
def test_the_server_calls_nobody_but_its_database() -> None:
    clients = {
        "requests", "httpx", "urllib3", "urllib.request", "http.client", "smtplib", "ftplib",
        "imaplib", "poplib", "telnetlib", "websockets", "aiohttp.client", "aiohttp.ClientSession",
        "aiohttp.request", "socket",
    }  # fmt: skip
    openers = {"aiohttp.ClientSession", "aiohttp.request", "asyncio.open_connection"}
    for path in SERVER:
        if path.name in DEMO:
            continue
        assert not imported(path) & clients, path
        assert not {name for name, _ in calls(path)} & openers, path


@pytest.mark.asvs("6.5.3", "7.2.3", "11.5.1")
def test_the_server_draws_every_secret_from_the_operating_system_and_long_enough() -> None:
    drawn = 0
    for path in SERVER:
        assert "random" not in imported(path), path
        for name, call in calls(path):
            if name in ("secrets.token_bytes", "secrets.token_urlsafe") and call.args:
                written = ast.unparse(call.args[0])
                assert not written.isdecimal() or int(written) >= 16, path
                drawn += 1
    assert drawn > 8


@pytest.mark.asvs("11.4.1", "11.4.3")
def test_nothing_is_hashed_or_signed_with_what_is_broken() -> None:
    for path in MODULES:
        for name, call in calls(path):
            used = [name, *map(ast.unparse, call.args), *(ast.unparse(k) for k in call.keywords)]
            text = " ".join(used).lower()
            assert not re.search(r"\b(md5|sha1|md4|ripemd160|crc32\()", text), path


@pytest.mark.asvs("11.3.1", "11.3.2")
def test_aes_gcm_is_the_only_cipher() -> None:
    ciphers = {
        name
        for path in MODULES
        for name in imported(path)
        if name.startswith("cryptography.hazmat.primitives.ciphers.")
    }
    package = "cryptography.hazmat.primitives.ciphers.aead"
    assert ciphers == {package, f"{package}.AESGCM"}
    assert not [path for path in MODULES if "Crypto" in {n.split(".")[0] for n in imported(path)}]


@pytest.mark.asvs("11.2.1")
def test_what_ciphers_signs_and_hashes_passwords_comes_from_known_libraries() -> None:
    libraries = {"cryptography", "argon2", "hashlib", "hmac", "secrets", "ssl", "pyotp", "webauthn"}
    known = re.compile(r"crypt|argon|bcrypt|scrypt|nacl|jwt|jose|otp|webauthn|hash|hmac|secrets")
    found = {name.split(".")[0] for path in SERVER for name in imported(path)}
    assert {name for name in found if known.search(name)} == libraries - {"ssl"}


@pytest.mark.asvs("1.2.9")
def test_no_pattern_is_made_of_what_somebody_sent() -> None:
    patterns = {
        f"re.{name}" for name in ("compile", "match", "fullmatch", "search", "sub", "split")
    }
    patterns |= {"re.findall", "re.finditer"}
    for path in MODULES:
        for name, call in calls(path):
            if name in patterns:
                names = [n.id for n in ast.walk(call.args[0]) if isinstance(n, ast.Name)]
                assert all(n == n.upper() for n in names), (path, ast.unparse(call.args[0]))


@pytest.mark.asvs("1.3.10")
def test_no_text_of_a_stranger_is_a_format() -> None:
    not_of_texts = {"msgspec.json.format", "super().format"}
    for path in MODULES:
        for name, call in calls(path):
            assert name != "str.format", path
            if name.endswith((".format", ".format_map")) and name not in not_of_texts:
                assert isinstance(call.func, ast.Attribute)
                ours = (
                    isinstance(call.func.value, ast.Constant)
                    or ast.unparse(call.func.value).isupper()
                )
                assert ours, (path, name)


@pytest.mark.asvs("1.3.7", "1.2.1", "1.1.2")
def test_pages_are_templates_of_ours_that_escape_by_themselves() -> None:
    for path in SERVER:
        names = {name for name, _ in calls(path)}
        assert not {name for name in names if name.endswith((".from_string", "Template"))}, path
        for name, call in calls(path):
            if name == "Environment":
                said = {word.arg: ast.unparse(word.value) for word in call.keywords}
                assert said["autoescape"] == "True"
                assert said["loader"] == "FileSystemLoader(TEMPLATES)"
    for template in TEMPLATES.glob("*.html"):
        text = template.read_text(encoding="utf-8")
        assert not re.search(r"\|\s*safe\b|autoescape false", text), template


@pytest.mark.asvs("3.7.1")
@pytest.mark.parametrize("template", sorted(TEMPLATES.glob("*.html")), ids=lambda path: path.name)
def test_a_page_needs_no_plug_in(template: Path) -> None:
    assert not re.search(r"<(object|embed|applet|iframe|frame)\b", template.read_text())


@pytest.mark.asvs("6.2.6", "6.2.7")
def test_passwords_are_masked_and_password_managers_may_fill_them_in() -> None:
    fields = [
        field
        for template in TEMPLATES.glob("*.html")
        for field in re.findall(r"<input\b[^>]*>", template.read_text(encoding="utf-8"))
        if re.search(r'name="(password|old|new)"', field)
    ]
    assert len(fields) >= 4
    for field in fields:
        assert 'type="password"' in field
        assert re.search(r'autocomplete="(current|new)-password"', field)
    assert not scripts_with(r"onpaste|[\"']paste[\"']")


def scripts_with(pattern: str) -> list[str]:
    """Return the client's lines that a pattern is found in."""
    return [
        f"{path.name}: {line.strip()}"
        for path in sorted(CLIENT.rglob("*.ts"))
        for line in path.read_text(encoding="utf-8").splitlines()
        if re.search(pattern, line)
    ]


@pytest.mark.asvs("3.2.2", "1.2.3")
def test_scripts_put_text_into_pages_and_never_markup() -> None:
    assert scripts_with(r"textContent")
    assert not scripts_with(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|unsafe(HTML|SVG|Static)"
        r"|\beval\(|new Function|srcdoc|createContextualFragment|parseFromString"
    )


@pytest.mark.asvs("3.5.5")
def test_scripts_take_no_messages_of_other_windows() -> None:
    assert not scripts_with(r"postMessage|[\"']message[\"']|window\.open\(|BroadcastChannel")


@pytest.mark.asvs("14.3.3")
def test_scripts_keep_in_the_browser_only_what_is_written_down() -> None:
    """Deviation: readings wait in a patient's own phone until they are acknowledged (phone.md)."""
    kept = scripts_with(r"(local|session)Storage\.setItem|indexedDB\.open|caches\.open|\.cookie")
    assert kept == [
        "consult_devices.ts: localStorage.setItem(CHOICE, JSON.stringify(choice));",
        "sensor.ts: localStorage.setItem(CHOSEN, device.id);",
        'ring.ts: localStorage.setItem(SILENT, isSilent() ? "no" : "yes");',
        "store.ts: const request = indexedDB.open(NAME, VERSION);",
        "worker.ts: const cache = await caches.open(CACHE);",
        "worker.ts: return (await caches.open(CACHE)).match(SHELL);",
        "worker.ts: const cache = await caches.open(CACHE);",
    ]


@pytest.mark.asvs("4.4.1")
def test_over_tls_scripts_open_sockets_over_tls_alone() -> None:
    opened = scripts_with(r"[\"']wss?:")
    assert len(opened) == 2
    for line in opened:
        assert line.endswith('.protocol = location.protocol === "https:" ? "wss:" : "ws:";')


@pytest.mark.asvs("15.3.6")
def test_scripts_set_no_property_whose_name_comes_from_elsewhere() -> None:
    assert not scripts_with(
        r"__proto__|\.prototype\b|Object\.(assign|setPrototypeOf)\("
        r"|\bfor \((const|let|var) \w+ in |\w\[\w+(\.\w+)*\] =[^=>]"
    )
