import { Router, type RequestHandler } from 'express';
import { ApiError } from '../../protocol/apiError.js';
import { contextOf } from '../requestContext.js';

export type Method = 'GET' | 'POST' | 'DELETE';

/** One path with its methods. Any other method is answered 405; the path's template is the metrics' label. */
export interface Route {
  readonly path: string;
  /** Other paths that do the same. */
  readonly aliases?: readonly string[];
  /** Sees every request to this path first, whatever its method. */
  readonly before?: RequestHandler;
  /** Not for clients: neither counted nor logged. */
  readonly isInternal?: boolean;
  readonly methods: Readonly<Partial<Record<Method, readonly RequestHandler[]>>>;
}

export function createRouter(routes: readonly Route[]): Router {
  const router = Router();
  for (const { path, aliases = [], before, isInternal = false, methods } of routes) {
    const paths = [path, ...aliases];
    const allow = Object.keys(methods);
    router.all(paths, (_req, res, next) => {
      Object.assign(contextOf(res), { path, isInternal });
      next();
    });
    if (before) router.all(paths, before);
    if (methods.GET) router.get(paths, ...methods.GET);
    if (methods.POST) router.post(paths, ...methods.POST);
    if (methods.DELETE) router.delete(paths, ...methods.DELETE);
    router.all(paths, (req) => {
      const message = `Not allowed to ${req.method} on ${req.path}; allowed: ${allow.join(', ')}.`;
      throw new ApiError('method_not_supported', { message, allow });
    });
  }
  return router;
}
