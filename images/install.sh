#!/bin/sh
# The install steps of our images: `install.sh EXTRA FOLDER`, from the root of a checkout. EXTRA is serve, train or
# scale, FOLDER an absolute path.
# TORCH names the build of torch that uv takes (cpu, cu130, …); UV_FIND_LINKS a folder of wheels that come first.
set -eu
python3.11 -m venv "$2"
"$2/bin/python" -m pip install --quiet uv
if [ -z "${UV_FIND_LINKS:-}" ]; then export UV_TORCH_BACKEND="${TORCH:-cpu}"; fi
"$2/bin/uv" pip install --quiet --compile-bytecode --python "$2/bin/python" -c constraints.txt ".[$1]"
"$2/bin/uv" pip uninstall --quiet --python "$2/bin/python" pip setuptools uv
ln -s "$(cd / && "$2/bin/python" -c 'import feature_repo; print(feature_repo.__path__[0])')" "$2/feature_repo"
