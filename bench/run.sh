#!/usr/bin/env bash
# Measure in one run: OmniRoute, nginx and LiteLLM. `run.sh --install` first installs LiteLLM, and matplotlib for
# the picture, into bench/peers.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
if [ "${1:-}" = --install ]; then
  shift
  [ -x "$here/peers/litellm/bin/litellm" ] || {
    "${PYTHON:-python3}" -m venv "$here/peers/litellm"
    "$here/peers/litellm/bin/pip" -q install 'litellm[proxy]==1.106.2'
  }
  [ -x "$here/peers/plot/bin/python" ] || {
    "${PYTHON:-python3}" -m venv "$here/peers/plot"
    "$here/peers/plot/bin/pip" -q install 'matplotlib==3.11.2'
  }
fi
exec "$here/../.venv/bin/python" "$here/measure.py" "$@"
