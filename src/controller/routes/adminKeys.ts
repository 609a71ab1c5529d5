import type { Request, RequestHandler, Response } from 'express';
import { ApiError } from '../../protocol/apiError.js';
import {
  CreateKeyRequest,
  defaultKeySettings,
  keyPaths,
  UpdateKeyRequest,
  type ApiKey,
  type ApiKeyList,
  type NewApiKey,
} from '../../protocol/apiKeys.js';
import { parseBody } from '../../protocol/parseBody.js';
import type { KeyRefusal, KeyStore, NewKey } from '../../stores/keyStore.js';
import type { KeyRing } from '../keys/keyRing.js';
import { parseJsonBody } from '../middleware/parseJsonBody.js';
import type { Route } from './route.js';

export interface AdminKeysDeps {
  readonly store: KeyStore;
  readonly keys: Pick<KeyRing, 'reload'>;
}

/** `/admin/keys`: make, list, change, stop. A change holds when its answer is there. */
export function adminKeysRoutes({ store, keys }: AdminKeysDeps): Route[] {
  const idOf = (req: Request) => String(req.params['id']);

  function sendText(res: Response, { key, text }: NewKey): void {
    keys.reload();
    res.set('cache-control', 'no-store').json({ ...key, key: text } satisfies NewApiKey);
  }

  const create: RequestHandler = (req, res) => {
    const settings = parseBody(CreateKeyRequest, req.body);
    sendText(res, store.create({ ...defaultKeySettings, ...settings }));
  };
  const rotate: RequestHandler = (req, res) => sendText(res, requireDone(store.rotate(idOf(req))));

  const change =
    (action: (id: string, req: Request) => ApiKey | KeyRefusal): RequestHandler =>
    (req, res) => {
      const key = requireDone(action(idOf(req), req));
      keys.reload();
      res.json(key);
    };
  const update = change((id, { body }) => store.update(id, parseBody(UpdateKeyRequest, body)));
  const post = (action: string, handler: RequestHandler): Route => ({
    path: `${keyPaths.key}/${action}`,
    access: 'admin',
    methods: { POST: [handler] },
  });

  return [
    {
      path: keyPaths.keys,
      access: 'admin',
      methods: {
        POST: [...parseJsonBody, create],
        GET: [(_req, res) => void res.json({ keys: store.list() } satisfies ApiKeyList)],
      },
    },
    {
      path: keyPaths.key,
      access: 'admin',
      methods: {
        GET: [(req, res) => void res.json(requireDone(store.get(idOf(req)) ?? 'unknown'))],
        PATCH: [...parseJsonBody, update],
      },
    },
    post('rotate', rotate),
    post('disable', change(store.disable)),
    post('enable', change(store.enable)),
    post('revoke', change(store.revoke)),
  ];
}

/** @throws ApiError where nothing was done. It does not repeat the id: somebody may have sent a whole key. */
function requireDone<T extends object>(result: T | KeyRefusal): T {
  if (result === 'unknown') throw new ApiError('key_not_found');
  if (result === 'revoked') throw new ApiError('key_revoked');
  return result;
}
