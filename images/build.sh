#!/bin/sh
# Build our images with whatever builder is there, and push them where REGISTRY names one: `images/build.sh [online train scale]`.
# BASE, TORCH and FLAGS (of the builder) may be set. Without a builder's access to a registry, BASE=debootstrap makes a
# base out of Debian packages, with buildah.
set -eu
cd "$(dirname "$0")/.."
version=$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
revision=$(git rev-parse HEAD 2>/dev/null || true)
for builder in docker buildah podman none; do command -v "$builder" >/dev/null && break; done
[ "$builder" != none ] || { echo "no builder here: install docker, podman or buildah" >&2; exit 1; }
[ "$builder" != docker ] || docker info >/dev/null 2>&1 || builder=buildah
case $builder in buildah) build="buildah build --isolation chroot --network host --layers" ;; *) build="$builder build" ;; esac
if [ "${BASE:-}" = debootstrap ]; then
  BASE=localhost/hidden-gems/base:bookworm
  if ! buildah inspect "$BASE" >/dev/null 2>&1; then
    root=$(mktemp -d)
    debootstrap --variant=minbase --include=ca-certificates bookworm "$root" http://deb.debian.org/debian >&2
    made=$(buildah from scratch)
    buildah add -q "$made" "$root" / >/dev/null
    buildah run --isolation chroot --network host "$made" -- sh -c \
      "apt-get update -qq && apt-get install -y -qq --no-install-recommends python3.11 python3.11-venv && rm -rf /var/lib/apt/lists/*" >&2
    buildah commit -q "$made" "$BASE" >/dev/null
    buildah rm "$made" >/dev/null
    rm -rf "$root"
  fi
fi
for target in ${*:-online train scale}; do
  name="${REGISTRY:+$REGISTRY/}hidden-gems/$target:$version"
  # shellcheck disable=SC2086
  $build ${FLAGS:-} ${BASE:+--build-arg BASE=$BASE} ${TORCH:+--build-arg TORCH=$TORCH} \
    --build-arg VERSION="$version" --build-arg REVISION="$revision" --target "$target" -t "$name" -f images/Containerfile .
  if [ -n "${REGISTRY:-}" ]; then "$builder" push "$name"; fi
  echo "$name"
done
