#!/usr/bin/env node
// `make metrics-check`: whether every process of the cluster tells its metrics, and Prometheus reads them. Says in words
// what is wrong and what to do about it; the exit code is 1 then.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const prometheus = `http://127.0.0.1:${process.env.PROMETHEUS_PORT ?? 9090}`;
const jobs = ['ai-cluster-controller', 'ai-cluster-workers'];
/** Both grow in a process that lives, if only by the scrapes. */
const moving = ['process_cpu_seconds_total', 'ai_cluster_uptime_seconds', 'ai_cluster_worker_uptime_seconds'];
/** What promtool has against us, and stays: others have built on the name. */
const accepted = 'ai_cluster_cluster_nodes_total non-counter metrics should not have "_total" suffix';
/** Names of the client library, which are not ours to change. */
const foreign = /^(nodejs|process)_/;
const betweenReadsMs = 1_100;

let wrong = 0;
/** There is no Prometheus to look at. */
let isUnread = false;
const say = (mark, what) => console.log(`${mark.padEnd(6)} ${what}`);
const fine = (what) => say('ok', what);
const note = (what) => say('-', what);
function complain(what, remedy) {
  wrong += 1;
  say('WRONG', what);
  say('', `> ${remedy}`);
}

// --- What runs --------------------------------------------------------------------------------------------------------

function readTargets() {
  const folder = `${root}data/prometheus`;
  let files = [];
  try {
    files = readdirSync(folder).filter((name) => /^(controllers|workers).*\.json$/.test(name));
  } catch {
    // There is no such folder where no controller was started yet.
  }
  const groups = files.sort().flatMap((file) => JSON.parse(readFileSync(`${folder}/${file}`, 'utf8')));
  const targets = groups.flatMap(({ targets, labels }) =>
    targets.map((address) => ({
      address,
      name: labels.node_id ?? labels.role,
      role: labels.role,
      origin: `${labels.__scheme__ ?? 'http'}://${address}`,
    })),
  );
  if (targets.length > 0) return targets;
  note('data/prometheus names no process, so these are the default ports of one worker and the controller');
  return [
    { name: 'controller', role: 'controller', address: 'localhost:8080', origin: 'http://localhost:8080' },
    { name: 'worker', role: 'worker', address: 'localhost:8081', origin: 'http://localhost:8081' },
  ];
}

// --- One process ------------------------------------------------------------------------------------------------------

/** Programs on the machine need no token; from elsewhere the controller wants the operators', a worker the cluster's. */
function headersFor({ role, origin }) {
  const host = new URL(origin).hostname.replace(/^\[(.+)\]$/, '$1');
  if (host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))) return {};
  try {
    const file = role === 'worker' ? 'cluster-token' : 'admin-token';
    return { authorization: `Bearer ${readFileSync(`${root}data/${file}`, 'utf8').trim()}` };
  } catch {
    return {};
  }
}

async function scrape(target) {
  const answer = await fetch(`${target.origin}/metrics`, {
    headers: headersFor(target),
    signal: AbortSignal.timeout(10_000),
  });
  const text = await answer.text();
  if (!answer.ok)
    throw Object.assign(new Error(`it answers with status ${answer.status}`), { status: answer.status });
  return { text, values: parseValues(text) };
}

/** Of the lines without labels. */
function parseValues(text) {
  const lines = text.split('\n').filter((line) => /^[a-z_]+ /.test(line));
  return new Map(lines.map((line) => [line.split(' ')[0], Number(line.split(' ')[1])]));
}

const remedies = {
  401: "this check reads data/cluster-token and data/admin-token: let it have the cluster's",
  404: 'metrics are switched off there: start it without METRICS_ENABLED=0 (and --metrics off)',
  429: 'something scrapes it more than 100 times a second: look at the scrape intervals',
};

function remedyOfSilence({ name, role }) {
  const start = 'start the cluster (make up)';
  return role === 'worker'
    ? `${start}; one that is gone for good: npx ai-cluster nodes remove ${name}`
    : start;
}

async function readTwice(target) {
  try {
    const first = await scrape(target);
    await delay(betweenReadsMs);
    return { target, first, second: await scrape(target) };
  } catch (error) {
    return { target, error };
  }
}

