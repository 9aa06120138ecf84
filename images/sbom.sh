#!/bin/sh
# What our images hold, as CycloneDX: `images/sbom.sh FOLDER`, from environments made by their install steps.
set -eu
mkdir -p "$1"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
for extra in serve train scale; do
  sh images/install.sh "$extra" "$scratch/$extra"
  uv tool run --quiet --from cyclonedx-bom cyclonedx-py environment --pyproject pyproject.toml --mc-type application \
    --output-file "$1/$extra.cdx.json" "$scratch/$extra/bin/python"
  echo "$1/$extra.cdx.json"
done
