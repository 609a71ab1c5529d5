import type { ErrorName } from '../../protocol/apiError.js';
import { headers } from '../../protocol/headers.js';
import type { SecurityRequirement, SecurityScheme } from './openApiDocument.js';
import type { DescribedAccess } from './operation.js';

export const securitySchemes: Readonly<Record<string, SecurityScheme>> = {
  apiKey: { type: 'http', scheme: 'bearer', description: 'An API key, as OpenAI’s clients send it.' },
  apiKeyHeader: {
    type: 'apiKey',
    in: 'header',
    name: headers.anthropicApiKey,
    description: 'An API key, as Anthropic’s clients send it.',
  },
  adminToken: { type: 'http', scheme: 'bearer', description: 'The admin token of the controller.' },
  adminPassword: {
    type: 'http',
    scheme: 'basic',
    description: 'The admin token as the password, with any user name.',
  },
};

const requirements: Readonly<Record<DescribedAccess, readonly SecurityRequirement[]>> = {
  key: [{ apiKey: [] }, { apiKeyHeader: [] }],
  admin: [{ adminToken: [] }],
  // Programs on the machine of the controller need nothing.
  operator: [{}, { adminToken: [] }, { adminPassword: [] }],
  anyone: [],
};

/** One of these has to be sent. As long as there are no API keys, none is asked for. */
export function requirementsOf(access: DescribedAccess, isOpen: boolean): readonly SecurityRequirement[] {
  return access === 'key' && isOpen ? [] : requirements[access];
}

/** What goes wrong with the credentials, and with how often a key comes. */
export const accessErrors: Readonly<Record<DescribedAccess, readonly ErrorName[]>> = {
  key: ['missing_api_key', 'invalid_api_key', 'request_limit_reached', 'concurrency_limit_reached'],
  admin: ['invalid_admin_token'],
  operator: ['invalid_admin_token'],
  anyone: [],
};
