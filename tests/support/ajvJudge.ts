import { Ajv, type ValidateFunction } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import type { JsonSchema } from '../../src/protocol/generateRequest.js';

/** Ajv's opinion of values, independent of the compiler's. */
export function createAjvJudge(schema: JsonSchema): ValidateFunction {
  const isOldTuple = JSON.stringify(schema).includes('"items":[');
  // Ajv divides to test multipleOf: 0.07 would not be a multiple of 0.01.
  const ajv = new (isOldTuple ? Ajv : Ajv2020)({ strict: false, logger: false, multipleOfPrecision: 6 });
  addFormats.default(ajv);
  return ajv.compile(schema);
}
