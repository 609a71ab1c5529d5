import { each, shownBy, type ParameterCases } from './parameterCase.js';

/** What is shown where the things are made, listed and read that these are about. */

const files = shownBy('tests/integration/controller/filesAreKeptForClients.test.ts');
const batches = shownBy('tests/integration/controller/batchesRunBesideRequests.test.ts');
const responses = shownBy('tests/integration/controller/responsesAreStored.test.ts');

export const uploadCases: ParameterCases = each(
  ['file', 'purpose', 'expires_after', 'expires_after.anchor', 'expires_after.seconds'],
  files,
);
export const fileListCases: ParameterCases = each(['purpose', 'limit', 'order', 'after'], files);

export const batchCases: ParameterCases = each(
  [
    'input_file_id',
    'endpoint',
    'completion_window',
    'metadata',
    'output_expires_after',
    'output_expires_after.anchor',
    'output_expires_after.seconds',
  ],
  batches,
);
export const batchListCases: ParameterCases = each(['limit', 'after'], batches);

export const retrieveCases: ParameterCases = {
  ...each(['stream', 'starting_after'], responses),
  ...each(['include', 'include_obfuscation'], { ...responses, treatment: 'no effect' }),
};
export const inputItemsCases: ParameterCases = {
  ...each(['limit', 'order', 'after'], responses),
  include: { ...responses, treatment: 'no effect' },
};
