#!/usr/bin/env bash
# Makes the secrets of compose.yml beside it, once: what is there stays. The folder is for its owner alone; the files in
# it can be read by the users of the containers into which they are mounted one by one.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

mkdir -p secrets
chmod 700 secrets
for name in cluster-token admin-token grafana-password; do
  if [[ -s secrets/$name ]]; then continue; fi
  head -c 32 /dev/urandom | base64 | tr '+/' '-_' | tr -d '=' >"secrets/$name.new"
  chmod 644 "secrets/$name.new"
  mv "secrets/$name.new" "secrets/$name"
  echo "made $PWD/secrets/$name"
done
