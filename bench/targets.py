"""What is measured: how each target is configured and started. All do the same work; see README.md."""

import shutil
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

HERE = Path(__file__).resolve().parent
KEY = "sk-bench-0123456789"
MODELS = ("whole", "stream-100-20", "stream-200-1", "stream-12-1000", "stream-400-20")
LARGE_PROVIDERS, LARGE_ALIASES = 1_500, 5_000
OMNIROUTE = str(Path(sys.executable).parent / "omniroute")
LITELLM = HERE / "peers" / "litellm" / "bin" / "litellm"

POLICY = (
    "[policies.bench]\nbudgets = ['bench']\n"
    "rate = { requests_per_minute = 1_000_000_000, tokens_per_minute = 1_000_000_000, concurrent = 1_000_000 }\n"
    "[budgets.bench]\nlimit = '1000000 USD'\nperiod = 'monthly'\n"
)
"""Limits that are counted and never reached."""


def providers(upstream: str) -> str:
    """The provider that is measured against, with prices."""
    return (
        f'[providers.bench]\nbase_url = "{upstream}/v1"\nformats = ["openai-chat"]\napi_key = "env:BENCH_KEY"\n'
        + "".join(
            f'[providers.bench.models."{model}"]\nprice = {{ input = "0.10", output = "0.40" }}\n' for model in MODELS
        )
    )


def key(policy: str) -> str:
    digest = sha256(KEY.encode()).hexdigest()
    return f'[keys.bench]\nsha256 = "{digest}"\nscopes = ["inference", "status"]\n{policy}'


def small(upstream: str, *, bare: bool = False) -> str:
    """A configuration of one provider. Aliases come last, so that others can be added."""
    head = f"[server]\nrequire_api_key = true\n{providers(upstream)}"
    head += key("") if bare else key('policy = "bench"\n') + POLICY
    return head + "[aliases]\n" + "".join(f'{model} = "bench/{model}"\n' for model in MODELS)


def large(upstream: str, mark: int = 0) -> str:
    """A configuration of very many providers and aliases; ``mark`` makes it another one."""
    aliases = "".join(f'a{n} = "p{n % LARGE_PROVIDERS}/m"\n' for n in range(LARGE_ALIASES))
    others = "".join(
        f'[providers.p{n}]\nbase_url = "http://10.0.0.1:{n + 1000}/v1"\nformats = ["openai-chat"]\n'
        f'api_key = "env:BENCH_KEY"\n[providers.p{n}.models.m]\nprice = {{ input = "0.10", output = "0.40" }}\n'
        for n in range(LARGE_PROVIDERS)
    )
    return f'{small(upstream)}mark = "p{mark}/m"\n{aliases}{others}'


def gateway(written: Callable[[str], str], *more: str) -> "Make":
    """OmniRoute with a configuration, and more options."""

    def make(port: int, upstream: str, folder: Path) -> list[str]:
        path = folder / "omniroute.toml"
        path.write_text(written(upstream))
        command = [OMNIROUTE, "serve", "--config", str(path), "--port", str(port)]
        return [*command, "--database", str(folder / "bench.db"), "--log-level", "error", *more]

    return make


def nginx(port: int, upstream: str, folder: Path) -> list[str]:
    """nginx as a plain proxy: a static key check, keep-alive both ways, no buffering."""
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind}; " for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;\n"
        "events { worker_connections 8192; }\n"
        f"http {{ access_log off; {temporary} client_body_buffer_size 256k; client_max_body_size 64m;\n"
        " keepalive_requests 100000000;\n"
        f" upstream provider {{ server {upstream.removeprefix('http://')}; keepalive 256; keepalive_requests 100000000; }}\n"
        f' map $http_authorization $known {{ default 0; "Bearer {KEY}" 1; }}\n'
        f" server {{ listen 127.0.0.1:{port} backlog=4096; location / {{ if ($known = 0) {{ return 401; }}\n"
        '  proxy_pass http://provider; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off; } } }\n'
    )
    return ["nginx", "-e", str(folder / "error.log"), "-c", str(folder / "nginx.conf")]


def litellm(port: int, upstream: str, folder: Path) -> list[str]:
    """LiteLLM's proxy: one worker, no database, a master key, as its production page advises."""
    models = [
        f'  - {{model_name: "{model}", litellm_params: {{model: "openai/{model}", api_base: "{upstream}/v1", api_key: "x"}}}}\n'
        for model in MODELS
    ]
    settings = (
        f"general_settings: {{master_key: {KEY}}}\nlitellm_settings: {{request_timeout: 600, telemetry: false}}\n"
    )
    (folder / "litellm.yaml").write_text("model_list:\n" + "".join(models) + settings)
    return [str(LITELLM), "--config", str(folder / "litellm.yaml"), "--host", "127.0.0.1", "--port", str(port)]


Make = Callable[[int, str, Path], list[str]]
TARGETS: dict[str, Make | None] = {
    "direct": None,
    "nginx": nginx,
    "omniroute": gateway(small),
    "omniroute-bare": gateway(lambda upstream: small(upstream, bare=True)),
    "omniroute-workers": gateway(small, "--workers", "2"),
    "omniroute-large": gateway(large),
    "litellm": litellm,
}
TRANSLATING = {"omniroute", "omniroute-bare", "litellm"}
"""Targets that are asked in Anthropic's format for what the provider says in OpenAI's."""


def present(name: str) -> bool:
    """Whether a target can be started here; what is left out is said."""
    if name not in TARGETS:
        sys.exit(f"there is no target '{name}'; there are: {', '.join(TARGETS)}")
    there = {"nginx": shutil.which("nginx") is not None, "litellm": LITELLM.exists()}.get(name, True)
    if not there:
        print(f"left out: {name} is not installed (bench/README.md says how)", file=sys.stderr)
    return there
