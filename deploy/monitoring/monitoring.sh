#!/usr/bin/env bash
# Starts and stops Prometheus and Grafana for the cluster that runs in this repository; `make metrics`, `make grafana`,
# `make metrics-stop` and `make grafana-stop` are this with two words:
#
#   deploy/monitoring/monitoring.sh start|stop prometheus|grafana
#
# What is installed is taken, else Docker. Both listen on 127.0.0.1 alone; what they write is in data/.
# PROMETHEUS_PORT, PROMETHEUS_RETENTION and GRAFANA_PORT change the defaults below.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
umask 077

readonly prometheus_image=prom/prometheus:v3.5.0
readonly grafana_image=grafana/grafana:12.1.1
readonly prometheus_port=${PROMETHEUS_PORT:-9090}
readonly grafana_port=${GRAFANA_PORT:-3001}
readonly retention=${PROMETHEUS_RETENTION:-15d}
readonly run=data/run

say() { printf '%s\n' "$*"; }
fail() {
  say "$*" >&2
  exit 1
}
has() { command -v "$1" >/dev/null; }

# need <variable> <value> <pattern> <what is accepted>
need() { [[ $2 =~ ^($3)$ ]] || fail "$1: \"$2\" is not accepted; give $4"; }
need PROMETHEUS_PORT "$prometheus_port" '[0-9]{1,5}' 'a port, such as 9090'
need GRAFANA_PORT "$grafana_port" '[0-9]{1,5}' 'a port, such as 3001'
need PROMETHEUS_RETENTION "$retention" '([0-9]+(ms|[smhdwy]))+' 'a time, such as 15d or 12h'

# --- What answers on a port of this machine ---------------------------------------------------------------------------

