import path from 'node:path';
import { createTypeJudge, type TypeJudge } from './typeJudge.js';

/** The types of the installed `@anthropic-ai/sdk` as a judge of `/v1/messages`; nothing is allowed beyond them. */
export function openAnthropicSpec(): TypeJudge {
  return createTypeJudge({
    packageFolder: path.resolve('node_modules/@anthropic-ai/sdk'),
    modules: ['resources/messages/messages.d.ts', 'resources/shared.d.ts'],
    allowances: {},
  });
}
