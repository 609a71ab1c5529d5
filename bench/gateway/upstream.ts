import { fileURLToPath } from 'node:url';
import { startServerProcess, type ServerProcess } from '../support/serverProcess.js';

/** Starts the paced upstream, which has no model. */
export function startUpstream(folder: string, name = 'upstream'): Promise<ServerProcess> {
  return startServerProcess({
    name,
    file: process.execPath,
    toArgs: (port) => [fileURLToPath(new URL('./upstreamProcess.js', import.meta.url)), `${port}`],
    healthPath: '/health',
    folder,
  });
}