listens() (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null

# Whether GET <path> on <port> is answered with 200.
answers() (
  exec 3<>"/dev/tcp/127.0.0.1/$1" || exit 1
  printf 'GET %s HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n' "$2" >&3
  IFS= read -r -t 2 line <&3
  [[ $line == *' 200 '* ]]
) 2>/dev/null

# --- Processes: data/run/<name>.pid has the id, and the arguments by which the process is known again ------------------

command_line() {
  if [[ -r /proc/$1/cmdline ]]; then tr '\0' ' ' <"/proc/$1/cmdline"; else ps -o args= -p "$1"; fi 2>/dev/null || true
}

# The id of the process that was started here; fails where it has ended. Its id may be another program's by then, which
# the command line tells.
process_of() {
  local pid='' arguments=''
  [[ -r $run/$1.pid ]] || return 1
  { read -r pid && read -r arguments; } <"$run/$1.pid" || return 1
  [[ -n $arguments && $(command_line "$pid") == *"$arguments"* ]] || return 1
  say "$pid"
}

# The port that what runs here was started with; the one asked for now may be another.
port_of() {
  if process_of "$1" >/dev/null; then
    sed -n 3p "$run/$1.pid"
  else
    docker inspect --format '{{ index .Config.Labels "ai-cluster.port" }}' "ai-cluster-$1"
  fi
}

# start_process <name> <port> <command> <arguments>: in a process group of its own, so that Ctrl-C here does not reach it.
start_process() {
  local name=$1 port=$2
  shift 2
  set -m
  nohup "$@" >"$run/$name.log" 2>&1 </dev/null &
  set +m
  printf '%s\n%s\n%s\n' "$!" "${*:2}" "$port" >"$run/$name.pid"
}

# --- Containers: known again by a label with this folder --------------------------------------------------------------

has_docker() { has docker && docker info >/dev/null 2>&1; }

container_folder() {
  docker inspect --format '{{ index .Config.Labels "ai-cluster.folder" }}' "ai-cluster-$1" 2>/dev/null
}

has_container() { has_docker && [[ $(container_folder "$1") == "$PWD" ]]; }

is_container_up() {
  has_container "$1" && [[ $(docker inspect --format '{{ .State.Running }}' "ai-cluster-$1") == true ]]
}

# start_container <name> <port> <docker's arguments> <image> <its arguments>: files have the same paths inside as outside.
start_container() {
  local name=$1 port=$2 folder
  shift 2
  if folder=$(container_folder "$name"); then
    [[ $folder == "$PWD" ]] || fail "There is a container ai-cluster-$name of ${folder:-something else}: stop it there first."
    docker rm "ai-cluster-$name" >/dev/null
  fi
  docker run --detach --name "ai-cluster-$name" --label "ai-cluster.folder=$PWD" --label "ai-cluster.port=$port" --network host \
    --user "$(id -u)" --cap-drop ALL --security-opt no-new-privileges --workdir "$PWD" "$@" >/dev/null
}

# --- Both -------------------------------------------------------------------------------------------------------------

is_up() { process_of "$1" >/dev/null || is_container_up "$1"; }

# can_start <name> <Name> <port> <variable>: says so where it runs already, fails where something else has its port.
can_start() {
  if is_up "$1"; then
    say "$2 runs already: http://127.0.0.1:$(port_of "$1")"
    return 1
  fi
  if listens "$3"; then
    fail "Port $3 is taken by something that was not started here: stop that, or give $2 another one ($4=...)."
  fi
  mkdir -p "$run"
}

# wait_until_ready <name> <Name> <port> <path> <seconds>
wait_until_ready() {
  local name=$1 end=$((SECONDS + $5))
  until answers "$3" "$4"; do
    if ((SECONDS >= end)) || ! is_starting "$name"; then
      show_log "$name" >&2
      stop "$name" "$2" >/dev/null
      fail "$2 did not get ready; its last lines are above."
    fi
    sleep 0.2
  done
}

# A process is there before it has the command line by which it is known.
is_starting() { is_up "$1" || { sleep 0.5 && is_up "$1"; }; }

show_log() {
  if has_container "$1"; then docker logs --tail 10 "ai-cluster-$1" 2>&1; else tail -n 10 "$run/$1.log"; fi
}

# stop <name> <Name>: what was started here, and nothing else.
stop() {
  local pid
  if pid=$(process_of "$1"); then
    kill -- "-$pid" || true
    for ((tries = 0; tries < 150; tries++)); do
      process_of "$1" >/dev/null || break
      sleep 0.2
    done
    if process_of "$1" >/dev/null; then fail "$2 (process $pid) still runs after 30 s: see $run/$1.log."; fi
  elif has_container "$1"; then
    docker stop -t 30 "ai-cluster-$1" >/dev/null
    docker rm "ai-cluster-$1" >/dev/null
  else
    rm -f "$run/$1.pid"
    say "$2 does not run."
    return
  fi
  rm -f "$run/$1.pid"
  say "$2 has stopped; its data is still there."
}

# --- Prometheus -------------------------------------------------------------------------------------------------------

start_prometheus() {
  can_start prometheus Prometheus "$prometheus_port" PROMETHEUS_PORT || return 0
  mkdir -p data/tsdb data/prometheus
  local flags=(
    --config.file=prometheus.yml
    "--web.listen-address=127.0.0.1:$prometheus_port"
    --storage.tsdb.path=data/tsdb
    "--storage.tsdb.retention.time=$retention"
  )
  if has prometheus; then
    start_process prometheus "$prometheus_port" prometheus "${flags[@]}"
  elif has_docker; then
    start_container prometheus "$prometheus_port" --volume "$PWD/prometheus.yml:$PWD/prometheus.yml:ro" \
      --volume "$PWD/alerts.yml:$PWD/alerts.yml:ro" --volume "$PWD/data/prometheus:$PWD/data/prometheus:ro" \
      --volume "$PWD/data/tsdb:$PWD/data/tsdb" "$prometheus_image" "${flags[@]}"
  else
    fail "Prometheus is not installed, and there is no Docker that answers. One of them is needed:
  Debian, Ubuntu   apt-get install --no-install-recommends prometheus (starts a server of its own on :9090, too:
                   systemctl disable --now prometheus)
  macOS            brew install prometheus
  any other        https://prometheus.io/download/ (put the program prometheus in a folder of your PATH)
  Docker           https://docs.docker.com/get-docker/ (the daemon has to run)"
  fi
  wait_until_ready prometheus Prometheus "$prometheus_port" /-/ready 60
  say "Prometheus runs: http://127.0.0.1:$prometheus_port"
  say "Next: make metrics-check tells whether all is well, make grafana shows it. Stop it with make metrics-stop."
}

# --- Grafana ----------------------------------------------------------------------------------------------------------

make_grafana_password() {
  [[ -s data/grafana-password ]] && return
  head -c 24 /dev/urandom | base64 >data/grafana-password.new
  mv data/grafana-password.new data/grafana-password
}

# The folder with Grafana's own files, given its program: packages put it elsewhere than archives.
grafana_home() {
  local folder
  folder=$(dirname "$(readlink -f "$1")")
  for home in "$folder/.." "$folder/../share/grafana" /usr/share/grafana; do
    if [[ -r $home/conf/defaults.ini ]]; then
      (cd "$home" && pwd)
      return
    fi
  done
  fail "Grafana's files (conf/defaults.ini) were not found beside $1."
}

# Not through the program of the packages: it reads /etc/grafana, which is for the service alone.
start_grafana_process() {
  local program home
  program=$(command -v grafana || command -v grafana-server)
  home=$(grafana_home "$program")
  if [[ -x $home/bin/grafana ]]; then program=$home/bin/grafana; fi
  if [[ $program == *-server ]]; then
    start_process grafana "$grafana_port" "$program" --homepath "$home"
  else
    start_process grafana "$grafana_port" "$program" server --homepath "$home"
  fi
}

start_grafana() {
  can_start grafana Grafana "$grafana_port" GRAFANA_PORT || return 0
  has grafana || has grafana-server || has_docker || fail "Grafana is not installed, and there is no Docker that answers. \
One of them is needed:
  packages         https://grafana.com/docs/grafana/latest/setup-grafana/installation/
  macOS            brew install grafana
  Docker           https://docs.docker.com/get-docker/ (the daemon has to run)"
  mkdir -p data/grafana
  make_grafana_password
  # What is behind \$__file is read by Grafana itself: the password is in no command line and no environment.
  local settings=(
    GF_SERVER_HTTP_ADDR=127.0.0.1
    "GF_SERVER_HTTP_PORT=$grafana_port"
    "GF_SECURITY_ADMIN_PASSWORD=\$__file{$PWD/data/grafana-password}"
    GF_AUTH_ANONYMOUS_ENABLED=false
    GF_USERS_ALLOW_SIGN_UP=false
    GF_SECURITY_DISABLE_GRAVATAR=true
    GF_ANALYTICS_REPORTING_ENABLED=false
    GF_ANALYTICS_CHECK_FOR_UPDATES=false
    GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES=false
    GF_PLUGINS_PREINSTALL_DISABLED=true
    GF_LOG_MODE=console
    "GF_PATHS_DATA=$PWD/data/grafana"
    "GF_PATHS_LOGS=$PWD/data/grafana/log"
    "GF_PATHS_PLUGINS=$PWD/data/grafana/plugins"
    "GF_PATHS_PROVISIONING=$PWD/deploy/grafana/provisioning"
    "DASHBOARDS_FOLDER=$PWD/dashboards"
    "PROMETHEUS_URL=http://127.0.0.1:$prometheus_port"
  )
  if has grafana || has grafana-server; then
    export "${settings[@]}"
    start_grafana_process
  else
    start_container grafana "$grafana_port" "${settings[@]/#/--env=}" \
      --volume "$PWD/deploy/grafana:$PWD/deploy/grafana:ro" --volume "$PWD/dashboards:$PWD/dashboards:ro" \
      --volume "$PWD/data/grafana-password:$PWD/data/grafana-password:ro" \
      --volume "$PWD/data/grafana:$PWD/data/grafana" "$grafana_image"
  fi
  wait_until_ready grafana Grafana "$grafana_port" /api/health 120
  say "Grafana runs: http://127.0.0.1:$grafana_port (user admin; the password is in data/grafana-password)"
  say "Next: Dashboards, folder AI Cluster. They show what Prometheus has (make metrics). Stop it with make grafana-stop."
}

case "${1:-} ${2:-}" in
'start prometheus') start_prometheus ;;
'start grafana') start_grafana ;;
'stop prometheus') stop prometheus Prometheus ;;
'stop grafana') stop grafana Grafana ;;
*) fail "usage: ${BASH_SOURCE[0]} start|stop prometheus|grafana" ;;
esac
