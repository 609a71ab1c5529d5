import type { ModelKind } from '../protocol/workerApi.js';

/** What there is to say of a cluster that has just become ready. */
export interface ReadyCluster {
  readonly controllerUrl: string;
  readonly workers: readonly { readonly name: string; readonly url: string }[];
  /** One at least. */
  readonly models: readonly {
    readonly id: string;
    readonly kind: ModelKind;
    /** Made for tests, and makes no sense. */
    readonly isGenerated: boolean;
  }[];
  /** Undefined: they are switched off. */
  readonly metricsUrl: string | undefined;
  /** Where traces are sent; undefined: none are made. */
  readonly tracesUrl: string | undefined;
  readonly hasKeys: boolean;
  readonly logDir: string;
}

/** For the person who started it: where everything is, and a command to try. */
export function toReadyText(cluster: ReadyCluster): string {
  const { controllerUrl, workers, models, metricsUrl, tracesUrl, hasKeys, logDir } = cluster;
  const generated = models.filter(({ isGenerated }) => isGenerated).map(({ id }) => id);
  const rows = [
    ['Endpoint', `${controllerUrl}/v1`],
    ['Models', models.map(({ id }) => id).join(', ')],
    ...generated.map((id) => ['', `(${id} is a generated test model: it answers gibberish)`]),
    ['Workers', workers.map(({ name, url }) => `${name} ${url}`).join(', ')],
    ['Keys', hasKeys ? 'asked for' : 'none yet: the endpoint is open to all programs on this machine'],
    ['Docs', `${controllerUrl}/docs`],
    ['Status', `${controllerUrl}/cluster/status`],
    ...(metricsUrl === undefined ? [] : [['Metrics', metricsUrl]]),
    ...(tracesUrl === undefined ? [] : [['Traces', `to ${tracesUrl}`]]),
    ['Logs', `${logDir}/combined.log, ${logDir}/error.log`],
  ];
  return [
    '',
    'ai-cluster is ready.',
    '',
    ...rows.map(([name = '', text = '']) => `  ${name.padEnd(10)}${text}`),
    '',
    hasKeys ? '  Ask it something, with your API key in OPENAI_API_KEY:' : '  Ask it something:',
    '',
    ...toCurl(controllerUrl, models[0], hasKeys).map((line) => `  ${line}`),
    '',
    '  Stop with Ctrl-C.',
    '',
  ].join('\n');
}

const questions: Readonly<Record<ModelKind, { readonly path: string; readonly body: object }>> = {
  generation: {
    path: '/v1/chat/completions',
    body: {
      temperature: 0,
      max_tokens: 64,
      messages: [{ role: 'user', content: 'What is the capital of France? Answer in one sentence.' }],
    },
  },
  embedding: { path: '/v1/embeddings', body: { input: 'Paris is the capital of France.' } },
  ranking: {
    path: '/v1/rerank',
    body: { query: 'What is the capital of France?', documents: ['Paris', 'Rome', 'A baguette'] },
  },
};

function toCurl(controllerUrl: string, model: ReadyCluster['models'][number] | undefined, hasKeys: boolean) {
  const { path, body } = questions[model?.kind ?? 'generation'];
  return [
    `curl ${controllerUrl}${path} -H 'Content-Type: application/json' \\`,
    ...(hasKeys ? ['  -H "Authorization: Bearer $OPENAI_API_KEY" \\'] : []),
    `  -d '${JSON.stringify({ model: model?.id, ...body })}'; echo`,
  ];
}