function judge({ target, first, second, error }) {
  const who = `${target.name} (${target.address})`;
  if (error) {
    const reason = error.cause?.code ?? error.cause?.message ?? error.message;
    const code = error.cause?.code ?? error.status;
    const remedy = code === 'ECONNREFUSED' ? remedyOfSilence(target) : remedies[code];
    return complain(`${who}: no metrics: ${reason}`, remedy ?? 'its log says more: logs/combined.log');
  }
  const known = moving.filter((name) => first.values.has(name));
  if (known.length === 0) {
    return complain(
      `${who}: what answers there has none of ${moving.join(', ')}`,
      'it is no ai-cluster, or these are taken out: see --metrics-include and --metrics-exclude',
    );
  }
  if (known.every((name) => first.values.get(name) === second.values.get(name))) {
    return complain(`${who}: its values stand still (${known.join(', ')})`, 'start it again, and report it');
  }
  const series = second.text.split('\n').filter((line) => line !== '' && !line.startsWith('#')).length;
  const megabytes = Math.round(second.values.get('process_resident_memory_bytes') / 1e6) || '?';
  fine(`${who}: ${series} series, values move, ${megabytes} MB of memory`);
  checkForm(who, second.text);
}

/** What promtool says about names and format. */
function checkForm(who, text) {
  const { error, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], {
    input: text,
    encoding: 'utf8',
  });
  if (error) return;
  const lines = `${stdout}${stderr}`.split('\n').filter((line) => line !== '' && line !== accepted);
  const complaints = lines.filter((line) => !foreign.test(line));
  if (complaints.length === 0) return fine(`${who}: promtool check metrics has nothing against it`);
  complain(
    `${who}: promtool check metrics: ${complaints.join('; ')}`,
    'a bug of ai-cluster: please report it',
  );
}

// --- Prometheus -------------------------------------------------------------------------------------------------------

async function ask(path) {
  const answer = await fetch(`${prometheus}/api/v1/${path}`, { signal: AbortSignal.timeout(10_000) });
  return (await answer.json()).data;
}

/** One that has just been started finds its targets within seconds, and reads them within 15. */
async function askTargets() {
  const giveUpAt = performance.now() + 25_000;
  let isTold = false;
  for (;;) {
    const { activeTargets: targets } = await ask('targets?state=active');
    const isKnown = ({ health }) => health !== 'unknown';
    const isComplete = jobs.every((job) => targets.some(({ labels }) => labels.job === job));
    if ((isComplete && targets.every(isKnown)) || performance.now() > giveUpAt) return targets;
    if (!isTold) note('Prometheus: has not read everybody yet; waiting for up to 25 s');
    isTold = true;
    await delay(500);
  }
}

async function checkPrometheus() {
  let targets, rules;
  try {
    targets = await askTargets();
    rules = (await ask('rules')).groups.flatMap((group) => group.rules);
  } catch (error) {
    if (error.cause?.code === 'ECONNREFUSED') {
      isUnread = true;
      return note(`Prometheus does not run on ${prometheus} (make metrics)`);
    }
    return complain(`${prometheus} answers, but not as Prometheus does`, 'PROMETHEUS_PORT says where it is');
  }
  for (const job of jobs)
    checkJob(
      job,
      targets.filter(({ labels }) => labels.job === job),
    );
  for (const { name, lastError } of rules.filter(({ health }) => health === 'err')) {
    complain(
      `Prometheus: the rule ${name} fails: ${lastError}`,
      'compare alerts.yml with that of the repository',
    );
  }
  const alerts = rules.filter(({ type }) => type === 'alerting');
  const firing = alerts.filter(({ state }) => state === 'firing').map(({ name }) => name);
  const recorded = rules.length - alerts.length;
  if (rules.length === 0)
    complain('Prometheus: it has no rules', 'rule_files in its configuration: alerts.yml');
  else fine(`Prometheus: ${alerts.length} alerts and ${recorded} recording rules`);
  note(
    `Prometheus: ${firing.length} firing${firing.length > 0 ? `: ${firing.join(', ')}` : ''} (docs/monitoring.md)`,
  );
}

function checkJob(job, targets) {
  if (targets.length === 0) {
    return complain(
      `Prometheus: the job ${job} has no target`,
      'start it in the folder where the cluster was started (make metrics), with the cluster running',
    );
  }
  for (const { health, lastError, labels } of targets.filter(({ health }) => health !== 'up')) {
    const isNew = health === 'unknown';
    complain(
      `Prometheus: ${job} ${labels.instance} is ${isNew ? 'not scraped yet' : `down: ${lastError}`}`,
      isNew
        ? 'check again in 15 seconds'
        : 'what is said above about this address; else a firewall, or a token',
    );
  }
  const up = targets.filter(({ health }) => health === 'up').length;
  if (up === targets.length) fine(`Prometheus: ${job}: ${up} of ${targets.length} up at the last scrape`);
}

(await Promise.all(readTargets().map(readTwice))).forEach(judge);
if (spawnSync('promtool', ['--version']).error)
  note('promtool is not installed: names and format were not checked');
await checkPrometheus();
console.log(
  wrong === 0
    ? `\nAll is well${isUnread ? ', but for Prometheus, which was not found' : ''}.`
    : `\n${wrong === 1 ? 'One thing is' : `${wrong} things are`} wrong.`,
);
process.exitCode = wrong === 0 ? 0 : 1;
