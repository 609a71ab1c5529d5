import { existsSync, readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { openAiModules } from '../../support/officialTypes/openaiSpec.js';
import { createTypeSchemas, type TypeSchemas } from '../../support/officialTypes/typeSchemas.js';
import { endpoints, type EndpointParameters, type OfficialType } from '../../support/parameters/endpoints.js';
import { readParameterTable } from '../../support/parameters/parameterTable.js';
import { pathsOfSchemas, pathsOfType } from '../../support/parameters/paths.js';

const rows = readParameterTable('docs/parameters.md');
const parametersTest = 'tests/integration/controller/parametersDoWhatTheirRowsSay.test.ts';

let clients: Record<OfficialType['client'], TypeSchemas>;
beforeAll(() => {
  const asTheyAre = () => undefined;
  const anthropic = (module: string) =>
    createTypeSchemas('node_modules/@anthropic-ai/sdk', [`resources/${module}.d.ts`], asTheyAre);
  clients = {
    openai: createTypeSchemas('node_modules/openai', openAiModules, asTheyAre),
    anthropic: anthropic('messages/messages'),
    anthropicBeta: anthropic('beta/messages/messages'),
  };
}, 120_000);

/** All that our schemas, our refusals and the official types know. */
function knownParameters({ schemas, refused, types }: EndpointParameters): Set<string> {
  const ours = pathsOfSchemas(schemas);
  const isOurs = (path: string) => ours.all.has(/^[^.[]+/.exec(path)?.[0] ?? '');
  const official = types.flatMap(({ client, name, isNestedOnly }) =>
    [...pathsOfType(clients[client], name, ours)].filter((path) => !isNestedOnly || isOurs(path)),
  );
  return new Set([...ours.all, ...refused, ...official]);
}

describe('docs/parameters.md', () => {
  it('has tables for exactly the endpoints that take parameters', () => {
    expect([...new Set(rows.map(({ endpoint }) => endpoint))].toSorted()).toEqual(
      endpoints.map(({ name }) => name).toSorted(),
    );
  });

  it.each(endpoints)(
    'has one row for each parameter of $name, and no other',
    (endpoint) => {
      const described = rows
        .filter((row) => row.endpoint === endpoint.name)
        .map(({ parameter }) => parameter);
      expect(described.toSorted()).toEqual([...knownParameters(endpoint)].toSorted());
    },
    60_000,
  );

  it.each(endpoints)('says of each parameter of $name what its test shows', ({ name, cases }) => {
    for (const row of rows.filter(({ endpoint }) => endpoint === name)) {
      const shown = cases[row.parameter];
      const code = shown && 'code' in shown ? shown.code : undefined;
      expect(row, row.parameter).toMatchObject({
        treatment: shown?.treatment,
        // Anthropic's errors have types only.
        code: code !== undefined && name === 'POST /v1/messages' ? 'invalid_request_error' : code,
        shownBy: shown && 'shownBy' in shown ? shown.shownBy : parametersTest,
      });
    }
  });

  it('names tests that are there, and that name the parameter', () => {
    for (const { parameter, shownBy = '' } of rows) {
      expect(existsSync(shownBy), parameter).toBe(true);
      if (shownBy === parametersTest) continue;
      const name = /\w+$/.exec(parameter)?.[0] ?? '';
      expect(readFileSync(shownBy, 'utf8'), shownBy).toMatch(new RegExp(`\\b${name}\\b`));
    }
  });
});
