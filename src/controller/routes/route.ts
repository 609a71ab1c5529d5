import { Router, type RequestHandler } from 'express';
import { ApiError } from '../../protocol/apiError.js';
import { contextOf, type InferenceKind } from '../requestContext.js';

/** Who may ask: clients with an API key, operators (to change something, or to look), workers, or anyone. */
export type Access = 'key' | 'admin' | 'operator' | 'cluster' | 'anyone';

/** They turn away who may not ask, or not now. */
export type Guards = Readonly<Record<Exclude<Access, 'anyone'>, RequestHandler | RequestHandler[]>>;

export type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE';

/** One path with its methods. Any other method is answered 405; the path's template is the metrics' label. */
export interface Route {
  readonly path: string;
  /** Other paths that do the same. */
  readonly aliases?: readonly string[];
  /** `key` by default. */
  readonly access?: Access;
  /** Sees every request to this path first, whatever its method. */
  readonly before?: RequestHandler;
  /** Not for clients: neither counted nor logged. */
  readonly isInternal?: boolean;
  /** What is sent here with POST is a request of inference. */
  readonly inferenceKind?: InferenceKind;
  readonly methods: Readonly<Partial<Record<Method, readonly RequestHandler[]>>>;
}

/** Guards come before the method is looked at. */
export function createRouter(routes: readonly Route[], guards: Guards): Router {
  const router = Router();
  for (const route of routes) {
    const { path, aliases = [], access = 'key', before, isInternal = false, inferenceKind, methods } = route;
    const paths = [path, ...aliases];
    const allow = Object.keys(methods);
    router.all(paths, (_req, res, next) => {
      Object.assign(contextOf(res), { path, isInternal, inferenceKind });
      next();
    });
    if (before) router.all(paths, before);
    if (access !== 'anyone') router.all(paths, guards[access]);
    if (methods.GET) router.get(paths, ...methods.GET);
    if (methods.POST) router.post(paths, ...methods.POST);
    if (methods.PATCH) router.patch(paths, ...methods.PATCH);
    if (methods.DELETE) router.delete(paths, ...methods.DELETE);
    router.all(paths, (req) => {
      const message = `Not allowed to ${req.method} on ${req.path}; allowed: ${allow.join(', ')}.`;
      throw new ApiError('method_not_supported', { message, allow });
    });
  }
  return router;
}
