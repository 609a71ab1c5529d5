import { z } from 'zod';
import { boundOfDecimal } from './parseBody.js';
import { cacheSharings } from './routing.js';

/** `sk-` and ten letters or digits: names the key in logs, metrics and the admin API, and opens nothing. */
export const KeyId = z.string().regex(/^sk-[a-z0-9]{10}$/);

/** How urgent the requests of a key are. */
export const keyPriorities = ['interactive', 'normal', 'batch'] as const;

const limit = (unit: string) =>
  z.int().min(1).max(1_000_000_000).nullable().describe(`${unit}; null: as many as they like`);

/** What a key may do, as its maker says. */
export const ApiKeySettings = z.strictObject({
  name: z.string().trim().min(1).max(100).describe('For people: whom the key is for'),
  models: z
    .array(z.string().min(1).max(256))
    .min(1)
    .max(1000)
    .nullable()
    .describe('The models that it may use; null: all'),
  requestsPerMinute: limit('Requests in any 60 seconds'),
  tokensPerMinute: limit('Tokens of prompts and answers in any 60 seconds'),
  concurrentRequests: limit('Requests at once'),
  tokensPerDay: limit('Tokens in a day, by UTC'),
  tokensPerMonth: limit('Tokens in a month, by UTC'),
  priority: z.enum(keyPriorities).describe('Which requests go first where some have to wait'),
  weight: z
    .number()
    .min(0.01, boundOfDecimal)
    .max(100, boundOfDecimal)
    .describe('Share of a full cluster relative to other keys'),
  cacheSharing: z.enum(cacheSharings).describe('With whom it shares cached prompts'),
  expiresAt: z.iso.datetime().nullable().describe('When it stops to work; null: never'),
});
export type ApiKeySettings = z.infer<typeof ApiKeySettings>;

export const defaultKeySettings: Omit<ApiKeySettings, 'name'> = {
  models: null,
  requestsPerMinute: null,
  tokensPerMinute: null,
  concurrentRequests: null,
  tokensPerDay: null,
  tokensPerMonth: null,
  priority: 'normal',
  weight: 1,
  cacheSharing: 'keys',
  expiresAt: null,
};

/** A key without its secret, as it is listed and stored. A revoked one never works again. */
export const ApiKey = ApiKeySettings.extend({
  id: KeyId,
  state: z.enum(['active', 'disabled', 'revoked']),
  createdAt: z.iso.datetime(),
});
export type ApiKey = z.infer<typeof ApiKey>;

/** `POST /admin/keys`: what is left out is as in {@link defaultKeySettings}. */
export const CreateKeyRequest = ApiKeySettings.partial().required({ name: true });
export type CreateKeyRequest = z.infer<typeof CreateKeyRequest>;

/** `PATCH /admin/keys/{id}`: what is left out stays. */
export const UpdateKeyRequest = ApiKeySettings.partial();
export type UpdateKeyRequest = z.infer<typeof UpdateKeyRequest>;

/** The one time that the text of a key is shown. */
export const NewApiKey = ApiKey.extend({
  key: z.string().describe('What clients send. It is not shown again.'),
});
export type NewApiKey = z.infer<typeof NewApiKey>;

/** `GET /admin/keys`. */
export const ApiKeyList = z.strictObject({ keys: z.array(ApiKey) });
export type ApiKeyList = z.infer<typeof ApiKeyList>;

export const keyPaths = { keys: '/admin/keys', key: '/admin/keys/:id' } as const;
