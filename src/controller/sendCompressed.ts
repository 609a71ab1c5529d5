import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Request, Response } from 'express';

const compress = promisify(gzip);
/** Below it compression costs more than it saves. */
const leastBytes = 1024;

/** Sends a text, compressed beside the event loop where the client asks for that and the text is long enough. */
export async function sendCompressed(req: Request, res: Response, text: string): Promise<void> {
  res.vary('accept-encoding');
  const isWanted = req.acceptsEncodings('gzip', 'identity') === 'gzip';
  if (!isWanted || Buffer.byteLength(text) < leastBytes) return void res.send(text);
  const bytes = await compress(text);
  res.set('content-encoding', 'gzip').send(bytes);
}
