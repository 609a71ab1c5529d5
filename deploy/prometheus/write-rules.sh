#!/usr/bin/env bash
# Writes rules.yaml: alerts.yml of this repository as a ConfigMap. To be run when alerts.yml has changed (a test says so).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

{
  cat <<'END'
# Written by write-rules.sh from alerts.yml: change that one.
apiVersion: v1
kind: ConfigMap
metadata:
  name: prometheus-rules
  namespace: ai-cluster
data:
  alerts.yml: |
END
  sed 's/^./    &/' ../../alerts.yml
} >rules.yaml
